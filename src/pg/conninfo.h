/*
 * src/pg/conninfo.h - which server and database: a libpq connection string or URI, understood once
 *
 * Follows libpq's keyword/value and URI forms (PostgreSQL documentation, "Connection Strings"). Defaults (environment,
 * service file) stay libpq's business, so that .pgpass and PG* variables work as everywhere.
 */
#ifndef DRTOOL_PG_CONNINFO_H
#define DRTOOL_PG_CONNINFO_H

#include "src/base/arena.h"
#include "src/base/buf.h"

struct conninfo {
	char **keywords; /* NULL-terminated, parallel to values; every value is non-empty */
	char **values;
	struct arena arena;
};

/* Does the text look like a connection string rather than a name ("=" or "://" in it)? */
bool conninfo_is_connection_string(const char *text);

/*
 * Parse a connection string or URI. Parameters of other clients (schema, pgbouncer, connection_limit, pool_timeout,
 * sslaccept, statement_cache_size, prepared statement options, application-specific ones: a fixed list) are dropped and
 * named, comma-separated, in *dropped ("" when none). Whether the URL asks for a pooler (pgbouncer=true) comes out in
 * *pooler. Errors are ERR_USAGE and never contain the text, which may hold a password.
 */
bool conninfo_parse(struct conninfo **out, const char *text, struct buf *dropped, bool *pooler, struct err *e);
struct conninfo *conninfo_new(void); /* nothing set: libpq's defaults alone */
struct conninfo *conninfo_copy(const struct conninfo *c);
void conninfo_set(struct conninfo *c, const char *keyword, const char *value); /* NULL value removes */
const char *conninfo_get(const struct conninfo *c, const char *keyword);       /* NULL when not given */
void conninfo_free(struct conninfo *c);

/* Same server address (host, hostaddr, port after libpq's defaults) and user? For "is DATABASE_URL the same database".
 * Compares dbname too. */
bool conninfo_same_database(const struct conninfo *a, const struct conninfo *b);

/*
 * For PostgreSQL's own programs: a --dbname text without password or sslpassword (quoted for libpq), and environment
 * entries ("PGPASSWORD=...") that carry what may not stand on a command line. Strings live in the arena. env is
 * NULL-terminated and can go to child_spec.env.
 */
struct conninfo_child {
	const char *dbname;
	const char **env; /* also LC_ALL=C, PGAPPNAME, PGTZ=UTC, PGOPTIONS: see conninfo.c */
};
/* server_version decides which timeouts are lifted, see startup.h; 0 when it is not known. */
void conninfo_for_child(struct conninfo_child *out, const struct conninfo *c, int server_version, struct arena *arena);

#endif
