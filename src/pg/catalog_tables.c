#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/pg/catalog_internal.h"

/*
 * Tables with rows of their own, in pg_dump's order but for what order_config() moves. load_root: pg_dump loads what
 * lies below a hash-partitioned table whose key uses the hash opclass of enums through the topmost partition root,
 * because enum OIDs, and so the hashes, differ elsewhere.
 */
static const char *const tables_sql =
        "WITH RECURSIVE config AS " CATALOG_CONFIG_RELATIONS ","
        " unsafe AS (SELECT p.partrelid FROM pg_catalog.pg_partitioned_table p WHERE p.partstrat = 'h' AND EXISTS ("
        " SELECT FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_am am ON am.oid = o.opcmethod"
        " WHERE o.oid = ANY (p.partclass) AND o.opcname = 'enum_ops' AND am.amname = 'hash'"
        " AND o.opcnamespace = 'pg_catalog'::pg_catalog.regnamespace)),"
        " rooted AS (SELECT i.inhrelid AS relid FROM unsafe u JOIN pg_catalog.pg_inherits i ON i.inhparent = "
        "u.partrelid"
        " UNION SELECT i.inhrelid FROM rooted r JOIN pg_catalog.pg_inherits i ON i.inhparent = r.relid)"
        " SELECT c.oid, n.nspname, c.relname, pg_catalog.format('%I.%I', n.nspname, c.relname),"
        " COALESCE((SELECT '(' || pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) || "
        "')'"
        " FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " AND a.attgenerated = ''), ''),"
        " k.relid IS NOT NULL AND NOT " CATALOG_NOT_OF_EXTENSION ", NULLIF(k.condition, ''),"
        " CASE WHEN c.oid IN (SELECT relid FROM rooted) THEN pg_catalog.pg_partition_root(c.oid)::oid END,"
        " am.amname = 'heap', c.relispartition, c.relhassubclass OR EXISTS (SELECT FROM pg_catalog.pg_inherits i"
        " WHERE i.inhrelid = c.oid AND NOT c.relispartition), c.relpersistence = 'u', c.relfilenode,"
        " COALESCE(pg_catalog.pg_relation_size(c.oid), 0) / pg_catalog.current_setting('block_size')::bigint,"
        " COALESCE(pg_catalog.pg_table_size(c.oid), 0)"
        " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam LEFT JOIN config k ON k.relid = c.oid"
        " WHERE c.relkind = 'r' AND " CATALOG_USER_SCHEMA " AND c.relpersistence <> 't'"
        " AND (k.relid IS NOT NULL OR " CATALOG_NOT_OF_EXTENSION ")"
        " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

/* --- foreign keys among configuration tables --- */

struct reference {
	size_t from, to; /* indexes into the list */
};
struct references {
	struct reference *items;
	size_t count;
	size_t first, end; /* all of them are in [first, end) */
};

static size_t find_table(const struct pg_table_list *list, uint32_t oid)
{
	size_t i = 0;

	while (i < list->count && list->items[i].oid != oid)
		i++;
	return i;
}

static bool read_references(
        struct references *out, const struct pg_table_list *list, struct pg_session *s, struct arena *a, struct err *e)
{
	PGresult *res = NULL;

	*out = (struct references){ .first = list->count };
	if (!pg_query(&res, s,
	            "WITH config AS " CATALOG_CONFIG_RELATIONS " SELECT DISTINCT conrelid, confrelid"
	            " FROM pg_catalog.pg_constraint WHERE contype = 'f' AND conrelid <> confrelid"
	            " AND conrelid IN (SELECT relid FROM config) AND confrelid IN (SELECT relid FROM config)",
	            0, NULL, e))
		return false;
	out->items = arena_alloc(a, ((size_t)PQntuples(res) + 1) * sizeof *out->items);
	for (int row = 0; row < PQntuples(res); row++) {
		struct reference r = { find_table(list, catalog_oid(res, row, 0)),
			find_table(list, catalog_oid(res, row, 1)) };

		if (r.from == list->count || r.to == list->count)
			continue;
		out->items[out->count++] = r;
		for (int end = 0; end < 2; end++) {
			size_t i = end ? r.to : r.from;

			out->first = i < out->first ? i : out->first;
			out->end = i + 1 > out->end ? i + 1 : out->end;
		}
	}
	PQclear(res);
	return true;
}

