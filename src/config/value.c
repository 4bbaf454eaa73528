/* src/config/value.c - see value.h */
#include "src/config/value.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define DIGITS_MAX 12 /* more than any ceiling needs, and far from overflow */

/* Read digits at *text and step over them; false when there is none or too many. */
static bool digits(int64_t *out, const char **text)
{
	int64_t n = 0;
	unsigned count = 0;

	while (**text >= '0' && **text <= '9' && count++ < DIGITS_MAX)
		n = n * 10 + (*(*text)++ - '0');
	*out = n;
	return count > 0 && count <= DIGITS_MAX;
}

bool value_number(int64_t *out, const char *text, int64_t min, int64_t max, struct err *e)
{
	const char *at = text;
	bool negative = *at == '-';
	int64_t n;

	at += negative;
	if (!digits(&n, &at) || *at != '\0')
		return err_set(e, ERR_USAGE, "\"%s\" is not a whole number", text);
	if (negative)
		n = -n;
	if (n < min || n > max)
		return err_set(e, ERR_USAGE, "%s is out of range (%lld to %lld)", text, (long long)min, (long long)max);
	*out = n;
	return true;
}

static int64_t unit_seconds(char unit)
{
	switch (unit) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	default:
		return 0;
	}
}

static bool not_a_duration(const char *text, struct err *e)
{
	err_set(e, ERR_USAGE, "\"%s\" is not a duration", text);
	return err_hint(e, "write it as 90s, 15m, 24h or 1h30m");
}

bool value_seconds(int64_t *out, const char *text, int64_t min, int64_t max, struct err *e)
{
	const char *at = text;
	int64_t total = 0, last_unit = INT64_MAX, n;

	do {
		int64_t unit;

		if (!digits(&n, &at))
			return not_a_duration(text, e);
		unit = *at == '\0' && last_unit == INT64_MAX ? 1 : unit_seconds(*at);
		if (unit == 0 || unit >= last_unit)
			return not_a_duration(text, e);
		at += *at != '\0';
		total += n * unit;
		last_unit = unit;
	} while (*at != '\0');
	if (total < min || total > max)
		return err_set(
		        e, ERR_USAGE, "%s is out of range (%llds to %llds)", text, (long long)min, (long long)max);
	*out = total;
	return true;
}

bool value_bool(bool *out, const char *text, struct err *e)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*out = i % 2 == 1;
			return true;
		}
	}
	return err_set(e, ERR_USAGE, "\"%s\" is neither true nor false", text);
}
