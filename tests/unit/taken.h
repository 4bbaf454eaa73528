/*
 * tests/unit/taken.h - a database on the test server and its snapshot in a repository in memory
 */
#ifndef DRTOOL_TESTS_UNIT_TAKEN_H
#define DRTOOL_TESTS_UNIT_TAKEN_H

#include "tests/unit/server.h"

#include "src/snapshot/snapshot.h"

struct taken {
	const char *dbname;
	struct repository *r;
	struct manifest *m;
};

static inline struct conninfo *taken_database(const char *dbname)
{
	struct conninfo *c = server();

	conninfo_set(c, "dbname", dbname);
	return c;
}

static inline void taken_sql(const char *dbname, const char *sql)
{
	struct conninfo *c = taken_database(dbname);
	struct pg_session *s;
	struct err e = ERR_INIT;

	ok_or_fail(pg_session_open(&s, c, PG_SESSION_PLAIN, NULL, NULL, &e), &e);
	run(s, "SET search_path = public");
	run(s, sql);
	pg_session_close(s);
	conninfo_free(c);
}

static inline void taken_snapshot(struct taken *t, struct storage *storage)
{
	struct conninfo *c = taken_database(t->dbname);
	const struct snapshot_options o = { .source = c, .jobs = 2, .lock_wait_s = 5 };
	struct snapshot_result result;
	struct err e = ERR_INIT;

	ok_or_fail(repository_open_storage(&t->r, storage, true, &e), &e);
	ok_or_fail(snapshot_take(&result, t->r, &o, NULL, NULL, &e), &e);
	ok_or_fail(manifest_load(&t->m, t->r, t->dbname, result.id, &e), &e);
	conninfo_free(c);
}

/* Make the database anew with this in it, and take it. */
static inline void taken_make(struct taken *t, const char *dbname, const char *sql)
{
	char statement[128];

	t->dbname = dbname;
	snprintf(statement, sizeof statement, "DROP DATABASE IF EXISTS %s", dbname);
	taken_sql("postgres", statement);
	snprintf(statement, sizeof statement, "CREATE DATABASE %s TEMPLATE template0", dbname);
	taken_sql("postgres", statement);
	taken_sql(dbname, sql);
	taken_snapshot(t, storage_new_memory());
}

static inline void taken_drop(struct taken *t)
{
	char statement[128];

	manifest_free(t->m);
	repository_close(t->r);
	snprintf(statement, sizeof statement, "DROP DATABASE IF EXISTS %s", t->dbname);
	taken_sql("postgres", statement);
}

#endif
