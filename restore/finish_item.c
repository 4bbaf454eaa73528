/* restore/finish_item.c - one index or foreign key of a database in use; see finish_internal.h */
#include <stdlib.h>

#include "restore/definition.h"
#include "restore/finish_internal.h"
#include "src/base/clock.h"

#define TRIES_MAX 60
/* Everybody who wants to plan a query waits behind whoever waits for ACCESS EXCLUSIVE: it is not asked for longer. */
#define BRIEFLY         "SET lock_timeout = '150ms'"
#define PAUSE_MAX_MS    30000u
#define WAITING_MAX_US  3600000000
#define SAY_AGAIN_US    60000000
#define BUILDER_WAIT_MS 500
#define WORTH_SAYING_US 500000

/* --- how it stands --- */

/*
 * $1 schema, $2 table, $3 index. An index of this name on this table is taken for ours. Nobody else's index has a
 * builder: of an index that is not valid and has one, it is not known yet what it will be.
 */
#define INDEX_STATE                                                                                      \
	"SELECT t.oid IS NOT NULL, x.oid IS NOT NULL, COALESCE(i.indrelid = t.oid, false),"              \
	" COALESCE(i.indisvalid, false), COALESCE(p.pid, 0),"                                            \
	" EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = x.oid),"                           \
	" pg_catalog.obj_description(x.oid, 'pg_class') IS NOT NULL, COALESCE(i.indisclustered, false)," \
	" EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = x.oid AND attstattarget >= 0),"   \
	" EXISTS (SELECT FROM pg_catalog.pg_depend WHERE classid = 'pg_catalog.pg_class'::regclass"      \
	" AND objid = x.oid AND deptype = 'x'),"                                                         \
	" i.indexprs IS NOT NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_stats WHERE schemaname = $1"  \
	" AND tablename = $3)"                                                                           \
	" FROM (SELECT 1) one"                                                                           \
	" LEFT JOIN (pg_catalog.pg_class t JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace"   \
	" AND tn.nspname = $1) ON t.relname = $2 AND t.relkind IN ('r', 'p', 'm')"                       \
	" LEFT JOIN (pg_catalog.pg_class x JOIN pg_catalog.pg_namespace xn ON xn.oid = x.relnamespace"   \
	" AND xn.nspname = $1) ON x.relname = $3"                                                        \
	" LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = x.oid"                                       \
	" LEFT JOIN pg_catalog.pg_stat_progress_create_index p ON p.index_relid = x.oid"                 \
	" AND p.datname = pg_catalog.current_database()"

/* $1 schema, $2 table, $3 index: who has used the index in a transaction that is still open, or alters the table. */
#define HOLDER                                                                                                  \
	"SELECT " FINISH_SESSION " FROM pg_catalog.pg_class x"                                                  \
	" JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace"                                             \
	" JOIN pg_catalog.pg_locks l ON l.locktype = 'relation' AND l.relation = x.oid AND l.granted"           \
	" JOIN pg_catalog.pg_database b ON b.oid = l.database AND b.datname = pg_catalog.current_database()"    \
	" JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid"                                                  \
	" WHERE n.nspname = $1 AND l.pid <> pg_catalog.pg_backend_pid() AND (x.relname = $3 OR (x.relname = $2" \
	" AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')))"                          \
	" ORDER BY a.xact_start LIMIT 1"

static bool is_true(const PGresult *r, int column)
{
	return PQgetvalue(r, 0, column)[0] == 't';
}

static bool has_follower(const struct later_item *item, const char *desc)
{
	for (size_t i = 0; i < item->follower_count; i++)
		if (strcmp(item->followers[i]->desc, desc) == 0)
			return true;
	return false;
}

