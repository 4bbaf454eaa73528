/*
 * A repository of format 1 as it was written once; it must stay readable for ever. Never made again: a new format gets
 * its own.
 */
#include "tests/unit/storage_fixture.h"

#include "storage/repository/chunk_store.h"
#include "storage/repository/contents.h"

#define DATABASE "shop ../prod"
#define ID       "20260501-120000-golden"

struct fixture {
	struct repository *r;
	struct chunk_store *s;
	struct manifest *m;
	struct contents contents;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	if (!repository_open(&f->r, DRTOOL_GOLDEN_DIR "/format-1", NULL, &e) ||
	        !manifest_resolve(&f->m, f->r, NULL, "before-v2", &e) || !chunk_store_open_read(&f->s, f->r, &e) ||
	        !chunk_store_get_stream(&text, f->s, &f->m->contents, &e) ||
	        !contents_parse(&f->contents, buf_view(&text), &e))
		fail_msg("%s", e.msg);
	buf_release(&text);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	contents_release(&f->contents);
	manifest_free(f->m);
	chunk_store_close(f->s);
	repository_close(f->r);
	free(f);
	return 0;
}

static void test_the_manifest(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(f->r->id, "1c14a3ba-d586-4d3e-94f3-1a7c256870fd");
	assert_string_equal(f->m->id, ID);
	assert_string_equal(f->m->database, DATABASE);
	assert_string_equal(f->m->dbname, "golden");
	assert_string_equal(f->m->system_identifier, "7300000000000000001");
	assert_true(f->m->instant_us == 1777636800123456);
	assert_int_equal(f->m->server_version, 150020);
	assert_string_equal(f->m->wal_lsn, "0/19B3748");
	assert_string_equal(f->m->safe_wal_lsn, "0/19B3700");
	assert_int_equal(f->m->rows, 318);
}

static void test_every_row_of_every_table(void **state)
{
	static const struct {
		const char *name;
		uint64_t rows, bytes;
	} tables[] = {
		{ "Odd \"name\nx", 2, 13 },
		{ "empty", 0, 0 },
		{ "h0", 10, 56 },
		{ "h1", 0, 0 },
		{ "nothing", 3, 3 },
		{ "orders", 300, 17794 },
		{ "pg_largeobject", 3, 2200046 },
	};
	struct fixture *f = *state;

	assert_int_equal(f->contents.table_count, sizeof(tables) / sizeof(tables[0]));
	for (size_t i = 0; i < f->contents.table_count; i++) {
		const struct content_table *t = &f->contents.tables[i];
		struct fingerprint read = { 0 };
		struct buf rows = BUF_INIT;
		struct err e = ERR_INIT;

		assert_string_equal(t->table.name, tables[i].name);
		assert_int_equal(t->fingerprint.rows, tables[i].rows);
		assert_int_equal(t->pieces.bytes, tables[i].bytes);
		if (!chunk_store_get_stream(&rows, f->s, &t->pieces, &e))
			fail_msg("%s", e.msg);
		assert_true(fingerprint_add_text(&read, buf_view(&rows)));
		assert_true(fingerprint_equal(&read, &t->fingerprint));
		buf_release(&rows);
	}
	assert_string_equal(f->contents.tables[2].table.load_root, "public.h");
}

static void test_everything_else(void **state)
{
	struct fixture *f = *state;
	struct buf schema = BUF_INIT, globals = BUF_INIT;
	struct proof *p = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(f->contents.sequences.count, 2);
	assert_true(f->contents.sequences.items[0].last_value == 9007199254740993);
	assert_true(f->contents.sequences.items[1].last_value == -INT64_MAX);
	assert_int_equal(f->contents.matviews.count, 2);
	assert_int_equal(f->contents.large_objects.count, 3);
	assert_string_equal(f->contents.large_objects.items[0].comment, "it's \\ a picture");
	assert_int_equal(f->contents.roles.count, 3);
	assert_string_equal(f->contents.database.settings.items[0], "ALTER DATABASE %1$s SET \"work_mem\" TO '5MB'");
	assert_true(chunk_store_get_stream(&schema, f->s, &f->m->schema, &e));
	assert_memory_equal(schema.data, "PGDMP", 5);
	assert_true(chunk_store_get_stream(&globals, f->s, &f->m->globals, &e));
	assert_non_null(strstr(buf_str(&globals), "CREATE ROLE golden_app;"));
	assert_true(proof_load_newest(&p, f->r, DATABASE, ID, &e));
	assert_int_equal(p->outcome, PROOF_GOOD);
	assert_int_equal(p->phase_count, 5);
	proof_free(p);
	buf_release(&schema);
	buf_release(&globals);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_manifest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_row_of_every_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_everything_else, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
