/*
 * restore/schema.h - run parts of a schema archive on a server, through pg_restore's text and psql
 */
#ifndef DRTOOL_RESTORE_SCHEMA_H
#define DRTOOL_RESTORE_SCHEMA_H

#include "restore/findings.h"
#include "restore/render.h"
#include "src/pg/conninfo.h"

struct schema_target {
	const struct archive *archive;
	const struct conninfo *database;
	int server_version;
	struct render_options render;
	const char *silence; /* a setting for the session, see post.h; NULL for none */
	struct findings *findings;
	const struct cancel *cancel;
};

/*
 * Make the entries with these dump ids. A statement the server refuses is a finding (the source's fault when rows break
 * a rule) and the rest goes on. False: it could not be carried out, or the connection was lost.
 */
bool schema_run(const struct schema_target *t, const int *dump_ids, size_t count, struct err *e);

/* One line of psql's stderr with VERBOSITY verbose. False when it is not the first line of an error. Views point into
 * line. */
struct schema_error {
	unsigned long line; /* of the script, from 1 */
	char sqlstate[6];   /* "" for psql's own complaints */
	struct view message;
};
bool schema_parse_error(struct schema_error *out, struct view line);
/* "TABLE public.orders" from the last "-- Name: orders; Type: TABLE; Schema: public; ..." at or before a line;
 * "statement" when there is none. */
void schema_label(struct buf *out, struct view script, unsigned long line);

#endif
