/*
 * What cat prints is what pg_dump prints, line by line, but for comments, the restrict key and the two settings it
 * adds.
 */
#include "tests/unit/taken.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include "restore/restore.h"
#include "src/base/child.h"
#include "src/base/file.h"
#include "src/pg/tools.h"

#define DATABASE "drtool_test_cat"

static const char *const source_sql =
        "DO $$ BEGIN CREATE ROLE cat_one; EXCEPTION WHEN duplicate_object THEN END $$;"
        "DO $$ BEGIN CREATE ROLE \"cat \"\"two\"\"\"; EXCEPTION WHEN duplicate_object THEN END $$;"
        "CREATE SCHEMA \"S 1\"; CREATE TABLE \"S 1\".\"T \"\"x\"\"\" (\"a b\" int PRIMARY KEY, t text);"
        "INSERT INTO \"S 1\".\"T \"\"x\"\"\" VALUES (1, E'tab\\there'), (2, E'\\\\.'), (3, NULL), (4, '\\N');"
        "CREATE TABLE none (); INSERT INTO none DEFAULT VALUES;"
        "CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, p int REFERENCES a, g int GENERATED ALWAYS AS (p + 1) STORED);"
        "INSERT INTO a (p) VALUES (1), (1); COMMENT ON CONSTRAINT a_p_fkey ON a IS 'self'; GRANT SELECT (id) ON a TO cat_one;"
        "CREATE TABLE b (id serial, a int REFERENCES a, v text UNIQUE); INSERT INTO b (a, v) VALUES (1, 'x'); CREATE INDEX b_a ON b (a);"
        "CREATE TABLE parts (i int, v text) PARTITION BY RANGE (i); CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE parts2 PARTITION OF parts DEFAULT; CREATE INDEX ON parts (v); ALTER TABLE parts ADD PRIMARY KEY (i);"
        "INSERT INTO parts VALUES (1, 'x'), (100, 'y');"
        "CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE TABLE moods (m mood, i int) PARTITION BY HASH (m);"
        "CREATE TABLE moods1 PARTITION OF moods FOR VALUES WITH (MODULUS 1, REMAINDER 0); INSERT INTO moods VALUES ('sad', 1);"
        "CREATE SEQUENCE \"S 1\".\"q 'q\" START 5; CREATE SEQUENCE called; SELECT nextval('called');"
        "CREATE VIEW v AS SELECT id FROM a; CREATE MATERIALIZED VIEW m1 AS SELECT id FROM v; CREATE INDEX ON m1 (id);"
        "CREATE VIEW over AS SELECT id FROM m1; CREATE MATERIALIZED VIEW m0 AS SELECT id FROM over;"
        "CREATE MATERIALIZED VIEW empty AS SELECT 1 AS x WITH NO DATA; CREATE MATERIALIZED VIEW based AS SELECT 1 AS y;"
        "CREATE MATERIALIZED VIEW hopeless AS SELECT x FROM empty WITH NO DATA; REFRESH MATERIALIZED VIEW empty;"
        "REFRESH MATERIALIZED VIEW hopeless; REFRESH MATERIALIZED VIEW empty WITH NO DATA;"
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS E'BEGIN\\n--\\n-- PostgreSQL database dump complete\\n--\\nRETURN NEW; END';"
        "CREATE TRIGGER t BEFORE INSERT ON b FOR EACH ROW EXECUTE FUNCTION f(); CREATE RULE r AS ON INSERT TO v DO INSTEAD NOTHING;"
        "CREATE FUNCTION ef() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER drtool_cat ON ddl_command_end EXECUTE FUNCTION ef();"
        "COMMENT ON EVENT TRIGGER drtool_cat IS 'last'; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO cat_one;"
        "ALTER TABLE b ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON b USING (EXISTS (SELECT FROM a WHERE a.id = b.a));"
        /* large objects: empty, short, exact multiples of what is written at once and of what is read at once, with a
           hole, many of equal owner */
        "SELECT lo_create(7000); SELECT lo_from_bytea(7001, 'abc'); SELECT lo_from_bytea(7002, decode(repeat('5a', 16384), 'hex'));"
        "SELECT lo_from_bytea(7003, decode(repeat('5b', 1048576), 'hex')); SELECT lo_from_bytea(7004, decode(repeat('5c', 1048577), 'hex'));"
        "SELECT lo_create(7005); SELECT lo_put(7005, 2500000, 'x'); SELECT lo_create(10) FROM generate_series(1, 1);"
        "SELECT lo_from_bytea(20000 + i, i::text::bytea) FROM generate_series(1, 1100) i;"
        "COMMENT ON LARGE OBJECT 7001 IS E'it''s\\ntwo'; ALTER LARGE OBJECT 7001 OWNER TO \"cat \"\"two\"\"\";"
        "GRANT SELECT ON LARGE OBJECT 7002 TO cat_one WITH GRANT OPTION; GRANT ALL ON LARGE OBJECT 7003 TO PUBLIC;"
        "ALTER LARGE OBJECT 7004 OWNER TO cat_one; REVOKE ALL ON LARGE OBJECT 7004 FROM cat_one; GRANT UPDATE ON LARGE OBJECT 7004 TO \"cat \"\"two\"\"\";"
        "GRANT SELECT ON LARGE OBJECT 20001, 20002 TO cat_one;";

