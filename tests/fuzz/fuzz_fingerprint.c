/* tests/fuzz/fuzz_fingerprint.c - rows in any order and any parts give one fingerprint; its text reads back; any other
 * text is refused */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/codec/fingerprint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void text_form(const uint8_t *data, size_t size)
{
	char *text = xmalloc(size + 1), again[FINGERPRINT_TEXT_SIZE];
	struct fingerprint f = { 0 };

	memcpy(text, data, size);
	text[size] = '\0';
	if (fingerprint_sum_parse(&f, text)) {
		fingerprint_sum_text(again, &f);
		assert(strcmp(again, text) == 0);
	}
	free(text);
}

/* The rows from the last to the first, one at a time. */
static struct fingerprint backwards(struct view text)
{
	struct fingerprint f = { 0 };
	size_t end = text.len;

	while (end > 0) {
		const uint8_t *newline = end > 1 ? memrchr(text.data, '\n', end - 1) : NULL;
		size_t start = newline ? (size_t)(newline - text.data) + 1 : 0;

		fingerprint_add_hash(&f, hash_row((struct view){ text.data + start, end - start }));
		end = start;
	}
	return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = { data, size };
	struct fingerprint whole = { 0 }, first = { 0 }, second = { 0 }, reversed;
	const uint8_t *middle = size ? memchr(data + size / 2, '\n', size - size / 2) : NULL;
	size_t cut = middle ? (size_t)(middle - data) + 1 : 0;

	if (size)
		text_form(data, size);
	if (!fingerprint_add_text(&whole, text)) {
		assert(size > 0 && data[size - 1] != '\n');
		return 0;
	}
	assert(fingerprint_add_text(&first, (struct view){ data, cut }));
	assert(fingerprint_add_text(&second, (struct view){ data + cut, size - cut }));
	fingerprint_add(&first, &second);
	assert(fingerprint_equal(&whole, &first));
	reversed = backwards(text);
	assert(fingerprint_equal(&whole, &reversed));
	return 0;
}
