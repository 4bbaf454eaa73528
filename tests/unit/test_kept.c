/* tests/unit/test_kept.c - the comments by which databases put aside are found again, and what is not one of them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "restore/kept.h"

#define WHEN 1795169331123000 /* 2026-11-20T10:08:51.123Z, or near it */

static void what_is_written_is_read(void **state)
{
	static const char *const names[] = { "shop", "..", "a/b", "it's \"quoted\"", "a by b", "x, replaced y", " ",
		"new\nline", "\xc3\xa9t\xc3\xa9", "\xff\xfe", "%", "drtool: kept x" };
	static const char *const comments[] = { NULL, "", "ours", "two\nlines", "drtool: kept shop, replaced" };
	struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (size_t j = 0; j < sizeof(comments) / sizeof(comments[0]); j++) {
			struct kept k = { 0 };
			const char *text = kept_comment(&a, names[i], WHEN, "20261120-100851-abc123", comments[j]);

			assert_true(kept_parse(&k, names[i], text, &a));
			assert_true(k.until_us == WHEN);
			assert_string_equal(k.by, "20261120-100851-abc123");
			if (comments[j])
				assert_string_equal(k.comment, comments[j]);
			else
				assert_null(k.comment);
			assert_false(kept_parse(&k, "another", text, &a));
		}
	}
	arena_release(&a);
}

/* A comment that was cut anywhere, or with a byte changed, is one of ours as a whole or not at all. */
static void half_a_comment_is_none(void **state)
{
	struct arena a = ARENA_INIT;
	const char *text = kept_comment(&a, "shop", WHEN, "undo", "ours");
	size_t first = strcspn(text, "\n");

	(void)state;
	for (size_t len = 0; len < first; len++) {
		struct kept k = { 0 };

		assert_false(kept_parse(&k, "shop", arena_strndup(&a, text, len), &a));
	}
	arena_release(&a);
}

static void others_are_not_ours(void **state)
{
	static const char *const texts[] = { "", "our shop", "drtool: kept ", "drtool: kept shop",
		"drtool: kept shop, replaced  by ",
		"drtool: kept shop, replaced yesterday by undo; drtool undo swaps back",
		"drtool: kept shop,\nreplaced 2026-11-20T10:08:51.123Z by undo; drtool undo swaps back",
		"drtool: kept shop, replaced 2026-11-20T10:08:51.123Z by undo; drtool undo swaps back and forth",
		" drtool: kept shop, replaced 2026-11-20T10:08:51.123Z by undo; drtool undo swaps back",
		"drtool: restore of snapshot 20261120-100851-abc123 into shop, not complete" };
	struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct kept k = { 0 };

		assert_false(kept_parse(&k, "shop", texts[i], &a));
	}
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(half_a_comment_is_none),
		cmocka_unit_test(others_are_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
