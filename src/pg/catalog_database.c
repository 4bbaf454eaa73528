#include <stdlib.h>
#include <string.h>

#include "src/pg/catalog_internal.h"

/* Of the session's own database, or of the one $1 names. */
#define NAMED "d.datname = COALESCE($1::name, pg_catalog.current_database())"

/* Settings whose stored value is a list of identifiers (GUC_LIST_QUOTE in PostgreSQL's guc_tables.c). */
static const char *const list_settings[] = {
	"local_preload_libraries",
	"search_path",
	"session_preload_libraries",
	"shared_preload_libraries",
	"temp_tablespaces",
	"unix_socket_directories",
};

static bool is_list_setting(const char *name)
{
	for (size_t i = 0; i < sizeof list_settings / sizeof *list_settings; i++)
		if (strcasecmp(name, list_settings[i]) == 0)
			return true;
	return false;
}

/* "a", "B", "$user" as stored -> 'a', 'B', '$user' as SET takes them. */
static void add_list_value(struct buf *out, const char *value, struct arena *a)
{
	const char *p = value;
	bool first = true;

	while (*p != '\0') {
		struct buf item = BUF_INIT;

		while (*p == ' ' || *p == ',')
			p++;
		if (*p == '\0') {
			buf_release(&item);
			break;
		}
		if (*p == '"') {
			for (p++; *p != '\0' && (*p != '"' || p[1] == '"'); p++) {
				if (*p == '"')
					p++;
				buf_addn(&item, p, 1);
			}
			if (*p == '"')
				p++;
		} else {
			while (*p != '\0' && *p != ',' && *p != ' ')
				buf_addn(&item, p++, 1);
		}
		buf_addf(out, "%s%s", first ? "" : ", ", pg_quote_literal(a, buf_str(&item)));
		first = false;
		buf_release(&item);
	}
	if (first)
		buf_add(out, "''");
}

static const char *setting_statement(struct arena *a, const char *role, const char *setting)
{
	const char *eq = strchr(setting, '=');
	struct buf sql = BUF_INIT;
	char *name, *text;

	if (eq == NULL)
		return NULL;
	name = arena_strndup(a, setting, (size_t)(eq - setting));
	if (role != NULL)
		buf_addf(&sql, "ALTER ROLE %s IN DATABASE %%1$s SET ", pg_quote_ident(a, role));
	else
		buf_add(&sql, "ALTER DATABASE %1$s SET ");
	/* A custom setting is "prefix.name": two identifiers. */
	for (char *dot; (dot = strchr(name, '.')) != NULL; name = dot + 1)
		buf_addf(&sql, "%s.", pg_quote_ident(a, arena_strndup(a, name, (size_t)(dot - name))));
	buf_addf(&sql, "%s TO ", pg_quote_ident(a, name));
	if (is_list_setting(name))
		add_list_value(&sql, eq + 1, a);
	else
		buf_add(&sql, pg_quote_literal(a, eq + 1));
	text = arena_strdup(a, buf_str(&sql));
	buf_release(&sql);
	return text;
}

#define SETTINGS_SQL                                                       \
	"SELECT r.rolname, c.setting FROM pg_catalog.pg_db_role_setting s" \
	" JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase"          \
	" LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole,"           \
	" LATERAL unnest(s.setconfig) WITH ORDINALITY AS c(setting, n)"    \
	" WHERE " NAMED " AND (s.setrole = 0 OR r.oid IS NOT NULL)"        \
	" ORDER BY r.rolname COLLATE \"C\" NULLS FIRST, c.n"
#define LABELS_SQL                                                                     \
	"SELECT l.provider, l.label FROM pg_catalog.pg_shseclabel l"                   \
	" JOIN pg_catalog.pg_database d ON d.oid = l.objoid"                           \
	" WHERE l.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass AND " NAMED \
	" ORDER BY l.provider COLLATE \"C\""

