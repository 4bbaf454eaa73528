/* src/pg/session_open.c - see session_priv.h */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/pg/session_priv.h"
#include "src/pg/startup.h"

#define CONNECT_TIMEOUT_S 15 /* when neither the connection string, the environment nor the service file says */
#define MAX_PARAMETERS    64 /* libpq knows about 45 */
#define TICK_MS           100
#define NAME_MAX_BYTES    63

/* --- connection parameters --- */

struct parameters {
	const char *keywords[MAX_PARAMETERS + 1], *values[MAX_PARAMETERS + 1];
	size_t count;
};

static void add_parameter(struct parameters *p, const char *keyword, const char *value)
{
	if (p->count == MAX_PARAMETERS)
		return;
	p->keywords[p->count] = keyword;
	p->values[p->count++] = value;
}

/*
 * A dead peer is noticed within a minute or two, not after two hours. Not by tcp_user_timeout, which would also end a
 * COPY that a lock or a checkpoint holds up.
 */
static void add_defaults(struct parameters *p, const struct conninfo *c)
{
	static const char *const defaults[][2] = {
		{ "keepalives_idle", "30" },
		{ "keepalives_interval", "10" },
		{ "keepalives_count", "6" },
	};

	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
		if (!conninfo_get(c, defaults[i][0]))
			add_parameter(p, defaults[i][0], defaults[i][1]);
}

static void build_parameters(
        struct parameters *p, const struct conninfo *c, const char *application_name, const char *options)
{
	for (size_t i = 0; c->keywords[i]; i++)
		if (strcmp(c->keywords[i], "application_name") && strcmp(c->keywords[i], "client_encoding") &&
		        strcmp(c->keywords[i], "options"))
			add_parameter(p, c->keywords[i], c->values[i]);
	add_defaults(p, c);
	add_parameter(p, "application_name", application_name);
	add_parameter(p, "options", options);
}

/* --- connecting --- */

static int connect_timeout(PGconn *conn)
{
	PQconninfoOption *options = PQconninfo(conn);
	int seconds = CONNECT_TIMEOUT_S;

	for (PQconninfoOption *o = options; o && o->keyword; o++)
		if (!strcmp(o->keyword, "connect_timeout") && o->val && *o->val)
			seconds = (int)strtol(o->val, NULL, 10);
	PQconninfoFree(options);
	return seconds;
}

static void set_where(struct pg_session *s)
{
	const char *db = PQdb(s->conn), *host = PQhost(s->conn), *port = PQport(s->conn);

	free(s->where);
	if (host && *host && db && port)
		s->where = xasprintf("\"%s\" at %s:%s", db, host, port);
	else
		s->where = xstrdup("the server"); /* the connection string failed before it had a meaning */
}

static bool wait_for_server(struct pg_session *s, PostgresPollingStatusType want, int64_t deadline, struct err *e)
{
	struct pollfd p = { .fd = PQsocket(s->conn), .events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT };

	for (;;) {
		int n = poll(&p, 1, TICK_MS);

		if (n < 0 && errno != EINTR)
			return err_sys(e, errno, "connect to %s", s->where);
		if (!cancel_check(s->cancel, e))
			return false;
		if (n > 0)
			return true;
		if (clock_monotonic_us() >= deadline) {
			set_where(s);
			err_set(e, ERR_TRANSIENT, "connect to %s: no answer in time", s->where);
			return err_hint(
			        e, "check host and port, and firewalls between; connect_timeout=60 waits longer");
		}
	}
}

static bool connect_polling(struct pg_session *s, struct err *e)
{
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;
	int seconds = connect_timeout(s->conn);
	int64_t deadline = seconds > 0 ? clock_monotonic_us() + (int64_t)seconds * 1000000 : INT64_MAX;

	while (PQstatus(s->conn) != CONNECTION_BAD && status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
		if (!wait_for_server(s, status, deadline, e))
			return false;
		status = PQconnectPoll(s->conn);
	}
	set_where(s);
	return status == PGRES_POLLING_OK || pg_session_connect_error(s, e);
}

