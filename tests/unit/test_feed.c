/* Pieces come in order, several chunks ahead, and what goes wrong comes in its place. */
#include "tests/unit/chunk_store_fixture.h"

#include <time.h>

#include "restore/feed.h"
#include "src/base/clock.h"

#define CHUNKS 48
#define PARTS  3 /* pieces of each chunk */

/* A table of chunks of three rows, each row a piece of its own. */
struct table {
	struct fixture f;
	struct piece pieces[CHUNKS * PARTS];
	struct feed_item items[CHUNKS * PARTS];
	struct chunk_store *reader;
};

static void row_text(char out[32], size_t i)
{
	snprintf(out, 32, "%zu\trow %zu\n", i, i * i);
}

static void setup_over(struct table *t, struct storage *s)
{
	struct err e = ERR_INIT;

	*t = (struct table){ .f = fixture_over(s) };
	for (size_t i = 0; i < CHUNKS; i++) {
		char text[32 * PARTS] = "", row[32];
		size_t offset = 0;
		struct piece whole;

		for (size_t k = 0; k < PARTS; k++) {
			row_text(row, i * PARTS + k);
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s", row);
		}
		assert_true(chunk_store_put(&whole, t->f.s, view_str(text), t->f.c, &t->f.scratch, &e));
		for (size_t k = 0; k < PARTS; k++) {
			struct piece *p = &t->pieces[i * PARTS + k];

			*p = whole;
			row_text(row, i * PARTS + k);
			p->offset = offset;
			p->length = strlen(row);
			offset += p->length;
			t->items[i * PARTS + k] = (struct feed_item){ p, 1000 + i * PARTS + k };
		}
	}
	assert_true(chunk_store_sync(t->f.s, &e));
	assert_true(chunk_store_open_read(&t->reader, t->f.r, &e));
}

static void release_table(struct table *t)
{
	chunk_store_close(t->reader);
	release(&t->f);
}

/* Parts in order until the end or an error; returns how many. */
static size_t read_all(struct feed *f, int *state, bool fingerprints, struct err *e)
{
	struct feed_part part;
	size_t n = 0;

	while ((*state = feed_next(&part, f, e)) == 1) {
		struct fingerprint expected = { 0 };
		char row[32];

		row_text(row, n);
		assert_int_equal(part.slot, 1000 + n);
		assert_true(view_eq(part.data, view_str(row)));
		fingerprint_add_text(&expected, view_str(row));
		assert_int_equal(fingerprint_equal(&part.fingerprint, &expected), fingerprints);
		n++;
	}
	return n;
}

static void test_parts_come_in_order_and_a_feed_can_start_again(void **state)
{
	struct table t;
	struct err e = ERR_INIT;
	int end;

	(void)state;
	setup_over(&t, new_storage());
	for (int fingerprints = 0; fingerprints < 2; fingerprints++) {
		struct feed *f = feed_new(t.reader, 1 << 20, fingerprints);

		assert_true(feed_start(f, t.items, 0, &e));
		assert_int_equal(read_all(f, &end, fingerprints, &e), 0);
		assert_int_equal(end, 0);
		for (int again = 0; again < 3; again++) {
			assert_true(feed_start(f, t.items, CHUNKS * PARTS, &e));
			assert_int_equal(read_all(f, &end, fingerprints, &e), CHUNKS * PARTS);
			assert_int_equal(end, 0);
		}
		feed_free(f);
	}
	release_table(&t);
}

static void test_a_feed_can_be_stopped_anywhere(void **state)
{
	struct table t;
	struct feed *f;
	struct feed_part part;
	struct err e = ERR_INIT;

	(void)state;
	setup_over(&t, new_storage());
	f = feed_new(t.reader, 1 << 20, true);
	feed_stop(f);
	for (int parts = 0; parts < 20; parts++) {
		assert_true(feed_start(f, t.items, CHUNKS * PARTS, &e));
		for (int i = 0; i < parts; i++)
			assert_int_equal(feed_next(&part, f, &e), 1);
		feed_stop(f);
	}
	assert_true(feed_start(f, t.items, CHUNKS * PARTS, &e));
	feed_free(f);
	release_table(&t);
}

static void test_a_slow_store_is_asked_for_several_chunks_at_once(void **state)
{
	struct storage *slow = storage_new_slow(storage_new_memory(), 20);
	struct table t;
	struct feed *f;
	struct err e = ERR_INIT;
	unsigned calls;
	int end;

	(void)state;
	setup_over(&t, slow);
	f = feed_new(t.reader, 1 << 20, true);
	calls = storage_slow_calls(slow);
	assert_true(feed_start(f, t.items, CHUNKS * PARTS, &e));
	assert_int_equal(read_all(f, &end, true, &e), CHUNKS * PARTS);
	assert_in_range(storage_slow_peak(slow), 4, 16);
	assert_int_equal(storage_slow_calls(slow) - calls, CHUNKS); /* neighbours in one chunk are one request */
	feed_free(f);
	release_table(&t);
}

