/* What a writer leaves behind when the store fails under it, at every operation. */
#include "tests/unit/chunk_store_fixture.h"

#include "src/base/clock.h"
#include "src/codec/chunker.h"
#include "storage/repository/pruning.h"
#include <errno.h>
#include <pthread.h>

/* What a snapshot does with the repository, over whatever storage. True: its manifest has been written. */
static bool snapshot_once(struct repository *r, const char *id, struct err *e)
{
	struct manifest m = fixture_manifest("shop", id, 1);
	struct compressor *c = compressor_new(1);
	struct chunk_store *s = NULL;
	struct piece_list rows = PIECE_LIST_INIT;
	bool ok = false;

	if (!chunk_store_open_write(&s, r, e))
		goto done;
	for (unsigned i = 0; i < 6; i++) {
		char text[32];

		snprintf(text, sizeof(text), "rows of table %u\n", i);
		if (!chunk_store_put_stream(&rows, s, view_str(text), c, e))
			goto done;
	}
	fixture_manifest_release(&m);
	piece_list_append(&m.contents, &rows);
	ok = chunk_store_sync(s, e) && manifest_save(r, &m, e);
done:
	fixture_manifest_release(&m);
	piece_list_release(&rows);
	chunk_store_close(s);
	compressor_free(c);
	return ok;
}

/* Every snapshot listed must be whole; returns how many there are. */
static size_t count_whole(struct repository *r)
{
	struct manifest_list l;
	struct chunk_store *s = NULL;
	struct err e = ERR_INIT;

	assert_true(manifest_list_load(&l, r, NULL, &e));
	assert_int_equal(l.damaged, 0);
	assert_true(chunk_store_open_read(&s, r, &e));
	for (size_t i = 0; i < l.count; i++) {
		struct buf out = BUF_INIT;

		if (!chunk_store_get_stream(&out, s, &l.items[i]->contents, &e))
			fail_msg("a listed snapshot is not whole: %s", e.msg);
		assert_int_equal(out.len, 6 * strlen("rows of table 0\n"));
		buf_release(&out);
	}
	size_t count = l.count;
	manifest_list_release(&l);
	chunk_store_close(s);
	return count;
}

/* Break every list or sync once; returns how many there were to break. */
static unsigned break_each(enum fault_op op, enum fault_how how)
{
	for (unsigned nth = 1;; nth++) {
		struct storage *memory = new_storage();
		struct repository *r = fixture_repository_over(storage_new_fault(memory, op, nth, how));
		struct err e = ERR_INIT;

		bool ok = snapshot_once(r, "20260501-120000-aaaaaa", &e);
		bool fired = storage_fault_fired(r->storage);
		if (ok == fired)
			fail_msg("fault %u of operation %d: ok %d, fired %d, %s", nth, (int)op, ok, fired, e.msg);
		if (!fired) {
			repository_close(r);
			return nth - 1;
		}
		assert_int_equal(count_whole(r), 0);
		/* And the next run works. */
		e = (struct err)ERR_INIT;
		if (!snapshot_once(r, "20260502-120000-bbbbbb", &e))
			fail_msg("after fault %u: %s", nth, e.msg);
		assert_int_equal(count_whole(r), 1);
		repository_close(r);
	}
}

static void test_break_every_list_and_sync_once(void **state)
{
	(void)state;
	assert_int_equal(break_each(FAULT_LIST, FAULT_BEFORE), 5);
	assert_int_equal(break_each(FAULT_LIST, FAULT_AFTER), 5);
	assert_int_equal(break_each(FAULT_SYNC, FAULT_BEFORE), 1);
	assert_int_equal(break_each(FAULT_SYNC, FAULT_AFTER), 1);
}

/* Puts: 1 for drtool.json, 6 chunks, the manifest. */
static void test_break_every_put_once(void **state)
{
	static const enum fault_how hows[] = { FAULT_BEFORE, FAULT_AFTER, FAULT_NO_SPACE };

	(void)state;
	for (size_t h = 0; h < sizeof(hows) / sizeof(hows[0]); h++) {
		for (unsigned nth = 2; nth <= 8; nth++) {
			struct repository *r = fixture_repository_over(
			        storage_new_fault(new_storage(), FAULT_PUT, nth, hows[h]));
			struct err e = ERR_INIT;

			/* A manifest is tried twice: the store may only have refused to create, or its answer was lost.
			 */
			bool ok = snapshot_once(r, "20260501-120000-aaaaaa", &e);
			assert_int_equal(ok, nth == 8 && hows[h] != FAULT_NO_SPACE);
			assert_true(storage_fault_fired(r->storage));
			if (hows[h] == FAULT_NO_SPACE)
				assert_int_equal(e.sys, ENOSPC);
			size_t listed = count_whole(r);
			assert_int_equal(listed, ok);
			e = (struct err)ERR_INIT;
			assert_true(snapshot_once(r, "20260502-120000-bbbbbb", &e));
			assert_int_equal(count_whole(r), listed + 1);
			repository_close(r);
		}
	}
}