static bool read_settings(
        struct pg_text_list *out, struct pg_session *s, const char *name, struct arena *a, struct err *e)
{
	PGresult *settings = NULL, *labels = NULL;
	bool ok = pg_query(&settings, s, SETTINGS_SQL, 1, &name, e) && pg_query(&labels, s, LABELS_SQL, 1, &name, e);

	out->count = 0;
	out->items = arena_alloc(a, (size_t)(PQntuples(settings) + PQntuples(labels)) * sizeof *out->items);
	for (int row = 0; row < PQntuples(settings); row++) {
		const char *role = catalog_text(a, settings, row, 0);
		const char *text = setting_statement(a, role, PQgetvalue(settings, row, 1));

		if (text != NULL)
			out->items[out->count++] = text;
	}
	for (int row = 0; row < PQntuples(labels); row++)
		out->items[out->count++] = arena_printf(a, "SECURITY LABEL FOR %s ON DATABASE %%1$s IS %s",
		        pg_quote_ident(a, PQgetvalue(labels, row, 0)), pg_quote_literal(a, PQgetvalue(labels, row, 1)));
	PQclear(settings);
	PQclear(labels);
	return ok;
}

/* The locale columns of pg_database were renamed and added to between 15 and 17. */
static const char *locale_columns(int version)
{
	if (version >= 170000)
		return "d.datlocale, d.daticurules";
	if (version >= 160000)
		return "d.daticulocale, d.daticurules";
	if (version >= 150000)
		return "d.daticulocale, NULL";
	return "NULL, NULL";
}

static const char *provider_name(const char *code)
{
	return code[0] == 'i' ? "icu" : code[0] == 'b' ? "builtin" : "libc";
}

static bool read_row(struct pg_database *out, struct pg_session *s, const char *name, struct arena *a, struct err *e)
{
	int version = pg_session_version(s);
	const char *sql = arena_printf(a,
	        "SELECT d.oid, d.datname, pg_catalog.pg_get_userbyid(d.datdba), "
	        "pg_catalog.pg_encoding_to_char(d.encoding),"
	        " d.datcollate, d.datctype, %s, %s, t.spcname, d.datacl, pg_catalog.shobj_description(d.oid, "
	        "'pg_database'),"
	        " d.datconnlimit, d.datistemplate, d.datallowconn, pg_catalog.pg_is_in_recovery(),"
	        " pg_catalog.pg_database_size(d.oid), pg_catalog.current_setting('data_checksums'),"
	        " COALESCE((SELECT setting FROM pg_catalog.pg_settings WHERE name = 'shared_preload_libraries'), '')"
	        " FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace"
	        " WHERE " NAMED,
	        version >= 150000 ? "d.datlocprovider" : "'c'", locale_columns(version));
	PGresult *res = NULL;

	if (!pg_query(&res, s, sql, 1, &name, e))
		return false;
	if (PQntuples(res) != 1) {
		PQclear(res);
		return name ? err_set(e, ERR_NOT_FOUND, "there is no database \"%s\"", name)
		            : err_set(e, ERR_FAILED, "the database is not in pg_database any more");
	}
	out->oid = catalog_oid(res, 0, 0);
	out->name = catalog_text(a, res, 0, 1);
	out->owner = catalog_text(a, res, 0, 2);
	out->encoding = catalog_text(a, res, 0, 3);
	out->collate = catalog_text(a, res, 0, 4);
	out->ctype = catalog_text(a, res, 0, 5);
	out->locale_provider = provider_name(PQgetvalue(res, 0, 6));
	out->locale = catalog_text(a, res, 0, 7);
	out->icu_rules = catalog_text(a, res, 0, 8);
	out->tablespace = catalog_text(a, res, 0, 9);
	out->acl = catalog_text(a, res, 0, 10);
	out->comment = catalog_text(a, res, 0, 11);
	out->connection_limit = (int)strtol(PQgetvalue(res, 0, 12), NULL, 10);
	out->is_template = catalog_bool(res, 0, 13);
	out->allow_connections = catalog_bool(res, 0, 14);
	out->in_recovery = catalog_bool(res, 0, 15);
	out->size = catalog_u64(res, 0, 16);
	out->data_checksums = catalog_text(a, res, 0, 17);
	out->preload_libraries = catalog_text(a, res, 0, 18);
	out->server_version = version;
	PQclear(res);
	return true;
}