static void read_index(struct finish_state *out, const PGresult *r, const struct later_item *item, const char *rest)
{
	bool table = is_true(r, 0), there = is_true(r, 1), ours = is_true(r, 2), valid = is_true(r, 3);
	bool attached = is_true(r, 5) || !has_follower(item, "INDEX ATTACH");

	*out = (struct finish_state){ .is = !table ? ITEM_GONE : ours && valid && attached ? ITEM_DONE : ITEM_LEFT };
	if (table && there && !ours)
		out->why = "its name is taken by something else";
	out->built = ours && valid;
	out->broken = ours && !valid;
	out->builder = out->broken ? (unsigned)strtoul(PQgetvalue(r, 0, 4), NULL, 10) : 0;
	out->unanalyzed = ours && valid && is_true(r, 10);
	/* A name that holds such words costs a statement, and no more. */
	out->tidy = ours && valid && attached && (is_true(r, 6) || !has_follower(item, "COMMENT")) &&
	            (is_true(r, 7) || !strstr(rest, " CLUSTER ON ")) &&
	            (is_true(r, 8) || !strstr(rest, " SET STATISTICS ")) &&
	            (is_true(r, 9) || !strstr(rest, " DEPENDS ON EXTENSION "));
}

static bool look_at_index(struct finish_state *out, struct finish *f, const struct later_item *item, struct err *e)
{
	struct definition_index d;
	PGresult *r = NULL;

	if (!definition_concurrently(&d, item->entry->defn, &f->arena, e) ||
	        !pg_query(&r, f->session, INDEX_STATE, 3, (const char *const[]){ d.schema, d.table, item->entry->tag },
	                e))
		return false;
	read_index(out, r, item, d.rest);
	PQclear(r);
	return true;
}

static bool look_at_key(struct finish_state *out, struct finish *f, const struct later_item *item, struct err *e)
{
	struct definition_key k;
	PGresult *r = NULL;

	if (!definition_foreign_key(&k, item->entry->defn, &f->arena, e) ||
	        !pg_query(&r, f->session,
	                "SELECT c.convalidated FROM pg_catalog.pg_constraint c"
	                " JOIN pg_catalog.pg_class t ON t.oid = c.conrelid"
	                " JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace"
	                " WHERE c.contype = 'f' AND n.nspname = $1 AND t.relname = $2 AND c.conname = $3",
	                3, (const char *const[]){ k.schema, k.table, k.name }, e))
		return false;
	*out = (struct finish_state){ .tidy = true };
	out->is = PQntuples(r) != 1 ? ITEM_GONE : is_true(r, 0) ? ITEM_DONE : ITEM_LEFT;
	PQclear(r);
	return true;
}

bool finish_look(struct finish_state *out, struct finish *f, const struct later_item *item, struct err *e)
{
	for (;;) {
		struct err why = ERR_INIT;

		if (item->kind == LATER_INDEX ? look_at_index(out, f, item, &why) : look_at_key(out, f, item, &why))
			return true;
		if (!finish_recover(f, &why, e))
			return false;
	}
}

/* --- making it --- */

static const char *label(struct finish *f, const struct later_item *item)
{
	return stages_label(&f->arena, item->entry);
}

static bool missed(struct finish *f, const struct later_item *item, const char *what, bool fault)
{
	findings_add(&f->findings, label(f, item), what, fault);
	return true;
}

static bool set_tablespace(struct finish *f, const char *name, struct err *e)
{
	char *there = NULL;
	bool ok;

	if (*name && !pg_query_value(&there, f->session,
	                     "SELECT EXISTS (SELECT FROM pg_catalog.pg_tablespace WHERE spcname = $1)", 1, &name, e))
		return false;
	ok = pg_execf(f->session, e, "SET default_tablespace = %s",
	        there && *there == 't' ? pg_quote_ident(&f->arena, name) : "''");
	free(there);
	return ok;
}

