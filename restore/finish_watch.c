/* restore/finish_watch.c - see finish_internal.h */
#include <pthread.h>
#include <stdlib.h>

#include "restore/finish_internal.h"
#include "restore/live.h"
#include "src/base/clock.h"

#define LOCK_CLASS      "1685222502" /* first key of the advisory lock: "drtf" */
#define TICK_MS         500
#define WORTH_SAYING_US 2000000
#define YIELD_AFTER_S   10

struct finish_watch {
	struct pg_session *session; /* of the thread, once that runs */
	struct observer *obs;
	int64_t yield_after_us;
	struct cancel cancel; /* ends the thread */
	pthread_t thread;
	bool running;
	pthread_mutex_t mutex; /* guards what follows */
	int pid;               /* of the statement that runs; 0: none */
	char object[256];
	int64_t since_us;
	bool yielded;
	/* of the thread alone */
	int64_t statement_us, waited_since_us; /* which statement it is; since when others wait for it */
	char told[16];                         /* whom it waits for, as was said last */
};

/* --- what it sees --- */

/* "server process 17 of user "app" (psql, idle in transaction for 34 s)" */
static void describe_session(struct buf *out, const PGresult *r)
{
	buf_addf(out, "server process %s of user \"%s\" (%s, %s", PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1),
	        PQgetvalue(r, 0, 2), PQgetvalue(r, 0, 3));
	buf_addf(out, ", its transaction is %s s old)", PQgetvalue(r, 0, 4));
}

#define SESSION                                                                                      \
	"a.pid, COALESCE(a.usename, '-'), COALESCE(NULLIF(a.application_name, ''), a.backend_type)," \
	" COALESCE(a.state, '-'),"                                                                   \
	" COALESCE(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - a.xact_start)::bigint, 0)"

static bool ask(PGresult **out, struct finish_watch *w, const char *sql, int pid)
{
	struct err ignored = ERR_INIT;
	const char *params[1];
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	params[0] = text;
	return pg_query(out, w->session, sql, 1, params, &ignored);
}

/* CONCURRENTLY waits for transactions that are older: that may be long, and nothing else shows why. */
static bool say_what_it_waits_for(struct finish_watch *w, int pid, const char *object)
{
	PGresult *r = NULL;
	struct buf who = BUF_INIT;

	if (!ask(&r, w,
	            "SELECT " SESSION " FROM pg_catalog.pg_stat_activity a"
	            " WHERE a.pid = ANY (pg_catalog.pg_blocking_pids($1::int)) ORDER BY a.xact_start LIMIT 1",
	            pid))
		return false;
	if (PQntuples(r) == 1 && strcmp(w->told, PQgetvalue(r, 0, 0)) != 0) {
		snprintf(w->told, sizeof(w->told), "%s", PQgetvalue(r, 0, 0));
		describe_session(&who, r);
		observer_note(w->obs, NOTE_WARN, "%s waits for %s; it goes on when that transaction ends", object,
		        buf_str(&who));
	}
	buf_release(&who);
	PQclear(r);
	return true;
}

/* Under the mutex, so that what is stopped is this statement and not the next one. */
static bool stop(struct finish_watch *w, int pid)
{
	PGresult *r = NULL;
	bool ok = true;

	pthread_mutex_lock(&w->mutex);
	if (w->pid == pid) {
		w->yielded = true;
		ok = ask(&r, w, "SELECT pg_catalog.pg_cancel_backend($1::int)", pid);
	}
	pthread_mutex_unlock(&w->mutex);
	PQclear(r);
	return ok;
}

/* Whoever wants a lock that keeps readers or writers out makes them all wait behind it, as long as we are in the way.
 */
static bool yield(struct finish_watch *w, int pid, const char *object)
{
	int64_t now = clock_monotonic_us();
	PGresult *r = NULL;
	struct buf who = BUF_INIT;
	bool ok = ask(&r, w,
	        "SELECT " SESSION " FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)"
	        " WHERE NOT l.granted AND l.locktype = 'relation' AND a.backend_type = 'client backend'"
	        " AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"
	        " AND $1::int = ANY (pg_catalog.pg_blocking_pids(a.pid)) ORDER BY a.query_start LIMIT 1",
	        pid);

	if (!ok)
		return false;
	if (PQntuples(r) == 0)
		w->waited_since_us = 0;
	else if (!w->waited_since_us)
		w->waited_since_us = now;
	if (w->waited_since_us && now - w->waited_since_us >= w->yield_after_us) {
		describe_session(&who, r);
		observer_note(w->obs, NOTE_WARN, "%s gives way to %s, and starts over after it", object, buf_str(&who));
		w->waited_since_us = 0;
		ok = stop(w, pid);
	}
	buf_release(&who);
	PQclear(r);
	return ok;
}

