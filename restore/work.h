/*
 * restore/work.h - the connections that load and build, all fed by one scheduler
 */
#ifndef DRTOOL_RESTORE_WORK_H
#define DRTOOL_RESTORE_WORK_H

#include "restore/findings.h"
#include "restore/graph.h"
#include "restore/load.h"
#include "restore/scheduler.h"

struct work_options {
	const struct conninfo *database;
	const struct graph *graph;
	unsigned jobs;
	bool no_owner, no_tablespaces;
	const struct toc *toc;    /* whose definitions are run: it says how its strings are to be read */
	const char *silence;      /* see post.h */
	uint64_t maintenance_mem; /* bytes each connection may use to sort */
};

struct work_outcome {
	int64_t loaded, built, analyzed; /* microseconds since the start */
	const struct toc_entry **lost;   /* builds that could not be made; malloc'ed */
	size_t lost_count;
	bool lost_serious; /* one of them not by fault of the source */
};

/*
 * Do everything in the graph. l carries contents, chunks, observer and findings. What rows of the source break is a
 * finding, what depends on it too; other objects that could not be made are findings that are not the source's fault; a
 * table that could not be loaded is an error.
 */
bool work_run(struct work_outcome *out, struct load *l, const struct work_options *o, const struct cancel *cancel,
        struct err *e);

#endif
