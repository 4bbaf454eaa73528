/* tests/unit/test_standby.c - which comments are a standby copy's, and when a copy can be relied on */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "restore/standby_internal.h"

#define WHEN 1795169331123000 /* 2026-11-20T10:08:51.123Z, or near it */
#define ID   "20261120-100851-abc123"

static void what_is_written_is_read(void **state)
{
	static const char *const names[] = { "shop", "..", "a/b", "it's \"quoted\"", "a, snapshot b", " ", "new\nline",
		"\xc3\xa9t\xc3\xa9", "\xff\xfe", "%", "drtool: standby copy of x" };
	struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct standby s = { 0 };
		const char *text = standby_comment(&a, names[i], ID, WHEN);

		assert_true(standby_parse(&s, names[i], text, &a));
		assert_true(s.since_us == WHEN);
		assert_string_equal(s.snapshot_id, ID);
		assert_false(standby_parse(&s, "another", text, &a));
	}
	arena_release(&a);
}

static void half_a_comment_is_none(void **state)
{
	struct arena a = ARENA_INIT;
	const char *text = standby_comment(&a, "shop", ID, WHEN);
	struct standby s = { 0 };

	(void)state;
	for (size_t len = 0; len < strlen(text); len++)
		assert_false(standby_parse(&s, "shop", arena_strndup(&a, text, len), &a));
	assert_false(standby_parse(&s, "shop",
	        "drtool: standby copy of shop, snapshot ../x, since "
	        "2026-11-20T10:08:51.123Z; drtool restore --replace uses it",
	        &a));
	arena_release(&a);
}

static struct proof_standby marks = { "shop__standby", "7710241745870016403", 16489, 853, 12, WHEN };

static const char *doubt(struct proof_standby now, bool refuses, unsigned sessions)
{
	struct standby s = { .name = "shop__standby", .refuses = refuses, .sessions = sessions, .marks = now };
	struct proof p = { .standby = &marks };

	return standby_doubt(&s, &p);
}

static void each_mark_counts(void **state)
{
	struct proof_standby m = marks;
	struct standby s = { .name = "shop__standby", .refuses = true, .marks = marks };
	struct proof without = { 0 };

	(void)state;
	assert_null(doubt(m, true, 0));
	assert_non_null(standby_doubt(&s, NULL));
	assert_non_null(standby_doubt(&s, &without));
	without.standby = &marks;
	s.broken = true;
	assert_non_null(standby_doubt(&s, &without));
	assert_non_null(doubt(m, false, 0));
	assert_non_null(doubt(m, true, 1));
	m.oid++;
	assert_non_null(doubt(m, true, 0));
	m = marks;
	m.system_identifier = "";
	assert_non_null(doubt(m, true, 0));
	m = marks;
	m.xmin--;
	assert_non_null(doubt(m, true, 0));
	m = marks;
	m.sessions++;
	assert_non_null(doubt(m, true, 0));
	m.sessions = 0;
	assert_non_null(doubt(m, true, 0));
	m = marks;
	m.stats_reset_us = 0;
	assert_non_null(doubt(m, true, 0));
	m = marks;
	m.name = "another_name"; /* of the same database */
	assert_null(doubt(m, true, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(half_a_comment_is_none),
		cmocka_unit_test(each_mark_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
