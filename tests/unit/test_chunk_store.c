#include "tests/unit/chunk_store_fixture.h"

#include "src/base/clock.h"
#include "src/codec/chunker.h"
#include "storage/repository/pruning.h"
#include <errno.h>
#include <pthread.h>

static void test_a_chunk_is_named_by_its_bytes_and_comes_back(void **state)
{
	struct fixture f = fixture_over(new_storage());
	struct piece p = must_put(&f, "1\tone\n2\ttwo\n");
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(p.offset, 0);
	assert_int_equal(p.length, 12);
	assert_string_equal(hex_of(&p).hex, "2aea860edf2a80612508fe114c77f1c9ede1d14ef8167844a4aa78baad5f9d1f");
	assert_true(get(&f, &p, &e));
	assert_string_equal(buf_str(&f.plain), "1\tone\n2\ttwo\n");
	assert_int_equal(f.frame.len, p.stored);
	release(&f);
}

static void test_a_known_chunk_is_not_stored_again(void **state)
{
	struct fixture f = fixture_over(new_storage());
	struct piece a = must_put(&f, "a\n"), b;

	(void)state;
	b = must_put(&f, "a\n");
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(totals(&f).chunks_new, 1);
	assert_int_equal(totals(&f).chunks_known, 1);
	assert_int_equal(totals(&f).plain_bytes, 4);
	assert_int_equal(totals(&f).stored_new_bytes, a.stored);
	reopen(&f);
	b = must_put(&f, "a\n");
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(totals(&f).chunks_new, 0);
	assert_int_equal(totals(&f).stored_new_bytes, 0);
	release(&f);
}

static void test_nothing_and_too_much_are_no_chunks(void **state)
{
	struct fixture f = fixture_over(new_storage());
	struct err e = ERR_INIT;
	struct piece p;

	(void)state;
	assert_false(put(&p, &f, "", &e));
	assert_int_equal(e.kind, ERR_FAILED);
	assert_false(chunk_store_put(
	        &p, f.s, (struct view){ (const uint8_t *)"", CHUNK_PLAIN_MAX + 1 }, f.c, &f.scratch, &e));
	release(&f);
}

/* What a broken disk may do to a chunk. */
static void cut(struct fixture *f, const struct piece *p)
{
	struct buf frame = stored(f, p);

	replace(f, p, (struct view){ frame.data, frame.len / 2 });
	buf_release(&frame);
}

static void empty(struct fixture *f, const struct piece *p)
{
	replace(f, p, view_str(""));
}

static void lose(struct fixture *f, const struct piece *p)
{
	struct key_of k = hex_of(p);
	struct err e = ERR_INIT;

	assert_true(storage_remove(f->r->storage, (struct object_key){ OBJECT_CHUNK, k.hex }, &e));
}

static void swap(struct fixture *f, const struct piece *p)
{
	struct piece other = must_put(f, "another chunk\n");
	struct buf frame = stored(f, &other);

	replace(f, p, buf_view(&frame));
	buf_release(&frame);
}

static void test_damage_is_noticed_recorded_and_healed(void **state)
{
	static void (*const harms[])(struct fixture *, const struct piece *) = { cut, empty, flip, lose, swap };

	(void)state;
	for (size_t i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
		struct fixture f = fixture_over(new_storage());
		struct piece p = must_put(&f, "some rows\nof a table\n"), again;
		struct err e = ERR_INIT;

		harms[i](&f, &p);
		assert_false(get(&f, &p, &e));
		assert_int_equal(e.kind, ERR_DAMAGED);
		assert_non_null(strstr(e.msg, hex_of(&p).hex));
		assert_int_not_equal(e.hint[0], 0);
		assert_true(exists(&f, OBJECT_DAMAGED, &p));
		/* the next snapshot, and also the one that met it */
		if (i % 2)
			reopen(&f);
		again = must_put(&f, "some rows\nof a table\n");
		assert_memory_equal(&again, &p, sizeof(p));
		assert_false(exists(&f, OBJECT_DAMAGED, &p));
		e = (struct err)ERR_INIT;
		assert_true(get(&f, &p, &e));
		assert_string_equal(buf_str(&f.plain), "some rows\nof a table\n");
		assert_true(chunk_store_sync(f.s, &e));
		release(&f);
	}
}

