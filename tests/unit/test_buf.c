/* tests/unit/test_buf.c - growth, ceilings, views */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "src/base/buf.h"

static void appends_and_stays_terminated(void **state)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_string_equal(buf_str(&b), "");
	for (int i = 0; i < 1000; i++) {
		assert_true(buf_append(&b, "0123456789", 10, &e));
		assert_int_equal(b.data[b.len], 0);
	}
	assert_int_equal(b.len, 10000);
	for (size_t i = 0; i < b.len; i++)
		assert_int_equal(b.data[i], '0' + (int)(i % 10));
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(buf_str(&b), "");
	assert_true(b.cap > 10000);
	buf_release(&b);
	assert_null(b.data);
}

static void binary_and_empty_pieces(void **state)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(buf_append(&b, NULL, 0, &e));
	assert_true(buf_append(&b, "a\0b", 3, &e));
	buf_addn(&b, NULL, 0);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "a\0b", 4);
	buf_release(&b);
}

static void ceiling_is_exact(void **state)
{
	struct buf b = BUF_INIT_MAX(100);
	struct err e = ERR_INIT;
	char bytes[101] = { 0 };

	(void)state;
	assert_true(buf_append(&b, bytes, 60, &e));
	assert_false(buf_append(&b, bytes, 41, &e));
	assert_int_equal(e.kind, ERR_FAILED);
	assert_string_equal(e.msg, "more than 100 bytes");
	assert_int_equal(b.len, 60);
	assert_true(buf_append(&b, bytes, 40, &e));
	assert_true(buf_reserve(&b, 0, &e));
	assert_false(buf_reserve(&b, 1, &e));
	assert_true(b.cap <= 101);
	buf_release(&b);
	assert_false(buf_append(&b, bytes, 101, &e));
}

static void huge_requests_do_not_wrap(void **state)
{
	struct buf b = BUF_INIT, unlimited = BUF_INIT_MAX(SIZE_MAX);
	struct err e = ERR_INIT;

	(void)state;
	buf_add(&b, "x");
	buf_add(&unlimited, "x");
	assert_false(buf_reserve(&b, SIZE_MAX, &e));
	assert_false(buf_reserve(&b, BUF_DEFAULT_MAX, &e));
	assert_false(buf_reserve(&unlimited, SIZE_MAX, &e));
	assert_false(buf_reserve(&unlimited, SIZE_MAX - 1, &e));
	buf_release(&b);
	buf_release(&unlimited);
}

static void formats(void **state)
{
	struct buf b = BUF_INIT;
	char long_text[300];

	(void)state;
	memset(long_text, 'z', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	buf_add(&b, "a");
	buf_addf(&b, "%d-%s", 42, long_text);
	buf_addf(&b, "%s", "");
	assert_int_equal(b.len, 1 + 3 + 299);
	assert_memory_equal(b.data, "a42-zzz", 7);
	buf_release(&b);
}

static void detach_gives_the_bytes_away(void **state)
{
	struct buf b = BUF_INIT;
	char *text = buf_detach(&b);

	(void)state;
	assert_string_equal(text, "");
	free(text);
	buf_add(&b, "hello");
	text = buf_detach(&b);
	assert_string_equal(text, "hello");
	assert_int_equal(b.len, 0);
	buf_add(&b, "again");
	assert_string_equal(buf_str(&b), "again");
	assert_string_equal(text, "hello");
	free(text);
	buf_release(&b);
}

static void views_compare_by_content(void **state)
{
	struct view none = { NULL, 0 };

	(void)state;
	assert_true(view_eq(view_str("ab"), view_str("ab")));
	assert_false(view_eq(view_str("ab"), view_str("ac")));
	assert_false(view_eq(view_str("ab"), view_str("abc")));
	assert_true(view_eq(none, view_str("")));
}

static void allocation_helpers(void **state)
{
	char *p = xmalloc(0), *q = xcalloc(0, 8), *r = xasprintf("%s-%d", "x", 1), *s = xstrdup(r);

	(void)state;
	assert_non_null(p);
	assert_non_null(q);
	assert_string_equal(r, "x-1");
	assert_string_equal(s, "x-1");
	p = xrealloc(p, 10);
	memset(p, 1, 10);
	free(p);
	free(q);
	free(r);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_and_stays_terminated),
		cmocka_unit_test(binary_and_empty_pieces),
		cmocka_unit_test(ceiling_is_exact),
		cmocka_unit_test(huge_requests_do_not_wrap),
		cmocka_unit_test(formats),
		cmocka_unit_test(detach_gives_the_bytes_away),
		cmocka_unit_test(views_compare_by_content),
		cmocka_unit_test(allocation_helpers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
