/* tests/unit/test_session.c - opening sessions and running statements */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "tests/unit/server.h"

static void not_opened(struct conninfo *c, enum err_kind kind, const char *word, const char *hint)
{
	struct err e = ERR_INIT;
	struct pg_session *s;

	assert_false(pg_session_open(&s, c, PG_SESSION_PLAIN, NULL, NULL, &e));
	if (!strstr(e.msg, word) || !strstr(e.hint, hint))
		fail_msg("\"%s\" or \"%s\" is not in \"%s\" (%s)", word, hint, e.msg, e.hint);
	assert_int_equal(e.kind, kind);
	assert_null(strchr(e.msg, '\n'));
	conninfo_free(c);
}

/* --- opening --- */

static void name_settings_and_version(void **state)
{
	struct pg_session *s;

	(void)state;
	NEED_SERVER();
	s = open_with(PG_SESSION_DUMP, "worker 3", NULL);
	is_value(s, "SHOW application_name", "drtool worker 3");
	is_value(s, "SHOW search_path", "");
	is_value(s, "SHOW DateStyle", "ISO, MDY");
	is_value(s, "SHOW TimeZone", "UTC");
	is_value(s, "SHOW row_security", "off");
	is_value(s, "SHOW extra_float_digits", "3");
	is_value(s, "SHOW client_encoding", "UTF8");
	is_value(s, "SHOW synchronous_commit", "on");
	is_value(s,
	        "SELECT count(*) FROM pg_settings WHERE name LIKE '%_timeout' AND name ~ "
	        "'^(statement|lock|transaction|idle)' "
	        "AND setting <> '0'",
	        "0");
	assert_true(pg_session_version(s) >= 150000);
	assert_string_equal(pg_session_encoding(s), "UTF8");
	assert_true(pg_session_pid(s) > 0);
	pg_session_close(s);
	s = open_with(PG_SESSION_LOAD, NULL, NULL);
	is_value(s, "SHOW synchronous_commit", "off");
	is_value(s, "SHOW application_name", "drtool");
	pg_session_close(s);
}

/* A database may carry settings that change what statements mean. */
static void settings_of_the_database_do_not_reach_us(void **state)
{
	struct pg_session *s, *in;
	struct conninfo *c;
	struct err e = ERR_INIT;

	(void)state;
	NEED_SERVER();
	s = open_plain();
	run(s, "DROP DATABASE IF EXISTS session_odd");
	run(s, "CREATE DATABASE session_odd");
	run(s, "ALTER DATABASE session_odd SET search_path = 'elsewhere'; ALTER DATABASE session_odd SET "
	       "statement_timeout = '300ms';"
	       "ALTER DATABASE session_odd SET DateStyle = 'German'; ALTER DATABASE session_odd SET "
	       "standard_conforming_strings = off;"
	       "ALTER DATABASE session_odd SET default_transaction_read_only = on; ALTER DATABASE session_odd SET "
	       "client_encoding = LATIN1");
	c = server();
	conninfo_set(c, "dbname", "session_odd");
	conninfo_set(c, "application_name", "mine");
	conninfo_set(c, "client_encoding", "LATIN1");
	ok_or_fail(pg_session_open(&in, c, PG_SESSION_LOAD, NULL, NULL, &e), &e);
	is_value(in, "SHOW search_path", "");
	is_value(in, "SELECT date '2026-02-03'", "2026-02-03");
	is_value(in, "SELECT '\\'", "\\");
	is_value(in, "SHOW application_name", "drtool");
	is_value(in, "SELECT 'ä€'", "ä€");
	is_value(in, "SELECT pg_sleep(0.5)", "");
	run(in, "CREATE TABLE public.t ()");
	pg_session_close(in);
	run(s, "DROP DATABASE session_odd");
	pg_session_close(s);
	conninfo_free(c);
}

/* Not even the first statement is ended by a timeout that the database carries. */
static void timeouts_of_the_database_do_not_reach_us(void **state)
{
	static const char *const timeouts[] = { "statement_timeout", "lock_timeout",
		"idle_in_transaction_session_timeout", "idle_session_timeout", "transaction_timeout" };
	struct pg_session *s, *in;
	struct conninfo *c;
	struct err e = ERR_INIT;

	(void)state;
	NEED_SERVER();
	s = open_plain();
	run(s, "DROP DATABASE IF EXISTS session_hurried");
	run(s, "CREATE DATABASE session_hurried");
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(*timeouts); i++)
		if (strcmp(timeouts[i], "transaction_timeout") || pg_session_version(s) >= 170000)
			ok_or_fail(pg_execf(s, &e, "ALTER DATABASE session_hurried SET %s = '1ms'", timeouts[i]), &e);
	c = server();
	conninfo_set(c, "dbname", "session_hurried");
	conninfo_set(c, "options", "-c work_mem=7MB");
	for (int i = 0; i < 20; i++) {
		ok_or_fail(pg_session_open(&in, c, PG_SESSION_DUMP, NULL, NULL, &e), &e);
		is_value(in, "SHOW work_mem", "7MB");
		run(in, "BEGIN; SELECT pg_catalog.pg_sleep(0.01)");
		usleep(3000);
		run(in, "COMMIT");
		pg_session_close(in);
	}
	run(s, "DROP DATABASE session_hurried");
	pg_session_close(s);
	conninfo_free(c);
}

