/* src/cmd/status_server.c - see status_server.h */
#include "src/cmd/status_server.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/cmd/store.h"
#include "src/cmd/target.h"

/* A monitor must not hang on a server that is gone, before or after it let us in. */
#define CONNECT_S    2
#define CONNECT_TEXT "2"
#define LOST_MS_TEXT "3000"
#define STATEMENT    "SET statement_timeout = '3s'"

static bool read_size(struct status_server *out, struct pg_session *s, struct err *e)
{
	char *size = NULL;
	bool ok = pg_query_value(
	        &size, s, "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())", 0, NULL, e);

	if (ok)
		out->live.size = strtoull(size, NULL, 10);
	free(size);
	return ok;
}

/* Nothing depends on it. */
static void look_closer(struct status_server *out, struct pg_session *s)
{
	struct pg_database live = { 0 };
	struct err ignored = ERR_INIT;

	if (!pg_catalog_database(&live, s, &out->arena, &ignored))
		return;
	out->live.oid = live.oid;
	out->live.identifier = live.system_identifier;
	out->standby_known = standby_find(&out->live.standby, s, &live, &out->arena, &ignored);
}

static bool ask(struct status_server *out, const struct target *t, const struct cmd *c, struct err *e)
{
	struct pg_session *s = NULL;
	bool ok;

	conninfo_set(t->conn, "connect_timeout", CONNECT_TEXT);
	conninfo_set(t->conn, "tcp_user_timeout", LOST_MS_TEXT);
	if (!pg_session_open(&s, t->conn, PG_SESSION_PLAIN, NULL, c->cancel, e))
		return false;
	ok = pg_exec(s, STATEMENT, e) && read_size(out, s, e);
	out->kept_known = ok && kept_find(&out->kept, s, PQdb(pg_session_conn(s)), &out->arena, e);
	if (ok)
		look_closer(out, s);
	pg_session_close(s);
	return out->kept_known;
}

static const struct status_server *find_silent(const struct status_server *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].silent && strcmp(all[i].live.server, all[count].live.server) == 0)
			return &all[i];
	return NULL;
}

/* Is this the target's name in the repository? */
static bool is_called(const struct target *t, const char *database)
{
	const char *name = t->repository_name ? t->repository_name : conninfo_get(t->conn, "dbname");

	return name && strcmp(name, database) == 0;
}

static void ask_in_time(struct status_server *all, size_t i, const struct target *t, const struct cmd *c)
{
	const struct status_server *silent = find_silent(all, i);
	int64_t started = clock_monotonic_us();
	struct err e = ERR_INIT;

	if (silent) {
		memcpy(all[i].why, silent->why, sizeof(all[i].why));
	} else if (!ask(&all[i], t, c, &e)) {
		snprintf(all[i].why, sizeof(all[i].why), "%.250s", e.msg);
		all[i].silent = clock_monotonic_us() - started >= (int64_t)CONNECT_S * 1000000;
	}
}

void status_server_ask(struct status_server *all, size_t i, const struct cmd *c, const char *text, const char *database)
{
	struct status_server *out = &all[i];
	struct target t = TARGET_INIT;
	struct buf server = BUF_INIT;
	struct err e = ERR_INIT;

	if (!text)
		text = store_database_entry(c, database);
	if (target_find(&t, c, text, "the database", &e) && is_called(&t, database)) {
		target_server(&server, t.conn);
		out->live.server = arena_strdup(&out->arena, buf_str(&server));
		ask_in_time(all, i, &t, c);
	} else {
		snprintf(out->why, sizeof(out->why), "no connection to it is configured");
	}
	buf_release(&server);
	target_release(&t);
}

void status_server_release(struct status_server *s)
{
	arena_release(&s->arena);
}
