/* tests/unit/test_compress.c - round trips, and frames nobody should trust */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "src/codec/compress.h"

struct kit {
	struct compressor *c;
	struct decompressor *d;
	struct buf plain, frame, out;
	struct err e;
};

static int set_up(void **state)
{
	struct kit *k = calloc(1, sizeof(*k));

	k->c = compressor_new(3);
	k->d = decompressor_new();
	*state = k;
	return 0;
}

static int tear_down(void **state)
{
	struct kit *k = *state;

	compressor_free(k->c);
	decompressor_free(k->d);
	buf_release(&k->plain);
	buf_release(&k->frame);
	buf_release(&k->out);
	free(k);
	compressor_free(NULL);
	decompressor_free(NULL);
	return 0;
}

static void fill(struct buf *b, size_t n)
{
	buf_clear(b);
	while (b->len < n)
		buf_addf(b, "%zu\trow number %zu of some table\t\\N\n", b->len, b->len * 7919 % 10007);
	b->len = n;
}

static struct view part(const struct buf *b, size_t len)
{
	return (struct view){ b->data, len };
}

static void make_frame(struct kit *k, size_t n)
{
	fill(&k->plain, n);
	assert_true(compressor_run(&k->frame, k->c, buf_view(&k->plain), &k->e));
}

static void damaged(struct kit *k, struct view frame, size_t max, const char *why)
{
	k->e = (struct err)ERR_INIT;
	assert_false(decompressor_run(&k->out, k->d, frame, max, &k->e));
	assert_int_equal(k->e.kind, ERR_DAMAGED);
	if (!strstr(k->e.msg, why))
		fail_msg("\"%s\" does not say \"%s\"", k->e.msg, why);
}

static void round_trips(void **state)
{
	static const size_t sizes[] = { 0, 1, 100, 4096, 1000000, 5000000, 10 };
	struct kit *k = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		make_frame(k, sizes[i]);
		assert_true(sizes[i] < 1000 || k->frame.len < sizes[i] / 2);
		assert_int_equal(ZSTD_getFrameContentSize(k->frame.data, k->frame.len), sizes[i]);
		assert_true(k->frame.data[4] & 4); /* the checksum flag of RFC 8878 */
		assert_true(decompressor_run(&k->out, k->d, buf_view(&k->frame), sizes[i], &k->e));
		assert_true(view_eq(buf_view(&k->out), buf_view(&k->plain)));
		assert_int_equal(k->out.data[k->out.len], 0);
	}
}

static void levels(void **state)
{
	struct kit *k = *state;
	size_t sizes[3];
	int at[] = { -5, 1, 19 };

	fill(&k->plain, 300000);
	for (int i = 0; i < 3; i++) {
		struct compressor *c = compressor_new(at[i]);

		assert_true(compressor_run(&k->frame, c, buf_view(&k->plain), &k->e));
		sizes[i] = k->frame.len;
		assert_true(decompressor_run(&k->out, k->d, buf_view(&k->frame), 300000, &k->e));
		assert_true(view_eq(buf_view(&k->out), buf_view(&k->plain)));
		compressor_free(c);
	}
	assert_true(sizes[0] > sizes[1] && sizes[1] > sizes[2]);
}

/* Hashes in hexadecimal repeat nothing; half a byte per digit is all there is to win, and it must be won. */
static void the_fastest_level_codes_literals(void **state)
{
	struct kit *k = *state;
	struct compressor *c = compressor_new(1);
	uint64_t x = 1;

	while (k->plain.len < 300000) {
		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		buf_addf(&k->plain, "%08x", (unsigned)(x >> 32));
	}
	assert_true(compressor_run(&k->frame, c, buf_view(&k->plain), &k->e));
	assert_true(k->frame.len < k->plain.len * 55 / 100);
	compressor_free(c);
}

static void every_truncation_is_damage(void **state)
{
	struct kit *k = *state;

	make_frame(k, 3000);
	for (size_t n = 0; n < k->frame.len; n++)
		damaged(k, part(&k->frame, n), 3000, "frame");
	damaged(k, (struct view){ NULL, 0 }, 3000, "not a zstd frame");
}

