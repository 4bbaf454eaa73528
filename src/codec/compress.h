/*
 * src/codec/compress.h - one zstd frame per chunk (RFC 8878), with its content size and checksum in the frame
 *
 * A compressor or decompressor belongs to one thread at a time and keeps its memory between calls.
 */
#ifndef DRTOOL_CODEC_COMPRESS_H
#define DRTOOL_CODEC_COMPRESS_H

#include "src/base/buf.h"

struct compressor;   /* opaque */
struct decompressor; /* opaque */

struct compressor *compressor_new(int level); /* zstd level: negative to 19 */
void compressor_free(struct compressor *c);
/* Replace out's bytes by the frame. */
bool compressor_run(struct buf *out, struct compressor *c, struct view plain, struct err *e);

struct decompressor *decompressor_new(void);
void decompressor_free(struct decompressor *d);
/*
 * Replace out's bytes by the plain ones. The frame must be one whole frame, state its content size, and that size must
 * be at most max_plain: anything else is ERR_DAMAGED.
 */
bool decompressor_run(struct buf *out, struct decompressor *d, struct view frame, size_t max_plain, struct err *e);

#endif
