/* restore/live.c - see live.h */
#include "restore/live.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"

/* First key of the advisory lock: "drts". */
#define LOCK_CLASS "1685222515"

/* May this role end a session of role a.usesysid (r is its row)? */
#define MAY_END                                                                                \
	"((SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)"             \
	" OR (NOT COALESCE(r.rolsuper, true) AND (pg_catalog.pg_has_role(a.usesysid, 'USAGE')" \
	" OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE'))))"

const char *live_maintenance(const char *name)
{
	return strcmp(name, "postgres") == 0 ? "template1" : "postgres";
}

/* --- looking --- */

static bool read_sessions(struct live *l, struct pg_session *s, struct err *e)
{
	const char *name = l->database.name;
	PGresult *r = NULL;

	if (!pg_query(&r, s,
	            "SELECT COALESCE(a.usename, ''), COALESCE(a.application_name, ''), pg_catalog.count(*), " MAY_END
	            ", COALESCE(r.rolsuper, true)"
	            " FROM pg_catalog.pg_stat_activity a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid"
	            " WHERE a.datname = $1 AND a.usesysid IS NOT NULL AND a.pid <> pg_catalog.pg_backend_pid()"
	            " AND pg_catalog.starts_with(COALESCE(a.application_name, ''), 'drtool') IS NOT TRUE"
	            " GROUP BY 1, 2, 4, 5 ORDER BY 3 DESC, 1, 2",
	            1, &name, e))
		return err_wrap(e, "list the sessions");
	l->sessions = arena_alloc(&l->arena, ((size_t)PQntuples(r) + 1) * sizeof(*l->sessions));
	for (int i = 0; i < PQntuples(r); i++) {
		struct live_session *x = &l->sessions[l->session_count++];

		x->user = arena_strdup(&l->arena, PQgetvalue(r, i, 0));
		x->application = arena_strdup(&l->arena, PQgetvalue(r, i, 1));
		x->count = (unsigned)strtoul(PQgetvalue(r, i, 2), NULL, 10);
		x->may_end = PQgetvalue(r, i, 3)[0] == 't';
		x->super = PQgetvalue(r, i, 4)[0] == 't';
		l->connections += x->count;
	}
	PQclear(r);
	return true;
}

/* Only who may read the server's files can tell; nobody else is stopped by that. */
static void read_last_write(struct live *l, struct pg_session *s)
{
	const char *name = l->database.name;
	struct err ignored = ERR_INIT;
	char *text = NULL;

	if (pg_query_value(&text, s,
	            "SELECT pg_catalog.has_function_privilege('pg_catalog.pg_ls_dir(text)', 'EXECUTE') AND"
	            " pg_catalog.has_function_privilege('pg_catalog.pg_stat_file(text, boolean)', 'EXECUTE')",
	            0, NULL, &ignored) &&
	        strcmp(text, "t") == 0) {
		free(text);
		text = NULL;
		pg_query_value(&text, s,
		        "SELECT EXTRACT(EPOCH FROM pg_catalog.max((pg_catalog.pg_stat_file(dir || '/' || file, true)).modification))::bigint"
		        " FROM (SELECT 'base/' || oid AS dir FROM pg_catalog.pg_database WHERE datname = $1"
		        " AND dattablespace = 1663) d, pg_catalog.pg_ls_dir(dir) file WHERE file ~ '^[0-9]+([.][0-9]+)?$'",
		        1, &name, &ignored);
		l->last_write_us = text ? strtoll(text, NULL, 10) * 1000000 : 0;
	}
	free(text);
}

bool live_look(struct live *out, struct pg_session *s, const char *name, struct err *e)
{
	*out = (struct live){ 0 };
	if (!pg_catalog_database_named(&out->database, s, name, &out->arena, e) || !read_sessions(out, s, e)) {
		live_release(out);
		return false;
	}
	read_last_write(out, s);
	return true;
}

void live_release(struct live *l)
{
	arena_release(&l->arena);
	*l = (struct live){ 0 };
}

/* --- what stands in the way --- */

static bool check_rights(const struct live *l, struct pg_session *s, struct err *e)
{
	const char *name = l->database.name;
	PGresult *r = NULL;
	bool ok = pg_query(&r, s,
	        "SELECT r.rolsuper, r.rolcreatedb, pg_catalog.pg_has_role(d.datdba, 'USAGE'), r.rolname,"
	        " pg_catalog.pg_get_userbyid(d.datdba) FROM pg_catalog.pg_roles r, pg_catalog.pg_database d"
	        " WHERE r.rolname = current_user AND d.datname = $1",
	        1, &name, e);

	if (!ok || PQntuples(r) != 1 || PQgetvalue(r, 0, 0)[0] == 't') {
		PQclear(r);
		return ok;
	}
	if (PQgetvalue(r, 0, 2)[0] != 't') {
		ok = err_set(e, ERR_REFUSED, "role \"%s\" does not own database \"%s\"", PQgetvalue(r, 0, 3), name);
		err_hint(e, "connect as \"%s\" or as a superuser: only the owner may rename it", PQgetvalue(r, 0, 4));
	} else if (PQgetvalue(r, 0, 1)[0] != 't') {
		ok = err_set(e, ERR_REFUSED, "role \"%s\" may not create or rename databases", PQgetvalue(r, 0, 3));
		err_hint(e,
		        "let an administrator run: ALTER ROLE \"%s\" CREATEDB; a provider that gives neither: see --swap-with",
		        PQgetvalue(r, 0, 3));
	}
	PQclear(r);
	return ok;
}

