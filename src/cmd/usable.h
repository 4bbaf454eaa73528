/*
 * src/cmd/usable.h - a restore that lets people in first and makes indexes and checks afterwards: --usable-first,
 * --finish
 */
#ifndef DRTOOL_CMD_USABLE_H
#define DRTOOL_CMD_USABLE_H

#include <jansson.h>

#include "restore/finish.h"
#include "src/cmd/cmd.h"
#include "src/cmd/record.h"
#include "storage/repository/manifest.h"

struct usable {
	const struct cmd *c;
	struct repository *repository;
	const struct manifest *manifest;
	const char *name;                /* of the database in the repository */
	const char *word;                /* how a person calls it in a command line */
	const struct conninfo *database; /* leads to it, once it has its name */
	uint32_t oid;                    /* 0: not recorded yet */
	char identifier[24];             /* the server's, "" when it may not be read */
	size_t all;                      /* what was left in the beginning; 0 not known */
	struct finish_result result;
	bool failed; /* finishing did, for this reason: */
	struct err why;
	struct arena arena;
};

/* Do --usable-first and --finish fit the rest? ERR_USAGE. */
bool usable_check(const struct options *o, struct err *e);
/* "12 indexes (public.events 3, ...)": what a plan or a report says of it. */
void usable_describe(struct buf *out, const struct restore_left *left, size_t count);
json_t *usable_document(const struct restore_left *left, size_t count); /* a new reference */

/*
 * Before the database gets its name: record in the journal what is left, so that it is known whatever happens then.
 * restored leads to it as it is called now. False: not recorded, and so it must not be let in.
 */
bool usable_record(
        struct usable *u, const struct conninfo *restored, const struct restore_result *so_far, struct err *e);
/* It is in use now: say so, and what that means. */
void usable_say(const struct usable *u, const struct restore_result *restored);
/* Make the rest; what came of it is in u, in the journal, and on stderr. */
void usable_finish(struct usable *u);
/* What a command that has finished says and ends with; nothing when nothing was left. */
void usable_tell(struct buf *out, const struct usable *u);
json_t *usable_result(const struct usable *u); /* a new reference; null when there was nothing to finish */
void usable_status(struct cmd *c, const struct usable *u);
void usable_release(struct usable *u);

/*
 * Snapshot id of this database was taken, under its name in the repository: when something is left to be made in the
 * database, and so is not in the snapshot, say so and record it in the journal.
 */
struct pg_database;
void usable_warn(const struct cmd *c, struct repository *r, const char *name, const char *id,
        const struct pg_database *d, const struct conninfo *conn);
/* This one is about to be restored: say what was recorded so. */
void usable_warn_of_snapshot(struct repository *r, const struct manifest *m);

/* restore --finish DB */
bool usable_run(struct cmd *c, struct err *e);

#endif
