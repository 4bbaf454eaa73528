/*
 * What the first normal object id is (16384) has been there since initdb below it. Names of system schemas are excluded
 * besides, for an upgraded cluster may have given them other ids.
 */
#include "restore/target.h"

#define USER_OID    "oid >= 16384"
#define ROUNDS_MAX  100000
#define USER_SCHEMA "nspname !~ '^pg_' AND nspname <> 'information_schema'"
#define NOT_MEMBER(class)                                                               \
	" AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = '" class \
	        "'::pg_catalog.regclass"                                                \
	        " AND d.objid = x.oid AND d.deptype = 'e')"

/*
 * Members of the extensions that may be there. What comes along without being one: indexes with their table; the row
 * type of a table, arrays and multiranges with the type they are of.
 */
#define MEMBERS                                                                       \
	"WITH member AS (SELECT d.classid, d.objid FROM pg_catalog.pg_depend d"       \
	" JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid WHERE d.deptype = 'e'" \
	" AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND e.extname::text IN (%s))"
#define NO_MEMBER " AND NOT EXISTS (SELECT FROM member m WHERE m.classid = x.tableoid AND m.objid = x.oid)"
#define LEFT      " x WHERE " USER_OID NO_MEMBER

static const char contents_sql[] = MEMBERS
        " SELECT COALESCE((SELECT what || ' \"' || name || '\"' FROM ("
        "SELECT 'extension' AS what, extname::text AS name FROM pg_catalog.pg_extension WHERE " USER_OID
        " AND extname <> 'plpgsql' AND extname::text NOT IN (%s)"
        " UNION ALL SELECT 'relation', relname FROM pg_catalog.pg_class x JOIN pg_catalog.pg_namespace n"
        " ON n.oid = x.relnamespace WHERE x." USER_OID " AND n." USER_SCHEMA
        " AND x.relkind NOT IN ('i', 'I', 'c')" NO_MEMBER
        " UNION ALL SELECT 'schema', nspname FROM pg_catalog.pg_namespace" LEFT " AND " USER_SCHEMA
        " AND nspname NOT IN ('public', '" TARGET_MARK "')"
        " UNION ALL SELECT 'routine', proname FROM pg_catalog.pg_proc" LEFT
        " UNION ALL SELECT 'type', typname FROM pg_catalog.pg_type" LEFT
        " AND x.typtype <> 'm' AND NOT EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.typarray = x.oid)"
        " AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = x.typrelid AND c.relkind <> 'c')"
        " UNION ALL SELECT 'large object', oid::text FROM pg_catalog.pg_largeobject_metadata"
        " UNION ALL SELECT 'publication', pubname FROM pg_catalog.pg_publication"
        " UNION ALL SELECT 'subscription', subname FROM pg_catalog.pg_subscription WHERE subdbid ="
        " (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
        " UNION ALL SELECT 'event trigger', evtname FROM pg_catalog.pg_event_trigger" LEFT
        " UNION ALL SELECT 'foreign-data wrapper', fdwname FROM pg_catalog.pg_foreign_data_wrapper" LEFT
        " UNION ALL SELECT 'cast', castsource::pg_catalog.regtype::text FROM pg_catalog.pg_cast" LEFT
        " UNION ALL SELECT 'operator', oprname FROM pg_catalog.pg_operator" LEFT
        " UNION ALL SELECT 'collation', collname FROM pg_catalog.pg_collation" LEFT
        " UNION ALL SELECT 'text search configuration', cfgname FROM pg_catalog.pg_ts_config" LEFT
        " UNION ALL SELECT 'text search dictionary', dictname FROM pg_catalog.pg_ts_dict" LEFT
        " UNION ALL SELECT 'access method', amname FROM pg_catalog.pg_am" LEFT
        " UNION ALL SELECT 'conversion', conname FROM pg_catalog.pg_conversion" LEFT
        " UNION ALL SELECT 'default privilege', defaclobjtype::text FROM pg_catalog.pg_default_acl"
        ") f LIMIT 1), '')";

bool target_contents(char **out, struct pg_session *s, const struct pg_extension_list *but, struct err *e)
{
	struct buf names = BUF_INIT;
	struct arena a = ARENA_INIT;
	char *sql;
	bool ok;

	buf_add(&names, "''");
	for (size_t i = 0; but && i < but->count; i++)
		buf_addf(&names, ", %s", pg_quote_literal(&a, but->items[i].name));
	sql = xasprintf(contents_sql, buf_str(&names), buf_str(&names));
	ok = pg_query_value(out, s, sql, 0, NULL, e);
	free(sql);
	buf_release(&names);
	arena_release(&a);
	return ok;
}

bool target_others_extensions(struct pg_text_list *out, struct pg_session *s, struct arena *a, struct err *e)
{
	PGresult *r = NULL;

	if (!pg_query(&r, s,
	            "SELECT extname FROM pg_catalog.pg_extension WHERE NOT pg_catalog.pg_has_role(extowner, 'USAGE')",
	            0, NULL, e))
		return false;
	out->items = arena_alloc(a, ((size_t)PQntuples(r) + 1) * sizeof(*out->items));
	for (out->count = 0; out->count < (size_t)PQntuples(r); out->count++)
		out->items[out->count] = arena_strdup(a, PQgetvalue(r, (int)out->count, 0));
	PQclear(r);
	return true;
}

#define EVENT_TRIGGERS                                                                                                          \
	"SELECT pg_catalog.format('DROP EVENT TRIGGER %I CASCADE', evtname) FROM pg_catalog.pg_event_trigger x WHERE " USER_OID \
	        NOT_MEMBER("pg_catalog.pg_event_trigger")

