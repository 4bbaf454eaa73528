/*
 * src/snapshot/packer.h - from rows to chunks in the repository, on threads of its own
 *
 * Readers fill fixed buffers with rows; a few storing threads hash, compress and store them, so that waiting on the
 * disk or the network costs no reading time. The number of buffers is the bound on memory.
 */
#ifndef DRTOOL_SNAPSHOT_PACKER_H
#define DRTOOL_SNAPSHOT_PACKER_H

#include "src/base/cancel.h"
#include "src/base/observer.h"
#include "src/snapshot/plan.h"
#include "storage/repository/chunk_store.h"

struct packer; /* opaque: the buffers and storing threads, shared by all readers */

/* cancel is tripped when storing fails. level is zstd's. store NULL: rows are hashed into their ranges and let go. */
bool packer_start(struct packer **out, struct chunk_store *store, unsigned readers, int level, struct cancel *cancel,
        struct err *e);
/* Wait until everything handed over is stored, end the threads, free. False with the first error of any of them. */
bool packer_finish(struct packer *p, struct err *e);

/* One reader's open chunk. */
struct packer_stream {
	struct packer *packer;
	struct packer_job *job; /* the open chunk, NULL when none */
	uint64_t seed;
	struct compressor *compressor; /* for rows too long for a buffer */
	struct buf scratch;
};

void packer_stream_init(struct packer_stream *s, struct packer *p, uint64_t seed);
void packer_stream_release(struct packer_stream *s); /* drops an open chunk */

/*
 * *row is malloc'ed; it is NULL afterwards when it was taken, to be freed once it is stored. False with ERR_CANCELLED
 * when storing has failed or the run is cancelled: the error itself comes from packer_finish().
 */
bool packer_add_row(struct packer_stream *s, struct plan_range *range, char **row, size_t len, struct err *e);
/* The range's rows are complete. keep_open lets the next range share the chunk. */
bool packer_end_range(struct packer_stream *s, bool keep_open, struct err *e);

#endif
