#include "src/snapshot/watch.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#define LOOK_EVERY_MS 1000
/* Our own sessions ask with NOWAIT or a short timeout: one that still waits after this is stuck behind somebody's
 * queued lock. */
#define OWN_WAIT_S 1.0

struct watch {
	const struct attempt_context *context;
	struct cancel *stop;
	struct cancel own; /* tripped by watch_stop() */
	struct pg_session *session;
	pthread_t thread;
	struct err error; /* ERR_NONE while all is well; read after the join */
};

/*
 * One row per waiting session that matters: ours, or one that waits for ours. A virtual transaction is what CREATE
 * INDEX CONCURRENTLY and its like wait for.
 */
static const char *const look_sql =
        "WITH ours AS MATERIALIZED (SELECT pid FROM pg_catalog.pg_stat_activity WHERE application_name = $1),"
        " waiting AS MATERIALIZED (SELECT DISTINCT ON (l.pid) l.pid,"
        " COALESCE(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - l.waitstart), 0) AS waited,"
        " l.pid IN (SELECT pid FROM ours) AS own, pg_catalog.pg_blocking_pids(l.pid) AS blockers"
        " FROM pg_catalog.pg_locks l WHERE NOT l.granted AND l.locktype IN ('relation', 'object', 'virtualxid')"
        " ORDER BY l.pid)"
        " SELECT w.own, w.waited, COALESCE(b.pid, 0), COALESCE(b.application_name, ''),"
        " CASE WHEN w.own THEN COALESCE(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - b.query_start), 0)"
        " ELSE w.waited END::bigint, pg_catalog.left(COALESCE(b.query, ''), 120)"
        " FROM waiting w LEFT JOIN pg_catalog.pg_stat_activity b ON b.pid = CASE WHEN w.own THEN"
        " (SELECT p FROM unnest(w.blockers) p WHERE p NOT IN (SELECT pid FROM ours) LIMIT 1) ELSE w.pid END"
        " WHERE (w.own OR w.blockers && (SELECT pg_catalog.array_agg(pid) FROM ours))"
        " AND COALESCE(b.backend_type, '') <> 'autovacuum worker' ORDER BY w.waited DESC";

static const char *const let_go_sql =
        "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity"
        " WHERE application_name = $1 AND usename = SESSION_USER AND pid <> pg_catalog.pg_backend_pid()";

static void one_line(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ')
			*text = ' ';
}

static void describe(struct buf *out, const PGresult *res, int row, int first_col)
{
	char *query = xstrdup(PQgetvalue(res, row, first_col + 3));
	const char *app = PQgetvalue(res, row, first_col + 1);

	one_line(query);
	buf_addf(out, "pid %s%s%s%s for %s s: %s", PQgetvalue(res, row, first_col), app[0] == '\0' ? "" : " (", app,
	        app[0] == '\0' ? "" : ")", PQgetvalue(res, row, first_col + 2), query);
	free(query);
}

/* False when the attempt has to be given up: e says for whom. */
static bool judge(struct watch *w, const PGresult *res, struct err *e)
{
	const struct snapshot_options *o = w->context->options;
	double yield_after = o->yield_after_s == 0 ? 10 : (double)o->yield_after_s;
	struct buf who = BUF_INIT;

	for (int row = 0; row < PQntuples(res); row++) {
		bool own = PQgetvalue(res, row, 0)[0] == 't';
		double waited = strtod(PQgetvalue(res, row, 1), NULL);

		if (waited < (own ? OWN_WAIT_S : yield_after))
			continue;
		describe(&who, res, row, 2);
		err_set(e, ERR_CONFLICT, own ? "waiting for a lock behind %s" : "another session waits for us: %s",
		        buf_str(&who));
		err_hint(e, "run it again when that statement is done; --yield-after sets how long others may wait for "
		            "a snapshot");
		break;
	}
	buf_release(&who);
	return e->kind == ERR_NONE;
}

/*
 * The locks go now, not when the last chunk in memory has reached a slow repository: our sessions are ended on the
 * server. Should that fail, they end a little later by themselves.
 */
static void let_go(struct watch *w, const char *const *params)
{
	struct err ignored = ERR_INIT;
	PGresult *res = NULL;

	pg_query(&res, w->session, let_go_sql, 1, params, &ignored);
	PQclear(res);
}

