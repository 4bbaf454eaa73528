/*
 * src/snapshot/schema_dump.h - the schema archive and the roles, by PostgreSQL's own programs, beside the readers
 */
#ifndef DRTOOL_SNAPSHOT_SCHEMA_DUMP_H
#define DRTOOL_SNAPSHOT_SCHEMA_DUMP_H

#include "src/snapshot/attempt.h"

struct schema_dump; /* opaque: a thread that runs pg_dump, then pg_dumpall */

/* Starts `pg_dump -Fc --schema-only --snapshot=...`; a->snapshot_name must be set. stop ends it and is tripped when it
 * fails. */
bool schema_dump_start(struct schema_dump **out, struct attempt *a, const struct attempt_context *c,
        struct cancel *stop, struct err *e);
/*
 * Wait for it: a->archive holds the archive, a->globals the roles' script (empty, with a note, when the role may not
 * read them). ERR_CONFLICT when pg_dump could not get its locks, or when what it printed is not of the
 * snapshot's instant alone (drift.h). NULL is fine.
 */
bool schema_dump_finish(struct schema_dump *d, struct err *e);

#endif
