/*
 * restore/retrieve.h - bring tables back into a database that is in use, beside what it holds
 *
 * Each becomes a plain table "<table>__restored_<last part of the snapshot's id>" with its rows, indexes, keys and
 * CHECK constraints, and nothing else: no foreign keys, triggers, policies, privileges, publications. A partitioned
 * table becomes one table with the rows of all its partitions. While it is not complete its comment says so, and by
 * that the next call knows what it may replace.
 */
#ifndef DRTOOL_RESTORE_RETRIEVE_H
#define DRTOOL_RESTORE_RETRIEVE_H

#include "restore/restore.h"

/* The comment of each begins so. */
#define RETRIEVE_COMMENT "drtool: table "

struct retrieve_options {
	const struct conninfo *target; /* the database */
	const char *const *tables;     /* patterns, as in pg_dump's --table; at least one */
	const char *schema;            /* where they go, created when missing; NULL: beside the table */
	unsigned jobs;
	bool dry_run; /* make the empty tables and take them back: whatever is missing shows */
};

struct retrieved {
	const char *schema, *name, *qualified; /* in the snapshot */
	const char *new_schema, *new_name, *new_qualified;
	uint64_t rows, bytes;
	bool partitioned;        /* it was */
	const char *publication; /* it is unlogged, for this publication would send it elsewhere; NULL */

	/* The table that has its name now, and what the restored one has more than it. */
	bool live;
	int64_t live_rows, missing, changed; /* -1: not known */
	const char *unknown;                 /* why not; "" when there is nothing to say */

	/* Statements to paste; NULL where there is no way. */
	const char *insert_missing; /* rows that are not there */
	const char *overwrite;      /* the same, and rows that changed as they were */
	const char *sequences;      /* past the highest key */
	const char *in_place;       /* the restored table takes the name */
	const char *drop;
	const char **remarks; /* sentences on what to mind */
	size_t remark_count;
};

struct retrieve_result {
	const char *database;
	struct retrieved *tables; /* those referred to before those that refer to them */
	size_t count;
	uint64_t rows, plain_bytes;
	int64_t duration_us;
	struct proof_phase *phases;
	size_t phase_count;
	struct restore_finding *findings;
	size_t finding_count;
	struct arena arena;
};
void retrieve_result_release(struct retrieve_result *r);

/* Does the database exist and hold anything (the leftover of a killed restore does not count)? Else restore_into() is
 * for it. */
bool retrieve_in_use(bool *out, const struct conninfo *database, const struct cancel *cancel, struct err *e);

/*
 * True: all tables are complete, but for findings. False: none is left, or e's hint says which. ERR_REFUSED: nothing
 * was changed; the name is taken, a right, a type, a function or a schema is missing. ERR_CONFLICT: another run is at
 * it. ERR_DAMAGED: the repository does not hold the rows any more.
 */
bool retrieve_tables(struct retrieve_result *out, struct repository *r, const struct manifest *m,
        const struct retrieve_options *o, struct observer *obs, const struct cancel *cancel, struct err *e);

/* For tests: "orders__restored_k3f9xq", cut between characters, "_2" and so on behind it when that is taken. */
void retrieve_name(char out[64], const char *name, const char *snapshot_id, unsigned number);

#endif
