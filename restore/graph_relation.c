#include "restore/graph_internal.h"

#include <stdlib.h>

#include "restore/recode.h"
#include "src/pg/session.h"

void uint_list_add(struct arena *a, struct uint_list *l, uint32_t value)
{
	l->items = arena_grow(a, l->items, l->count, &l->cap, sizeof(*l->items));
	l->items[l->count++] = value;
}

static bool is_relation(const struct toc_entry *t)
{
	return strcmp(t->desc, "TABLE") == 0 || strcmp(t->desc, "MATERIALIZED VIEW") == 0;
}

struct by_oid {
	uint32_t oid, relation;
};

static int compare_oid(const void *a, const void *b)
{
	const struct by_oid *x = a, *y = b;

	return (x->oid > y->oid) - (x->oid < y->oid);
}

/* As the catalogues say it. A name that cannot be converted stays, and its table will not be analyzed. */
static char *qualified_name(const struct toc_entry *t, struct recode *r, struct arena *a)
{
	const char *schema = t->schema, *name = t->tag;
	struct err ignored = ERR_INIT;

	if (!recode_text(&schema, r, a, &ignored) || !recode_text(&name, r, a, &ignored))
		return arena_printf(a, "%s.%s", pg_quote_ident(a, t->schema), pg_quote_ident(a, t->tag));
	return arena_printf(a, "%s.%s", pg_quote_ident(a, schema), pg_quote_ident(a, name));
}

static void add_archive(struct relations *out, const struct stages *s, const char *encoding, struct arena *a)
{
	struct recode *to_utf8 = NULL;
	struct err ignored = ERR_INIT;

	recode_open(&to_utf8, encoding ? encoding : "UTF8", true, &ignored);
	for (size_t i = 0; i < s->toc->count; i++) {
		const struct toc_entry *t = &s->toc->entries[i];
		struct relation *r;

		out->of_entry[i] = NONE;
		if (!is_relation(t) || s->of[i] == STAGE_SKIP)
			continue;
		out->of_entry[i] = (uint32_t)out->count;
		r = &out->items[out->count++];
		*r = (struct relation){ .entry = t, .table = NONE, .parent = NONE };
		r->matview = *t->desc == 'M';
		r->qualified = qualified_name(t, to_utf8, a);
	}
	recode_close(to_utf8);
}

static void add_tables(struct relations *out, const struct contents *c)
{
	size_t known = out->count;
	struct by_oid *index = xcalloc(known + 1, sizeof(*index));

	for (size_t i = 0; i < known; i++)
		index[i] = (struct by_oid){ out->items[i].entry->oid, (uint32_t)i };
	qsort(index, known, sizeof(*index), compare_oid);
	for (size_t i = 0; i < c->table_count; i++) {
		const struct content_table *t = &c->tables[i];
		struct by_oid key = { t->table.oid, 0 }, *hit = NULL;
		struct relation *r;

		out->of_table[i] = NONE;
		if (t->table.kind == PG_TABLE_LARGE_OBJECTS)
			continue;
		if (known && t->table.oid)
			hit = bsearch(&key, index, known, sizeof(*index), compare_oid);
		out->of_table[i] = hit ? hit->relation : (uint32_t)out->count;
		r = &out->items[out->of_table[i]];
		if (!hit) {
			*r = (struct relation){ .parent = NONE };
			out->count++;
		}
		r->qualified = t->table.qualified;
		r->table = (uint32_t)i;
		r->rows = t->data == CONTENT_DATA ? t->fingerprint.rows : 0;
		r->bytes = t->data == CONTENT_DATA ? t->pieces.bytes : 0;
	}
	free(index);
}

/* TABLE ATTACH entries depend on the partition first, then on the table it is attached to (pg_dump says both itself).
 */
static void add_partition(struct relations *out, const struct stages *s, const struct toc_entry *t, struct arena *a)
{
	uint32_t child = NONE, parent = NONE;

	for (size_t i = 0; i < t->ndeps; i++) {
		size_t at = stages_find(s, t->deps[i]);
		uint32_t r = at == SIZE_MAX ? NONE : out->of_entry[at];

		if (r == NONE)
			continue;
		if (child == NONE && strcmp(out->items[r].entry->tag, t->tag) == 0 &&
		        strcmp(out->items[r].entry->schema, t->schema) == 0)
			child = r;
		else if (parent == NONE && r != child)
			parent = r;
	}
	if (child == NONE || parent == NONE || out->items[child].parent != NONE)
		return;
	for (uint32_t up = parent; up != NONE; up = out->items[up].parent)
		if (up == child)
			return; /* a forged circle */
	out->items[child].parent = parent;
	out->items[parent].partitioned = true;
	uint_list_add(a, &out->items[parent].children, child);
}

static void add_heirs(struct relations *out, const struct stages *s, struct arena *a)
{
	for (uint32_t i = 0; i < out->count; i++) {
		const struct toc_entry *t = out->items[i].entry;

		for (size_t d = 0; t && d < t->ndeps; d++) {
			size_t at = stages_find(s, t->deps[d]);

			if (at != SIZE_MAX && out->of_entry[at] != NONE && out->of_entry[at] != i)
				uint_list_add(a, &out->items[out->of_entry[at]].heirs, i);
		}
	}
}

void relations_collect(struct relations *out, const struct graph_input *in, struct arena *a)
{
	const struct toc *toc = in->stages->toc;

	memset(out, 0, sizeof(*out));
	out->items = arena_alloc(a, (toc->count + in->contents->table_count + 1) * sizeof(*out->items));
	out->of_entry = arena_alloc(a, (toc->count + 1) * sizeof(*out->of_entry));
	out->of_table = arena_alloc(a, (in->contents->table_count + 1) * sizeof(*out->of_table));
	add_archive(out, in->stages, in->contents->database.encoding, a);
	add_tables(out, in->contents);
	for (size_t i = 0; i < toc->count; i++)
		if (strcmp(toc->entries[i].desc, "TABLE ATTACH") == 0)
			add_partition(out, in->stages, &toc->entries[i], a);
	add_heirs(out, in->stages, a);
}

void relations_tree(struct uint_list *out, const struct relations *r, uint32_t root, struct arena *a)
{
	size_t from = out->count;

	uint_list_add(a, out, root);
	for (size_t i = from; i < out->count; i++) {
		const struct relation *at = &r->items[out->items[i]];

		for (size_t c = 0; c < at->children.count; c++)
			uint_list_add(a, out, at->children.items[c]);
	}
}
