/* restore/later.c - see later.h */
#include "restore/later.h"

#include <stdlib.h>

#include "restore/definition.h"
#include "restore/graph_internal.h"

/* Both must hold for a table to be small: a build of its own that late costs more in round trips than it saves. */
#define SMALL_BYTES ((uint64_t)1 << 20)
#define SMALL_PART  1000

#define PARTITIONED_NOT_VALID 180000 /* NOT VALID on a partitioned table's foreign key */

struct chooser {
	struct later *out;
	struct stages *stages;
	struct relations relations;
	uint32_t *index_of; /* of what follows: the index's place in the TOC, or NONE */
	uint64_t total;
	int server_version;
	struct arena arena;
};

static bool is(const struct toc_entry *t, const char *desc)
{
	return strcmp(t->desc, desc) == 0;
}

static bool is_small(const struct chooser *x, uint64_t bytes)
{
	return !bytes || (bytes < SMALL_BYTES && bytes * SMALL_PART < x->total);
}

/* The largest of the relations that an entry depends on, partitions counted with their table; NULL when there is none.
 */
static const struct relation *largest(const struct chooser *x, const struct toc_entry *t, uint64_t *bytes)
{
	const struct relation *found = NULL;

	*bytes = 0;
	for (size_t i = 0; i < t->ndeps; i++) {
		size_t at = stages_find(x->stages, t->deps[i]);
		uint32_t r = at == SIZE_MAX ? NONE : x->relations.of_entry[at];
		struct uint_list tree = { 0 };
		uint64_t sum = 0;

		if (r == NONE)
			continue;
		relations_tree(&tree, &x->relations, r, (struct arena *)(uintptr_t)&x->arena);
		for (size_t k = 0; k < tree.count; k++)
			sum += x->relations.items[tree.items[k]].bytes;
		if (!found || sum > *bytes) {
			found = &x->relations.items[r];
			*bytes = sum;
		}
	}
	return found;
}

/* --- indexes --- */

static bool may_wait(struct chooser *x, const struct toc_entry *t)
{
	struct definition_index d;
	struct err ignored = ERR_INIT;
	uint64_t bytes;
	const struct relation *r = largest(x, t, &bytes);

	return is(t, "INDEX") && r && !r->matview && !is_small(x, bytes) &&
	       definition_concurrently(&d, t->defn, &x->arena, &ignored);
}

/* The index in the TOC that makes this entry wait, itself or by what it depends on; NONE when there is none. */
static uint32_t waits_for(const struct chooser *x, const struct toc_entry *t)
{
	for (size_t i = 0; i < t->ndeps; i++) {
		size_t at = stages_find(x->stages, t->deps[i]);

		if (at == SIZE_MAX || x->out->of[at] == LATER_NOT)
			continue;
		return x->out->of[at] == LATER_INDEX ? (uint32_t)at : x->index_of[at];
	}
	return NONE;
}

static bool may_follow(const struct toc_entry *t)
{
	return is(t, "INDEX ATTACH") || is(t, "COMMENT");
}

/* What else needs an index cannot wait, and so the index cannot. An archive lists what is needed first. */
static bool drop_one_that_is_needed(struct chooser *x)
{
	const struct toc *toc = x->stages->toc;

	for (size_t i = 0; i < toc->count; i++) {
		uint32_t index = x->out->of[i] == LATER_INDEX ? NONE : waits_for(x, &toc->entries[i]);

		x->index_of[i] = NONE;
		if (x->out->of[i] != LATER_INDEX)
			x->out->of[i] = LATER_NOT;
		if (index == NONE || x->stages->of[i] == STAGE_SKIP)
			continue;
		if (!may_follow(&toc->entries[i])) {
			x->out->of[index] = LATER_NOT;
			return true;
		}
		x->out->of[i] = LATER_FOLLOWS;
		x->index_of[i] = index;
	}
	return false;
}

static void choose_indexes(struct chooser *x)
{
	const struct toc *toc = x->stages->toc;

	for (size_t i = 0; i < toc->count; i++)
		if (x->stages->of[i] == STAGE_HEAVY && may_wait(x, &toc->entries[i]))
			x->out->of[i] = LATER_INDEX;
	while (drop_one_that_is_needed(x))
		;
}

/* --- foreign keys --- */

static bool may_be_unchecked(struct chooser *x, const struct toc_entry *t)
{
	static const char plain[] = "ALTER TABLE ONLY ";
	uint64_t bytes;

	/* pg_dump writes ONLY for all but partitioned tables. */
	if (!is(t, "FK CONSTRAINT") ||
	        (x->server_version < PARTITIONED_NOT_VALID && strncmp(t->defn, plain, strlen(plain)) != 0))
		return false;
	return definition_unchecked(t->defn, &x->arena) && largest(x, t, &bytes) && !is_small(x, bytes);
}

