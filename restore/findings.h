/*
 * restore/findings.h - collects what could not be made, from several threads
 */
#ifndef DRTOOL_RESTORE_FINDINGS_H
#define DRTOOL_RESTORE_FINDINGS_H

#include <pthread.h>

#include "restore/restore.h"

#define FINDINGS_MAX 1000 /* kept; more are counted */

struct findings {
	pthread_mutex_t mutex; /* guards everything below */
	struct arena arena;
	struct restore_finding *items;
	size_t count, cap;
	size_t total, faults; /* faults: those that are the source's */
};

void findings_init(struct findings *f);
void findings_release(struct findings *f);
/* Copies both texts; line breaks in what become blanks. */
void findings_add(struct findings *f, const char *object, const char *what, bool source_fault);
/* What the server said, and what to do about it where that lies in how everything is restored. */
const char *findings_explain(struct arena *a, const char *sqlstate, const char *message);
size_t findings_serious(struct findings *f); /* those that are not the source's fault */

#endif
