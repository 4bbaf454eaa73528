/* src/pg/session.c - see session.h */
#include "src/pg/session_priv.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/clock.h"

#define WAIT_TICK_MS     100
#define CANCEL_TIMEOUT_S 3    /* PQcancel() opens a connection of its own, which can hang on a dead network */
#define DRAIN_TIMEOUT_MS 5000 /* a cancelled query ends at once unless the network is gone */

bool pg_session_begin(struct pg_session *s, struct err *e)
{
	assert(s->copy == PG_COPY_NONE);
	s->sqlstate[0] = '\0';
	if (s->broken)
		return err_set(e, ERR_TRANSIENT, "the connection to %s is no longer usable", s->where);
	return cancel_check(s->cancel, e);
}

bool pg_session_wait(struct pg_session *s, short events, short *got, struct err *e)
{
	for (;;) {
		struct pollfd p = { .fd = PQsocket(s->conn), .events = events };
		int n;

		if (cancel_tripped(s->cancel)) {
			pg_session_interrupt(s);
			return cancel_check(s->cancel, e);
		}
		if (p.fd < 0)
			return pg_session_lost(s, e);
		n = poll(&p, 1, WAIT_TICK_MS);
		if (n < 0 && errno != EINTR)
			return err_sys(e, errno, "wait for %s", s->where);
		if (n > 0) {
			if (got)
				*got = p.revents;
			return true;
		}
	}
}

bool pg_session_flush(struct pg_session *s, struct err *e)
{
	for (;;) {
		int left = PQflush(s->conn);
		short got = 0;

		if (left < 0)
			return pg_session_lost(s, e);
		if (left == 0)
			return true;
		if (!pg_session_wait(s, POLLIN | POLLOUT, &got, e))
			return false;
		/* A server whose own send buffer is full reads nothing before we do. */
		if ((got & ~POLLOUT) && !PQconsumeInput(s->conn))
			return pg_session_lost(s, e);
	}
}

bool pg_session_result(PGresult **out, struct pg_session *s, struct err *e)
{
	while (PQisBusy(s->conn)) {
		if (!pg_session_wait(s, POLLIN, NULL, e))
			return false;
		if (!PQconsumeInput(s->conn))
			return pg_session_lost(s, e);
	}
	*out = PQgetResult(s->conn);
	return true;
}

static bool is_error(const PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);

	return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY;
}

bool pg_session_finish(struct pg_session *s, PGresult *first, struct err *e)
{
	struct err later = ERR_INIT; /* of no interest: the first error is why */
	char sqlstate[sizeof(s->sqlstate)];
	PGresult *r = first;
	bool ok = true;

	while (r || pg_session_result(&r, s, ok ? e : &later)) {
		if (!r)
			return ok;
		if (ok && is_error(r)) {
			ok = pg_session_fail(s, r, e);
			memcpy(sqlstate, s->sqlstate, sizeof(sqlstate));
		}
		PQclear(r);
		r = NULL;
	}
	if (!ok)
		memcpy(s->sqlstate, sqlstate, sizeof(sqlstate));
	return false;
}

/* --- ending a query that runs --- */

static void *cancel_main(void *arg)
{
	char text[256];

	PQcancel(arg, text, (int)sizeof(text));
	PQfreeCancel(arg);
	return NULL;
}

/*
 * Returns only after the server has signalled its backend, so that the cancel cannot hit a later statement; false when
 * that could not be learned, and the session must not be used again.
 */
static bool send_cancel(struct pg_session *s)
{
	PGcancel *c = PQgetCancel(s->conn);
	struct timespec until;
	pthread_t thread;

	if (!c)
		return false;
	if (pthread_create(&thread, NULL, cancel_main, c)) {
		PQfreeCancel(c);
		return false;
	}
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CANCEL_TIMEOUT_S;
	if (pthread_timedjoin_np(thread, NULL, &until)) {
		pthread_detach(thread);
		return false;
	}
	return true;
}

/* True: nothing of a COPY OUT is left in what has arrived. */
static bool drop_rows(PGconn *conn)
{
	char *row;
	int n;

	while ((n = PQgetCopyData(conn, &row, 1)) > 0)
		PQfreemem(row);
	return n != 0;
}

/* Drop what has arrived; true once the connection is idle. */
static bool drop_results(PGconn *conn)
{
	while (!PQisBusy(conn)) {
		PGresult *r = PQgetResult(conn);
		ExecStatusType status = PQresultStatus(r);

		if (!r)
			return true;
		PQclear(r);
		if (status == PGRES_COPY_OUT && !drop_rows(conn))
			return false;
		if (status == PGRES_COPY_IN && PQputCopyEnd(conn, "abandoned") != 1)
			return false;
	}
	return false;
}

