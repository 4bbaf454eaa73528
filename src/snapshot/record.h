/*
 * src/snapshot/record.h - turn what an attempt read into a snapshot: contents, archive and roles as chunks, the
 * manifest last
 */
#ifndef DRTOOL_SNAPSHOT_RECORD_H
#define DRTOOL_SNAPSHOT_RECORD_H

#include "src/snapshot/attempt.h"
#include "storage/repository/lock.h"

struct record_facts {
	const char *id, *database, *tag;
	int64_t started_us;
	bool fingerprint_only; /* rows were not stored */
	const struct pg_tools *tools;
};

/* True: the snapshot exists. The lock is checked after everything else and before the manifest is written. */
bool record_snapshot(struct snapshot_result *out, struct repository *r, struct chunk_store *store,
        struct repository_lock *lock, const struct attempt *a, const struct record_facts *facts, struct err *e);

#endif