static void swallow(void *cookie, const PGresult *r)
{
	struct pg_session *s = cookie;

	(void)r;
	s->notices++;
}

/* PostgreSQL itself cuts a longer name, and would let us into the database of the name that is left. */
static bool name_fits(const char *what, const char *name, struct err *e)
{
	if (!name || strlen(name) <= NAME_MAX_BYTES)
		return true;
	err_set(e, ERR_USAGE, "the %s name \"%s\" is longer than %d bytes", what, name, NAME_MAX_BYTES);
	return err_hint(e, "PostgreSQL cuts names there: give it as the server shows it");
}

/* With several hosts only libpq itself can go on to the next one when one does not answer, so that case blocks. */
static bool connect_any(struct pg_session *s, const struct parameters *p, bool several, struct err *e)
{
	s->conn = several ? PQconnectdbParams(p->keywords, p->values, 0)
	                  : PQconnectStartParams(p->keywords, p->values, 0);
	if (!s->conn)
		return err_set(e, ERR_FAILED, "out of memory");
	set_where(s);
	if (!name_fits("database", PQdb(s->conn), e) || !name_fits("user", PQuser(s->conn), e))
		return false;
	PQsetNoticeReceiver(s->conn, swallow, s);
	PQsetErrorVerbosity(s->conn, PQERRORS_VERBOSE); /* for the SQLSTATE: see server_message() */
	if (several)
		return PQstatus(s->conn) == CONNECTION_OK || pg_session_connect_error(s, e);
	return connect_polling(s, e);
}

static bool connect_server(
        struct pg_session *s, const struct conninfo *c, const char *role, int known_version, struct err *e)
{
	struct parameters p = { .count = 0 };
	struct arena a = ARENA_INIT;
	const char *host = conninfo_get(c, "host"), *hostaddr = conninfo_get(c, "hostaddr");
	bool several = (host && strchr(host, ',')) || (hostaddr && strchr(hostaddr, ',')), ok;
	char name[64]; /* PostgreSQL cuts it there */

	snprintf(name, sizeof(name), "drtool%s%s", role ? " " : "", role ? role : "");
	build_parameters(&p, c, name, startup_options(c, known_version, &a));
	if (several && !conninfo_get(c, "connect_timeout") && !getenv("PGCONNECT_TIMEOUT"))
		add_parameter(&p, "connect_timeout", "15");
	ok = connect_any(s, &p, several, e);
	arena_release(&a);
	return ok;
}

/* --- settings --- */

enum { PLAIN = 1, DUMP = 2, LOAD = 4, ALL = 7, DATA = 6 };

struct setting {
	const char *name, *value;
	unsigned kinds;
	int since; /* server version */
};

/*
 * Databases and roles carry settings of their own (ALTER DATABASE ... SET): whatever changes what a statement of ours
 * means or how a value prints is set here. Parallel plans and disabled scans would change the order in which COPY reads
 * a table.
 */
static const struct setting SETTINGS[] = {
	{ "search_path", "", ALL, 0 },
	{ "statement_timeout", "0", ALL, 0 },
	{ "lock_timeout", "0", ALL, 0 },
	{ "idle_in_transaction_session_timeout", "0", ALL, 90600 },
	{ "idle_session_timeout", "0", ALL, 140000 },
	{ "transaction_timeout", "0", ALL, 170000 },
	{ "client_min_messages", "error", ALL, 0 }, /* nobody reads them; copy_in_heard() relies on few notices */
	{ "standard_conforming_strings", "on", ALL, 0 },
	{ "bytea_output", "hex", ALL, 0 },
	{ "default_transaction_isolation", "read committed", ALL, 0 },
	{ "default_transaction_deferrable", "off", ALL, 90100 },
	{ "default_transaction_read_only", "off", ALL, 0 },
	{ "quote_all_identifiers", "off", ALL, 90100 },
	{ "jit", "off", ALL, 110000 },
	{ "DateStyle", "ISO", DATA, 0 },
	{ "IntervalStyle", "postgres", DATA, 0 },
	{ "extra_float_digits", "3", DATA, 0 },
	{ "row_security", "off", DATA, 90500 },
	{ "synchronize_seqscans", "off", DATA, 0 },
	{ "TimeZone", "UTC", DATA, 0 },
	{ "lc_monetary", "C", DATA, 0 },
	{ "xmloption", "content", DATA, 0 },
	{ "check_function_bodies", "off", DATA, 0 },
	{ "max_parallel_workers_per_gather", "0", DUMP, 90600 },
	{ "enable_seqscan", "on", DUMP, 0 },
	{ "enable_tidscan", "on", DUMP, 0 },
	{ "array_nulls", "on", LOAD, 0 },
	{ "synchronous_commit", "off", LOAD, 0 },
};

