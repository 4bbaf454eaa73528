#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "src/pg/pattern.h"

static bool matches(const char *pattern, const char *schema, const char *name)
{
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct pattern p;
	bool yes;

	assert_true(pattern_parse(&p, pattern, &a, &e));
	yes = pattern_matches(&p, schema, name);
	arena_release(&a);
	return yes;
}

static void plain_names_match_in_every_schema(void **state)
{
	(void)state;
	assert_true(matches("orders", "public", "orders"));
	assert_true(matches("orders", "shop", "orders"));
	assert_false(matches("orders", "public", "orders2"));
	assert_true(matches("shop.orders", "shop", "orders"));
	assert_false(matches("shop.orders", "public", "orders"));
}

static void letters_fold_unless_quoted(void **state)
{
	(void)state;
	assert_true(matches("ORDERS", "public", "orders"));
	assert_false(matches("ORDERS", "public", "ORDERS"));
	assert_true(matches("\"ORDERS\"", "public", "ORDERS"));
	assert_true(matches("\"a\"\"b\"", "public", "a\"b"));
	assert_true(matches("\"a.b\"", "public", "a.b"));
	assert_true(matches("\"A.b\".\"c*\"", "A.b", "c*"));
}

static void wildcards_match_runs_and_single_letters(void **state)
{
	(void)state;
	assert_true(matches("audit*", "public", "audit"));
	assert_true(matches("audit*", "public", "audit_2026"));
	assert_true(matches("*", "x", "anything"));
	assert_true(matches("*.log?", "x", "log1"));
	assert_false(matches("*.log?", "x", "log12"));
	assert_true(matches("a*b*c", "s", "a-b-b-c"));
	assert_false(matches("a*b*c", "s", "a-b-b-"));
	assert_false(matches("\"audit*\"", "public", "audit_1"));
}

static void bad_patterns_are_usage_errors(void **state)
{
	static const char *const bad[] = { "", ".", "a.", ".a", "a.b.c", "\"open" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct arena a = ARENA_INIT;
		struct err e = ERR_INIT;
		struct pattern p;

		assert_false(pattern_parse(&p, bad[i], &a, &e));
		assert_int_equal(e.kind, ERR_USAGE);
		assert_true(e.hint[0] != '\0');
		arena_release(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_names_match_in_every_schema),
		cmocka_unit_test(letters_fold_unless_quoted),
		cmocka_unit_test(wildcards_match_runs_and_single_letters),
		cmocka_unit_test(bad_patterns_are_usage_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
