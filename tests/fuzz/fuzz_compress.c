/* tests/fuzz/fuzz_compress.c - any bytes as a frame are refused or decoded within the ceiling; as plain bytes they come
 * back */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "src/codec/compress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PLAIN_MAX ((size_t)1 << 20)

static void as_frame(struct decompressor *d, struct view frame)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	if (decompressor_run(&out, d, frame, PLAIN_MAX, &e))
		assert(out.len <= PLAIN_MAX);
	else
		assert(e.kind == ERR_DAMAGED && e.msg[0]);
	buf_release(&out);
}

static void round_trip(struct compressor *c, struct decompressor *d, struct view plain)
{
	struct buf frame = BUF_INIT, back = BUF_INIT;
	struct err e = ERR_INIT;

	assert(compressor_run(&frame, c, plain, &e));
	assert(decompressor_run(&back, d, buf_view(&frame), plain.len, &e));
	assert(back.len == plain.len && (plain.len == 0 || memcmp(back.data, plain.data, plain.len) == 0));
	if (plain.len > 0)
		assert(!decompressor_run(&back, d, buf_view(&frame), plain.len - 1, &e) && e.kind == ERR_DAMAGED);
	buf_release(&frame);
	buf_release(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct compressor *c;
	static struct decompressor *d;

	if (!c) {
		c = compressor_new(1);
		d = decompressor_new();
	}
	as_frame(d, (struct view){ data, size });
	round_trip(c, d, (struct view){ data, size });
	return 0;
}