static bool tick(struct finish_watch *w)
{
	char object[sizeof(w->object)];
	int64_t since;
	int pid;

	pthread_mutex_lock(&w->mutex);
	pid = w->yielded ? 0 : w->pid;
	memcpy(object, w->object, sizeof(object));
	since = w->since_us;
	pthread_mutex_unlock(&w->mutex);
	if (!pid || clock_monotonic_us() - since < WORTH_SAYING_US)
		return true;
	if (since != w->statement_us) {
		w->statement_us = since;
		w->waited_since_us = 0;
		w->told[0] = '\0';
	}
	return say_what_it_waits_for(w, pid, object) && yield(w, pid, object);
}

static void *watch_main(void *arg)
{
	struct finish_watch *w = arg;
	struct err ignored = ERR_INIT;

	while (cancel_sleep(&w->cancel, TICK_MS, &ignored)) {
		if (tick(w))
			continue;
		if (!cancel_tripped(&w->cancel))
			observer_note(w->obs, NOTE_WARN,
			        "nobody watches any more whether others wait for this: the connection for that is lost");
		break;
	}
	return NULL;
}

/* --- opening and closing --- */

static bool take_lock(struct finish_watch *w, const struct finish *f, struct err *e)
{
	char oid[16], *got = NULL;
	const char *params[1] = { oid };
	bool ok;

	snprintf(oid, sizeof(oid), "%u", f->options->oid);
	ok = pg_query_value(&got, w->session,
	        "SELECT pg_catalog.pg_try_advisory_lock(" LOCK_CLASS ", $1::oid::int8::bit(32)::int4)", 1, params, e);
	if (ok && strcmp(got, "t") != 0) {
		ok = err_set(e, ERR_CONFLICT, "database \"%s\" is being finished by another drtool", finish_name(f));
		err_hint(e, "wait for it, or stop it");
	}
	free(got);
	return ok;
}

bool finish_watch_open(struct finish_watch **out, const struct finish *f, struct err *e)
{
	struct finish_watch *w = xcalloc(1, sizeof(*w));
	struct conninfo *c = conninfo_copy(f->options->database);
	unsigned yield_s = f->options->yield_after_s;
	bool ok;

	pthread_mutex_init(&w->mutex, NULL);
	w->obs = f->obs;
	w->cancel.parent = (struct cancel *)(uintptr_t)f->cancel;
	w->yield_after_us = (int64_t)(yield_s ? yield_s : YIELD_AFTER_S) * 1000000;
	conninfo_set(c, "dbname", live_maintenance(finish_name(f)));
	ok = pg_session_open(&w->session, c, PG_SESSION_PLAIN, "watch", &w->cancel, e) && take_lock(w, f, e);
	conninfo_free(c);
	if (ok) {
		int code = pthread_create(&w->thread, NULL, watch_main, w);

		ok = code == 0 || err_sys(e, code, "start a thread");
		w->running = ok;
	}
	if (ok)
		*out = w;
	else
		finish_watch_close(w);
	return ok;
}

void finish_watch_close(struct finish_watch *w)
{
	struct err ignored = ERR_INIT;

	if (!w)
		return;
	cancel_trip(&w->cancel, -1);
	if (w->running)
		pthread_join(w->thread, NULL);
	/* Now, not when the server gets to ending the session: the next run may follow at once. */
	w->cancel = (struct cancel)CANCEL_INIT(NULL);
	if (w->session)
		pg_exec(w->session, "SELECT pg_catalog.pg_advisory_unlock_all()", &ignored);
	pg_session_close(w->session);
	pthread_mutex_destroy(&w->mutex);
	free(w);
}

void finish_watch_begin(struct finish_watch *w, int pid, const char *object)
{
	pthread_mutex_lock(&w->mutex);
	w->pid = pid;
	snprintf(w->object, sizeof(w->object), "%s", object);
	w->since_us = clock_monotonic_us();
	w->yielded = false;
	pthread_mutex_unlock(&w->mutex);
}

bool finish_watch_end(struct finish_watch *w)
{
	bool yielded;

	pthread_mutex_lock(&w->mutex);
	yielded = w->yielded;
	w->pid = 0;
	pthread_mutex_unlock(&w->mutex);
	return yielded;
}
