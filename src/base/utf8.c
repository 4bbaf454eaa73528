/* src/base/utf8.c - see utf8.h */
#include "src/base/utf8.h"

#include <stdint.h>
#include <string.h>

/* By its first byte alone; 0 when no character starts with it. */
static size_t announced(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

size_t utf8_length(const char *p, size_t len)
{
	const uint8_t *s = (const uint8_t *)p;
	uint8_t low = 0x80, high = 0xbf; /* range of the second byte */
	size_t n = len ? announced(s[0]) : 0;

	if (n < 2)
		return n;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (len < n || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return n;
}

bool utf8_is_valid(const char *text, size_t len)
{
	size_t n;

	for (; len && (n = utf8_length(text, len)); text += n)
		len -= n;
	return !len;
}

size_t utf8_fit(const char *text, size_t len, size_t max)
{
	size_t start = max;

	if (len <= max)
		return len;
	while (start > 0 && max - start < 3 && ((uint8_t)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && start - 1 + announced((uint8_t)text[start - 1]) > max)
		return start - 1;
	return max;
}

bool utf8_repair(char *text)
{
	bool good = true;

	for (size_t len = strlen(text), n; len; text += n, len -= n) {
		n = utf8_length(text, len);
		if (!n) {
			*text = '?';
			good = false;
			n = 1;
		}
	}
	return good;
}
