/* restore/standby_make.c - a proved database takes the place of the standby copy; see standby.h */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "restore/space.h"
#include "restore/standby_internal.h"
#include "restore/target.h"
#include "src/base/clock.h"

#define LOCK_TIMEOUT "10s"
#define MIB(bytes)   ((bytes) >> 20)

/* For the functions of restore.h that drop what a restore beside another database has made. */
static struct restore_options options_of(const struct standby_making *k)
{
	return (struct restore_options){
		.target = k->target, .maintenance_db = k->place->maintenance_db, .beside = &k->beside
	};
}

static bool discard(const struct standby_making *k, const char *name, const struct cancel *cancel, struct err *e)
{
	const struct restore_options o = options_of(k);

	return restore_discard(&o, name, cancel, e);
}

/* --- before --- */

/* Rows alone, or what the source took up, whichever is less, is sure to be needed. */
static uint64_t least_needed(const struct manifest *m)
{
	return m->plain_bytes < m->database_size ? m->plain_bytes : m->database_size;
}

static bool make_room(struct standby_making *k, const struct manifest *m, bool dry_run, struct observer *obs,
        const struct cancel *cancel, struct err *e)
{
	const struct standby_place *p = k->place;
	uint64_t have, old = k->old.name && k->old.size > 0 ? (uint64_t)k->old.size : 0;

	if (!space_free(&have, p->maintenance, p->live->tablespace))
		return true;
	have += restore_leftover_bytes(p->maintenance, k->name, m->id);
	if (have >= m->database_size)
		return true;
	if (have + old < least_needed(m)) {
		err_set(e, ERR_REFUSED,
		        "only %" PRIu64 " MiB are free on the server's disk for a standby copy of at least %" PRIu64
		        " MiB",
		        MIB(have + old), MIB(least_needed(m)));
		return err_hint(e, "make room there, or verify without --keep-standby");
	}
	if (!old || dry_run)
		return true;
	observer_note(obs, NOTE_INFO,
	        "%" PRIu64 " MiB are free on the server's disk: the old standby copy goes before the new one is made",
	        MIB(have));
	if (!discard(k, k->old.name, cancel, e))
		return false;
	k->old.name = NULL;
	return true;
}

static bool check_old(const struct standby_making *k, struct err *e)
{
	if (!k->old.name || !k->old.sessions)
		return true;
	err_set(e, ERR_REFUSED, "%u session%s in the old standby copy \"%s\"", k->old.sessions,
	        k->old.sessions == 1 ? " is" : "s are", k->old.name);
	return err_hint(e, "somebody has allowed connections to it and looks at it: end that first");
}

bool standby_prepare(struct standby_making *out, const struct standby_place *place, const struct manifest *m,
        bool dry_run, struct observer *obs, const struct cancel *cancel, struct err *e)
{
	struct standby_making *k = out;
	char id[SNAPSHOT_ID_SIZE];

	*k = (struct standby_making){ .place = place, .beside = *place->live, .cancel = cancel };
	if (!standby_find(&k->old, place->maintenance, place->live, &k->arena, e) || !check_old(k, e) ||
	        !standby_name(k->name, place->maintenance, place->live->name, &k->old, e))
		return false;
	k->beside.name = k->name;
	k->target = conninfo_copy(place->server);
	conninfo_set(k->target, "dbname", k->name);
	manifest_new_id(id, 0);
	target_working_name(k->reference, k->name, id);
	return make_room(k, m, dry_run, obs, cancel, e);
}

/* --- after --- */

/* Out of the way, by a name and with a comment by which a later run finds and drops it. */
static bool retire(struct standby_making *k, struct pg_session *s, struct arena *a, struct err *e)
{
	const char *from = pg_quote_ident(a, k->name);
	char id[SNAPSHOT_ID_SIZE];

	manifest_new_id(id, 0);
	target_working_name(k->retired, k->name, id);
	return pg_execf(s, e, "COMMENT ON DATABASE %s IS %s", from,
	               pg_quote_literal(a, target_comment(a, k->old.snapshot_id, k->name))) &&
	       pg_execf(s, e, "ALTER DATABASE %s RENAME TO %s", from, pg_quote_ident(a, k->retired));
}

#define END_GUESTS                                                                                                 \
	"SELECT pg_catalog.count(pg_catalog.pg_terminate_backend(a.pid, 5000)) FROM pg_catalog.pg_stat_activity a" \
	" WHERE a.datname = $1 AND a.usesysid IS NOT NULL"                                                         \
	" AND pg_catalog.starts_with(COALESCE(a.application_name, ''), 'drtool') IS NOT TRUE"

