/*
 * restore/reference.h - what stock pg_restore, psql and pg_dump make of the snapshot's schema, without drtool's own
 * loading
 */
#ifndef DRTOOL_RESTORE_REFERENCE_H
#define DRTOOL_RESTORE_REFERENCE_H

#include "restore/compare.h"

struct reference {
	struct toc *toc;
	int dump_version; /* of the pg_dump that wrote it */
	bool had_errors;  /* psql reported some while restoring */
};

#define REFERENCE_INIT \
	{              \
		0      \
	}

/* Dump the schema of a database on a server of this version and parse the archive. */
bool reference_dump(
        struct toc **out, const struct compare *c, const struct conninfo *database, int server_version, struct err *e);
/* Make the database c->reference beside c->target, restore the schema archive into it, dump it, and drop it again. */
bool reference_make(struct reference *out, const struct compare *c, struct err *e);
void reference_release(struct reference *r);

#endif