static unsigned kind_bit(enum pg_session_kind kind)
{
	return kind == PG_SESSION_PLAIN ? PLAIN : kind == PG_SESSION_DUMP ? DUMP : LOAD;
}

/*
 * One round trip. A pooler invents the process id it reports when connecting; behind one, the condition is false, no
 * row comes back and nothing was set in a server session that belongs to somebody else a moment later. MULE_INTERNAL is
 * the one server encoding that cannot be converted to UTF8.
 */
static void settings_sql(struct buf *sql, const struct pg_session *s, unsigned bit)
{
	/* SQL_ASCII holds any bytes, names too: asking for UTF8 there would make the server check what it sends. */
	buf_add(sql,
	        "SELECT pg_catalog.set_config('client_encoding', CASE WHEN pg_catalog.current_setting('server_encoding') "
	        "IN ('MULE_INTERNAL', 'SQL_ASCII') THEN pg_catalog.current_setting('server_encoding') ELSE 'UTF8' END, "
	        "false)");
	for (size_t i = 0; i < sizeof(SETTINGS) / sizeof(*SETTINGS); i++)
		if ((SETTINGS[i].kinds & bit) && pg_session_version(s) >= SETTINGS[i].since)
			buf_addf(
			        sql, ", pg_catalog.set_config('%s', '%s', false)", SETTINGS[i].name, SETTINGS[i].value);
	buf_addf(sql, " WHERE pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) %d", PQbackendPID(s->conn));
}

static bool apply_settings(struct pg_session *s, unsigned bit, struct err *e)
{
	struct buf sql = BUF_INIT;
	PGresult *r = NULL;
	bool ok = false;

	settings_sql(&sql, s, bit);
	if (!pg_query(&r, s, buf_str(&sql), 0, NULL, e))
		goto done;
	ok = PQntuples(r) == 1 || pg_session_pooler(s, e);
done:
	PQclear(r);
	buf_release(&sql);
	return ok;
}

/* On failure *version is the server's, or 0 when it never let us in. */
static bool open_once(struct pg_session **out, int *version, const struct conninfo *c, enum pg_session_kind kind,
        const char *role, const struct cancel *cancel, struct err *e)
{
	struct pg_session *s = xcalloc(1, sizeof(*s));
	int known = *version;

	s->cancel = cancel;
	*version = 0;
	if (!connect_server(s, c, role, known, e))
		goto fail;
	*version = pg_session_version(s);
	PQsetErrorVerbosity(s->conn, PQERRORS_DEFAULT);
	if (PQsetnonblocking(s->conn, 1)) {
		pg_session_connect_error(s, e);
		goto fail;
	}
	if (!apply_settings(s, kind_bit(kind), e))
		goto fail;
	*out = s;
	return true;
fail:
	if (!s->broken)
		*version = 0;
	pg_session_close(s);
	return false;
}

/*
 * A tiny idle_session_timeout or transaction_timeout ends the session before its first statement is done; only servers
 * that have these may be told to leave them, and which it is, is known once connected.
 */
bool pg_session_open(struct pg_session **out, const struct conninfo *c, enum pg_session_kind kind, const char *role,
        const struct cancel *cancel, struct err *e)
{
	struct err first = ERR_INIT;
	int version = 0;

	if (!cancel_check(cancel, e))
		return false;
	if (open_once(out, &version, c, kind, role, cancel, &first) ||
	        (version && open_once(out, &version, c, kind, role, cancel, &first)))
		return true;
	*e = first;
	return false;
}
