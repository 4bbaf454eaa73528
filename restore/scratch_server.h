/*
 * restore/scratch_server.h - a database for one test restore on a server that was named for it
 *
 * Its name is drtool_verify_<last part of the snapshot's id>. A session in the maintenance database holds an advisory
 * lock keyed by that name while it is in use, which tells a living run's database from a dead one's.
 */
#ifndef DRTOOL_RESTORE_SCRATCH_SERVER_H
#define DRTOOL_RESTORE_SCRATCH_SERVER_H

#include "restore/restore.h"
#include "src/pg/session.h"

struct scratch_server {
	struct pg_session *lock;      /* in the maintenance database */
	struct conninfo *maintenance; /* the same place again, to clean up after an interrupt */
	struct conninfo *target;      /* the database to restore into; it does not exist yet */
	const char *reference;        /* name for one more database */
	struct arena arena;
};

#define SCRATCH_SERVER_INIT \
	{                   \
		0           \
	}

/* Drops what dead runs left there. ERR_CONFLICT while a living run tests the same snapshot there. */
bool scratch_server_open(struct scratch_server *out, const struct conninfo *server, const struct manifest *m,
        struct observer *obs, const struct cancel *cancel, struct err *e);
/* Drop the databases of this run. Problems are not errors: the next run finds what is left. */
void scratch_server_close(struct scratch_server *s);

#endif
