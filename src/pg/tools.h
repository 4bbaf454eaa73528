/*
 * src/pg/tools.h - finding PostgreSQL's own programs on this machine
 */
#ifndef DRTOOL_PG_TOOLS_H
#define DRTOOL_PG_TOOLS_H

#include "src/base/arena.h"
#include "src/base/cancel.h"

struct pg_tools {
	int version;         /* of pg_dump there (of postgres when only a server is there): 150020 for 15.20 */
	const char *bin_dir; /* directory the programs stand in */
	const char *pg_dump, *pg_restore, *pg_dumpall, *psql; /* full paths, NULL when missing */
	const char *initdb, *postgres;                        /* full paths, NULL when missing */
};

enum pg_tools_need {
	PG_TOOLS_CLIENT = 1, /* pg_dump, pg_restore, pg_dumpall, psql */
	PG_TOOLS_SERVER = 2, /* initdb, postgres */
};

struct pg_tools_list {
	struct pg_tools *items;
	size_t count;
};

/*
 * Every installation found, newest first: search (colon-separated directories, may be NULL; from --pg-bin or
 * DRTOOL_PG_BIN) first, then PATH, then /usr/lib/postgresql/N/bin, /usr/pgsql-N/bin, /usr/local/pgsql/bin. Each
 * directory once. Versions are asked of the programs themselves.
 */
bool pg_tools_list(
        struct pg_tools_list *out, const char *search, struct arena *arena, const struct cancel *cancel, struct err *e);

/*
 * The best installation for dumping from and restoring to a server of this version: same major with a minor at least
 * the server's; else same major, newest minor; else the next newer major. Directories in search win among equals. A
 * same-major older minor is usable but worth a warning: *warning (arena text or NULL). None new enough: ERR_FAILED with
 * the exact lines that install one from the PostgreSQL project's repository as hint.
 */
bool pg_tools_for_server(struct pg_tools *out, const char **warning, int server_version, unsigned need,
        const char *search, struct arena *arena, const struct cancel *cancel, struct err *e);

#endif
