#include "restore/preflight.h"

#define LIST_MAX 8 /* names in one message */

/* --- which of these names does the server not have? --- */

/* query gives one column of names the server knows. */
static bool find_missing(struct pg_text_list *out, struct pg_session *s, const char *query, const char *const *names,
        size_t count, struct arena *a, struct err *e)
{
	PGresult *r = NULL;

	out->items = arena_alloc(a, (count + 1) * sizeof(*out->items));
	out->count = 0;
	if (!pg_query(&r, s, query, 0, NULL, e))
		return false;
	for (size_t i = 0; i < count; i++) {
		bool found = false;

		for (int row = 0; row < PQntuples(r) && !found; row++)
			found = strcmp(PQgetvalue(r, row, 0), names[i]) == 0;
		if (!found)
			out->items[out->count++] = names[i];
	}
	PQclear(r);
	return true;
}

static char *join(struct arena *a, const char *const *names, size_t count, const char *format)
{
	struct buf text = BUF_INIT;
	char *copy;

	for (size_t i = 0; i < count && i < LIST_MAX; i++)
		buf_addf(&text, "%s%s%s%s", i ? ", " : "", format, names[i], format);
	if (count > LIST_MAX)
		buf_addf(&text, " and %zu more", count - LIST_MAX);
	copy = arena_strdup(a, buf_str(&text));
	buf_release(&text);
	return copy;
}

/* --- the checks --- */

bool preflight_version(struct pg_session *maintenance, const struct manifest *m, struct err *e)
{
	int have = pg_session_version(maintenance) / 10000, need = m->server_version / 10000;

	if (have >= need)
		return true;
	err_set(e, ERR_REFUSED, "the server is PostgreSQL %d, the snapshot is of PostgreSQL %d", have, need);
	return err_hint(e, "restore into a server of version %d or newer", need);
}

static const struct {
	const char *extension, *package;
} packages[] = {
	{ "postgis", "postgis-3" },
	{ "postgis_raster", "postgis-3" },
	{ "postgis_topology", "postgis-3" },
	{ "postgis_sfcgal", "postgis-3" },
	{ "postgis_tiger_geocoder", "postgis-3" },
	{ "address_standardizer", "postgis-3" },
	{ "pg_partman", "partman" },
	{ "pg_cron", "cron" },
	{ "vector", "pgvector" },
	{ "pg_repack", "repack" },
	{ "pgaudit", "pgaudit" },
	{ "hypopg", "hypopg" },
	{ "ip4r", "ip4r" },
	{ "hll", "hll" },
	{ "pgrouting", "pgrouting" },
	{ "orafce", "orafce" },
	{ "semver", "semver" },
	{ "plv8", "plv8" },
	{ "pg_hint_plan", "pg-hint-plan" },
	{ "age", "age" },
	{ "pgtap", "pgtap" },
	{ "rum", "rum" },
	{ "prefix", "prefix" },
	{ "pgmp", "pgmp" },
};

static const char *const contrib[] = { "adminpack", "amcheck", "autoinc", "bloom", "btree_gin", "btree_gist", "citext",
	"cube", "dblink", "dict_int", "dict_xsyn", "earthdistance", "file_fdw", "fuzzystrmatch", "hstore",
	"insert_username", "intagg", "intarray", "isn", "lo", "ltree", "moddatetime", "old_snapshot", "pageinspect",
	"pg_buffercache", "pg_freespacemap", "pg_prewarm", "pg_stat_statements", "pg_surgery", "pg_trgm",
	"pg_visibility", "pg_walinspect", "pgcrypto", "pgrowlocks", "pgstattuple", "postgres_fdw", "refint", "seg",
	"sslinfo", "tablefunc", "tcn", "tsm_system_rows", "tsm_system_time", "unaccent", "uuid-ossp", "xml2" };