static void test_what_is_ahead_is_bounded_in_bytes(void **state)
{
	struct storage *slow = storage_new_slow(storage_new_memory(), 1);
	struct table t;
	struct feed *f;
	struct feed_part part;
	struct err e = ERR_INIT;
	unsigned calls;

	(void)state;
	setup_over(&t, slow);
	/* room for the first three chunks, not for a fourth */
	f = feed_new(t.reader,
	        (size_t)(t.pieces[2].offset + t.pieces[2].length + t.pieces[5].offset + t.pieces[5].length +
	                 t.pieces[8].offset + t.pieces[8].length),
	        true);
	calls = storage_slow_calls(slow);
	assert_true(feed_start(f, t.items, CHUNKS * PARTS, &e));
	assert_int_equal(feed_next(&part, f, &e), 1);
	struct timespec pause = { .tv_nsec = 200000000 };
	nanosleep(&pause, NULL);
	assert_int_equal(storage_slow_calls(slow) - calls, 3);
	feed_free(f);
	/* no room at all is room for one */
	f = feed_new(t.reader, 1, true);
	calls = storage_slow_calls(slow);
	assert_true(feed_start(f, t.items, CHUNKS * PARTS, &e));
	assert_int_equal(feed_next(&part, f, &e), 1);
	nanosleep(&pause, NULL);
	assert_int_equal(storage_slow_calls(slow) - calls, 1);
	feed_free(f);
	release_table(&t);
}

static void test_a_bad_chunk_comes_after_the_good_ones_before_it(void **state)
{
	(void)state;
	for (size_t bad = 0; bad < CHUNKS; bad += 5) {
		struct table t;
		struct feed *f;
		struct feed_part part;
		struct err e = ERR_INIT;
		int end;

		setup_over(&t, new_storage());
		flip(&t.f, &t.pieces[bad * PARTS]);
		f = feed_new(t.reader, 1 << 20, true);
		assert_true(feed_start(f, t.items, CHUNKS * PARTS, &e));
		assert_int_equal(read_all(f, &end, true, &e), bad * PARTS);
		assert_int_equal(end, -1);
		assert_int_equal(e.kind, ERR_DAMAGED);
		assert_int_equal(feed_next(&part, f, &e), -1); /* and stays */
		feed_free(f);
		release_table(&t);
	}
}

static void test_a_piece_that_is_not_whole_rows_is_damage(void **state)
{
	struct table t;
	struct feed *f;
	struct feed_part part;
	struct err e = ERR_INIT;

	(void)state;
	setup_over(&t, new_storage());
	t.pieces[1].length--;
	f = feed_new(t.reader, 1 << 20, true);
	assert_true(feed_start(f, t.items, CHUNKS * PARTS, &e));
	assert_int_equal(feed_next(&part, f, &e), -1);
	assert_int_equal(e.kind, ERR_DAMAGED);
	feed_free(f);
	/* past the end of its chunk */
	t.pieces[1].length = 1000;
	e = (struct err)ERR_INIT;
	f = feed_new(t.reader, 1 << 20, false);
	assert_true(feed_start(f, t.items, CHUNKS * PARTS, &e));
	assert_int_equal(feed_next(&part, f, &e), -1);
	assert_int_equal(e.kind, ERR_DAMAGED);
	feed_free(f);
	release_table(&t);
}

static void test_break_every_get_once(void **state)
{
	(void)state;
	/* 1 was drtool.json */
	for (unsigned nth = 2; nth <= CHUNKS + 1; nth++) {
		struct table t;
		struct feed *f;
		struct err e = ERR_INIT;
		int end;

		setup_over(&t, storage_new_fault(new_storage(), FAULT_GET, nth, FAULT_BEFORE));
		f = feed_new(t.reader, 1 << 20, true);
		assert_true(feed_start(f, t.items, CHUNKS * PARTS, &e));
		assert_true(read_all(f, &end, true, &e) < CHUNKS * PARTS);
		assert_int_equal(end, -1);
		assert_int_equal(e.kind, ERR_FAILED);
		assert_true(storage_fault_fired(t.f.r->storage));
		feed_free(f);
		release_table(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts_come_in_order_and_a_feed_can_start_again),
		cmocka_unit_test(test_a_feed_can_be_stopped_anywhere),
		cmocka_unit_test(test_a_slow_store_is_asked_for_several_chunks_at_once),
		cmocka_unit_test(test_what_is_ahead_is_bounded_in_bytes),
		cmocka_unit_test(test_a_bad_chunk_comes_after_the_good_ones_before_it),
		cmocka_unit_test(test_a_piece_that_is_not_whole_rows_is_damage),
		cmocka_unit_test(test_break_every_get_once),
	};
	int near = cmocka_run_group_tests_name("near", tests, NULL, NULL);

	far_away = true;
	return near + cmocka_run_group_tests_name("far", tests, NULL, NULL);
}
