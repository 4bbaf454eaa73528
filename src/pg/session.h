/*
 * src/pg/session.h - one connection to PostgreSQL, used by one thread at a time
 *
 * Every wait polls, so a tripped cancel ends it within 100 ms: the query is cancelled on the server (PQcancel) and the
 * call fails with ERR_CANCELLED. Errors carry the server's primary message; SQLSTATE decides the kind: 55P03, 40P01
 * ERR_CONFLICT; 57P01..57P03 and 08xxx, 40001 ERR_TRANSIENT; 57014 caused by our own cancel ERR_CANCELLED; others
 * ERR_FAILED. Statements and names are UTF-8 (client_encoding UTF8); a database in SQL_ASCII passes bytes through.
 */
#ifndef DRTOOL_PG_SESSION_H
#define DRTOOL_PG_SESSION_H

#include <libpq-fe.h>

#include "src/base/cancel.h"
#include "src/pg/conninfo.h"

struct pg_session; /* opaque */

/* What to do where replay on a standby ends sessions or statements. */
#define PG_STANDBY_HINT                                                                                                    \
	"the standby does not wait for its readers: read from the primary, or set hot_standby_feedback = on and a longer " \
	"max_standby_streaming_delay there"

enum pg_session_kind {
	/* search_path empty, timeouts 0, client_encoding UTF8, not read-only by default; for catalogue queries and DDL
	 * by hand */
	PG_SESSION_PLAIN,
	/* PLAIN and all that pg_dump sets: DateStyle ISO, IntervalStyle postgres, extra_float_digits 3, bytea_output
	 * hex, row_security off, synchronize_seqscans off, quote_all_identifiers off, TimeZone UTC, lc_monetary C,
	 * xmloption content, standard_conforming_strings on, check_function_bodies off, idle and transaction timeouts 0
	 * where the server has them */
	PG_SESSION_DUMP,
	/* DUMP and what makes loading fast without superuser: synchronous_commit off; sizes of memory are the caller's
	   to set */
	PG_SESSION_LOAD,
};

/* application_name is "drtool" or "drtool <role>" (role may be NULL). The connection is refused with a hint when a
 * pooler in transaction mode answers. */
bool pg_session_open(struct pg_session **out, const struct conninfo *c, enum pg_session_kind kind, const char *role,
        const struct cancel *cancel, struct err *e);
void pg_session_close(struct pg_session *s); /* an open transaction is rolled back by the server */

PGconn *pg_session_conn(struct pg_session *s);
int pg_session_version(const struct pg_session *s);          /* 150020 for 15.20 */
int pg_session_pid(const struct pg_session *s);              /* backend process id */
const char *pg_session_encoding(const struct pg_session *s); /* server_encoding, as the server spells it */
/* SQLSTATE of the last failed call ("" when none): for callers that treat one state specially. */
const char *pg_session_sqlstate(const struct pg_session *s);

/* Run one or more statements, dropping rows. */
bool pg_exec(struct pg_session *s, const char *sql, struct err *e);
bool pg_execf(struct pg_session *s, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* One statement that returns rows, as text; free *out with PQclear(). params may be NULL (nparams 0). */
bool pg_query(
        PGresult **out, struct pg_session *s, const char *sql, int nparams, const char *const *params, struct err *e);
/* As pg_query(), exactly one row and one column: copied into *out (malloc'ed; NULL for SQL NULL). No row is
 * ERR_NOT_FOUND. */
bool pg_query_value(
        char **out, struct pg_session *s, const char *sql, int nparams, const char *const *params, struct err *e);

/* COPY ... TO STDOUT. Between start and the end no other call on the session but pg_copy_out_*. */
bool pg_copy_out_start(struct pg_session *s, const char *sql, struct err *e);
/*
 * The next row with its newline. 1: *row (release with PQfreemem(), may be kept) and *len; 0: end, the COPY succeeded;
 * -1: e.
 */
int pg_copy_out_next(struct pg_session *s, char **row, size_t *len, struct err *e);
void pg_copy_out_abort(struct pg_session *s); /* cancel on the server and drain; the transaction is then aborted */

/* COPY ... FROM STDIN. data may be cut anywhere; big pieces are sent in parts of 64 KiB so that libpq's buffer stays
 * small. */
bool pg_copy_in_start(struct pg_session *s, const char *sql, struct err *e);
bool pg_copy_in_put(struct pg_session *s, struct view data, struct err *e);
/* End it; *rows (may be NULL) is what the server counted. */
bool pg_copy_in_end(struct pg_session *s, uint64_t *rows, struct err *e);
void pg_copy_in_abort(struct pg_session *s); /* the server forgets the COPY; the transaction is then aborted */

/* Quoting; into an arena, never NULL. */
char *pg_quote_ident(struct arena *a, const char *name);   /* always in double quotes */
char *pg_quote_literal(struct arena *a, const char *text); /* '...' with E'' when it holds backslashes */

#endif
