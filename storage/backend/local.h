/*
 * storage/backend/local.h - what the files of the local backend share
 *
 * Paths are relative to the repository's directory, as storage_object_path() makes them.
 */
#ifndef DRTOOL_STORAGE_BACKEND_LOCAL_H
#define DRTOOL_STORAGE_BACKEND_LOCAL_H

#include <pthread.h>
#include <sys/types.h>

#include "storage/backend/storage.h"

/* Temporary files lie in the repository's own directory, so that looking for leftovers reads one directory. */
#define LOCAL_TEMPORARY_PREFIX ".tmp-"

struct local {
	int root;              /* descriptor of the directory */
	char *dir;             /* for messages */
	pthread_mutex_t mutex; /* guards cleaned */
	bool cleaned;          /* leftovers of dead writers were looked for */
	bool give;             /* we are root, and the directory is another user's: */
	uid_t owner;
	gid_t group;
};

/* "<dir>/<path>: <errno's text>" in front of which what is said, with a hint for what a person can mend. */
bool local_error(struct local *l, int errnum, const char *doing, const char *path, struct err *e);
/* Make the entries of one directory durable; "" is the repository's own. */
bool local_sync_dir(struct local *l, const char *path, struct err *e);

/* Whom new files are given to; from root's descriptor. */
void local_owner_find(struct local *l);
/* A file just made, a directory just made; best effort. */
void local_owner_give(const struct local *l, int fd);
void local_owner_give_dir(const struct local *l, const char *path);
/* What to do where dir, or something in it, may not be read or written. */
bool local_owner_hint(struct err *e, const char *dir);

bool local_put(void *impl, struct object_key key, struct view body, enum put_mode mode, struct err *e);
bool local_list(void *impl, enum object_class cls, const char *prefix, object_fn *each, void *cookie, struct err *e);

#endif
