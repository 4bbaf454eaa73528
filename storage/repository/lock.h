/*
 * storage/repository/lock.h - lock objects: who is at work in a repository
 *
 * A lock is an object of its own for each holder, "<name>.<token>", which names the holder (host, pid, start time) and
 * is renewed by a thread of its own every third of LOCK_EXPIRES_S. It counts as dead when it was not renewed for that
 * long by the clock of the store, or at once when its holder was a process of this host (same boot id) that no longer
 * runs. Nothing is asked of the store but that an object just written is in the next listing.
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_LOCK_H
#define DRTOOL_STORAGE_REPOSITORY_LOCK_H

#include "storage/repository/repository.h"

#define LOCK_EXPIRES_S 600

struct repository_lock; /* opaque */

/*
 * Shared kinds ("snapshot-<id>") never conflict; *out renews itself until released. Dead locks met on the way are
 * removed.
 */
bool repository_lock_take(struct repository_lock **out, struct repository *r, const char *name, struct err *e);
/*
 * As take, but ERR_CONFLICT naming the holder while a live lock of this name exists: one run at a time where no
 * advisory lock can be had. Takes up to a few seconds when several want it at once.
 */
bool repository_lock_take_exclusive(
        struct repository_lock **out, struct repository *r, const char *name, struct err *e);
/*
 * False (ERR_CONFLICT) when the lock has been lost: somebody removed it, or it was not renewed for so long (the store
 * did not answer, the machine slept) that others may believe its holder dead.
 */
bool repository_lock_check(struct repository_lock *l, struct err *e);
/*
 * What the thread does by itself: say again that the holder is alive. ERR_CONFLICT when the lock is not ours any more.
 */
bool repository_lock_renew(struct repository_lock *l, struct err *e);
void repository_lock_release(struct repository_lock *l); /* NULL is fine */

#endif
