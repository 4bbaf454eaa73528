/*
 * restore/finish_internal.h - what finish*.c share; nobody else includes it
 */
#ifndef DRTOOL_RESTORE_FINISH_INTERNAL_H
#define DRTOOL_RESTORE_FINISH_INTERNAL_H

#include "restore/findings.h"
#include "restore/finish.h"
#include "restore/later.h"
#include "restore/render.h"
#include "src/pg/session.h"

struct finish {
	const struct finish_options *options;
	const struct manifest *manifest;
	struct finish_result *result;
	struct observer *obs;
	const struct cancel *cancel;

	struct contents contents;
	struct archive archive;
	struct stages stages;
	struct later later;

	struct pg_session *session; /* in the database; speaks the archive's encoding */
	unsigned lost;              /* connections, one after the other */
	struct finish_watch *watch; /* NULL while only looking */
	struct findings findings;
	struct arena arena;
};

/* --- finish_session.c --- */

/* What it is called; an address may leave that to the server's side of a swap. */
const char *finish_name(const struct finish *f);

/* Connect, and see that it is the expected database: ERR_CONFLICT when not. */
bool finish_connect(struct finish *f, struct err *e);

enum finish_said {
	FINISH_DONE,
	FINISH_AGAIN, /* a lock, a lost connection, others first: look again */
	FINISH_NO,    /* why says what the server has against it */
};
/* One statement. False: there is no point in going on with anything. object: for people. */
bool finish_say(
        enum finish_said *said, struct finish *f, const char *object, const char *sql, struct err *why, struct err *e);
/* After a query that failed: true when the connection was lost and is there again. */
bool finish_recover(struct finish *f, const struct err *why, struct err *e);

/* --- finish_item.c --- */

struct finish_state {
	enum { ITEM_DONE, ITEM_LEFT, ITEM_GONE } is; /* GONE: its table, or the foreign key, was dropped */
	const char *why;                             /* LEFT by somebody else's doing: the name is taken; else NULL */
	bool built;                                  /* a valid index; perhaps not attached yet */
	bool broken;                                 /* one that is not valid */
	unsigned builder;                            /* the server process that is building it */
	bool tidy;                                   /* DONE but for its comment and the like */
	bool unanalyzed;                             /* an index on expressions without statistics */
};
bool finish_look(struct finish_state *out, struct finish *f, const struct later_item *item, struct err *e);
/* Make it, or say in the findings why not. */
bool finish_item(struct finish *f, const struct later_item *item, struct err *e);

/* --- finish_watch.c: a session elsewhere on the server that sees what we wait for, and who waits for us --- */

struct finish_watch; /* opaque */
/* Holds the lock by which only one at a time finishes a database. */
bool finish_watch_open(struct finish_watch **out, const struct finish *f, struct err *e);
void finish_watch_close(struct finish_watch *w); /* NULL is fine */
/* A statement of server process pid begins; object must live until it ends. */
void finish_watch_begin(struct finish_watch *w, int pid, const char *object);
bool finish_watch_end(struct finish_watch *w); /* true: it was stopped, for others waited for it */

#endif
