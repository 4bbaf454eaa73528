/*
 * restore/live.h - a database that is about to lose its name: what it is, who is in it, and what stands in the way
 */
#ifndef DRTOOL_RESTORE_LIVE_H
#define DRTOOL_RESTORE_LIVE_H

#include "src/pg/catalog.h"

struct live_session {
	const char *user, *application; /* of them all; "" when not set */
	unsigned count;
	bool may_end; /* this role may end them */
	bool super;   /* only another superuser may */
};

struct live {
	struct pg_database database;
	struct live_session *sessions; /* grouped by user and application, the most first */
	size_t session_count;
	unsigned connections;
	int64_t last_write_us; /* when its files were last written, UTC; 0 when it cannot be seen. Vacuum counts. */
	struct arena arena;
};

/* The database to give commands in that is about name: "postgres", or "template1" when that is the name. */
const char *live_maintenance(const char *name);

/* s is a session in another database of the server. ERR_NOT_FOUND when there is no such database. */
bool live_look(struct live *out, struct pg_session *s, const char *name, struct err *e);
void live_release(struct live *l);

/*
 * Can it be renamed, and what is bound to it be left behind? ERR_REFUSED with what to do: a right is missing, a
 * prepared transaction, a logical replication slot, a subscription, sessions this role may not end.
 */
bool live_check(const struct live *l, struct pg_session *s, struct err *e);

/*
 * One at a time for each name: an advisory lock that s holds until it ends. ERR_CONFLICT naming who has it.
 */
bool live_lock(struct pg_session *s, const char *name, struct err *e);

#endif