/* Until the attempt ends. False: it has to be given up, for the reason in e. */
static bool keep_looking(struct watch *w, const char *role, struct err *e)
{
	char name[64];
	const char *params[1] = { name };
	struct err ended = ERR_INIT;

	snprintf(name, sizeof name, "drtool %s", role);
	while (cancel_sleep(&w->own, LOOK_EVERY_MS, &ended)) {
		PGresult *res = NULL;
		bool fine = pg_query(&res, w->session, look_sql, 1, params, e) && judge(w, res, e);

		PQclear(res);
		if (!fine) {
			if (e->kind == ERR_CONFLICT)
				let_go(w, params);
			return false;
		}
	}
	return true;
}

/* The session is opened here, so that nobody waits for it. */
static void *look(void *arg)
{
	struct watch *w = arg;
	struct err e = ERR_INIT;
	char role[48];

	attempt_role(role, w->context);
	if (!(pg_session_open(&w->session, w->context->options->source, PG_SESSION_PLAIN, role, &w->own, &e) &&
	            keep_looking(w, role, &e)) &&
	        !cancel_tripped(&w->own)) {
		w->error = e;
		cancel_trip(w->stop, -1);
	}
	return NULL;
}

bool watch_start(struct watch **out, const struct attempt_context *c, struct cancel *stop, struct err *e)
{
	struct watch *w = xcalloc(1, sizeof *w);
	int rc;

	w->context = c;
	w->stop = stop;
	w->own = (struct cancel)CANCEL_INIT(stop);
	rc = pthread_create(&w->thread, NULL, look, w);
	if (rc != 0) {
		free(w);
		return err_sys(e, rc, "start the watching thread");
	}
	*out = w;
	return true;
}

bool watch_stop(struct watch *w, struct err *e)
{
	bool ok;

	if (w == NULL)
		return true;
	cancel_trip(&w->own, -1);
	pthread_join(w->thread, NULL);
	pg_session_close(w->session);
	ok = w->error.kind == ERR_NONE;
	if (!ok)
		*e = w->error;
	free(w);
	return ok;
}

static const char *const blocker_sql =
        "SELECT a.pid, a.application_name, COALESCE(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp()"
        " - a.query_start), 0)::bigint, pg_catalog.left(a.query, 120) FROM pg_catalog.pg_locks l"
        " JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid JOIN pg_catalog.pg_database d ON d.oid = l.database"
        " WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.relation = ANY ($1::oid[])"
        " AND d.datname = pg_catalog.current_database() ORDER BY l.granted DESC, a.query_start LIMIT 1";

static bool find_blocker(PGresult **res, struct pg_session *s, const struct pg_relation_list *relations, struct err *e)
{
	struct buf oids = BUF_INIT;
	const char *params[1];
	bool ok;

	buf_add(&oids, "{");
	for (size_t i = 0; i < relations->count; i++)
		buf_addf(&oids, "%s%" PRIu32, i == 0 ? "" : ",", relations->items[i].oid);
	buf_add(&oids, "}");
	params[0] = buf_str(&oids);
	ok = pg_query(res, s, blocker_sql, 1, params, e);
	buf_release(&oids);
	return ok;
}

bool watch_blame(struct err *e, const struct attempt *a, const struct attempt_context *c)
{
	struct err ignored = ERR_INIT;
	struct pg_session *s = NULL;
	struct buf who = BUF_INIT;
	PGresult *res = NULL;
	bool found = pg_session_open(&s, c->options->source, PG_SESSION_PLAIN, NULL, c->cancel, &ignored) &&
	             find_blocker(&res, s, &a->relations, &ignored) && PQntuples(res) == 1;

	if (found) {
		describe(&who, res, 0, 0);
		err_set(e, ERR_CONFLICT, "a lock cannot be had because of %s", buf_str(&who));
		err_hint(e,
		        "let it finish or end it with SELECT pg_terminate_backend(%s); --lock-wait sets how long a "
		        "snapshot waits",
		        PQgetvalue(res, 0, 0));
	}
	PQclear(res);
	pg_session_close(s);
	buf_release(&who);
	return found;
}
