/* restore/retrieve_sql.c - the statements that put restored rows, or the whole table, back; see retrieve_internal.h */
#include <stdlib.h>
#include <string.h>

#include "restore/retrieve_internal.h"
#include "restore/selection.h"

struct writer {
	const struct retrieve_live *l;
	struct retrieve *r;
	const struct retrieve_table *t;
	struct retrieved *out;
	struct arena *a; /* of the result */
	size_t remark_cap;
	const char *only; /* "ONLY " where the live table has inheritance children */
};

static void remark(struct writer *w, const char *text)
{
	struct retrieved *t = w->out;

	t->remarks = arena_grow(w->a, t->remarks, t->remark_count, &w->remark_cap, sizeof(*t->remarks));
	t->remarks[t->remark_count++] = text;
}

static const char *keep(struct writer *w, struct buf *sql)
{
	const char *text = arena_strdup(w->a, buf_str(sql));

	buf_release(sql);
	return text;
}

static const char *quote(struct writer *w, const char *name)
{
	return pg_quote_ident(w->a, name);
}

/* --- rows --- */

static bool is_key(const struct retrieve_live *l, const char *column)
{
	for (size_t i = 0; i < l->key_count; i++)
		if (strcmp(l->key[i], column) == 0)
			return true;
	return false;
}

static bool is_always_identity(const struct retrieve_live *l, const char *column)
{
	const struct retrieve_column *c = retrieve_column_find(l->columns, l->column_count, column);

	return c && c->identity == 'a';
}

static void add_columns(struct buf *sql, struct writer *w, const char *alias)
{
	const char *before = "";

	for (size_t i = 0; i < w->l->new_column_count; i++) {
		const struct retrieve_column *c = &w->l->new_columns[i];

		if (!retrieve_column_common(w->l, c))
			continue;
		buf_addf(sql, "%s%s%s", before, alias, quote(w, c->name));
		before = ", ";
	}
}

static void add_insert(struct buf *sql, struct writer *w)
{
	bool overriding = false;

	for (size_t i = 0; i < w->l->new_column_count; i++)
		overriding |= is_always_identity(w->l, w->l->new_columns[i].name);
	buf_addf(sql, "INSERT INTO %s (", w->out->qualified);
	add_columns(sql, w, "");
	buf_addf(sql, ")%s\nSELECT ", overriding ? " OVERRIDING SYSTEM VALUE" : "");
}

/* Does the server take it? Not every type knows what is equal. */
static bool is_possible(struct writer *w, const char *sql)
{
	struct err ignored = ERR_INIT;
	char *explain = xasprintf("EXPLAIN %s", sql);
	bool ok = pg_exec(w->r->session, explain, &ignored);

	free(explain);
	return ok;
}

static void write_without_key(struct writer *w, struct buf *sql)
{
	size_t start = sql->len;

	add_columns(sql, w, "");
	buf_addf(sql, " FROM %s\nEXCEPT ALL\nSELECT ", w->out->new_qualified);
	add_columns(sql, w, "");
	buf_addf(sql, " FROM %s%s;\n", w->only, w->out->qualified);
	if (is_possible(w, buf_str(sql))) {
		remark(w,
		        "there is no primary key: whole rows are compared, and those that are not there are put back");
		return;
	}
	sql->len = start;
	add_columns(sql, w, "");
	buf_addf(sql, " FROM %s;\n", w->out->new_qualified);
	remark(w,
	        "there is no primary key, and rows of these types cannot be compared: ALL rows are inserted, also those that are there");
}

static void write_with_key(struct writer *w, struct buf *sql)
{
	add_columns(sql, w, "r.");
	buf_addf(sql, " FROM %s r\n", w->out->new_qualified);
	if (w->l->unique_key) {
		buf_add(sql, "ON CONFLICT DO NOTHING;\n");
		return;
	}
	buf_addf(sql, "WHERE NOT EXISTS (SELECT FROM %s%s l WHERE ", w->only, w->out->qualified);
	for (size_t i = 0; i < w->l->key_count; i++)
		buf_addf(sql, "%1$sl.%2$s = r.%2$s", i ? " AND " : "", quote(w, w->l->key[i]));
	buf_add(sql, ");\n");
	remark(w, "the live table has no unique index on the primary key any more: rows are not set back, only added");
}

