#include "src/snapshot/drift.h"

#include "src/base/buf.h"

/*
 * Where to look: rows of catalogue t in schema n (NULL for none), called by name. One statement is made of all of them.
 */
struct place {
	const char *kind, *from, *schema, *name;
};

#define IN_SCHEMA(kind, catalog, prefix)                                                                         \
	{                                                                                                        \
		kind, catalog " t JOIN pg_catalog.pg_namespace n ON n.oid = t." prefix "namespace", "n.nspname", \
		        "t." prefix "name"                                                                       \
	}

static const struct place places[] = {
	IN_SCHEMA("function", "pg_proc", "pro"),
	IN_SCHEMA("type", "pg_type", "typ"),
	IN_SCHEMA("constraint", "pg_constraint", "con"),
	IN_SCHEMA("operator", "pg_operator", "opr"),
	IN_SCHEMA("operator class", "pg_opclass", "opc"),
	IN_SCHEMA("operator family", "pg_opfamily", "opf"),
	IN_SCHEMA("collation", "pg_collation", "coll"),
	IN_SCHEMA("text search configuration", "pg_ts_config", "cfg"),
	IN_SCHEMA("text search dictionary", "pg_ts_dict", "dict"),
	IN_SCHEMA("statistics object", "pg_statistic_ext", "stx"),
	{ "enum",
	        "pg_enum t JOIN pg_catalog.pg_type y ON y.oid = t.enumtypid JOIN pg_catalog.pg_namespace n"
	        " ON n.oid = y.typnamespace",
	        "n.nspname", "y.typname" },
	{ "view",
	        "pg_rewrite t JOIN pg_catalog.pg_class c ON c.oid = t.ev_class JOIN pg_catalog.pg_namespace n"
	        " ON n.oid = c.relnamespace",
	        "n.nspname", "c.relname" },
	{ "schema", "pg_namespace t", NULL, "t.nspname" },
	{ "extension", "pg_extension t", NULL, "t.extname" },
	{ "language", "pg_language t", NULL, "t.lanname" },
	/* Relations change for many reasons that do not matter (a materialized view is refreshed, a privilege granted):
	 * only their names count. Tables are locked, and views where their owner may read what they show. */
	{ "relation",
	        "(SELECT c.xmax, c.relnamespace, c.relname FROM pg_catalog.pg_class c"
	        " JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace WHERE c.relkind NOT IN ('r', 'p', 't')"
	        " AND c.xmax <> '0'::pg_catalog.xid AND c.oid::pg_catalog.regclass::text <>"
	        " pg_catalog.format('%I.%I', s.nspname, c.relname)) t"
	        " JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace",
	        "n.nspname", "t.relname" },
};

/*
 * xmax: who has updated or deleted a row that the snapshot sees, or tried to. Since the snapshot, so not before its
 * xmin; whether it was committed is known of ids with 64 bits, for which base has the upper ones.
 */
static void drift_sql(struct buf *out)
{
	buf_add(out, "WITH base AS (SELECT x::text::bigint AS xmin, pg_catalog.age(x::xid) AS age"
	             " FROM pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()) x),"
	             " touched(kind, schema, name, age) AS (");
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		const struct place *p = &places[i];
		bool sub = p->from[0] == '(';

		buf_addf(out, "%sSELECT '%s', %s::text, %s::text, pg_catalog.age(t.xmax) FROM %s%s",
		        i == 0 ? "" : " UNION ALL ", p->kind, p->schema == NULL ? "NULL" : p->schema, p->name,
		        sub ? "" : "pg_catalog.", p->from);
		buf_addf(out, " WHERE t.xmax <> '0'::pg_catalog.xid AND %s !~ '^pg_'",
		        p->schema == NULL ? p->name : p->schema);
	}
	buf_add(out, ") SELECT t.kind, COALESCE(pg_catalog.quote_ident(t.schema) || '.', '') ||"
	             " pg_catalog.quote_ident(t.name) FROM touched t, base WHERE t.age <= base.age AND"
	             " pg_catalog.pg_xact_status((base.xmin + base.age - t.age)::text::pg_catalog.xid8) = 'committed'"
	             " LIMIT 1");
}

bool drift_check(struct pg_session *s, struct err *e)
{
	struct buf sql = BUF_INIT;
	PGresult *res = NULL;
	bool ok;

	drift_sql(&sql);
	ok = pg_query(&res, s, buf_str(&sql), 0, NULL, e) || err_wrap(e, "look for changes since the snapshot");
	if (ok && PQntuples(res) > 0) {
		err_set(e, ERR_CONFLICT, "%s %s was changed while the schema was read", PQgetvalue(res, 0, 0),
		        PQgetvalue(res, 0, 1));
		ok = err_hint(e, "run it again when the migration is done");
	}
	PQclear(res);
	buf_release(&sql);
	return ok;
}
