/*
 * Two databases made by stock pg_dump and psql, one then changed: the comparison names what was changed and nothing
 * else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "restore/compare.h"
#include "restore/scratch.h"
#include "src/base/child.h"
#include "src/base/file.h"
#include "src/base/path.h"
#include "src/pg/session.h"

static char base[] = "/tmp/drtool-test-compare-XXXXXX";
static struct scratch *scratch;

/* What is known of the database "source", as a snapshot would know it. */
static struct manifest manifest;
static struct contents contents;
static struct archive archive;

static const char *const source_sql =
        "CREATE ROLE owner1; CREATE ROLE reader;"
        "CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('glad', 'sad');"
        "CREATE TABLE s.people (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, note varchar(10) CHECK (note IN ('a','b')));"
        "INSERT INTO s.people (name, note) SELECT 'p' || i, 'a' FROM generate_series(1, 100) i;"
        "CREATE TABLE pets (id int PRIMARY KEY, owner int REFERENCES s.people, at timestamptz, price money);"
        "INSERT INTO pets SELECT i, i, '2020-01-01 UTC'::timestamptz + i * interval '1 hour', i::money FROM generate_series(1, 50) i;"
        "CREATE TABLE excluded (i int); INSERT INTO excluded VALUES (1);"
        "CREATE TABLE parts (m s.mood, v int) PARTITION BY HASH (m);"
        "CREATE TABLE parts1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE parts2 (v int, m s.mood); ALTER TABLE parts ATTACH PARTITION parts2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        "INSERT INTO parts VALUES ('glad', 1), ('sad', 2), ('glad', 3);"
        "CREATE SEQUENCE seq; SELECT nextval('seq');"
        "CREATE VIEW v AS SELECT id, name FROM s.people;"
        "CREATE MATERIALIZED VIEW mv AS SELECT count(*) AS n FROM pets; CREATE INDEX mv_n ON mv (n);"
        "CREATE FUNCTION f(i int) RETURNS int LANGUAGE sql AS 'SELECT i + 1';"
        "CREATE INDEX pets_at ON pets (at);"
        "GRANT SELECT ON pets TO reader; COMMENT ON TABLE pets IS 'animals'; COMMENT ON CONSTRAINT pets_owner_fkey ON pets IS 'key';"
        "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO reader;"
        "ALTER DEFAULT PRIVILEGES FOR ROLE owner1 IN SCHEMA s GRANT UPDATE ON TABLES TO reader;"
        "SELECT lo_from_bytea(7001, 'abc'); SELECT lo_from_bytea(7002, ''); ALTER LARGE OBJECT 7001 OWNER TO owner1;"
        "GRANT SELECT ON LARGE OBJECT 7001 TO reader; COMMENT ON LARGE OBJECT 7001 IS 'letters';";

static struct conninfo *database(const char *name)
{
	struct conninfo *c = conninfo_copy(scratch_conninfo(scratch));

	conninfo_set(c, "dbname", name);
	return c;
}

static void run_sql(const char *dbname, const char *sql)
{
	struct conninfo *c = database(dbname);
	struct pg_session *s = NULL;
	struct err e = ERR_INIT;

	if (!pg_session_open(&s, c, PG_SESSION_PLAIN, NULL, NULL, &e) || !pg_exec(s, "SET search_path = public", &e) ||
	        !pg_exec(s, sql, &e))
		fail_msg("%s: %s", sql, e.msg);
	pg_session_close(s);
	conninfo_free(c);
}

static void dump(struct buf *out, const char *dbname, const char *const *options)
{
	struct conninfo *c = database(dbname);
	struct conninfo_child child;
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	const char *argv[8] = { archive.tools.pg_dump };
	size_t n = 1;

	conninfo_for_child(&child, c, 0, &a);
	for (; options && *options; options++)
		argv[n++] = *options;
	argv[n] = arena_printf(&a, "--dbname=%s", child.dbname);
	const struct child_spec spec = { .argv = argv, .env = child.env };

	if (!child_capture(out, &spec, NULL, &e))
		fail_msg("%s", e.msg);
	arena_release(&a);
	conninfo_free(c);
}

