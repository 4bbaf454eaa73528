/* src/pg/session_error.c - see session_priv.h */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "src/base/utf8.h"
#include "src/pg/session_priv.h"

#define MESSAGE_SIZE 320
#define DETAIL_MAX   160

/* text on one line: every run of white space is one blank. */
static const char *fold(char out[MESSAGE_SIZE], const char *text)
{
	size_t n = 0;

	for (; *text && n < MESSAGE_SIZE; text++) {
		bool blank = isspace((unsigned char)*text);

		if (!blank)
			out[n++] = *text;
		else if (n && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	n = utf8_fit(out, n, MESSAGE_SIZE - 1);
	while (n && (out[n - 1] == ' ' || out[n - 1] == '.'))
		n--;
	out[n] = '\0';
	return out;
}

static enum err_kind kind_of(const char *sqlstate)
{
	static const char *const transient[] = { "57P01", "57P02", "57P03", "53300", "40001" };

	if (!strcmp(sqlstate, "55P03") || !strcmp(sqlstate, "40P01"))
		return ERR_CONFLICT;
	if (!strncmp(sqlstate, "08", 2))
		return ERR_TRANSIENT;
	for (size_t i = 0; i < sizeof(transient) / sizeof(*transient); i++)
		if (!strcmp(sqlstate, transient[i]))
			return ERR_TRANSIENT;
	return ERR_FAILED;
}

static void set_sqlstate(struct pg_session *s, const char *sqlstate)
{
	snprintf(s->sqlstate, sizeof(s->sqlstate), "%s", sqlstate);
}

static bool gone(struct pg_session *s, struct err *e)
{
	s->broken = true;
	set_sqlstate(s, "08006");
	err_set(e, ERR_TRANSIENT, "%s: the server closed the connection", s->where);
	return err_hint(e, "see the server's log; run the command again once the server answers");
}

static bool on_standby(const PGconn *conn)
{
	const char *standby = PQparameterStatus(conn, "in_hot_standby"); /* from PostgreSQL 14 on */

	return standby && !strcmp(standby, "on");
}

static void hint_of(struct err *e, const PGresult *r, const char *sqlstate, const PGconn *conn)
{
	const char *hint = PQresultErrorField(r, PG_DIAG_MESSAGE_HINT);
	char text[MESSAGE_SIZE];

	if (!strcmp(sqlstate, "40001") && on_standby(conn)) /* the server's own hint is to try again */
		err_hint(e, "%s", PG_STANDBY_HINT);
	else if (hint)
		err_hint(e, "%s", fold(text, hint));
	else if (!strcmp(sqlstate, "42501"))
		err_hint(e, "connect as a role that may do this; to read everything: GRANT pg_read_all_data TO <role>");
	else if (!strcmp(sqlstate, "53100"))
		err_hint(e, "the disk of the database server is full");
}

bool pg_session_fail(struct pg_session *s, const PGresult *r, struct err *e)
{
	const char *sqlstate = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL);
	char message[MESSAGE_SIZE], more[MESSAGE_SIZE];

	if (!sqlstate || !primary) {
		if (PQstatus(s->conn) == CONNECTION_BAD)
			return gone(s, e);
		if (PQresultStatus(r) == PGRES_COPY_IN || PQresultStatus(r) == PGRES_COPY_OUT) {
			pg_session_interrupt(s);
			return err_set(e, ERR_FAILED, "%s started a COPY where none is wanted", s->where);
		}
		return err_set(e, ERR_FAILED, "%s: %s", s->where, fold(message, PQerrorMessage(s->conn)));
	}
	set_sqlstate(s, sqlstate);
	if (PQstatus(s->conn) == CONNECTION_BAD)
		s->broken = true;
	fold(message, primary);
	if (detail && strlen(detail) <= DETAIL_MAX)
		err_set(e, kind_of(sqlstate), "%s (%s)", message, fold(more, detail));
	else
		err_set(e, kind_of(sqlstate), "%s", message);
	hint_of(e, r, sqlstate, s->conn);
	return false;
}

bool pg_session_lost(struct pg_session *s, struct err *e)
{
	enum pg_copy_state copy = s->copy;
	PGresult *r;

	if (PQstatus(s->conn) == CONNECTION_OK && PQsocket(s->conn) >= 0) {
		char message[MESSAGE_SIZE];

		s->broken = true; /* libpq gave up for a reason of its own: too little memory, a protocol error */
		return err_set(e, ERR_FAILED, "%s: %s", s->where, fold(message, PQerrorMessage(s->conn)));
	}
	s->broken = true;
	s->copy = PG_COPY_NONE;
	if (copy == PG_COPY_IN)
		PQputCopyEnd(s->conn, NULL); /* only then libpq reads the error that may have arrived */
	while ((r = PQgetResult(s->conn))) {
		bool said = PQresultErrorField(r, PG_DIAG_SQLSTATE) != NULL;
		ExecStatusType status = PQresultStatus(r);

		if (said)
			pg_session_fail(s, r, e);
		PQclear(r);
		if (said)
			return false;
		if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT)
			break;
	}
	return gone(s, e);
}

