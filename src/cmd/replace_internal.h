/*
 * src/cmd/replace_internal.h - what replace*.c share; nobody else includes it
 */
#ifndef DRTOOL_CMD_REPLACE_INTERNAL_H
#define DRTOOL_CMD_REPLACE_INTERNAL_H

#include "restore/restore.h"
#include "src/cmd/hook.h"
#include "src/cmd/place.h"
#include "src/monitor/predict.h"
#include "src/snapshot/snapshot.h"

#define REPLACE_PHASES ((size_t)16)

struct replace {
	struct cmd *c;
	struct place place;
	struct target given; /* --into: a database the provider made; its conn is NULL where databases change names */
	struct repository *repository;
	struct manifest *manifest;
	struct snapshot_result safety; /* id "" when there is none */
	struct restore_result restored;
	bool taken_up; /* the restored database is one an earlier run had completed */
	bool checked;  /* it is marked so, and the next run may take it up */
	struct place_swap swap;
	struct prediction prediction;
	struct hook_facts facts;
	json_t *at_snapshot; /* counts (written.h) of the live database when the snapshot was taken */
	json_t *at_swap;     /* of the restored one when it got the name */
	json_t *since;       /* what was written between the snapshot and the swap */
	uint64_t free_bytes; /* where the database's files lie, when free_known */
	bool free_known;
	bool late_failure; /* a hook that came after failed */
	int64_t started;
	struct proof_phase phases[REPLACE_PHASES]; /* of all of it, in the order of their first time */
	size_t phase_count;
};

/* replace_report.c */
void replace_phase(struct replace *x, const char *name, int64_t duration_us); /* name must outlive it */
void replace_say_plan(const struct replace *x);
void replace_record(const struct replace *x, const struct err *why);
bool replace_tell(const struct replace *x, struct err *e);

#endif
