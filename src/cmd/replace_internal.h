/*
 * src/cmd/replace_internal.h - what replace*.c share; nobody else includes it
 */
#ifndef DRTOOL_CMD_REPLACE_INTERNAL_H
#define DRTOOL_CMD_REPLACE_INTERNAL_H

#include "restore/standby.h"
#include "src/cmd/hook.h"
#include "src/cmd/place.h"
#include "src/cmd/usable.h"
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
	struct restore_result planned; /* what a dry run of the restore said */
	struct restore_result restored;
	struct usable later;         /* oid 0 unless it is to be usable first */
	bool taken_up;               /* the restored database is one an earlier run had completed */
	bool swapping;               /* all was checked; what is in the way now may not be there for the next run */
	bool checked;                /* it is marked so, and the next run may take it up */
	struct standby standby;      /* of the live database; name NULL: there is none, or it is not wanted */
	struct proof *standby_proof; /* of it, when it holds this snapshot; may be NULL */
	const char *standby_doubt;   /* why it cannot be relied on; NULL: it can */
	bool by_standby;             /* it is what gets the name */
	bool standby_open;           /* connections to it were allowed */
	bool standby_refused;        /* what the live database has may not be given to it */
	struct place_swap swap;
	struct prediction prediction, prediction_later; /* until the swap is done; with --usable-first, of the rest */
	struct hook_facts facts;
	json_t *at_snapshot; /* counts (written.h) of the live database when the snapshot was taken */
	json_t *at_swap;     /* of the restored one when it got the name */
	json_t *since;       /* what was written between the snapshot and the swap */
	uint64_t free_bytes; /* where the database's files lie, when free_known */
	bool free_known;
	bool late_failure;                         /* a hook that came after failed */
	int64_t started, usable_us;                /* and how long until the swap was done, and what its hook does */
	struct proof_phase phases[REPLACE_PHASES]; /* of all of it, in the order of their first time */
	size_t phase_count;
};

/* replace.c: compare the restored database with the snapshot; *same says with what outcome. rows: read them all. */
bool replace_compare(bool *same, struct replace *x, bool rows, struct err *e);

/* replace_standby.c */
void replace_standby_look(struct replace *x, enum predict_kind kind);
bool replace_standby_ready(const struct replace *x); /* by that look: nothing will have to be restored */
void replace_standby_text(struct buf *out, const struct replace *x); /* a line of the plan, where there is one */
/* With its lock: look again, and take it in place of a restore (by_standby), having compared it where there is doubt.
 */
bool replace_standby_take_up(struct replace *x, struct err *e);
/* Before checks and hooks, which may connect to it: from here on it can no longer be relied on. */
bool replace_standby_open(struct replace *x, struct err *e);
/* It was not swapped in; open: it is to be looked at. */
void replace_standby_leave(struct replace *x, bool open);

/* What the restore, or the plan of the one that was taken up, leaves for later. */
static inline const struct restore_result *replace_left(const struct replace *x)
{
	return x->restored.left_count ? &x->restored : &x->planned;
}

/* replace_report.c */
void replace_phase(struct replace *x, const char *name, int64_t duration_us); /* name must outlive it */
void replace_say_plan(const struct replace *x);
void replace_say_later(const struct replace *x); /* what the plan leaves for afterwards */
void replace_record(const struct replace *x, const struct err *why);
bool replace_tell(const struct replace *x, struct err *e);

#endif
