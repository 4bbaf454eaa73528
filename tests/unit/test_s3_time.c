/* tests/unit/test_s3_time.c - times as stores, STS and metadata services write them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "storage/backend/s3_time.h"

static void reads(const char *text, int64_t expected)
{
	int64_t us = -1;

	if (!s3_time_parse(&us, text) || us != expected)
		fail_msg("%s: %lld, expected %lld", text, (long long)us, (long long)expected);
}

static void what_services_write(void **state)
{
	(void)state;
	reads("1970-01-01T00:00:00Z", 0);
	reads("2009-10-12T17:50:30.000Z", INT64_C(1255369830000000));
	reads("2009-10-12T17:50:30.123Z", INT64_C(1255369830123000));
	reads("2009-10-12T17:50:30.123456789Z", INT64_C(1255369830123456));
	reads("2009-10-12T17:50:30.5Z", INT64_C(1255369830500000));
	reads("2024-02-29T23:59:59Z", INT64_C(1709251199000000));
	reads("2019-05-29T00:21:43+00:00", INT64_C(1559089303000000));
	reads("2019-05-29T02:21:43+02:00", INT64_C(1559089303000000));
	reads("2019-05-28T18:51:43-0530", INT64_C(1559089303000000));
	reads("9999-12-31T23:59:59Z", INT64_C(253402300799000000));
}

static void nothing_else_is_a_time(void **state)
{
	static const char *const bad[] = { "", "Z", "2009", "2009-10-12", "2009-10-12T17:50:30", "2009-10-12 17:50:30Z",
		"2009-10-12T17:50:30z", "2009-10-12T17:50:30ZZ", "2009-10-12T17:50:30.Z",
		"2009-10-12T17:50:30.1234567890Z", "2009-02-30T00:00:00Z", "2009-13-01T00:00:00Z",
		"2009-00-01T00:00:00Z", "2009-10-12T24:00:00Z", "2009-10-12T23:60:00Z", "2009-10-12T23:59:60Z",
		"1969-12-31T23:59:59Z", "1970-01-01T00:00:00+01:00", "2009-10-12T17:50:30+1",
		"2009-10-12T17:50:30+24:00", "2009-10-12T17:50:30+00:60", "2009-10-12T17:50:30+00:0",
		"2009-10-12T17:50:30+00:000", "-009-10-12T17:50:30Z", "2009-10-12T17:50:3\xd9Z",
		"Mon, 12 Oct 2009 17:50:30 GMT", " 2009-10-12T17:50:30Z" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int64_t us;

		if (s3_time_parse(&us, bad[i]))
			fail_msg("\"%s\" was taken for a time", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_services_write),
		cmocka_unit_test(nothing_else_is_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
