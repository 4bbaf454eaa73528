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
	struct cancel stop;          /* tripped by the watch when it can watch no more; has the caller's for a parent */
	const struct cancel *cancel; /* stop, for all that waits */

	struct contents contents;
	struct archive archive;
	struct stages stages;
	struct later later;

	struct pg_session *session; /* in the database; speaks the archive's encoding */
	unsigned lost;              /* connections, one after the other */
	bool *waiting;              /* parallel to later.items: indexes that lack what needs a strong lock */
	int64_t told_us;            /* when was said whom they wait for */
	struct finish_watch *watch; /* NULL while only looking */
	struct findings findings;
	struct arena arena;
};

/* --- finish_session.c --- */

/* What it is called; an address may leave that to the server's side of a swap. */
const char *finish_name(const struct finish *f);

/* Is this the system identifier of the expected server? True also when one of them is not known. */
bool finish_same_server(const struct finish_options *o, const char *identifier);
/* As pg_session_open(), but a server that has no room right now is asked again for a minute. */
bool finish_open(struct pg_session **out, const struct conninfo *c, enum pg_session_kind kind, const char *role,
        struct observer *obs, const struct cancel *cancel, struct err *e);
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
/* Make it, or say in the findings why not. An index that lacks only what others' locks prevent is left waiting. */
bool finish_item(struct finish *f, const struct later_item *item, struct err *e);
/* Try those that wait again and again, for an hour at the most. */
bool finish_waiting(struct finish *f, struct err *e);

/* --- finish_watch.c: a session elsewhere on the server that sees what we wait for, and who waits for us --- */

/* Columns that say who somebody else's session is: most of it is hidden from those who are no superuser. a is its row
 * of pg_stat_activity. */
#define FINISH_SESSION                                                                   \
	"a.pid, COALESCE(a.usename, '-'),"                                               \
	" COALESCE(NULLIF(a.application_name, ''), a.backend_type, 'unnamed'), a.state," \
	" EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - a.xact_start)::bigint"
/* "server process 17 of user "app" (psql, idle in transaction, its transaction is 34 s old)", from the first row. */
void finish_describe(struct buf *out, const PGresult *r);

struct finish_watch; /* opaque */
/*
 * Holds the lock by which only one at a time finishes a database. When its connection is lost and cannot be had again,
 * or the lock cannot, it trips f->stop, so that nothing goes on unwatched.
 */
bool finish_watch_open(struct finish_watch **out, struct finish *f, struct err *e);
/* It watches no more. True: it has tripped f->stop, for the reason in *e. */
bool finish_watch_failed(struct finish_watch *w, struct err *e);
void finish_watch_close(struct finish_watch *w); /* NULL is fine */
/* A statement of server process pid begins; object must live until it ends. */
void finish_watch_begin(struct finish_watch *w, int pid, const char *object);
bool finish_watch_end(struct finish_watch *w); /* true: it was stopped, for others waited for it */

#endif
