/*
 * src/pg/session_priv.h - what session*.c and copy.c share; nobody else includes it
 */
#ifndef DRTOOL_PG_SESSION_PRIV_H
#define DRTOOL_PG_SESSION_PRIV_H

#include "src/pg/session.h"

enum pg_copy_state { PG_COPY_NONE, PG_COPY_OUT, PG_COPY_IN };

struct pg_session {
	PGconn *conn; /* non-blocking once open */
	const struct cancel *cancel;
	enum pg_copy_state copy;
	bool broken;      /* a query could not be ended: the protocol state is unknown */
	bool wide;        /* its receive buffer is, see widen() */
	unsigned rows;    /* rows of this COPY, to look at the cancel now and then */
	size_t gathered;  /* bytes of rows since the last pause, which lets them gather */
	long pause_ns;    /* how long that is */
	size_t unflushed; /* bytes handed to libpq since the last flush */
	unsigned notices; /* notices swallowed so far */
	/* what copy_in_flush() knows of: */
	unsigned notices_known;
	uint64_t received; /* bytes that came in over TCP */
	char sqlstate[6];  /* of the last failed call */
	char *where;       /* "shop at db1:5432" */
};

/* session.c */
bool pg_session_begin(struct pg_session *s, struct err *e); /* may a new command be sent? */
/* Wait until the socket is ready for one of events (POLLIN, POLLOUT); a tripped cancel interrupts the query and fails.
 */
bool pg_session_wait(struct pg_session *s, short events, short *got, struct err *e);
bool pg_session_flush(struct pg_session *s, struct err *e);                  /* until libpq's output buffer is empty */
bool pg_session_result(PGresult **out, struct pg_session *s, struct err *e); /* next result, NULL after the last */
/* Take what results are left; the first error among them (or first, which is cleared) is the outcome. */
bool pg_session_finish(struct pg_session *s, PGresult *first, struct err *e);
void pg_session_interrupt(struct pg_session *s);             /* cancel on the server, drop what still comes */
bool pg_session_drain(struct pg_session *s, int timeout_ms); /* drop results until idle */

/* session_error.c: all return false and set s->sqlstate where there is one */
bool pg_session_fail(
        struct pg_session *s, const PGresult *r, struct err *e); /* r may be NULL: the connection's own error */
bool pg_session_lost(struct pg_session *s,
        struct err *e); /* reading or writing failed: what the server still said, or that it is gone */
bool pg_session_connect_error(struct pg_session *s, struct err *e);
bool pg_session_pooler(struct pg_session *s, struct err *e); /* refuse one */

#endif
