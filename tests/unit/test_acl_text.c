/* Privilege lists as PostgreSQL prints them: names with quotes, braces and commas survive; anything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "restore/acl_text.h"

static void items_are_taken_apart(void **state)
{
	struct arena a = ARENA_INIT;
	struct acl_text acl;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(acl_text_parse(&acl, "{=r/boss,boss=rw/boss,\"\\\"Odd, \\\"\\\"}\\\"=r*w/boss\"}", &a, &e));
	assert_int_equal(acl.count, 3);
	assert_string_equal(acl.items[0].grantee, "");
	assert_string_equal(acl.items[0].privileges, "r");
	assert_string_equal(acl.items[0].grantor, "boss");
	assert_string_equal(acl.items[2].grantee, "Odd, \"}");
	assert_string_equal(acl.items[2].privileges, "r*w");
	arena_release(&a);
}

static void no_list_and_an_empty_one(void **state)
{
	struct arena a = ARENA_INIT;
	struct acl_text acl;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(acl_text_parse(&acl, NULL, &a, &e));
	assert_int_equal(acl.count, 0);
	assert_true(acl_text_parse(&acl, "{}", &a, &e));
	assert_int_equal(acl.count, 0);
	assert_string_equal(acl_text_canonical("{}", "boss", "rw", "", &a), "");
	arena_release(&a);
}

static void malformed_lists_are_refused(void **state)
{
	static const char *const bad[] = { "", "{", "{a=r/b", "{a=r/b}x", "{a}", "{a=r}", "{\"a=r/b}",
		"{\"\\\"a=r/b\"}", "a=r/b" };
	struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct acl_text acl;
		struct err e = ERR_INIT;

		assert_false(acl_text_parse(&acl, bad[i], &a, &e));
		assert_int_equal(e.kind, ERR_DAMAGED);
	}
	arena_release(&a);
}

static void order_does_not_count(void **state)
{
	struct arena a = ARENA_INIT;

	(void)state;
	assert_string_equal(acl_text_canonical("{b=r/o,a=w/o}", "o", "rw", "", &a),
	        acl_text_canonical("{a=w/o,b=r/o}", "o", "rw", "", &a));
	assert_string_not_equal(
	        acl_text_canonical("{b=r/o}", "o", "rw", "", &a), acl_text_canonical("{b=w/o}", "o", "rw", "", &a));
	/* the default, spelled out or not */
	assert_string_equal(acl_text_canonical(NULL, "o", "CTc", "Tc", &a),
	        acl_text_canonical("{=Tc/o,o=CTc/o}", "o", "CTc", "Tc", &a));
	assert_string_equal(acl_text_canonical(NULL, "odd one", "rw", "", &a),
	        acl_text_canonical("{\"\\\"odd one\\\"=rw/\\\"odd one\\\"\"}", "odd one", "rw", "", &a));
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_taken_apart),
		cmocka_unit_test(no_list_and_an_empty_one),
		cmocka_unit_test(malformed_lists_are_refused),
		cmocka_unit_test(order_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
