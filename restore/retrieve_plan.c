/* restore/retrieve_plan.c - which tables, where their rows are, what they will be called; see retrieve_internal.h */
#include <stdlib.h>
#include <string.h>

#include "restore/retrieve_internal.h"
#include "restore/selection.h"
#include "src/base/utf8.h"

#define NAME_BYTES 63
#define SUFFIX     "__restored_"

/* --- names --- */

void retrieve_name(char out[64], const char *name, const char *snapshot_id, unsigned number)
{
	const char *dash = strrchr(snapshot_id, '-');
	const char *id = dash ? dash + 1 : snapshot_id;
	char again[16] = "";
	size_t room, fits;

	if (number > 1)
		snprintf(again, sizeof(again), "_%u", number);
	room = NAME_BYTES - strlen(SUFFIX) - strnlen(id, SNAPSHOT_ID_SIZE) - strlen(again);
	fits = utf8_fit(name, strlen(name), room);
	snprintf(out, 64, "%.*s" SUFFIX "%.*s%s", (int)fits, name, SNAPSHOT_ID_SIZE, id, again);
}

struct names { /* taken in this run */
	const char **schemas, **names;
	size_t count, cap, schema_cap;
};

static bool is_taken(const struct names *n, const char *schema, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->names[i], name) == 0 && strcmp(n->schemas[i], schema) == 0)
			return true;
	return false;
}

static const char *new_name(struct names *n, struct retrieve *r, const char *schema, const char *name)
{
	char text[64];
	unsigned number = 1;

	do
		retrieve_name(text, name, r->manifest->id, number++);
	while (is_taken(n, schema, text));
	n->names = arena_grow(&r->arena, n->names, n->count, &n->cap, sizeof(*n->names));
	n->schemas = arena_grow(&r->arena, n->schemas, n->count, &n->schema_cap, sizeof(*n->schemas));
	n->schemas[n->count] = schema;
	return n->names[n->count++] = arena_strdup(&r->arena, text);
}

static const char *qualify(struct arena *a, const char *schema, const char *name)
{
	return arena_printf(a, "%s.%s", pg_quote_ident(a, schema), pg_quote_ident(a, name));
}

static bool to_utf8(const char **text, struct retrieve *r, struct err *e)
{
	return recode_text(text, r->to_utf8, &r->arena, e);
}

static bool to_archive(const char **text, struct retrieve *r, struct err *e)
{
	return recode_text(text, r->to_archive, &r->arena, e);
}

/* --- rows --- */

static bool refuse_without_rows(const struct content_table *t, struct err *e)
{
	err_set(e, ERR_REFUSED, "the snapshot holds no rows of table %s: %s", t->table.qualified,
	        t->data == CONTENT_EXCLUDED ? "they were left out (exclude_table_data)"
	                                    : "it is unlogged, and the snapshot was taken on a standby");
	return err_hint(e, "choose another snapshot: drtool list");
}

/* The table's own rows, or those of everything below it. */
static bool find_leaves(struct retrieve_table *t, struct retrieve *r, const size_t *parents, struct err *e)
{
	const struct contents *c = &r->contents;
	size_t self = (size_t)(t->entry - r->toc->entries);

	t->leaves = arena_alloc(&r->arena, (c->table_count + 1) * sizeof(*t->leaves));
	for (size_t i = 0; i < r->toc->count; i++) {
		size_t up = i;

		while (up != SIZE_MAX && up != self)
			up = parents[up];
		if (up != self || strcmp(r->toc->entries[i].desc, "TABLE") != 0)
			continue;
		for (size_t k = 0; k < c->table_count; k++) {
			if (c->tables[k].table.kind != PG_TABLE_PLAIN ||
			        c->tables[k].table.oid != r->toc->entries[i].oid)
				continue;
			if (c->tables[k].data != CONTENT_DATA)
				return refuse_without_rows(&c->tables[k], e);
			t->leaves[t->leaf_count++] = k;
			t->out->rows += c->tables[k].fingerprint.rows;
			t->out->bytes += c->tables[k].pieces.bytes;
		}
	}
	return true;
}

/* --- definitions --- */

/* "orders orders_pkey" in the tag of a key, "orders_user_id_idx" in that of an index. */
static const char *index_name(const struct toc_entry *part, const struct toc_entry *table)
{
	size_t n = strlen(table->tag);

	if (strcmp(part->desc, "INDEX") == 0)
		return part->tag;
	if (strcmp(part->desc, "CONSTRAINT") != 0 || strlen(part->tag) <= n + 1)
		return NULL;
	return part->tag + n + 1;
}

/* A NOT NULL constraint by itself is no index, though it is a CONSTRAINT. */
static bool is_key(const struct toc_entry *part)
{
	static const char start[] = "ALTER TABLE ONLY ";

	return strcmp(part->desc, "CONSTRAINT") != 0 || strncmp(part->defn, start, strlen(start)) == 0;
}

bool retrieve_by_hand(const struct retrieve_part *p)
{
	return !p->new_name;
}