/* What hangs on the database itself and would stay with the old one, unnoticed. */
static const struct obstacle {
	const char *sql; /* name, or its OID as text in $2 */
	const char *what, *hint;
} obstacles[] = {
	{ "SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = $1 AND $2::oid IS NOT NULL ORDER BY prepared",
	        "it has a prepared transaction", "in that database run: ROLLBACK PREPARED '%s' (or COMMIT PREPARED)" },
	{ "SELECT slot_name FROM pg_catalog.pg_replication_slots WHERE database = $1 AND $2::oid IS NOT NULL ORDER BY 1",
	        "it has a logical replication slot, which would go on with the old database",
	        "stop its consumer, then run: SELECT pg_drop_replication_slot('%s'); make it anew afterwards" },
	{ "SELECT subname FROM pg_catalog.pg_subscription WHERE subdbid = $2::oid AND $1::name IS NOT NULL ORDER BY 1",
	        "it has a subscription, which would go on filling the old database",
	        "drop it there first, and make it anew afterwards: DROP SUBSCRIPTION \"%s\"" },
};

static bool check_obstacle(const struct obstacle *o, const struct live *l, struct pg_session *s, struct err *e)
{
	char oid[16];
	const char *params[2] = { l->database.name, oid };
	PGresult *r = NULL;
	bool ok;

	snprintf(oid, sizeof(oid), "%u", l->database.oid);
	ok = pg_query(&r, s, o->sql, 2, params, e);
	if (ok && PQntuples(r) > 0) {
		struct buf hint = BUF_INIT;
		const char *at = strstr(o->hint, "%s"), *found = PQgetvalue(r, 0, 0);

		ok = err_set(e, ERR_REFUSED, "database \"%s\" cannot be swapped: %s: \"%s\"%s", l->database.name,
		        o->what, found, PQntuples(r) > 1 ? ", and others" : "");
		buf_addf(&hint, "%.*s%s%s", (int)(at - o->hint), o->hint, found, at + 2);
		err_hint(e, "%s", buf_str(&hint));
		buf_release(&hint);
	}
	PQclear(r);
	return ok;
}

static bool check_sessions(const struct live *l, struct err *e)
{
	for (size_t i = 0; i < l->session_count; i++) {
		const struct live_session *x = &l->sessions[i];

		if (x->may_end)
			continue;
		err_set(e, ERR_REFUSED, "%u session%s of role \"%s\" (%s) may not be ended by this role", x->count,
		        x->count == 1 ? "" : "s", x->user, *x->application ? x->application : "no application name");
		if (x->super)
			return err_hint(e, "it is a superuser's: stop that application, or connect as a superuser");
		return err_hint(e,
		        "stop that application, connect as a superuser, or let one run: GRANT pg_signal_backend TO <role>");
	}
	return true;
}

bool live_check(const struct live *l, struct pg_session *s, struct err *e)
{
	if (!check_rights(l, s, e))
		return false;
	for (size_t i = 0; i < sizeof(obstacles) / sizeof(obstacles[0]); i++)
		if (!check_obstacle(&obstacles[i], l, s, e))
			return false;
	return check_sessions(l, e);
}

bool live_lock(struct pg_session *s, const char *name, struct err *e)
{
	struct err ignored = ERR_INIT;
	PGresult *r = NULL;
	char *got = NULL;
	bool ok = pg_query_value(&got, s,
	        "SELECT pg_catalog.pg_try_advisory_lock(" LOCK_CLASS ", pg_catalog.hashtext($1))", 1, &name, e);

	if (ok && strcmp(got, "t") != 0) {
		ok = err_set(e, ERR_CONFLICT, "another restore or undo of database \"%s\" is running", name);
		err_hint(e, "wait for it, or stop it");
		if (pg_query(&r, s,
		            "SELECT l.pid, a.backend_start::timestamptz(0)::text FROM pg_catalog.pg_locks l"
		            " JOIN pg_catalog.pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory'"
		            " AND l.classid = " LOCK_CLASS
		            " AND l.granted AND l.objid = pg_catalog.hashtext($1)::bigint::bit(32)::bigint",
		            1, &name, &ignored) &&
		        PQntuples(r) > 0)
			err_hint(e,
			        "its session on the server is process %s, since %s: wait for it, or stop that drtool",
			        PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1));
		PQclear(r);
	}
	free(got);
	return ok;
}
