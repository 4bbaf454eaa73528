/*
 * restore/finish.h - make what a usable-first restore has left, in a database that is in use
 *
 * Indexes are built CONCURRENTLY, one at a time, foreign keys validated: neither keeps anybody from reading or writing.
 * What needs a stronger lock asks for it briefly and tries again. What is left is read from the catalogue each time, so
 * a run that was killed is taken up by the next one; a half-made index is dropped and built anew.
 */
#ifndef DRTOOL_RESTORE_FINISH_H
#define DRTOOL_RESTORE_FINISH_H

#include "restore/restore.h"

struct finish_options {
	const struct conninfo *database; /* leads to it by the name it is known by */
	uint32_t oid;                    /* who is expected there: an undo changes it */
	const char *identifier;          /* of its server; NULL or "": not known */
	const char *pg_bin;
	unsigned yield_after_s; /* give way when somebody waits for us this long; 0 means 10 */
	bool no_owner;          /* owners and privileges were left out: they are no change */
	bool dry_run;           /* only look */
};

struct finish_result {
	size_t indexes, foreign_keys;           /* made, and checked, by this call */
	bool looked;                            /* the rest is known: */
	size_t left_indexes, left_foreign_keys; /* to be made still; at the end, those that could not be */
	struct restore_left *left;              /* what there was to do at the start */
	size_t left_count;
	struct restore_finding *findings; /* what could not be made; source_fault: rows of the snapshot break a key */
	size_t finding_count;
	struct restore_finding *changed; /* what others changed in the meantime, which is their right */
	size_t changed_count;
	struct proof_phase *phases; /* "indexes", "foreign keys", "statistics", "check" */
	size_t phase_count;
	int64_t duration_us;
	struct arena arena;
};

/*
 * True: gone through, and the schema was compared with the snapshot's; findings say what is not there. False: e says
 * why not; what was made by then stays, and left_* counts the rest. ERR_CONFLICT when another database has the name by
 * now, or another drtool is at it.
 */
bool finish_run(struct finish_result *out, struct repository *r, const struct manifest *m,
        const struct finish_options *o, struct observer *obs, const struct cancel *cancel, struct err *e);
void finish_result_release(struct finish_result *r);

#endif
