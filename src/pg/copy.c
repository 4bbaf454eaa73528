/* src/pg/copy.c - see session.h */
#include <assert.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "src/pg/session_priv.h"

#define CHECK_ROWS       1024 /* rows between two looks at the cancel while data keeps coming */
#define GATHER_FROM_ROWS 1024
#define GATHER_LITTLE    (64u << 10) /* a Unix socket holds about 130 KiB of such writes */
#define GATHER_MUCH      (104u << 10)
#define GATHER_STEP_NS   100000
#define GATHER_MOST_NS   1000000
#define PIECE_BYTES      (64u << 10) /* see copy_in_flush() */
#define LIBPQ_SENDS      (8u << 10)  /* libpq sends by itself when it has this much */
#define SUSPECT_MS       200         /* time for the rest of a notice that arrived in part */
#define ABANDON_MS       2000

/* Run sql up to the result that starts the COPY; what comes instead is the error. */
static bool copy_start(struct pg_session *s, const char *sql, ExecStatusType want, struct err *e)
{
	PGresult *r = NULL;

	if (!pg_session_begin(s, e))
		return false;
	if (!PQsendQuery(s->conn, sql))
		return pg_session_lost(s, e);
	if (!pg_session_flush(s, e))
		return false;
	while (pg_session_result(&r, s, e)) {
		ExecStatusType status = PQresultStatus(r);

		if (!r)
			return err_set(e, ERR_FAILED, "%s started no COPY", s->where);
		if (status == want) {
			PQclear(r);
			s->rows = 0;
			s->gathered = 0;
			s->pause_ns = 0;
			s->unflushed = 0;
			s->copy = want == PGRES_COPY_OUT ? PG_COPY_OUT : PG_COPY_IN;
			return true;
		}
		if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
			return pg_session_finish(s, r, e);
		PQclear(r);
	}
	return false;
}

/*
 * libpq reads from the socket into a buffer of 16 KiB that only grows for a message that does not fit, and then stays:
 * one long value makes every later read a large one. Without it, nothing much can gather.
 */
static bool widen(struct pg_session *s, struct err *e)
{
	char *value = NULL;

	if (!s->wide && !pg_query_value(&value, s, "SELECT pg_catalog.repeat('x', 200000)", 0, NULL, e))
		return false;
	free(value);
	s->wide = true;
	return true;
}

bool pg_copy_out_start(struct pg_session *s, const char *sql, struct err *e)
{
	return widen(s, e) && copy_start(s, sql, PGRES_COPY_OUT, e);
}

static int copy_out_stopped(struct pg_session *s, struct err *e)
{
	pg_session_interrupt(s);
	cancel_check(s->cancel, e);
	return -1;
}

/*
 * The server writes 8 KiB at a time. In a long COPY, waking up for each of them costs more than the rows inside: let
 * them gather in the socket, for as long as it takes to fill a good part of its buffer and no longer, or the server
 * would wait for us.
 */
static void gather(struct pg_session *s)
{
	const struct timespec pause = { .tv_nsec = s->pause_ns };

	if (s->gathered < GATHER_LITTLE && s->pause_ns < GATHER_MOST_NS)
		s->pause_ns += GATHER_STEP_NS;
	else if (s->gathered > GATHER_MUCH && s->pause_ns > 0)
		s->pause_ns -= GATHER_STEP_NS;
	s->gathered = 0;
	if (pause.tv_nsec > 0)
		nanosleep(&pause, NULL);
}

/*
 * PQgetCopyData() reads nothing from the socket itself when asked not to block. While it finds rows in libpq's buffer
 * there is no system call; when it finds none, one read of what has gathered; and only when that brought no whole row
 * either, a wait.
 */
int pg_copy_out_next(struct pg_session *s, char **row, size_t *len, struct err *e)
{
	bool dry = false;

	assert(s->copy == PG_COPY_OUT);
	for (;;) {
		int n = PQgetCopyData(s->conn, row, 1);

		if (n > 0) {
			*len = (size_t)n;
			s->gathered += *len;
			if (++s->rows % CHECK_ROWS || !cancel_tripped(s->cancel))
				return 1;
			PQfreemem(*row);
			return copy_out_stopped(s, e);
		}
		if (n < 0) {
			s->copy = PG_COPY_NONE;
			return pg_session_finish(s, NULL, e) ? 0 : -1;
		}
		if (dry && !pg_session_wait(s, POLLIN, NULL, e))
			return -1;
		if (!dry && s->rows >= GATHER_FROM_ROWS)
			gather(s);
		dry = true;
		if (!PQconsumeInput(s->conn)) {
			pg_session_lost(s, e);
			return -1;
		}
	}
}

void pg_copy_out_abort(struct pg_session *s)
{
	if (s->copy == PG_COPY_OUT)
		pg_session_interrupt(s);
}

