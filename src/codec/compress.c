/* src/codec/compress.c - see compress.h */
#include "src/codec/compress.h"

#include <stdlib.h>
#include <string.h>
#define ZSTD_STATIC_LINKING_ONLY /* for ZSTD_c_literalCompressionMode */
#include <zstd.h>
#include <zstd_errors.h>

struct compressor {
	ZSTD_CCtx *ctx;
};

struct decompressor {
	ZSTD_DCtx *ctx;
};

/* A context that cannot be made means that memory is out. */
static void must(const void *ctx)
{
	if (!ctx) {
		fputs("drtool: out of memory\n", stderr);
		abort();
	}
}

/*
 * Rows resemble the rows just before them: a table of recent positions that stays in the first-level cache finds a
 * little more than the level's own, and looking for matches at every third position rather than every second costs
 * about as much again. A frame keeps the level's size and is made in a fifth less time. Such a step would turn off the
 * coding of literals, half of what compresses text, unless the library is told to keep it.
 */
static void tune_fastest(ZSTD_CCtx *ctx)
{
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_hashLog, 12);
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_minMatch, 7);
	if (!ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_literalCompressionMode, ZSTD_ps_enable)))
		ZSTD_CCtx_setParameter(ctx, ZSTD_c_targetLength, 2);
}

struct compressor *compressor_new(int level)
{
	struct compressor *c = xmalloc(sizeof(*c));

	c->ctx = ZSTD_createCCtx();
	must(c->ctx);
	ZSTD_CCtx_setParameter(c->ctx, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(c->ctx, ZSTD_c_checksumFlag, 1);
	if (level == 1)
		tune_fastest(c->ctx);
	return c;
}

void compressor_free(struct compressor *c)
{
	if (!c)
		return;
	ZSTD_freeCCtx(c->ctx);
	free(c);
}

bool compressor_run(struct buf *out, struct compressor *c, struct view plain, struct err *e)
{
	size_t n;

	buf_clear(out);
	if (!buf_reserve(out, ZSTD_compressBound(plain.len), e))
		return err_wrap(e, "compress %zu bytes", plain.len);
	n = ZSTD_compress2(c->ctx, out->data, out->cap - 1, plain.data, plain.len);
	if (ZSTD_isError(n))
		return err_set(e, ERR_FAILED, "compress %zu bytes: %s", plain.len, ZSTD_getErrorName(n));
	out->len = n;
	out->data[n] = '\0';
	return true;
}

struct decompressor *decompressor_new(void)
{
	struct decompressor *d = xmalloc(sizeof(*d));

	d->ctx = ZSTD_createDCtx();
	must(d->ctx);
	return d;
}

void decompressor_free(struct decompressor *d)
{
	if (!d)
		return;
	ZSTD_freeDCtx(d->ctx);
	free(d);
}

/* What the frame says about itself, believed only as far as it can be checked before anything is allocated. */
static bool check_frame(size_t *plain_len, struct view frame, size_t max_plain, struct err *e)
{
	static const uint8_t magic[] = { 0x28, 0xB5, 0x2F, 0xFD };
	unsigned long long size;
	size_t whole;

	/* The library also takes skippable frames and those of its own past. */
	if (frame.len < sizeof(magic) || memcmp(frame.data, magic, sizeof(magic)) != 0)
		return err_set(e, ERR_DAMAGED, "not a zstd frame");
	size = ZSTD_getFrameContentSize(frame.data, frame.len);
	if (size == ZSTD_CONTENTSIZE_ERROR)
		return err_set(e, ERR_DAMAGED, "the header of the zstd frame is damaged");
	if (size == ZSTD_CONTENTSIZE_UNKNOWN)
		return err_set(e, ERR_DAMAGED, "the zstd frame does not state its content size");
	if (size > max_plain)
		return err_set(
		        e, ERR_DAMAGED, "the zstd frame states %llu bytes, at most %zu are expected", size, max_plain);
	whole = ZSTD_findFrameCompressedSize(frame.data, frame.len);
	if (ZSTD_isError(whole))
		return err_set(e, ERR_DAMAGED, "the zstd frame is damaged or cut off: %s", ZSTD_getErrorName(whole));
	if (whole != frame.len)
		return err_set(e, ERR_DAMAGED, "%zu bytes follow the zstd frame", frame.len - whole);
	*plain_len = (size_t)size;
	return true;
}

bool decompressor_run(struct buf *out, struct decompressor *d, struct view frame, size_t max_plain, struct err *e)
{
	size_t size = 0, n;

	buf_clear(out);
	if (!check_frame(&size, frame, max_plain, e) || !buf_reserve(out, size, e))
		return false;
	n = ZSTD_decompressDCtx(d->ctx, out->data, size, frame.data, frame.len);
	if (ZSTD_isError(n))
		return err_set(e, ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation ? ERR_FAILED : ERR_DAMAGED,
		        "decompress: %s", ZSTD_getErrorName(n));
	if (n != size)
		return err_set(e, ERR_DAMAGED, "the zstd frame holds %zu bytes and states %zu", n, size);
	out->len = n;
	out->data[n] = '\0';
	return true;
}
