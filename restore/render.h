/*
 * restore/render.h - SQL text for entries of a schema archive, made by pg_restore itself
 *
 * The archive and the list of entries are handed to pg_restore as anonymous memory files; nothing is written to disk.
 */
#ifndef DRTOOL_RESTORE_RENDER_H
#define DRTOOL_RESTORE_RENDER_H

#include "src/base/cancel.h"
#include "src/pg/toc.h"
#include "src/pg/tools.h"

struct archive { /* a schema archive ready for use */
	struct buf bytes;
	struct toc *toc;
	struct pg_tools tools; /* pg_restore and psql of one installation, new enough to read it */
	struct arena arena;
};

struct render_options {
	bool no_owner;       /* pg_restore --no-owner --no-privileges */
	bool no_tablespaces; /* everything into the target's default one */
};

/* Fetch the archive from the repository, parse it, and choose tools for a server of this version. */
struct chunk_store;
struct manifest;
bool archive_open(struct archive *out, struct chunk_store *chunks, const struct manifest *m, int server_version,
        const char *pg_bin, const struct cancel *cancel, struct err *e);
void archive_close(struct archive *a);

/*
 * Append the script pg_restore -f - prints for the entries with these dump ids (in archive order; pg_restore's own
 * passes apply: ACLs after the rest, then event triggers and materialized view data). count 0 gives only the script's
 * header and footer.
 */
bool render_entries(struct buf *out, const struct archive *a, const int *dump_ids, size_t count,
        const struct render_options *o, const struct cancel *cancel, struct err *e);

/*
 * Remove from a rendered script what the target server does not know: settings newer than it in the script's header
 * (SET transaction_timeout below 17), and ALTER COLUMN .. SET (pg_attver=N) statements. Only whole statements outside
 * quotes, dollar quotes and comments are looked at.
 */
bool render_filter(struct buf *out, struct view script, int server_version, struct err *e);

#endif
