#include "restore/graph_internal.h"

#include <stdlib.h>

#include "restore/later.h"

#define SMALL_TABLE  ((uint64_t)1 << 20) /* loaded many to a transaction */
#define BATCH_BYTES  ((uint64_t)8 << 20)
#define BATCH_TABLES 100
#define SHARE_MIN    ((uint64_t)128 << 20) /* no table below this is loaded by several at once */

/* --- tasks and edges --- */

uint32_t graph_add_task(struct graph_builder *b, struct graph_task t)
{
	b->g->tasks = arena_grow(b->a, b->g->tasks, b->g->count, &b->cap, sizeof(*b->g->tasks));
	b->g->tasks[b->g->count] = t;
	return (uint32_t)b->g->count++;
}

void graph_add_edge(struct graph_builder *b, uint32_t before, uint32_t after)
{
	if (before == after)
		return;
	uint_list_add(b->a, &b->edges, before);
	uint_list_add(b->a, &b->edges, after);
}

void graph_add_edges(struct graph_builder *b, const struct uint_list *before, uint32_t after)
{
	for (size_t i = 0; i < before->count; i++)
		graph_add_edge(b, before->items[i], after);
}

/* --- estimates: microseconds on one core of some machine; only their proportions matter --- */

static uint64_t load_cost(uint64_t rows, uint64_t bytes)
{
	return 300 + rows * 2 / 5 + bytes / 160;
}

static uint64_t build_cost(const struct graph_task *t, uint64_t rows, uint64_t bytes)
{
	const char *desc = t->entry->desc;

	if (t->unchecked || strcmp(desc, "INDEX ATTACH") == 0 || strcmp(desc, "STATISTICS") == 0)
		return 500;
	if (strcmp(desc, "FK CONSTRAINT") == 0)
		return 1000 + rows / 5;
	return 1000 + rows / 3 + bytes / 2000;
}

/* --- loads --- */

static const struct content_table *table_at(const struct graph_builder *b, size_t i)
{
	return &b->in->contents->tables[i];
}

static bool has_rows(const struct content_table *t)
{
	return t->data == CONTENT_DATA && (t->fingerprint.rows > 0 || t->pieces.count > 0);
}

static uint32_t add_load(struct graph_builder *b, const size_t *tables, size_t count, uint64_t bytes, uint64_t rows)
{
	size_t *own = arena_alloc(b->a, count * sizeof(*own));

	memcpy(own, tables, count * sizeof(*own));
	b->g->loads++;
	return graph_add_task(b, (struct graph_task){ .kind = GRAPH_LOAD,
	                                 .tables = own,
	                                 .table_count = count,
	                                 .whole = true,
	                                 .cost_us = load_cost(rows, bytes) });
}

/* Which relations get rows from this load: the table itself, or every leaf of the partition root it is loaded through.
 */
static void note_load(struct graph_builder *b, size_t table, uint32_t task)
{
	const struct content_table *t = table_at(b, table);
	uint32_t own = b->relations.of_table[table];

	graph_add_edge(b, task, b->all_loaded);
	if (t->table.kind == PG_TABLE_CONFIG)
		graph_add_edge(b, task, b->config_loaded);
	if (own != NONE) {
		uint_list_add(b->a, &b->relations.items[own].loads, task);
		b->relations.items[own].mixed |= !b->g->tasks[task].whole;
	}
	if (!t->table.load_root)
		return;
	for (uint32_t r = 0; r < b->relations.count; r++) {
		const struct toc_entry *entry = b->relations.items[r].entry;
		struct uint_list tree = { 0 };

		if (!entry || entry->oid != t->table.load_root_oid)
			continue;
		relations_tree(&tree, &b->relations, r, b->a);
		for (size_t i = 0; i < tree.count; i++)
			uint_list_add(b->a, &b->relations.items[tree.items[i]].loads, task);
		for (size_t i = 0; i < tree.count; i++)
			b->relations.items[tree.items[i]].mixed = true;
	}
}

static void add_share(struct graph_builder *b, size_t table, size_t first, size_t count, uint64_t bytes)
{
	const struct content_table *t = table_at(b, table);
	uint64_t rows = t->pieces.bytes
	                        ? (uint64_t)((double)t->fingerprint.rows * (double)bytes / (double)t->pieces.bytes)
	                        : 0;
	uint32_t task = add_load(b, &table, 1, bytes, rows);

	b->g->tasks[task].whole = false;
	b->g->tasks[task].first_piece = first;
	b->g->tasks[task].piece_count = count;
	note_load(b, table, task);
}

