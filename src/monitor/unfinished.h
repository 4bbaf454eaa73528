/*
 * src/monitor/unfinished.h - is something left to be made in a database that was restored usable-first?
 *
 * The journal knows: an event "usable" is written before the database gets its name, each "finish" says what it left.
 * They name the database by OID and server, so that they are about this one, whatever its name is by now.
 */
#ifndef DRTOOL_MONITOR_UNFINISHED_H
#define DRTOOL_MONITOR_UNFINISHED_H

#include "storage/repository/journal.h"
#include "storage/repository/manifest.h"

/* Details of both events. */
#define UNFINISHED_OID          "oid"
#define UNFINISHED_IDENTIFIER   "identifier" /* the server's; not there when it may not be read */
#define UNFINISHED_INDEXES      "left_indexes"
#define UNFINISHED_FOREIGN_KEYS "left_foreign_keys"
#define UNFINISHED_SOURCE       "snapshot_of" /* the snapshot's database in the repository */

/* The event that says so of a snapshot, which was taken while something was left; with the numbers, and: */
#define UNFINISHED_SNAPSHOT "unfinished"
#define UNFINISHED_FROM     "restored_from" /* "shop/20260101-...": the snapshot that has it all */

struct unfinished_database {
	uint32_t oid;           /* 0: not known, and then nothing is found */
	const char *identifier; /* its server's; "" or NULL: not known */
	const char *server;     /* "db1:5432"; counts where an identifier is not known */
};

struct unfinished {
	bool begun; /* it was restored so */
	char snapshot_id[SNAPSHOT_ID_SIZE];
	const char *source;           /* the snapshot's database in the repository; malloc'ed */
	size_t indexes, foreign_keys; /* left, when that was written last */
	size_t all;                   /* at the beginning, both together */
};

/* database: whose part of the journal is read, NULL for all. Release it in either case. */
bool unfinished_find(struct unfinished *out, struct repository *r, const char *database,
        const struct unfinished_database *d, struct err *e);
static inline bool unfinished_left(const struct unfinished *u)
{
	return u->begun && u->indexes + u->foreign_keys > 0;
}
void unfinished_release(struct unfinished *u);

struct unfinished_snapshot {
	size_t indexes, foreign_keys;
	char from[320]; /* "" when it is not said */
};
/* Was this snapshot taken while something was left? False: that is not recorded, or e says why it is not known. */
bool unfinished_find_snapshot(
        struct unfinished_snapshot *out, struct repository *r, const char *database, const char *id, struct err *e);

#endif
