/* tests/unit/test_clock.c - text forms of time */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "src/base/clock.h"

#define SECOND INT64_C(1000000)

static void known_times(void **state)
{
	char text[CLOCK_TEXT_SIZE];

	(void)state;
	clock_rfc3339(text, 1777636800 * SECOND + 123456);
	assert_string_equal(text, "2026-05-01T12:00:00.123Z");
	clock_compact(text, 1777636800 * SECOND + 123456);
	assert_string_equal(text, "20260501-120000");
	clock_rfc3339(text, 0);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	clock_rfc3339(text, 951782400 * SECOND);
	assert_string_equal(text, "2000-02-29T00:00:00.000Z");
	clock_rfc3339(text, INT64_MAX);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	clock_rfc3339(text, INT64_MIN);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
}

static void round_trips(void **state)
{
	char text[CLOCK_TEXT_SIZE];

	(void)state;
	for (int64_t t = 0; t < 250000000000 * SECOND; t = t * 3 / 2 + 987654321) {
		int64_t ms = t / 1000 * 1000;

		clock_rfc3339(text, t);
		assert_true(clock_parse_rfc3339(text) == ms);
	}
}

static void parsing_is_strict(void **state)
{
	static const char *const wrong[] = {
		"",
		"2026-05-01T12:00:00Z",
		"2026-05-01T12:00:00.12Z",
		"2026-05-01T12:00:00.1234Z",
		"2026-05-01T12:00:00.123",
		"2026-05-01 12:00:00.123Z",
		"2026-05-01T12:00:00.123z",
		"2026-05-01T12:00:00.123Z ",
		" 2026-05-01T12:00:00.123",
		"2026-02-29T12:00:00.123Z",
		"2026-13-01T12:00:00.123Z",
		"2026-00-01T12:00:00.123Z",
		"2026-05-00T12:00:00.123Z",
		"2026-05-01T24:00:00.123Z",
		"2026-05-01T12:60:00.123Z",
		"2026-05-01T12:00:60.123Z",
		"2026-05-01T12:00:-1.123Z",
		"+026-05-01T12:00:00.123Z",
		"1969-12-31T23:59:59.999Z",
		"0000-00-00T00:00:00.000Z",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_true(clock_parse_rfc3339(wrong[i]) == -1);
}

static void clocks_run(void **state)
{
	int64_t before = clock_monotonic_us(), utc = clock_utc_us();
	struct timespec pause = { .tv_nsec = 20000000 };

	(void)state;
	nanosleep(&pause, NULL);
	assert_in_range(clock_monotonic_us() - before, 19000, 60 * SECOND);
	assert_in_range(utc, 1700000000 * SECOND, 10000000000 * SECOND);
	assert_in_range(utc / SECOND, time(NULL) - 60, time(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_times),
		cmocka_unit_test(round_trips),
		cmocka_unit_test(parsing_is_strict),
		cmocka_unit_test(clocks_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