/* Neighbouring pieces stay together: they were neighbours in the source. */
static void add_shares(struct graph_builder *b, size_t table)
{
	const struct piece_list *pieces = &table_at(b, table)->pieces;
	uint64_t share = pieces->bytes / b->in->jobs + 1, bytes = 0;
	size_t first = 0;

	for (size_t i = 0; i < pieces->count; i++) {
		bytes += pieces->items[i].length;
		if (bytes < share && i + 1 < pieces->count)
			continue;
		add_share(b, table, first, i + 1 - first, bytes);
		first = i + 1;
		bytes = 0;
	}
}

static bool worth_sharing(const struct graph_builder *b, const struct content_table *t)
{
	return b->in->jobs > 1 && t->table.kind == PG_TABLE_PLAIN && t->pieces.bytes >= SHARE_MIN &&
	       t->pieces.count >= b->in->jobs &&
	       t->pieces.bytes * b->in->jobs > b->g->load_bytes + b->g->load_bytes / 4;
}

static void add_big(struct graph_builder *b, size_t table)
{
	const struct content_table *t = table_at(b, table);

	if (worth_sharing(b, t))
		add_shares(b, table);
	else
		note_load(b, table, add_load(b, &table, 1, t->pieces.bytes, t->fingerprint.rows));
}

/* By where their rows lie, so that tables that share a chunk are loaded together and it is fetched once. */
static int compare_place(const void *a, const void *b, void *tables)
{
	const struct content_table *x = (const struct content_table *)tables + *(const size_t *)a;
	const struct content_table *y = (const struct content_table *)tables + *(const size_t *)b;
	int order;

	if (!x->pieces.count || !y->pieces.count)
		return (x->pieces.count > y->pieces.count) - (x->pieces.count < y->pieces.count);
	order = memcmp(x->pieces.items[0].chunk.bytes, y->pieces.items[0].chunk.bytes, SHA256_SIZE);
	if (order)
		return order;
	return (x->pieces.items[0].offset > y->pieces.items[0].offset) -
	       (x->pieces.items[0].offset < y->pieces.items[0].offset);
}

static void add_batch(struct graph_builder *b, const size_t *tables, size_t count, uint64_t bytes, uint64_t rows)
{
	uint32_t task;

	if (!count)
		return;
	task = add_load(b, tables, count, bytes, rows + count * 500);
	for (size_t i = 0; i < count; i++)
		note_load(b, tables[i], task);
}

static void add_small(struct graph_builder *b, size_t *small, size_t count)
{
	uint64_t bytes = 0, rows = 0;
	size_t first = 0;

	qsort_r(small, count, sizeof(*small), compare_place, b->in->contents->tables);
	for (size_t i = 0; i < count; i++) {
		const struct content_table *t = table_at(b, small[i]);

		if (i - first == BATCH_TABLES || bytes + t->pieces.bytes > BATCH_BYTES) {
			add_batch(b, small + first, i - first, bytes, rows);
			first = i;
			bytes = rows = 0;
		}
		bytes += t->pieces.bytes;
		rows += t->fingerprint.rows;
	}
	add_batch(b, small + first, count - first, bytes, rows);
}

static void add_loads(struct graph_builder *b)
{
	const struct contents *c = b->in->contents;
	size_t *small = xmalloc((c->table_count + 1) * sizeof(*small)), count = 0;

	for (size_t i = 0; i < c->table_count; i++)
		if (has_rows(&c->tables[i]))
			b->g->load_bytes += c->tables[i].pieces.bytes;
	b->all_loaded = graph_add_task(b, (struct graph_task){ .kind = GRAPH_BARRIER });
	b->config_loaded = graph_add_task(b, (struct graph_task){ .kind = GRAPH_BARRIER });
	for (size_t i = 0; i < c->table_count; i++) {
		const struct content_table *t = &c->tables[i];

		if (!has_rows(t))
			continue;
		if (t->table.kind == PG_TABLE_PLAIN && !t->table.load_root && t->pieces.bytes < SMALL_TABLE)
			small[count++] = i;
		else
			add_big(b, i);
	}
	add_small(b, small, count);
	free(small);
}

/* --- indexes, keys, statistics --- */

/* Code of the user's runs while this is built, and may read any table. */
static bool runs_user_code(const char *dep_desc)
{
	static const char *const code[] = { "FUNCTION", "AGGREGATE", "OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY",
		"TYPE", "DOMAIN", "CAST" };

	for (size_t i = 0; i < sizeof(code) / sizeof(code[0]); i++)
		if (strcmp(dep_desc, code[i]) == 0)
			return true;
	return false;
}

