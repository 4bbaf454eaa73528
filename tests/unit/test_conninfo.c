/* tests/unit/test_conninfo.c - connection strings and URLs as people and other clients write them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/pg/conninfo.h"

static struct conninfo *parse(const char *text, const char *expected_dropped, bool expected_pooler)
{
	struct buf dropped = BUF_INIT;
	struct err e = ERR_INIT;
	struct conninfo *c;
	bool pooler;

	if (!conninfo_parse(&c, text, &dropped, &pooler, &e))
		fail_msg("%s: %s", text, e.msg);
	assert_string_equal(buf_str(&dropped), expected_dropped);
	assert_int_equal(pooler, expected_pooler);
	buf_release(&dropped);
	return c;
}

/* expected is "keyword=value|keyword=value" in libpq's order. */
static void parses(const char *text, const char *expected, const char *dropped, bool pooler)
{
	struct conninfo *c = parse(text, dropped, pooler);
	struct buf got = BUF_INIT;

	for (size_t i = 0; c->keywords[i]; i++) {
		assert_non_null(c->values[i]);
		buf_addf(&got, "%s%s=%s", i ? "|" : "", c->keywords[i], c->values[i]);
	}
	assert_string_equal(buf_str(&got), expected);
	buf_release(&got);
	conninfo_free(c);
}

static void names_and_strings(void **state)
{
	(void)state;
	assert_false(conninfo_is_connection_string("shop"));
	assert_false(conninfo_is_connection_string(""));
	assert_true(conninfo_is_connection_string("dbname=shop"));
	assert_true(conninfo_is_connection_string("postgresql://h/shop"));
}

static void libpq_forms(void **state)
{
	(void)state;
	parses("dbname=shop host=db1 port=5433", "dbname=shop|host=db1|port=5433", "", false);
	parses("dbname='my \\'shop\\' \\\\' password='a b'", "password=a b|dbname=my 'shop' \\", "", false);
	parses("dbname=shop host=''", "dbname=shop", "", false);
	parses("", "", "", false);
	parses("postgresql://", "", "", false);
	parses("postgres://u:p%40ss@db1:5433/shop", "user=u|password=p@ss|dbname=shop|host=db1|port=5433", "", false);
	parses("postgresql://u@[::1]:5433/shop?connect_timeout=3",
	        "user=u|connect_timeout=3|dbname=shop|host=::1|port=5433", "", false);
	parses("postgresql://%2Frun%2Fpg/shop", "dbname=shop|host=/run/pg", "", false);
	parses("postgresql:///shop?host=/run/pg&ssl=true", "dbname=shop|host=/run/pg|sslmode=require", "", false);
	parses("password=a://b dbname=x", "password=a://b|dbname=x", "", false);
	parses("POSTGRES://h/x", "dbname=x|host=h", "", false);
}

static void parameters_of_other_clients(void **state)
{
	(void)state;
	parses("postgresql://u:p@h:5432/d?schema=public", "user=u|password=p|dbname=d|host=h|port=5432", "schema",
	        false);
	parses("postgresql://h/d?schema=a&pgbouncer=true&connection_limit=5&sslmode=require",
	        "dbname=d|host=h|sslmode=require", "schema, pgbouncer, connection_limit", true);
	parses("postgresql://h/d?sslmode=require&%73chema=a", "dbname=d|host=h|sslmode=require", "schema", false);
	parses("postgresql://h/d?pgbouncer=false&application_name=x", "dbname=d|host=h|application_name=x", "pgbouncer",
	        false);
}

static void schemes(void **state)
{
	(void)state;
	parses("postgresql+psycopg2://u:p@h/d", "user=u|password=p|dbname=d|host=h",
	        "postgresql+psycopg2:// (postgresql:// is used)", false);
	parses("postgis://h/d?conn_max_age=600", "dbname=d|host=h", "postgis:// (postgresql:// is used), conn_max_age",
	        false);
	parses("postgres://h/d?sslmode=no-verify", "dbname=d|host=h|sslmode=require",
	        "sslmode=no-verify (require is used)", false);
}

/* A bare '?' in a password is not where the parameters start. */
static void odd_passwords(void **state)
{
	(void)state;
	parses("postgresql://u:wh?t&schema=x@h/d?schema=y", "user=u|password=wh?t&schema=x|dbname=d|host=h", "schema",
	        false);
	parses("postgresql://u:p%3Fq@h/d", "user=u|password=p?q|dbname=d|host=h", "", false);
}

