/*
 * restore/feed.h - fetches, decompresses and checks pieces ahead of the one connection that sends them
 *
 * One feed serves one connection. A thread of its own, or several where the store takes many requests at once, runs
 * ahead by at most ahead_bytes (always by one chunk), so that memory stays bounded.
 */
#ifndef DRTOOL_RESTORE_FEED_H
#define DRTOOL_RESTORE_FEED_H

#include "src/base/cancel.h"
#include "src/codec/fingerprint.h"
#include "storage/repository/chunk_store.h"

struct feed; /* opaque */

struct feed_item {
	const struct piece *piece;
	size_t slot; /* the caller's: which table it belongs to */
};

struct feed_part {
	struct view data; /* whole rows; valid until the next call */
	size_t slot;
	struct fingerprint fingerprint; /* of data, when the feed makes them */
};

/* fingerprints: each part comes with its own, and one that does not end in a whole row is ERR_DAMAGED. */
struct feed *feed_new(struct chunk_store *chunks, size_t ahead_bytes, bool fingerprints);
void feed_free(struct feed *f); /* stops first */
/* Start on items, which stay the caller's and must live until feed_stop(). Neighbours in one chunk cost one fetch. */
bool feed_start(struct feed *f, const struct feed_item *items, size_t count, struct err *e);
/* 1: *out is the next part, in order; 0: that was all; -1: e. */
int feed_next(struct feed_part *out, struct feed *f, struct err *e);
void feed_stop(struct feed *f); /* at any time, also when not started; the feed can be started again */

#endif
