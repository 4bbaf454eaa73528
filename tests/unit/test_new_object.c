/* Writing what nobody has written yet, on stores that create, ignore the wish, or refuse it. */
#include "tests/unit/odd_storage.h"

#include <errno.h>

#include "storage/repository/journal.h"
#include "storage/repository/new_object.h"

static const struct object_key key = { OBJECT_PROOF, "shop/20260501-120000-aaaaaa/20260501-130000-000000" };

static void assert_holds(struct storage *s, const char *text)
{
	struct buf got = BUF_INIT;
	struct err e = ERR_INIT;

	assert_true(storage_get(s, key, &got, &e));
	assert_string_equal(buf_str(&got), text);
	buf_release(&got);
}

static void test_a_new_name_is_written_whatever_the_store_thinks_of_creating(void **state)
{
	(void)state;
	for (int create = CREATES; create <= REFUSES; create++) {
		struct odd *o;
		struct storage *s = odd_storage(&o, storage_new_memory(), (enum create)create);
		struct err e = ERR_INIT;

		assert_true(new_object_put(s, key, view_str("one"), &e));
		assert_holds(s, "one");
		/* the answer was lost, and the same is written again */
		assert_true(new_object_put(s, key, view_str("one"), &e));
		assert_holds(s, "one");
		bool again = new_object_put(s, key, view_str("two"), &e);
		assert_int_equal(again, create == IGNORES);
		assert_holds(s, again ? "two" : "one");
		if (!again)
			assert_int_equal(e.kind, ERR_EXISTS);
		storage_close(s);
	}
}

static void test_a_repository_works_whatever_the_store_thinks_of_creating(void **state)
{
	(void)state;
	for (int create = CREATES; create <= REFUSES; create++) {
		struct odd *o;
		struct repository *r = fixture_repository_over(
		        odd_storage(&o, storage_new_memory(), (enum create)create));
		struct journal_event event = { .event = "snapshot", .database = "shop", .finished_us = 5 };
		struct manifest_list l;
		struct journal j;
		struct proof *p = NULL;
		struct err e = ERR_INIT;

		fixture_save(r, "shop", "20260501-120000-aaaaaa", 1, "");
		fixture_prove(r, "shop", "20260501-120000-aaaaaa", 7, PROOF_GOOD);
		assert_true(journal_record(r, &event, &e));
		assert_true(manifest_list_load(&l, r, NULL, &e));
		assert_int_equal(l.count, 1);
		assert_true(proof_load_newest(&p, r, "shop", "20260501-120000-aaaaaa", &e));
		assert_true(journal_load(&j, r, "shop", 10, &e));
		assert_int_equal(j.count, 1);
		journal_release(&j);
		manifest_list_release(&l);
		proof_free(p);
		repository_close(r);
	}
}

static void test_what_fails_for_good_is_said(void **state)
{
	static const enum fault_how hows[] = { FAULT_BEFORE, FAULT_AFTER, FAULT_NO_SPACE };

	(void)state;
	for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
		struct storage *s = storage_new_fault(storage_new_memory(), FAULT_PUT, 1, hows[i]);
		struct err e = ERR_INIT;

		/* a full disk is not asked twice; any other failure may have been a refusal to create */
		assert_int_equal(new_object_put(s, key, view_str("one"), &e), hows[i] != FAULT_NO_SPACE);
		assert_true(storage_fault_fired(s));
		if (hows[i] == FAULT_NO_SPACE)
			assert_int_equal(e.sys, ENOSPC);
		else
			assert_holds(s, "one");
		storage_close(s);
	}
	/* neither creating nor replacing */
	struct odd *o;
	struct storage *s = odd_storage(
	        &o, storage_new_fault(storage_new_memory(), FAULT_PUT, 1, FAULT_BEFORE), REFUSES);
	struct err e = ERR_INIT;
	assert_false(new_object_put(s, key, view_str("one"), &e));
	assert_string_equal(e.msg, "injected fault");
	storage_close(s);
	/* nor looking */
	s = odd_storage(&o, storage_new_fault(storage_new_memory(), FAULT_GET, 1, FAULT_BEFORE), REFUSES);
	e = (struct err)ERR_INIT;
	assert_false(new_object_put(s, key, view_str("one"), &e));
	assert_string_equal(e.msg, "501 Not Implemented");
	storage_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_name_is_written_whatever_the_store_thinks_of_creating),
		cmocka_unit_test(test_a_repository_works_whatever_the_store_thinks_of_creating),
		cmocka_unit_test(test_what_fails_for_good_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
