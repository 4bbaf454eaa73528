/* restore/swap.c - see swap.h */
#include "restore/swap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"

#define TRIES          2 /* a rename waits 5 s for sessions to end; logins wait as long */
#define SWEEP_PAUSE_MS 20
#define END_TRIES      200
#define END_PAUSE_MS   50

/*
 * A comment takes the lock that everybody takes who works on a database itself (a grant, a setting, a copy of it);
 * waiting for it holds no login back. Whoever waits for the rename's own does.
 */
#define COMMENT_TIMEOUT "10s"
#define RENAME_TIMEOUT  "2s"

/* --- ending the old sessions --- */

struct sweeper {
	struct pg_session *session;
	const char *params[2]; /* OIDs of both databases */
	const struct cancel *cancel;
	atomic_bool stop;
	pthread_t thread;
	bool running;
};

/*
 * By OID: a name would soon mean the other database. A session we may not end would be an error for all of them, so it
 * is left out; the rename then says who is still there. Without a user there are only autovacuum workers, which a
 * rename ends by itself.
 */
#define END_SESSIONS                                                                                               \
	"SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a"                         \
	" LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid WHERE a.datid IN ($1::oid, $2::oid)"               \
	" AND a.usesysid IS NOT NULL AND ((SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)" \
	" OR (NOT COALESCE(r.rolsuper, true) AND (pg_catalog.pg_has_role(a.usesysid, 'USAGE')"                     \
	" OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE'))))"

static void *sweep(void *arg)
{
	struct sweeper *w = arg;
	struct err ignored = ERR_INIT; /* the rename says what it could not do */

	while (!atomic_load(&w->stop)) {
		PGresult *r = NULL;

		if (!pg_query(&r, w->session, END_SESSIONS, 2, w->params, &ignored))
			break;
		PQclear(r);
		if (!cancel_sleep(w->cancel, SWEEP_PAUSE_MS, &ignored))
			break;
	}
	return NULL;
}

static bool sweeper_start(struct sweeper *w, struct err *e)
{
	int code;

	atomic_store(&w->stop, false);
	code = pthread_create(&w->thread, NULL, sweep, w);
	if (code)
		return err_sys(e, code, "start a thread");
	w->running = true;
	return true;
}

/* Returns once no statement of it runs any more. */
static void sweeper_stop(struct sweeper *w)
{
	if (!w->running)
		return;
	atomic_store(&w->stop, true);
	pthread_join(w->thread, NULL);
	w->running = false;
}

/* --- the transaction --- */

struct attempt {
	const struct swap *swap;
	struct pg_session *session;
	struct sweeper sweeper;
	const struct cancel *cancel;
	char replacement_oid[16], live_oid[16];
	bool committing;
	struct arena arena;
};

static bool open_session(struct pg_session **out, const struct swap *w, const struct cancel *cancel, struct err *e)
{
	struct conninfo *c = conninfo_copy(w->server);
	bool ok;

	conninfo_set(c, "dbname", w->maintenance_db);
	ok = pg_session_open(out, c, PG_SESSION_PLAIN, "swap", cancel, e);
	conninfo_free(c);
	return ok;
}

/* OID of a database by name as text; "" when there is none. */
static bool oid_of(char out[16], struct pg_session *s, const char *name, struct err *e)
{
	char *oid = NULL;

	if (!pg_query_value(&oid, s,
	            "SELECT COALESCE((SELECT oid::text FROM pg_catalog.pg_database WHERE datname = $1), '')", 1, &name,
	            e))
		return false;
	snprintf(out, 16, "%s", oid);
	free(oid);
	return true;
}

static bool begin(struct attempt *t, struct err *e)
{
	const struct swap *w = t->swap;
	struct err ignored = ERR_INIT;

	if (!pg_exec(t->session, "SET lock_timeout = '" COMMENT_TIMEOUT "'", e))
		return false;
	/* A server that loses us lets go soon, and not only when it next reads from the socket. */
	if (pg_session_version(t->session) >= 140000)
		pg_exec(t->session, "SET client_connection_check_interval = '500ms'", &ignored);
	if (!pg_exec(t->session, "BEGIN READ WRITE", e) || !oid_of(t->live_oid, t->session, w->live, e) ||
	        !oid_of(t->replacement_oid, t->session, w->replacement, e))
		return false;
	if (strtoul(t->live_oid, NULL, 10) != w->live_oid || !*t->replacement_oid) {
		err_set(e, ERR_CONFLICT, "database \"%s\" is not the one any more that was looked at",
		        *t->replacement_oid ? w->live : w->replacement);
		return err_hint(
		        e, "somebody else works on it: look at the databases with \"drtool drop-old\" and start over");
	}
	return true;
}

static bool comment(struct attempt *t, const char *name, const char *text, struct err *e)
{
	return pg_execf(t->session, e, "COMMENT ON DATABASE %s IS %s", pg_quote_ident(&t->arena, name),
	        text ? pg_quote_literal(&t->arena, text) : "NULL");
}

static bool open_up(struct attempt *t, const char *name, struct err *e)
{
	return pg_execf(t->session, e, "ALTER DATABASE %s ALLOW_CONNECTIONS true", pg_quote_ident(&t->arena, name));
}

static bool rename_to(struct attempt *t, const char *from, const char *to, struct err *e)
{
	return pg_execf(t->session, e, "ALTER DATABASE %s RENAME TO %s", pg_quote_ident(&t->arena, from),
	               pg_quote_ident(&t->arena, to)) ||
	       err_wrap(e, "rename database \"%s\"", from);
}

