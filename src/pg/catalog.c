#include <stdlib.h>
#include <string.h>

#include "src/pg/catalog_internal.h"

/* Sequences read in one statement: bounds the statement's size and the locks it takes at once. */
#define SEQUENCES_PER_QUERY 200

const char *catalog_text(struct arena *a, const PGresult *res, int row, int col)
{
	return PQgetisnull(res, row, col) ? NULL : arena_strdup(a, PQgetvalue(res, row, col));
}

uint32_t catalog_oid(const PGresult *res, int row, int col)
{
	return (uint32_t)strtoul(PQgetvalue(res, row, col), NULL, 10);
}

uint64_t catalog_u64(const PGresult *res, int row, int col)
{
	long long v = strtoll(PQgetvalue(res, row, col), NULL, 10);

	return v < 0 ? 0 : (uint64_t)v;
}

bool catalog_bool(const PGresult *res, int row, int col)
{
	return PQgetvalue(res, row, col)[0] == 't';
}

bool catalog_text_list(struct pg_text_list *out, struct pg_session *s, const char *sql, struct arena *a, struct err *e)
{
	PGresult *res = NULL;

	if (!pg_query(&res, s, sql, 0, NULL, e))
		return false;
	out->count = (size_t)PQntuples(res);
	out->items = arena_alloc(a, out->count * sizeof *out->items);
	for (size_t i = 0; i < out->count; i++)
		out->items[i] = catalog_text(a, res, (int)i, 0);
	PQclear(res);
	return true;
}

bool pg_catalog_relations(struct pg_relation_list *out, struct pg_session *s, struct arena *a, struct err *e)
{
	PGresult *res = NULL;

	if (!pg_query(&res, s,
	            "SELECT c.oid, c.relkind, pg_catalog.format('%I.%I', n.nspname, c.relname)"
	            " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	            " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND " CATALOG_USER_SCHEMA
	            " AND (" CATALOG_NOT_OF_EXTENSION " OR c.oid IN (SELECT relid FROM " CATALOG_CONFIG_RELATIONS " k))"
	            " ORDER BY c.oid",
	            0, NULL, e))
		return err_wrap(e, "list relations");
	out->count = (size_t)PQntuples(res);
	out->items = arena_alloc(a, out->count * sizeof *out->items);
	for (size_t i = 0; i < out->count; i++) {
		out->items[i].oid = catalog_oid(res, (int)i, 0);
		out->items[i].relkind = PQgetvalue(res, (int)i, 1)[0];
		out->items[i].qualified = catalog_text(a, res, (int)i, 2);
	}
	PQclear(res);
	return true;
}

