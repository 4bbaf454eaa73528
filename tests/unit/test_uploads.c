/* Chunks on their way to a store where each request takes long. */
#include "tests/unit/chunk_store_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "src/base/clock.h"
#include "storage/repository/uploader.h"

static void sleep_ms(long ms)
{
	struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

/* A store whose puts of chunks wait at a gate, and fail when they are told to. */
struct gate {
	struct storage *inner;
	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t changed;
	bool shut;
	unsigned waiting, passed;
	struct err fail; /* ERR_NONE: none fails */
};

static bool gate_put(void *impl, struct object_key key, struct view body, enum put_mode mode, struct err *e)
{
	struct gate *g = impl;
	struct err fail;

	if (key.cls != OBJECT_CHUNK)
		return storage_put(g->inner, key, body, mode, e);
	pthread_mutex_lock(&g->mutex);
	g->waiting++;
	pthread_cond_broadcast(&g->changed);
	while (g->shut)
		pthread_cond_wait(&g->changed, &g->mutex);
	g->waiting--;
	g->passed++;
	fail = g->fail;
	pthread_mutex_unlock(&g->mutex);
	if (fail.kind != ERR_NONE) {
		*e = fail;
		return false;
	}
	return storage_put(g->inner, key, body, mode, e);
}

static bool gate_get(void *impl, struct object_key key, struct buf *out, struct err *e)
{
	return storage_get(((struct gate *)impl)->inner, key, out, e);
}

static bool gate_list(
        void *impl, enum object_class cls, const char *prefix, object_fn *each, void *cookie, struct err *e)
{
	return storage_list(((struct gate *)impl)->inner, cls, prefix, each, cookie, e);
}

static bool gate_remove(void *impl, struct object_key key, struct err *e)
{
	return storage_remove(((struct gate *)impl)->inner, key, e);
}

static bool gate_sync(void *impl, const bool prefixes[256], struct err *e)
{
	return storage_sync(((struct gate *)impl)->inner, prefixes, e);
}

static void gate_close(void *impl)
{
	struct gate *g = impl;

	storage_close(g->inner);
	pthread_mutex_destroy(&g->mutex);
	pthread_cond_destroy(&g->changed);
	free(g);
}

static struct storage *new_gate(struct gate **out)
{
	static const struct storage_ops ops = { .put = gate_put,
		.get = gate_get,
		.list = gate_list,
		.remove = gate_remove,
		.sync = gate_sync,
		.close = gate_close };
	struct storage *s = xcalloc(1, sizeof(*s));
	struct gate *g = xcalloc(1, sizeof(*g));

	g->inner = storage_new_memory();
	pthread_mutex_init(&g->mutex, NULL);
	pthread_cond_init(&g->changed, NULL);
	*s = (struct storage){ .ops = &ops, .impl = g, .where = xstrdup("gate"), .in_flight = 16 };
	*out = g;
	return s;
}

static void gate_open(struct gate *g, enum err_kind fail_with)
{
	pthread_mutex_lock(&g->mutex);
	g->shut = false;
	if (fail_with != ERR_NONE) {
		err_set(&g->fail, fail_with, "the store says no");
		g->fail.sys = 42;
	}
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->mutex);
}

static void gate_await(struct gate *g, unsigned waiting)
{
	pthread_mutex_lock(&g->mutex);
	while (g->waiting < waiting)
		pthread_cond_wait(&g->changed, &g->mutex);
	pthread_mutex_unlock(&g->mutex);
}

static struct fixture fixture_at_gate(struct gate **g)
{
	struct fixture f = fixture_over(new_gate(g));

	(*g)->shut = true;
	return f;
}

/* Without waiting for it, as the program does. */
static struct piece hand_over(struct fixture *f, struct view plain)
{
	struct err e = ERR_INIT;
	struct piece p = { 0 };

	if (!chunk_store_put(&p, f->s, plain, f->c, &f->scratch, &e))
		fail_msg("put: %s", e.msg);
	return p;
}

static struct piece hand_over_number(struct fixture *f, unsigned i)
{
	char text[32];

	snprintf(text, sizeof(text), "row %u\n", i);
	return hand_over(f, view_str(text));
}

#define CHUNKS 64