static void test_damage_recorded_by_another_is_not_relied_on(void **state)
{
	struct fixture f = fixture_over(new_storage());
	struct piece p = must_put(&f, "rows\n");
	struct key_of k = hex_of(&p);
	struct err e = ERR_INIT;

	(void)state;
	reopen(&f);
	must_put(&f, "rows\n");
	assert_true(storage_put(f.r->storage, (struct object_key){ OBJECT_DAMAGED, k.hex },
	        view_str("found by a reader"), PUT_REPLACE, &e));
	assert_false(chunk_store_sync(f.s, &e));
	assert_int_equal(e.kind, ERR_CONFLICT);
	/* starting over heals it */
	reopen(&f);
	must_put(&f, "rows\n");
	assert_int_equal(totals(&f).chunks_new, 1);
	assert_false(exists(&f, OBJECT_DAMAGED, &p));
	assert_true(chunk_store_sync(f.s, &e));
	release(&f);
}

static void test_an_empty_object_is_unknown(void **state)
{
	struct fixture f = fixture_over(new_storage());
	struct piece p = must_put(&f, "rows\n");
	struct err e = ERR_INIT;

	(void)state;
	empty(&f, &p);
	reopen(&f);
	must_put(&f, "rows\n");
	assert_int_equal(totals(&f).chunks_new, 1);
	assert_true(get(&f, &p, &e));
	release(&f);
}

static void test_a_cut_chunk_nobody_read_is_not_relied_on(void **state)
{
	struct fixture f = fixture_over(new_storage());
	struct piece p = must_put(&f, "some rows that compress to more than a few bytes\n"),
	             q = must_put(&f, "others\n");
	struct piece_list earlier = PIECE_LIST_INIT;
	struct err e = ERR_INIT;

	(void)state;
	cut(&f, &p);
	reopen(&f);
	piece_list_add(&earlier, p);
	piece_list_add(&earlier, q);
	chunk_store_expect(f.s, &earlier);
	must_put(&f, "others\n");
	assert_int_equal(totals(&f).chunks_new, 0);
	must_put(&f, "some rows that compress to more than a few bytes\n");
	assert_int_equal(totals(&f).chunks_new, 1);
	assert_true(get(&f, &p, &e));
	piece_list_release(&earlier);
	release(&f);
}

static void test_a_chunk_stored_again_at_another_level_is_good(void **state)
{
	struct fixture f = fixture_over(new_storage());
	struct compressor *other = compressor_new(19);
	struct buf text = BUF_INIT, frame = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		buf_addf(&text, "%u\tsome text %u\n", i, i * i);
	struct piece p = must_put(&f, buf_str(&text));
	assert_true(compressor_run(&frame, other, buf_view(&text), &e));
	assert_int_not_equal(frame.len, p.stored);
	replace(&f, &p, buf_view(&frame));
	assert_true(get(&f, &p, &e));
	assert_true(view_eq(buf_view(&f.plain), buf_view(&text)));
	assert_false(exists(&f, OBJECT_DAMAGED, &p));
	compressor_free(other);
	buf_release(&text);
	buf_release(&frame);
	release(&f);
}

static void test_a_piece_past_the_end_is_the_lists_fault(void **state)
{
	struct fixture f = fixture_over(new_storage());
	struct piece p = must_put(&f, "rows\n");
	struct err e = ERR_INIT;

	(void)state;
	p.offset = 3;
	assert_false(get(&f, &p, &e));
	assert_int_equal(e.kind, ERR_DAMAGED);
	p.offset = UINT64_MAX;
	assert_false(get(&f, &p, &e));
	assert_false(exists(&f, OBJECT_DAMAGED, &p));
	release(&f);
}

static void write_candidates(struct fixture *f, const char *name, const struct piece *p)
{
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	pruning_write(&text, &p->chunk, 1);
	assert_true(storage_put(
	        f->r->storage, (struct object_key){ OBJECT_PRUNING, name }, buf_view(&text), PUT_CREATE, &e));
	buf_release(&text);
}

