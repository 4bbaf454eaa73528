/* src/cmd/announce.c - the first line on stderr: what is meant; see target.h */
#include "src/cmd/say.h"
#include "src/cmd/target.h"
#include "src/cmd/text.h"

void target_describe_session(struct buf *out, const char *name, struct pg_session *s)
{
	PGconn *conn = pg_session_conn(s);
	const char *dbname = PQdb(conn), *host = PQhost(conn);
	char version[TEXT_SIZE];

	buf_add(out, name ? name : dbname);
	if (name && strcmp(name, dbname) != 0)
		buf_addf(out, " (database %s)", dbname);
	buf_addf(out, " at %s:%s, PostgreSQL %s", host && *host ? host : "local socket", PQport(conn),
	        text_version(version, pg_session_version(s)));
}

static void say_notes(struct target *t)
{
	char *text = buf_detach(&t->notes), *rest = text, *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line)
			say_info("note: %s", line);
	}
	free(text);
}

bool target_announce(struct pg_session **session, struct target *t, const struct cmd *c, struct err *e)
{
	struct pg_session *s = NULL;
	struct buf line = BUF_INIT;

	if (!pg_session_open(&s, t->conn, PG_SESSION_PLAIN, NULL, c->cancel, e))
		return false;
	target_describe_session(&line, t->repository_name, s);
	say_info("%s", buf_str(&line));
	say_notes(t);
	buf_release(&line);
	if (session)
		*session = s;
	else
		pg_session_close(s);
	return true;
}

static bool open_maintenance(
        struct pg_session **out, const struct conninfo *conn, const struct cancel *cancel, struct err *e)
{
	/* The last one where the server lets us into nothing but our own. */
	const char *const names[] = { "postgres", "template1", conninfo_get(conn, "dbname"), NULL };
	struct err first = ERR_INIT;

	for (const char *const *name = names; *name; name++) {
		struct conninfo *copy = conninfo_copy(conn);
		bool ok;

		conninfo_set(copy, "dbname", *name);
		ok = pg_session_open(out, copy, PG_SESSION_PLAIN, NULL, cancel, name == names ? &first : e);
		conninfo_free(copy);
		if (ok)
			return true;
	}
	*e = first; /* about the usual database */
	return false;
}

bool target_announce_server(struct target *t, const struct cmd *c, struct err *e)
{
	const char *dbname = conninfo_get(t->conn, "dbname");
	struct pg_session *s = NULL;
	char version[TEXT_SIZE];
	bool ok = open_maintenance(&s, t->conn, c->cancel, e);

	if (ok) {
		PGconn *conn = pg_session_conn(s);
		const char *host = PQhost(conn);

		if (!dbname)
			dbname = getenv("PGDATABASE");
		if (!dbname || !*dbname)
			dbname = PQuser(conn);
		say_info("%s at %s:%s, PostgreSQL %s", dbname, host && *host ? host : "local socket", PQport(conn),
		        text_version(version, pg_session_version(s)));
		say_notes(t);
	}
	pg_session_close(s);
	return ok;
}
