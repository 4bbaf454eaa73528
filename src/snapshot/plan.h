/*
 * src/snapshot/plan.h - which table parts are read as one piece of work, and in which order
 */
#ifndef DRTOOL_SNAPSHOT_PLAN_H
#define DRTOOL_SNAPSHOT_PLAN_H

#include "src/codec/fingerprint.h"
#include "src/pg/catalog.h"
#include "storage/repository/piece.h"

/* Where a run of rows lies; filled in by the thread that stores the chunk, read when all of them are done. */
struct plan_piece {
	struct piece piece;
	struct plan_piece *next;
};

/* One ctid range of a table, or all of it. */
struct plan_range {
	size_t table;                     /* index into the table list */
	uint64_t first_page, end_page;    /* end_page UINT64_MAX: open-ended */
	struct plan_piece *first, **last; /* results, in row order */
	struct fingerprint fingerprint;
	uint64_t bytes; /* plain bytes read */
};

/* A run of ranges that one worker reads one after the other: one range of a large table, or the small tables that share
 * chunks. */
struct plan_task {
	size_t first_range, count;
	uint64_t size; /* expected bytes on the server */
	bool pack;
};

struct plan {
	struct plan_range *ranges; /* in table order, pages ascending within a table */
	size_t range_count;
	struct plan_task *tasks; /* largest first */
	size_t task_count;
	uint64_t *range_pages; /* by table: pages per range, 0 when not split */
	uint64_t size;         /* sum of tasks */
};

/*
 * For jobs readers, at least 1. skip[i]: table i's rows are not read. Memory is the arena's; results are freed by
 * plan_release().
 */
void plan_build(struct plan *out, const struct pg_table_list *tables, const bool *skip, unsigned jobs, uint64_t seed,
        struct arena *a);
void plan_release(struct plan *p);

/* Assert that every table's ranges tile it: start at page 0, meet, and end open. */
void plan_check(const struct plan *p, const struct pg_table_list *tables, const bool *skip);

#endif
