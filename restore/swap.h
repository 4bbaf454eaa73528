/*
 * restore/swap.h - two databases change names in one transaction
 *
 * The live one becomes the kept one, and the replacement gets its name. Nothing is committed beforehand: the rename's
 * own lock holds new logins back while a second session ends the old ones by database OID, until both renames have gone
 * through. Killed at any point, one of the two answers under the name; a server that loses us rolls back within
 * seconds.
 */
#ifndef DRTOOL_RESTORE_SWAP_H
#define DRTOOL_RESTORE_SWAP_H

#include "src/pg/session.h"

struct swap {
	const struct conninfo *server;   /* its dbname does not count */
	const char *maintenance_db;      /* a third database, to give the commands in */
	const char *live;                /* the name that changes hands */
	uint32_t live_oid;               /* who is expected to have it: ERR_CONFLICT when it is another one by now */
	const char *kept;                /* what that one is called afterwards */
	const char *kept_comment;        /* its comment from then on */
	const char *replacement;         /* who gets the name */
	const char *replacement_comment; /* its comment from then on; NULL for none */
	bool replacement_closed;         /* it refuses connections, and is to allow them from then on */
};

struct swap_result {
	int64_t window_us; /* for how long nobody could log in */
};

/*
 * True: done and committed. False: the live database has its name still, and sessions may have been ended. ERR_CONFLICT
 * when sessions would not end or somebody holds a lock on one of the databases; ERR_REFUSED when a right is missing;
 * ERR_TRANSIENT when the outcome could not be learned, which the message says.
 */
bool swap_databases(struct swap_result *out, const struct swap *w, const struct cancel *cancel, struct err *e);

#endif