static void refuses(const char *text, const char *word)
{
	static const char *const secrets[] = { "secret", "s3cr", "hunter" };
	struct buf dropped = BUF_INIT;
	struct err e = ERR_INIT;
	struct conninfo *c;
	bool pooler;

	assert_false(conninfo_parse(&c, text, &dropped, &pooler, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	if (!strstr(e.msg, word))
		fail_msg("\"%s\" is not in \"%s\"", word, e.msg);
	assert_true(e.hint[0]);
	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
		if (strstr(e.msg, secrets[i]) || strstr(e.hint, secrets[i]))
			fail_msg("\"%s\" leaks into \"%s\"", secrets[i], e.msg);
	buf_release(&dropped);
}

static void errors_never_quote_the_text(void **state)
{
	(void)state;
	refuses("password=my secret", "cannot be understood");
	refuses("password='secret", "cannot be understood");
	refuses("dbname=x secret=1", "cannot be understood");
	refuses("postgresql://u:secret%zz@h/d", "cannot be understood");
	refuses("postgresql://u:sec/ret?s3cr=hunter@h/d", "cannot be understood");
	refuses("postgresql://u:p@h:secret[/d?a=b", "unknown parameter \"a\"");
	refuses("postgresql://u:p@h/d?hunter2&x=1", "cannot be understood");
	refuses("postgresql://u:p@h/d?sslmod=secret", "unknown parameter \"sslmod\"");
	refuses("prisma://accelerate/?api_key=secret", "\"prisma://...\"");
	refuses("mysql://u:secret@h/d", "\"mysql://...\"");
	refuses("jdbc:postgresql://h/d?password=secret", "cannot be understood");
}

static void setting_and_getting(void **state)
{
	struct conninfo *c = conninfo_new(), *copy;

	(void)state;
	assert_null(conninfo_get(c, "host"));
	conninfo_set(c, "host", "a");
	conninfo_set(c, "port", "1");
	conninfo_set(c, "user", "u");
	conninfo_set(c, "host", "b");
	copy = conninfo_copy(c);
	conninfo_set(c, "port", NULL);
	conninfo_set(c, "port", NULL);
	conninfo_set(c, "user", "");
	assert_string_equal(conninfo_get(c, "host"), "b");
	assert_null(conninfo_get(c, "port"));
	assert_null(c->keywords[1]);
	assert_null(c->values[1]);
	conninfo_free(c);
	assert_string_equal(conninfo_get(copy, "user"), "u");
	assert_string_equal(conninfo_get(copy, "port"), "1");
	conninfo_free(copy);
	conninfo_free(NULL);
}

static void compared(const char *one, const char *two, bool same)
{
	struct conninfo *a = parse(one, "", false), *b = parse(two, "", false);

	if (conninfo_same_database(a, b) != same || conninfo_same_database(b, a) != same)
		fail_msg("%s and %s", one, two);
	conninfo_free(a);
	conninfo_free(b);
}

static void same_database(void **state)
{
	(void)state;
	unsetenv("PGPORT");
	unsetenv("PGUSER");
	compared("host=h user=u dbname=d", "postgresql://u:secret@h:5432/d?sslmode=require", true);
	compared("host=h user=u dbname=d", "host=h user=u dbname=d port=5433", false);
	compared("host=h user=u dbname=d", "host=h user=v dbname=d", false);
	compared("host=h user=u dbname=d", "host=g user=u dbname=d", false);
	compared("host=h user=u dbname=d", "host=h user=u dbname=D", false);
	compared("host=h user=u", "host=h user=u dbname=u", true);
	compared("host=localhost dbname=d", "host=127.0.0.1 dbname=d", true);
	compared("host=name hostaddr=127.0.0.1 dbname=d", "host=127.0.0.1 dbname=d", true);
	compared("dbname=d", "host=h dbname=d", false);
	compared("service=a dbname=d", "dbname=d", false);
	setenv("PGPORT", "5433", 1);
	compared("host=h user=u dbname=d", "host=h user=u dbname=d port=5433", true);
	unsetenv("PGPORT");
}

static bool in_env(const struct conninfo_child *child, const char *text)
{
	for (const char **p = child->env; *p; p++)
		if (!strcmp(*p, text))
			return true;
	return false;
}

static void for_a_child(void **state)
{
	struct conninfo *c = conninfo_new(), *again;
	struct conninfo_child child;
	struct arena a = ARENA_INIT;

	(void)state;
	unsetenv("PGCONNECT_TIMEOUT");
	conninfo_set(c, "dbname", "a 'b' \\c =d \"e\"\n?%2F");
	conninfo_set(c, "host", "h");
	conninfo_set(c, "password", "se cret");
	conninfo_set(c, "sslpassword", "other secret");
	conninfo_set(c, "application_name", "x");
	conninfo_for_child(&child, c, 0, &a);
	assert_null(strstr(child.dbname, "cret"));
	assert_true(in_env(&child, "PGPASSWORD=se cret"));
	assert_true(in_env(&child, "LC_ALL=C"));
	assert_true(in_env(&child, "PGTZ=UTC"));
	assert_true(in_env(&child, "PGAPPNAME=drtool child"));
	assert_true(in_env(&child, "PGCONNECT_TIMEOUT=15"));
	assert_true(in_env(&child, "PGCLIENTENCODING"));
	again = parse(child.dbname, "", false);
	assert_string_equal(conninfo_get(again, "dbname"), conninfo_get(c, "dbname"));
	assert_string_equal(conninfo_get(again, "host"), "h");
	assert_null(conninfo_get(again, "application_name"));
	conninfo_free(again);

	conninfo_set(c, "connect_timeout", "3");
	conninfo_set(c, "password", NULL);
	conninfo_for_child(&child, c, 0, &a);
	for (const char **p = child.env; *p; p++)
		assert_true(strncmp(*p, "PGCONNECT_TIMEOUT", 17) && strncmp(*p, "PGPASSWORD", 10));
	conninfo_free(c);

	c = conninfo_new();
	conninfo_for_child(&child, c, 0, &a);
	assert_string_equal(child.dbname, "");
	conninfo_free(c);
	arena_release(&a);
}

/* Our timeouts and settings stand behind the user's own options, wherever those come from. */
static void options_of_a_child(void **state)
{
	static const char ours[] = "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0";
	static const char settings[] =
	        " -c default_transaction_read_only=off -c standard_conforming_strings=on -c array_nulls=on"
	        " -c quote_all_identifiers=off -c bytea_output=hex -c lc_monetary=C";
	char path[] = "/tmp/drtool-service-XXXXXX", expected[512];
	struct conninfo *c = conninfo_new(), *again;
	struct conninfo_child child;
	struct arena a = ARENA_INIT;
	int fd = mkstemp(path);

	(void)state;
	unsetenv("PGOPTIONS");
	unsetenv("PGSERVICE");
	snprintf(expected, sizeof(expected), "PGOPTIONS=%s%s", ours, settings);
	conninfo_for_child(&child, c, 130000, &a);
	assert_true(in_env(&child, expected));
	snprintf(expected, sizeof(expected), "PGOPTIONS=%s -c idle_session_timeout=0 -c transaction_timeout=0%s", ours,
	        settings);
	conninfo_for_child(&child, c, 170000, &a);
	assert_true(in_env(&child, expected));

	setenv("PGOPTIONS", "-c my.own=1", 1);
	snprintf(expected, sizeof(expected), "PGOPTIONS=-c my.own=1 %s%s", ours, settings);
	conninfo_for_child(&child, c, 0, &a);
	assert_true(in_env(&child, expected));
	conninfo_set(c, "options", "-c my.own=2");
	snprintf(expected, sizeof(expected), "PGOPTIONS=-c my.own=2 %s%s", ours, settings);
	conninfo_for_child(&child, c, 0, &a);
	assert_true(in_env(&child, expected));
	assert_string_equal(child.dbname, "");

	/* A service's options would win over the environment's. */
	assert_int_equal(dprintf(fd, "[mine]\nhost=h\noptions=-c my.own=3\n"), 34);
	close(fd);
	setenv("PGSERVICEFILE", path, 1);
	conninfo_set(c, "options", NULL);
	conninfo_set(c, "service", "mine");
	conninfo_for_child(&child, c, 0, &a);
	again = parse(child.dbname, "", false);
	assert_string_equal(conninfo_get(again, "service"), "mine");
	snprintf(expected, sizeof(expected), "-c my.own=3 %s%s", ours, settings);
	assert_string_equal(conninfo_get(again, "options"), expected);
	unsetenv("PGOPTIONS");
	unsetenv("PGSERVICEFILE");
	unlink(path);
	conninfo_free(again);
	conninfo_free(c);
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_strings),
		cmocka_unit_test(libpq_forms),
		cmocka_unit_test(parameters_of_other_clients),
		cmocka_unit_test(schemes),
		cmocka_unit_test(odd_passwords),
		cmocka_unit_test(errors_never_quote_the_text),
		cmocka_unit_test(setting_and_getting),
		cmocka_unit_test(same_database),
		cmocka_unit_test(for_a_child),
		cmocka_unit_test(options_of_a_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
