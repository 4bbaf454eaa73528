/* storage/backend/s3_time.c - see s3_time.h */
#include "storage/backend/s3_time.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#define SECOND          INT64_C(1000000)
#define FRACTION_DIGITS 9

static int number(const char *digits, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++)
		value = value * 10 + (digits[i] - '0');
	return value;
}

/* Does text start with this shape, in which 'd' is any digit? */
static bool shaped(const char *text, const char *shape)
{
	for (; *shape; shape++, text++) {
		if (*shape == 'd' ? !isdigit((unsigned char)*text) : *text != *shape)
			return false;
	}
	return true;
}

/* The microseconds of ".123"; past it in *at. */
static bool parse_fraction(int64_t *us, const char **at)
{
	const char *digits = *at + 1;
	int64_t unit = SECOND / 10;
	size_t n;

	*us = 0;
	if (**at != '.')
		return true;
	n = strspn(digits, "0123456789");
	*at = digits + n;
	for (size_t i = 0; i < n; i++, unit /= 10)
		*us += (digits[i] - '0') * unit;
	return n >= 1 && n <= FRACTION_DIGITS;
}

static bool parse_offset(int *minutes, const char *text)
{
	bool colon = strlen(text) == 6;
	int hours;

	*minutes = 0;
	if (strcmp(text, "Z") == 0)
		return true;
	if (*text != '+' && *text != '-')
		return false;
	if (!shaped(text + 1, colon ? "dd:dd" : "dddd") || text[colon ? 6 : 5])
		return false;
	hours = number(text + 1, 2);
	*minutes = number(text + (colon ? 4 : 3), 2);
	if (hours > 23 || *minutes > 59)
		return false;
	*minutes += hours * 60;
	if (*text == '-')
		*minutes = -*minutes;
	return true;
}

/* timegm() carries a 31 February over into March: only fields that come back the same are a date. */
static bool parse_date(int64_t *seconds, const char *text)
{
	struct tm tm = { .tm_year = number(text, 4) - 1900,
		.tm_mon = number(text + 5, 2) - 1,
		.tm_mday = number(text + 8, 2),
		.tm_hour = number(text + 11, 2),
		.tm_min = number(text + 14, 2),
		.tm_sec = number(text + 17, 2) };
	const struct tm given = tm;

	*seconds = timegm(&tm);
	return given.tm_year >= 70 && tm.tm_year == given.tm_year && tm.tm_mon == given.tm_mon &&
	       tm.tm_mday == given.tm_mday && tm.tm_hour == given.tm_hour && tm.tm_min == given.tm_min &&
	       tm.tm_sec == given.tm_sec;
}

bool s3_time_parse(int64_t *out, const char *text)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd";
	const char *rest;
	int64_t seconds, us;
	int minutes;

	if (!shaped(text, shape) || !parse_date(&seconds, text))
		return false;
	rest = text + strlen(shape);
	if (!parse_fraction(&us, &rest) || !parse_offset(&minutes, rest))
		return false;
	seconds -= minutes * 60;
	if (seconds < 0)
		return false;
	*out = seconds * SECOND + us;
	return true;
}
