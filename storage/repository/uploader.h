/*
 * storage/repository/uploader.h - frames on their way to a store where each request takes long
 *
 * Threads of its own send what others hand over, several at once. What has been handed over and is not stored yet is
 * bounded in bytes. The first failure is final: nothing more is sent, and everybody gets that error.
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_UPLOADER_H
#define DRTOOL_STORAGE_REPOSITORY_UPLOADER_H

#include "src/base/buf.h"
#include "storage/repository/piece.h"

struct uploader; /* opaque; safe from several threads */

/* Called on one of the uploader's threads. True: the frame is stored. */
typedef bool uploader_fn(void *cookie, const struct piece *p, struct view frame, struct err *e);

bool uploader_start(
        struct uploader **out, unsigned threads, size_t bytes_max, uploader_fn *send, void *cookie, struct err *e);
/*
 * Take the frame's memory over (on failure too; *frame is empty then, its ceiling kept) and return, after waiting until
 * no more than bytes_max are on their way; a larger frame goes when nothing else does. Served in the order of the
 * calls. False with the error of the first failure.
 */
bool uploader_add(struct uploader *u, const struct piece *p, struct buf *frame, struct err *e);
bool uploader_check(struct uploader *u, struct err *e); /* false with the error of the first failure, if any */
bool uploader_wait(struct uploader *u, struct err *e);  /* until everything is stored; false as uploader_check() */
/* Fail with why, unless it has failed: what no thread has taken yet is dropped. */
void uploader_stop(struct uploader *u, const struct err *why);
/* NULL is fine. What was handed over is sent first, unless it has failed. */
void uploader_close(struct uploader *u);

#endif
