/*
 * src/snapshot/turn.h - one run at a time per database
 *
 * An advisory lock in the maintenance database, keyed by the database's OID (a session in the database itself would be
 * in the way of a rename); where that is unreachable, and on a standby, which does not share the primary's, a lock
 * object in the repository.
 */
#ifndef DRTOOL_SNAPSHOT_TURN_H
#define DRTOOL_SNAPSHOT_TURN_H

#include "src/pg/session.h"
#include "src/snapshot/snapshot.h"
#include "storage/repository/lock.h"

struct turn {
	struct pg_session *session;
	struct repository_lock *lock;
};

/* ERR_CONFLICT naming who is at it. */
bool turn_take(struct turn *out, struct repository *r, const struct snapshot_options *o, const char *database,
        uint32_t database_oid, bool on_standby, const struct cancel *cancel, struct err *e);
void turn_release(struct turn *t);

#endif