static void a_flipped_bit_never_gives_other_bytes(void **state)
{
	struct kit *k = *state;
	size_t harmless = 0;

	make_frame(k, 2000);
	for (size_t bit = 0; bit < k->frame.len * 8; bit++) {
		k->frame.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		k->e = (struct err)ERR_INIT;
		if (decompressor_run(&k->out, k->d, buf_view(&k->frame), 100000, &k->e)) {
			/* A bit that means nothing (RFC 8878 has some): then the bytes are the right ones. */
			assert_true(view_eq(buf_view(&k->out), buf_view(&k->plain)));
			harmless++;
		} else {
			assert_int_equal(k->e.kind, ERR_DAMAGED);
		}
		k->frame.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_in_range(harmless * 100 / (k->frame.len * 8), 0, 2); /* percent */
	assert_true(decompressor_run(&k->out, k->d, buf_view(&k->frame), 2000, &k->e));
}

static void a_wrong_checksum_is_named(void **state)
{
	struct kit *k = *state;

	make_frame(k, 2000);
	k->frame.data[k->frame.len - 1] ^= 1;
	damaged(k, buf_view(&k->frame), 2000, "checksum");
}

static void what_follows_a_frame_is_damage(void **state)
{
	static const uint8_t skippable[] = { 0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0 };
	struct kit *k = *state;
	size_t len;

	make_frame(k, 1000);
	len = k->frame.len;
	buf_add(&k->frame, "x");
	damaged(k, buf_view(&k->frame), 5000, "1 bytes follow");
	k->frame.len = len;
	buf_addn(&k->frame, skippable, sizeof(skippable));
	damaged(k, buf_view(&k->frame), 5000, "8 bytes follow");
	k->frame.len = len;
	assert_true(buf_reserve(&k->frame, len, &k->e));
	buf_addn(&k->frame, k->frame.data, len);
	damaged(k, buf_view(&k->frame), 5000, "bytes follow");
	damaged(k, (struct view){ skippable, sizeof(skippable) }, 5000, "not a zstd frame");
}

static void size_is_checked_before_memory_is_taken(void **state)
{
	/* Magic, a header with an 8-byte content size of 8 GiB, one last empty raw block. */
	static const uint8_t huge[] = { 0x28, 0xB5, 0x2F, 0xFD, 0xE0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0 };
	struct kit *k = *state;

	damaged(k, (struct view){ huge, sizeof(huge) }, (size_t)16 << 20, "states 8589934592 bytes");
	assert_int_equal(k->out.cap, 0);
	make_frame(k, 1001);
	damaged(k, buf_view(&k->frame), 1000, "states 1001 bytes, at most 1000 are expected");
	assert_int_equal(k->out.cap, 0);
	assert_true(decompressor_run(&k->out, k->d, buf_view(&k->frame), 1001, &k->e));
}

static void a_frame_that_lies_about_its_size(void **state)
{
	/* States 5 bytes (single segment, one-byte size), holds the raw block "abc". */
	uint8_t frame[] = { 0x28, 0xB5, 0x2F, 0xFD, 0x20, 5, 0x19, 0, 0, 'a', 'b', 'c' };
	struct kit *k = *state;

	k->e = (struct err)ERR_INIT;
	assert_false(decompressor_run(&k->out, k->d, (struct view){ frame, sizeof(frame) }, 100, &k->e));
	assert_int_equal(k->e.kind, ERR_DAMAGED);
	frame[5] = 2;
	assert_false(decompressor_run(&k->out, k->d, (struct view){ frame, sizeof(frame) }, 100, &k->e));
	assert_int_equal(k->e.kind, ERR_DAMAGED);
	frame[5] = 3;
	assert_true(decompressor_run(&k->out, k->d, (struct view){ frame, sizeof(frame) }, 100, &k->e));
	assert_string_equal(buf_str(&k->out), "abc");
}

static void a_missing_size_is_damage(void **state)
{
	struct kit *k = *state;
	ZSTD_CCtx *ctx = ZSTD_createCCtx();
	uint8_t frame[1024];
	ZSTD_outBuffer out = { frame, sizeof(frame), 0 };
	ZSTD_inBuffer in = { "some text", 9, 0 };

	assert_false(ZSTD_isError(ZSTD_compressStream2(ctx, &out, &in, ZSTD_e_continue)));
	while (ZSTD_compressStream2(ctx, &out, &in, ZSTD_e_end) > 0)
		;
	ZSTD_freeCCtx(ctx);
	damaged(k, (struct view){ frame, out.pos }, 1000, "does not state its content size");
}

static void ceilings_of_the_output_hold(void **state)
{
	struct kit *k = *state;
	struct buf small = BUF_INIT_MAX(100);

	make_frame(k, 1000);
	assert_false(decompressor_run(&small, k->d, buf_view(&k->frame), 1000, &k->e));
	assert_int_equal(k->e.kind, ERR_FAILED);
	assert_false(compressor_run(&small, k->c, buf_view(&k->plain), &k->e));
	assert_int_equal(k->e.kind, ERR_FAILED);
	buf_release(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(round_trips, set_up, tear_down),
		cmocka_unit_test_setup_teardown(levels, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_fastest_level_codes_literals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_truncation_is_damage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_flipped_bit_never_gives_other_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_wrong_checksum_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_follows_a_frame_is_damage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(size_is_checked_before_memory_is_taken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_frame_that_lies_about_its_size, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_missing_size_is_damage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ceilings_of_the_output_hold, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
