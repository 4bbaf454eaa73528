#include "restore/graph_internal.h"

#define SMALL_ROWS   10000
#define BATCH_TABLES 100
#define ONLY_VERSION 180000 /* ANALYZE ONLY; before it ANALYZE of a partitioned table always visits its partitions */
#define SAMPLE_ROWS  30000  /* what ANALYZE reads at the default statistics target */

struct batch {
	uint32_t task; /* NONE when none is open */
	size_t name_cap, lock_cap;
};

static uint64_t analyze_cost(uint64_t rows)
{
	return 1000 + (rows < SAMPLE_ROWS ? rows : SAMPLE_ROWS) * 8;
}

static uint32_t open_task(struct graph_builder *b, struct batch *batch, bool only)
{
	batch->task = graph_add_task(b, (struct graph_task){ .kind = GRAPH_ANALYZE, .only = only });
	batch->name_cap = batch->lock_cap = 0;
	b->g->analyzes++;
	return batch->task;
}

static void add_name(struct graph_builder *b, struct batch *batch, const char *qualified)
{
	struct graph_task *t = &b->g->tasks[batch->task];

	t->names = arena_grow(b->a, t->names, t->name_count, &batch->name_cap, sizeof(*t->names));
	t->names[t->name_count++] = qualified;
}

/* ANALYZE takes a lock that building an index needs too, and wants to see all rows, expressions and statistics objects.
 */
static void add_inputs(struct graph_builder *b, struct batch *batch, uint32_t relation)
{
	const struct relation *r = &b->relations.items[relation];

	graph_add_edges(b, &r->loads, batch->task);
	graph_add_edges(b, &r->builds, batch->task);
	for (size_t i = 0; i < r->heirs.count; i++)
		graph_add_edges(b, &b->relations.items[r->heirs.items[i]].loads, batch->task);
	graph_lock_relation(b, &b->g->tasks[batch->task], &batch->lock_cap, relation, true);
	b->g->tasks[batch->task].cost_us += analyze_cost(r->rows);
}

static void add_tree(struct graph_builder *b, uint32_t root, bool only)
{
	struct batch own = { .task = NONE };
	struct uint_list tree = { 0 };

	open_task(b, &own, only);
	add_name(b, &own, b->relations.items[root].qualified);
	relations_tree(&tree, &b->relations, root, b->a);
	for (size_t i = 0; i < tree.count; i++) {
		if (only && i > 0)
			graph_add_edges(b, &b->relations.items[tree.items[i]].loads, own.task);
		else
			add_inputs(b, &own, tree.items[i]);
	}
}

static void add_one(struct graph_builder *b, struct batch *small, uint32_t relation, bool only)
{
	const struct relation *r = &b->relations.items[relation];
	struct batch own = { .task = NONE }, *to = &own;

	if (r->rows < SMALL_ROWS) {
		to = small;
		if (to->task != NONE && b->g->tasks[to->task].name_count >= BATCH_TABLES)
			to->task = NONE;
	}
	if (to->task == NONE)
		open_task(b, to, only);
	add_name(b, to, r->qualified);
	add_inputs(b, to, relation);
}

void graph_add_analyzes(struct graph_builder *b)
{
	bool only = b->in->server_version >= ONLY_VERSION;
	struct batch small = { .task = NONE };

	for (uint32_t i = 0; i < b->relations.count; i++) {
		const struct relation *r = &b->relations.items[i];

		if (r->matview)
			continue;
		if (r->partitioned) {
			if (only || r->parent == NONE)
				add_tree(b, i, only);
		} else if (only || r->parent == NONE) {
			add_one(b, &small, i, false);
		}
	}
}
