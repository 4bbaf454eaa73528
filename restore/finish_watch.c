/* restore/finish_watch.c - see finish_internal.h */
#include <pthread.h>
#include <stdlib.h>

#include "restore/finish_internal.h"
#include "restore/live.h"
#include "src/base/clock.h"
#include "src/pg/catalog.h"

#define LOCK_CLASS      "1685222502" /* first key of the advisory lock: "drtf" */
#define TICK_MS         500
#define WORTH_SAYING_US 2000000
#define YIELD_AFTER_S   10
#define LOST_MAX        5
#define GHOST_TRIES     20 /* ticks: our own lost session may hold the lock for that long */

struct finish_watch {
	struct pg_session *session; /* of the thread, once that runs */
	const struct finish_options *options;
	struct conninfo *server;
	char *name; /* of the database */
	struct observer *obs;
	int64_t yield_after_us;
	struct cancel cancel; /* ends the thread */
	struct cancel *stop;  /* ends the work */
	struct err why;       /* it was tripped, or ERR_NONE; read after the join */
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

void finish_describe(struct buf *out, const PGresult *r)
{
	buf_addf(out, "server process %s of user \"%s\" (%s", PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1),
	        PQgetvalue(r, 0, 2));
	if (!PQgetisnull(r, 0, 3))
		buf_addf(out, ", %s", PQgetvalue(r, 0, 3));
	if (!PQgetisnull(r, 0, 4))
		buf_addf(out, ", its transaction is %s s old", PQgetvalue(r, 0, 4));
	buf_add(out, ")");
}

static bool ask(PGresult **out, struct finish_watch *w, const char *sql, int pid, struct err *e)
{
	const char *params[1];
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	params[0] = text;
	return pg_query(out, w->session, sql, 1, params, e);
}

/* CONCURRENTLY waits for transactions that are older: that may be long, and nothing else shows why. */
static bool say_what_it_waits_for(struct finish_watch *w, int pid, const char *object, struct err *e)
{
	PGresult *r = NULL;
	struct buf who = BUF_INIT;

	if (!ask(&r, w,
	            "SELECT " FINISH_SESSION " FROM pg_catalog.pg_stat_activity a"
	            " WHERE a.pid = ANY (pg_catalog.pg_blocking_pids($1::int)) ORDER BY a.xact_start LIMIT 1",
	            pid, e))
		return false;
	if (PQntuples(r) == 1 && strcmp(w->told, PQgetvalue(r, 0, 0)) != 0) {
		snprintf(w->told, sizeof(w->told), "%s", PQgetvalue(r, 0, 0));
		finish_describe(&who, r);
		observer_note(w->obs, NOTE_WARN, "%s waits for %s; it goes on when that transaction ends", object,
		        buf_str(&who));
	}
	buf_release(&who);
	PQclear(r);
	return true;
}

/* Under the mutex, so that what is stopped is this statement and not the next one. */
static bool stop(struct finish_watch *w, int pid, struct err *e)
{
	PGresult *r = NULL;
	bool ok = true;

	pthread_mutex_lock(&w->mutex);
	if (w->pid == pid) {
		w->yielded = true;
		ok = ask(&r, w, "SELECT pg_catalog.pg_cancel_backend($1::int)", pid, e);
	}
	pthread_mutex_unlock(&w->mutex);
	PQclear(r);
	return ok;
}

/*
 * Whoever wants a lock that keeps readers or writers out makes them all wait behind it, as long as we are in the way.
 * What kind of session it is, and since when it is at it, is hidden from those who are no superuser: the lock is not.
 */
#define WAITING                                                                                                    \
	"SELECT " FINISH_SESSION " FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid" \
	" WHERE NOT l.granted AND l.locktype = 'relation' AND COALESCE(a.backend_type, '') <> 'autovacuum worker'" \
	" AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"            \
	" AND $1::int = ANY (pg_catalog.pg_blocking_pids(l.pid))"

static bool yield(struct finish_watch *w, int pid, const char *object, struct err *e)
{
	int64_t now = clock_monotonic_us();
	PGresult *r = NULL;
	struct buf who = BUF_INIT;
	bool ok = ask(&r, w,
	        pg_session_version(w->session) >= 140000 ? WAITING " ORDER BY l.waitstart LIMIT 1"
	                                                 : WAITING " ORDER BY a.query_start LIMIT 1",
	        pid, e);

	if (!ok)
		return false;
	if (PQntuples(r) == 0)
		w->waited_since_us = 0;
	else if (!w->waited_since_us)
		w->waited_since_us = now;
	if (w->waited_since_us && now - w->waited_since_us >= w->yield_after_us) {
		finish_describe(&who, r);
		observer_note(w->obs, NOTE_WARN, "%s gives way to %s, and starts over after it", object, buf_str(&who));
		w->waited_since_us = 0;
		ok = stop(w, pid, e);
	}
	buf_release(&who);
	PQclear(r);
	return ok;
}

static bool tick(struct finish_watch *w, struct err *e)
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
	return say_what_it_waits_for(w, pid, object, e) && yield(w, pid, object, e);
}