static bool rename_both(struct attempt *t, struct err *e)
{
	const struct swap *w = t->swap;
	bool ok;

	t->sweeper.params[0] = t->live_oid;
	t->sweeper.params[1] = t->replacement_oid;
	t->sweeper.cancel = t->cancel;
	ok = pg_exec(t->session, "SET LOCAL lock_timeout = '" RENAME_TIMEOUT "'", e) && sweeper_start(&t->sweeper, e) &&
	     rename_to(t, w->live, w->kept, e) && rename_to(t, w->replacement, w->live, e);
	/* From here on, whoever logs in is a guest of the new one. */
	sweeper_stop(&t->sweeper);
	return ok;
}

static void who_stays(struct attempt *t, struct err *e)
{
	struct err ignored = ERR_INIT;
	const char *params[2] = { t->live_oid, t->replacement_oid };
	PGresult *r = NULL;

	if (pg_query(&r, t->sweeper.session,
	            "SELECT pid, COALESCE(usename, '?'), COALESCE(NULLIF(application_name, ''), '?')"
	            " FROM pg_catalog.pg_stat_activity WHERE datid IN ($1::oid, $2::oid) AND usesysid IS NOT NULL LIMIT 1",
	            2, params, &ignored) &&
	        PQntuples(r) == 1)
		err_hint(e,
		        "server process %s of user \"%s\" (%s) is still there: end it, and run the same command again",
		        PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1), PQgetvalue(r, 0, 2));
	else
		err_hint(e, "stop what connects to it, and run the same command again");
	PQclear(r);
}

static void explain(struct attempt *t, struct err *e)
{
	const char *state = pg_session_sqlstate(t->session);

	if (strcmp(state, "55006") == 0) {
		e->kind = ERR_CONFLICT;
		who_stays(t, e);
	} else if (strcmp(state, "42501") == 0) {
		e->kind = ERR_REFUSED;
		err_hint(e, "the swap needs the database's owner with CREATEDB, or a superuser");
	} else if (strcmp(state, "55P03") == 0) {
		err_hint(e,
		        "somebody changes or copies one of the two databases; run the same command again when that is done");
	}
}

/* One try; the transaction is over afterwards, whatever came of it. */
static bool attempt(struct attempt *t, int64_t *window_us, struct err *e)
{
	const struct swap *w = t->swap;
	struct err ignored = ERR_INIT;
	int64_t start = 0;
	bool ok = begin(t, e) && comment(t, w->live, w->kept_comment, e) &&
	          comment(t, w->replacement, w->replacement_comment, e) &&
	          (!w->replacement_closed || open_up(t, w->replacement, e));

	if (ok) {
		start = clock_monotonic_us();
		ok = rename_both(t, e);
	}
	if (!ok) {
		explain(t, e);
		pg_exec(t->session, "ROLLBACK", &ignored);
		return false;
	}
	t->committing = true;
	ok = pg_exec(t->session, "COMMIT", e);
	*window_us = clock_monotonic_us() - start;
	return ok;
}

/* The server process that was committing has come to an end. */
static bool wait_for_end(struct pg_session *s, int pid, struct err *e)
{
	for (unsigned i = 0; i < END_TRIES; i++) {
		char text[16], *there = NULL;
		const char *params[1] = { text };
		bool gone;

		snprintf(text, sizeof(text), "%d", pid);
		if (!pg_query_value(&there, s,
		            "SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE pid = $1::int)", 1, params,
		            e))
			return false;
		gone = strcmp(there, "f") == 0;
		free(there);
		if (gone)
			return true;
		if (!cancel_sleep(NULL, END_PAUSE_MS, e))
			return false;
	}
	return err_set(e, ERR_TRANSIENT, "server process %d is still committing", pid);
}

/* A lost connection, or a signal while committing: the catalogue knows. True when the swap happened. */
static bool happened(struct attempt *t, struct err *e)
{
	struct pg_session *s = NULL;
	struct err why = ERR_INIT;
	int pid = pg_session_pid(t->session);
	char now[16] = "";
	bool known;

	pg_session_close(t->session); /* what was not committed by then is rolled back by the server */
	t->session = NULL;
	known = open_session(&s, t->swap, NULL, &why) && wait_for_end(s, pid, &why) &&
	        oid_of(now, s, t->swap->live, &why);
	pg_session_close(s);
	if (known)
		return strcmp(now, t->replacement_oid) == 0;
	e->kind = ERR_TRANSIENT;
	err_wrap(e, "whether the databases were swapped could not be learned");
	err_hint(e, "the swap is one transaction, so one of them answers; \"drtool drop-old\" shows which is which");
	return false;
}

bool swap_databases(struct swap_result *out, const struct swap *w, const struct cancel *cancel, struct err *e)
{
	struct attempt t = { .swap = w, .cancel = cancel };
	struct err why = ERR_INIT;
	bool ok = open_session(&t.sweeper.session, w, cancel, &why) && open_session(&t.session, w, cancel, &why);

	for (unsigned tries = 0; ok; tries++) {
		why = (struct err)ERR_INIT;
		ok = attempt(&t, &out->window_us, &why);
		if (ok)
			break;
		if (t.committing)
			ok = happened(&t, &why);
		if (t.committing || why.kind != ERR_CONFLICT || tries + 1 == TRIES)
			break;
		ok = true;
	}
	if (!ok)
		*e = why;
	pg_session_close(t.session);
	pg_session_close(t.sweeper.session);
	arena_release(&t.arena);
	return ok || err_wrap(e, "swap database \"%s\"", w->live);
}