static void test_a_chunk_cut_while_writing_is_found_and_healed(void **state)
{
	(void)state;
	for (unsigned nth = 2; nth <= 7; nth++) {
		struct repository *r = fixture_repository_over(
		        storage_new_fault(new_storage(), FAULT_PUT, nth, FAULT_CORRUPT));
		struct chunk_store *s = NULL;
		struct manifest *m = NULL;
		struct buf out = BUF_INIT;
		struct err e = ERR_INIT;

		assert_true(snapshot_once(r, "20260501-120000-aaaaaa", &e));
		assert_true(storage_fault_fired(r->storage));
		assert_true(manifest_load(&m, r, "shop", "20260501-120000-aaaaaa", &e));
		assert_true(chunk_store_open_read(&s, r, &e));
		assert_false(chunk_store_get_stream(&out, s, &m->contents, &e));
		assert_int_equal(e.kind, ERR_DAMAGED);
		/* The next snapshot that still has the rows brings both back. */
		e = (struct err)ERR_INIT;
		assert_true(snapshot_once(r, "20260502-120000-bbbbbb", &e));
		assert_int_equal(count_whole(r), 2);
		manifest_free(m);
		chunk_store_close(s);
		buf_release(&out);
		repository_close(r);
	}
}

static void test_a_read_that_fails_or_lies_is_never_believed(void **state)
{
	static const enum fault_how hows[] = { FAULT_BEFORE, FAULT_AFTER, FAULT_CORRUPT };

	(void)state;
	for (size_t h = 0; h < sizeof(hows) / sizeof(hows[0]); h++) {
		/* Gets: 1 for drtool.json, 1 for the manifest, 6 chunks. */
		for (unsigned nth = 2; nth <= 9; nth++) {
			struct repository *r = fixture_repository_over(
			        storage_new_fault(new_storage(), FAULT_GET, nth, hows[h]));
			struct chunk_store *s = NULL;
			struct manifest *m = NULL;
			struct buf out = BUF_INIT;
			struct err e = ERR_INIT;

			assert_true(snapshot_once(r, "20260501-120000-aaaaaa", &e));
			assert_true(chunk_store_open_read(&s, r, &e));
			bool ok = manifest_load(&m, r, "shop", "20260501-120000-aaaaaa", &e) &&
			          chunk_store_get_stream(&out, s, &m->contents, &e);
			assert_int_equal(storage_fault_fired(r->storage), nth <= 8);
			assert_int_equal(ok, nth > 8);
			if (!ok)
				assert_int_equal(e.kind, hows[h] == FAULT_CORRUPT ? ERR_DAMAGED : ERR_FAILED);
			manifest_free(m);
			chunk_store_close(s);
			buf_release(&out);
			repository_close(r);
		}
	}
}

static void test_a_repair_that_does_not_read_back_is_an_error(void **state)
{
	/* get 1 was drtool.json; 2 is the test's own; 3 finds the damage; 4 reads back */
	struct fixture f = fixture_over(storage_new_fault(new_storage(), FAULT_GET, 4, FAULT_CORRUPT));
	struct piece p = must_put(&f, "rows\n"), q;
	struct err e = ERR_INIT;

	(void)state;
	flip(&f, &p);
	assert_false(get(&f, &p, &e));
	assert_false(put(&q, &f, "rows\n", &e));
	assert_int_equal(e.kind, ERR_DAMAGED);
	assert_non_null(strstr(e.msg, "does not read back"));
	assert_true(storage_fault_fired(f.r->storage));
	assert_true(exists(&f, OBJECT_DAMAGED, &p));
	if (far_away) {
		/* the first failed upload ends a store */
		assert_false(chunk_store_sync(f.s, &e));
		reopen(&f);
	}
	e = (struct err)ERR_INIT;
	assert_true(put(&q, &f, "rows\n", &e));
	assert_false(exists(&f, OBJECT_DAMAGED, &p));
	release(&f);
}

static void test_a_power_cut_leaves_listed_snapshots_whole(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 64; seed++) {
		struct repository *r = fixture_repository_over(storage_new_volatile(new_storage()));
		struct fixture f = { .r = r, .c = compressor_new(1), .d = decompressor_new() };
		struct err e = ERR_INIT;

		open_writer(&f);
		/* chunks of a snapshot that never got further: some of their names reach the disk */
		for (unsigned i = 0; i < 3; i++) {
			char text[32];

			snprintf(text, sizeof(text), "rows of table %u\n", i);
			must_put(&f, text);
		}
		if (seed % 2)
			storage_power_cut(r->storage, seed);
		/* a second writer finds them, relies on them, and makes their names durable */
		assert_true(snapshot_once(r, "20260501-120000-aaaaaa", &e));
		must_put(&f, "unsynced\n");
		storage_power_cut(r->storage, seed + 1000);
		assert_int_equal(count_whole(r), 1);
		release(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_break_every_list_and_sync_once),
		cmocka_unit_test(test_break_every_put_once),
		cmocka_unit_test(test_a_chunk_cut_while_writing_is_found_and_healed),
		cmocka_unit_test(test_a_read_that_fails_or_lies_is_never_believed),
		cmocka_unit_test(test_a_repair_that_does_not_read_back_is_an_error),
		cmocka_unit_test(test_a_power_cut_leaves_listed_snapshots_whole),
	};

	int near = cmocka_run_group_tests_name("near", tests, NULL, NULL);

	far_away = true;
	return near + cmocka_run_group_tests_name("far", tests, NULL, NULL);
}