/* --- connecting --- */

/*
 * Messages of a server that refused the connection read "FATAL:  28P01: password ..." in PQERRORS_VERBOSE, FATAL in the
 * server's language. Copies the last such state and its text; false when there is none.
 */
static bool server_message(char sqlstate[6], char out[MESSAGE_SIZE], const char *text)
{
	bool found = false;

	for (const char *p = text; (p = strstr(p, ":  ")); p++) {
		const char *code = p + 3;
		size_t n = strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		char line[MESSAGE_SIZE];

		if (n != 5 || strncmp(code + 5, ": ", 2))
			continue;
		snprintf(sqlstate, 6, "%.5s", code);
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(code + 7, "\n"), code + 7);
		fold(out, line);
		found = true;
	}
	return found;
}

static bool hint_for_state(struct pg_session *s, struct err *e, const char *sqlstate, const char *all)
{
	if (!strcmp(sqlstate, "28P01") && strstr(all, "password retrieved from file"))
		return err_hint(e, "the password came from the password file; correct it in ~/.pgpass (or PGPASSFILE)");
	if (!strcmp(sqlstate, "28P01"))
		return err_hint(
		        e, "give the password with PGPASSWORD or in ~/.pgpass, as host:port:database:user:password");
	if (!strcmp(sqlstate, "28000"))
		return err_hint(e,
		        "check the user name, the server's pg_hba.conf for this user, database and address, and whether it wants a client certificate (sslcert, sslkey)");
	if (!strcmp(sqlstate, "3D000"))
		return err_hint(
		        e, "list the databases there with: psql -h %s -p %s -l", PQhost(s->conn), PQport(s->conn));
	if (!strcmp(sqlstate, "53300"))
		return err_hint(e,
		        "the server, this role or this database has no connection left: use fewer --jobs, try again later, or raise max_connections or the CONNECTION LIMIT");
	if (!strcmp(sqlstate, "57P03"))
		return err_hint(e, "the server is starting up, shutting down or recovering; try again in a moment");
	return false;
}

bool pg_session_pooler(struct pg_session *s, struct err *e)
{
	err_set(e, ERR_REFUSED, "the server at %s:%s is a connection pooler, not PostgreSQL itself", PQhost(s->conn),
	        PQport(s->conn));
	return err_hint(e, "use the database server's own address, often found as DIRECT_URL (and on port 5432)");
}

/* The cause in libpq's report, which has a block of lines per address tried: the first line of the last one. */
static const char *last_cause(char out[MESSAGE_SIZE], const char *all)
{
	static const char mark[] = " failed: ";
	const char *cause = all;
	char line[MESSAGE_SIZE];

	for (const char *p = all; (p = strstr(p, mark)); cause = p)
		p += strlen(mark);
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(cause, "\n"), cause);
	return fold(out, line);
}

static bool contains_any(const char *text, const char *const *words)
{
	while (*words && !strstr(text, *words))
		words++;
	return *words != NULL;
}

/* What libpq itself says; its wording decides only the hint and whether a later try may do. */
static bool client_error(struct pg_session *s, const char *all, struct err *e)
{
	static const char *const away[] = { "Connection refused", "No such file", "unexpectedly", "timeout expired",
		"timed out", "unreachable", "No route", "reset by peer", NULL };
	static const char *const tls[] = { "SSL", "certificate", "sslmode", NULL };
	char message[MESSAGE_SIZE];

	if (PQconnectionNeedsPassword(s->conn)) {
		err_set(e, ERR_FAILED, "connect to %s: the server wants a password and none was given", s->where);
		return err_hint(e, "give it with PGPASSWORD or in ~/.pgpass, as host:port:database:user:password");
	}
	last_cause(message, all);
	err_set(e, contains_any(message, away) ? ERR_TRANSIENT : ERR_FAILED, "connect to %s: %s", s->where, message);
	if (e->kind == ERR_TRANSIENT)
		return err_hint(e,
		        "is the server running at host %s, port %s, and does it accept connections from here?",
		        PQhost(s->conn), PQport(s->conn));
	if (strstr(all, "could not translate host name"))
		return err_hint(e, "check the host name");
	if (contains_any(all, tls))
		return err_hint(e, "check sslmode, sslrootcert and the server's certificate");
	return err_hint(e, "check the connection string, the PG* variables and the service file");
}

bool pg_session_connect_error(struct pg_session *s, struct err *e)
{
	const char *all = PQerrorMessage(s->conn);
	char message[MESSAGE_SIZE], sqlstate[6];

	if (strstr(all, "unsupported startup parameter")) /* PgBouncer, which knows few */
		return pg_session_pooler(s, e);
	if (!server_message(sqlstate, message, all))
		return client_error(s, all, e);
	set_sqlstate(s, sqlstate);
	err_set(e, kind_of(sqlstate), "connect to %s: %s", s->where, message);
	return hint_for_state(s, e, sqlstate, all);
}