/* The next step towards a valid index: without what a killed build left, then built. */
static bool build(enum finish_said *said, struct finish *f, const struct later_item *item,
        const struct finish_state *state, struct err *why, struct err *e)
{
	const struct toc_entry *t = item->entry;
	struct definition_index d;

	*said = FINISH_AGAIN;
	if (!definition_concurrently(&d, t->defn, &f->arena, e))
		return false;
	*why = (struct err)ERR_INIT;
	if (!pg_exec(f->session, "SET lock_timeout = 0", why) || !set_tablespace(f, t->tablespace, why))
		return finish_recover(f, why, e);
	if (state->broken)
		return finish_say(said, f, label(f, item),
		        arena_printf(&f->arena, "DROP INDEX CONCURRENTLY %s.%s", pg_quote_ident(&f->arena, t->schema),
		                pg_quote_ident(&f->arena, t->tag)),
		        why, e);
	return finish_say(said, f, label(f, item), d.create, why, e);
}

/* What stands behind its definition, and what follows it: nothing that takes long. */
static bool tidy_up(
        enum finish_said *said, struct finish *f, const struct later_item *item, struct err *why, struct err *e)
{
	struct definition_index d;
	const char *object = label(f, item);

	*said = FINISH_AGAIN;
	if (!definition_concurrently(&d, item->entry->defn, &f->arena, e))
		return false;
	*why = (struct err)ERR_INIT;
	if (!pg_exec(f->session, BRIEFLY, why))
		return finish_recover(f, why, e);
	*said = FINISH_DONE;
	for (size_t i = 0; i < item->follower_count && *said == FINISH_DONE; i++)
		if (!finish_say(said, f, object, item->followers[i]->defn, why, e))
			return false;
	if (*said == FINISH_DONE && *d.rest)
		return finish_say(said, f, object, d.rest, why, e);
	return true;
}

static void say_made(struct finish *f, const struct later_item *item, const char *how, int64_t took_us)
{
	observer_note(f->obs, took_us > WORTH_SAYING_US ? NOTE_INFO : NOTE_DETAIL, "%s on %s: %s in %.1f s",
	        label(f, item), item->table, how, (double)took_us / 1e6);
}

/* true in *over when nothing more is to be done for it. */
static bool step(bool *over, struct finish *f, const struct later_item *item, const struct finish_state *state,
        struct err *why, struct err *e)
{
	enum finish_said said;
	bool ok;

	*over = true;
	if (state->is == ITEM_GONE)
		return missed(f, item, "its table is not there any more", false);
	if (state->why)
		return missed(f, item, state->why, false);
	if (state->is == ITEM_DONE && state->tidy)
		return true;
	*over = false;
	if (state->builder) {
		snprintf(why->msg, sizeof(why->msg), "server process %u builds it", state->builder);
		return cancel_sleep(f->cancel, BUILDER_WAIT_MS, e);
	}
	ok = state->built ? tidy_up(&said, f, item, why, e) : build(&said, f, item, state, why, e);
	if (ok && said == FINISH_NO) {
		*over = true;
		return missed(f, item, why->msg, false);
	}
	return ok;
}

/* Whose lock it is that is in the way: "" when it is gone by now, or cannot be seen. */
static void describe_holder(struct buf *out, struct finish *f, const struct later_item *item)
{
	struct definition_index d;
	struct err ignored = ERR_INIT;
	PGresult *r = NULL;

	if (definition_concurrently(&d, item->entry->defn, &f->arena, &ignored) &&
	        pg_query(&r, f->session, HOLDER, 3, (const char *const[]){ d.schema, d.table, item->entry->tag },
	                &ignored) &&
	        PQntuples(r) == 1)
		finish_describe(out, r);
	PQclear(r);
}

static void say_waiting(struct finish *f, const struct later_item *item, const struct err *why)
{
	int64_t now = clock_monotonic_us();
	struct buf who = BUF_INIT;

	if (f->told_us && now - f->told_us < SAY_AGAIN_US)
		return;
	f->told_us = now;
	describe_holder(&who, f, item);
	observer_note(f->obs, NOTE_WARN,
	        "%s waits for %s; so that nobody waits behind it, it only tries again and again", label(f, item),
	        who.len ? buf_str(&who) : why->msg);
	buf_release(&who);
}