/* Does a table that is not placed yet refer to this one? */
static bool is_referred_to(const struct references *r, const bool *placed, size_t table)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->items[i].to == table && !placed[r->items[i].from])
			return true;
	return false;
}

/* The last of those set aside that nothing unplaced refers to any more; count when there is none. */
static size_t find_free(const struct references *r, const bool *placed, const size_t *aside, size_t count)
{
	size_t i = 0;

	while (i < count && is_referred_to(r, placed, aside[i]))
		i++;
	return i;
}

/*
 * Their foreign keys are there before the rows, so what is referred to goes in front, to where pg_dump moves it: from
 * the back, the last by name that nothing unplaced refers to. What refers to each other in a circle comes first.
 */
static bool order_config(struct pg_table_list *list, struct pg_session *s, struct arena *a, struct err *e)
{
	struct references r;
	struct pg_table *was;
	size_t *aside, count = 0, left;
	bool *placed;

	if (!read_references(&r, list, s, a, e))
		return false;
	was = arena_alloc(a, (list->count + 1) * sizeof *was);
	aside = arena_alloc(a, (list->count + 1) * sizeof *aside);
	placed = arena_alloc(a, list->count + 1);
	memcpy(was, list->items, list->count * sizeof *was);
	memset(placed, 0, list->count);
	left = r.end;
	for (size_t i = r.end; i-- > r.first;) {
		aside[count++] = i;
		for (size_t k; (k = find_free(&r, placed, aside, count)) < count;) {
			placed[aside[k]] = true;
			list->items[--left] = was[aside[k]];
			memmove(aside + k, aside + k + 1, (count - k - 1) * sizeof *aside);
			count--;
		}
	}
	for (size_t k = 0; k < count; k++)
		list->items[--left] = was[aside[k]];
	return true;
}

/* --- the rest --- */

/* Large objects without pages still exist; their rows are one empty page each. */
static bool add_large_objects(struct pg_table_list *out, struct pg_session *s, struct arena *a, struct err *e)
{
	PGresult *res = NULL;
	struct pg_table *t = &out->items[out->count];

	if (!pg_query(&res, s,
	            "SELECT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata),"
	            " pg_catalog.pg_table_size('pg_catalog.pg_largeobject')",
	            0, NULL, e))
		return false;
	if (catalog_bool(res, 0, 0)) {
		t->kind = PG_TABLE_LARGE_OBJECTS;
		t->schema = arena_strdup(a, "pg_catalog");
		t->name = arena_strdup(a, "pg_largeobject");
		t->qualified = arena_strdup(a, "pg_catalog.pg_largeobject");
		t->columns = arena_strdup(a, "(loid, off, data)");
		t->size = catalog_u64(res, 0, 1);
		out->count++;
	}
	PQclear(res);
	return true;
}

static void read_table(struct pg_table *t, const PGresult *res, int row, struct arena *a)
{
	t->oid = catalog_oid(res, row, 0);
	t->schema = catalog_text(a, res, row, 1);
	t->name = catalog_text(a, res, row, 2);
	t->qualified = catalog_text(a, res, row, 3);
	t->columns = catalog_text(a, res, row, 4);
	t->kind = catalog_bool(res, row, 5) ? PG_TABLE_CONFIG : PG_TABLE_PLAIN;
	t->filter = catalog_text(a, res, row, 6);
	t->load_root_oid = PQgetisnull(res, row, 7) ? 0 : catalog_oid(res, row, 7);
	t->heap = catalog_bool(res, row, 8);
	t->partition = catalog_bool(res, row, 9);
	t->inherits = catalog_bool(res, row, 10);
	t->unlogged = catalog_bool(res, row, 11);
	t->relfilenode = catalog_oid(res, row, 12);
	t->main_pages = catalog_u64(res, row, 13);
	t->size = catalog_u64(res, row, 14);
}

