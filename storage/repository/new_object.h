/*
 * storage/repository/new_object.h - write what nobody has written yet, on any store
 *
 * Stores create an object only where there is none, or ignore that wish and replace, or refuse it. So the name must be
 * one that no two writers choose: random, or a time to the microsecond. What creating adds is that a mistake about that
 * is noticed where the store can notice it.
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_NEW_OBJECT_H
#define DRTOOL_STORAGE_REPOSITORY_NEW_OBJECT_H

#include "storage/backend/storage.h"

/*
 * ERR_EXISTS when there is another object of this name, as far as the store says. One with these very bytes is ours:
 * the answer to an earlier try was lost.
 */
bool new_object_put(struct storage *s, struct object_key key, struct view body, struct err *e);

/*
 * The same for an object named by a moment, "<before>20260501-120000-000000<after>": of several of one microsecond each
 * but the first gets a later one.
 */
bool new_object_put_at(struct storage *s, enum object_class cls, const char *before, int64_t utc_us, const char *after,
        struct view body, struct err *e);

#endif
