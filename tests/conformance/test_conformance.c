/* What storage.h promises, tried on the backend named on the command line. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/clock.h"
#include "src/base/path.h"
#include "storage/backend/s3.h"
#include "storage/backend/storage.h"

#define HEX(first) first "00000000000000000000000000000000000000000000000000000000000000"

struct fixture {
	struct storage *s;
	char dir[64]; /* "" when the backend has none */
};

static const char *backend;

/* A prefix of its own for each test and run: what an earlier one has left is not seen. */
static void open_s3(struct fixture *f)
{
	static unsigned number;
	char *url = xasprintf(
	        "%s/conformance-%lld-%u", getenv("DRTOOL_TEST_S3_URL"), (long long)clock_utc_us(), number++);
	struct err e = ERR_INIT;
	bool vacant = false;

	if (!storage_open_s3(&f->s, url, NULL, &e) || !s3_is_vacant(&vacant, f->s, &e))
		fail_msg("open %s: %s", url, e.msg);
	assert_true(vacant);
	free(url);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err e = ERR_INIT;

	if (strcmp(backend, "local") == 0) {
		snprintf(f->dir, sizeof(f->dir), "/tmp/drtool-conformance-XXXXXX");
		assert_non_null(mkdtemp(f->dir));
		assert_true(storage_open_local(&f->s, f->dir, false, &e));
	} else if (strcmp(backend, "volatile") == 0) {
		f->s = storage_new_volatile(storage_new_memory());
	} else if (strcmp(backend, "fault") == 0) {
		f->s = storage_new_fault(storage_new_memory(), FAULT_PUT, 1000000, FAULT_BEFORE);
	} else if (strcmp(backend, "slow") == 0) {
		f->s = storage_new_slow(storage_new_memory(), 1);
	} else if (strcmp(backend, "s3") == 0) {
		open_s3(f);
	} else {
		f->s = storage_new_memory();
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	storage_close(f->s);
	if (f->dir[0])
		assert_true(path_remove_tree(f->dir, &e));
	free(f);
	return 0;
}

static struct storage *store(void **state)
{
	return ((struct fixture *)*state)->s;
}

static void put(struct storage *s, enum object_class cls, const char *name, const char *text)
{
	struct err e = ERR_INIT;

	if (!storage_put(s, (struct object_key){ cls, name }, view_str(text), PUT_REPLACE, &e))
		fail_msg("put %s: %s", name, e.msg);
}

static void assert_holds(struct storage *s, enum object_class cls, const char *name, const char *text)
{
	struct buf got = BUF_INIT;
	struct err e = ERR_INIT;

	if (!storage_get(s, (struct object_key){ cls, name }, &got, &e))
		fail_msg("get %s: %s", name, e.msg);
	assert_string_equal(buf_str(&got), text);
	assert_int_equal(got.len, strlen(text));
	buf_release(&got);
}

static void assert_missing(struct storage *s, enum object_class cls, const char *name)
{
	struct buf got = BUF_INIT;
	struct err e = ERR_INIT;

	assert_false(storage_get(s, (struct object_key){ cls, name }, &got, &e));
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	assert_int_equal(got.len, 0);
	buf_release(&got);
}

struct seen {
	unsigned count;
	uint64_t bytes;
	int64_t oldest_us, newest_us;
	char names[1024];  /* "a b c ", in listed order */
	struct storage *s; /* not NULL: remove what is listed */
	enum object_class cls;
	unsigned stop_at; /* fail at this object; 0 never */
};

static bool see(void *cookie, const struct object_info *info, struct err *e)
{
	struct seen *seen = cookie;

	seen->count++;
	seen->bytes += info->size;
	if (!seen->oldest_us || info->modified_us < seen->oldest_us)
		seen->oldest_us = info->modified_us;
	if (info->modified_us > seen->newest_us)
		seen->newest_us = info->modified_us;
	size_t used = strlen(seen->names);
	snprintf(seen->names + used, sizeof(seen->names) - used, "%s ", info->name);
	if (seen->count == seen->stop_at)
		return err_set(e, ERR_CANCELLED, "enough");
	return !seen->s || storage_remove(seen->s, (struct object_key){ seen->cls, info->name }, e);
}

static struct seen list(struct storage *s, enum object_class cls, const char *prefix)
{
	struct seen seen = { 0 };
	struct err e = ERR_INIT;

	if (!storage_list(s, cls, prefix, see, &seen, &e))
		fail_msg("list \"%s\": %s", prefix, e.msg);
	return seen;
}

static const struct object_key one_of_each[] = {
	{ OBJECT_CONFIG, "" },
	{ OBJECT_CHUNK, HEX("ab") },
	{ OBJECT_SNAPSHOT, "shop/20260501-120000-abcdef" },
	{ OBJECT_PROOF, "shop/20260501-120000-abcdef/20260501-130000-000001" },
	{ OBJECT_JOURNAL, "shop/20260501-120000-restored" },
	{ OBJECT_LOCK, "snapshot-20260501-120000-abcdef" },
	{ OBJECT_PRUNING, "20260501-120000" },
	{ OBJECT_DAMAGED, HEX("ab") },
};

static void test_every_class_keeps_what_it_is_given(void **state)
{
	struct storage *s = store(state);

	for (size_t i = 0; i < OBJECT_CLASSES; i++)
		assert_missing(s, one_of_each[i].cls, one_of_each[i].name);
	for (size_t i = 0; i < OBJECT_CLASSES; i++)
		put(s, one_of_each[i].cls, one_of_each[i].name, one_of_each[i].name);
	for (size_t i = 0; i < OBJECT_CLASSES; i++) {
		struct seen seen = list(s, one_of_each[i].cls, "");

		assert_holds(s, one_of_each[i].cls, one_of_each[i].name, one_of_each[i].name);
		assert_int_equal(seen.count, 1);
		assert_int_equal(seen.bytes, strlen(one_of_each[i].name));
		assert_memory_equal(seen.names, one_of_each[i].name, strlen(one_of_each[i].name));
	}
}

static void test_bytes_of_any_length_and_value(void **state)
{
	static const size_t lengths[] = { 0, 1, 4095, 4096, 4097, 5u << 20 };
	struct object_key key = { OBJECT_CHUNK, HEX("5a") };
	struct storage *s = store(state);
	struct err e = ERR_INIT;

	for (size_t n = 0; n < sizeof(lengths) / sizeof(lengths[0]); n++) {
		struct buf body = BUF_INIT, got = BUF_INIT;

		for (size_t i = 0; i < lengths[n]; i++) {
			uint8_t byte = (uint8_t)(i * 31 + (i >> 8));

			buf_addn(&body, &byte, 1);
		}
		assert_true(storage_put(s, key, buf_view(&body), PUT_REPLACE, &e));
		assert_true(storage_get(s, key, &got, &e));
		assert_true(view_eq(buf_view(&got), buf_view(&body)));
		assert_int_equal(list(s, OBJECT_CHUNK, "").bytes, lengths[n]);
		buf_release(&body);
		buf_release(&got);
	}
}

static void test_get_appends_below_the_ceiling_only(void **state)
{
	struct object_key key = { OBJECT_LOCK, "l" };
	struct buf out = BUF_INIT_MAX(10), small = BUF_INIT_MAX(5);
	struct storage *s = store(state);
	struct err e = ERR_INIT;

	put(s, key.cls, key.name, "world!");
	buf_add(&out, "helo");
	assert_true(storage_get(s, key, &out, &e));
	assert_string_equal(buf_str(&out), "heloworld!");
	assert_false(storage_get(s, key, &small, &e));
	assert_int_equal(e.kind, ERR_FAILED);
	buf_release(&out);
	buf_release(&small);
}

static void test_create_never_replaces(void **state)
{
	struct object_key key = { OBJECT_SNAPSHOT, "shop/x" };
	struct storage *s = store(state);
	struct err e = ERR_INIT;

	assert_true(storage_put(s, key, view_str("first"), PUT_CREATE, &e));
	assert_false(storage_put(s, key, view_str("second"), PUT_CREATE, &e));
	assert_int_equal(e.kind, ERR_EXISTS);
	assert_holds(s, key.cls, key.name, "first");
	assert_int_equal(list(s, OBJECT_SNAPSHOT, "").count, 1);
}

static void test_replace_leaves_nothing_of_the_old(void **state)
{
	struct storage *s = store(state);

	put(s, OBJECT_LOCK, "l", "a long first version");
	put(s, OBJECT_LOCK, "l", "short");
	assert_holds(s, OBJECT_LOCK, "l", "short");
	assert_int_equal(list(s, OBJECT_LOCK, "").count, 1);
}

static void test_a_deferred_name_is_there_at_once_and_after_sync(void **state)
{
	bool prefixes[256] = { [0xab] = true, [0x01] = true };
	struct object_key a = { OBJECT_CHUNK, HEX("ab") }, b = { OBJECT_CHUNK, HEX("01") };
	struct storage *s = store(state);
	struct err e = ERR_INIT;

	assert_true(storage_put(s, a, view_str("a"), PUT_DEFER_NAME, &e));
	assert_true(storage_put(s, b, view_str("b"), PUT_DEFER_NAME, &e));
	assert_holds(s, OBJECT_CHUNK, a.name, "a");
	assert_int_equal(list(s, OBJECT_CHUNK, "").count, 2);
	assert_true(storage_sync(s, prefixes, &e));
	assert_holds(s, OBJECT_CHUNK, b.name, "b");
}

static void test_a_listing_obeys_its_prefix(void **state)
{
	struct storage *s = store(state);
	struct seen seen;

	put(s, OBJECT_SNAPSHOT, "shop/1", "1");
	put(s, OBJECT_SNAPSHOT, "shop/2", "22");
	put(s, OBJECT_SNAPSHOT, "shop-2/1", "333");
	put(s, OBJECT_SNAPSHOT, "a%2Fb/1", "4444");
	put(s, OBJECT_PROOF, "shop/1/9", "");
	assert_int_equal(list(s, OBJECT_SNAPSHOT, "").count, 4);
	assert_int_equal(list(s, OBJECT_SNAPSHOT, "shop").count, 3);
	assert_int_equal(list(s, OBJECT_SNAPSHOT, "shop/").count, 2);
	assert_int_equal(list(s, OBJECT_SNAPSHOT, "x").count, 0);
	seen = list(s, OBJECT_SNAPSHOT, "shop/2");
	assert_string_equal(seen.names, "shop/2 ");
	assert_int_equal(seen.bytes, 2);
	seen = list(s, OBJECT_SNAPSHOT, "a%2F");
	assert_string_equal(seen.names, "a%2Fb/1 ");
}

static void test_chunks_are_listed_by_prefix_of_their_names(void **state)
{
	struct storage *s = store(state);

	put(s, OBJECT_CHUNK, HEX("ab"), "1");
	put(s, OBJECT_CHUNK, HEX("a0"), "2");
	put(s, OBJECT_CHUNK, HEX("b0"), "3");
	assert_int_equal(list(s, OBJECT_CHUNK, "a").count, 2);
	assert_int_equal(list(s, OBJECT_CHUNK, "ab").count, 1);
	assert_int_equal(list(s, OBJECT_CHUNK, "ab0").count, 1);
	assert_int_equal(list(s, OBJECT_CHUNK, "abf").count, 0);
}

static void test_a_listing_tells_when(void **state)
{
	struct storage *s = store(state);
	int64_t before = clock_utc_us();

	put(s, OBJECT_LOCK, "l", "x");
	struct seen seen = list(s, OBJECT_LOCK, "");
	/* File systems keep time in ticks of up to 10 ms, a few in seconds. */
	assert_in_range(seen.oldest_us, before - 2000000, clock_utc_us() + 2000000);
}

static void test_a_listing_stops_where_it_is_told(void **state)
{
	struct storage *s = store(state);
	struct seen seen = { .stop_at = 2 };
	struct err e = ERR_INIT;

	for (char name[] = "a"; name[0] <= 'e'; name[0]++)
		put(s, OBJECT_LOCK, name, "x");
	assert_false(storage_list(s, OBJECT_LOCK, "", see, &seen, &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_int_equal(seen.count, 2);
}

static void test_a_listing_allows_removal_on_the_way(void **state)
{
	struct storage *s = store(state);
	struct seen seen = { .s = s, .cls = OBJECT_LOCK };
	struct err e = ERR_INIT;

	for (char name[] = "a"; name[0] <= 'e'; name[0]++)
		put(s, OBJECT_LOCK, name, "x");
	assert_true(storage_list(s, OBJECT_LOCK, "", see, &seen, &e));
	assert_int_equal(seen.count, 5);
	assert_int_equal(list(s, OBJECT_LOCK, "").count, 0);
}

static void test_removal_takes_one_and_forgives_none(void **state)
{
	struct storage *s = store(state);
	struct err e = ERR_INIT;

	put(s, OBJECT_LOCK, "a", "x");
	put(s, OBJECT_LOCK, "b", "y");
	assert_true(storage_remove(s, (struct object_key){ OBJECT_LOCK, "a" }, &e));
	assert_true(storage_remove(s, (struct object_key){ OBJECT_LOCK, "a" }, &e));
	assert_true(storage_remove(s, (struct object_key){ OBJECT_SNAPSHOT, "no/such" }, &e));
	assert_missing(s, OBJECT_LOCK, "a");
	assert_holds(s, OBJECT_LOCK, "b", "y");
}

static void test_the_longest_name_there_may_be(void **state)
{
	struct storage *s = store(state);
	char name[512];

	/* a 63-byte name of which every byte is encoded, and an id */
	name[0] = 0;
	for (int i = 0; i < 63; i++)
		snprintf(name + 3 * i, sizeof(name) - 3 * (size_t)i, "%%C3");
	size_t used = strlen(name);
	snprintf(name + used, sizeof(name) - used, "/20260501-120000-abcdef");
	put(s, OBJECT_SNAPSHOT, name, "x");
	assert_holds(s, OBJECT_SNAPSHOT, name, "x");
	assert_int_equal(list(s, OBJECT_SNAPSHOT, "%C3").count, 1);
}

#define THREADS 8

struct worker {
	pthread_t thread;
	struct storage *s;
	unsigned number;
	bool won;
	bool failed;
};

static void *race_to_create(void *arg)
{
	struct worker *w = arg;
	struct err e = ERR_INIT;
	char text[8];

	snprintf(text, sizeof(text), "%u", w->number);
	w->won = storage_put(w->s, (struct object_key){ OBJECT_LOCK, "one" }, view_str(text), PUT_CREATE, &e);
	w->failed = !w->won && e.kind != ERR_EXISTS;
	return NULL;
}

static void *use_everything(void *arg)
{
	struct worker *w = arg;
	struct err e = ERR_INIT;
	char name[65];

	for (unsigned i = 0; i < 30 && !w->failed; i++) {
		struct object_key key = { OBJECT_CHUNK, name };
		struct buf got = BUF_INIT;
		struct seen seen = { 0 };

		/* Half of the names are wanted by all at once, with the same bytes. */
		snprintf(name, sizeof(name), "%02x%062u", i, i % 2 ? 0 : w->number);
		w->failed = !storage_put(w->s, key, view_str(name), PUT_DEFER_NAME, &e) ||
		            !storage_get(w->s, key, &got, &e) || strcmp(buf_str(&got), name) != 0 ||
		            !storage_list(w->s, OBJECT_CHUNK, "0", see, &seen, &e);
		buf_release(&got);
	}
	return NULL;
}

static void run_threads(struct worker workers[THREADS], struct storage *s, void *(*work)(void *))
{
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .s = s, .number = i };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned i = 0; i < THREADS; i++)
		assert_false(workers[i].failed);
}

/* Some stores refuse to write only what is new, or take no notice: there nobody can promise a single winner. */
static bool can_tell_new(struct storage *s)
{
	struct s3_findings findings;
	struct err e = ERR_INIT;

	if (strcmp(backend, "s3") != 0)
		return true;
	if (!s3_examine(&findings, s, &e))
		fail_msg("examine: %s", e.msg);
	return findings.conditional_put == S3_YES;
}

static void test_one_of_many_creators_wins(void **state)
{
	struct worker workers[THREADS];
	unsigned winners = 0;
	char text[8];

	/* PUT_CREATE is best effort where the store cannot say; repository/lock.c does without. */
	if (getenv("DRTOOL_TEST_CREATE_IS_BEST_EFFORT"))
		skip();
	run_threads(workers, store(state), race_to_create);
	for (unsigned i = 0; i < THREADS; i++) {
		if (workers[i].won) {
			winners++;
			snprintf(text, sizeof(text), "%u", i);
		}
	}
	assert_in_range(winners, 1, THREADS);
	if (can_tell_new(store(state))) {
		assert_int_equal(winners, 1);
		assert_holds(store(state), OBJECT_LOCK, "one", text);
	}
	assert_int_equal(list(store(state), OBJECT_LOCK, "").count, 1);
}

static void test_threads_do_not_disturb_each_other(void **state)
{
	struct worker workers[THREADS];

	run_threads(workers, store(state), use_everything);
	assert_int_equal(list(store(state), OBJECT_CHUNK, "").count, 15 * THREADS + 15);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_class_keeps_what_it_is_given, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bytes_of_any_length_and_value, setup, teardown),
		cmocka_unit_test_setup_teardown(test_get_appends_below_the_ceiling_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_create_never_replaces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replace_leaves_nothing_of_the_old, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_deferred_name_is_there_at_once_and_after_sync, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_listing_obeys_its_prefix, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chunks_are_listed_by_prefix_of_their_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_listing_tells_when, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_listing_stops_where_it_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_listing_allows_removal_on_the_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removal_takes_one_and_forgives_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_longest_name_there_may_be, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_of_many_creators_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads_do_not_disturb_each_other, setup, teardown),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: %s memory|local|volatile|fault|s3\n", argv[0]);
		return 2;
	}
	backend = argv[1];
	if (strcmp(backend, "s3") == 0 && !getenv("DRTOOL_TEST_S3_URL")) {
		fprintf(stderr, "DRTOOL_TEST_S3_URL is not set\n");
		return 77; /* skipped */
	}
	return cmocka_run_group_tests_name(backend, tests, NULL, NULL);
}
