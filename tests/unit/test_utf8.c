/* tests/unit/test_utf8.c - what is UTF-8, where it may be cut, and what becomes of what is not */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "src/base/utf8.h"

static void what_is_utf8(void **state)
{
	(void)state;
	assert_true(utf8_is_valid("", 0));
	assert_true(utf8_is_valid("a\xc3\xbc\xe2\x82\xac\xf4\x8f\xbf\xbf", 10));
	assert_false(utf8_is_valid("\xf4\x90\x80\x80", 4)); /* above U+10FFFF */
	assert_false(utf8_is_valid("\xed\xa0\x80", 3));     /* a surrogate */
	assert_false(utf8_is_valid("\xc0\x80", 2));         /* overlong */
	assert_false(utf8_is_valid("\xe0\x80\x80", 3));
	assert_false(utf8_is_valid("\xf0\x80\x80\x80", 4));
	assert_false(utf8_is_valid("\xe2\x82", 2)); /* cut */
	assert_false(utf8_is_valid("\xe2\x82x", 3));
	assert_false(utf8_is_valid("\x80", 1));
	assert_int_equal(utf8_length("\xc3\xbc", 0), 0);
}

/* Cut anywhere, it is the longest text of whole characters. */
static void cut_between_characters(void **state)
{
	static const char text[] = "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x92\xbe.";
	static const size_t ends[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11 };

	(void)state;
	for (size_t max = 0; max < sizeof(ends) / sizeof(*ends); max++)
		assert_int_equal(utf8_fit(text, strlen(text), max), ends[max]);
	/* what is no UTF-8 is cut where it is said */
	assert_int_equal(utf8_fit("\x80\x80\x80\x80\x80", 5, 4), 4);
	assert_int_equal(utf8_fit("\xff\xff\xff", 3, 2), 2);
}

static void repairs(const char *text, const char *expected)
{
	char copy[64];

	snprintf(copy, sizeof(copy), "%s", text);
	assert_int_equal(utf8_repair(copy), !strcmp(text, expected));
	assert_string_equal(copy, expected);
}

static void broken_characters_are_marked(void **state)
{
	(void)state;
	repairs("", "");
	repairs("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
	repairs("\"gr\xc3\" cut", "\"gr?\" cut");
	repairs("\xe2\x82", "??");
	repairs("latin \xfc", "latin ?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_utf8),
		cmocka_unit_test(cut_between_characters),
		cmocka_unit_test(broken_characters_are_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
