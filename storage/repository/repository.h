/*
 * storage/repository/repository.h - a repository: a storage that says in drtool.json what it is
 *
 * Format: FORMAT.md beside this file. Safe from several threads.
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_REPOSITORY_H
#define DRTOOL_STORAGE_REPOSITORY_REPOSITORY_H

#include "storage/backend/s3.h"
#include "storage/backend/storage.h"

#define REPOSITORY_FORMAT 1

struct repository {
	struct storage *storage;
	char id[37];         /* random UUID text (RFC 4122, version 4) */
	uint64_t chunk_seed; /* of the chunkers: 0 in a plain repository */
};

/* What lies at a place: nothing (a missing or empty directory, an empty prefix), a repository, or something else. */
enum repository_place { REPOSITORY_NONE, REPOSITORY_HERE, REPOSITORY_FOREIGN };
bool repository_look(enum repository_place *out, const char *where, const struct s3_options *s3, struct err *e);

/*
 * where is a directory or "s3://bucket/prefix"; s3 says how to reach a bucket (NULL: as the environment says).
 *
 * Open it. A missing or foreign place: ERR_USAGE with the hint `drtool init --repo`. A newer format: ERR_USAGE naming
 * both versions. A damaged drtool.json: ERR_DAMAGED.
 */
bool repository_open(struct repository **out, const char *where, const struct s3_options *s3, struct err *e);
/* Create it; in an empty or missing place only (ERR_REFUSED otherwise; ERR_EXISTS when it is a repository already). */
bool repository_create(struct repository **out, const char *where, const struct s3_options *s3, struct err *e);
/* Create unless there; what `drtool snapshot` does for a missing or empty place. *created may be NULL. */
bool repository_open_or_create(
        struct repository **out, const char *where, const struct s3_options *s3, bool *created, struct err *e);
/* The same over a storage that is already open (tests, wrappers); takes storage over, also on failure. */
bool repository_open_storage(struct repository **out, struct storage *storage, bool create, struct err *e);
void repository_close(struct repository *r); /* NULL is fine */

#endif
