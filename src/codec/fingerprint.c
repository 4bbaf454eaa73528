/* src/codec/fingerprint.c - see fingerprint.h */
#include "src/codec/fingerprint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void fingerprint_add_hash(struct fingerprint *f, struct hash128 row_hash)
{
	f->rows++;
	f->sum.low += row_hash.low;
	f->sum.high += row_hash.high + (f->sum.low < row_hash.low);
}

void fingerprint_add(struct fingerprint *f, const struct fingerprint *part)
{
	uint64_t rows = f->rows + part->rows;

	fingerprint_add_hash(f, part->sum);
	f->rows = rows;
}

bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b)
{
	return a->rows == b->rows && a->sum.low == b->sum.low && a->sum.high == b->sum.high;
}

void fingerprint_sum_text(char out[FINGERPRINT_TEXT_SIZE], const struct fingerprint *f)
{
	snprintf(out, FINGERPRINT_TEXT_SIZE, "%016" PRIx64 "%016" PRIx64, f->sum.high, f->sum.low);
}

static uint64_t big_endian(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

bool fingerprint_sum_parse(struct fingerprint *f, const char *text)
{
	uint8_t bytes[16];

	if (!hash_unhex(bytes, sizeof(bytes), text))
		return false;
	f->sum.high = big_endian(bytes);
	f->sum.low = big_endian(bytes + 8);
	return true;
}

bool fingerprint_add_text(struct fingerprint *f, struct view copy_text)
{
	const uint8_t *row = copy_text.data, *end;

	if (copy_text.len == 0)
		return true;
	end = row + copy_text.len;
	if (end[-1] != '\n')
		return false;
	while (row < end) {
		const uint8_t *next = (const uint8_t *)memchr(row, '\n', (size_t)(end - row)) + 1;

		fingerprint_add_hash(f, hash_row((struct view){ row, (size_t)(next - row) }));
		row = next;
	}
	return true;
}
