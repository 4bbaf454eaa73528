/* tests/unit/test_arena.c - alignment, zeroing, growth */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>
#include <string.h>

#include "src/base/arena.h"

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
	static const size_t sizes[] = { 0, 1, 7, 16, 17, 100, 3000, 4096, 70000, 300000 };
	struct arena a = ARENA_INIT;
	unsigned char *pieces[400];

	(void)state;
	for (size_t i = 0; i < 400; i++) {
		size_t size = sizes[i % 10];

		pieces[i] = arena_alloc(&a, size);
		assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
		for (size_t k = 0; k < size; k++)
			assert_true(pieces[i][k] == 0);
		memset(pieces[i], (int)(i % 255 + 1), size);
	}
	for (size_t i = 0; i < 400; i++) {
		for (size_t k = 0; k < sizes[i % 10]; k++)
			assert_true(pieces[i][k] == (unsigned char)(i % 255 + 1));
	}
	arena_release(&a);
	assert_null(a.head);
	arena_release(&a);
}

static void strings(void **state)
{
	struct arena a = ARENA_INIT;
	const char raw[3] = { 'a', 'b', 'c' }; /* no NUL: strndup may not look past n */

	(void)state;
	assert_null(arena_strdup(&a, NULL));
	assert_null(arena_strndup(&a, NULL, 3));
	assert_string_equal(arena_strdup(&a, "hello"), "hello");
	assert_string_equal(arena_strndup(&a, raw, 3), "abc");
	assert_string_equal(arena_strndup(&a, "hello", 2), "he");
	assert_string_equal(arena_strndup(&a, "he", 10), "he");
	assert_string_equal(arena_printf(&a, "%d/%s", 7, "x"), "7/x");
	assert_string_equal(arena_printf(&a, "%s", ""), "");
	arena_release(&a);
}

static void arrays_grow_and_keep_their_items(void **state)
{
	struct arena a = ARENA_INIT;
	int *items = NULL, *before;
	size_t cap = 0;

	(void)state;
	for (size_t n = 0; n < 10000; n++) {
		before = items;
		size_t cap_before = cap;

		items = arena_grow(&a, items, n, &cap, sizeof(*items));
		assert_true(cap > n);
		assert_true(items != before || cap == cap_before);
		items[n] = (int)n;
	}
	for (int n = 0; n < 10000; n++)
		assert_int_equal(items[n], n);
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
		cmocka_unit_test(strings),
		cmocka_unit_test(arrays_grow_and_keep_their_items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
