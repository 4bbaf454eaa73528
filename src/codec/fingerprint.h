/*
 * src/codec/fingerprint.h - (row count, sum of row hashes modulo 2^128): equal for equal multisets of rows, in any
 * order
 *
 * Fingerprints add: the parts of a table, read by different workers, sum to the table's. Against accidents, not against
 * forgery.
 */
#ifndef DRTOOL_CODEC_FINGERPRINT_H
#define DRTOOL_CODEC_FINGERPRINT_H

#include "src/codec/hash.h"

struct fingerprint {
	uint64_t rows;
	struct hash128 sum;
};

#define FINGERPRINT_TEXT_SIZE 33 /* 32 hex digits, most significant first, and a NUL */

void fingerprint_add_hash(struct fingerprint *f, struct hash128 row_hash);
void fingerprint_add(struct fingerprint *f, const struct fingerprint *part);
bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b);
void fingerprint_sum_text(char out[FINGERPRINT_TEXT_SIZE], const struct fingerprint *f);
bool fingerprint_sum_parse(struct fingerprint *f, const char *text); /* sets sum only */

/*
 * Add every row of COPY text; a row ends at each newline (COPY text escapes newlines inside values). False when the
 * last byte is not a newline: the text is cut inside a row.
 */
bool fingerprint_add_text(struct fingerprint *f, struct view copy_text);

#endif