/* Without their slots: a restored one never had any. DROP SUBSCRIPTION with a slot would connect. */
#define SUBSCRIPTIONS                                                                                                 \
	"SELECT pg_catalog.format('ALTER SUBSCRIPTION %1$I DISABLE; ALTER SUBSCRIPTION %1$I SET (slot_name = NONE); " \
	"DROP SUBSCRIPTION %1$I', subname) FROM pg_catalog.pg_subscription WHERE subdbid = (SELECT oid FROM "         \
	"pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"

/*
 * Queries whose rows are statements. Each is asked again and again until it gives nothing, some hundred objects at a
 * time, for every object dropped in one transaction takes locks of which a server has only so many.
 */
static const char *const removals[] = {
	EVENT_TRIGGERS, /* these would watch the rest */
	SUBSCRIPTIONS,
	"SELECT pg_catalog.format('DROP PUBLICATION %I', pubname) FROM pg_catalog.pg_publication",
	"SELECT pg_catalog.format('DROP %s IF EXISTS %s CASCADE', CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'v' THEN "
	"'VIEW' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, pg_catalog.string_agg(name, ', ')) FROM ("
	"SELECT CASE relkind WHEN 'p' THEN 'r' ELSE relkind END AS relkind,"
	" pg_catalog.format('%I.%I', nspname, relname) AS name FROM pg_catalog.pg_class x"
	" JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND " USER_SCHEMA
	        NOT_MEMBER("pg_catalog.pg_class") " ORDER BY NOT relispartition, x.oid LIMIT 200) t GROUP BY relkind",
	"SELECT pg_catalog.format('DROP EXTENSION %I CASCADE', extname) FROM pg_catalog.pg_extension"
	" WHERE extname <> 'plpgsql' AND " USER_OID " LIMIT 1",
	"SELECT pg_catalog.format('DROP SCHEMA %I CASCADE', nspname) FROM pg_catalog.pg_namespace WHERE " USER_SCHEMA
	" AND nspname NOT IN ('public', '" TARGET_MARK "') LIMIT 1",
	"SELECT 'DROP SCHEMA public CASCADE' FROM pg_catalog.pg_namespace WHERE nspname = 'public'",
	"SELECT pg_catalog.format('DROP CAST (%s AS %s)', castsource::pg_catalog.regtype, casttarget::pg_catalog.regtype)"
	" FROM pg_catalog.pg_cast WHERE " USER_OID " LIMIT 1",
	"SELECT pg_catalog.format('DROP FOREIGN DATA WRAPPER %I CASCADE', fdwname) FROM pg_catalog.pg_foreign_data_wrapper"
	" WHERE " USER_OID " LIMIT 1",
	"SELECT pg_catalog.format('DROP LANGUAGE %I CASCADE', lanname) FROM pg_catalog.pg_language WHERE " USER_OID
	" AND lanname <> 'plpgsql' LIMIT 1",
	"SELECT pg_catalog.format('DROP ACCESS METHOD %I CASCADE', amname) FROM pg_catalog.pg_am WHERE " USER_OID
	" LIMIT 1",
	"SELECT pg_catalog.format('SELECT pg_catalog.lo_unlink(%s)', oid) FROM pg_catalog.pg_largeobject_metadata LIMIT 500",
};

static bool run_removal(struct pg_session *s, const char *query, struct err *e)
{
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		PGresult *r = NULL;
		int rows;
		bool ok = pg_query(&r, s, query, 0, NULL, e);

		rows = ok ? PQntuples(r) : 0;
		for (int i = 0; ok && i < rows; i++)
			ok = pg_exec(s, PQgetvalue(r, i, 0), e);
		PQclear(r);
		if (!ok || !rows)
			return ok;
	}
	return err_set(e, ERR_FAILED, "there is always something left");
}

/* Default privileges that are not a schema's own: back to what they are without any. */
static const char *const default_acls =
        "SELECT pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %1$I REVOKE ALL ON %2$s FROM PUBLIC%3$s; "
        "ALTER DEFAULT PRIVILEGES FOR ROLE %1$I GRANT ALL ON %2$s TO %1$I%4$s', pg_catalog.pg_get_userbyid(defaclrole),"
        " CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES'"
        " WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END,"
        " (SELECT pg_catalog.string_agg(pg_catalog.format(', %I', pg_catalog.pg_get_userbyid(grantee)), '')"
        " FROM pg_catalog.aclexplode(defaclacl) WHERE grantee <> 0),"
        " CASE WHEN defaclobjtype IN ('f', 'T') THEN ', PUBLIC' ELSE '' END)"
        " FROM pg_catalog.pg_default_acl WHERE defaclnamespace = 0";

static bool run_default_acls(struct pg_session *s, struct err *e)
{
	PGresult *r = NULL;
	bool ok = pg_query(&r, s, default_acls, 0, NULL, e);

	for (int i = 0; ok && i < PQntuples(r); i++)
		ok = pg_exec(s, PQgetvalue(r, i, 0), e);
	PQclear(r);
	return ok;
}

bool target_empty(struct pg_session *s, struct err *e)
{
	bool ok = run_default_acls(s, e);

	for (size_t i = 0; ok && i < sizeof(removals) / sizeof(removals[0]); i++)
		ok = run_removal(s, removals[i], e);
	/* As initdb makes it. */
	ok = ok &&
	     pg_exec(s,
	             "CREATE SCHEMA public; ALTER SCHEMA public OWNER TO pg_database_owner;"
	             " GRANT USAGE ON SCHEMA public TO PUBLIC; COMMENT ON SCHEMA public IS 'standard public schema'",
	             e);
	return ok || err_wrap(e, "remove what a killed restore left");
}

bool target_empty_subscriptions(struct pg_session *s, struct err *e)
{
	return run_removal(s, EVENT_TRIGGERS, e) && run_removal(s, SUBSCRIPTIONS, e);
}