/* Rows that go through a root travel with the root's columns, so that the leaves' fingerprints add up to the root's. */
static bool name_load_roots(struct pg_table_list *list, struct pg_session *s, struct arena *a, struct err *e)
{
	for (size_t i = 0; i < list->count; i++) {
		struct pg_table *t = &list->items[i];
		char oid[16];
		const char *params[1] = { oid };
		PGresult *res = NULL;

		if (t->load_root_oid == 0)
			continue;
		snprintf(oid, sizeof oid, "%" PRIu32, t->load_root_oid);
		if (!pg_query(&res, s,
		            "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), (SELECT '(' || "
		            "pg_catalog.string_agg("
		            "pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) || ')' FROM "
		            "pg_catalog.pg_attribute a"
		            " WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '')"
		            " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
		            "WHERE c.oid = $1",
		            1, params, e))
			return false;
		if (PQntuples(res) == 1) {
			t->load_root = catalog_text(a, res, 0, 0);
			t->columns = catalog_text(a, res, 0, 1);
		}
		PQclear(res);
	}
	return true;
}

bool pg_catalog_tables(struct pg_table_list *out, struct pg_session *s, struct arena *a, struct err *e)
{
	PGresult *res = NULL;

	if (!pg_query(&res, s, tables_sql, 0, NULL, e))
		return err_wrap(e, "list tables");
	out->count = 0;
	out->items = arena_alloc(a, ((size_t)PQntuples(res) + 1) * sizeof *out->items);
	for (int row = 0; row < PQntuples(res); row++) {
		read_table(&out->items[out->count], res, row, a);
		out->count++;
	}
	PQclear(res);
	if (!name_load_roots(out, s, a, e) || !order_config(out, s, a, e) || !add_large_objects(out, s, a, e))
		return err_wrap(e, "list tables");
	return true;
}

/*
 * Each large object in pages of 1 MiB. lo_get() needs no right on pg_largeobject itself. The subqueries are fenced by
 * OFFSET 0 so that each object is opened once and closed again; each names the object, or the planner's memoization
 * would take one object's size for another's that got the same descriptor.
 */
static const char *const large_objects_sql =
        "COPY (SELECT m.oid, o.off, pg_catalog.lo_get(m.oid, o.off, 1048576) FROM"
        " (SELECT oid FROM pg_catalog.pg_largeobject_metadata ORDER BY oid) m,"
        " LATERAL (SELECT pg_catalog.lo_open(m.oid, 262144) AS fd OFFSET 0) f,"
        " LATERAL (SELECT pg_catalog.lo_lseek64(f.fd + (m.oid::bigint * 0)::int, 0, 2) AS size OFFSET 0) z,"
        " LATERAL (SELECT pg_catalog.lo_close(f.fd + ((z.size + m.oid::bigint) * 0)::int) AS closed OFFSET 0) d,"
        " LATERAL pg_catalog.generate_series(0::bigint, GREATEST(z.size - 1, 0), 1048576) AS o(off)"
        " WHERE d.closed = 0) TO STDOUT";

char *pg_copy_out_sql(
        struct arena *a, const struct pg_table *t, uint64_t first_page, uint64_t end_page, const char *encoding)
{
	struct buf sql = BUF_INIT;
	size_t len = strlen(t->columns);
	char *text;

	if (t->kind == PG_TABLE_LARGE_OBJECTS)
		return arena_strdup(a, large_objects_sql);
	if (first_page == 0 && end_page == UINT64_MAX && t->filter == NULL && t->columns[0] != '\0') {
		buf_addf(&sql, "COPY %s %s TO STDOUT", t->qualified, t->columns);
	} else {
		/* "(a, b)" without its parentheses is the SELECT list */
		buf_add(&sql, "COPY (SELECT ");
		if (len > 2)
			buf_addn(&sql, t->columns + 1, len - 2);
		buf_addf(&sql, " FROM ONLY %s ", t->qualified);
		if (t->filter != NULL)
			buf_add(&sql, t->filter);
		else if (end_page != UINT64_MAX)
			buf_addf(&sql, "WHERE ctid >= '(%" PRIu64 ",0)' AND ctid < '(%" PRIu64 ",0)'", first_page,
			        end_page);
		else if (first_page != 0)
			buf_addf(&sql, "WHERE ctid >= '(%" PRIu64 ",0)'", first_page);
		buf_add(&sql, ") TO STDOUT");
	}
	buf_addf(&sql, " (ENCODING '%s')", encoding);
	text = arena_strdup(a, buf_str(&sql));
	buf_release(&sql);
	return text;
}