static bool readable(PGconn *conn, int timeout_ms)
{
	struct pollfd p = { .fd = PQsocket(conn), .events = POLLIN };

	return p.fd < 0 || poll(&p, 1, timeout_ms) > 0;
}

/* Bytes that ever came in over TCP, whoever read them; 0 for a Unix socket. */
static uint64_t received(PGconn *conn)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(PQsocket(conn), IPPROTO_TCP, TCP_INFO, &info, &len) ? 0 : info.tcpi_bytes_received;
}

/* End the COPY from our side and take its results; abandon is the reason given to the server, NULL for a good end. */
static bool copy_in_finish(struct pg_session *s, const char *abandon, struct err *e)
{
	int sent;

	while ((sent = PQputCopyEnd(s->conn, abandon)) == 0)
		if (!pg_session_flush(s, e))
			return false;
	if (sent < 0)
		return pg_session_lost(s, e);
	s->copy = PG_COPY_NONE;
	return pg_session_flush(s, e) && pg_session_finish(s, NULL, e);
}

static bool was_notice(struct pg_session *s)
{
	bool more = s->notices != s->notices_known;

	s->notices_known = s->notices;
	s->received = received(s->conn);
	return more;
}

/*
 * The server says something in the middle of our data. libpq keeps an error unread until the COPY is ended, and sending
 * on would push the rest of a table into nowhere. It hands notices over at once, so what is no notice is an error (the
 * server sends parameter changes only between statements).
 */
static bool copy_in_heard(struct pg_session *s, struct err *e)
{
	do {
		if (!PQconsumeInput(s->conn))
			return pg_session_lost(s, e);
		PQisBusy(s->conn); /* parses */
		if (was_notice(s))
			return true;
	} while (readable(s->conn, SUSPECT_MS));
	if (copy_in_finish(s, "the server reported something", e))
		return err_set(e, ERR_FAILED, "%s ended the COPY early", s->where);
	return false;
}

/*
 * Empty libpq's buffer, then wait for room in the socket's. libpq reads by itself when the socket does not take all it
 * has to send, and what came in then shows neither in poll() nor in libpq; so it is given no more than a Unix socket
 * that polls as writable takes (half its buffer, 104 KiB by default), and for TCP the kernel's count of bytes tells.
 */
static bool copy_in_flush(struct pg_session *s, struct err *e)
{
	s->unflushed = 0;
	for (;;) {
		short got = 0;
		int left;

		if (!pg_session_wait(s, POLLIN | POLLOUT, &got, e))
			return false;
		if (((got & ~POLLOUT) || received(s->conn) != s->received) && !copy_in_heard(s, e))
			return false;
		if (!(got & POLLOUT))
			continue;
		left = PQflush(s->conn);
		if (left < 0)
			return pg_session_lost(s, e);
		if (left == 0)
			return true;
	}
}

bool pg_copy_in_start(struct pg_session *s, const char *sql, struct err *e)
{
	if (!copy_start(s, sql, PGRES_COPY_IN, e))
		return false;
	was_notice(s);
	return true;
}

bool pg_copy_in_put(struct pg_session *s, struct view data, struct err *e)
{
	assert(s->copy == PG_COPY_IN);
	while (data.len) {
		size_t n = data.len < PIECE_BYTES ? data.len : PIECE_BYTES;
		int sent;

		if (s->unflushed + n >= LIBPQ_SENDS && !copy_in_flush(s, e))
			return false;
		sent = PQputCopyData(s->conn, (const char *)data.data, (int)n);
		if (sent < 0)
			return pg_session_lost(s, e);
		s->unflushed += n;
		if (sent > 0)
			data = (struct view){ data.data + n, data.len - n };
	}
	return true;
}

bool pg_copy_in_end(struct pg_session *s, uint64_t *rows, struct err *e)
{
	PGresult *r = NULL;
	int sent;

	assert(s->copy == PG_COPY_IN);
	if (!copy_in_flush(s, e))
		return false;
	while ((sent = PQputCopyEnd(s->conn, NULL)) == 0)
		if (!copy_in_flush(s, e))
			return false;
	if (sent < 0)
		return pg_session_lost(s, e);
	s->copy = PG_COPY_NONE;
	if (!pg_session_flush(s, e) || !pg_session_result(&r, s, e))
		return false;
	if (!r)
		return pg_session_lost(s, e);
	if (PQresultStatus(r) == PGRES_COMMAND_OK && rows)
		*rows = strtoull(PQcmdTuples(r), NULL, 10);
	return pg_session_finish(s, r, e);
}

void pg_copy_in_abort(struct pg_session *s)
{
	if (s->copy != PG_COPY_IN)
		return;
	s->copy = PG_COPY_NONE;
	if (PQputCopyEnd(s->conn, "abandoned") < 0 || !pg_session_drain(s, ABANDON_MS))
		pg_session_interrupt(s);
}
