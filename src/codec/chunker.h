/*
 * src/codec/chunker.h - where chunks end
 *
 * Two cutters, both pure: rows (a table's COPY text) and bytes (everything else). Both cut at content, so that an edit
 * moves only the boundaries near it, and both obey the same limits. The limits and the seed are part of the
 * repository's format.
 */
#ifndef DRTOOL_CODEC_CHUNKER_H
#define DRTOOL_CODEC_CHUNKER_H

#include <stdbool.h>
#include <stdint.h>

#include "src/codec/hash.h"

#define CHUNK_MIN     ((size_t)1 << 20)  /* no content cut before this many bytes */
#define CHUNK_TYPICAL ((size_t)4 << 20)  /* mean size the cut probability aims at */
#define CHUNK_MAX     ((size_t)16 << 20) /* a chunk never grows past this, but for a single row longer than it */

struct row_chunker {
	uint64_t seed; /* 0 in a plain repository */
	size_t len;    /* bytes of whole rows in the open chunk */
};

#define ROW_CHUNKER_INIT(seed_)           \
	{                                 \
		.seed = (seed_), .len = 0 \
	}

enum row_cut {
	ROW_APPEND,     /* append the row, the chunk stays open */
	ROW_APPEND_CUT, /* append the row, then end the chunk */
	ROW_CUT_FIRST,  /* end the open chunk, then offer the same row again */
	ROW_ALONE,      /* the open chunk is empty and the row is longer than CHUNK_MAX: it is a chunk by itself */
};

/*
 * Decide for the next row of row_len bytes whose hash is row_hash. A row is a content cut with probability proportional
 * to its length, so the mean chunk size does not depend on the length of rows.
 */
enum row_cut row_chunker_next(struct row_chunker *c, size_t row_len, struct hash128 row_hash);
void row_chunker_reset(struct row_chunker *c); /* start of a ctid range, of a table */

/*
 * Length of the first chunk of data (a gear rolling hash; FastCDC, Xia et al. 2016). last says that data is all there
 * is; otherwise 0 means that more data is needed to decide (never when data.len >= CHUNK_MAX).
 */
size_t byte_chunker_cut(struct view data, uint64_t seed, bool last);

/* Small tables share a chunk: does a pack end after the table of this qualified name? True for about one name in 128.
 */
bool pack_ends_after(const char *qualified_name, uint64_t seed);

#endif