static void load(const char *dbname, struct view script)
{
	struct conninfo *c = database(dbname);
	struct conninfo_child connect;
	struct child psql = CHILD_INIT;
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;

	conninfo_for_child(&connect, c, 0, &a);
	const char *argv[] = { archive.tools.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", connect.dbname, NULL };
	const struct child_spec spec = { .argv = argv, .env = connect.env, .want_stdin = true };

	assert_true(child_start(&psql, &spec, &e));
	assert_true(file_write_all(psql.in, script, "psql", &e));
	if (!child_wait(&psql, NULL, &e))
		fail_msg("%s", e.msg);
	child_abort(&psql);
	arena_release(&a);
	conninfo_free(c);
}

static void fingerprint_table(struct content_table *t, struct pg_session *s)
{
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	char *row;
	size_t len;

	assert_true(pg_copy_out_start(s, pg_copy_out_sql(&a, &t->table, 0, UINT64_MAX, pg_session_encoding(s)), &e));
	while (pg_copy_out_next(s, &row, &len, &e) > 0) {
		fingerprint_add_hash(&t->fingerprint, hash_row((struct view){ (const uint8_t *)row, len }));
		PQfreemem(row);
	}
	assert_int_equal(e.kind, ERR_NONE);
	arena_release(&a);
}

static void record_source(void)
{
	struct conninfo *c = database("source");
	struct pg_session *s = NULL;
	struct pg_table_list tables;
	struct arena *a = &contents.arena;
	struct err e = ERR_INIT;

	if (!pg_session_open(&s, c, PG_SESSION_DUMP, NULL, NULL, &e) ||
	        !pg_catalog_database(&contents.database, s, a, &e) || !pg_catalog_tables(&tables, s, a, &e) ||
	        !pg_catalog_sequences(&contents.sequences, s, a, &e) ||
	        !pg_catalog_sequence_values(&contents.sequences, s, &e) ||
	        !pg_catalog_matviews(&contents.matviews, s, a, &e) ||
	        !pg_catalog_large_objects(&contents.large_objects, s, a, &e) ||
	        !pg_catalog_extensions(&contents.extensions, s, a, &e) ||
	        !pg_catalog_roles(&contents.roles, s, a, &e) ||
	        !pg_catalog_invalid_indexes(&contents.invalid_indexes, s, a, &e))
		fail_msg("%s", e.msg);
	contents.tables = arena_alloc(a, (tables.count + 1) * sizeof(*contents.tables));
	contents.table_count = tables.count;
	for (size_t i = 0; i < tables.count; i++) {
		contents.tables[i].table = tables.items[i];
		contents.tables[i].data = strcmp(tables.items[i].name, "excluded") == 0 ? CONTENT_EXCLUDED
		                                                                        : CONTENT_DATA;
		if (contents.tables[i].data == CONTENT_DATA)
			fingerprint_table(&contents.tables[i], s);
	}
	pg_session_close(s);
	conninfo_free(c);
}

static int find_newest(void)
{
	struct arena a = ARENA_INIT;
	struct pg_tools_list list;
	struct err e = ERR_INIT;
	int version = 0;

	if (pg_tools_list(&list, NULL, &a, NULL, &e)) {
		for (size_t i = 0; i < list.count && !version; i++) {
			if (list.items[i].initdb && list.items[i].postgres && list.items[i].pg_dump &&
			        list.items[i].psql)
				version = list.items[i].version;
		}
	}
	arena_release(&a);
	return version;
}

static int set_up(void **state)
{
	static const char *const schema_only[] = { "-Fc", "--schema-only", NULL };
	static const char *const no_excluded[] = { "--exclude-table-data=excluded", NULL };
	const struct contents locale = {
		.database = { .encoding = "UTF8", .collate = "C", .ctype = "C", .preload_libraries = "" }
	};
	struct verify_options o = { .scratch_dir = base };
	struct buf script = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	manifest = (struct manifest){ .server_version = find_newest() };
	manifest.dump_version = manifest.server_version;
	if (!manifest.server_version || !mkdtemp(base) || chmod(base, 0711) != 0)
		return -1;
	if (!scratch_start(&scratch, &manifest, &locale, "postgres", &o, NULL, NULL, &e)) {
		print_error("%s\n", e.msg);
		return -1;
	}
	assert_true(pg_tools_for_server(&archive.tools, &(const char *){ NULL }, manifest.server_version,
	        PG_TOOLS_CLIENT, NULL, &archive.arena, NULL, &e));
	run_sql("postgres", "CREATE DATABASE source TEMPLATE template0");
	run_sql("source", source_sql);
	record_source();
	dump(&archive.bytes, "source", schema_only);
	assert_true(toc_parse(&archive.toc, buf_view(&archive.bytes), &e));
	run_sql("postgres", "CREATE DATABASE pristine TEMPLATE template0");
	dump(&script, "source", no_excluded);
	load("pristine", buf_view(&script));
	buf_release(&script);
	return 0;
}

static int tear_down(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	archive_close(&archive);
	arena_release(&contents.arena);
	scratch_stop(scratch);
	return path_remove_tree(base, &e) ? 0 : -1;
}

/* A fresh copy of the good database, changed by sql (may be NULL), compared. */
static void compare_changed(
        struct compare_report *out, const char *sql, const struct restore_finding *findings, size_t count)
{
	struct conninfo *target = database("changed");
	struct err e = ERR_INIT;
	const struct compare c = { .manifest = &manifest,
		.contents = &contents,
		.archive = &archive,
		.target = target,
		.reference = "reference",
		.jobs = 2,
		.findings = findings,
		.finding_count = count };

	run_sql("postgres", "DROP DATABASE IF EXISTS changed WITH (FORCE)");
	run_sql("postgres", "CREATE DATABASE changed TEMPLATE pristine");
	if (sql)
		run_sql("changed", sql);
	if (!compare_database(out, &c, &e))
		fail_msg("%s: %s", sql ? sql : "", e.msg);
	conninfo_free(target);
}

static bool has(const struct compare_report *r, const char *object, const char *what)
{
	for (size_t i = 0; i < r->count; i++) {
		if (strcmp(r->items[i].object, object) == 0 && strstr(r->items[i].what, what))
			return true;
	}
	return false;
}

static void print(const struct compare_report *r)
{
	for (size_t i = 0; i < r->count; i++)
		print_error("  %s: %s\n", r->items[i].object, r->items[i].what);
}

static void equal_databases_have_no_differences(void **state)
{
	struct compare_report r = COMPARE_REPORT_INIT;

	(void)state;
	compare_changed(&r, NULL, NULL, 0);
	print(&r);
	assert_int_equal(r.total, 0);
	assert_int_equal(r.tables, contents.table_count - 1); /* the large objects are not one */
	assert_int_equal(r.sequences, contents.sequences.count);
	assert_int_equal(r.large_objects, 2);
	compare_report_release(&r);
}

struct change {
	unsigned group; /* those of one group are made and compared together; each makes differences of its own */
	const char *sql, *object, *what;
	unsigned total; /* differences it makes */
};

static const struct change changes[] = {
	/* rows */
	{ 0, "DELETE FROM pets WHERE id = 7", "TABLE public.pets", "50 rows, and 49 came back", 1 },
	{ 1, "UPDATE pets SET price = 99 WHERE id = 7", "TABLE public.pets", "some with other values", 1 },
	{ 2, "UPDATE pets SET at = at + interval '1 us' WHERE id = 7", "TABLE public.pets", "other values", 1 },
	{ 0, "INSERT INTO excluded VALUES (2)", "TABLE public.excluded", "holds no rows of it", 1 },
	{ 0, "UPDATE parts SET v = 9 WHERE v = 3", "TABLE public.parts", "other values", 1 },
	{ 1, "DELETE FROM parts WHERE v = 2", "TABLE public.parts", "3 rows, and 2 came back", 1 },
	{ 0, "SELECT lo_put(7001, 1, 'X')", "LARGE OBJECTS", "other values", 1 },
	/* catalogue */
	{ 0, "SELECT nextval('seq')", "SEQUENCE public.seq", "was 1, and came back as 2", 1 },
	{ 1, "SELECT setval('seq', 1, false)", "SEQUENCE public.seq", "not called yet", 1 },
	{ 0, "ALTER LARGE OBJECT 7002 OWNER TO reader", "LARGE OBJECT 7002", "owned by \"reader\"", 1 },
	{ 0, "REVOKE SELECT ON LARGE OBJECT 7001 FROM reader", "LARGE OBJECT 7001", "privileges", 1 },
	{ 1, "COMMENT ON LARGE OBJECT 7001 IS 'other'", "LARGE OBJECT 7001", "comment \"other\"", 1 },
	{ 1, "SELECT lo_unlink(7002)", "LARGE OBJECT 7002", "did not come back", 2 },
	{ 2, "SELECT lo_create(7003)", "LARGE OBJECT 7003", "not in the snapshot", 2 },
	{ 0, "REFRESH MATERIALIZED VIEW mv WITH NO DATA", "MATERIALIZED VIEW public.mv", "not populated", 1 },
	{ 0, "COMMENT ON DATABASE changed IS 'x'", "DATABASE comment", "came back as \"x\"", 1 },
	{ 0, "ALTER DATABASE changed SET work_mem = '5MB'", "DATABASE settings", "work_mem", 1 },
	{ 0, "ALTER DATABASE changed CONNECTION LIMIT 7", "DATABASE connection limit", "\"7\"", 1 },
	{ 1, "ALTER DATABASE changed OWNER TO reader", "DATABASE owner", "reader", 2 },
	{ 0, "GRANT CREATE ON DATABASE changed TO reader", "DATABASE privileges", "reader=C", 1 },
	/* definitions */
	{ 1, "DROP TABLE excluded", "TABLE public.excluded", "did not come back", 2 },
	{ 1, "CREATE TABLE more (i int)", "TABLE public.more", "is not in the snapshot", 2 },
	{ 1, "DROP INDEX pets_at", "INDEX public.pets_at", "did not come back", 1 },
	{ 0, "ALTER TABLE pets ALTER at SET DEFAULT now()", "TABLE public.pets", "DEFAULT now()", 1 },
	{ 1, "ALTER TABLE pets DROP CONSTRAINT pets_owner_fkey", "FK CONSTRAINT public.pets pets_owner_fkey",
	        "did not come back", 2 },
	{ 2, "ALTER TABLE pets OWNER TO reader", "TABLE public.pets", "owned by \"reader\"", 2 },
	{ 0, "REVOKE SELECT ON pets FROM reader", "ACL public.TABLE pets", "did not come back", 1 },
	{ 0, "COMMENT ON TABLE pets IS 'beasts'", "COMMENT public.TABLE pets", "beasts", 1 },
	{ 0, "CREATE OR REPLACE FUNCTION f(i int) RETURNS int LANGUAGE sql AS 'SELECT i + 2'",
	        "FUNCTION public.f(integer)", "i + 2", 1 },
	{ 1, "CREATE OR REPLACE VIEW v AS SELECT id, upper(name) AS name FROM s.people", "VIEW public.v", "upper", 1 },
	{ 1, "ALTER TYPE s.mood ADD VALUE 'odd'", "TYPE s.mood", "'sad',", 1 },
	{ 3, "ALTER TABLE pets DROP COLUMN price", "TABLE public.pets", "cannot be read as it was", 2 },
	{ 0, "ALTER DEFAULT PRIVILEGES FOR ROLE owner1 IN SCHEMA s REVOKE UPDATE ON TABLES FROM reader",
	        "DEFAULT ACL s.DEFAULT PRIVILEGES FOR TABLES", "did not come back", 1 },
};
#define GROUPS 4

static unsigned compare_group(unsigned group)
{
	struct compare_report r = COMPARE_REPORT_INIT;
	struct buf sql = BUF_INIT;
	unsigned wrong = 0, total = 0;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		if (changes[i].group == group)
			buf_addf(&sql, "%s;", changes[i].sql);
	}
	compare_changed(&r, buf_str(&sql), NULL, 0);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const struct change *c = &changes[i];

		if (c->group != group)
			continue;
		total += c->total;
		if (!has(&r, c->object, c->what)) {
			print_error("after %s, wanted %s: %s\n", c->sql, c->object, c->what);
			wrong++;
		}
	}
	if (r.total != total || r.faults != 0 || wrong) {
		print_error("group %u: wanted %u differences, got %u:\n", group, total, (unsigned)r.total);
		print(&r);
		wrong++;
	}
	buf_release(&sql);
	compare_report_release(&r);
	return wrong;
}