static void test_a_snapshot_and_a_prune_do_not_meet_over_a_chunk(void **state)
{
	struct fixture f = fixture_over(new_storage());
	struct piece p = must_put(&f, "rows\n"), q = must_put(&f, "other rows\n");
	struct err e = ERR_INIT;

	(void)state;
	/* the prune begins after the chunk was taken for known */
	reopen(&f);
	must_put(&f, "rows\n");
	write_candidates(&f, "20260501-120000", &q);
	assert_true(chunk_store_sync(f.s, &e));
	write_candidates(&f, "20260501-120001", &p);
	assert_false(chunk_store_sync(f.s, &e));
	assert_int_equal(e.kind, ERR_CONFLICT);
	/* it was under way before: the chunk is stored again, yet may still be deleted */
	reopen(&f);
	must_put(&f, "rows\n");
	assert_int_equal(totals(&f).chunks_new, 1);
	assert_true(storage_remove(f.r->storage, (struct object_key){ OBJECT_PRUNING, "20260501-120001" }, &e));
	e = (struct err)ERR_INIT;
	assert_false(chunk_store_sync(f.s, &e));
	assert_int_equal(e.kind, ERR_CONFLICT);
	/* after it all is well */
	reopen(&f);
	must_put(&f, "rows\n");
	e = (struct err)ERR_INIT;
	assert_true(chunk_store_sync(f.s, &e));
	release(&f);
}

static bool count_candidate(void *cookie, const struct chunk_name *name, struct err *e)
{
	(void)name;
	(void)e;
	++*(unsigned *)cookie;
	return true;
}

static void test_a_damaged_list_of_candidates_stops(void **state)
{
	struct piece p = fixture_piece(1);
	struct buf text = BUF_INIT;
	unsigned count = 0;

	(void)state;
	pruning_write(&text, &p.chunk, 1);
	for (size_t bit = 0; bit < text.len * 8; bit++) {
		struct err e = ERR_INIT;

		text.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(pruning_parse(buf_view(&text), count_candidate, &count, &e));
		assert_int_equal(e.kind, ERR_DAMAGED);
		text.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < text.len; len++) {
		struct err e = ERR_INIT;

		assert_false(pruning_parse((struct view){ text.data, len }, count_candidate, &count, &e));
	}
	struct err e = ERR_INIT;
	assert_int_equal(count, 0);
	assert_true(pruning_parse(buf_view(&text), count_candidate, &count, &e));
	assert_int_equal(count, 1);
	buf_release(&text);
}

/* Bytes that do not repeat, and compress a little. */
static struct buf stream_of(size_t len, uint32_t seed)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	assert_true(buf_reserve(&out, len, &e));
	while (out.len < len) {
		seed = seed * 1664525 + 1013904223;
		buf_addf(&out, "%08x\n", seed);
	}
	return out;
}

static void test_streams_come_back_and_share_chunks(void **state)
{
	struct fixture f = fixture_over(new_storage());
	struct buf data = stream_of(20u << 20, 7), out = BUF_INIT, small = BUF_INIT_MAX(1000);
	struct piece_list first = PIECE_LIST_INIT, second = PIECE_LIST_INIT, none = PIECE_LIST_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(chunk_store_put_stream(&first, f.s, buf_view(&data), f.c, &e));
	assert_true(first.count > 1);
	assert_int_equal(first.bytes, data.len);
	data.data[100] ^= 1;
	assert_true(chunk_store_put_stream(&second, f.s, buf_view(&data), f.c, &e));
	assert_int_equal(totals(&f).chunks_known, second.count - 1);
	assert_true(chunk_store_get_stream(&out, f.s, &second, &e));
	assert_true(view_eq(buf_view(&out), buf_view(&data)));
	assert_false(chunk_store_get_stream(&small, f.s, &second, &e));
	assert_int_equal(e.kind, ERR_FAILED);
	assert_true(chunk_store_put_stream(&none, f.s, view_str(""), f.c, &e));
	assert_int_equal(none.count, 0);
	piece_list_release(&first);
	piece_list_release(&second);
	buf_release(&data);
	buf_release(&out);
	buf_release(&small);
	release(&f);
}

/* What has been stored already moves far away. */
static struct storage *slow_down(struct fixture *f)
{
	return f->r->storage = storage_new_slow(f->r->storage, 20);
}

