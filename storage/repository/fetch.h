/*
 * storage/repository/fetch.h - read many small objects, several at once where the store takes several requests
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_FETCH_H
#define DRTOOL_STORAGE_REPOSITORY_FETCH_H

#include "storage/backend/storage.h"

struct fetched {
	size_t index; /* in names */
	const char *name;
	struct view body;      /* valid during the call */
	const struct err *why; /* NULL; or why it could not be had, and body is empty */
};

enum fetch_answer {
	FETCH_ON,
	FETCH_ENOUGH, /* the rest is not wanted */
	FETCH_FAILED, /* e is set */
};
typedef enum fetch_answer fetch_fn(void *cookie, const struct fetched *f, struct err *e);

/*
 * Call each() on the caller's thread for every name, in their order; an object that cannot be had is for each() to
 * judge. No object may be larger than max bytes. False when each() failed, or a thread could not be started.
 */
bool fetch_each(struct storage *s, enum object_class cls, const char *const *names, size_t count, size_t max,
        fetch_fn *each, void *cookie, struct err *e);

#endif
