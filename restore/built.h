/*
 * restore/built.h - a database made in a private scratch cluster by somebody's own means: a file of SQL, or a command
 *
 * The other side of a comparison: what does schema.sql make, what do all migrations make? The cluster is of the
 * snapshot's version, locale and extensions; the roles the snapshot knows are there, without login.
 */
#ifndef DRTOOL_RESTORE_BUILT_H
#define DRTOOL_RESTORE_BUILT_H

#include "restore/restore.h"

struct built; /* opaque */

struct built_from {
	const char *sql;     /* a file for psql, which stops at the first error; NULL for a command */
	const char *command; /* for /bin/sh, with DATABASE_URL, PGHOST, PGPORT, PGUSER and PGDATABASE of the database */
};

bool built_start(struct built **out, struct repository *r, const struct manifest *m, const struct built_from *from,
        const struct verify_options *o, struct observer *obs, const struct cancel *cancel, struct err *e);
const struct conninfo *built_conninfo(const struct built *b); /* superuser; valid until the stop */
void built_stop(struct built *b);                             /* NULL is fine */

#endif