static void connecting_fails_with_a_hint(void **state)
{
	struct conninfo *c;

	(void)state;
	NEED_SERVER();
	c = server();
	conninfo_set(c, "dbname", "no such database");
	not_opened(c, ERR_FAILED, "\"no such database\" does not exist", "psql");
	c = server();
	conninfo_set(c, "port", "1");
	not_opened(c, ERR_TRANSIENT, "connect to ", "is the server running");
	c = server();
	conninfo_set(c, "host", "no-such-host.invalid");
	not_opened(c, ERR_FAILED, "could not translate host name", "host name");
	c = server();
	conninfo_set(c, "user", "no such role");
	not_opened(c, ERR_FAILED, "no such role", "pg_hba.conf");
	/* PostgreSQL would cut it and let us into another one. */
	c = server();
	conninfo_set(c, "dbname", "a_database_name_of_sixty_four_bytes_a_database_name_of_sixty_four");
	not_opened(c, ERR_USAGE, "of_sixty_four\" is longer than 63 bytes", "cuts names");
	c = server();
	conninfo_set(c, "user", "ünïcödé_ünïcödé_ünïcödé_ünïcödé_ünïcödé_ünïcödé_ünïcödé");
	not_opened(c, ERR_USAGE, "the user name \"ünïcödé_", "cuts names");
	c = server();
	conninfo_set(c, "host", "/nowhere,/nowhere-else");
	not_opened(c, ERR_TRANSIENT, "connect to ", "is the server running");
}

/* A listener that takes connections and never answers; *out is its conninfo. */
static int deaf_server(struct conninfo **out)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char port[8];

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	snprintf(port, sizeof(port), "%d", ntohs(address.sin_port));
	*out = conninfo_new();
	conninfo_set(*out, "host", "127.0.0.1");
	conninfo_set(*out, "port", port);
	conninfo_set(*out, "sslmode", "disable");
	conninfo_set(*out, "gssencmode", "disable");
	return fd;
}

static void a_deaf_server_times_out(void **state)
{
	int64_t start = clock_monotonic_us();
	struct conninfo *c;
	int fd = deaf_server(&c);

	(void)state;
	conninfo_set(c, "connect_timeout", "1");
	not_opened(c, ERR_TRANSIENT, "no answer in time", "firewall");
	assert_in_range(clock_monotonic_us() - start, 900000, 3000000);
	close(fd);
}