static void test_a_slow_store_gets_many_chunks_at_once(void **state)
{
	struct storage *slow = storage_new_slow(storage_new_memory(), 40);
	struct fixture f = fixture_over(slow);
	struct piece pieces[CHUNKS];
	struct err e = ERR_INIT;

	(void)state;
	for (unsigned i = 0; i < CHUNKS; i++)
		pieces[i] = hand_over_number(&f, i);
	assert_true(chunk_store_sync(f.s, &e));
	assert_int_equal(storage_slow_peak(slow), 16);
	assert_int_equal(totals(&f).chunks_new, CHUNKS);
	for (unsigned i = 0; i < CHUNKS; i += 9)
		assert_true(get(&f, &pieces[i], &e));
	release(&f);
}

static void test_a_chunk_on_its_way_is_not_sent_twice(void **state)
{
	struct gate *g;
	struct fixture f = fixture_at_gate(&g);
	struct piece a = hand_over(&f, view_str("rows\n")), b;
	struct err e = ERR_INIT;

	(void)state;
	gate_await(g, 1);
	b = hand_over(&f, view_str("rows\n"));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_false(exists(&f, OBJECT_CHUNK, &a));
	gate_open(g, ERR_NONE);
	assert_true(chunk_store_sync(f.s, &e));
	assert_true(exists(&f, OBJECT_CHUNK, &a));
	assert_int_equal(g->passed, 1);
	assert_int_equal(totals(&f).chunks_new, 1);
	assert_int_equal(totals(&f).chunks_known, 1);
	release(&f);
}

static void test_the_first_failure_is_everybodys(void **state)
{
	static const enum err_kind kinds[] = { ERR_FAILED, ERR_TRANSIENT, ERR_REFUSED, ERR_CANCELLED };

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct gate *g;
		struct fixture f = fixture_at_gate(&g);
		struct piece first = hand_over(&f, view_str("first\n")), p;
		struct err e = ERR_INIT;

		/* 16 are being sent when it happens, 14 wait behind them */
		for (unsigned i = 0; i < 29; i++)
			hand_over_number(&f, i);
		gate_await(g, 16);
		assert_true(chunk_store_check(f.s, &e));
		gate_open(g, kinds[k]);
		assert_false(chunk_store_sync(f.s, &e));
		assert_int_equal(e.kind, kinds[k]);
		assert_int_equal(e.sys, 42);
		assert_non_null(strstr(e.msg, "the store says no"));
		e = (struct err)ERR_INIT;
		assert_false(chunk_store_put(&p, f.s, view_str("later\n"), f.c, &f.scratch, &e));
		assert_int_equal(e.kind, kinds[k]);
		/* a known one as well: the attempt is over */
		e = (struct err)ERR_INIT;
		assert_false(chunk_store_put(&p, f.s, view_str("first\n"), f.c, &f.scratch, &e));
		assert_int_equal(e.kind, kinds[k]);
		e = (struct err)ERR_INIT;
		assert_false(chunk_store_check(f.s, &e));
		assert_int_equal(e.kind, kinds[k]);
		assert_false(exists(&f, OBJECT_CHUNK, &first));
		chunk_store_close(f.s);
		f.s = NULL;
		assert_in_range(g->passed, 16, 30);
		release(&f);
	}
}

static void test_closing_sends_what_is_on_its_way(void **state)
{
	struct fixture f = fixture_over(storage_new_slow(storage_new_memory(), 5));
	struct piece pieces[CHUNKS];

	(void)state;
	for (unsigned i = 0; i < CHUNKS; i++)
		pieces[i] = hand_over_number(&f, i);
	/* an attempt is given up: what was read is kept for the next */
	reopen(&f);
	for (unsigned i = 0; i < CHUNKS; i++)
		assert_true(exists(&f, OBJECT_CHUNK, &pieces[i]));
	hand_over_number(&f, 7);
	assert_int_equal(totals(&f).chunks_new, 0);
	release(&f);
}

