#include "restore/target.h"

#include <limits.h>

#include "restore/target_internal.h"
#include "src/codec/hash.h"
#include "src/pg/catalog.h"

#define NAME_MAX_BYTES 63
#define LOCK_PREFIX    "drtool restore into "

void target_working_name(char out[64], const char *wanted, const char *snapshot_id)
{
	if (strlen(wanted) + strlen("__restoring_") + strlen(snapshot_id) <= NAME_MAX_BYTES)
		snprintf(out, 64, "%s__restoring_%s", wanted, snapshot_id);
	else
		snprintf(out, 64, "drtool_restoring_%s", snapshot_id);
}

static bool connect_one(
        struct target *t, const char *dbname, const char *role, const struct cancel *cancel, struct err *e)
{
	conninfo_set(t->maintenance_db, "dbname", dbname);
	t->role = role;
	return pg_session_open(&t->maintenance, t->maintenance_db, PG_SESSION_PLAIN, role, cancel, e);
}

/*
 * Where the server lets us into our own database alone, that one will do when it is there; under another name, for what
 * a killed run left in it is ended by name. The first error counts: that others cannot be reached either says nothing
 * new.
 */
static bool connect_maintenance(
        struct target *t, const char *maintenance_db, const struct cancel *cancel, struct err *e)
{
	struct err first = ERR_INIT, second = ERR_INIT, third = ERR_INIT;

	t->maintenance_db = conninfo_copy(t->given);
	if (maintenance_db)
		return connect_one(t, maintenance_db, "restore", cancel, e);
	if (connect_one(t, "postgres", "restore", cancel, &first))
		return true;
	if (first.kind != ERR_CANCELLED && (connect_one(t, "template1", "restore", cancel, &second) ||
	                                           connect_one(t, t->wanted, "restore inside", cancel, &third)))
		return true;
	*e = first;
	return false;
}

/* A lock key from a name; the database "postgres" of one server is the only place it has to be unique in. */
static int64_t lock_key(const char *name)
{
	uint8_t hash[SHA256_SIZE];
	struct buf text = BUF_INIT;
	int64_t key;

	buf_addf(&text, LOCK_PREFIX "%s", name);
	hash_sha256(hash, buf_view(&text));
	buf_release(&text);
	memcpy(&key, hash, sizeof(key));
	return key;
}

static bool take_lock(struct target *t, const char *name, struct err *e)
{
	char *sql = xasprintf("SELECT pg_catalog.pg_try_advisory_lock(%lld)", (long long)lock_key(name)), *got = NULL;
	bool ok = pg_query_value(&got, t->maintenance, sql, 0, NULL, e);

	if (ok && strcmp(got, "t") != 0) {
		ok = err_set(e, ERR_CONFLICT, "another restore into database \"%s\" is running", t->wanted);
		err_hint(e, "wait for it, or stop it");
	}
	free(got);
	free(sql);
	return ok;
}

/* What is left of an earlier try goes with its schemas, and so would these, which nobody here can make again. */
static bool refuse_others(const struct target *t, struct err *e)
{
	for (size_t i = 0; i < t->others.count; i++) {
		if (strcmp(t->others.items[i], "plpgsql") == 0)
			continue;
		err_set(e, ERR_REFUSED,
		        "database \"%s\" is half filled by an earlier restore, and extension \"%s\" in it is not this role's",
		        t->wanted, t->others.items[i]);
		return err_hint(e, "let an administrator drop it and make it again, with its extensions");
	}
	return true;
}

/* A given database: empty, marked, or none of our business. */
static bool look_inside(
        struct target *t, const struct pg_extension_list *extensions, const struct cancel *cancel, struct err *e)
{
	struct pg_session *s = NULL;
	char *mark = NULL, *found = NULL;
	bool ok = pg_session_open(&s, t->database, PG_SESSION_PLAIN, "restore", cancel, e) &&
	          target_others_extensions(&t->others, s, &t->arena, e) &&
	          pg_query_value(&mark, s,
	                  "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = '" TARGET_MARK "')", 0,
	                  NULL, e);

	if (ok && strcmp(mark, "t") == 0) {
		t->state = TARGET_MARKED;
		ok = refuse_others(t, e);
	} else if (ok && target_contents(&found, s, extensions, e)) {
		t->state = TARGET_EMPTY;
		if (*found) {
			ok = err_set(e, ERR_REFUSED, "database \"%s\" is not empty: it holds %s", t->wanted, found);
			err_hint(e,
			        "name a database that does not exist yet (it is created), or an empty one; to put the snapshot in the place of this one: --replace");
		}
	} else {
		ok = false;
	}
	free(mark);
	free(found);
	pg_session_close(s);
	return ok;
}

