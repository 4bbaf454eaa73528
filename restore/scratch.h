/*
 * restore/scratch.h - a private throw-away PostgreSQL cluster for one test restore
 *
 * Reached only through a Unix socket in a directory that nobody else may enter; no durability; gone when stopped, when
 * drtool ends, and at the latest with scratch_clean().
 */
#ifndef DRTOOL_RESTORE_SCRATCH_H
#define DRTOOL_RESTORE_SCRATCH_H

#include "restore/restore.h"
#include "src/pg/tools.h"

struct scratch; /* opaque */

/*
 * Check the space, make the cluster and wait until it answers. dbname is what the database will be called that is made
 * there first. o->scratch_dir and o->pg_bin are looked at. Errors:
 * ERR_REFUSED when this machine cannot (no space, no server programs, a locale that is not installed), with the
 * obstacle and a hint; ERR_CANCELLED.
 */
bool scratch_start(struct scratch **out, const struct manifest *m, const struct contents *c, const char *dbname,
        const struct verify_options *o, struct observer *obs, const struct cancel *cancel, struct err *e);
const struct conninfo *scratch_conninfo(
        const struct scratch *s); /* superuser, database "postgres"; valid until the stop */
int scratch_version(const struct scratch *s);
/* "" while it runs; afterwards the last thing the server said, for error messages. */
void scratch_explain(struct scratch *s, struct err *e);
void scratch_stop(struct scratch *s); /* also removes everything; NULL is fine */

#endif
