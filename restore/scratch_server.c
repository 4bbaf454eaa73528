/* restore/scratch_server.c - see scratch_server.h */
#include "restore/scratch_server.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX "drtool_verify_"
/* First key of the advisory locks: "drtv". */
#define LOCK_CLASS "1685222518"

static const char *suffix_of(const char *id)
{
	const char *dash = strrchr(id, '-');

	return dash ? dash + 1 : id;
}

/* The lock all databases of one run share: keyed by the name up to what restore and reference append. */
static bool try_lock(bool *got, struct pg_session *s, const char *name, struct err *e)
{
	const char *params[] = { name };
	char *answer = NULL;

	if (!pg_query_value(&answer, s,
	            "SELECT pg_catalog.pg_try_advisory_lock(" LOCK_CLASS
	            ", pg_catalog.hashtext(pg_catalog.split_part($1, '__', 1)))",
	            1, params, e))
		return false;
	*got = answer && *answer == 't';
	free(answer);
	return true;
}

static bool unlock(struct pg_session *s, const char *name, struct err *e)
{
	const char *params[] = { name };
	char *answer = NULL;
	bool ok = pg_query_value(&answer, s,
	        "SELECT pg_catalog.pg_advisory_unlock(" LOCK_CLASS
	        ", pg_catalog.hashtext(pg_catalog.split_part($1, '__', 1)))",
	        1, params, e);

	free(answer);
	return ok;
}

static bool drop(struct pg_session *s, const char *name, struct err *e)
{
	struct arena a = ARENA_INIT;
	bool ok = pg_execf(s, e, "ALTER DATABASE %s IS_TEMPLATE false", pg_quote_ident(&a, name)) &&
	          pg_execf(s, e, "DROP DATABASE IF EXISTS %s WITH (FORCE)", pg_quote_ident(&a, name));

	arena_release(&a);
	return ok;
}

/* Databases of test restores; of name's run only when it is given. */
static bool list_databases(PGresult **out, struct pg_session *s, const char *name, struct err *e)
{
	const char *params[] = { name };

	return pg_query(out, s,
	        "SELECT datname FROM pg_catalog.pg_database WHERE pg_catalog.starts_with(datname::text, '" PREFIX "')"
	        " AND ($1::text IS NULL OR pg_catalog.split_part(datname, '__', 1) = $1) ORDER BY datname",
	        1, params, e);
}

static bool drop_dead(struct scratch_server *s, struct observer *obs, struct err *e)
{
	PGresult *res = NULL;
	bool ok = list_databases(&res, s->lock, NULL, e);

	for (int i = 0; ok && i < PQntuples(res); i++) {
		const char *name = PQgetvalue(res, i, 0);
		bool dead = false;

		ok = try_lock(&dead, s->lock, name, e);
		if (!ok || !dead)
			continue;
		observer_note(
		        obs, NOTE_INFO, "dropping database \"%s\", left over from an interrupted test restore", name);
		ok = drop(s->lock, name, e) && unlock(s->lock, name, e);
	}
	PQclear(res);
	return ok || err_wrap(e, "drop what an interrupted test restore left");
}

bool scratch_server_open(struct scratch_server *out, const struct conninfo *server, const struct manifest *m,
        struct observer *obs, const struct cancel *cancel, struct err *e)
{
	const char *name = arena_printf(&out->arena, PREFIX "%s", suffix_of(m->id));
	bool got = false;

	out->maintenance = conninfo_copy(server);
	if (!conninfo_get(server, "dbname"))
		conninfo_set(out->maintenance, "dbname", "postgres");
	out->target = conninfo_copy(server);
	conninfo_set(out->target, "dbname", name);
	out->reference = arena_printf(&out->arena, "%s__reference", name);
	if (!pg_session_open(&out->lock, out->maintenance, PG_SESSION_PLAIN, "verify", cancel, e) ||
	        !drop_dead(out, obs, e) || !try_lock(&got, out->lock, name, e))
		goto fail;
	if (got)
		return true;
	err_set(e, ERR_CONFLICT, "another test restore of snapshot \"%s\" runs on that server", m->id);
	err_hint(e, "wait for it to end");
fail:
	err_wrap(e, "scratch server");
	pg_session_close(out->lock);
	out->lock = NULL;
	scratch_server_close(out);
	return false;
}

void scratch_server_close(struct scratch_server *s)
{
	struct pg_session *cleaner = NULL;
	struct err ignored = ERR_INIT;
	PGresult *res = NULL;

	if (s->lock && pg_session_open(&cleaner, s->maintenance, PG_SESSION_PLAIN, "verify", NULL, &ignored) &&
	        list_databases(&res, cleaner, conninfo_get(s->target, "dbname"), &ignored)) {
		for (int i = 0; i < PQntuples(res); i++)
			drop(cleaner, PQgetvalue(res, i, 0), &ignored);
	}
	PQclear(res);
	pg_session_close(cleaner);
	pg_session_close(s->lock);
	conninfo_free(s->maintenance);
	conninfo_free(s->target);
	arena_release(&s->arena);
	*s = (struct scratch_server)SCRATCH_SERVER_INIT;
}
