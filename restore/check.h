/*
 * restore/check.h - is a database that was just restored what the snapshot says? For the moment before a swap
 *
 * Rows were compared with their fingerprints while they were loaded, so they are read again only for a database of an
 * earlier run, and in extensions' configuration tables, which were not empty before. The rest is always looked at:
 * schema, indexes that are not valid, sequences, large objects, extensions, and the properties it was to get.
 */
#ifndef DRTOOL_RESTORE_CHECK_H
#define DRTOOL_RESTORE_CHECK_H

#include "restore/compare.h"

struct check_options {
	const struct conninfo *target;    /* leads to the restored database */
	const struct pg_database *beside; /* as in restore_options; NULL: its properties are its own business */
	const struct restore_result *restored;
	bool rows;         /* read all rows again */
	bool no_owner;     /* as in restore_options: what that left out is not compared */
	bool usable_first; /* what that puts off may be missing */
	unsigned jobs;     /* as in compare */
	const char *pg_bin;
};

/* out is initialised. False: it could not be carried out. */
bool check_restored(struct compare_report *out, struct repository *r, const struct manifest *m,
        const struct check_options *o, struct observer *obs, const struct cancel *cancel, struct err *e);

#endif
