/* restore/finish_session.c - the session that works in the database; see finish.h */
#include <stdlib.h>

#include "restore/finish_internal.h"
#include "restore/post.h"
#include "restore/server_memory.h"
#include "src/base/clock.h"
#include "src/pg/catalog.h"

#define LOST_MAX    5
#define PAUSE_MS    1000
#define YIELDED_MS  5000
#define PATIENCE_US 60000000 /* the application comes back at the same time, and may take all connections */

const char *finish_name(const struct finish *f)
{
	const char *name = conninfo_get(f->options->database, "dbname");

	return name ? name : f->session ? PQdb(pg_session_conn(f->session)) : "?";
}

bool finish_same_server(const struct finish_options *o, const char *identifier)
{
	return !o->identifier || !*o->identifier || !*identifier || strcmp(o->identifier, identifier) == 0;
}

/* An undo that swaps ends our sessions; whoever has the name then is none of our business. */
static bool check_identity(struct finish *f, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct pg_database d;
	bool ok = pg_catalog_database(&d, f->session, &a, e);
	bool same = ok && d.oid == f->options->oid && finish_same_server(f->options, d.system_identifier);

	arena_release(&a);
	if (!ok || same)
		return ok;
	err_set(e, ERR_CONFLICT, "database \"%s\" is another one now than the one that is to be finished",
	        finish_name(f));
	return err_hint(
	        e, "somebody swapped it (undo, another restore); nothing is left to do on the one that is there now");
}

static bool prepare(struct finish *f, struct err *e)
{
	const char *encoding = post_encoding(&f->contents);
	uint64_t kib = server_memory_for_sort(f->options->database, 2) >> 10;
	struct err ignored = ERR_INIT;

	/* What is told of as made must outlive a crash of the server: loading is over. */
	if (!pg_exec(f->session, "SET synchronous_commit = on", e) ||
	        !pg_execf(f->session, e, "SET maintenance_work_mem = '%llukB'", (unsigned long long)kib))
		return false;
	/* Event triggers are there by now and have no business with this; superusers only, others cannot make any. */
	pg_exec(f->session, "SET session_replication_role = replica", &ignored);
	/* A server that loses us stops building soon, and not only at the end. */
	if (pg_session_version(f->session) >= 140000)
		pg_exec(f->session, "SET client_connection_check_interval = '500ms'", &ignored);
	return post_read_strings(f->session, f->archive.toc, e) &&
	       (!encoding || pg_execf(f->session, e, "SET client_encoding = '%s'", encoding));
}

bool finish_open(struct pg_session **out, const struct conninfo *c, enum pg_session_kind kind, const char *role,
        struct observer *obs, const struct cancel *cancel, struct err *e)
{
	int64_t started = clock_monotonic_us();
	bool told = false;

	for (;;) {
		struct err why = ERR_INIT;

		if (pg_session_open(out, c, kind, role, cancel, &why))
			return true;
		if (why.kind != ERR_TRANSIENT || clock_monotonic_us() - started > PATIENCE_US) {
			*e = why;
			return false;
		}
		if (!told)
			observer_note(obs, NOTE_WARN, "%s; it is tried again for %d s", why.msg, PATIENCE_US / 1000000);
		told = true;
		if (!cancel_sleep(cancel, PAUSE_MS, e))
			return false;
	}
}

bool finish_connect(struct finish *f, struct err *e)
{
	pg_session_close(f->session);
	f->session = NULL;
	if (finish_open(&f->session, f->options->database, PG_SESSION_LOAD, "finish", f->obs, f->cancel, e) &&
	        check_identity(f, e) && prepare(f, e))
		return true;
	/* Nobody is to look into another database and take it for this one. */
	pg_session_close(f->session);
	f->session = NULL;
	return false;
}

static bool is_lost(const struct finish *f, const struct err *why)
{
	return !f->session || why->kind == ERR_TRANSIENT || PQstatus(pg_session_conn(f->session)) != CONNECTION_OK;
}

bool finish_recover(struct finish *f, const struct err *why, struct err *e)
{
	struct err again = *why;

	if (why->kind == ERR_CANCELLED || !is_lost(f, why)) {
		*e = *why;
		return false;
	}
	while (f->lost++ < LOST_MAX) {
		if (!cancel_sleep(f->cancel, PAUSE_MS, e))
			return false;
		again = (struct err)ERR_INIT;
		if (finish_connect(f, &again))
			return true;
		if (again.kind != ERR_TRANSIENT)
			break;
	}
	*e = again;
	return false;
}

/* Worth going on with the next one: the server has something against this statement only. */
static bool is_about_this(const char *state)
{
	return *state && strncmp(state, "53", 2) != 0 && strncmp(state, "58", 2) != 0 && strncmp(state, "XX", 2) != 0;
}

bool finish_say(
        enum finish_said *said, struct finish *f, const char *object, const char *sql, struct err *why, struct err *e)
{
	bool ok, yielded;

	*why = (struct err)ERR_INIT;
	finish_watch_begin(f->watch, pg_session_pid(f->session), object);
	ok = pg_exec(f->session, sql, why);
	yielded = finish_watch_end(f->watch);
	*said = ok ? FINISH_DONE : FINISH_AGAIN;
	if (ok) {
		f->lost = 0;
		return true;
	}
	if (why->kind == ERR_CANCELLED || is_lost(f, why))
		return finish_recover(f, why, e);
	if (why->kind == ERR_CONFLICT || (yielded && strcmp(pg_session_sqlstate(f->session), "57014") == 0))
		return cancel_sleep(f->cancel, yielded ? YIELDED_MS : PAUSE_MS, e);
	*said = FINISH_NO;
	if (is_about_this(pg_session_sqlstate(f->session)))
		return true;
	*e = *why;
	return err_wrap(e, "%s", object);
}
