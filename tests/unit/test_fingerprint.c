/* tests/unit/test_fingerprint.c - order does not matter, duplicates do, parts add up */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "src/codec/fingerprint.h"

static struct fingerprint of(const char *text)
{
	struct fingerprint f = { 0 };

	assert_true(fingerprint_add_text(&f, view_str(text)));
	return f;
}

static void differ(const char *one, const char *other)
{
	struct fingerprint a = of(one), b = of(other);

	assert_false(fingerprint_equal(&a, &b));
}

static void order_does_not_matter(void **state)
{
	struct fingerprint a = of("1\tx\n2\ty\n3\tz\n"), b = of("3\tz\n1\tx\n2\ty\n");

	(void)state;
	assert_true(fingerprint_equal(&a, &b));
	assert_int_equal(a.rows, 3);
}

static void contents_and_duplicates_matter(void **state)
{
	(void)state;
	differ("1\n2\n", "1\n3\n");
	differ("1\n", "1\n1\n");
	differ("1\n1\n2\n2\n", "1\n1\n1\n2\n");
	differ("1\n1\n", "2\n2\n"); /* an XOR of hashes could not tell these */
	differ("12\n3\n", "1\n23\n");
	differ("\n", "");
	differ("\n\n", "\n");
}

static void parts_add_up(void **state)
{
	struct fingerprint whole = { 0 }, parts[7] = { { 0 } }, sum = { 0 };
	char row[64];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		int n = snprintf(row, sizeof(row), "%d\trow %d\n", i, i * 7919 % 1000);
		struct hash128 h = hash_row((struct view){ (uint8_t *)row, (size_t)n });

		fingerprint_add_hash(&whole, h);
		fingerprint_add_hash(&parts[i * 31 % 7], h);
	}
	for (int i = 6; i >= 0; i--)
		fingerprint_add(&sum, &parts[i]);
	assert_int_equal(sum.rows, 5000);
	assert_true(fingerprint_equal(&whole, &sum));
}

static void sums_carry_and_wrap(void **state)
{
	const struct hash128 all = { UINT64_MAX, UINT64_MAX }, low = { UINT64_MAX, 0 }, one = { 1, 0 };
	struct fingerprint f = { 0 };

	(void)state;
	fingerprint_add_hash(&f, low);
	fingerprint_add_hash(&f, one);
	assert_true(f.sum.low == 0 && f.sum.high == 1);
	f = (struct fingerprint){ 0 };
	fingerprint_add_hash(&f, all);
	fingerprint_add_hash(&f, one);
	assert_true(f.sum.low == 0 && f.sum.high == 0 && f.rows == 2);
	fingerprint_add_hash(&f, all);
	fingerprint_add_hash(&f, all); /* -1 + -1 = -2 */
	assert_true(f.sum.low == UINT64_MAX - 1 && f.sum.high == UINT64_MAX);
}

static void text_form(void **state)
{
	struct fingerprint f = { .rows = 9, .sum = { .low = 0xA, .high = UINT64_C(0xfedcba9876543210) } },
	                   g = { .rows = 4 };
	char text[FINGERPRINT_TEXT_SIZE];

	(void)state;
	fingerprint_sum_text(text, &f);
	assert_string_equal(text, "fedcba9876543210000000000000000a");
	assert_true(fingerprint_sum_parse(&g, text));
	assert_true(g.sum.low == f.sum.low && g.sum.high == f.sum.high);
	assert_int_equal(g.rows, 4);
	assert_false(fingerprint_sum_parse(&g, "fedcba9876543210000000000000000"));
	assert_false(fingerprint_sum_parse(&g, "fedcba9876543210000000000000000a0"));
	assert_false(fingerprint_sum_parse(&g, "FEDCBA9876543210000000000000000A"));
	assert_false(fingerprint_sum_parse(&g, ""));
	assert_true(g.sum.low == f.sum.low && g.sum.high == f.sum.high);
}

static void text_cut_inside_a_row_is_refused(void **state)
{
	struct fingerprint f = { 0 };

	(void)state;
	assert_false(fingerprint_add_text(&f, view_str("1\n2")));
	assert_int_equal(f.rows, 0);
	assert_true(fingerprint_add_text(&f, view_str("")));
	assert_true(fingerprint_add_text(&f, (struct view){ NULL, 0 }));
	assert_int_equal(f.rows, 0);
	assert_true(fingerprint_add_text(&f, view_str("\n")));
	assert_int_equal(f.rows, 1);
}

static void golden(void **state)
{
	struct fingerprint f = of("1\tAda\t\\N\n2\tBob\\ttab\t3.14\n");
	char text[FINGERPRINT_TEXT_SIZE];

	(void)state;
	fingerprint_sum_text(text, &f);
	assert_string_equal(text, "1120673f8ba09de823baa9fa647933eb");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(contents_and_duplicates_matter),
		cmocka_unit_test(parts_add_up),
		cmocka_unit_test(sums_carry_and_wrap),
		cmocka_unit_test(text_form),
		cmocka_unit_test(text_cut_inside_a_row_is_refused),
		cmocka_unit_test(golden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
