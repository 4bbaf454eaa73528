#include "src/snapshot/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "src/codec/chunker.h"

#define SMALL_TABLE ((uint64_t)CHUNK_MIN)
/* A range is one worker's stretch: long enough that chunk boundaries at its ends cost little, short enough to balance
 * the last minute. */
#define RANGE_BYTES ((uint64_t)64 << 20)
#define SPLIT_FROM  (RANGE_BYTES + RANGE_BYTES / 2)

static bool is_small(const struct pg_table *t)
{
	return t->kind != PG_TABLE_LARGE_OBJECTS && t->size < SMALL_TABLE;
}

/* A power of two, so that growth seldom moves the boundaries that the next snapshot has to meet again. */
static uint64_t pages_per_range(const struct pg_table *t)
{
	uint64_t pages = 1;

	if (t->kind != PG_TABLE_PLAIN || !t->heap || t->filter != NULL || t->main_pages < 2 || t->size < SPLIT_FROM)
		return 0;
	while (pages * 2 * (t->size / t->main_pages) <= RANGE_BYTES)
		pages *= 2;
	return pages < t->main_pages ? pages : 0;
}

static void add_range(struct plan *p, size_t table, uint64_t first, uint64_t end)
{
	struct plan_range *r = &p->ranges[p->range_count++];

	*r = (struct plan_range){ .table = table, .first_page = first, .end_page = end };
	r->last = &r->first;
}

static void add_ranges(struct plan *p, const struct pg_table *t, size_t table)
{
	uint64_t step = p->range_pages[table], first = 0;

	for (; step != 0 && first + step < t->main_pages; first += step) {
		p->tasks[p->task_count++] = (struct plan_task){
			.first_range = p->range_count, .count = 1, .size = step * (t->size / t->main_pages)
		};
		add_range(p, table, first, first + step);
	}
	p->tasks[p->task_count++] = (struct plan_task){ .first_range = p->range_count,
		.count = 1,
		.size = step == 0 ? t->size : (t->main_pages - first) * (t->size / t->main_pages) };
	add_range(p, table, first, UINT64_MAX);
}

static int larger_first(const void *pa, const void *pb)
{
	const struct plan_task *a = pa, *b = pb;

	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	return a->first_range < b->first_range ? -1 : a->first_range > b->first_range;
}

struct by_size {
	size_t table;
	uint64_t size;
};

static int larger_table_first(const void *pa, const void *pb)
{
	const struct by_size *a = pa, *b = pb;

	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	return a->table < b->table ? -1 : a->table > b->table;
}

static uint64_t *least_loaded(uint64_t *loads, unsigned jobs)
{
	uint64_t *least = loads;

	for (unsigned i = 1; i < jobs; i++)
		if (loads[i] < *least)
			least = &loads[i];
	return least;
}

/*
 * A table is split only to keep every reader busy to the end: not while it fits into one reader's share, of which a
 * quarter stays for what evens out that tables of one size take different times. The server reads a whole table past
 * its cache, in a few buffers of its own, and a range through the cache, which costs more and drives out what others
 * need.
 */
static void choose_ranges(
        struct plan *p, const struct pg_table_list *tables, const bool *skip, unsigned jobs, struct arena *a)
{
	struct by_size *order = arena_alloc(a, (tables->count + 1) * sizeof *order);
	uint64_t *loads = arena_alloc(a, jobs * sizeof *loads), total = 0, most;

	memset(loads, 0, jobs * sizeof *loads);
	for (size_t i = 0; i < tables->count; i++) {
		p->range_pages[i] = pages_per_range(&tables->items[i]);
		order[i] = (struct by_size){ .table = i, .size = skip[i] ? 0 : tables->items[i].size };
		total += order[i].size;
	}
	most = total / jobs - total / jobs / 4;
	qsort(order, tables->count, sizeof *order, larger_table_first);
	for (size_t i = 0; i < tables->count; i++) {
		uint64_t *least = least_loaded(loads, jobs), *pages = &p->range_pages[order[i].table];

		if (*pages != 0 && jobs > 1 && *least + order[i].size > most)
			continue;
		*pages = 0;
		*least += order[i].size;
	}
}

static size_t ranges_needed(const struct plan *p, const struct pg_table_list *tables)
{
	size_t n = 0;

	for (size_t i = 0; i < tables->count; i++)
		n += p->range_pages[i] == 0 ? 1 : (size_t)(tables->items[i].main_pages / p->range_pages[i]) + 1;
	return n;
}

void plan_build(struct plan *out, const struct pg_table_list *tables, const bool *skip, unsigned jobs, uint64_t seed,
        struct arena *a)
{
	struct plan_task *pack = NULL;
	size_t n;

	*out = (struct plan){ .range_pages = arena_alloc(a, (tables->count + 1) * sizeof *out->range_pages) };
	choose_ranges(out, tables, skip, jobs, a);
	n = ranges_needed(out, tables);
	out->ranges = arena_alloc(a, (n + 1) * sizeof *out->ranges);
	out->tasks = arena_alloc(a, (n + 1) * sizeof *out->tasks);
	/* Small tables first, so that the ranges of a pack stand side by side. */
	for (size_t i = 0; i < tables->count; i++) {
		const struct pg_table *t = &tables->items[i];

		if (skip[i] || !is_small(t))
			continue;
		if (pack == NULL) {
			pack = &out->tasks[out->task_count++];
			*pack = (struct plan_task){ .first_range = out->range_count, .pack = true };
		}
		add_range(out, i, 0, UINT64_MAX);
		pack->count++;
		pack->size += t->size;
		if (pack_ends_after(t->qualified, seed))
			pack = NULL;
	}
	for (size_t i = 0; i < tables->count; i++)
		if (!skip[i] && !is_small(&tables->items[i]))
			add_ranges(out, &tables->items[i], i);
	for (size_t i = 0; i < out->task_count; i++)
		out->size += out->tasks[i].size;
	qsort(out->tasks, out->task_count, sizeof *out->tasks, larger_first);
	plan_check(out, tables, skip);
}

void plan_check(const struct plan *p, const struct pg_table_list *tables, const bool *skip)
{
	size_t seen = 0, wanted = 0;

	for (size_t i = 0; i < tables->count; i++)
		wanted += !skip[i];
	for (size_t i = 0; i < p->range_count; i++) {
		const struct plan_range *r = &p->ranges[i];
		bool continues = i > 0 && p->ranges[i - 1].table == r->table;

		assert(r->first_page == (continues ? p->ranges[i - 1].end_page : 0));
		assert(r->first_page < r->end_page);
		seen += r->end_page == UINT64_MAX;
	}
	assert(seen == wanted);
}

void plan_release(struct plan *p)
{
	for (size_t i = 0; i < p->range_count; i++) {
		while (p->ranges[i].first != NULL) {
			struct plan_piece *next = p->ranges[i].first->next;

			free(p->ranges[i].first);
			p->ranges[i].first = next;
		}
		p->ranges[i].last = &p->ranges[i].first;
	}
}
