/*
 * src/codec/hash.h - SHA-256 names (FIPS 180-4, through OpenSSL), HMAC and XXH3 128-bit row hashes (xxHash 0.8)
 */
#ifndef DRTOOL_CODEC_HASH_H
#define DRTOOL_CODEC_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/buf.h"

#define SHA256_SIZE     32
#define SHA256_HEX_SIZE 65 /* with its NUL */

void hash_sha256(uint8_t out[SHA256_SIZE], struct view data);
void hash_sha256_hex(char out[SHA256_HEX_SIZE], struct view data);
void hash_hmac_sha256(uint8_t out[SHA256_SIZE], struct view key, struct view data); /* RFC 2104; out may be key's */

/* Lower-case hex of n bytes into out[2n + 1]; the parser takes exactly 2n lower-case digits and an end. */
void hash_hex(char *out, const uint8_t *bytes, size_t n);
bool hash_unhex(uint8_t *out, size_t n, const char *hex);

/* A SHA-256 over data that comes in pieces. */
struct hash_stream; /* opaque */
struct hash_stream *hash_stream_new(void);
void hash_stream_update(struct hash_stream *s, struct view data);
void hash_stream_finish(uint8_t out[SHA256_SIZE], struct hash_stream *s); /* frees s */
void hash_stream_free(struct hash_stream *s);

struct hash128 {
	uint64_t low, high;
};

struct hash128 hash_row(struct view row); /* XXH3_128bits of one COPY text row with its newline */

#endif