static bool has_whole_key(const struct retrieve_live *l)
{
	for (size_t i = 0; i < l->key_count; i++)
		if (!retrieve_column_find(l->columns, l->column_count, l->key[i]))
			return false;
	return l->key_count > 0;
}

static void write_missing(struct writer *w)
{
	struct buf sql = BUF_INIT;

	add_insert(&sql, w);
	if (has_whole_key(w->l))
		write_with_key(w, &sql);
	else
		write_without_key(w, &sql);
	w->out->insert_missing = keep(w, &sql);
}

static void write_overwrite(struct writer *w)
{
	const char *before = " DO UPDATE SET\n    ";
	struct buf sql = BUF_INIT;

	if (!has_whole_key(w->l) || !w->l->unique_key)
		return;
	add_insert(&sql, w);
	add_columns(&sql, w, "");
	buf_addf(&sql, " FROM %s\nON CONFLICT (", w->out->new_qualified);
	for (size_t i = 0; i < w->l->key_count; i++)
		buf_addf(&sql, "%s%s", i ? ", " : "", quote(w, w->l->key[i]));
	buf_add(&sql, ")");
	for (size_t i = 0; i < w->l->new_column_count; i++) {
		const struct retrieve_column *c = &w->l->new_columns[i];

		if (!retrieve_column_common(w->l, c) || is_key(w->l, c->name) || is_always_identity(w->l, c->name))
			continue;
		buf_addf(&sql, "%1$s%2$s = EXCLUDED.%2$s", before, quote(w, c->name));
		before = ",\n    ";
	}
	buf_add(&sql, ";\n");
	if (strstr(before, "UPDATE"))
		buf_release(&sql); /* nothing but the key: rows cannot have changed */
	else
		w->out->overwrite = keep(w, &sql);
}

static void add_setval(struct buf *sql, struct writer *w, const struct retrieve_sequence *s, const char *sequence)
{
	buf_addf(sql,
	        "SELECT pg_catalog.setval(%1$s, %2$s(m.v, s.last_value)) FROM (SELECT %3$s(%4$s) AS v FROM %5$s) m, %6$s s WHERE m.v IS NOT NULL;\n",
	        pg_quote_literal(w->a, sequence), s->ascending ? "GREATEST" : "LEAST", s->ascending ? "max" : "min",
	        quote(w, s->column), w->out->qualified, sequence);
}

static void write_sequences(struct writer *w)
{
	struct buf sql = BUF_INIT;

	for (size_t i = 0; i < w->l->sequence_count; i++)
		add_setval(&sql, w, &w->l->sequences[i], w->l->sequences[i].qualified);
	if (sql.len)
		w->out->sequences = keep(w, &sql);
}

/* --- in the place of the live one --- */

static bool belongs(const struct writer *w, const struct toc_entry *t)
{
	for (size_t i = 0; i < t->ndeps; i++)
		if (t->deps[i] == w->t->entry->dump_id && selection_belongs(t, w->t->entry))
			return true;
	return false;
}

static bool one_of(const char *text, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(text, *list) == 0)
			return true;
	return false;
}

/* What the archive has of it under its own name. */
static void add_recorded(struct buf *sql, struct writer *w)
{
	static const char *const always[] = { "DEFAULT", "FK CONSTRAINT", "TRIGGER", "POLICY", "ROW SECURITY", "RULE",
		"ACL", "COMMENT", "SECURITY LABEL", NULL };
	static const char *const when_gone[] = { "SEQUENCE", "SEQUENCE OWNED BY", NULL };
	const struct toc *toc = w->r->toc;
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < toc->count; i++) {
		const char *text = toc->entries[i].defn;
		bool wanted = one_of(toc->entries[i].desc, always) && belongs(w, &toc->entries[i]);

		if (!w->l->oid && one_of(toc->entries[i].desc, when_gone))
			for (size_t d = 0; d < toc->entries[i].ndeps; d++)
				wanted |= toc->entries[i].deps[d] == w->t->entry->dump_id;
		if (!wanted || !recode_text(&text, w->r->to_utf8, w->a, &ignored))
			continue;
		buf_add(sql, text);
		if (sql->len && sql->data[sql->len - 1] != '\n')
			buf_add(sql, "\n");
	}
}