char *preflight_package(const char *extension, int server_version)
{
	int major = server_version / 10000;
	char *package;

	for (size_t i = 0; i < sizeof(contrib) / sizeof(contrib[0]); i++)
		if (strcmp(contrib[i], extension) == 0)
			return xasprintf("postgresql-%d (postgresql-contrib)", major);
	for (size_t i = 0; i < sizeof(packages) / sizeof(packages[0]); i++)
		if (strcmp(packages[i].extension, extension) == 0)
			return xasprintf("postgresql-%d-%s", major, packages[i].package);
	if (strncmp(extension, "pl", 2) == 0 && strstr(extension, "python"))
		return xasprintf("postgresql-plpython3-%d", major);
	if (strncmp(extension, "plperl", 6) == 0 || strncmp(extension, "pltcl", 5) == 0)
		return xasprintf("postgresql-%.*s-%d", extension[2] == 'p' ? 6 : 5, extension, major);
	package = xasprintf("postgresql-%d-%s", major, extension);
	for (char *p = package; *p; p++)
		*p = *p == '_' ? '-' : *p; /* a package's name has none */
	return package;
}

static bool refuse_extensions(const struct pg_text_list *missing, int server_version, struct arena *a, struct err *e)
{
	struct buf hint = BUF_INIT;

	for (size_t i = 0; i < missing->count && i < LIST_MAX; i++) {
		char *name = arena_strndup(a, missing->items[i], strcspn(missing->items[i], " "));
		char *package = preflight_package(name, server_version);

		if (!strstr(buf_str(&hint), package))
			buf_addf(&hint, "%s%s", i ? ", " : "", package);
		free(package);
	}
	err_set(e, ERR_REFUSED, "the server does not have the extension%s %s", missing->count == 1 ? "" : "s",
	        join(a, missing->items, missing->count, ""));
	err_hint(e, "install on the server's machine, on Debian probably: %s", buf_str(&hint));
	buf_release(&hint);
	return false;
}

/*
 * The server reads the control files of all extensions for that, and says no to a single one that it cannot read, of
 * whatever extension: one that is needed and missing is then seen when it is made.
 */
static bool cannot_list(struct pg_session *s, struct observer *obs, const struct err *why, struct err *e)
{
	if (why->kind != ERR_FAILED || !*pg_session_sqlstate(s)) {
		*e = *why;
		return false;
	}
	observer_note(obs, NOTE_WARN, "the extensions that the server has cannot be listed and are not checked: %s",
	        why->msg);
	return true;
}

static bool check_extensions(
        struct pg_session *s, const struct contents *c, struct observer *obs, struct arena *a, struct err *e)
{
	const char **names = arena_alloc(a, (c->extensions.count + 1) * sizeof(*names));
	const char **versions = arena_alloc(a, (c->extensions.count + 1) * sizeof(*versions));
	struct pg_text_list missing, other;
	struct err why = ERR_INIT;

	for (size_t i = 0; i < c->extensions.count; i++) {
		names[i] = c->extensions.items[i].name;
		versions[i] = arena_printf(a, "%s %s", names[i], c->extensions.items[i].version);
	}
	if (!find_missing(&missing, s, "SELECT name FROM pg_catalog.pg_available_extensions", names,
	            c->extensions.count, a, &why))
		return cannot_list(s, obs, &why, e);
	for (size_t i = 0; i < missing.count; i++)
		for (size_t k = 0; k < c->extensions.count; k++)
			if (missing.items[i] == names[k])
				missing.items[i] = versions[k];
	if (missing.count)
		return refuse_extensions(&missing, pg_session_version(s), a, e);
	if (!find_missing(&other, s, "SELECT name || ' ' || version FROM pg_catalog.pg_available_extension_versions",
	            versions, c->extensions.count, a, &why))
		return cannot_list(s, obs, &why, e);
	if (other.count)
		observer_note(
		        obs, NOTE_WARN, "the server has other versions of: %s", join(a, other.items, other.count, ""));
	return true;
}