static bool make_index(struct finish *f, const struct later_item *item, struct err *e)
{
	bool *waiting = &f->waiting[item - f->later.items];
	bool over = false, was_left = *waiting;
	int64_t start = clock_monotonic_us();
	struct finish_state state = { 0 };
	struct err why = ERR_INIT;
	unsigned tries = 0;

	*waiting = false;
	while (!over && !*waiting && tries < TRIES_MAX) {
		if (!finish_look(&state, f, item, e) || !step(&over, f, item, &state, &why, e))
			return false;
		was_left |= state.is == ITEM_LEFT;
		tries += !state.builder;
		*waiting = !over && state.built && why.kind == ERR_CONFLICT;
	}
	if (*waiting)
		say_waiting(f, item, &why);
	else if (!over)
		return missed(f, item, arena_printf(&f->arena, "given up for now: %s", why.msg), false);
	else if (state.is == ITEM_DONE && was_left) {
		f->result->indexes++;
		say_made(f, item, "built", clock_monotonic_us() - start);
	}
	return true;
}

static size_t count_waiting(const struct finish *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->later.count; i++)
		n += f->waiting[i];
	return n;
}

static bool try_waiting(struct finish *f, unsigned pause_ms, int64_t deadline, struct err *e)
{
	for (size_t i = 0; i < f->later.count && clock_monotonic_us() < deadline; i++)
		if (f->waiting[i] && (!cancel_sleep(f->cancel, pause_ms, e) || !finish_item(f, &f->later.items[i], e)))
			return false;
	return true;
}

bool finish_waiting(struct finish *f, struct err *e)
{
	int64_t deadline = clock_monotonic_us() + WAITING_MAX_US;
	unsigned pause_ms = 1000;

	if (!count_waiting(f))
		return true;
	observer_phase(f->obs, "waiting for locks", 0, 0);
	while (count_waiting(f) && clock_monotonic_us() < deadline) {
		if (!try_waiting(f, pause_ms, deadline, e))
			return false;
		pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
	}
	for (size_t i = 0; i < f->later.count; i++)
		if (f->waiting[i])
			missed(f, &f->later.items[i],
			        "given up for now: its table was never without a transaction that uses it", false);
	return true;
}

static bool check_key(struct finish *f, const struct later_item *item, struct err *e)
{
	int64_t start = clock_monotonic_us();
	struct definition_key k;
	struct err why = ERR_INIT;

	if (!definition_foreign_key(&k, item->entry->defn, &f->arena, e))
		return false;
	for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
		enum finish_said said = FINISH_AGAIN;
		struct finish_state state;

		if (!finish_look(&state, f, item, e))
			return false;
		if (state.is == ITEM_GONE)
			return missed(f, item, "it is not there any more, or its table is not", false);
		if (state.is == ITEM_DONE) {
			f->result->foreign_keys += tries > 0;
			if (tries)
				say_made(f, item, "checked", clock_monotonic_us() - start);
			return true;
		}
		if (!pg_exec(f->session, "SET lock_timeout = 0", &why)) {
			if (!finish_recover(f, &why, e))
				return false;
			continue;
		}
		if (!finish_say(&said, f, label(f, item),
		            arena_printf(&f->arena, "ALTER TABLE %s.%s VALIDATE CONSTRAINT %s",
		                    pg_quote_ident(&f->arena, k.schema), pg_quote_ident(&f->arena, k.table),
		                    pg_quote_ident(&f->arena, k.name)),
		            &why, e))
			return false;
		/* It has guarded every row since: those that break it came with the snapshot. */
		if (said == FINISH_NO)
			return missed(f, item, why.msg, strncmp(pg_session_sqlstate(f->session), "23", 2) == 0);
	}
	return missed(f, item, arena_printf(&f->arena, "given up for now: %s", why.msg), false);
}

bool finish_item(struct finish *f, const struct later_item *item, struct err *e)
{
	return item->kind == LATER_INDEX ? make_index(f, item, e) : check_key(f, item, e);
}