static struct taken taken;

static bool cat(struct buf *out, const char *const *tables, struct err *e)
{
	const struct cat_options o = { .tables = tables };
	int fd = memfd_create("cat", MFD_CLOEXEC);
	bool ok = cat_snapshot(fd, taken.r, taken.m, &o, NULL, NULL, e);

	lseek(fd, 0, SEEK_SET);
	if (ok)
		ok_or_fail(file_read_fd(out, fd, "cat", e), e);
	close(fd);
	return ok;
}

static void pg_dump(struct buf *out, const char *const *tables)
{
	struct arena a = ARENA_INIT;
	struct conninfo *c = taken_database(DATABASE);
	struct conninfo_child connect;
	struct pg_tools tools;
	struct err e = ERR_INIT;
	const char *argv[16], *warning;
	size_t n = 0;

	ok_or_fail(
	        pg_tools_for_server(&tools, &warning, taken.m->dump_version, PG_TOOLS_CLIENT, NULL, &a, NULL, &e), &e);
	conninfo_for_child(&connect, c, 0, &a);
	argv[n++] = tools.pg_dump;
	for (; tables && *tables; tables++)
		argv[n++] = arena_printf(&a, "--table=%s", *tables);
	argv[n++] = arena_printf(&a, "--dbname=%s", connect.dbname);
	argv[n] = NULL;
	ok_or_fail(child_capture(out, &(struct child_spec){ .argv = argv, .env = connect.env }, NULL, &e), &e);
	conninfo_free(c);
	arena_release(&a);
}

static bool is_left_out(const char *line, size_t len)
{
	static const char *const starts[] = { "--", "\\restrict", "\\unrestrict", "SET TimeZone", "SET lc_monetary" };

	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
		if (len >= strlen(starts[i]) && memcmp(line, starts[i], strlen(starts[i])) == 0)
			return true;
	}
	return false;
}

/* The next line that counts; NULL at the end. */
static const char *next_line(size_t *len, const char **p)
{
	while (**p) {
		const char *line = *p;

		*len = strcspn(line, "\n");
		*p += *len + (line[*len] == '\n');
		if (!is_left_out(line, *len))
			return line;
	}
	return NULL;
}

static void same_script(const char *dumped, const char *printed)
{
	for (;;) {
		size_t want_len = 0, len = 0;
		const char *want = next_line(&want_len, &dumped), *line = next_line(&len, &printed);

		if (!want && !line)
			return;
		if (!want || !line || len != want_len || memcmp(line, want, len) != 0)
			fail_msg("pg_dump has \"%.*s\", cat \"%.*s\"", (int)(want_len > 200 ? 200 : want_len),
			        want ? want : "(end)", (int)(len > 200 ? 200 : len), line ? line : "(end)");
	}
}

static void compare(const char *const *tables)
{
	struct buf dumped = BUF_INIT, printed = BUF_INIT;
	struct err e = ERR_INIT;

	pg_dump(&dumped, tables);
	ok_or_fail(cat(&printed, tables, &e), &e);
	assert_true(printed.len > 100);
	same_script(buf_str(&dumped), buf_str(&printed));
	buf_release(&printed);
	buf_release(&dumped);
}

static void everything(void **state)
{
	struct buf printed = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	NEED_SERVER();
	compare(NULL);
	ok_or_fail(cat(&printed, NULL, &e), &e);
	assert_non_null(strstr(buf_str(&printed), "\nSET TimeZone = 'UTC';\nSET lc_monetary = 'C';\n"));
	buf_release(&printed);
}

static void some_tables(void **state)
{
	static const char *const choices[][3] = { { "a" }, { "b" }, { "a", "b" }, { "parts*" }, { "parts" },
		{ "parts1" }, { "m1" }, { "hopeless" }, { "moods*" }, { "\"S 1\".*" }, { "public.v", "called" },
		{ "none" } };

	(void)state;
	NEED_SERVER();
	for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
		compare(choices[i]);
}

static void a_pattern_without_a_match(void **state)
{
	static const char *const tables[] = { "a", "nobody", NULL };
	struct buf printed = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	NEED_SERVER();
	assert_false(cat(&printed, tables, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	assert_non_null(strstr(e.msg, "nobody"));
	buf_release(&printed);
}

static void a_reader_that_leaves(void **state)
{
	const struct cat_options o = { 0 };
	struct err e = ERR_INIT;
	int ends[2];

	(void)state;
	NEED_SERVER();
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	assert_false(cat_snapshot(ends[1], taken.r, taken.m, &o, NULL, NULL, &e));
	assert_int_equal(e.kind, ERR_FAILED);
	assert_int_equal(e.sys, EPIPE);
	close(ends[1]);
}

static int set_up(void **state)
{
	(void)state;
	if (getenv("DRTOOL_TEST_SERVER"))
		taken_make(&taken, DATABASE, source_sql);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (getenv("DRTOOL_TEST_SERVER")) {
		taken_drop(&taken);
		taken_sql("postgres", "DROP ROLE cat_one, \"cat \"\"two\"\"\"");
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything),
		cmocka_unit_test(some_tables),
		cmocka_unit_test(a_pattern_without_a_match),
		cmocka_unit_test(a_reader_that_leaves),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