bool pg_session_drain(struct pg_session *s, int timeout_ms)
{
	int64_t deadline = clock_monotonic_us() + (int64_t)timeout_ms * 1000;

	while (PQstatus(s->conn) == CONNECTION_OK) {
		struct pollfd p = { .fd = PQsocket(s->conn), .events = POLLIN };

		if (drop_results(s->conn))
			return true;
		if (clock_monotonic_us() >= deadline)
			return false;
		if (PQflush(s->conn) > 0)
			p.events |= POLLOUT;
		if (poll(&p, 1, WAIT_TICK_MS) > 0 && !PQconsumeInput(s->conn))
			return false;
	}
	return false;
}

void pg_session_interrupt(struct pg_session *s)
{
	s->copy = PG_COPY_NONE;
	if (!send_cancel(s) || !pg_session_drain(s, DRAIN_TIMEOUT_MS))
		s->broken = true;
}

/* --- statements --- */

bool pg_exec(struct pg_session *s, const char *sql, struct err *e)
{
	if (!pg_session_begin(s, e))
		return false;
	if (!PQsendQuery(s->conn, sql))
		return pg_session_lost(s, e);
	return pg_session_flush(s, e) && pg_session_finish(s, NULL, e);
}

bool pg_execf(struct pg_session *s, struct err *e, const char *fmt, ...)
{
	va_list ap, again;
	char *sql;
	bool ok;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	sql = xmalloc((size_t)n + 1);
	vsnprintf(sql, (size_t)n + 1, fmt, again);
	va_end(again);
	ok = pg_exec(s, sql, e);
	free(sql);
	return ok;
}

bool pg_query(
        PGresult **out, struct pg_session *s, const char *sql, int nparams, const char *const *params, struct err *e)
{
	PGresult *r = NULL;

	if (!pg_session_begin(s, e))
		return false;
	if (!PQsendQueryParams(s->conn, sql, nparams, NULL, params, NULL, NULL, 0))
		return pg_session_lost(s, e);
	if (!pg_session_flush(s, e) || !pg_session_result(&r, s, e))
		return false;
	if (!r)
		return pg_session_lost(s, e);
	if (is_error(r))
		return pg_session_finish(s, r, e);
	if (!pg_session_finish(s, NULL, e)) {
		PQclear(r);
		return false;
	}
	*out = r;
	return true;
}

bool pg_query_value(
        char **out, struct pg_session *s, const char *sql, int nparams, const char *const *params, struct err *e)
{
	PGresult *r = NULL;
	bool ok = false;

	if (!pg_query(&r, s, sql, nparams, params, e))
		return false;
	if (PQntuples(r) == 0)
		err_set(e, ERR_NOT_FOUND, "%s answered with no row", s->where);
	else if (PQntuples(r) > 1 || PQnfields(r) != 1)
		err_set(e, ERR_FAILED, "%s answered with %d rows of %d columns where one value is wanted", s->where,
		        PQntuples(r), PQnfields(r));
	else
		ok = true;
	if (ok)
		*out = PQgetisnull(r, 0, 0) ? NULL : xstrdup(PQgetvalue(r, 0, 0));
	PQclear(r);
	return ok;
}

/* --- small things --- */

void pg_session_close(struct pg_session *s)
{
	if (!s)
		return;
	PQfinish(s->conn);
	free(s->where);
	free(s);
}

PGconn *pg_session_conn(struct pg_session *s)
{
	return s->conn;
}

int pg_session_version(const struct pg_session *s)
{
	return PQserverVersion(s->conn);
}

int pg_session_pid(const struct pg_session *s)
{
	return PQbackendPID(s->conn);
}

const char *pg_session_encoding(const struct pg_session *s)
{
	const char *encoding = PQparameterStatus(s->conn, "server_encoding");

	return encoding ? encoding : "";
}

const char *pg_session_sqlstate(const struct pg_session *s)
{
	return s->sqlstate;
}

/* text with each byte of special doubled, between open and close. */
static char *quote(struct arena *a, const char *text, const char *special, const char *open, char close)
{
	size_t n = strlen(open);
	char *out = arena_alloc(a, n + 2 * strlen(text) + 2), *p = out + n;

	memcpy(out, open, n);
	for (; *text; text++) {
		if (strchr(special, *text))
			*p++ = *text;
		*p++ = *text;
	}
	*p++ = close;
	*p = '\0';
	return out;
}

char *pg_quote_ident(struct arena *a, const char *name)
{
	return quote(a, name, "\"", "\"", '"');
}

char *pg_quote_literal(struct arena *a, const char *text)
{
	if (strchr(text, '\\'))
		return quote(a, text, "'\\", "E'", '\'');
	return quote(a, text, "'", "'", '\'');
}
