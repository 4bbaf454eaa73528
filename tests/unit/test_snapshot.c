/* Whole snapshots into stores that fail: what is listed is complete, and the next run works. */
#include "tests/unit/server.h"

#include "src/snapshot/snapshot.h"
#include "storage/repository/chunk_store.h"
#include "storage/repository/contents.h"

#define DATABASE "drtool_test_snapshot"
/* With ThreadSanitizer it is threads that are looked at, and every operation is broken in other trees. */
#ifdef __SANITIZE_THREAD__
#define STRIDE 4
#else
#define STRIDE 1
#endif

static void sql(const char *dbname, const char *text)
{
	struct conninfo *c = server();
	struct pg_session *s;
	struct err e = ERR_INIT;

	conninfo_set(c, "dbname", dbname);
	ok_or_fail(pg_session_open(&s, c, PG_SESSION_PLAIN, NULL, NULL, &e), &e);
	ok_or_fail(pg_exec(s, text, &e), &e);
	pg_session_close(s);
	conninfo_free(c);
}

static int make_database(void **state)
{
	(void)state;
	if (!getenv("DRTOOL_TEST_SERVER"))
		return 0;
	sql("postgres", "DROP DATABASE IF EXISTS " DATABASE);
	sql("postgres", "CREATE DATABASE " DATABASE);
	sql(DATABASE, "CREATE TABLE public.large (id bigint PRIMARY KEY, text text)");
	sql(DATABASE, "INSERT INTO public.large SELECT g, pg_catalog.md5(g::text) || pg_catalog.md5((g + 1)::text)"
	              " FROM pg_catalog.generate_series(1, 120000) g");
	sql(DATABASE, "CREATE TABLE public.small (a int); INSERT INTO public.small VALUES (1), (2), (NULL)");
	sql(DATABASE, "CREATE SEQUENCE public.numbers; SELECT pg_catalog.nextval('public.numbers')");
	return 0;
}

static int drop_database(void **state)
{
	(void)state;
	if (getenv("DRTOOL_TEST_SERVER"))
		sql("postgres", "DROP DATABASE " DATABASE);
	return 0;
}

static bool snapshot_once(struct snapshot_result *out, struct repository *r, struct err *e)
{
	struct conninfo *c = server();
	struct snapshot_options o = { .source = c, .jobs = 2, .lock_wait_s = 5 };
	bool ok;

	conninfo_set(c, "dbname", DATABASE);
	ok = snapshot_take(out, r, &o, NULL, NULL, e);
	conninfo_free(c);
	return ok;
}

/* Every chunk of every listed snapshot is there and is what its name says, and the rows add up. */
static size_t assert_listed_is_whole(struct repository *r)
{
	struct manifest_list list = { 0 };
	struct chunk_store *store;
	struct decompressor *d = decompressor_new();
	struct buf plain = BUF_INIT, frame = BUF_INIT;
	struct err e = ERR_INIT;
	size_t count;

	ok_or_fail(manifest_list_load(&list, r, NULL, &e), &e);
	assert_int_equal(list.damaged, 0);
	ok_or_fail(chunk_store_open_read(&store, r, &e), &e);
	for (size_t i = 0; i < list.count; i++) {
		struct buf text = BUF_INIT;
		struct contents c = { 0 };

		ok_or_fail(chunk_store_get_stream(&text, store, &list.items[i]->contents, &e), &e);
		ok_or_fail(contents_parse(&c, buf_view(&text), &e), &e);
		for (size_t t = 0; t < c.table_count; t++) {
			struct fingerprint sum = { 0 };

			for (size_t p = 0; p < c.tables[t].pieces.count; p++) {
				const struct piece *piece = &c.tables[t].pieces.items[p];

				ok_or_fail(chunk_store_get(&plain, store, piece, d, &frame, &e), &e);
				assert_true(fingerprint_add_text(
				        &sum, (struct view){ plain.data + piece->offset, (size_t)piece->length }));
			}
			assert_true(fingerprint_equal(&sum, &c.tables[t].fingerprint));
		}
		buf_clear(&text);
		ok_or_fail(chunk_store_get_stream(&text, store, &list.items[i]->schema, &e), &e);
		assert_memory_equal(text.data, "PGDMP", 5);
		contents_release(&c);
		buf_release(&text);
	}
	count = list.count;
	manifest_list_release(&list);
	chunk_store_close(store);
	buf_release(&plain);
	buf_release(&frame);
	decompressor_free(d);
	return count;
}

static struct repository *repository_over(struct storage *storage, bool create)
{
	struct repository *r = NULL;
	struct err e = ERR_INIT;

	ok_or_fail(repository_open_storage(&r, storage, create, &e), &e);
	return r;
}

/*
 * The store of one repository handed from wrapper to wrapper: `lend` makes a storage whose close leaves the inner one
 * open.
 */
static void lent_close(void *impl)
{
	(void)impl;
}

static struct storage *lend(struct storage *inner, struct storage_ops *ops)
{
	struct storage *s = xcalloc(1, sizeof *s);