bool pg_catalog_sequences(struct pg_sequence_list *out, struct pg_session *s, struct arena *a, struct err *e)
{
	PGresult *res = NULL;

	/* An unlogged sequence (PostgreSQL 15) cannot be read on a standby. */
	if (!pg_query(&res, s,
	            "SELECT c.oid, n.nspname, c.relname, pg_catalog.format('%I.%I', n.nspname, c.relname)"
	            " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	            " WHERE c.relkind = 'S' AND " CATALOG_USER_SCHEMA " AND (" CATALOG_NOT_OF_EXTENSION
	            " OR c.oid IN (SELECT relid FROM " CATALOG_CONFIG_RELATIONS " k))"
	            " AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())"
	            " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"",
	            0, NULL, e))
		return err_wrap(e, "list sequences");
	out->count = (size_t)PQntuples(res);
	out->items = arena_alloc(a, out->count * sizeof *out->items);
	for (size_t i = 0; i < out->count; i++) {
		struct pg_sequence *q = &out->items[i];

		q->oid = catalog_oid(res, (int)i, 0);
		q->schema = catalog_text(a, res, (int)i, 1);
		q->name = catalog_text(a, res, (int)i, 2);
		q->qualified = catalog_text(a, res, (int)i, 3);
	}
	PQclear(res);
	return true;
}

static bool sequence_values(struct pg_sequence *q, size_t count, struct pg_session *s, struct err *e)
{
	struct buf sql = BUF_INIT;
	PGresult *res = NULL;
	bool ok;

	for (size_t i = 0; i < count; i++)
		buf_addf(&sql, "%sSELECT %zu, last_value, is_called FROM %s", i == 0 ? "" : " UNION ALL ", i,
		        q[i].qualified);
	ok = pg_query(&res, s, buf_str(&sql), 0, NULL, e);
	for (int row = 0; ok && row < PQntuples(res); row++) {
		size_t i = (size_t)catalog_u64(res, row, 0);

		q[i].last_value = strtoll(PQgetvalue(res, row, 1), NULL, 10);
		q[i].is_called = catalog_bool(res, row, 2);
	}
	PQclear(res);
	buf_release(&sql);
	return ok;
}

bool pg_catalog_sequence_values(struct pg_sequence_list *list, struct pg_session *s, struct err *e)
{
	for (size_t i = 0; i < list->count; i += SEQUENCES_PER_QUERY) {
		size_t n = list->count - i < SEQUENCES_PER_QUERY ? list->count - i : SEQUENCES_PER_QUERY;

		if (!sequence_values(list->items + i, n, s, e))
			return err_wrap(e, "read sequences");
	}
	return true;
}

bool pg_catalog_matviews(struct pg_matview_list *out, struct pg_session *s, struct arena *a, struct err *e)
{
	PGresult *res = NULL;

	/* What a view reaches contains what every view below it reaches: the number of materialized views reached is an
	 * order. */
	if (!pg_query(&res, s,
	            "WITH RECURSIVE uses AS (SELECT DISTINCT r.ev_class AS view, d.refobjid AS used"
	            " FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid"
	            " WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass"
	            " AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class),"
	            " reach AS (SELECT c.oid AS view, u.used FROM pg_catalog.pg_class c JOIN uses u ON u.view = c.oid"
	            " WHERE c.relkind = 'm' UNION SELECT r.view, u.used FROM reach r JOIN uses u ON u.view = r.used)"
	            " SELECT c.oid, n.nspname, c.relname, pg_catalog.format('%I.%I', n.nspname, c.relname), "
	            "c.relispopulated"
	            " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	            " WHERE c.relkind = 'm' AND " CATALOG_USER_SCHEMA " AND " CATALOG_NOT_OF_EXTENSION
	            " ORDER BY (SELECT count(*) FROM reach r JOIN pg_catalog.pg_class m ON m.oid = r.used"
	            " WHERE r.view = c.oid AND m.relkind = 'm'), n.nspname COLLATE \"C\", c.relname COLLATE \"C\"",
	            0, NULL, e))
		return err_wrap(e, "list materialized views");
	out->count = (size_t)PQntuples(res);
	out->items = arena_alloc(a, out->count * sizeof *out->items);
	for (size_t i = 0; i < out->count; i++) {
		struct pg_matview *v = &out->items[i];

		v->oid = catalog_oid(res, (int)i, 0);
		v->schema = catalog_text(a, res, (int)i, 1);
		v->name = catalog_text(a, res, (int)i, 2);
		v->qualified = catalog_text(a, res, (int)i, 3);
		v->populated = catalog_bool(res, (int)i, 4);
	}
	PQclear(res);
	return true;
}

bool pg_catalog_large_objects(struct pg_large_object_list *out, struct pg_session *s, struct arena *a, struct err *e)
{
	PGresult *res = NULL;

	if (!pg_query(&res, s,
	            "SELECT m.oid, pg_catalog.pg_get_userbyid(m.lomowner), m.lomacl, d.description, (SELECT"
	            " pg_catalog.string_agg(pg_catalog.format('SECURITY LABEL FOR %I ON LARGE OBJECT %s IS %L;',"
	            " l.provider, m.oid, l.label), E'\\n' ORDER BY l.provider) FROM pg_catalog.pg_seclabel l"
	            " WHERE l.classoid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass AND l.objoid = m.oid)"
	            " FROM pg_catalog.pg_largeobject_metadata m LEFT JOIN pg_catalog.pg_description d"
	            " ON d.classoid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass AND d.objoid = m.oid AND "
	            "d.objsubid = 0"
	            " ORDER BY m.oid",
	            0, NULL, e))
		return err_wrap(e, "list large objects");
	out->count = (size_t)PQntuples(res);
	out->items = arena_alloc(a, out->count * sizeof *out->items);
	for (size_t i = 0; i < out->count; i++) {
		struct pg_large_object *l = &out->items[i];

		l->oid = catalog_oid(res, (int)i, 0);
		l->owner = catalog_text(a, res, (int)i, 1);
		l->acl = catalog_text(a, res, (int)i, 2);
		l->comment = catalog_text(a, res, (int)i, 3);
		l->labels = catalog_text(a, res, (int)i, 4);
	}
	PQclear(res);
	return true;
}

bool pg_catalog_extensions(struct pg_extension_list *out, struct pg_session *s, struct arena *a, struct err *e)
{
	PGresult *res = NULL;

	if (!pg_query(&res, s,
	            "SELECT e.extname, e.extversion, n.nspname FROM pg_catalog.pg_extension e"
	            " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace ORDER BY e.extname COLLATE \"C\"",
	            0, NULL, e))
		return err_wrap(e, "list extensions");
	out->count = (size_t)PQntuples(res);
	out->items = arena_alloc(a, out->count * sizeof *out->items);
	for (size_t i = 0; i < out->count; i++) {
		out->items[i].name = catalog_text(a, res, (int)i, 0);
		out->items[i].version = catalog_text(a, res, (int)i, 1);
		out->items[i].schema = catalog_text(a, res, (int)i, 2);
	}
	PQclear(res);
	return true;
}

bool pg_catalog_roles(struct pg_text_list *out, struct pg_session *s, struct arena *a, struct err *e)
{
	/* pg_shdepend does not record what depends on the bootstrap superuser: owners are looked at besides. */
	if (!catalog_text_list(out, s,
	            "SELECT r.rolname FROM pg_catalog.pg_roles r WHERE r.rolname !~ '^pg_' AND r.oid IN ("
	            "SELECT d.refobjid FROM pg_catalog.pg_shdepend d, pg_catalog.pg_database b"
	            " WHERE b.datname = pg_catalog.current_database()"
	            " AND d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass"
	            " AND (d.dbid = b.oid OR (d.classid = 'pg_catalog.pg_database'::pg_catalog.regclass AND d.objid = "
	            "b.oid))"
	            " UNION SELECT datdba FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()"
	            " UNION SELECT setrole FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database b"
	            " ON b.oid = s.setdatabase WHERE b.datname = pg_catalog.current_database()"
	            " UNION SELECT relowner FROM pg_catalog.pg_class WHERE oid >= 16384"
	            " UNION SELECT nspowner FROM pg_catalog.pg_namespace WHERE oid >= 16384"
	            " UNION SELECT proowner FROM pg_catalog.pg_proc WHERE oid >= 16384"
	            " UNION SELECT typowner FROM pg_catalog.pg_type WHERE oid >= 16384"
	            " UNION SELECT lomowner FROM pg_catalog.pg_largeobject_metadata)"
	            " ORDER BY r.rolname COLLATE \"C\"",
	            a, e))
		return err_wrap(e, "list roles");
	return true;
}

bool pg_catalog_invalid_indexes(struct pg_text_list *out, struct pg_session *s, struct arena *a, struct err *e)
{
	if (!catalog_text_list(out, s,
	            "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_index i"
	            " JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_class t ON t.oid = "
	            "i.indrelid"
	            " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	            " WHERE NOT i.indisvalid AND t.relkind <> 'p' AND " CATALOG_USER_SCHEMA
	            " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"",
	            a, e))
		return err_wrap(e, "list invalid indexes");
	return true;
}
