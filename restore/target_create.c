#include "restore/target_internal.h"

#define TEMPLATE_TRIES   20 /* somebody else makes a database from template0 at this moment */
#define TEMPLATE_WAIT_MS 250
#define UNFINISHED       "drtool: restore of snapshot %s into %s, not complete"
#define CHECKED          "drtool: restore of snapshot %s into %s, complete and checked"

static void add_literal(struct buf *sql, const char *key, const char *value, struct arena *a)
{
	if (value && *value)
		buf_addf(sql, " %s %s", key, pg_quote_literal(a, value));
}

char *target_comment(struct arena *a, const char *snapshot_id, const char *wanted)
{
	return arena_printf(a, UNFINISHED, snapshot_id, wanted);
}

/* The options differ by server version: ICU and its rules, then the builtin provider, came one by one. */
static void create_statement(struct buf *sql, const struct target *t, const struct pg_database *d, bool no_owner,
        bool no_tablespace, struct arena *a)
{
	int version = pg_session_version(t->maintenance);
	bool icu = strcmp(d->locale_provider, "icu") == 0, builtin = strcmp(d->locale_provider, "builtin") == 0;

	buf_addf(sql, "CREATE DATABASE %s TEMPLATE template0", pg_quote_ident(a, t->working));
	add_literal(sql, "ENCODING", d->encoding, a);
	if (version >= 150000)
		add_literal(sql, "LOCALE_PROVIDER", d->locale_provider, a);
	add_literal(sql, "LC_COLLATE", d->collate, a);
	add_literal(sql, "LC_CTYPE", d->ctype, a);
	if (icu)
		add_literal(sql, "ICU_LOCALE", d->locale, a);
	if (icu && version >= 160000)
		add_literal(sql, "ICU_RULES", d->icu_rules, a);
	if (builtin)
		add_literal(sql, "BUILTIN_LOCALE", d->locale, a);
	if (!no_owner && d->owner)
		buf_addf(sql, " OWNER %s", pg_quote_ident(a, d->owner));
	/* template0 lies in pg_default; naming that would need a right of its own. */
	if (!no_tablespace && d->tablespace && strcmp(d->tablespace, "pg_default") != 0)
		buf_addf(sql, " TABLESPACE %s", pg_quote_ident(a, d->tablespace));
}

static bool explain(const struct target *t, const struct pg_database *d, struct err *e)
{
	const char *state = pg_session_sqlstate(t->maintenance);

	if (strcmp(state, "42501") == 0) {
		e->kind = ERR_REFUSED;
		err_hint(e,
		        "let an administrator create the empty database \"%s\", give this role CREATEDB, or leave owners out: --no-owner",
		        t->wanted);
	} else if (strcmp(state, "42809") == 0 || strcmp(state, "22023") == 0) {
		e->kind = ERR_REFUSED;
		err_hint(e,
		        "the server's machine needs the locale \"%s\"; Debian: add it to /etc/locale.gen, run locale-gen, restart PostgreSQL",
		        d->collate);
	}
	return err_wrap(e, "create database \"%s\"", t->working);
}

/* A database cannot be dropped while it holds a subscription, which can only be dropped inside: a standby copy is
 * opened for that. */
static bool drop_subscriptions(const struct target *t, const char *name, const struct cancel *cancel, struct err *e)
{
	struct conninfo *inside = conninfo_copy(t->maintenance_db);
	struct pg_session *s = NULL;
	bool ok;

	conninfo_set(inside, "dbname", name);
	ok = pg_session_open(&s, inside, PG_SESSION_PLAIN, "restore", cancel, e) && target_empty_subscriptions(s, e);
	pg_session_close(s);
	conninfo_free(inside);
	return ok;
}

static bool drop_database(
        const struct target *t, struct pg_session *s, const char *name, const struct cancel *cancel, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct err why = ERR_INIT;
	const char *quoted = pg_quote_ident(&a, name);
	bool ok = pg_execf(s, &why, "DROP DATABASE IF EXISTS %s WITH (FORCE)", quoted);

	if (!ok && strcmp(pg_session_sqlstate(s), "55006") == 0) {
		why = (struct err)ERR_INIT;
		ok = pg_execf(s, &why, "ALTER DATABASE %s ALLOW_CONNECTIONS true", quoted) &&
		     drop_subscriptions(t, name, cancel, &why) &&
		     pg_execf(s, &why, "DROP DATABASE IF EXISTS %s WITH (FORCE)", quoted);
	}
	if (!ok)
		*e = why;
	arena_release(&a);
	return ok;
}

/* A template cannot be dropped. */
static bool drop_leftover(
        const struct target *t, const char *name, bool is_template, const struct cancel *cancel, struct err *e)
{
	struct arena a = ARENA_INIT;
	bool ok = !is_template ||
	          pg_execf(t->maintenance, e, "ALTER DATABASE %s IS_TEMPLATE false", pg_quote_ident(&a, name));

	ok = ok && drop_database(t, t->maintenance, name, cancel, e);
	arena_release(&a);
	return ok;
}