static bool depends_on(const struct toc_entry *t, const struct toc_entry *needed)
{
	for (size_t i = 0; i < t->ndeps; i++)
		if (t->deps[i] == needed->dump_id)
			return true;
	return false;
}

static bool add_part(
        struct retrieve_table *t, struct retrieve *r, const struct toc_entry *entry, struct names *taken, struct err *e)
{
	struct retrieve_part *p = &t->parts[t->part_count];
	const char *name = is_key(entry) ? index_name(entry, t->entry) : NULL, *readable = name, *made = "";
	struct definition_names n = {
		.table_schema = t->entry->schema, .table = t->entry->tag, .new_table = t->new_archive, .index = name
	};

	if (name) {
		if (!to_utf8(&readable, r, e))
			return false;
		p->new_name = made = new_name(taken, r, t->out->new_schema, readable);
		if (!to_archive(&made, r, e))
			return false;
		p->new_archive = made;
		n.new_index = pg_quote_ident(&r->arena, made);
		n.new_index_qualified = qualify(&r->arena, t->schema_archive, made);
	}
	p->entry = entry;
	t->part_count++;
	return definition_of_index(&p->sql, entry->defn, &n, &r->arena, e);
}

static bool add_parts(struct retrieve_table *t, struct retrieve *r, struct names *taken, struct err *e)
{
	const struct toc *toc = r->toc;

	t->parts = arena_alloc(&r->arena, (toc->count + 1) * sizeof(*t->parts));
	for (size_t i = 0; i < toc->count; i++) {
		const struct toc_entry *entry = &toc->entries[i];
		bool kind = strcmp(entry->desc, "INDEX") == 0 || strcmp(entry->desc, "CONSTRAINT") == 0 ||
		            strcmp(entry->desc, "CHECK CONSTRAINT") == 0;

		if (kind && depends_on(entry, t->entry) && selection_belongs(entry, t->entry) &&
		        !add_part(t, r, entry, taken, e))
			return err_wrap(e, "%s \"%s\"", entry->desc, entry->tag);
	}
	return true;
}

/* --- which --- */

/* A partition of a table that is chosen too is in there already. */
static bool is_inside_another(const bool *chosen, const size_t *parents, size_t at)
{
	for (size_t up = parents[at]; up != SIZE_MAX; up = parents[up])
		if (chosen[up])
			return true;
	return false;
}

static bool look_at_definition(struct retrieve_table *t, struct retrieve *r, struct err *e)
{
	const struct definition_names n = {
		.table_schema = t->entry->schema, .table = t->entry->tag, .new_table = t->new_archive
	};
	struct definition_table d;

	if (!definition_of_table(&d, t->entry->defn, &n, false, NULL, &r->arena, e))
		return false;
	t->out->partitioned = d.partitioned;
	return true;
}

static bool describe(struct retrieve_table *t, struct retrieve *r, struct names *taken, struct err *e)
{
	struct arena *a = &r->result->arena;
	struct retrieved *out = t->out;
	const char *schema, *name;

	schema = t->entry->schema;
	name = t->entry->tag;
	if (!to_utf8(&schema, r, e) || !to_utf8(&name, r, e))
		return false;
	out->schema = arena_strdup(a, schema);
	out->name = arena_strdup(a, name);
	out->qualified = qualify(a, schema, name);
	out->new_schema = arena_strdup(a, r->options->schema ? r->options->schema : schema);
	out->new_name = arena_strdup(a, new_name(taken, r, out->new_schema, name));
	out->new_qualified = qualify(a, out->new_schema, out->new_name);
	out->live_rows = out->missing = out->changed = -1;
	out->unknown = "";
	t->schema_archive = out->new_schema;
	t->name_archive = out->new_name;
	if (!to_archive(&t->schema_archive, r, e) || !to_archive(&t->name_archive, r, e))
		return false;
	t->new_archive = qualify(&r->arena, t->schema_archive, t->name_archive);
	return look_at_definition(t, r, e);
}

static bool refuse_others(const struct retrieve *r, const struct selection *x, struct err *e)
{
	for (size_t i = 0; i < r->contents.table_count; i++) {
		if (!x->table_in[i] || r->contents.tables[i].table.kind != PG_TABLE_CONFIG)
			continue;
		err_set(e, ERR_REFUSED,
		        "table %s belongs to an extension: the snapshot has its rows, not its definition",
		        r->contents.tables[i].table.qualified);
		return err_hint(e, "drtool cat %s --table prints the rows", r->manifest->id);
	}
	err_set(e, ERR_USAGE, "what matches is no table: views and sequences hold no rows of their own");
	return err_hint(e, "drtool cat %s --table prints their definitions", r->manifest->id);
}

