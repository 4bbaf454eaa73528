/* src/codec/hash.c - see hash.h */
#include "src/codec/hash.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct hash_stream {
	EVP_MD_CTX *ctx;
};

static pthread_once_t fetched = PTHREAD_ONCE_INIT;
static EVP_MD *sha256; /* fetched once: looking it up costs more than hashing a small table */

static void fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/* Hashing fails only when OpenSSL is broken or memory is out; there is nothing to go on with then. */
static void must(bool done)
{
	if (!done) {
		fputs("drtool: OpenSSL cannot compute SHA-256\n", stderr);
		abort();
	}
}

static const EVP_MD *algorithm(void)
{
	pthread_once(&fetched, fetch);
	must(sha256 != NULL);
	return sha256;
}

void hash_sha256(uint8_t out[SHA256_SIZE], struct view data)
{
	must(EVP_Digest(data.data, data.len, out, NULL, algorithm(), NULL) == 1);
}

void hash_sha256_hex(char out[SHA256_HEX_SIZE], struct view data)
{
	uint8_t sum[SHA256_SIZE];

	hash_sha256(sum, data);
	hash_hex(out, sum, sizeof(sum));
}

void hash_hmac_sha256(uint8_t out[SHA256_SIZE], struct view key, struct view data)
{
	const void *secret = key.data ? key.data : (const void *)""; /* NULL means the key of the call before */

	assert(key.len <= INT_MAX);
	must(HMAC(algorithm(), secret, (int)key.len, data.data, data.len, out, NULL) != NULL);
}

void hash_hex(char *out, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hash_unhex(uint8_t *out, size_t n, const char *hex)
{
	for (size_t i = 0; i < n; i++) {
		int high = nibble(hex[0]), low = high < 0 ? -1 : nibble(hex[1]);

		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
		hex += 2;
	}
	return *hex == '\0';
}

struct hash_stream *hash_stream_new(void)
{
	struct hash_stream *s = xmalloc(sizeof(*s));

	s->ctx = EVP_MD_CTX_new();
	must(s->ctx && EVP_DigestInit_ex(s->ctx, algorithm(), NULL) == 1);
	return s;
}

void hash_stream_update(struct hash_stream *s, struct view data)
{
	must(EVP_DigestUpdate(s->ctx, data.data, data.len) == 1);
}

void hash_stream_finish(uint8_t out[SHA256_SIZE], struct hash_stream *s)
{
	must(EVP_DigestFinal_ex(s->ctx, out, NULL) == 1);
	hash_stream_free(s);
}

void hash_stream_free(struct hash_stream *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->ctx);
	free(s);
}

struct hash128 hash_row(struct view row)
{
	XXH128_hash_t h = XXH3_128bits(row.data, row.len);

	return (struct hash128){ .low = h.low64, .high = h.high64 };
}
