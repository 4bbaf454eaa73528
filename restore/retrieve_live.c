/* restore/retrieve_live.c - the table that has the name now, beside the restored one; see retrieve_internal.h */
#include <stdlib.h>
#include <string.h>

#include "restore/retrieve_internal.h"

static const char *text_of(struct retrieve *r, const PGresult *res, int row, int column)
{
	return arena_strdup(&r->arena, PQgetvalue(res, row, column));
}

static bool yes(const PGresult *res, int row, int column)
{
	return strcmp(PQgetvalue(res, row, column), "t") == 0;
}

static bool find_live(struct retrieve_live *out, struct retrieve *r, const struct retrieved *t, struct err *e)
{
	const char *params[] = { t->schema, t->name };
	PGresult *res = NULL;

	if (!pg_query(&res, r->session,
	            "SELECT c.oid, c.relkind, c.relispartition, c.relhassubclass FROM pg_catalog.pg_class c"
	            " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	            " WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'f', 'm')",
	            2, params, e))
		return false;
	if (PQntuples(res)) {
		out->oid = text_of(r, res, 0, 0);
		out->kind = *PQgetvalue(res, 0, 1);
		out->partition = yes(res, 0, 2);
		out->has_children = out->kind == 'r' && yes(res, 0, 3);
	}
	PQclear(res);
	return true;
}

static bool find_columns(
        struct retrieve_column **out, size_t *count, struct retrieve *r, const char *oid, struct err *e)
{
	PGresult *res = NULL;

	if (!pg_query(&res, r->session,
	            "SELECT attname, pg_catalog.format_type(atttypid, atttypmod), attidentity, attgenerated, attnotnull,"
	            " atthasdef FROM pg_catalog.pg_attribute WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped"
	            " ORDER BY attnum",
	            1, &oid, e))
		return false;
	*count = (size_t)PQntuples(res);
	*out = arena_alloc(&r->arena, (*count + 1) * sizeof(**out));
	for (size_t i = 0; i < *count; i++)
		(*out)[i] = (struct retrieve_column){ .name = text_of(r, res, (int)i, 0),
			.type = text_of(r, res, (int)i, 1),
			.identity = *PQgetvalue(res, (int)i, 2),
			.generated = *PQgetvalue(res, (int)i, 3),
			.not_null = yes(res, (int)i, 4),
			.has_default = yes(res, (int)i, 5) };
	PQclear(res);
	return true;
}

static bool find_list(const char ***out, size_t *count, struct retrieve *r, const char *sql, const char *const *params,
        int param_count, struct err *e)
{
	PGresult *res = NULL;
	size_t columns;

	if (!pg_query(&res, r->session, sql, param_count, params, e))
		return false;
	columns = (size_t)PQnfields(res);
	*out = arena_alloc(&r->arena, ((size_t)PQntuples(res) * columns + 1) * sizeof(**out));
	for (int i = 0; i < PQntuples(res); i++)
		for (size_t k = 0; k < columns; k++)
			(*out)[(*count)++] = text_of(r, res, i, (int)k);
	PQclear(res);
	return true;
}

static bool find_sequences(struct retrieve_live *out, struct retrieve *r, struct err *e)
{
	PGresult *res = NULL;

	if (!pg_query(&res, r->session,
	            "SELECT pg_catalog.format('\"%s\".\"%s\"', pg_catalog.replace(n.nspname, '\"', '\"\"'),"
	            " pg_catalog.replace(s.relname, '\"', '\"\"')), a.attname, q.seqincrement > 0, d.deptype = 'i'"
	            " FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'"
	            " JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace"
	            " JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid"
	            " JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
	            " WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = d.classid"
	            " AND d.refobjid = $1::oid AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') ORDER BY 2, 1",
	            1, &out->oid, e))
		return false;
	out->sequences = arena_alloc(&r->arena, ((size_t)PQntuples(res) + 1) * sizeof(*out->sequences));
	for (int i = 0; i < PQntuples(res); i++)
		out->sequences[out->sequence_count++] = (struct retrieve_sequence){ .qualified = text_of(r, res, i, 0),
			.column = text_of(r, res, i, 1),
			.ascending = yes(res, i, 2),
			.identity = yes(res, i, 3) };
	PQclear(res);
	return true;
}