static void test_a_stop_drops_what_is_not_being_sent(void **state)
{
	struct gate *g;
	struct fixture f = fixture_at_gate(&g);
	struct piece p;
	struct err e = ERR_INIT;

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		hand_over_number(&f, i);
	gate_await(g, 16);
	chunk_store_stop(f.s);
	assert_false(chunk_store_put(&p, f.s, view_str("rows\n"), f.c, &f.scratch, &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
	e = (struct err)ERR_INIT;
	assert_false(chunk_store_sync(f.s, &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
	gate_open(g, ERR_NONE);
	chunk_store_close(f.s);
	f.s = NULL;
	assert_int_equal(g->passed, 16);
	chunk_store_stop(NULL);
	release(&f);
}

/* Bytes that do not compress: a frame is as large as they are, and a little more. */
static struct buf noise(size_t len, uint64_t seed)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	assert_true(buf_reserve(&out, len, &e));
	for (; out.len < len; out.len += 8) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		uint64_t mixed = seed ^ seed >> 29;
		memcpy(out.data + out.len, &mixed, 8);
	}
	return out;
}

struct adder {
	pthread_t thread;
	struct fixture *f;
	struct buf plain;
	struct piece piece;
	atomic_bool done;
	bool ok;
	struct err e;
};

static void *add(void *arg)
{
	struct adder *a = arg;
	struct compressor *c = compressor_new(1);
	struct buf scratch = BUF_INIT;

	a->ok = chunk_store_put(&a->piece, a->f->s, buf_view(&a->plain), c, &scratch, &a->e);
	a->done = true;
	buf_release(&scratch);
	compressor_free(c);
	return NULL;
}

static void start_adder(struct adder *a, struct fixture *f, size_t len, uint64_t seed)
{
	a->f = f;
	a->plain = noise(len, seed);
	assert_int_equal(pthread_create(&a->thread, NULL, add, a), 0);
}

static void test_what_is_on_its_way_is_bounded_in_bytes(void **state)
{
	struct gate *g;
	struct fixture f = fixture_at_gate(&g);
	struct adder adders[5] = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	/* four of 11 MiB fit into 48 MiB, the fifth waits */
	for (unsigned i = 0; i < 4; i++) {
		start_adder(&adders[i], &f, (size_t)11 << 20, i + 1);
		pthread_join(adders[i].thread, NULL);
		assert_true(adders[i].ok);
	}
	start_adder(&adders[4], &f, (size_t)11 << 20, 99);
	gate_await(g, 4);
	sleep_ms(300);
	assert_false(adders[4].done);
	assert_int_equal(g->waiting, 4);
	gate_open(g, ERR_NONE);
	pthread_join(adders[4].thread, NULL);
	assert_true(adders[4].ok);
	assert_true(chunk_store_sync(f.s, &e));
	for (unsigned i = 0; i < 5; i++) {
		assert_true(get(&f, &adders[i].piece, &e));
		assert_true(view_eq(buf_view(&f.plain), buf_view(&adders[i].plain)));
		buf_release(&adders[i].plain);
	}
	release(&f);
}

static void test_a_frame_larger_than_the_bound_goes_alone(void **state)
{
	struct gate *g;
	struct fixture f = fixture_at_gate(&g);
	struct adder large = { 0 };
	struct err e = ERR_INIT;
	struct piece small = hand_over(&f, view_str("rows\n"));

	(void)state;
	start_adder(&large, &f, (size_t)50 << 20, 5);
	gate_await(g, 1);
	sleep_ms(200);
	assert_false(large.done);
	gate_open(g, ERR_NONE);
	pthread_join(large.thread, NULL);
	assert_true(large.ok);
	assert_true(chunk_store_sync(f.s, &e));
	assert_true(exists(&f, OBJECT_CHUNK, &small));
	assert_true(exists(&f, OBJECT_CHUNK, &large.piece));
	buf_release(&large.plain);
	release(&f);
}

static void test_who_waits_for_room_hears_of_the_failure(void **state)
{
	struct gate *g;
	struct fixture f = fixture_at_gate(&g);
	struct adder adders[3] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		start_adder(&adders[i], &f, (size_t)40 << 20, i + 1);
	gate_await(g, 1);
	sleep_ms(100);
	gate_open(g, ERR_REFUSED);
	unsigned failed = 0;
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(adders[i].thread, NULL);
		failed += !adders[i].ok && adders[i].e.kind == ERR_REFUSED;
		buf_release(&adders[i].plain);
	}
	assert_int_equal(failed, 2);
	release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_slow_store_gets_many_chunks_at_once),
		cmocka_unit_test(test_a_chunk_on_its_way_is_not_sent_twice),
		cmocka_unit_test(test_the_first_failure_is_everybodys),
		cmocka_unit_test(test_closing_sends_what_is_on_its_way),
		cmocka_unit_test(test_a_stop_drops_what_is_not_being_sent),
		cmocka_unit_test(test_what_is_on_its_way_is_bounded_in_bytes),
		cmocka_unit_test(test_a_frame_larger_than_the_bound_goes_alone),
		cmocka_unit_test(test_who_waits_for_room_hears_of_the_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
