/* src/base/clock.c - see clock.h */
#include "src/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND 1000000LL
/* 9999-12-31T23:59:59.999999Z: what four digits of a year can say */
#define LAST_US (253402300800LL * SECOND - 1)

static int64_t now(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void)
{
	return now(CLOCK_MONOTONIC);
}

int64_t clock_utc_us(void)
{
	return now(CLOCK_REALTIME);
}

/* Calendar fields of a time, which is moved into the years 1970 to 9999. */
static struct tm calendar(int64_t *utc_us)
{
	struct tm tm;
	time_t seconds;

	if (*utc_us < 0)
		*utc_us = 0;
	if (*utc_us > LAST_US)
		*utc_us = LAST_US;
	seconds = (time_t)(*utc_us / SECOND);
	gmtime_r(&seconds, &tm);
	return tm;
}

void clock_rfc3339(char out[CLOCK_TEXT_SIZE], int64_t utc_us)
{
	struct tm tm = calendar(&utc_us);
	size_t n = strftime(out, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);

	snprintf(out + n, CLOCK_TEXT_SIZE - n, ".%03uZ", (unsigned)(utc_us % SECOND / 1000));
}

void clock_compact(char out[CLOCK_TEXT_SIZE], int64_t utc_us)
{
	struct tm tm = calendar(&utc_us);

	strftime(out, CLOCK_TEXT_SIZE, "%Y%m%d-%H%M%S", &tm);
}

static int digits(const char *text, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++)
		value = value * 10 + (text[i] - '0');
	return value;
}

int64_t clock_parse_rfc3339(const char *text)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
	char check[CLOCK_TEXT_SIZE];
	struct tm tm = { 0 };
	int64_t utc_us;

	if (strlen(text) != sizeof(shape) - 1)
		return -1;
	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
			return -1;
	}
	tm.tm_year = digits(text, 4) - 1900;
	tm.tm_mon = digits(text + 5, 2) - 1;
	tm.tm_mday = digits(text + 8, 2);
	tm.tm_hour = digits(text + 11, 2);
	tm.tm_min = digits(text + 14, 2);
	tm.tm_sec = digits(text + 17, 2);
	utc_us = (int64_t)timegm(&tm) * SECOND + digits(text + 20, 3) * 1000;
	/* timegm() carries a 31 February over into March: only a date that prints the same is one. */
	clock_rfc3339(check, utc_us);
	return strcmp(check, text) == 0 ? utc_us : -1;
}