static void each_change_is_named(void **state)
{
	(void)state;
	for (unsigned group = 0; group < GROUPS; group++)
		assert_int_equal(compare_group(group), 0);
}

/*
 * The restore could not make the primary key, the source being at fault; the foreign key that needs it is explained by
 * that.
 */
static void findings_explain_what_is_missing(void **state)
{
	static const struct restore_finding findings[] = {
		{ "CONSTRAINT s.people people_pkey", "could not create unique index \"people_pkey\"", true },
	};
	struct compare_report r = COMPARE_REPORT_INIT;

	(void)state;
	compare_changed(&r, "ALTER TABLE s.people DROP CONSTRAINT people_pkey CASCADE", findings, 1);
	print(&r);
	assert_int_equal(r.total, 3);
	assert_int_equal(r.faults, 3);
	assert_true(has(&r, "CONSTRAINT s.people people_pkey", "could not create unique index"));
	assert_true(has(&r, "FK CONSTRAINT public.pets pets_owner_fkey", "without CONSTRAINT s.people people_pkey"));
	compare_report_release(&r);
}

/* A check the rows break was made NOT VALID: another entry than before, and a table without it, both explained. */
static void violated_check_is_one_difference(void **state)
{
	static const char sql[] =
	        "ALTER TABLE s.people DROP CONSTRAINT people_note_check;"
	        "ALTER TABLE s.people ADD CONSTRAINT people_note_check CHECK (note IN ('a', 'b')) NOT VALID";
	static const struct restore_finding findings[] = {
		{ "CHECK CONSTRAINT s.people people_note_check", "is violated by some row; it was made NOT VALID",
		        true },
		{ "CHECK CONSTRAINT s.people people_note", "another one", true },
	};
	struct compare_report r = COMPARE_REPORT_INIT;

	(void)state;
	compare_changed(&r, sql, findings, 1);
	print(&r);
	assert_int_equal(r.total, 1);
	assert_int_equal(r.faults, 1);
	compare_report_release(&r);
	compare_changed(&r, sql, findings + 1, 1);
	assert_int_equal(r.total, 3);
	assert_int_equal(r.faults, 1);
	assert_true(has(&r, "CHECK CONSTRAINT s.people people_note_check", "is not in the snapshot"));
	compare_report_release(&r);
}

/* A comment on a key that could not be made is no fault of its own. */
static void consequences_are_the_sources_too(void **state)
{
	static const struct restore_finding findings[] = {
		{ "FK CONSTRAINT public.pets pets_owner_fkey", "violated", true },
		{ "COMMENT public.CONSTRAINT pets_owner_fkey ON pets", "does not exist", false },
		{ "COMMENT public.TABLE pets", "does not exist", false },
	};
	struct compare_report r = COMPARE_REPORT_INIT;

	(void)state;
	compare_changed(
	        &r, "ALTER TABLE pets DROP CONSTRAINT pets_owner_fkey; COMMENT ON TABLE pets IS NULL", findings, 3);
	print(&r);
	assert_int_equal(r.total, 3);
	assert_int_equal(r.faults, 2);
	compare_report_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(violated_check_is_one_difference),
		cmocka_unit_test(consequences_are_the_sources_too),
		cmocka_unit_test(equal_databases_have_no_differences),
		cmocka_unit_test(each_change_is_named),
		cmocka_unit_test(findings_explain_what_is_missing),
	};

	if (find_newest() == 0) {
		print_message("no PostgreSQL server is installed: skipped\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
