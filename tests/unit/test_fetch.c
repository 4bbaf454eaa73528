/* Many small objects from a store where each request takes long. */
#include "tests/unit/storage_fixture.h"

#include <pthread.h>

#include "src/base/clock.h"
#include "storage/repository/fetch.h"

#define COUNT 200

static const char *const no_names[1];

static struct storage *filled(struct storage *s, const char **names)
{
	static char text[COUNT][16];
	struct err e = ERR_INIT;

	for (unsigned i = 0; i < COUNT; i++) {
		snprintf(text[i], sizeof(text[i]), "n%u", i);
		names[i] = text[i];
		assert_true(storage_put(
		        s, (struct object_key){ OBJECT_LOCK, names[i] }, view_str(names[i]), PUT_REPLACE, &e));
	}
	return s;
}

struct seen {
	pthread_t thread;
	const char *const *names;
	size_t next;
	size_t stop_at; /* enough from this one on */
	size_t fail_at;
	size_t bad, last_bad; /* how many could not be had, which was the last */
};

static enum fetch_answer see(void *cookie, const struct fetched *f, struct err *e)
{
	struct seen *s = cookie;

	assert_true(pthread_equal(pthread_self(), s->thread));
	assert_int_equal(f->index, s->next);
	assert_ptr_equal(f->name, s->names[f->index]);
	if (f->why) {
		assert_int_equal(f->body.len, 0);
		assert_int_not_equal(f->why->kind, ERR_NONE);
		s->bad++;
		s->last_bad = f->index;
	} else {
		assert_true(view_eq(f->body, view_str(f->name)));
	}
	if (s->next == s->fail_at) {
		err_set(e, ERR_DIFFERS, "enough of this");
		return FETCH_FAILED;
	}
	return s->next++ == s->stop_at ? FETCH_ENOUGH : FETCH_ON;
}

static struct seen seen_of(const char *const *names)
{
	return (struct seen){ .thread = pthread_self(), .names = names, .stop_at = SIZE_MAX, .fail_at = SIZE_MAX };
}

static struct storage *new_store(bool far)
{
	return far ? storage_new_slow(storage_new_memory(), 1) : storage_new_memory();
}

static void test_objects_come_in_the_order_of_their_names(void **state)
{
	(void)state;
	for (int far = 0; far < 2; far++) {
		const char *names[COUNT];
		struct storage *s = filled(new_store(far), names);
		struct err e = ERR_INIT;

		for (size_t count = 0; count <= COUNT; count += count < 4 ? 1 : 49) {
			struct seen seen = seen_of(names);

			assert_true(fetch_each(s, OBJECT_LOCK, count ? names : no_names, count, 100, see, &seen, &e));
			assert_int_equal(seen.next, count);
			assert_int_equal(seen.bad, 0);
		}
		storage_close(s);
	}
}

static void test_as_many_at_once_as_the_store_wants(void **state)
{
	const char *names[COUNT];
	struct storage *s = filled(storage_new_memory(), names), *slow = storage_new_slow(s, 20);
	struct seen seen = seen_of(names);
	struct err e = ERR_INIT;

	(void)state;
	assert_true(fetch_each(slow, OBJECT_LOCK, names, COUNT, 100, see, &seen, &e));
	assert_int_equal(seen.next, COUNT);
	assert_int_equal(storage_slow_peak(slow), 16);
	assert_int_equal(storage_slow_calls(slow), COUNT);
	storage_close(slow);
}

static void test_enough_is_enough_and_a_failure_is_the_callers(void **state)
{
	(void)state;
	for (int far = 0; far < 2; far++) {
		for (size_t at = 0; at < COUNT; at += 33) {
			const char *names[COUNT];
			struct storage *s = filled(new_store(far), names);
			struct seen seen = seen_of(names);
			struct err e = ERR_INIT;

			seen.stop_at = at;
			assert_true(fetch_each(s, OBJECT_LOCK, names, COUNT, 100, see, &seen, &e));
			assert_int_equal(seen.next, at + 1);
			seen = seen_of(names);
			seen.fail_at = at;
			assert_false(fetch_each(s, OBJECT_LOCK, names, COUNT, 100, see, &seen, &e));
			assert_int_equal(e.kind, ERR_DIFFERS);
			storage_close(s);
		}
	}
}