/* CREATE INDEX allows others of its kind; CLUSTER ON and REPLICA IDENTITY behind it would raise its lock under them. */
static bool wants_alone(const struct toc_entry *t)
{
	if (strcmp(t->desc, "INDEX ATTACH") == 0)
		return false;
	return strcmp(t->desc, "INDEX") != 0 || strstr(t->defn, "\nALTER TABLE") != NULL;
}

void graph_lock_relation(struct graph_builder *b, struct graph_task *t, size_t *cap, uint32_t relation, bool exclusive)
{
	for (size_t i = 0; i < t->lock_count; i++) {
		if (t->locks[i].relation == relation) {
			t->locks[i].exclusive |= exclusive;
			return;
		}
	}
	t->locks = arena_grow(b->a, t->locks, t->lock_count, cap, sizeof(*t->locks));
	t->locks[t->lock_count++] = (struct graph_lock){ relation, exclusive };
}

/* What entry needs of one relation it depends on. A foreign key reads and locks the partitions too; everything else is
 * ONLY. */
static void need_relation(struct graph_builder *b, uint32_t task, size_t *cap, uint32_t relation)
{
	const struct toc_entry *t = b->g->tasks[task].entry;
	struct uint_list tree = { 0 };

	if (strcmp(t->desc, "FK CONSTRAINT") == 0)
		relations_tree(&tree, &b->relations, relation, b->a);
	else
		uint_list_add(b->a, &tree, relation);
	for (size_t i = 0; i < tree.count; i++) {
		struct relation *r = &b->relations.items[tree.items[i]];

		graph_add_edges(b, &r->loads, task);
		uint_list_add(b->a, &r->builds, task);
		graph_lock_relation(b, &b->g->tasks[task], cap, tree.items[i], wants_alone(t));
		b->g->tasks[task].cost_us += build_cost(&b->g->tasks[task], r->rows, r->bytes);
	}
}

static void connect_build(struct graph_builder *b, uint32_t task)
{
	const struct toc_entry *t = b->g->tasks[task].entry;
	const struct stages *s = b->in->stages;
	size_t cap = 0;

	for (size_t i = 0; i < t->ndeps; i++) {
		size_t at = stages_find(s, t->deps[i]);

		if (at == SIZE_MAX)
			continue;
		for (size_t seen = 0; seen < i; seen++)
			if (t->deps[seen] == t->deps[i])
				at = SIZE_MAX;
		if (at == SIZE_MAX)
			continue;
		if (b->task_of[at] != NONE)
			graph_add_edge(b, b->task_of[at], task);
		if (b->relations.of_entry[at] != NONE)
			need_relation(b, task, &cap, b->relations.of_entry[at]);
		if (runs_user_code(s->toc->entries[at].desc))
			graph_add_edge(b, b->all_loaded, task);
		/* An extension's code may read its configuration tables: PostGIS the projections in spatial_ref_sys. */
		if (strcmp(s->toc->entries[at].desc, "EXTENSION") == 0)
			graph_add_edge(b, b->config_loaded, task);
	}
}

static void add_builds(struct graph_builder *b)
{
	const struct stages *s = b->in->stages;
	size_t first = b->g->count;

	for (size_t i = 0; i < s->toc->count; i++) {
		b->task_of[i] = NONE;
		if (s->of[i] != STAGE_HEAVY)
			continue;
		b->task_of[i] = graph_add_task(
		        b, (struct graph_task){ .kind = GRAPH_BUILD,
		                   .entry = &s->toc->entries[i],
		                   .unchecked = b->in->later && b->in->later->of[i] == LATER_UNCHECKED });
		b->g->builds++;
	}
	for (size_t i = first; i < b->g->count; i++)
		connect_build(b, (uint32_t)i);
	graph_tune_foreign_keys(b);
}

void graph_release(struct graph *g)
{
	if (g)
		arena_release(&g->arena);
}

bool graph_build(struct graph *out, const struct graph_input *in, struct err *e)
{
	struct graph_builder b = { .g = out, .in = in, .a = &out->arena };
	bool ok;

	memset(out, 0, sizeof(*out));
	relations_collect(&b.relations, in, b.a);
	out->relation_count = b.relations.count;
	b.task_of = arena_alloc(b.a, (in->stages->toc->count + 1) * sizeof(*b.task_of));
	add_loads(&b);
	add_builds(&b);
	graph_add_analyzes(&b);
	ok = graph_connect(out, &b.edges, e);
	if (!ok)
		graph_release(out);
	return ok;
}