static bool find_unique_key(struct retrieve_live *out, struct retrieve *r, struct err *e)
{
	const char *params[] = { out->oid, out->new_oid };
	char *got = NULL;
	bool ok = pg_query_value(&got, r->session,
	        "WITH named AS (SELECT i.*, (SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attname) FROM"
	        " pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid"
	        " AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])) AS names"
	        " FROM pg_catalog.pg_index i WHERE i.indrelid IN ($1::oid, $2::oid))"
	        " SELECT EXISTS (SELECT FROM named l JOIN named r ON r.names = l.names WHERE l.indrelid = $1::oid"
	        " AND r.indrelid = $2::oid AND r.indisprimary AND l.indisunique AND l.indimmediate AND l.indisvalid"
	        " AND NOT l.indisexclusion AND l.indpred IS NULL AND l.indexprs IS NULL)",
	        2, params, e);

	out->unique_key = ok && strcmp(got, "t") == 0;
	free(got);
	return ok;
}

/* $2 is its name. A publication's row filters and columns cannot be guessed: those are only named. */
static bool find_marks(struct retrieve_live *out, struct retrieve *r, const struct retrieved *t, struct err *e)
{
	const char *params[] = { out->oid, t->qualified };

	return find_list(&out->marks, &out->mark_count, r,
	               "SELECT pg_catalog.format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', $2::text)"
	               " FROM pg_catalog.pg_class WHERE oid = $1::oid AND relforcerowsecurity"
	               " UNION ALL SELECT pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY %s', $2::text,"
	               " CASE relreplident WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END)"
	               " FROM pg_catalog.pg_class WHERE oid = $1::oid AND relreplident IN ('f', 'n')"
	               " UNION ALL SELECT pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', $2::text, c.relname)"
	               " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
	               " WHERE i.indrelid = $1::oid AND i.indisreplident",
	               params, 2, e) &&
	       find_list(&out->publications, &out->publication_count, r,
	               "SELECT pg_catalog.quote_ident(p.pubname) FROM pg_catalog.pg_publication_rel x"
	               " JOIN pg_catalog.pg_publication p ON p.oid = x.prpubid WHERE x.prrelid = $1::oid ORDER BY 1",
	               params, 1, e);
}

static bool look_at_live(struct retrieve_live *out, struct retrieve *r, const struct retrieved *t, struct err *e)
{
	return find_columns(&out->columns, &out->column_count, r, out->oid, e) && find_sequences(out, r, e) &&
	       find_unique_key(out, r, e) && find_marks(out, r, t, e) &&
	       find_list(&out->referrers, &out->referrer_count, r,
	               "SELECT pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::pg_catalog.regclass, conname),"
	               " pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::pg_catalog.regclass, conname,"
	               " pg_catalog.pg_get_constraintdef(oid)) FROM pg_catalog.pg_constraint WHERE confrelid = $1::oid"
	               " AND contype = 'f' AND conrelid <> confrelid AND conparentid = 0 ORDER BY 1",
	               &out->oid, 1, e) &&
	       find_list(&out->readers, &out->reader_count, r,
	               "SELECT DISTINCT w.ev_class::pg_catalog.regclass::text FROM pg_catalog.pg_depend d"
	               " JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid"
	               " WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass"
	               " AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1::oid"
	               " AND w.ev_class <> $1::oid ORDER BY 1",
	               &out->oid, 1, e);
}

bool retrieve_look(struct retrieve_live *out, struct retrieve *r, const struct retrieve_table *t, struct err *e)
{
	char *oid = NULL;
	bool ok;

	*out = (struct retrieve_live){ 0 };
	ok = pg_query_value(&oid, r->session, "SELECT $1::pg_catalog.regclass::oid", 1, &t->out->new_qualified, e);
	out->new_oid = arena_strdup(&r->arena, oid);
	free(oid);
	if (!ok || !find_columns(&out->new_columns, &out->new_column_count, r, out->new_oid, e) ||
	        !find_list(&out->key, &out->key_count, r,
	                "SELECT a.attname FROM pg_catalog.pg_index i,"
	                " pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, place)"
	                " JOIN pg_catalog.pg_attribute a USING (attnum) WHERE i.indrelid = $1::oid AND i.indisprimary"
	                " AND a.attrelid = i.indrelid AND k.place <= i.indnkeyatts ORDER BY k.place",
	                &out->new_oid, 1, e) ||
	        !find_live(out, r, t->out, e))
		return false;
	t->out->live = out->kind == 'r' || out->kind == 'p';
	return !out->oid || look_at_live(out, r, t->out, e);
}

/* --- counts --- */

