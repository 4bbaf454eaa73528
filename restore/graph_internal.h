/*
 * restore/graph_internal.h - what graph*.c share; of the others only later.c includes it, for the relations
 */
#ifndef DRTOOL_RESTORE_GRAPH_INTERNAL_H
#define DRTOOL_RESTORE_GRAPH_INTERNAL_H

#include "restore/graph.h"

#define NONE UINT32_MAX

struct uint_list {
	uint32_t *items;
	size_t count, cap;
};

/* A table, partitioned table or materialized view: of the archive, of the snapshot's list, mostly of both. */
struct relation {
	const struct toc_entry *entry; /* NULL for a table of an extension */
	const char *qualified;
	uint32_t table;            /* index into contents->tables, or NONE */
	uint32_t parent;           /* the partitioned table it is attached to, or NONE */
	struct uint_list children; /* partitions */
	struct uint_list heirs;    /* tables whose definition refers to it: its inheritance children are among them */
	struct uint_list loads;    /* tasks that may bring rows into it */
	struct uint_list builds;   /* tasks that work on it */
	uint64_t rows, bytes;
	bool partitioned, matview;
	bool mixed; /* rows come by several transactions: not frozen */
};

struct relations {
	struct relation *items;
	size_t count;
	uint32_t *of_entry; /* by index into toc->entries: relation or NONE */
	uint32_t *of_table; /* by index into contents->tables: relation or NONE */
};

void uint_list_add(struct arena *a, struct uint_list *l, uint32_t value);
/* Relations of the archive and the snapshot, with the partition tree. */
void relations_collect(struct relations *out, const struct graph_input *in, struct arena *a);
/* root and all partitions below it, in any order. */
void relations_tree(struct uint_list *out, const struct relations *r, uint32_t root, struct arena *a);

struct graph_builder {
	struct graph *g;
	const struct graph_input *in;
	struct arena *a;
	struct relations relations;
	struct uint_list edges; /* pairs: before, after */
	uint32_t *task_of;      /* by index into toc->entries: build task or NONE */
	size_t cap;
	uint32_t all_loaded; /* the barriers: all rows, and those of extensions' configuration tables */
	uint32_t config_loaded;
};

/* graph.c */
uint32_t graph_add_task(struct graph_builder *b, struct graph_task t);
void graph_add_edge(struct graph_builder *b, uint32_t before, uint32_t after);
void graph_add_edges(struct graph_builder *b, const struct uint_list *before, uint32_t after);
void graph_lock_relation(struct graph_builder *b, struct graph_task *t, size_t *cap, uint32_t relation, bool exclusive);

/* graph_foreign.c: let foreign keys wait for the indexes that make checking them cheap; after all builds are connected
 */
void graph_tune_foreign_keys(struct graph_builder *b);
/* The first column of an index's, key's or foreign key's definition, as it stands there; len 0 when there is none to be
 * used. */
struct view graph_first_column(const struct toc_entry *t);

/* graph_analyze.c */
void graph_add_analyzes(struct graph_builder *b);

/* graph_order.c: fill next, inputs and priorities from the edges */
bool graph_connect(struct graph *g, const struct uint_list *edges, struct err *e);

#endif
