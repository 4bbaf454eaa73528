/*
 * restore/scheduler.h - hands the tasks of a graph to whoever is free, the most urgent that may start first
 *
 * Safe from any number of threads. A task handed out must be given back by exactly one of done, failed or retry.
 */
#ifndef DRTOOL_RESTORE_SCHEDULER_H
#define DRTOOL_RESTORE_SCHEDULER_H

#include "restore/graph.h"

struct scheduler; /* opaque */

struct scheduler_counts {
	size_t loads_left, builds_left, analyzes_left;
};

struct scheduler *scheduler_new(const struct graph *g); /* g must outlive it */
void scheduler_free(struct scheduler *s);

/*
 * Blocks until a task may start; NULL when all are done or after scheduler_stop(). *last_try: giving it back by retry
 * is not allowed any more. *idle: how many others were waiting at that moment.
 */
const struct graph_task *scheduler_next(struct scheduler *s, bool *last_try, unsigned *idle);
void scheduler_done(struct scheduler *s, const struct graph_task *t);
/* It could not be made: the builds that need it are failed as well (scheduler_cause() tells), ANALYZE goes on without
 * it. */
void scheduler_failed(struct scheduler *s, const struct graph_task *t);
/* It may work once others are done (a check that reads another table): offered again when nothing else can run. */
void scheduler_retry(struct scheduler *s, const struct graph_task *t);
void scheduler_stop(struct scheduler *s);

/* For a task that was never handed out because something it needs failed: that something; else NULL. After all threads
 * have ended. */
const struct graph_task *scheduler_cause(const struct scheduler *s, const struct graph_task *t);
struct scheduler_counts scheduler_left(struct scheduler *s);

#endif