/*
 * Only what this tool made is a leftover: the working name, or one that ends in another snapshot's id and has our
 * comment, or none yet: a run may be killed right after CREATE DATABASE. A name without the database's own in it needs
 * the comment. $1 the working name, $2 the wanted one.
 */
#define LEFTOVERS                                                                                               \
	" FROM pg_catalog.pg_database WHERE datname = $1"                                                       \
	" OR (pg_catalog.starts_with(datname::text, $2 || '__restoring_')"                                      \
	" AND pg_catalog.substr(datname::text, pg_catalog.length($2) + 13) ~ '^[0-9]{8}-[0-9]{6}-[a-z0-9]{6}$'" \
	" AND COALESCE(pg_catalog.shobj_description(oid, 'pg_database'),"                                       \
	" 'drtool: restore of snapshot , not complete')"                                                        \
	" SIMILAR TO 'drtool: restore of snapshot %, (not complete|complete and checked)')"                     \
	" OR (pg_catalog.starts_with(datname::text, 'drtool_restoring_') AND pg_catalog.substr("                \
	"pg_catalog.shobj_description(oid, 'pg_database'), 51)"                                                 \
	" IN (' into ' || $2 || ', not complete', ' into ' || $2 || ', complete and checked'))"

static bool drop_leftovers(struct target *t, const struct cancel *cancel, struct err *e)
{
	const char *params[2] = { t->working, t->wanted };
	PGresult *r = NULL;
	bool ok = pg_query(&r, t->maintenance, "SELECT datname, datistemplate" LEFTOVERS, 2, params, e);

	for (int i = 0; ok && i < PQntuples(r); i++)
		ok = drop_leftover(t, PQgetvalue(r, i, 0), PQgetvalue(r, i, 1)[0] == 't', cancel, e);
	PQclear(r);
	return ok || err_wrap(e, "remove what a killed restore left");
}

uint64_t restore_leftover_bytes(struct pg_session *s, const char *wanted, const char *snapshot_id)
{
	char working[64], *sum = NULL;
	const char *params[2] = { working, wanted };
	struct err ignored = ERR_INIT;
	uint64_t bytes = 0;

	target_working_name(working, wanted, snapshot_id);
	if (pg_query_value(&sum, s,
	            "SELECT COALESCE(pg_catalog.sum(CASE WHEN pg_catalog.has_database_privilege(oid, 'CONNECT')"
	            " THEN pg_catalog.pg_database_size(oid) END), 0)" LEFTOVERS,
	            2, params, &ignored))
		bytes = strtoull(sum, NULL, 10);
	free(sum);
	return bytes;
}

bool restore_leftovers(struct restore_leftover **out, size_t *count, struct pg_session *s, const char *wanted,
        struct arena *a, struct err *e)
{
	const char *params[2] = { "", wanted };
	PGresult *r = NULL;
	bool ok = pg_query(&r, s,
	        "SELECT datname, COALESCE(pg_catalog.substring(datname::text, '[0-9]{8}-[0-9]{6}-[a-z0-9]{6}$'), ''),"
	        " COALESCE(pg_catalog.shobj_description(oid, 'pg_database') LIKE '%, complete and checked', false)"
	        " AND datconnlimit <> -2,"
	        " CASE WHEN pg_catalog.has_database_privilege(oid, 'CONNECT') OR pg_catalog.pg_has_role("
	        "'pg_read_all_stats', 'USAGE') THEN pg_catalog.pg_database_size(oid) ELSE -1 END,"
	        " (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a WHERE a.datid = pg_database.oid"
	        " AND a.usesysid IS NOT NULL)" LEFTOVERS,
	        2, params, e);

	*count = 0;
	*out = arena_alloc(a, ((size_t)(ok ? PQntuples(r) : 0) + 1) * sizeof(**out));
	for (int i = 0; ok && i < PQntuples(r); i++)
		(*out)[(*count)++] = (struct restore_leftover){ .name = arena_strdup(a, PQgetvalue(r, i, 0)),
			.snapshot_id = arena_strdup(a, PQgetvalue(r, i, 1)),
			.complete = PQgetvalue(r, i, 2)[0] == 't',
			.size = strtoll(PQgetvalue(r, i, 3), NULL, 10),
			.sessions = (unsigned)strtoul(PQgetvalue(r, i, 4), NULL, 10) };
	PQclear(r);
	return ok || err_wrap(e, "look for what restores have left");
}

static bool create(struct target *t, const char *sql, const struct cancel *cancel, struct err *e)
{
	for (unsigned attempt = 1;; attempt++) {
		struct err now = ERR_INIT;

		if (pg_exec(t->maintenance, sql, &now))
			return true;
		*e = now;
		if (strcmp(pg_session_sqlstate(t->maintenance), "55006") != 0 || attempt == TEMPLATE_TRIES)
			return false;
		if (!cancel_sleep(cancel, TEMPLATE_WAIT_MS, e))
			return false;
	}
}