static void test_break_every_get_once(void **state)
{
	(void)state;
	for (int far = 0; far < 2; far++) {
		for (unsigned nth = 1; nth <= COUNT; nth += 13) {
			const char *names[COUNT];
			struct storage *s = storage_new_fault(
			        filled(new_store(far), names), FAULT_GET, nth, FAULT_BEFORE);
			struct seen seen = seen_of(names);
			struct err e = ERR_INIT;

			assert_true(fetch_each(s, OBJECT_LOCK, names, COUNT, 100, see, &seen, &e));
			assert_int_equal(seen.next, COUNT);
			assert_int_equal(seen.bad, 1);
			if (!far)
				assert_int_equal(seen.last_bad, nth - 1);
			storage_close(s);
		}
	}
}

static void test_what_is_missing_or_too_large_is_told(void **state)
{
	(void)state;
	for (int far = 0; far < 2; far++) {
		const char *names[COUNT];
		struct storage *s = filled(new_store(far), names);
		struct seen seen;
		struct err e = ERR_INIT;

		names[7] = "missing";
		seen = seen_of(names);
		assert_true(fetch_each(s, OBJECT_LOCK, names, COUNT, 3, see, &seen, &e));
		assert_int_equal(seen.bad, 1 + 100); /* "n100" and above have 4 bytes */
		storage_close(s);
	}
}

#define SNAPSHOTS 100

/* What `list`, `latest`, `verified` and a tag ask of a store. */
static void test_requests_for_what_a_person_typed(void **state)
{
	struct storage *slow = storage_new_slow(storage_new_memory(), 0);
	struct repository *r = fixture_repository_over(slow);
	struct manifest_list list;
	struct manifest *m = NULL;
	struct err e = ERR_INIT;
	char id[SNAPSHOT_ID_SIZE];

	(void)state;
	for (int i = 0; i < SNAPSHOTS; i++) {
		snprintf(id, sizeof(id), "202605%02d-1200%02d-aaaaaa", 1 + i / 10, i % 10);
		fixture_save(r, "shop", id, i, i == 3 ? "before" : "");
		if (i % 2 == 0 && i < 90)
			fixture_prove(r, "shop", id, i, i % 4 ? PROOF_GOOD : PROOF_DIFFERS);
	}
	unsigned before = storage_slow_calls(slow);
	assert_true(manifest_resolve(&m, r, "shop", "latest", &e));
	assert_string_equal(m->id, "20260510-120009-aaaaaa");
	assert_int_equal(storage_slow_calls(slow) - before, 2); /* the listing, the manifest */
	manifest_free(m);

	before = storage_slow_calls(slow);
	assert_true(manifest_resolve(&m, r, "shop", "20260503-120004", &e));
	assert_int_equal(storage_slow_calls(slow) - before, 2);
	manifest_free(m);

	before = storage_slow_calls(slow);
	assert_true(manifest_resolve(&m, r, "shop", "verified", &e));
	assert_string_equal(m->id, "20260509-120006-aaaaaa");
	/* two listings, the manifest, and proofs: two that count and what was asked for ahead */
	assert_in_range(storage_slow_calls(slow) - before, 5, 3 + 34);
	manifest_free(m);

	before = storage_slow_calls(slow);
	assert_true(manifest_resolve(&m, r, "shop", "before", &e));
	assert_string_equal(m->id, "20260501-120003-aaaaaa");
	assert_int_equal(storage_slow_calls(slow) - before, 1 + SNAPSHOTS);
	manifest_free(m);

	assert_true(manifest_list_load(&list, r, NULL, &e));
	assert_int_equal(list.count, SNAPSHOTS);
	manifest_list_release(&list);
	repository_close(r);
}

struct proofs {
	size_t next, good, differing, none;
	size_t stop_at;
};

static enum fetch_answer count_proof(
        void *cookie, size_t index, const struct proof *p, const struct err *why, struct err *e)
{
	struct proofs *c = cookie;

	(void)e;
	assert_int_equal(index, c->next);
	assert_null(why);
	if (!p)
		c->none++;
	else if (p->outcome == PROOF_GOOD)
		c->good++;
	else
		c->differing++;
	return c->next++ == c->stop_at ? FETCH_ENOUGH : FETCH_ON;
}

