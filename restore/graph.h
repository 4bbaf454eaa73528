/*
 * restore/graph.h - what has to be done between the empty tables and the last index, what waits for what, and what is
 * urgent
 *
 * Pure: from the archive's entries and the snapshot's list of tables. A task may start when all its inputs are done and
 * no running task holds a relation it wants in a conflicting way (the server would only make it wait, holding a
 * session). Among those that may start the one with the longest way to the end goes first.
 */
#ifndef DRTOOL_RESTORE_GRAPH_H
#define DRTOOL_RESTORE_GRAPH_H

#include "restore/stage.h"
#include "storage/repository/contents.h"

enum graph_kind {
	GRAPH_LOAD,    /* COPY the rows of tables[0..table_count), or a share of one table's pieces */
	GRAPH_BUILD,   /* run the definition of entry */
	GRAPH_ANALYZE, /* ANALYZE names[0..name_count) */
	GRAPH_BARRIER, /* nothing to do; done when its inputs are */
};

struct graph_lock {
	uint32_t relation; /* a number that stands for one relation */
	bool exclusive;
};

struct graph_task {
	enum graph_kind kind;
	const size_t *tables; /* load: indexes into contents->tables */
	size_t table_count;
	size_t first_piece, piece_count; /* load of a share: pieces of tables[0]; all when whole */
	bool whole;                      /* load: nobody else loads into these tables */
	const struct toc_entry *entry;   /* build */
	bool unchecked;                  /* build: a foreign key, NOT VALID */
	bool visible;                    /* build: its tables were loaded frozen, so their indexes alone can answer */
	const char **names;              /* analyze: qualified, quoted */
	size_t name_count;
	bool only; /* analyze: ANALYZE ONLY, from server version 18 */

	uint32_t *next; /* tasks that wait for this one */
	size_t next_count;
	uint32_t inputs; /* how many tasks this one waits for */
	struct graph_lock *locks;
	size_t lock_count;
	uint64_t cost_us;     /* estimate */
	uint64_t priority_us; /* cost of the longest chain from here to the end, this task included */
};

struct graph {
	struct graph_task *tasks;
	size_t count;
	size_t relation_count;
	uint64_t load_bytes;
	size_t loads, builds, analyzes;
	struct arena arena;
};

struct later;
struct graph_input {
	const struct stages *stages;
	const struct later *later; /* foreign keys to be added unchecked; NULL for none */
	const struct contents *contents;
	unsigned jobs;
	int server_version; /* of the target */
};

/* Everything in it points into stages->toc and contents, which must outlive it. ERR_DAMAGED when the archive's
 * dependencies form a circle. */
bool graph_build(struct graph *out, const struct graph_input *in, struct err *e);
void graph_release(struct graph *g);

#endif