static bool check_roles(struct preflight *out, struct pg_session *s, const struct contents *c,
        const struct restore_options *o, struct err *e)
{
	struct buf hint = BUF_INIT;

	if (o->no_owner)
		return true;
	if (!find_missing(&out->missing_roles, s, "SELECT rolname FROM pg_catalog.pg_roles", c->roles.items,
	            c->roles.count, &out->arena, e))
		return false;
	if (!out->missing_roles.count || o->create_roles)
		return true;
	err_set(e, ERR_REFUSED, "the server does not have the role%s %s", out->missing_roles.count == 1 ? "" : "s",
	        join(&out->arena, out->missing_roles.items, out->missing_roles.count, "\""));
	for (size_t i = 0; i < out->missing_roles.count && i < 3; i++)
		buf_addf(&hint, "CREATE ROLE %s; ", pg_quote_ident(&out->arena, out->missing_roles.items[i]));
	err_hint(e, "--create-roles makes them without login, --no-owner does without; or by hand: %s", buf_str(&hint));
	buf_release(&hint);
	return false;
}

static bool check_rights(
        struct pg_session *s, const struct restore_options *o, bool creates, size_t missing_roles, struct err *e)
{
	PGresult *r = NULL;
	bool ok = pg_query(&r, s,
	        "SELECT rolsuper OR rolcreatedb, rolsuper OR rolcreaterole, rolname FROM pg_catalog.pg_roles"
	        " WHERE rolname = current_user",
	        0, NULL, e);

	if (ok && creates && PQntuples(r) == 1 && strcmp(PQgetvalue(r, 0, 0), "t") != 0) {
		ok = err_set(e, ERR_REFUSED, "role \"%s\" may not create databases", PQgetvalue(r, 0, 2));
		if (o->beside)
			err_hint(e, "let an administrator run: ALTER ROLE \"%s\" CREATEDB", PQgetvalue(r, 0, 2));
		else
			err_hint(e, "let an administrator create the empty database \"%s\", or give this role CREATEDB",
			        conninfo_get(o->target, "dbname"));
	} else if (ok && missing_roles && PQntuples(r) == 1 && strcmp(PQgetvalue(r, 0, 1), "t") != 0) {
		ok = err_set(e, ERR_REFUSED, "role \"%s\" may not create the %zu missing roles", PQgetvalue(r, 0, 2),
		        missing_roles);
		err_hint(e, "let an administrator create them, or use --no-owner");
	}
	PQclear(r);
	return ok;
}

static bool check_tablespaces(struct preflight *out, struct pg_session *s, const struct contents *c,
        const struct pg_text_list *used, struct observer *obs, struct err *e)
{
	const char **names = arena_alloc(&out->arena, (used->count + 2) * sizeof(*names));
	struct pg_text_list missing;
	size_t count = 0;

	for (size_t i = 0; i < used->count; i++)
		names[count++] = used->items[i];
	if (c->database.tablespace)
		names[count++] = c->database.tablespace;
	if (!find_missing(&missing, s, "SELECT spcname FROM pg_catalog.pg_tablespace", names, count, &out->arena, e))
		return false;
	out->no_tablespaces = missing.count > 0;
	if (missing.count)
		observer_note(obs, NOTE_WARN,
		        "the server does not have the tablespace %s: everything goes to the default one",
		        join(&out->arena, missing.items, missing.count, "\""));
	return true;
}

bool preflight_check(struct preflight *out, struct pg_session *maintenance, const struct contents *c,
        const struct pg_text_list *tablespaces, const struct restore_options *o, bool creates, struct observer *obs,
        struct err *e)
{
	memset(out, 0, sizeof(*out));
	if (check_extensions(maintenance, c, obs, &out->arena, e) && check_roles(out, maintenance, c, o, e) &&
	        check_rights(maintenance, o, creates, out->missing_roles.count, e) &&
	        check_tablespaces(out, maintenance, c, tablespaces, obs, e))
		return true;
	preflight_release(out);
	return false;
}

void preflight_release(struct preflight *p)
{
	arena_release(&p->arena);
}

bool preflight_create_roles(const struct preflight *p, struct pg_session *maintenance, struct err *e)
{
	struct arena a = ARENA_INIT;
	bool ok = true;

	for (size_t i = 0; ok && i < p->missing_roles.count; i++)
		ok = pg_execf(maintenance, e, "CREATE ROLE %s NOLOGIN", pg_quote_ident(&a, p->missing_roles.items[i]));
	arena_release(&a);
	return ok;
}