static void test_the_newest_proofs_of_many_take_one_listing(void **state)
{
	struct storage *slow = storage_new_slow(storage_new_memory(), 0);
	struct repository *r = fixture_repository_over(slow);
	char ids[SNAPSHOTS][SNAPSHOT_ID_SIZE];
	struct proof_wanted wanted[SNAPSHOTS];
	struct proofs c = { .stop_at = SIZE_MAX };
	struct err e = ERR_INIT;

	(void)state;
	for (int i = 0; i < SNAPSHOTS; i++) {
		snprintf(ids[i], sizeof(ids[i]), "202605%02d-1200%02d-aaaaaa", 1 + i / 10, i % 10);
		wanted[i] = (struct proof_wanted){ i % 10 ? "shop" : "sho", ids[i] };
		/* of every third none, of the others an older one that differs */
		if (i % 3 == 0)
			continue;
		fixture_prove(r, wanted[i].database, ids[i], 5, PROOF_DIFFERS);
		if (i != 50)
			fixture_prove(r, wanted[i].database, ids[i], 7, PROOF_GOOD);
	}
	unsigned before = storage_slow_calls(slow);
	assert_true(proof_load_each_newest(r, NULL, wanted, SNAPSHOTS, count_proof, &c, &e));
	assert_int_equal(c.next, SNAPSHOTS);
	assert_int_equal(c.none, 34);
	assert_int_equal(c.good, 65);
	assert_int_equal(c.differing, 1);
	assert_int_equal(storage_slow_calls(slow) - before, 1 + 66);
	/* enough: with a proof, before one, at the end */
	for (size_t at = 0; at < SNAPSHOTS; at++) {
		c = (struct proofs){ .stop_at = at };
		assert_true(proof_load_each_newest(r, NULL, wanted, SNAPSHOTS, count_proof, &c, &e));
		assert_int_equal(c.next, at + 1);
	}
	c = (struct proofs){ .stop_at = SIZE_MAX };
	assert_true(proof_load_each_newest(r, "nothing of this name", wanted, SNAPSHOTS, count_proof, &c, &e));
	assert_int_equal(c.none, SNAPSHOTS);
	repository_close(r);
}

static void test_a_thousand_snapshots_are_listed_in_seconds(void **state)
{
	struct storage *memory = storage_new_memory(), *slow;
	struct repository *r = fixture_repository_over(memory);
	struct proof_wanted wanted[1000];
	struct proofs c = { .stop_at = SIZE_MAX };
	struct manifest_list l;
	struct err e = ERR_INIT;
	char id[SNAPSHOT_ID_SIZE];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(id, sizeof(id), "20260501-12%02d%02d-aaaaaa", i / 50, i % 50);
		fixture_save(r, "shop", id, i, "");
		fixture_prove(r, "shop", id, i, PROOF_GOOD);
	}
	slow = storage_new_slow(memory, 50);
	r->storage = slow;
	int64_t start = clock_monotonic_us();
	assert_true(manifest_list_load(&l, r, NULL, &e));
	assert_int_equal(l.count, 1000);
	for (size_t i = 0; i < l.count; i++)
		wanted[i] = (struct proof_wanted){ l.items[i]->database, l.items[i]->id };
	assert_true(proof_load_each_newest(r, NULL, wanted, 1000, count_proof, &c, &e));
	assert_int_equal(c.good, 1000);
	/* 2,000 requests of 50 ms, 16 at once: 6.3 s, not 100 */
	assert_true(clock_monotonic_us() - start < 12000000);
	manifest_list_release(&l);
	repository_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects_come_in_the_order_of_their_names),
		cmocka_unit_test(test_as_many_at_once_as_the_store_wants),
		cmocka_unit_test(test_enough_is_enough_and_a_failure_is_the_callers),
		cmocka_unit_test(test_break_every_get_once),
		cmocka_unit_test(test_what_is_missing_or_too_large_is_told),
		cmocka_unit_test(test_requests_for_what_a_person_typed),
		cmocka_unit_test(test_the_newest_proofs_of_many_take_one_listing),
		cmocka_unit_test(test_a_thousand_snapshots_are_listed_in_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
