/*
 * src/cmd/written.h - how many rows were written between two moments, as PostgreSQL's own statistics count them
 *
 * Counts are rows inserted, updated and deleted by table since the statistics began; a moment's counts go into the
 * journal, a later moment's are compared with them. Statistics that were reset in between, or are of another database
 * (it was restored, and has the name), tell nothing.
 */
#ifndef DRTOOL_CMD_WRITTEN_H
#define DRTOOL_CMD_WRITTEN_H

#include <jansson.h>

#include "src/pg/session.h"
#include "storage/repository/journal.h"
#include "storage/repository/manifest.h"

/* {"oid": 16384, "public.orders": 17, ...}: whose they are, and the tables where something was written. A new
 * reference.
 */
bool written_read(json_t **out, struct pg_session *s, struct err *e);
/* Into the event, as its detail "written"; too many tables for an event are left out, and then nothing is known. */
void written_record(struct journal_event *v, const json_t *counts);
/* What was recorded when a snapshot was taken, or when it got the name of the database that now is about; or for the
 * database that got the name when another was kept under the given one; NULL when that is not known. database is its
 * name in the repository. New references. */
json_t *written_at_snapshot(struct repository *r, const struct manifest *m, const json_t *now);
json_t *written_at_swap(struct repository *r, const char *database, const char *kept);

/* The counts by which now is past before, the most first: [{"table":..., "rows":...}]; JSON null when before is NULL,
 * of another database, or the statistics were reset. A new reference. */
json_t *written_since(const json_t *before, const json_t *now);
/* One line about that list, without an end of line: "12,003 rows in 3 tables: public.orders 12,000, ...". */
void written_text(struct buf *out, const json_t *since);

#endif
