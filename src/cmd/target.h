/*
 * src/cmd/target.h - which database a command means
 */
#ifndef DRTOOL_CMD_TARGET_H
#define DRTOOL_CMD_TARGET_H

#include "src/cmd/cmd.h"
#include "src/pg/conninfo.h"
#include "src/pg/session.h"

struct target {
	const struct config_database *entry; /* of drtool.yml; NULL when it is none of those */
	const char *repository_name;         /* its name in the repository; NULL: the dbname */
	struct conninfo *conn;
	struct buf notes; /* lines to say after the announcement */
};

#define TARGET_INIT                             \
	{                                       \
		.notes = BUF_INIT_MAX(64 << 10) \
	}

/*
 * text is what was typed: a name from drtool.yml, a connection string or URI, or NULL: the only entry of drtool.yml,
 * else DATABASE_URL, else bare PG* variables (for commands that read; those that write always name their database).
 * ERR_USAGE when it stays unclear, ERR_REFUSED for a pooler's URL. what names the text in messages: "--into".
 */
bool target_find(struct target *out, const struct cmd *c, const char *text, const char *what, struct err *e);
void target_release(struct target *t);

/* "db1:5432" from what is configured, without connecting. Appended. */
void target_server(struct buf *out, const struct conninfo *conn);
/* "shop at db1:5432" from what is configured, without connecting; never a password. Appended. */
void target_describe(struct buf *out, const struct conninfo *conn);

/*
 * Connect and say what is meant, "shop at db1:5432, PostgreSQL 15.20", then the notes. The session comes out in
 * *session when that is not NULL.
 */
bool target_announce(struct pg_session **session, struct target *t, const struct cmd *c, struct err *e);
/* The same for a database that may not exist yet: the connection goes to its server's maintenance database. */
bool target_announce_server(struct target *t, const struct cmd *c, struct err *e);
/* "shop at db1:5432, PostgreSQL 15.20" of an open session; name NULL means the database's own. */
void target_describe_session(struct buf *out, const char *name, struct pg_session *s);

/* No password stands in drtool.yml itself: ERR_USAGE with file and line otherwise. */
bool target_check_secrets(const struct config *c, struct err *e);

#endif