/* Each table of the snapshot that is referred to before those that refer to it; circles stay as they are. */
static void order_by_reference(struct retrieve *r)
{
	const struct toc *toc = r->toc;

	for (size_t done = 0; done < r->count; done++) {
		size_t pick = done;

		for (size_t i = done; i < r->count; i++) {
			bool waits = false;

			for (size_t k = 0; k < toc->count && !waits; k++) {
				const struct toc_entry *fk = &toc->entries[k];

				if (strcmp(fk->desc, "FK CONSTRAINT") != 0 ||
				        !selection_belongs(fk, r->tables[i].entry))
					continue;
				for (size_t j = done; j < r->count && !waits; j++)
					waits = j != i && depends_on(fk, r->tables[j].entry);
			}
			if (!waits) {
				pick = i;
				break;
			}
		}
		struct retrieve_table moved = r->tables[pick];

		memmove(&r->tables[done + 1], &r->tables[done], (pick - done) * sizeof(*r->tables));
		r->tables[done] = moved;
	}
}

static bool collect(struct retrieve *r, const struct selection *x, struct err *e)
{
	const struct toc *toc = r->toc;
	const size_t *parents = selection_parents(toc, &r->arena);

	r->tables = arena_alloc(&r->arena, (toc->count + 2) * sizeof(*r->tables));
	for (size_t i = 0; i < toc->count; i++)
		if (x->named[i] && strcmp(toc->entries[i].desc, "TABLE") == 0 &&
		        !is_inside_another(x->named, parents, i))
			r->tables[r->count++].entry = &toc->entries[i];
	if (!r->count)
		return refuse_others(r, x, e);
	order_by_reference(r);
	r->result->count = r->count;
	r->result->tables = arena_alloc(&r->result->arena, r->count * sizeof(*r->result->tables));
	for (size_t i = 0; i < r->count; i++) {
		r->tables[i].out = &r->result->tables[i];
		if (!find_leaves(&r->tables[i], r, parents, e))
			return false;
	}
	return true;
}

bool retrieve_plan(struct retrieve *r, struct err *e)
{
	struct selection_source s = {
		.toc = r->toc, .contents = &r->contents, .snapshot_id = r->manifest->id, .to_archive = r->to_archive
	};
	struct selection x;
	struct names taken = { .count = 0 };

	if (!selection_make(&x, &s, r->options->tables, &r->arena, e) || !collect(r, &x, e))
		return false;
	/* Tables first: an index may have to give way to their names, never the other way round. */
	for (size_t i = 0; i < r->count; i++)
		if (!describe(&r->tables[i], r, &taken, e))
			return false;
	for (size_t i = 0; i < r->count; i++)
		if (!add_parts(&r->tables[i], r, &taken, e))
			return err_wrap(e, "table %s", r->tables[i].out->qualified);
	return true;
}

/* --- for the pool --- */

static void add_table(struct contents *contents, const struct retrieve *r, const struct retrieve_table *t)
{
	for (size_t i = 0; i < t->leaf_count; i++) {
		struct content_table *to = &contents->tables[contents->table_count++];

		*to = r->contents.tables[t->leaves[i]];
		to->table.oid = t->entry->oid; /* by it the archive's entry is found */
		to->table.schema = t->out->new_schema;
		to->table.name = t->out->new_name;
		to->table.qualified = t->out->new_qualified;
		to->table.partition = to->table.inherits = false;
		/* Rows of several come together in one table: none of them may empty it first. */
		to->table.load_root = t->out->partitioned ? t->out->new_qualified : NULL;
		to->table.load_root_oid = t->out->partitioned ? t->entry->oid : 0;
	}
}

static void add_entries(struct toc *toc, const struct retrieve_table *t, struct arena *a)
{
	int *id = arena_alloc(a, sizeof(*id));
	struct toc_entry *table = &toc->entries[toc->count++];

	*id = (int)toc->count;
	*table = *t->entry;
	table->dump_id = *id;
	table->tag = t->name_archive;
	table->schema = t->schema_archive;
	table->deps = NULL;
	table->ndeps = 0;
	for (size_t i = 0; i < t->part_count; i++) {
		struct toc_entry *to = &toc->entries[toc->count];

		if (retrieve_by_hand(&t->parts[i]))
			continue;
		*to = *t->parts[i].entry;
		to->dump_id = (int)++toc->count;
		to->tag = t->parts[i].new_archive;
		to->schema = t->schema_archive;
		to->defn = t->parts[i].sql;
		to->deps = id;
		to->ndeps = 1;
	}
}

void retrieve_work(struct toc *toc, struct contents *contents, const struct retrieve *r, struct arena *a)
{
	size_t entries = 1, leaves = 1;

	for (size_t i = 0; i < r->count; i++) {
		entries += 1 + r->tables[i].part_count;
		leaves += r->tables[i].leaf_count;
	}
	*toc = (struct toc){ .entries = arena_alloc(a, (entries + 1) * sizeof(*toc->entries)) };
	*contents = (struct contents){ .database = r->contents.database,
		.tables = arena_alloc(a, leaves * sizeof(*contents->tables)) };
	for (size_t i = 0; i < r->toc->count; i++)
		if (strcmp(r->toc->entries[i].desc, "STDSTRINGS") == 0) {
			toc->entries[toc->count] = r->toc->entries[i];
			toc->entries[toc->count++].dump_id = 1;
			break;
		}
	for (size_t i = 0; i < r->count; i++) {
		add_table(contents, r, &r->tables[i]);
		add_entries(toc, &r->tables[i], a);
	}
}
