/*
 * storage/repository/chunk_store.h - content-addressed pieces of data
 *
 * The listing of chunks/ is the index: names and sizes, read once when the store is opened for writing. Names recorded
 * in damaged/ or listed as candidates in pruning/ count as unknown, so they are stored again; for a damaged one the
 * object is then read back, checked, and its record cleared.
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_CHUNK_STORE_H
#define DRTOOL_STORAGE_REPOSITORY_CHUNK_STORE_H

#include "src/base/buf.h"
#include "src/codec/compress.h"
#include "storage/repository/piece.h"
#include "storage/repository/repository.h"

#define CHUNK_PLAIN_MAX ((size_t)1 << 30) /* PostgreSQL's own limit for one row in COPY text is below this */

struct chunk_store; /* opaque; safe from several threads */

struct chunk_store_totals {
	uint64_t chunks_new, chunks_known;
	uint64_t plain_bytes;      /* offered by put */
	uint64_t stored_new_bytes; /* of new objects */
};

/* For a reader: nothing is listed. r stays the caller's. */
bool chunk_store_open_read(struct chunk_store **out, struct repository *r, struct err *e);
/* For a writer: lists chunks/, damaged/ and pruning/. The caller holds the snapshot's lock object already. */
bool chunk_store_open_write(struct chunk_store **out, struct repository *r, struct err *e);
/*
 * NULL is fine. Chunks still on their way are stored first (the next run wants them), unless an upload has failed or
 * chunk_store_stop() was called.
 */
void chunk_store_close(struct chunk_store *s);
/*
 * For a writer, before the first put: pieces of an earlier snapshot say how large their objects were. A chunk listed
 * with another size was cut or altered since and counts as unknown, so it is stored again.
 */
void chunk_store_expect(struct chunk_store *s, const struct piece_list *pieces);

/*
 * Store plain under its own hash unless the repository has it already (known names are skipped before compression).
 * True: *out names it (offset 0, whole length), and it is durable after chunk_store_sync(), not before. False: e says
 * why. The caller keeps plain and may recycle it on return. Each thread brings its own compressor and scratch buffer.
 *
 * Where the store takes several requests at once (storage.h, in_flight), put returns when the compressed chunk has been
 * handed to an uploading thread; chunks on their way are bounded in bytes. The first upload that fails makes every
 * later put and chunk_store_sync() fail with its error: nothing of this store may be relied on then.
 */
bool chunk_store_put(struct piece *out, struct chunk_store *s, struct view plain, struct compressor *c,
        struct buf *scratch, struct err *e);
/*
 * Before a manifest that relies on everything put so far: uploads waited for, names made durable; ERR_CONFLICT when a
 * prune has made a relied-on name its candidate, or somebody has found one damaged, since the store was opened (the
 * caller starts over with a new store).
 */
bool chunk_store_sync(struct chunk_store *s, struct err *e);
bool chunk_store_check(struct chunk_store *s, struct err *e); /* false with the error of the first failed upload */
/*
 * The run is cancelled (s may be NULL): chunks no thread is sending yet are dropped, and later puts and
 * chunk_store_sync() fail with ERR_CANCELLED, where there are uploads at all.
 */
void chunk_store_stop(struct chunk_store *s);
unsigned chunk_store_in_flight(const struct chunk_store *s); /* how many requests at once its storage wants */
void chunk_store_totals(struct chunk_store_totals *out, struct chunk_store *s);

/*
 * The chunk's plain bytes into plain (replaced), checked against its name. A missing, cut or altered chunk is
 * ERR_DAMAGED and is recorded under damaged/ (best effort). An object of another size than p says, whose bytes are
 * nevertheless what the name promises, is good: it was stored again at another compression level. frame is scratch
 * memory.
 */
bool chunk_store_get(struct buf *plain, struct chunk_store *s, const struct piece *p, struct decompressor *d,
        struct buf *frame, struct err *e);

/* A whole stream from or to memory: schema archive, globals, contents. put cuts with the byte chunker. */
bool chunk_store_put_stream(
        struct piece_list *out, struct chunk_store *s, struct view data, struct compressor *c, struct err *e);
bool chunk_store_get_stream(struct buf *out, struct chunk_store *s, const struct piece_list *pieces,
        struct err *e); /* out's ceiling bounds it */

#endif
