#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "restore/line_diff.h"

static void assert_diff(const char *a, const char *b, const char *wanted)
{
	struct buf out = BUF_INIT;

	line_diff(&out, a, b);
	assert_string_equal(buf_str(&out), wanted);
	buf_release(&out);
}

static void test_what_is_equal_is_left_out(void **state)
{
	(void)state;
	assert_diff("", "", "");
	assert_diff("a\nb\n", "a\nb", "");
	assert_diff("a\n\nb\n", "a\nb\n", "");
}

static void test_lines_in_order(void **state)
{
	(void)state;
	assert_diff("a\nb\nc\n", "a\nx\nc\n", "- b\n+ x\n");
	assert_diff("a\nb\n", "b\na\n", "- a\n+ a\n");
	assert_diff("", "a\nb\n", "+ a\n+ b\n");
	assert_diff("a\nb", "", "- a\n- b\n");
	assert_diff("CREATE TABLE t (\n    a int,\n    b text\n);\n",
	        "CREATE TABLE t (\n    a int,\n    c int,\n    b text\n);\n", "+     c int,\n");
}

static void test_long_texts(void **state)
{
	struct buf a = BUF_INIT, b = BUF_INIT, out = BUF_INIT;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		buf_addf(&a, "line %u\n", i);
		buf_addf(&b, "line %u\n", i == 1000 ? 5000 : i);
	}
	line_diff(&out, buf_str(&a), buf_str(&b));
	assert_string_equal(buf_str(&out), "- line 1000\n+ line 5000\n");
	buf_clear(&out);
	buf_add(&a, "one more\n");
	line_diff(&out, buf_str(&a), buf_str(&a));
	assert_int_equal(out.len, 0);
	line_diff(&out, buf_str(&a), buf_str(&b));
	assert_true(out.len > a.len + b.len);
	buf_release(&a);
	buf_release(&b);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_equal_is_left_out),
		cmocka_unit_test(test_lines_in_order),
		cmocka_unit_test(test_long_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
