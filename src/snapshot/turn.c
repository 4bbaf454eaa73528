#include "src/snapshot/turn.h"

#include <inttypes.h>
#include <stdlib.h>

#include "src/base/path.h"

/* First key of every advisory lock drtool takes: "drto" in ASCII. */
#define ADVISORY_CLASS "1685222511"

static bool lock_in_database(bool *taken, struct pg_session *s, uint32_t oid, struct err *e)
{
	char *got = NULL;
	const char *text;
	struct arena a = ARENA_INIT;
	const char *params[1];
	bool ok;

	/* The key is a signed integer: large OIDs wrap, as pg_locks shows them. */
	params[0] = text = arena_printf(&a, "%" PRId32, (int32_t)oid);
	ok = pg_query_value(
	        &got, s, "SELECT pg_catalog.pg_try_advisory_lock(" ADVISORY_CLASS ", $1::int)", 1, params, e);
	*taken = ok && got != NULL && got[0] == 't';
	(void)text;
	free(got);
	arena_release(&a);
	return ok;
}

static bool refuse(struct pg_session *s, const char *database, uint32_t oid, struct err *e)
{
	struct arena a = ARENA_INIT;
	const char *params[1] = { arena_printf(&a, "%" PRIu32, oid) };
	struct err ignored = ERR_INIT;
	PGresult *res = NULL;

	err_set(e, ERR_CONFLICT, "another drtool run is at work on database \"%s\"", database);
	if (pg_query(&res, s,
	            "SELECT a.pid, EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - a.backend_start)::bigint,"
	            " COALESCE(a.client_addr::text, 'this host') FROM pg_catalog.pg_locks l JOIN "
	            "pg_catalog.pg_stat_activity a ON a.pid = l.pid"
	            " WHERE l.locktype = 'advisory' AND l.classid = " ADVISORY_CLASS
	            " AND l.objid = $1::oid AND l.granted",
	            1, params, &ignored) &&
	        PQntuples(res) > 0)
		err_hint(e,
		        "server process %s from %s holds its lock since %s s; wait for it, or end it with SELECT "
		        "pg_terminate_backend(%s)",
		        PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 2), PQgetvalue(res, 0, 1), PQgetvalue(res, 0, 0));
	PQclear(res);
	arena_release(&a);
	return false;
}

static bool lock_in_repository(struct turn *out, struct repository *r, const char *database, struct err *e)
{
	struct buf name = BUF_INIT;
	bool ok;

	buf_add(&name, "database-");
	path_encode(&name, database);
	ok = repository_lock_take_exclusive(&out->lock, r, buf_str(&name), e);
	buf_release(&name);
	return ok;
}

bool turn_take(struct turn *out, struct repository *r, const struct snapshot_options *o, const char *database,
        uint32_t database_oid, bool on_standby, const struct cancel *cancel, struct err *e)
{
	struct conninfo *c;
	struct err own = ERR_INIT;
	bool taken = false;

	*out = (struct turn){ 0 };
	if (on_standby)
		return lock_in_repository(out, r, database, e);
	c = conninfo_copy(o->source);
	conninfo_set(c, "dbname", o->maintenance_db == NULL ? "postgres" : o->maintenance_db);
	if (!pg_session_open(&out->session, c, PG_SESSION_PLAIN, "turn", cancel, &own)) {
		conninfo_free(c);
		return lock_in_repository(out, r, database, e);
	}
	conninfo_free(c);
	if (!lock_in_database(&taken, out->session, database_oid, e) ||
	        (!taken && !refuse(out->session, database, database_oid, e))) {
		turn_release(out);
		return false;
	}
	return true;
}

void turn_release(struct turn *t)
{
	pg_session_close(t->session);
	repository_lock_release(t->lock);
	*t = (struct turn){ 0 };
}
