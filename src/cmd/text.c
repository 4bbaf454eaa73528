/* src/cmd/text.c - see text.h */
#include "src/cmd/text.h"

#define SECOND ((int64_t)1000000)

const char *text_bytes(char out[TEXT_SIZE], uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double n = (double)bytes;
	unsigned unit = 0;

	while (n >= 1023.95 && unit < 6) {
		n /= 1024;
		unit++;
	}
	snprintf(out, TEXT_SIZE, unit == 0 ? "%.0f %s" : "%.1f %s", n, units[unit]);
	return out;
}

const char *text_count(char out[TEXT_SIZE], uint64_t n)
{
	char plain[TEXT_SIZE];
	int len = snprintf(plain, sizeof(plain), "%llu", (unsigned long long)n), at = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = plain[i];
	}
	out[at] = '\0';
	return out;
}

const char *text_duration(char out[TEXT_SIZE], int64_t us)
{
	int64_t s = (us + SECOND / 2) / SECOND;

	if (us < 0)
		us = 0;
	if (us < 10 * SECOND)
		snprintf(out, TEXT_SIZE, "%.2f s", (double)us / (double)SECOND);
	else if (us < 100 * SECOND)
		snprintf(out, TEXT_SIZE, "%.1f s", (double)us / (double)SECOND);
	else if (s < 3600)
		snprintf(out, TEXT_SIZE, "%lld min %lld s", (long long)(s / 60), (long long)(s % 60));
	else
		snprintf(out, TEXT_SIZE, "%lld h %lld min", (long long)(s / 3600), (long long)(s % 3600 / 60));
	return out;
}

const char *text_age(char out[TEXT_SIZE], int64_t us)
{
	long long s = us > 0 ? (long long)(us / SECOND) : 0;

	if (s < 120)
		snprintf(out, TEXT_SIZE, "%lld s", s);
	else if (s < 2 * 3600)
		snprintf(out, TEXT_SIZE, "%lld min", s / 60);
	else if (s < 2 * 86400)
		snprintf(out, TEXT_SIZE, "%lld h", s / 3600);
	else
		snprintf(out, TEXT_SIZE, "%lld days", s / 86400);
	return out;
}

const char *text_clock(char out[TEXT_SIZE], int64_t us)
{
	long long s = us > 0 ? (long long)((us + SECOND / 2) / SECOND) : 0;

	if (s < 3600)
		snprintf(out, TEXT_SIZE, "%lld:%02lld", s / 60, s % 60);
	else
		snprintf(out, TEXT_SIZE, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
	return out;
}

const char *text_version(char out[TEXT_SIZE], int server_version)
{
	snprintf(out, TEXT_SIZE, "%d.%d", server_version / 10000, server_version % 10000);
	return out;
}

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xC0) != 0x80;
	return width;
}

void text_printable(struct buf *out, const char *s)
{
	for (; *s; s++) {
		/* C1 controls are U+0080 to U+009F: C2 80 to C2 9F in UTF-8 */
		bool c1 = (unsigned char)*s == 0xC2 && (unsigned char)s[1] >= 0x80 && (unsigned char)s[1] < 0xA0;

		s += c1;
		buf_addn(out, (unsigned char)*s < ' ' || *s == 0x7F || c1 ? "?" : s, 1);
	}
}