static void test_a_stream_is_fetched_several_chunks_at_once(void **state)
{
	struct fixture f = fixture_over(storage_new_memory());
	struct buf data = stream_of(80u << 20, 3), out = BUF_INIT;
	struct piece_list list = PIECE_LIST_INIT;
	struct storage *slow;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(chunk_store_put_stream(&list, f.s, buf_view(&data), f.c, &e));
	assert_true(list.count > 8);
	slow = slow_down(&f);
	assert_true(chunk_store_get_stream(&out, f.s, &list, &e));
	assert_true(view_eq(buf_view(&out), buf_view(&data)));
	assert_int_equal(storage_slow_calls(slow), list.count);
	assert_in_range(storage_slow_peak(slow), 4, 16);
	/* The first that is bad is told and recorded, whatever those after it bring. */
	flip(&f, &list.items[2]);
	lose(&f, &list.items[3]);
	buf_clear(&out);
	assert_false(chunk_store_get_stream(&out, f.s, &list, &e));
	assert_int_equal(e.kind, ERR_DAMAGED);
	assert_non_null(strstr(e.msg, hex_of(&list.items[2]).hex));
	assert_true(exists(&f, OBJECT_DAMAGED, &list.items[2]));
	assert_false(exists(&f, OBJECT_DAMAGED, &list.items[3]));
	assert_int_equal(out.len, list.items[0].length + list.items[1].length);
	piece_list_release(&list);
	buf_release(&data);
	buf_release(&out);
	release(&f);
}

static void test_lists_of_candidates_are_fetched_several_at_once(void **state)
{
	struct fixture f = fixture_over(storage_new_memory());
	struct piece p = fixture_piece(1);
	struct storage *slow;
	struct err e = ERR_INIT;
	unsigned count = 0;
	char name[24];

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "prune-%02d", i);
		write_candidates(&f, name, &p);
	}
	slow = slow_down(&f);
	assert_true(pruning_each_candidate(f.r, count_candidate, &count, &e));
	assert_int_equal(count, 20);
	assert_in_range(storage_slow_peak(slow), 4, 8);
	assert_true(
	        storage_put(slow, (struct object_key){ OBJECT_PRUNING, "prune-09" }, view_str("x"), PUT_REPLACE, &e));
	assert_false(pruning_each_candidate(f.r, count_candidate, &count, &e));
	assert_int_equal(e.kind, ERR_DAMAGED);
	assert_non_null(strstr(e.msg, "\"pruning/prune-09\""));
	assert_int_equal(count, 29);
	release(&f);
}

#define THREADS 4
#define SHARED  40

struct worker {
	pthread_t thread;
	struct fixture *f;
	bool failed;
};

static void *put_the_same(void *arg)
{
	struct worker *w = arg;
	struct compressor *c = compressor_new(1);
	struct buf scratch = BUF_INIT;

	for (unsigned i = 0; i < SHARED && !w->failed; i++) {
		struct err e = ERR_INIT;
		struct piece p;
		char text[32];

		snprintf(text, sizeof(text), "row %u\n", i);
		w->failed = !chunk_store_put(&p, w->f->s, view_str(text), c, &scratch, &e);
	}
	buf_release(&scratch);
	compressor_free(c);
	return NULL;
}

static void test_threads_may_put_the_same_chunk_at_once(void **state)
{
	struct fixture f = fixture_over(new_storage());
	struct worker workers[THREADS];

	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .f = &f };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, put_the_same, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_false(workers[i].failed);
	}
	assert_int_equal(totals(&f).chunks_new, SHARED);
	assert_int_equal(totals(&f).chunks_known, SHARED * (THREADS - 1));
	release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_chunk_is_named_by_its_bytes_and_comes_back),
		cmocka_unit_test(test_a_known_chunk_is_not_stored_again),
		cmocka_unit_test(test_nothing_and_too_much_are_no_chunks),
		cmocka_unit_test(test_damage_is_noticed_recorded_and_healed),
		cmocka_unit_test(test_damage_recorded_by_another_is_not_relied_on),
		cmocka_unit_test(test_an_empty_object_is_unknown),
		cmocka_unit_test(test_a_cut_chunk_nobody_read_is_not_relied_on),
		cmocka_unit_test(test_a_chunk_stored_again_at_another_level_is_good),
		cmocka_unit_test(test_a_piece_past_the_end_is_the_lists_fault),
		cmocka_unit_test(test_a_snapshot_and_a_prune_do_not_meet_over_a_chunk),
		cmocka_unit_test(test_a_damaged_list_of_candidates_stops),
		cmocka_unit_test(test_streams_come_back_and_share_chunks),
		cmocka_unit_test(test_a_stream_is_fetched_several_chunks_at_once),
		cmocka_unit_test(test_lists_of_candidates_are_fetched_several_at_once),
		cmocka_unit_test(test_threads_may_put_the_same_chunk_at_once),
	};

	int near = cmocka_run_group_tests_name("near", tests, NULL, NULL);

	far_away = true;
	return near + cmocka_run_group_tests_name("far", tests, NULL, NULL);
}