const struct retrieve_column *retrieve_column_find(const struct retrieve_column *c, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(c[i].name, name) == 0)
			return &c[i];
	return NULL;
}

bool retrieve_column_common(const struct retrieve_live *l, const struct retrieve_column *new_column)
{
	const struct retrieve_column *c = retrieve_column_find(l->columns, l->column_count, new_column->name);

	return c && !c->generated;
}

/* The same columns of the same types, so far as there is anything to compare. */
static bool is_comparable(const struct retrieve_live *l)
{
	if (!l->key_count)
		return false;
	for (size_t i = 0; i < l->key_count; i++) {
		const struct retrieve_column *now = retrieve_column_find(l->columns, l->column_count, l->key[i]);
		const struct retrieve_column *then = retrieve_column_find(
		        l->new_columns, l->new_column_count, l->key[i]);

		if (!now || strcmp(now->type, then->type) != 0)
			return false;
	}
	return true;
}

static void add_row(struct buf *sql, const struct retrieve_live *l, const char *alias)
{
	struct arena a = ARENA_INIT;
	const char *before = "ROW(";

	for (size_t i = 0; i < l->new_column_count; i++) {
		if (!retrieve_column_common(l, &l->new_columns[i]))
			continue;
		buf_addf(sql, "%s%s.%s", before, alias, pg_quote_ident(&a, l->new_columns[i].name));
		before = ", ";
	}
	buf_add(sql, ")::text");
	arena_release(&a);
}

/* As text, for not every type knows what is equal; the settings are those the rows were written with. */
static void write_comparison(struct buf *sql, const struct retrieve_live *l, const struct retrieved *t)
{
	struct arena a = ARENA_INIT;

	buf_addf(sql, "SELECT pg_catalog.count(*) FILTER (WHERE l.tableoid IS NULL),"
	              " pg_catalog.count(*) FILTER (WHERE l.tableoid IS NOT NULL AND ");
	add_row(sql, l, "r");
	buf_add(sql, " IS DISTINCT FROM ");
	add_row(sql, l, "l");
	buf_addf(sql, ") FROM %s r LEFT JOIN %s%s l ON ", t->new_qualified, l->has_children ? "ONLY " : "",
	        t->qualified);
	for (size_t i = 0; i < l->key_count; i++)
		buf_addf(sql, "%1$sl.%2$s = r.%2$s", i ? " AND " : "", pg_quote_ident(&a, l->key[i]));
	arena_release(&a);
}

static bool compare(const struct retrieve_live *l, struct retrieve *r, struct retrieved *t, struct err *e)
{
	struct buf sql = BUF_INIT;
	PGresult *res = NULL;
	bool ok;

	write_comparison(&sql, l, t);
	ok = pg_query(&res, r->session, buf_str(&sql), 0, NULL, e);
	if (ok) {
		t->missing = atoll(PQgetvalue(res, 0, 0));
		t->changed = atoll(PQgetvalue(res, 0, 1));
	}
	PQclear(res);
	buf_release(&sql);
	return ok;
}

static bool count_rows(const struct retrieve_live *l, struct retrieve *r, struct retrieved *t, struct err *e)
{
	char *sql = xasprintf("SELECT pg_catalog.count(*) FROM %s%s", l->has_children ? "ONLY " : "", t->qualified);
	char *got = NULL;
	bool ok = pg_query_value(&got, r->session, sql, 0, NULL, e);

	if (ok)
		t->live_rows = atoll(got);
	free(got);
	free(sql);
	return ok;
}

bool retrieve_count(const struct retrieve_live *l, struct retrieve *r, const struct retrieve_table *t, struct err *e)
{
	struct retrieved *out = t->out;
	struct err why = ERR_INIT, ignored = ERR_INIT;

	if (!out->live)
		return true;
	if (!pg_exec(r->session, "BEGIN READ ONLY; SET LOCAL lock_timeout = '5s'", e))
		return false;
	if (!count_rows(l, r, out, &why) || (is_comparable(l) && !compare(l, r, out, &why)))
		out->unknown = arena_strdup(&r->result->arena, why.msg);
	else if (!l->key_count)
		out->unknown = "there is no primary key to compare by";
	else if (!is_comparable(l))
		out->unknown = "the live table's key columns are not what they were";
	if (why.kind == ERR_CANCELLED || PQstatus(pg_session_conn(r->session)) != CONNECTION_OK) {
		*e = why;
		return false;
	}
	pg_exec(r->session, "ROLLBACK", &ignored);
	return true;
}
