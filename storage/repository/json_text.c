#include "storage/repository/json_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/codec/hash.h"
#include "storage/repository/json.h"

/* Bytes of the well-formed sequence at s (at most len long), or 0. */
static size_t sequence_length(const uint8_t *s, size_t len)
{
	uint8_t low = 0x80, high = 0xbf; /* range of the second byte */
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
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

bool json_text_is_utf8(const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text;

	while (len) {
		size_t n = sequence_length(s, len);

		if (!n)
			return false;
		s += n;
		len -= n;
	}
	return true;
}

static void write_hex(struct buf *out, const char *text, size_t len)
{
	char *hex = xmalloc(2 * len + 1);

	hash_hex(hex, (const uint8_t *)text, len);
	buf_add(out, "{\"hex\":\"");
	buf_addn(out, hex, 2 * len);
	buf_add(out, "\"}");
	free(hex);
}

static bool needs_escape(char c)
{
	return (unsigned char)c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
}

void json_write_text(struct buf *out, const char *text)
{
	size_t len = strlen(text);

	if (!json_text_is_utf8(text, len)) {
		write_hex(out, text, len);
		return;
	}
	buf_add(out, "\"");
	while (*text) {
		size_t plain = 0;

		while (text[plain] && !needs_escape(text[plain]))
			plain++;
		buf_addn(out, text, plain);
		text += plain;
		if (!*text)
			break;
		if (*text == '"' || *text == '\\')
			buf_addf(out, "\\%c", *text);
		else if (*text == '\n')
			buf_add(out, "\\n");
		else
			buf_addf(out, "\\u%04x", (unsigned char)*text);
		text++;
	}
	buf_add(out, "\"");
}
