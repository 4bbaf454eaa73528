/* tests/unit/test_hash.c - published vectors, hex, streams */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "src/codec/hash.h"

/* FIPS 180-4 examples. */
static void sha256_vectors(void **state)
{
	char hex[SHA256_HEX_SIZE];

	(void)state;
	hash_sha256_hex(hex, view_str("abc"));
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_sha256_hex(hex, (struct view){ NULL, 0 });
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	hash_sha256_hex(hex, view_str("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"));
	assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void a_stream_equals_one_call(void **state)
{
	uint8_t data[5000], whole[SHA256_SIZE], pieces[SHA256_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	hash_sha256(whole, (struct view){ data, sizeof(data) });
	for (size_t step = 1; step < 400; step += 37) {
		struct hash_stream *s = hash_stream_new();

		for (size_t at = 0; at < sizeof(data); at += step)
			hash_stream_update(
			        s, (struct view){ data + at, at + step < sizeof(data) ? step : sizeof(data) - at });
		hash_stream_finish(pieces, s);
		assert_memory_equal(pieces, whole, SHA256_SIZE);
	}
	hash_stream_free(hash_stream_new());
	hash_stream_free(NULL);
}

static void hmac(const char *expected, struct view key, struct view data)
{
	uint8_t sum[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];

	hash_hmac_sha256(sum, key, data);
	hash_hex(hex, sum, sizeof(sum));
	assert_string_equal(hex, expected);
}

/* RFC 4231, cases 1, 2 and 6; and the empty key over nothing. */
static void hmac_vectors(void **state)
{
	uint8_t key[131];

	(void)state;
	memset(key, 0x0b, 20);
	hmac("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", (struct view){ key, 20 },
	        view_str("Hi There"));
	hmac("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", view_str("Jefe"),
	        view_str("what do ya want for nothing?"));
	memset(key, 0xaa, sizeof(key));
	hmac("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", (struct view){ key, sizeof(key) },
	        view_str("Test Using Larger Than Block-Size Key - Hash Key First"));
	hmac("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", (struct view){ NULL, 0 },
	        (struct view){ NULL, 0 });
}

static void hex_is_strict(void **state)
{
	const uint8_t bytes[4] = { 0x00, 0x9f, 0xa0, 0xff };
	uint8_t back[4];
	char text[9];

	(void)state;
	hash_hex(text, bytes, 4);
	assert_string_equal(text, "009fa0ff");
	assert_true(hash_unhex(back, 4, text));
	assert_memory_equal(back, bytes, 4);
	assert_true(hash_unhex(back, 0, ""));
	assert_false(hash_unhex(back, 4, "009fa0f"));
	assert_false(hash_unhex(back, 4, "009fa0ff0"));
	assert_false(hash_unhex(back, 4, "009fa0ff "));
	assert_false(hash_unhex(back, 4, "009FA0FF"));
	assert_false(hash_unhex(back, 4, "009fa0fg"));
	assert_false(hash_unhex(back, 4, "0 9fa0ff"));
	assert_false(hash_unhex(back, 4, ""));
	assert_false(hash_unhex(back, 0, "0"));
}

/* XXH3_128bits("") as its specification gives it (high, low), and rows of every size class of the algorithm. */
static void row_hashes_do_not_drift(void **state)
{
	static const struct {
		size_t len;
		uint64_t high, low;
	} rows[] = {
		{ 0, UINT64_C(0x99aa06d3014798d8), UINT64_C(0x6001c324468d497f) },
		{ 1, UINT64_C(0x51025a4491835505), UINT64_C(0xe12ef9d2eb86ceeb) },
		{ 3, UINT64_C(0xf13592d5fd8eb7d4), UINT64_C(0xc7df3a95fffad88e) },
		{ 4, UINT64_C(0x335d9974c8d3dcfd), UINT64_C(0xda4c3eb4a614248d) },
		{ 8, UINT64_C(0x03a222383acd7e2f), UINT64_C(0xf045f79c9bd0a9a0) },
		{ 9, UINT64_C(0xcf5ea509f921cddd), UINT64_C(0x9a0dc32ac9a55cdc) },
		{ 16, UINT64_C(0x942ccdcaf0f5bada), UINT64_C(0xe4f718ca63ab2ccb) },
		{ 17, UINT64_C(0x8991ff72190e8fcb), UINT64_C(0xcef1e556336fbdaf) },
		{ 128, UINT64_C(0x959edc563a65c557), UINT64_C(0xecad5b128a683d4b) },
		{ 129, UINT64_C(0xfc2dd16a0a057335), UINT64_C(0xc8470602972687d2) },
		{ 240, UINT64_C(0x42ed0e9b43d41e0a), UINT64_C(0x9973c1466a4b157e) },
		{ 241, UINT64_C(0x6078c99f06b33049), UINT64_C(0x2a3b944cbde76e76) },
		{ 1000, UINT64_C(0x31bc467dc108af39), UINT64_C(0x57c15595651f1176) },
		{ 4096, UINT64_C(0xbc72050a4b0aaeb2), UINT64_C(0x04555fc404027d3a) },
	};
	uint8_t row[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(row); i++)
		row[i] = (uint8_t)(i * i + 3 * i + 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hash128 h = hash_row((struct view){ row, rows[i].len });

		if (h.high != rows[i].high || h.low != rows[i].low)
			fail_msg("length %zu: high 0x%llx low 0x%llx", rows[i].len, (unsigned long long)h.high,
			        (unsigned long long)h.low);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_vectors),
		cmocka_unit_test(hmac_vectors),
		cmocka_unit_test(a_stream_equals_one_call),
		cmocka_unit_test(hex_is_strict),
		cmocka_unit_test(row_hashes_do_not_drift),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
