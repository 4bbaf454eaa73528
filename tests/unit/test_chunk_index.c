#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/repository/chunk_index.h"

static struct chunk_name name_of(uint64_t n)
{
	struct chunk_name name;

	hash_sha256(name.bytes, (struct view){ (const uint8_t *)&n, sizeof(n) });
	return name;
}

static void test_unknown_set_and_forgotten(void **state)
{
	struct chunk_index x = CHUNK_INDEX_INIT;
	struct chunk_name a = name_of(1), b = name_of(2);

	(void)state;
	assert_int_equal(chunk_index_size(&x, &a), 0);
	chunk_index_forget(&x, &a);
	chunk_index_set(&x, &a, 7);
	assert_int_equal(chunk_index_size(&x, &a), 7);
	assert_int_equal(chunk_index_size(&x, &b), 0);
	chunk_index_set(&x, &a, CHUNK_INDEX_SIZE_MAX);
	assert_int_equal(chunk_index_size(&x, &a), CHUNK_INDEX_SIZE_MAX);
	chunk_index_forget(&x, &a);
	assert_int_equal(chunk_index_size(&x, &a), 0);
	chunk_index_set(&x, &a, 1);
	assert_int_equal(chunk_index_size(&x, &a), 1);
	chunk_index_release(&x);
}

static void test_the_flag_survives_everything_but_release(void **state)
{
	struct chunk_index x = CHUNK_INDEX_INIT;
	struct chunk_name a = name_of(1);

	(void)state;
	assert_false(chunk_index_relied(&x, &a));
	chunk_index_set(&x, &a, 7);
	assert_false(chunk_index_relied(&x, &a));
	chunk_index_rely(&x, &a);
	chunk_index_forget(&x, &a);
	assert_true(chunk_index_relied(&x, &a));
	chunk_index_set(&x, &a, 9);
	assert_true(chunk_index_relied(&x, &a));
	assert_int_equal(chunk_index_size(&x, &a), 9);
	chunk_index_release(&x);
	assert_false(chunk_index_relied(&x, &a));
}

static void test_names_that_differ_late_are_different(void **state)
{
	struct chunk_index x = CHUNK_INDEX_INIT;
	struct chunk_name a = name_of(1), b = a;

	(void)state;
	b.bytes[15] ^= 1;
	chunk_index_set(&x, &a, 7);
	assert_int_equal(chunk_index_size(&x, &b), 0);
	chunk_index_set(&x, &b, 8);
	assert_int_equal(chunk_index_size(&x, &a), 7);
	chunk_index_release(&x);
}

static void test_a_million_names_fit_60_megabytes(void **state)
{
	struct chunk_index x = CHUNK_INDEX_INIT;

	(void)state;
	for (uint64_t i = 1; i <= 1000000; i++) {
		struct chunk_name name = name_of(i);

		chunk_index_set(&x, &name, i);
	}
	for (uint64_t i = 1; i <= 1000000; i++) {
		struct chunk_name name = name_of(i);

		if (chunk_index_size(&x, &name) != i)
			fail_msg("name %zu has size %zu", (size_t)i, (size_t)chunk_index_size(&x, &name));
	}
	for (uint64_t i = 1000001; i <= 1001000; i++) {
		struct chunk_name name = name_of(i);

		assert_int_equal(chunk_index_size(&x, &name), 0);
	}
	assert_in_range(chunk_index_memory(&x), 20000000, 60000000);
	chunk_index_release(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_set_and_forgotten),
		cmocka_unit_test(test_the_flag_survives_everything_but_release),
		cmocka_unit_test(test_names_that_differ_late_are_different),
		cmocka_unit_test(test_a_million_names_fit_60_megabytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
