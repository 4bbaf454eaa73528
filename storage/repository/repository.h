/*
 * storage/repository/repository.h - a repository: a storage that says in drtool.json what it is
 *
 * Format: FORMAT.md beside this file. Safe from several threads.
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_REPOSITORY_H
#define DRTOOL_STORAGE_REPOSITORY_REPOSITORY_H

#include "storage/backend/storage.h"

#define REPOSITORY_FORMAT 1

struct repository {
	struct storage *storage;
	char id[37];         /* random UUID text (RFC 4122, version 4) */
	uint64_t chunk_seed; /* of the chunkers: 0 in a plain repository */
};

/*
 * Open where (a directory; "s3://" is refused as not supported by this version). A missing or foreign directory:
 * ERR_USAGE with the hint `drtool init --repo`. A newer format: ERR_USAGE naming both versions. A damaged drtool.json:
 * ERR_DAMAGED.
 */
bool repository_open(struct repository **out, const char *where, struct err *e);
/* Create it; an empty or missing directory only (ERR_REFUSED otherwise; ERR_EXISTS when it is a repository already). */
bool repository_create(struct repository **out, const char *where, struct err *e);
/* Create unless there; what `drtool snapshot` does for a missing or empty directory. *created may be NULL. */
bool repository_open_or_create(struct repository **out, const char *where, bool *created, struct err *e);
/* The same over a storage that is already open (tests, wrappers); takes storage over, also on failure. */
bool repository_open_storage(struct repository **out, struct storage *storage, bool create, struct err *e);
void repository_close(struct repository *r); /* NULL is fine */

#endif