/* Functions over the control file may be withheld from ordinary users; the identity is then unknown, not an error. */
static bool read_system_identifier(struct pg_database *out, struct pg_session *s, struct arena *a, struct err *e)
{
	char *may = NULL, *text = NULL;
	bool ok;

	out->system_identifier = "";
	ok = pg_query_value(&may, s,
	        "SELECT pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')", 0, NULL, e);
	if (ok && may != NULL && may[0] == 't') {
		ok = pg_query_value(
		        &text, s, "SELECT system_identifier FROM pg_catalog.pg_control_system()", 0, NULL, e);
		if (ok && text != NULL)
			out->system_identifier = arena_strdup(a, text);
	}
	free(may);
	free(text);
	return ok;
}

bool pg_catalog_database_named(
        struct pg_database *out, struct pg_session *s, const char *name, struct arena *a, struct err *e)
{
	if (!read_row(out, s, name, a, e) || !read_settings(&out->settings, s, name, a, e) ||
	        !read_system_identifier(out, s, a, e))
		return err_wrap(e, "read the database's own settings");
	return true;
}

bool pg_catalog_database_exists(bool *out, struct pg_session *s, const char *name, struct err *e)
{
	char *found = NULL;
	bool ok = pg_query_value(
	        &found, s, "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)", 1, &name, e);

	*out = ok && strcmp(found, "t") == 0;
	free(found);
	return ok;
}

/*
 * Of the server, of this role and of this database, whichever has least. What kind of session another role's is cannot
 * be seen by everybody (backend_type is NULL then): it counts.
 */
static const char *const connections_sql =
        "WITH sessions AS (SELECT usesysid, datid FROM pg_catalog.pg_stat_activity WHERE datid IS NOT NULL"
        " AND COALESCE(backend_type, 'client backend') = 'client backend')"
        " SELECT LEAST(pg_catalog.current_setting('max_connections')::bigint"
        " - pg_catalog.current_setting('superuser_reserved_connections')::bigint"
        " - COALESCE(pg_catalog.current_setting('reserved_connections', true), '0')::bigint"
        " - (SELECT count(*) FROM sessions),"
        " CASE WHEN NOT r.rolsuper AND r.rolconnlimit >= 0"
        " THEN r.rolconnlimit - (SELECT count(*) FROM sessions WHERE usesysid = r.oid) END,"
        " CASE WHEN NOT r.rolsuper AND d.datconnlimit >= 0"
        " THEN d.datconnlimit - (SELECT count(*) FROM sessions WHERE datid = d.oid) END)"
        " FROM pg_catalog.pg_roles r, pg_catalog.pg_database d"
        " WHERE r.rolname = SESSION_USER AND d.datname = pg_catalog.current_database()";

bool pg_catalog_connections_free(int64_t *out, struct pg_session *s, struct err *e)
{
	char *text = NULL;

	if (!pg_query_value(&text, s, connections_sql, 0, NULL, e))
		return err_wrap(e, "count the free connections");
	*out = text ? strtoll(text, NULL, 10) : 0;
	free(text);
	return true;
}

bool pg_catalog_database(struct pg_database *out, struct pg_session *s, struct arena *a, struct err *e)
{
	return pg_catalog_database_named(out, s, NULL, a, e);
}

bool pg_catalog_library_databases(struct pg_text_list *out, struct pg_session *s, struct arena *a, struct err *e)
{
	if (!catalog_text_list(out, s,
	            "SELECT name FROM pg_catalog.pg_settings WHERE context = 'postmaster' AND vartype = 'string'"
	            " AND name ~ '[.](.*_)?(database|dbname|db_name)(_name)?$' ORDER BY name",
	            a, e))
		return err_wrap(e, "list the settings of preloaded libraries");
	return true;
}