/* "orders__restored_k3f9xq" for the one that goes is no name; "orders__before_k3f9xq" is. */
static const char *before_name(struct writer *w, const char *name)
{
	char text[64], *at;

	retrieve_name(text, name, w->r->manifest->id, 1);
	at = strstr(text, "__restored_");
	for (char *p = at; p; p = strstr(p + 1, "__restored_"))
		at = p;
	return quote(w, arena_printf(w->a, "%.*s__before_%s", (int)(at - text), text, at + strlen("__restored_")));
}

static void add_index_renames(struct buf *sql, struct writer *w)
{
	for (size_t i = 0; i < w->t->part_count; i++) {
		const struct retrieve_part *p = &w->t->parts[i];
		const char *name = p->entry->tag;
		struct err ignored = ERR_INIT;

		if (!p->new_name)
			continue;
		if (strcmp(p->entry->desc, "CONSTRAINT") == 0)
			name += strlen(w->t->entry->tag) + 1;
		if (!recode_text(&name, w->r->to_utf8, w->a, &ignored))
			continue;
		if (w->l->oid)
			buf_addf(sql, "ALTER INDEX IF EXISTS %s.%s RENAME TO %s;\n", quote(w, w->out->schema),
			        quote(w, name), before_name(w, name));
		buf_addf(sql, "ALTER INDEX %s.%s RENAME TO %s;\n", quote(w, w->out->schema), quote(w, p->new_name),
		        quote(w, name));
	}
}

static void add_sequences(struct buf *sql, struct writer *w)
{
	for (size_t i = 0; i < w->l->sequence_count; i++) {
		const struct retrieve_sequence *s = &w->l->sequences[i];

		if (!retrieve_column_find(w->l->new_columns, w->l->new_column_count, s->column))
			continue;
		if (s->identity) {
			buf_addf(sql, "ALTER TABLE %s ALTER COLUMN %s ADD GENERATED %s AS IDENTITY;\n",
			        w->out->qualified, quote(w, s->column),
			        is_always_identity(w->l, s->column) ? "ALWAYS" : "BY DEFAULT");
			buf_addf(sql,
			        "SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence(%s, %s), s.last_value, s.is_called) FROM %s s;\n",
			        pg_quote_literal(w->a, w->out->qualified), pg_quote_literal(w->a, s->column),
			        s->qualified);
		} else {
			buf_addf(sql, "ALTER SEQUENCE %s OWNED BY %s.%s;\n", s->qualified, w->out->qualified,
			        quote(w, s->column));
		}
	}
}

static void add_names(struct buf *sql, struct writer *w)
{
	const struct retrieved *t = w->out;

	if (w->l->oid) {
		buf_addf(sql, "LOCK TABLE %s IN ACCESS EXCLUSIVE MODE;\n", t->qualified);
		for (size_t i = 0; i < w->l->referrer_count; i += 2)
			buf_addf(sql, "%s;\n", w->l->referrers[i]);
		buf_addf(sql, "ALTER TABLE %s RENAME TO %s;\n", t->qualified, before_name(w, t->name));
	}
	if (t->publication)
		buf_addf(sql, "ALTER TABLE %s SET LOGGED;\n", t->new_qualified);
	buf_addf(sql, "COMMENT ON TABLE %s IS NULL;\n", t->new_qualified);
	if (strcmp(t->schema, t->new_schema) != 0)
		buf_addf(sql, "ALTER TABLE %s SET SCHEMA %s;\n", t->new_qualified, quote(w, t->schema));
	buf_addf(sql, "ALTER TABLE %s.%s RENAME TO %s;\n", quote(w, t->schema), quote(w, t->new_name),
	        quote(w, t->name));
}

/* Keys of others went with the table when it was dropped; whether they are wanted back cannot be known here. */
static void remark_lost_keys(struct writer *w)
{
	const struct toc *toc = w->r->toc;

	for (size_t i = 0; i < toc->count; i++) {
		const struct toc_entry *fk = &toc->entries[i];
		const char *name = fk->tag, *schema = fk->schema;
		struct err ignored = ERR_INIT;
		bool refers = false;

		for (size_t d = 0; d < fk->ndeps && strcmp(fk->desc, "FK CONSTRAINT") == 0; d++)
			refers |= fk->deps[d] == w->t->entry->dump_id;
		if (!refers || selection_belongs(fk, w->t->entry) ||
		        !recode_text(&name, w->r->to_utf8, w->a, &ignored) ||
		        !recode_text(&schema, w->r->to_utf8, w->a, &ignored))
			continue;
		remark(w, arena_printf(w->a, "in the snapshot a foreign key of another table refers to it: %s.%s",
		                  schema, name));
	}
}