/* --- its connection --- */

static bool take_lock(struct finish_watch *w, struct err *e)
{
	char oid[16], *got = NULL;
	const char *params[1] = { oid };
	bool ok;

	snprintf(oid, sizeof(oid), "%u", w->options->oid);
	ok = pg_query_value(&got, w->session,
	        "SELECT pg_catalog.pg_try_advisory_lock(" LOCK_CLASS ", $1::oid::int8::bit(32)::int4)", 1, params, e);
	if (ok && strcmp(got, "t") != 0) {
		ok = err_set(e, ERR_CONFLICT, "database \"%s\" is being finished by another drtool", w->name);
		err_hint(e, "wait for it, or stop it");
	}
	free(got);
	return ok;
}

/* Process ids are of no use on another server, and worse than that. */
static bool check_server(struct finish_watch *w, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct pg_database d;
	bool ok = pg_catalog_database(&d, w->session, &a, e);

	if (ok && !finish_same_server(w->options, d.system_identifier)) {
		ok = err_set(
		        e, ERR_CONFLICT, "another server answers there now than the one of database \"%s\"", w->name);
		err_hint(e, "see where the address leads to, and go on with drtool restore --finish there");
	}
	arena_release(&a);
	return ok;
}

static bool connect_watch(struct finish_watch *w, struct err *e)
{
	return finish_open(&w->session, w->server, PG_SESSION_PLAIN, "watch", w->obs, &w->cancel, e) &&
	       check_server(w, e);
}

/* The server may not know yet that our last connection is gone, and keep its lock. */
static bool take_lock_again(struct finish_watch *w, int last, struct err *e)
{
	bool mine = true;

	for (unsigned tries = 1;; tries++) {
		PGresult *r = NULL;
		struct err why = ERR_INIT;

		if (take_lock(w, &why))
			return true;
		if (why.kind != ERR_CONFLICT || !mine || tries == GHOST_TRIES) {
			*e = why;
			return false;
		}
		ask(&r, w,
		        "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_locks"
		        " WHERE locktype = 'advisory' AND classid = " LOCK_CLASS " AND pid = $1::int",
		        last, &why);
		mine = r && PQntuples(r);
		PQclear(r);
		if (!cancel_sleep(&w->cancel, TICK_MS, e))
			return false;
	}
}

static bool reconnect(struct finish_watch *w, struct err *e)
{
	int last = pg_session_pid(w->session);

	pg_session_close(w->session);
	w->session = NULL;
	return connect_watch(w, e) && take_lock_again(w, last, e);
}

static void *watch_main(void *arg)
{
	struct finish_watch *w = arg;
	struct err ended = ERR_INIT, why = ERR_INIT;
	unsigned lost = 0;

	while (cancel_sleep(&w->cancel, TICK_MS, &ended)) {
		if (tick(w, &why) || cancel_tripped(&w->cancel)) {
			lost = 0;
			continue;
		}
		observer_note(
		        w->obs, NOTE_WARN, "%s: the connection that watches whether others wait is made anew", why.msg);
		if (lost++ < LOST_MAX && reconnect(w, &why))
			continue;
		if (!cancel_tripped(&w->cancel)) {
			err_wrap(&why, "watch whether others wait for this");
			w->why = why;
			cancel_trip(w->stop, -1);
		}
		break;
	}
	return NULL;
}

/* --- opening and closing --- */

bool finish_watch_open(struct finish_watch **out, struct finish *f, struct err *e)
{
	struct finish_watch *w = xcalloc(1, sizeof(*w));
	unsigned yield_s = f->options->yield_after_s;
	bool ok;

	pthread_mutex_init(&w->mutex, NULL);
	w->options = f->options;
	w->obs = f->obs;
	w->stop = &f->stop;
	w->cancel = (struct cancel)CANCEL_INIT(&f->stop);
	w->yield_after_us = (int64_t)(yield_s ? yield_s : YIELD_AFTER_S) * 1000000;
	w->name = xstrdup(finish_name(f));
	w->server = conninfo_copy(f->options->database);
	conninfo_set(w->server, "dbname", live_maintenance(w->name));
	ok = connect_watch(w, e) && take_lock(w, e);
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

static void end_thread(struct finish_watch *w)
{
	cancel_trip(&w->cancel, -1);
	if (w->running)
		pthread_join(w->thread, NULL);
	w->running = false;
}

bool finish_watch_failed(struct finish_watch *w, struct err *e)
{
	end_thread(w);
	if (w->why.kind == ERR_NONE)
		return false;
	*e = w->why;
	return true;
}

void finish_watch_close(struct finish_watch *w)
{
	struct err ignored = ERR_INIT;

	if (!w)
		return;
	end_thread(w);
	/* Now, not when the server gets to ending the session: the next run may follow at once. */
	w->cancel = (struct cancel)CANCEL_INIT(NULL);
	if (w->session)
		pg_exec(w->session, "SELECT pg_catalog.pg_advisory_unlock_all()", &ignored);
	pg_session_close(w->session);
	conninfo_free(w->server);
	free(w->name);
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
