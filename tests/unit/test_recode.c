/* Names between UTF-8 and the database's encoding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "restore/recode.h"

static void there_and_back(void **state)
{
	static const struct {
		const char *encoding, *utf8, *bytes;
	} cases[] = { { "LATIN1", "caf\xc3\xa9", "caf\xe9" }, { "LATIN9", "\xe2\x82\xac", "\xa4" },
		{ "WIN1252", "\xe2\x82\xac", "\x80" }, { "KOI8R", "\xd0\xb4", "\xc4" },
		{ "EUC_JP", "\xe6\x97\xa5", "\xc6\xfc" }, { "WIN1251", "\xd0\xb4", "\xe4" } };
	struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct recode *r = NULL;
		struct err e = ERR_INIT;
		const char *text = cases[i].utf8;

		assert_true(recode_open(&r, cases[i].encoding, false, &e));
		assert_true(recode_text(&text, r, &a, &e));
		assert_string_equal(text, cases[i].bytes);
		recode_close(r);
		assert_string_equal(recode_readable(text, cases[i].encoding, &a), cases[i].utf8);
	}
	arena_release(&a);
}

static void utf8_and_ascii_stay(void **state)
{
	struct arena a = ARENA_INIT;
	struct recode *r = NULL;
	struct err e = ERR_INIT;
	const char *text = "caf\xc3\xa9", *same = text, *none = NULL;

	(void)state;
	assert_true(recode_open(&r, "UTF8", false, &e));
	assert_null(r);
	assert_true(recode_text(&text, r, &a, &e));
	assert_ptr_equal(text, same);
	assert_true(recode_open(&r, "LATIN1", false, &e));
	assert_true(recode_text(&none, r, &a, &e));
	assert_null(none);
	recode_close(r);
	assert_string_equal(recode_readable("\xff"
	                                    "x\xe2\x82",
	                            "SQL_ASCII", &a),
	        "?x??");
	assert_string_equal(recode_readable("\xed\xa0\x80\xc0\x80\xf4\x90\x80\x80", "SQL_ASCII", &a), "?????????");
	arena_release(&a);
}

static void what_cannot_be_said_is_an_error(void **state)
{
	struct arena a = ARENA_INIT;
	struct recode *r = NULL;
	struct err e = ERR_INIT;
	const char *text = "\xe6\x97\xa5";

	(void)state;
	assert_true(recode_open(&r, "LATIN1", false, &e));
	assert_false(recode_text(&text, r, &a, &e));
	assert_int_equal(e.kind, ERR_FAILED);
	recode_close(r);
	e = (struct err)ERR_INIT;
	assert_false(recode_open(&r, "MULE_INTERNAL", false, &e));
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(utf8_and_ascii_stay),
		cmocka_unit_test(what_cannot_be_said_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