/* Whoever looks into every database of a server found this one, too. May they not be ended, the rename says so. */
static bool end_guests(bool *any, struct standby_making *k, const char *working, struct err *e)
{
	struct err ignored = ERR_INIT;
	char *count = NULL;

	*any = false;
	if (!standby_allow(k->place->maintenance, working, false, e))
		return false;
	if (pg_query_value(&count, k->place->maintenance, END_GUESTS, 1, &working, &ignored))
		*any = strcmp(count, "0") != 0;
	free(count);
	return true;
}

/*
 * The rename waits for sessions that are just ending and is refused while one stays, so from the commit on there is
 * nobody in it and nobody gets in.
 */
static bool change_names(struct standby_making *k, struct pg_session *s, const char *snapshot_id, const char *working,
        struct arena *a, struct err *e)
{
	const char *from = pg_quote_ident(a, working), *live = k->place->live->name;

	return pg_exec(s, "BEGIN READ WRITE; SET LOCAL lock_timeout = '" LOCK_TIMEOUT "'", e) &&
	       (!k->old.name || retire(k, s, a, e)) &&
	       pg_execf(s, e, "COMMENT ON DATABASE %s IS %s", from,
	               pg_quote_literal(a, standby_comment(a, live, snapshot_id, clock_utc_us()))) &&
	       pg_execf(s, e, "ALTER DATABASE %s RENAME TO %s", from, pg_quote_ident(a, k->name)) &&
	       pg_exec(s, "COMMIT", e);
}

/* In a session of its own: with it goes what an interrupt left open, and the databases can be dropped. */
static bool take_place(struct standby_making *k, const char *snapshot_id, const char *working, struct err *e)
{
	struct conninfo *conn = conninfo_copy(k->place->server);
	struct pg_session *s = NULL;
	struct arena a = ARENA_INIT;

	conninfo_set(conn, "dbname", k->place->maintenance_db);
	k->placed = pg_session_open(&s, conn, PG_SESSION_PLAIN, "verify", k->cancel, e) &&
	            change_names(k, s, snapshot_id, working, &a, e);
	if (!k->placed) {
		if (s && strcmp(pg_session_sqlstate(s), "55006") == 0)
			err_hint(e, "somebody is connected to it: end that, and verify again");
		k->retired[0] = '\0';
	}
	pg_session_close(s);
	conninfo_free(conn);
	arena_release(&a);
	return k->placed || err_wrap(e, "make \"%s\" the standby copy", working);
}

/* Sessions count themselves as they end, which before PostgreSQL 15 took its time. */
static bool read_marks(struct standby *out, struct standby_making *k, struct err *e)
{
	if (pg_session_version(k->place->maintenance) < 150000 && !cancel_sleep(NULL, 2000, e))
		return false;
	if (!standby_find(out, k->place->maintenance, k->place->live, &k->arena, e))
		return false;
	if (out->name && strcmp(out->name, k->name) == 0)
		return true;
	err_set(e, ERR_CONFLICT, "the standby copy \"%s\" is gone again", k->name);
	return err_hint(e, "somebody else works on it");
}

bool standby_keep(struct standby_making *k, struct proof *p, const char *working, struct observer *obs, struct err *e)
{
	struct standby now;
	bool guests;

	if (!end_guests(&guests, k, working, e) || !take_place(k, p->snapshot_id, working, e) ||
	        !read_marks(&now, k, e))
		return false;
	p->standby = arena_alloc(&p->arena, sizeof(*p->standby));
	*p->standby = now.marks;
	if (guests) {
		observer_note(obs, NOTE_WARN,
		        "somebody was connected to it while it was proved: it will be compared again before it is used");
		p->standby->sessions = -1; /* no count equals it */
	}
	p->standby->name = arena_strdup(&p->arena, now.marks.name);
	p->standby->system_identifier = arena_strdup(&p->arena, now.marks.system_identifier);
	return true;
}

void standby_release(struct standby_making *k, const char *working)
{
	struct err ignored = ERR_INIT;

	if (k->target && !k->placed && *working)
		discard(k, working, NULL, &ignored);
	if (k->target && *k->retired)
		discard(k, k->retired, NULL, &ignored);
	conninfo_free(k->target);
	arena_release(&k->arena);
	*k = (struct standby_making){ 0 };
}