	*ops = *inner->ops;
	ops->close = lent_close;
	*s = (struct storage){ .ops = ops, .impl = inner->impl, .where = xstrdup(inner->where) };
	return s;
}

/* One run whose nth operation of this kind goes wrong; false once there are fewer operations than that. */
static bool broken_run(bool *ok, struct storage *keep, enum fault_op op, unsigned nth, enum fault_how how)
{
	struct storage_ops lent;
	/* Opening reads drtool.json: not the operation that is to break. */
	struct storage *faulty = storage_new_fault(lend(keep, &lent), op, op == FAULT_GET ? nth + 1 : nth, how);
	struct repository *r = NULL;
	struct snapshot_result result;
	struct err e = ERR_INIT;
	bool fired;

	ok_or_fail(repository_open_storage(&r, faulty, false, &e), &e);
	*ok = snapshot_once(&result, r, &e);
	fired = storage_fault_fired(faulty);
	if (!*ok)
		assert_true(e.kind != ERR_NONE && e.msg[0] != '\0');
	repository_close(r);
	return fired;
}

static struct storage *new_repository(struct storage *keep)
{
	struct storage_ops lent;

	repository_close(repository_over(lend(keep, &lent), true));
	return keep;
}

static void break_every_operation(enum fault_op op, enum fault_how how)
{
	bool fired = true;

	for (unsigned nth = 1; fired; nth += STRIDE) {
		struct storage *keep = new_repository(storage_new_memory());
		struct storage_ops lent;
		struct snapshot_result result;
		struct err e = ERR_INIT;
		struct repository *r;
		bool ok;

		fired = broken_run(&ok, keep, op, nth, how);
		assert_true(fired || nth > 1);
		r = repository_over(lend(keep, &lent), false);
		assert_int_equal(assert_listed_is_whole(r), ok);
		ok_or_fail(snapshot_once(&result, r, &e), &e); /* whatever it was, the next run works */
		assert_int_equal(assert_listed_is_whole(r), ok + 1);
		repository_close(r);
		storage_close(keep);
	}
}

static void a_put_that_fails_lists_nothing(void **state)
{
	(void)state;
	NEED_SERVER();
	break_every_operation(FAULT_PUT, FAULT_NO_SPACE);
}

static void a_list_that_fails_lists_nothing(void **state)
{
	(void)state;
	NEED_SERVER();
	break_every_operation(FAULT_LIST, FAULT_BEFORE);
}

static void a_sync_that_fails_lists_nothing(void **state)
{
	(void)state;
	NEED_SERVER();
	break_every_operation(FAULT_SYNC, FAULT_BEFORE);
}

static void a_remove_that_fails_harms_nothing(void **state)
{
	(void)state;
	NEED_SERVER();
	break_every_operation(FAULT_REMOVE, FAULT_BEFORE);
}

/* A run that dies at its nth write, and then the power goes. */
static void a_power_cut_leaves_what_is_listed_whole(void **state)
{
	bool fired = true;

	(void)state;
	NEED_SERVER();
	for (unsigned nth = 1; fired; nth += STRIDE) {
		struct storage *keep = new_repository(storage_new_volatile(storage_new_memory()));
		struct storage_ops lent;
		struct snapshot_result result;
		struct err e = ERR_INIT;
		struct repository *r;
		bool ok;

		fired = broken_run(&ok, keep, FAULT_PUT, nth, FAULT_BEFORE);
		storage_power_cut(keep, nth);
		r = repository_over(lend(keep, &lent), false);
		assert_int_equal(assert_listed_is_whole(r), ok);
		ok_or_fail(snapshot_once(&result, r, &e), &e);
		storage_power_cut(keep, nth);
		assert_int_equal(assert_listed_is_whole(r), ok + 1);
		repository_close(r);
		storage_close(keep);
	}
}

/* Two runs one after the other: nothing but the documents is new. */
static void the_second_snapshot_stores_next_to_nothing(void **state)
{
	struct repository *r;
	struct snapshot_result first, second;
	struct err e = ERR_INIT;

	(void)state;
	NEED_SERVER();
	r = repository_over(storage_new_memory(), true);
	ok_or_fail(snapshot_once(&first, r, &e), &e);
	ok_or_fail(snapshot_once(&second, r, &e), &e);
	assert_int_equal(first.rows, 120003);
	assert_int_equal(second.rows, 120003);
	assert_true(second.chunks_known >= 2);
	assert_true(second.stored_new_bytes * 10 < first.stored_new_bytes);
	assert_string_not_equal(first.id, second.id);
	assert_int_equal(assert_listed_is_whole(r), 2);
	repository_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_snapshot_stores_next_to_nothing),
		cmocka_unit_test(a_put_that_fails_lists_nothing),
		cmocka_unit_test(a_list_that_fails_lists_nothing),
		cmocka_unit_test(a_sync_that_fails_lists_nothing),
		cmocka_unit_test(a_remove_that_fails_harms_nothing),
		cmocka_unit_test(a_power_cut_leaves_what_is_listed_whole),
	};

	return cmocka_run_group_tests(tests, make_database, drop_database);
}
