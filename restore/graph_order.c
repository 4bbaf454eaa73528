#include "restore/graph_internal.h"

#include <stdlib.h>

static int compare_edge(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	if (x[0] != y[0])
		return x[0] < y[0] ? -1 : 1;
	return (x[1] > y[1]) - (x[1] < y[1]);
}

/* Each edge once, grouped by its first task: next points into the sorted list. */
static void link_tasks(struct graph *g, const struct uint_list *edges)
{
	size_t count = edges->count / 2, used = 0;
	uint32_t *next = arena_alloc(&g->arena, (count + 1) * sizeof(*next));

	if (count)
		qsort(edges->items, count, 2 * sizeof(*edges->items), compare_edge);
	for (size_t i = 0; i < count; i++) {
		const uint32_t *edge = edges->items + 2 * i;
		struct graph_task *from = &g->tasks[edge[0]];

		if (i > 0 && edge[-2] == edge[0] && edge[-1] == edge[1])
			continue;
		if (!from->next_count)
			from->next = next + used;
		next[used++] = edge[1];
		from->next_count++;
		g->tasks[edge[1]].inputs++;
	}
}

/* Every task after its inputs; fewer than all when there is a circle. */
static size_t sort_tasks(uint32_t *order, const struct graph *g)
{
	uint32_t *left = xcalloc(g->count + 1, sizeof(*left));
	size_t done = 0, found = 0;

	for (size_t i = 0; i < g->count; i++) {
		left[i] = g->tasks[i].inputs;
		if (!left[i])
			order[found++] = (uint32_t)i;
	}
	for (; done < found; done++) {
		const struct graph_task *t = &g->tasks[order[done]];

		for (size_t n = 0; n < t->next_count; n++)
			if (--left[t->next[n]] == 0)
				order[found++] = t->next[n];
	}
	free(left);
	return found;
}

bool graph_connect(struct graph *g, const struct uint_list *edges, struct err *e)
{
	uint32_t *order;
	size_t found;

	link_tasks(g, edges);
	order = xcalloc(g->count + 1, sizeof(*order));
	found = sort_tasks(order, g);
	for (size_t i = found; found == g->count && i-- > 0;) {
		struct graph_task *t = &g->tasks[order[i]];

		for (size_t n = 0; n < t->next_count; n++)
			if (g->tasks[t->next[n]].priority_us > t->priority_us)
				t->priority_us = g->tasks[t->next[n]].priority_us;
		t->priority_us += t->cost_us;
	}
	free(order);
	if (found != g->count)
		return err_set(e, ERR_DAMAGED, "the schema archive's entries depend on each other in a circle");
	return true;
}