static void choose_foreign_keys(struct chooser *x)
{
	const struct toc *toc = x->stages->toc;

	for (size_t i = 0; i < toc->count; i++)
		if (x->stages->of[i] == STAGE_HEAVY && may_be_unchecked(x, &toc->entries[i]))
			x->out->of[i] = LATER_UNCHECKED;
}

/* --- the list --- */

/* By the name in the definition, which for a foreign key is the referencing table. */
static void find_table(struct chooser *x, struct later_item *item)
{
	const struct toc_entry *t = item->entry;
	struct definition_index d = { 0 };
	struct definition_key k = { 0 };
	struct err ignored = ERR_INIT;
	const char *schema, *table;

	if (item->kind == LATER_INDEX)
		definition_concurrently(&d, t->defn, &x->arena, &ignored);
	else
		definition_foreign_key(&k, t->defn, &x->arena, &ignored);
	schema = d.table ? d.schema : k.schema;
	table = d.table ? d.table : k.table;
	item->table = table ? table : "?";
	for (size_t i = 0; table && i < t->ndeps; i++) {
		size_t at = stages_find(x->stages, t->deps[i]);
		const struct relation *r;

		if (at == SIZE_MAX || x->relations.of_entry[at] == NONE)
			continue;
		r = &x->relations.items[x->relations.of_entry[at]];
		if (strcmp(r->entry->tag, table) != 0 || strcmp(r->entry->schema, schema) != 0)
			continue;
		item->table = r->qualified;
		item->table_bytes = r->bytes;
	}
	item->table = arena_strdup(&x->out->arena, item->table);
}

static int compare_items(const void *a, const void *b)
{
	const struct later_item *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind == LATER_INDEX ? -1 : 1;
	if (x->table_bytes != y->table_bytes)
		return x->table_bytes > y->table_bytes ? -1 : 1;
	return (x->entry > y->entry) - (x->entry < y->entry);
}

static void add_followers(struct chooser *x)
{
	const struct toc *toc = x->stages->toc;
	struct later *out = x->out;
	size_t *item_of = arena_alloc(&x->arena, (toc->count + 1) * sizeof(*item_of));
	size_t *caps = arena_alloc(&x->arena, (out->count + 1) * sizeof(*caps));

	for (size_t i = 0; i < out->count; i++)
		item_of[out->items[i].entry - toc->entries] = i;
	for (size_t i = 0; i < toc->count; i++) {
		struct later_item *item;

		if (x->index_of[i] == NONE)
			continue;
		item = &out->items[item_of[x->index_of[i]]];
		item->followers = arena_grow(&out->arena, item->followers, item->follower_count,
		        &caps[item_of[x->index_of[i]]], sizeof(*item->followers));
		item->followers[item->follower_count++] = &toc->entries[i];
	}
}

static void list(struct chooser *x)
{
	const struct toc *toc = x->stages->toc;
	struct later *out = x->out;
	size_t cap = 0;

	for (size_t i = 0; i < toc->count; i++) {
		struct later_item *item;

		if (out->of[i] == LATER_INDEX || out->of[i] == LATER_FOLLOWS)
			x->stages->of[i] = STAGE_LATER;
		if (out->of[i] != LATER_INDEX && out->of[i] != LATER_UNCHECKED)
			continue;
		out->items = arena_grow(&out->arena, out->items, out->count, &cap, sizeof(*out->items));
		item = &out->items[out->count++];
		*item = (struct later_item){ .entry = &toc->entries[i], .kind = out->of[i] };
		find_table(x, item);
		out->indexes += item->kind == LATER_INDEX;
		out->foreign_keys += item->kind == LATER_UNCHECKED;
	}
	if (out->count)
		qsort(out->items, out->count, sizeof(*out->items), compare_items);
	add_followers(x);
}

void later_choose(struct later *out, struct stages *s, const struct contents *c, int server_version)
{
	struct chooser x = { .out = out, .stages = s, .server_version = server_version };

	memset(out, 0, sizeof(*out));
	out->of = arena_alloc(&out->arena, (s->toc->count + 1) * sizeof(*out->of));
	x.index_of = arena_alloc(&x.arena, (s->toc->count + 1) * sizeof(*x.index_of));
	memset(x.index_of, 0xff, (s->toc->count + 1) * sizeof(*x.index_of));
	relations_collect(&x.relations, &(struct graph_input){ .stages = s, .contents = c }, &x.arena);
	for (size_t i = 0; i < c->table_count; i++)
		x.total += c->tables[i].pieces.bytes;
	choose_indexes(&x);
	choose_foreign_keys(&x);
	list(&x);
	arena_release(&x.arena);
}

void later_release(struct later *l)
{
	if (l)
		arena_release(&l->arena);
}
