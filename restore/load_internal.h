/*
 * restore/load_internal.h - what load*.c share; nobody else includes it
 */
#ifndef DRTOOL_RESTORE_LOAD_INTERNAL_H
#define DRTOOL_RESTORE_LOAD_INTERNAL_H

#include "restore/load.h"

struct load_run { /* one transaction */
	struct loader *loader;
	const size_t *tables;
	size_t table_count;
	size_t first_piece, piece_count; /* of tables[0] when not whole */
	bool whole;
	struct feed_item *items;
	struct fingerprint seen; /* of all rows sent */
	uint64_t bytes;
};

/* Start the feed on everything the run is about. */
bool load_run_feed(struct load_run *r, struct err *e);
/* BEGIN, and TRUNCATE of what is to be frozen. */
bool load_run_begin(const struct load_run *r, struct err *e);
/* COPY all tables of the run. */
bool load_run_copy(struct load_run *r, struct err *e);
/* A share was copied: is the table, when it was the last one, what the snapshot recorded? */
bool load_run_count(const struct load_run *r, struct err *e);
/* COMMIT when ok, else end the COPY and the transaction, whatever their state; in every case stop the feed. Returns
 * whether it is committed. */
bool load_run_end(struct load_run *r, bool ok, struct err *e);
const struct content_table *load_run_table(const struct load_run *r, size_t slot);

/*
 * load_rules.c: for rows that break the CHECK and NOT NULL constraints of their table: those are taken off, and put
 * back afterwards, NOT VALID (or not at all) where the rows break them, which is a finding. family: those that are
 * inherited, and those of its columns' domains, too (of a table beside others that use these, the columns' types);
 * while no other connection loads anything.
 */
bool load_without_rules(struct load_run *r, bool family, struct err *e);
/* load_large_objects.c: into a temporary table piece by piece and from there into the large objects, which exist
 * already. */
bool load_large_objects(struct loader *l, size_t table, struct err *e);

#endif
