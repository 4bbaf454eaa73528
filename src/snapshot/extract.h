/*
 * src/snapshot/extract.h - the readers: sessions that share one exported snapshot and copy the plan's tasks out
 */
#ifndef DRTOOL_SNAPSHOT_EXTRACT_H
#define DRTOOL_SNAPSHOT_EXTRACT_H

#include "src/snapshot/attempt.h"
#include "src/snapshot/packer.h"

/*
 * Run every task of a->plan on c->jobs sessions; their chunks go through packer. Blocks until all are done. stop is
 * tripped on the first failure. ERR_CONFLICT when a lock could not be had at once.
 */
bool extract_run(
        struct attempt *a, const struct attempt_context *c, struct packer *packer, struct cancel *stop, struct err *e);

#endif
