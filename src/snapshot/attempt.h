/*
 * src/snapshot/attempt.h - one try at reading the database: locks, exported snapshot, readers, schema archive
 *
 * Another session may want a lock we hold, or hold one we want. Then the attempt is given up as a whole (ERR_CONFLICT)
 * and the caller tries again later; chunks stored so far make the next try cheap.
 */
#ifndef DRTOOL_SNAPSHOT_ATTEMPT_H
#define DRTOOL_SNAPSHOT_ATTEMPT_H

#include "src/pg/tools.h"
#include "src/snapshot/plan.h"
#include "src/snapshot/snapshot.h"
#include "storage/repository/chunk_store.h"
#include "storage/repository/contents.h"

/*
 * For transactions that hold locks: the server notices within a minute that our machine is gone, instead of keeping the
 * locks for the two hours that are usual.
 */
#define ATTEMPT_KEEPALIVE                                                                  \
	"SET LOCAL tcp_keepalives_idle = 30; SET LOCAL tcp_keepalives_interval = 10; SET " \
	"LOCAL tcp_keepalives_count = 3"

/* What every part of an attempt needs; all borrowed. */
struct attempt_context {
	const struct snapshot_options *options;
	const char *token;         /* in application_name of all our sessions: "drtool snapshot <token>" */
	struct chunk_store *store; /* NULL for a dry run */
	uint64_t seed;
	unsigned jobs;
	const struct pg_tools *tools;
	struct observer *observer;
	const struct cancel *cancel;
};

/* What was read. Text in the arena; buffers and plan owned. */
struct attempt {
	struct arena arena;
	struct pg_database database;
	struct pg_relation_list relations;
	bool locked; /* all of them, at least once: it was not for a lock that the attempt failed */
	struct pg_table_list tables;
	bool lock_all; /* the server has room for every session to lock everything at once */
	bool *skip;    /* by table: rows left out on request */
	struct plan plan;
	struct pg_sequence_list sequences;
	struct pg_matview_list matviews;
	struct pg_large_object_list large_objects;
	struct pg_extension_list extensions;
	struct pg_text_list roles, invalid_indexes;
	struct buf archive, globals;
	bool globals_passwords;
	const char *server; /* host:port as libpq knows them */
	const char *snapshot_name;
	int64_t instant_us;
	const char *wal_lsn, *safe_wal_lsn, *snapshot_xmin;
	uint32_t timeline;
};

/* True: *out is complete and every chunk it names is stored. */
bool attempt_run(struct attempt *out, const struct attempt_context *c, struct err *e);
void attempt_release(struct attempt *a); /* fine on a zeroed one */

/*
 * Begin a transaction with the coordinator's snapshot. It goes with the coordinator's session: where that was ended,
 * ERR_TRANSIENT says so.
 */
bool attempt_join(const struct attempt *a, struct pg_session *s, struct err *e);

/* The name every session of this attempt carries; into buf of 48 bytes. */
void attempt_role(char out[48], const struct attempt_context *c);

#endif
