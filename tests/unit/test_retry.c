/* Delays grow, are spread, and end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "src/base/clock.h"
#include "storage/backend/retry.h"

#define LARGEST UINT64_MAX

static const struct retry_policy usual;

static unsigned delay(const struct retry_policy *p, enum retry_kind kind, unsigned attempt, uint64_t elapsed,
        unsigned asked, uint64_t random)
{
	unsigned ms = 12345678;

	assert_true(retry_delay(&ms, p, kind, attempt, elapsed, asked, random));
	return ms;
}

/* The longest delay there can be after this many tries. */
static unsigned longest(enum retry_kind kind, unsigned attempt)
{
	unsigned most = 0;

	for (uint64_t random = 0; random < 20000; random++) {
		unsigned ms = delay(&usual, kind, attempt, 0, 0, random);

		most = ms > most ? ms : most;
	}
	return most;
}

static void test_limits_double_up_to_the_most(void **state)
{
	(void)state;
	assert_int_equal(longest(RETRY_BROKEN, 1), 100);
	assert_int_equal(longest(RETRY_BROKEN, 2), 200);
	assert_int_equal(longest(RETRY_BROKEN, 3), 400);
	assert_int_equal(longest(RETRY_BROKEN, 7), 5000);
	assert_int_equal(longest(RETRY_BROKEN, 4000000000u), 5000);
	assert_int_equal(longest(RETRY_THROTTLED, 1), 500);
	assert_int_equal(longest(RETRY_THROTTLED, 5), 5000);
}

static void test_jitter_covers_the_whole_range(void **state)
{
	(void)state;
	for (unsigned ms = 0; ms <= 100; ms++)
		assert_int_equal(delay(&usual, RETRY_BROKEN, 1, 0, 0, ms), ms);
	assert_in_range(delay(&usual, RETRY_BROKEN, 9, 0, 0, LARGEST), 0, 5000);
}

static void test_a_store_is_given_the_time_it_asks_for(void **state)
{
	(void)state;
	assert_in_range(delay(&usual, RETRY_THROTTLED, 1, 0, 7000, 0), 7000, 7000);
	assert_in_range(delay(&usual, RETRY_THROTTLED, 1, 0, 7000, 499), 7000, 7499);
	/* but no more than a minute, */
	assert_int_equal(delay(&usual, RETRY_THROTTLED, 1, 0, 3600000, 0), 60000);
	/* and not past the end */
	assert_int_equal(delay(&usual, RETRY_THROTTLED, 1, 118000, 7000, 0), 2000);
}

static void test_giving_up_goes_by_the_clock(void **state)
{
	unsigned ms;

	(void)state;
	assert_true(retry_delay(&ms, &usual, RETRY_BROKEN, 1000, 119999, 0, LARGEST));
	assert_in_range(ms, 0, 1);
	assert_false(retry_delay(&ms, &usual, RETRY_BROKEN, 2, 120000, 0, 0));
	assert_false(retry_delay(&ms, &usual, RETRY_THROTTLED, 2, 500000, 0, 0));
	assert_true(retry_delay(&ms, &usual, RETRY_UNREACHABLE, 2, 19000, 0, 0));
	assert_false(retry_delay(&ms, &usual, RETRY_UNREACHABLE, 2, 20000, 0, 0));
}

static void test_a_policy_of_ones_own(void **state)
{
	static const struct retry_policy mine = { .first_ms = 1, .most_ms = 3, .total_ms = 50, .unreachable_ms = 1000 };
	unsigned ms;

	(void)state;
	assert_in_range(delay(&mine, RETRY_BROKEN, 20, 0, 0, LARGEST), 0, 3);
	assert_false(retry_delay(&ms, &mine, RETRY_BROKEN, 1, 50, 0, 0));
	assert_false(retry_delay(&ms, &mine, RETRY_UNREACHABLE, 1, 50, 0, 0)); /* never longer than the rest */
}

static void test_the_last_error_says_how_often(void **state)
{
	static const struct retry_policy mine = { .first_ms = 1, .most_ms = 1, .total_ms = 20 };
	struct err e = ERR_INIT;
	struct retry r;
	unsigned tries = 0;

	(void)state;
	retry_start(&r, &mine, NULL);
	do {
		e = (struct err)ERR_INIT;
		err_set(&e, ERR_TRANSIENT, "the store has failed");
		err_hint(&e, "see how it is");
		tries++;
	} while (retry_wait(&r, RETRY_BROKEN, 0, &e));
	assert_true(tries > 1);
	assert_int_equal(e.kind, ERR_TRANSIENT);
	assert_non_null(strstr(e.msg, "the store has failed (given up after "));
	assert_non_null(strstr(e.msg, "tries in 0 s)"));
	assert_string_equal(e.hint, "see how it is");
}

static void test_a_cancel_ends_the_waiting(void **state)
{
	static const struct retry_policy slow = { .first_ms = 60000, .most_ms = 60000 };
	struct cancel cancel = CANCEL_INIT(NULL);
	struct err e = ERR_INIT;
	struct retry r;
	int64_t before = clock_monotonic_us();

	(void)state;
	retry_start(&r, &slow, &cancel);
	cancel_trip(&cancel, 2);
	assert_false(retry_wait(&r, RETRY_BROKEN, 60000, &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_true(clock_monotonic_us() - before < 10000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits_double_up_to_the_most),
		cmocka_unit_test(test_jitter_covers_the_whole_range),
		cmocka_unit_test(test_a_store_is_given_the_time_it_asks_for),
		cmocka_unit_test(test_giving_up_goes_by_the_clock),
		cmocka_unit_test(test_a_policy_of_ones_own),
		cmocka_unit_test(test_the_last_error_says_how_often),
		cmocka_unit_test(test_a_cancel_ends_the_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
