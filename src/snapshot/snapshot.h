/*
 * src/snapshot/snapshot.h - take one consistent copy of one database into a repository
 */
#ifndef DRTOOL_SNAPSHOT_SNAPSHOT_H
#define DRTOOL_SNAPSHOT_SNAPSHOT_H

#include "src/base/cancel.h"
#include "src/base/observer.h"
#include "src/pg/conninfo.h"
#include "storage/repository/manifest.h"
#include "storage/repository/repository.h"

struct snapshot_options {
	const struct conninfo *source;
	const char *maintenance_db;            /* for the advisory lock; NULL means "postgres" */
	const char *database;                  /* name in the repository; NULL means the dbname */
	const char *tag;                       /* NULL for none */
	unsigned jobs;                         /* connections that read; 0 means by the number of processors */
	int level;                             /* zstd level; 0 means the default, 1 */
	unsigned yield_after_s;                /* give way when others wait on us longer; 0 means 10 */
	unsigned lock_wait_s;                  /* keep trying to get the locks this long; 0 means 300 */
	const char *pg_bin;                    /* where to look for pg_dump first; may be NULL */
	const char *const *exclude_table_data; /* patterns as in pg_dump; NULL-terminated or NULL */
	bool role_passwords;                   /* keep password hashes, where they can be read */
	bool fingerprint_only; /* rows are read and hashed, and not stored: what diff compares; never for a repository
	                          that is kept */
	bool dry_run;          /* preflight and plan only */
};

struct snapshot_result {
	char id[SNAPSHOT_ID_SIZE]; /* "" for a dry run */
	uint64_t tables, rows, plain_bytes, stored_new_bytes;
	uint64_t chunks_new, chunks_known;
	uint64_t expected_bytes; /* sum of table sizes, for the plan */
	int64_t duration_us;
	unsigned attempts; /* 1 when nobody was in the way */
};

/*
 * True: the snapshot is listed and complete. False: e says why; nothing is listed, chunks already stored are kept for
 * the next run, nothing else is left behind. Errors: ERR_CONFLICT another snapshot of this database runs, or a lock
 * could not be had in time (holder named); ERR_REFUSED identity or a pooler; ERR_CANCELLED.
 */
bool snapshot_take(struct snapshot_result *out, struct repository *r, const struct snapshot_options *o,
        struct observer *obs, const struct cancel *cancel, struct err *e);

#endif