bool target_open(struct target *out, const struct conninfo *given, const char *maintenance_db, const char *snapshot_id,
        const struct pg_extension_list *extensions, bool beside, const struct cancel *cancel, struct err *e)
{
	bool there = false;

	*out = (struct target){ .given = given, .wanted = conninfo_get(given, "dbname"), .snapshot_id = snapshot_id };
	if (!out->wanted || strlen(out->wanted) > NAME_MAX_BYTES) {
		err_set(e, ERR_USAGE, "the target's database name is missing or longer than %d bytes", NAME_MAX_BYTES);
		return err_hint(e, "name it in the target, as in \"host=db1 dbname=shop_copy\"");
	}
	out->database = conninfo_copy(given);
	if (!connect_maintenance(out, maintenance_db, cancel, e) || !take_lock(out, out->wanted, e) ||
	        !pg_catalog_database_exists(&there, out->maintenance, out->wanted, e))
		goto fail;
	if (there && !beside) {
		snprintf(out->working, sizeof(out->working), "%s", out->wanted);
		if (!look_inside(out, extensions, cancel, e))
			goto fail;
		return true;
	}
	out->state = TARGET_MISSING;
	target_working_name(out->working, out->wanted, snapshot_id);
	conninfo_set(out->database, "dbname", out->working);
	if (!take_lock(out, out->working, e))
		goto fail;
	return true;
fail:
	target_close(out);
	return false;
}

bool target_awaken(struct target *t, const struct cancel *cancel, struct err *e)
{
	struct err why = ERR_INIT;

	if (pg_exec(t->maintenance, "SELECT", &why))
		return true;
	if (why.kind != ERR_TRANSIENT) {
		*e = why;
		return false;
	}
	pg_session_close(t->maintenance);
	t->maintenance = NULL;
	return pg_session_open(&t->maintenance, t->maintenance_db, PG_SESSION_PLAIN, t->role, cancel, e) &&
	       take_lock(t, t->wanted, e) && (strcmp(t->working, t->wanted) == 0 || take_lock(t, t->working, e));
}

void target_close(struct target *t)
{
	struct err ignored = ERR_INIT;

	/* The server ends a session some time after it was closed, and the next restore may begin at once. */
	if (t->maintenance)
		pg_exec(t->maintenance, "SELECT pg_catalog.pg_advisory_unlock_all()", &ignored);
	pg_session_close(t->maintenance);
	conninfo_free(t->database);
	conninfo_free(t->maintenance_db);
	arena_release(&t->arena);
	t->maintenance = NULL;
	t->database = t->maintenance_db = NULL;
}

/* --- given: the mark --- */

/* Backends of the killed run may still finish a statement; its lock is ours, so no live run is meant. */
#define END_LEFTOVERS                                                                           \
	"SELECT pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity"    \
	" WHERE datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid()" \
	" AND usename = current_user AND application_name IN ('drtool restore', 'drtool child')"

static bool clear(struct target *t, struct pg_session *s, struct err *e)
{
	return t->state != TARGET_MARKED || (pg_exec(s, END_LEFTOVERS, e) && target_empty(s, e));
}

static bool mark(struct target *t, const struct cancel *cancel, struct err *e)
{
	struct pg_session *s = NULL;
	bool ok = pg_session_open(&s, t->database, PG_SESSION_PLAIN, "restore", cancel, e) && clear(t, s, e);

	/* An id has no quotes in it. */
	if (ok)
		t->prepared = true;
	ok = ok && pg_execf(s, e,
	                   "CREATE SCHEMA IF NOT EXISTS " TARGET_MARK "; COMMENT ON SCHEMA " TARGET_MARK
	                   " IS 'drtool: restore of snapshot %s, not complete'",
	                   t->snapshot_id);
	pg_session_close(s);
	return ok;
}

/* Event triggers are there by now and must not see the mark go. */
static bool unmark(struct target *t, const struct cancel *cancel, struct err *e)
{
	struct pg_session *s = NULL;
	struct err ignored = ERR_INIT;
	bool ok = pg_session_open(&s, t->database, PG_SESSION_PLAIN, "restore", cancel, e);

	if (ok) {
		pg_exec(s, "SET session_replication_role = replica",
		        &ignored); /* superusers only; others cannot make event triggers */
		ok = pg_exec(s, "DROP SCHEMA " TARGET_MARK, e);
	}
	pg_session_close(s);
	return ok;
}

bool target_prepare(struct target *t, const struct pg_database *d, bool no_owner, bool no_tablespace,
        const struct cancel *cancel, struct err *e)
{
	if (t->state == TARGET_MISSING)
		return target_create(t, d, no_owner, no_tablespace, cancel, e);
	return mark(t, cancel, e) || err_wrap(e, "prepare database \"%s\"", t->wanted);
}

bool target_finish(struct target *t, const struct pg_database *d, bool no_owner, bool rename, struct findings *f,
        const struct cancel *cancel, struct err *e)
{
	if (!target_apply_settings(t, d, no_owner, rename, f, e))
		return false;
	if (t->state != TARGET_MISSING)
		return !rename || unmark(t, cancel, e);
	return target_name(t, d, rename, e);
}

void target_abandon(struct target *t, struct buf *left)
{
	if (!t->prepared)
		return;
	t->prepared = false;
	if (t->state != TARGET_MISSING)
		buf_addf(left, "database \"%s\" is half filled and marked so; the next restore into it starts over",
		        t->wanted);
	else if (!target_drop_working(t))
		buf_addf(left, "database \"%s\" could not be removed; the next restore into \"%s\" replaces it",
		        t->working, t->wanted);
}