bool target_create(struct target *t, const struct pg_database *d, bool no_owner, bool no_tablespace,
        const struct cancel *cancel, struct err *e)
{
	struct buf sql = BUF_INIT;
	struct arena a = ARENA_INIT;
	struct err why = ERR_INIT;
	bool ok;

	create_statement(&sql, t, d, no_owner, no_tablespace, &a);
	ok = drop_leftovers(t, cancel, &why);
	if (ok) {
		t->prepared = true; /* a cancelled CREATE DATABASE may have happened all the same */
		ok = create(t, buf_str(&sql), cancel, &why) || explain(t, d, &why);
		if (!ok && why.kind == ERR_REFUSED)
			t->prepared = false;
	}
	ok = ok && pg_execf(t->maintenance, &why, "COMMENT ON DATABASE %s IS %s", pg_quote_ident(&a, t->working),
	                   pg_quote_literal(&a, target_comment(&a, t->snapshot_id, t->wanted)));
	if (!ok)
		*e = why;
	buf_release(&sql);
	arena_release(&a);
	return ok;
}

bool target_name(struct target *t, const struct pg_database *d, bool rename, struct err *e)
{
	struct arena a = ARENA_INIT;
	const char *from = pg_quote_ident(&a, t->working), *to = pg_quote_ident(&a, t->wanted);
	bool ok = true;

	if (d->connection_limit >= 0)
		ok = pg_execf(t->maintenance, e, "ALTER DATABASE %s CONNECTION LIMIT %d", from, d->connection_limit);
	if (ok && d->is_template)
		ok = pg_execf(t->maintenance, e, "ALTER DATABASE %s IS_TEMPLATE true", from);
	if (ok && rename) {
		ok = pg_execf(t->maintenance, e, "ALTER DATABASE %s RENAME TO %s", from, to) ||
		     err_wrap(e, "give database \"%s\" its name", t->working);
		if (ok)
			snprintf(t->working, sizeof(t->working), "%s", t->wanted);
	}
	arena_release(&a);
	return ok;
}

bool target_drop_working(struct target *t)
{
	struct pg_session *s = NULL;
	struct arena a = ARENA_INIT;
	struct err ignored = ERR_INIT;
	const char *name = pg_quote_ident(&a, t->working);
	bool ok = pg_session_open(&s, t->maintenance_db, PG_SESSION_PLAIN, "restore", NULL, &ignored);

	if (ok) /* a template cannot be dropped; one that is not cannot be un-templated if it is not there: either way
	           the drop says */
		pg_execf(s, &ignored, "ALTER DATABASE %s IS_TEMPLATE false", name);
	ok = ok && drop_database(t, s, t->working, NULL, &ignored);
	pg_session_close(s);
	arena_release(&a);
	return ok;
}

/* To give commands in; released with target_close(). */
static bool open_for(struct target *t, const struct restore_options *o, const struct cancel *cancel, struct err *e)
{
	*t = (struct target){ .maintenance_db = conninfo_copy(o->target), .wanted = o->beside->name };
	conninfo_set(t->maintenance_db, "dbname", o->maintenance_db ? o->maintenance_db : "postgres");
	return pg_session_open(&t->maintenance, t->maintenance_db, PG_SESSION_PLAIN, "restore", cancel, e);
}

bool restore_mark_checked(const struct restore_options *o, const char *database, const char *snapshot_id,
        const struct cancel *cancel, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct target t;
	bool ok = open_for(&t, o, cancel, e) &&
	          pg_execf(t.maintenance, e, "COMMENT ON DATABASE %s IS %s", pg_quote_ident(&a, database),
	                  pg_quote_literal(&a, arena_printf(&a, CHECKED, snapshot_id, t.wanted)));

	target_close(&t);
	arena_release(&a);
	return ok || err_wrap(e, "mark database \"%s\" as complete", database);
}

bool restore_find_checked(char out[64], const struct restore_options *o, const char *snapshot_id,
        const struct cancel *cancel, struct err *e)
{
	struct arena a = ARENA_INIT;
	const char *params[2] = { out, arena_printf(&a, CHECKED, snapshot_id, o->beside->name) };
	struct target t;
	char *found = NULL;
	bool ok;

	target_working_name(out, o->beside->name, snapshot_id);
	ok = open_for(&t, o, cancel, e) &&
	     pg_query_value(&found, t.maintenance,
	             "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1 AND datconnlimit <> -2"
	             " AND pg_catalog.shobj_description(oid, 'pg_database') = $2)",
	             2, params, e);
	if (ok && strcmp(found, "t") != 0)
		out[0] = '\0';
	free(found);
	target_close(&t);
	arena_release(&a);
	return ok;
}

bool restore_discard(const struct restore_options *o, const char *database, const struct cancel *cancel, struct err *e)
{
	struct target t;
	bool ok = open_for(&t, o, cancel, e) && drop_leftover(&t, database, o->beside->is_template, cancel, e);

	target_close(&t);
	return ok || err_wrap(e, "remove database \"%s\"", database);
}
