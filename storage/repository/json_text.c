/* storage/repository/json_text.c - text as JSON strings, see json.h */
#include "storage/repository/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/utf8.h"
#include "src/codec/hash.h"

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

	if (!utf8_is_valid(text, len)) {
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