static void write_in_place(struct writer *w)
{
	struct buf sql = BUF_INIT;
	struct err ignored = ERR_INIT;
	const char *owner = w->t->entry->owner;

	if (w->out->partitioned || (w->l->oid && (w->l->kind != 'r' || w->l->partition || w->l->has_children))) {
		remark(w,
		        "it cannot take the place of a table with partitions or inheritance, or of a view: only its rows go back");
		return;
	}
	buf_add(&sql, "BEGIN;\n");
	add_names(&sql, w);
	add_index_renames(&sql, w);
	add_sequences(&sql, w);
	if (recode_text(&owner, w->r->to_utf8, w->a, &ignored) && *owner)
		buf_addf(&sql, "ALTER TABLE %s OWNER TO %s;\n", w->out->qualified, quote(w, owner));
	add_recorded(&sql, w);
	for (size_t i = 0; i < w->l->mark_count; i++)
		buf_addf(&sql, "%s;\n", w->l->marks[i]);
	for (size_t i = 1; i < w->l->referrer_count; i += 2)
		buf_addf(&sql, "%s;\n", w->l->referrers[i]);
	buf_add(&sql, "COMMIT;\n");
	if (w->l->oid)
		remark(w, arena_printf(w->a, "after the renames the old table stays as %s.%s", quote(w, w->out->schema),
		                  before_name(w, w->out->name)));
	else
		remark_lost_keys(w);
	w->out->in_place = keep(w, &sql);
	for (size_t i = 0; i < w->l->publication_count; i++)
		remark(w, arena_printf(w->a, "publication %s goes on sending the old table after the renames",
		                  w->l->publications[i]));
	for (size_t i = 0; i < w->l->reader_count; i++)
		remark(w, arena_printf(w->a, "view %s goes on reading the old table after the renames: make it again",
		                  w->l->readers[i]));
}

/* --- what to mind --- */

static void remark_columns(struct writer *w)
{
	const struct retrieve_live *l = w->l;

	for (size_t i = 0; i < l->new_column_count; i++) {
		const struct retrieve_column *then = &l->new_columns[i];
		const struct retrieve_column *now = retrieve_column_find(l->columns, l->column_count, then->name);

		if (!now)
			remark(w, arena_printf(w->a,
			                  "column %s is not in the live table any more: its values stay behind",
			                  quote(w, then->name)));
		else if (strcmp(now->type, then->type) != 0)
			remark(w, arena_printf(w->a, "column %s was %s and is %s now", quote(w, then->name), then->type,
			                  now->type));
	}
	for (size_t i = 0; i < l->column_count; i++) {
		const struct retrieve_column *now = &l->columns[i];

		if (now->not_null && !now->has_default && !now->identity && !now->generated &&
		        !retrieve_column_find(l->new_columns, l->new_column_count, now->name))
			remark(w,
			        arena_printf(w->a,
			                "column %s is new, NOT NULL and without a default: add a value for it to the INSERT",
			                quote(w, now->name)));
	}
}

static bool has_common_columns(const struct retrieve_live *l)
{
	for (size_t i = 0; i < l->new_column_count; i++)
		if (retrieve_column_common(l, &l->new_columns[i]))
			return true;
	return false;
}

bool retrieve_write_sql(
        const struct retrieve_live *l, struct retrieve *r, const struct retrieve_table *t, struct err *e)
{
	struct writer w = {
		.l = l, .r = r, .t = t, .out = t->out, .a = &r->result->arena, .only = l->has_children ? "ONLY " : ""
	};

	if (t->out->publication)
		remark(&w,
		        arena_printf(w.a,
		                "it is unlogged (empty after a crash of the server), for publication %s would send it to subscribers that do not know it",
		                t->out->publication));
	if (t->out->live && has_common_columns(l)) {
		remark_columns(&w);
		write_missing(&w);
		write_overwrite(&w);
		write_sequences(&w);
	}
	write_in_place(&w);
	t->out->drop = arena_printf(w.a, "DROP TABLE %s;\n", t->out->new_qualified);
	return cancel_check(r->cancel, e);
}