static void connecting_can_be_cancelled(void **state)
{
	struct cancel cancel = CANCEL_INIT(NULL);
	int64_t start = clock_monotonic_us();
	struct err e = ERR_INIT;
	struct pg_session *s;
	struct late_trip trip;
	struct conninfo *c;
	int fd = deaf_server(&c);

	(void)state;
	trip_later(&trip, &cancel, 200);
	assert_false(pg_session_open(&s, c, PG_SESSION_PLAIN, NULL, &cancel, &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_in_range(clock_monotonic_us() - start, 100000, 1000000);
	pthread_join(trip.thread, NULL);
	conninfo_free(c);
	close(fd);
}

/* --- a pooler --- */

/*
 * What PgBouncer looks like from here: between us and the server, with a backend process id of its own invention.
 */
struct proxy {
	int listener, server;
	pthread_t thread;
};

static ssize_t relay(int from, int to)
{
	char part[8192];
	ssize_t n = read(from, part, sizeof(part));

	return n > 0 ? write(to, part, (size_t)n) : n;
}

/* The server's answer to the startup message, up to "ready for query", with another process id in BackendKeyData. */
static void forge_process_id(int from, int to)
{
	uint8_t text[8192];
	size_t len = 0, at = 0, last = 0;

	while (!last) {
		ssize_t n = read(from, text + len, sizeof(text) - len);
		uint32_t size;

		if (n <= 0)
			return;
		for (len += (size_t)n; len - at >= 5; at += 1 + ntohl(size)) {
			memcpy(&size, text + at + 1, sizeof(size));
			if (text[at] == 'K')
				text[at + 7] ^= 0x55;
			last = text[at] == 'Z' ? at + 6 : last;
		}
	}
	assert_int_equal(write(to, text, len), (ssize_t)len);
}

static void *proxy_main(void *arg)
{
	struct proxy *p = arg;
	int client = accept(p->listener, NULL, NULL);
	struct pollfd ends[2] = { { .fd = client, .events = POLLIN }, { .fd = p->server, .events = POLLIN } };

	relay(client, p->server);
	forge_process_id(p->server, client);
	while (poll(ends, 2, 5000) > 0)
		if ((ends[0].revents && relay(client, p->server) <= 0) ||
		        (ends[1].revents && relay(p->server, client) <= 0))
			break;
	close(client);
	close(p->server);
	return NULL;
}

/* A second descriptor of a connection that libpq made and that has sent nothing yet is a simple way to the server. */
static int raw_connection(PGconn **owner)
{
	struct conninfo *c = server();

	conninfo_set(c, "sslmode", "disable");
	conninfo_set(c, "gssencmode", "disable");
	*owner = PQconnectStartParams((const char *const *)c->keywords, (const char *const *)c->values, 0);
	conninfo_free(c);
	assert_true(PQsocket(*owner) >= 0);
	return dup(PQsocket(*owner));
}

static void a_pooler_is_refused(void **state)
{
	struct pollfd writable = { .events = POLLOUT };
	struct conninfo *real, *c;
	struct proxy p;
	PGconn *owner;

	(void)state;
	NEED_SERVER();
	p.listener = deaf_server(&c);
	p.server = raw_connection(&owner);
	writable.fd = p.server;
	assert_int_equal(poll(&writable, 1, 5000), 1);
	fcntl(p.server, F_SETFL, fcntl(p.server, F_GETFL) & ~O_NONBLOCK);
	assert_int_equal(pthread_create(&p.thread, NULL, proxy_main, &p), 0);
	real = server();
	conninfo_set(c, "user", conninfo_get(real, "user"));
	conninfo_set(c, "dbname", conninfo_get(real, "dbname"));
	not_opened(c, ERR_REFUSED, "is a connection pooler", "DIRECT_URL");
	pthread_join(p.thread, NULL);
	conninfo_free(real);
	close(p.listener);
	PQfinish(owner);
}

/* --- statements --- */

static void errors_carry_state_and_kind(void **state)
{
	struct pg_session *s, *other;

	(void)state;
	NEED_SERVER();
	s = open_plain();
	other = open_plain();
	run(s, "CREATE TEMP TABLE t (id int PRIMARY KEY)");
	refused(s, "SELECT 1; SELEC 2", ERR_FAILED, "42601", "syntax error");
	refused(s, "INSERT INTO t VALUES (7), (7)", ERR_FAILED, "23505", "(Key (id)=(7) already exists)");
	run(s, "SELECT 1");
	assert_string_equal(pg_session_sqlstate(s), "");
	refused(s, "SELECT pg_catalog.pg_sleep(1), 1/0", ERR_FAILED, "22012", "division by zero");
	refused(s, "SET statement_timeout = 50; SELECT pg_sleep(2)", ERR_FAILED, "57014", "statement timeout");
	run(s, "SET statement_timeout = 0");
	refused(s, "COPY t TO STDOUT", ERR_FAILED, "", "COPY where none is wanted");
	refused(s, "COPY t FROM STDIN", ERR_FAILED, "", "COPY where none is wanted");
	run(s, "SELECT 1");

	run(s, "DROP TABLE IF EXISTS public.locked; CREATE TABLE public.locked ()");
	run(other, "BEGIN; LOCK TABLE public.locked");
	refused(s, "BEGIN; LOCK TABLE public.locked NOWAIT", ERR_CONFLICT, "55P03", "could not obtain lock");
	run(s, "ROLLBACK");
	refused(s, "SET lock_timeout = 50; TABLE public.locked", ERR_CONFLICT, "55P03", "lock timeout");
	refused(s, "DO $$ BEGIN RAISE 'again' USING ERRCODE = '40001'; END $$", ERR_TRANSIENT, "40001", "again");
	refused(s, "DO $$ BEGIN RAISE 'dead' USING ERRCODE = '40P01'; END $$", ERR_CONFLICT, "40P01", "dead");
	run(other, "ROLLBACK; DROP TABLE public.locked");
	pg_session_close(other);
	pg_session_close(s);
}

static void queries(void **state)
{
	const char *const params[] = { "it's \"this\" \\ and\nthat", NULL };
	struct err e = ERR_INIT;
	struct pg_session *s;
	PGresult *r;
	char *value;

	(void)state;
	NEED_SERVER();
	s = open_plain();
	ok_or_fail(pg_query(&r, s, "SELECT $1::text, $2::text, generate_series(1, 3)", 2, params, &e), &e);
	assert_int_equal(PQntuples(r), 3);
	assert_string_equal(PQgetvalue(r, 2, 0), params[0]);
	assert_true(PQgetisnull(r, 0, 1));
	PQclear(r);
	ok_or_fail(pg_query_value(&value, s, "SELECT $2::text, $1::text LIMIT 0", 2, params, &e) == false, &e);
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	e = (struct err)ERR_INIT;
	assert_false(pg_query_value(&value, s, "SELECT generate_series(1, 2)", 0, NULL, &e));
	assert_int_equal(e.kind, ERR_FAILED);
	ok_or_fail(pg_query_value(&value, s, "SELECT NULL::int", 0, NULL, &e), &e);
	assert_null(value);
	e = (struct err)ERR_INIT;
	assert_false(pg_query(&r, s, "SELECT 1/0", 0, NULL, &e));
	assert_string_equal(pg_session_sqlstate(s), "22012");
	ok_or_fail(pg_execf(s, &e, "CREATE TEMP TABLE %s (%s int)", "made", "x"), &e);
	is_value(s, "SELECT count(*) FROM made", "0");
	pg_session_close(s);
}

/* Notices would go to stderr if libpq's own receiver had them. */
static void notices_are_swallowed(void **state)
{
	struct pg_session *s;
	char path[] = "/tmp/drtool-test-XXXXXX";
	int fd, saved;

	(void)state;
	NEED_SERVER();
	s = open_plain();
	fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	saved = dup(2);
	dup2(fd, 2);
	run(s, "SET client_min_messages = notice; DO $$ BEGIN RAISE NOTICE 'psst'; RAISE INFO 'hey'; END $$");
	dup2(saved, 2);
	close(saved);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	close(fd);
	pg_session_close(s);
}

static void quoting(void **state)
{
	static const char *const nasty[] = { "", "plain", "Up\"per", "it's", "back\\slash", "'\\'", "\n\t", "$1",
		"ä€" };
	struct arena a = ARENA_INIT;
	struct pg_session *s;

	(void)state;
	assert_string_equal(pg_quote_ident(&a, "a\"b'c"), "\"a\"\"b'c\"");
	assert_string_equal(pg_quote_literal(&a, "a\"b'c"), "'a\"b''c'");
	assert_string_equal(pg_quote_literal(&a, "a\\b'"), "E'a\\\\b'''");
	if (!getenv("DRTOOL_TEST_SERVER")) {
		arena_release(&a);
		NEED_SERVER();
	}
	s = open_plain();
	for (size_t i = 0; i < sizeof(nasty) / sizeof(*nasty); i++) {
		struct err e = ERR_INIT;

		is_value(s, arena_printf(&a, "SELECT %s", pg_quote_literal(&a, nasty[i])), nasty[i]);
		if (*nasty[i])
			ok_or_fail(pg_execf(s, &e, "CREATE TEMP TABLE %s ()", pg_quote_ident(&a, nasty[i])), &e);
	}
	pg_session_close(s);
	arena_release(&a);
}

static void a_trip_ends_a_query(void **state)
{
	struct cancel cancel = CANCEL_INIT(NULL);
	int64_t start = clock_monotonic_us();
	struct err e = ERR_INIT;
	struct late_trip trip;
	struct pg_session *s, *other;

	(void)state;
	NEED_SERVER();
	other = open_plain();
	s = open_with(PG_SESSION_PLAIN, "sleeper", &cancel);
	trip_later(&trip, &cancel, 100);
	assert_false(pg_exec(s, "SELECT pg_sleep(20)", &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_true(clock_monotonic_us() - start < 5000000);
	pthread_join(trip.thread, NULL);
	is_value(other, "SELECT state FROM pg_stat_activity WHERE application_name = 'drtool sleeper'", "idle");
	assert_false(pg_exec(s, "SELECT 1", &e)); /* still tripped */
	pg_session_close(s);
	pg_session_close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_settings_and_version),
		cmocka_unit_test(settings_of_the_database_do_not_reach_us),
		cmocka_unit_test(timeouts_of_the_database_do_not_reach_us),
		cmocka_unit_test(connecting_fails_with_a_hint),
		cmocka_unit_test(a_deaf_server_times_out),
		cmocka_unit_test(connecting_can_be_cancelled),
		cmocka_unit_test(a_pooler_is_refused),
		cmocka_unit_test(errors_carry_state_and_kind),
		cmocka_unit_test(queries),
		cmocka_unit_test(notices_are_swallowed),
		cmocka_unit_test(quoting),
		cmocka_unit_test(a_trip_ends_a_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
