#include "src/snapshot/attempt.h"

#include <stdlib.h>
#include <string.h>

#include "src/pg/pattern.h"
#include "src/snapshot/drift.h"
#include "src/snapshot/extract.h"
#include "src/snapshot/lock_tables.h"
#include "src/snapshot/schema_dump.h"
#include "src/snapshot/watch.h"

/*
 * Our own wait for a lock is short, for we hold others meanwhile: shorter than deadlock_timeout (1 s), so that where a
 * migration and we wait for each other it is we who let go, before the server ends the migration.
 */
#define LOCK_TIMEOUT "500ms"
/* DDL between listing and locking: each round costs milliseconds, and a database that changes faster than that is not
 * worth an endless loop. */
#define LIST_ROUNDS 20

void attempt_role(char out[48], const struct attempt_context *c)
{
	snprintf(out, 48, "snapshot %s", c->token);
}

bool attempt_join(const struct attempt *a, struct pg_session *s, struct err *e)
{
	struct err why = ERR_INIT;

	if (pg_execf(s, &why,
	            "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET TRANSACTION SNAPSHOT '%s'; " ATTEMPT_KEEPALIVE,
	            a->snapshot_name))
		return true;
	*e = why;
	if (why.kind != ERR_FAILED)
		return false;
	err_set(e, ERR_TRANSIENT, "the session that holds the snapshot was ended (%s)", why.msg);
	return err_hint(e, "%s", a->database.in_recovery ? PG_STANDBY_HINT : "see the server's log for why");
}

void attempt_release(struct attempt *a)
{
	plan_release(&a->plan);
	buf_release(&a->archive);
	buf_release(&a->globals);
	arena_release(&a->arena);
}

static bool same_relations(const struct pg_relation_list *a, const struct pg_relation_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->items[i].oid != b->items[i].oid || a->items[i].relkind != b->items[i].relkind ||
		        strcmp(a->items[i].qualified, b->items[i].qualified) != 0)
			return false;
	return true;
}

/*
 * Positions in the write-ahead log, for snapshots that will read only what changed. Privileges and standbys make them
 * unknown, never an error. The position first: whatever wrote before it has an id below *xmax.
 */
static bool read_wal_before(struct attempt *a, struct pg_session *s, char **xmax, struct err *e)
{
	static const char *const sql[2] = {
		"SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
		" ELSE pg_catalog.pg_current_wal_lsn() END",
		"SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())",
	};
	char *text[2] = { NULL, NULL };
	bool ok;

	a->wal_lsn = a->safe_wal_lsn = a->snapshot_xmin = "";
	ok = pg_query_value(&text[0], s, sql[0], 0, NULL, e) && pg_query_value(&text[1], s, sql[1], 0, NULL, e);
	if (ok && text[0] != NULL)
		a->wal_lsn = arena_strdup(&a->arena, text[0]);
	if (ok)
		*xmax = arena_strdup(&a->arena, text[1]);
	free(text[0]);
	free(text[1]);
	return ok;
}

static bool export_snapshot(struct attempt *a, struct pg_session *s, const char *xmax_before, struct err *e)
{
	PGresult *res = NULL;

	if (!pg_query(&res, s,
	            "SELECT pg_catalog.pg_export_snapshot(), "
	            "pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()),"
	            " (EXTRACT(EPOCH FROM pg_catalog.clock_timestamp()) * 1000000)::bigint,"
	            " CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_control_checkpoint()', 'EXECUTE') THEN"
	            " (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()) ELSE 0 END",
	            0, NULL, e))
		return err_wrap(e, "export the snapshot");
	a->snapshot_name = arena_strdup(&a->arena, PQgetvalue(res, 0, 0));
	a->snapshot_xmin = arena_strdup(&a->arena, PQgetvalue(res, 0, 1));
	a->instant_us = strtoll(PQgetvalue(res, 0, 2), NULL, 10);
	a->timeline = (uint32_t)strtoul(PQgetvalue(res, 0, 3), NULL, 10);
	/* Everything that ran when the position was read had ended when the snapshot was taken. */
	if (strtoull(xmax_before, NULL, 10) <= strtoull(a->snapshot_xmin, NULL, 10))
		a->safe_wal_lsn = a->wal_lsn;
	PQclear(res);
	return true;
}

/*
 * Locks first, then the snapshot, then the list again: a snapshot older than its locks would read a table that was
 * rewritten or truncated in between as empty, without any error. *again: the list has changed meanwhile, nothing is
 * held.
 */
static bool lock_and_export(struct attempt *a, struct pg_session *s, bool *again, struct err *e)
{
	struct pg_relation_list now;
	char *xmax = NULL;

	*again = false;
	if (!pg_catalog_relations(&a->relations, s, &a->arena, e) || !read_wal_before(a, s, &xmax, e) ||
	        !pg_exec(s,
	                "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL lock_timeout = '" LOCK_TIMEOUT
	                "'; " ATTEMPT_KEEPALIVE,
	                e) ||
	        !lock_tables(s, &a->relations, true, false, e) || !export_snapshot(a, s, xmax, e) ||
	        !pg_catalog_relations(&now, s, &a->arena, e))
		return false;
	if (same_relations(&a->relations, &now))
		return true;
	*again = true;
	return pg_exec(s, "ROLLBACK", e);
}

static bool take_locks(struct attempt *a, struct pg_session *s, const struct attempt_context *c, struct err *e)
{
	bool again = true;

	for (unsigned round = 0; again; round++) {
		if (round == LIST_ROUNDS)
			return err_set(
			        e, ERR_CONFLICT, "tables are created and dropped faster than they can be locked");
		if (!lock_and_export(a, s, &again, e)) {
			/* Dropped between the list and the lock: as good as a changed list. */
			const char *state = pg_session_sqlstate(s);
			bool gone = strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0 ||
			            strcmp(state, "42809") == 0;

			if (e->kind == ERR_CONFLICT && !gone)
				watch_blame(e, a, c);
			if (!gone || round + 1 == LIST_ROUNDS)
				return false;
			*e = (struct err)ERR_INIT;
			again = true;
			if (!pg_exec(s, "ROLLBACK", e))
				return false;
		}
		if (again && !cancel_check(c->cancel, e))
			return false;
	}
	return true;
}

static bool choose_skipped(struct attempt *a, const struct attempt_context *c, struct err *e)
{
	const char *const *patterns = c->options->exclude_table_data;

	a->skip = arena_alloc(&a->arena, (a->tables.count + 1) * sizeof *a->skip);
	/* A standby has no data of unlogged tables. */
	for (size_t i = 0; a->database.in_recovery && i < a->tables.count; i++)
		a->skip[i] = a->tables.items[i].unlogged;
	for (; patterns != NULL && *patterns != NULL; patterns++) {
		struct pattern p;
		bool any = false;

		if (!pattern_parse(&p, *patterns, &a->arena, e))
			return false;
		for (size_t i = 0; i < a->tables.count; i++) {
			const struct pg_table *t = &a->tables.items[i];

			if (t->kind != PG_TABLE_LARGE_OBJECTS && pattern_matches(&p, t->schema, t->name))
				a->skip[i] = any = true;
		}
		if (!any)
			observer_note(
			        c->observer, NOTE_WARN, "no table matches --exclude-table-data \"%s\"", *patterns);
	}
	return true;
}

/* Sizes decide the order of work only; they are read after the locks, when no table can go away any more. */
static bool list_contents(struct attempt *a, struct pg_session *s, const struct attempt_context *c, struct err *e)
{
	uint64_t capacity, needed;

	if (!pg_catalog_database(&a->database, s, &a->arena, e) || !pg_catalog_tables(&a->tables, s, &a->arena, e) ||
	        !pg_catalog_sequences(&a->sequences, s, &a->arena, e) ||
	        !pg_catalog_matviews(&a->matviews, s, &a->arena, e) ||
	        !pg_catalog_large_objects(&a->large_objects, s, &a->arena, e) ||
	        !pg_catalog_extensions(&a->extensions, s, &a->arena, e) ||
	        !pg_catalog_roles(&a->roles, s, &a->arena, e) ||
	        !pg_catalog_invalid_indexes(&a->invalid_indexes, s, &a->arena, e) || !choose_skipped(a, c, e) ||
	        !lock_tables_capacity(&capacity, s, e))
		return false;
	/* Coordinator, pg_dump and each reader; half of the table stays everybody else's. */
	needed = a->relations.count * (c->jobs + 2u) + a->sequences.count;
	a->lock_all = needed < capacity / 2;
	plan_build(&a->plan, &a->tables, a->skip, c->jobs, c->seed, &a->arena);
	return true;
}

/*
 * Not MVCC: read after the export, so never behind the data. Reading locks them as well, so what is left is the moment
 * since the export, and one that went away in it means another try.
 */
static bool read_sequences(struct attempt *a, struct pg_session *s, struct err *e)
{
	const char *state;

	if (pg_catalog_sequence_values(&a->sequences, s, e))
		return drift_check(s, e);
	state = pg_session_sqlstate(s);
	if (strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0 || strcmp(state, "42703") == 0)
		e->kind = ERR_CONFLICT;
	return false;
}

/* Readers and schema archive side by side. The first to fail stops the other; its error is the one that counts. */
static bool read_all(struct attempt *a, const struct attempt_context *c, struct pg_session **coordinator,
        struct cancel *stop, struct err *e)
{
	struct err errors[3] = { ERR_INIT, ERR_INIT, ERR_INIT };
	struct schema_dump *dump = NULL;
	struct packer *packer = NULL;
	bool ok;

	ok = schema_dump_start(&dump, a, c, stop, &errors[0]) &&
	     packer_start(&packer, c->options->fingerprint_only ? NULL : c->store, c->jobs,
	             c->options->level == 0 ? 1 : c->options->level, stop, &errors[1]) &&
	     extract_run(a, c, packer, stop, &errors[2]);
	if (!ok) {
		cancel_trip(stop, -1);
		if (errors[2].kind == ERR_CONFLICT)
			watch_blame(&errors[2], a, c);
	} else {
		ok = schema_dump_finish(dump, &errors[0]);
		dump = NULL;
	}
	if (cancel_tripped(c->cancel))
		chunk_store_stop(c->store);
	/* Storing what is in memory may take a while: nobody shall wait for that. */
	pg_session_close(*coordinator);
	*coordinator = NULL;
	if (packer != NULL)
		ok = packer_finish(packer, &errors[1]) && ok;
	ok = schema_dump_finish(dump, &errors[0]) && ok;
	for (size_t i = 0; !ok && i < 3; i++)
		if (errors[i].kind != ERR_NONE && (e->kind == ERR_NONE || e->kind == ERR_CANCELLED))
			*e = errors[i];
	/* pg_dump cannot tell what is gone in a moment; a reader that failed by the same cause can. */
	if (!ok && e->kind == ERR_FAILED && errors[0].kind == ERR_FAILED && errors[2].kind == ERR_TRANSIENT)
		*e = errors[2];
	return ok;
}

static bool read_database(struct attempt *out, const struct attempt_context *c, struct cancel *stop, struct err *e)
{
	struct pg_session *s = NULL;
	char role[48];
	bool ok = false;

	attempt_role(role, c);
	observer_phase(c->observer, "locking", 0, 0);
	if (!pg_session_open(&s, c->options->source, PG_SESSION_DUMP, role, stop, e) || !take_locks(out, s, c, e))
		goto done;
	out->locked = true;
	if (!list_contents(out, s, c, e))
		goto done;
	out->server = arena_printf(&out->arena, "%s:%s", PQhost(pg_session_conn(s)), PQport(pg_session_conn(s)));
	if (c->store == NULL) {
		ok = true;
		goto done;
	}
	if (!read_sequences(out, s, e))
		goto done;
	observer_phase(c->observer, "copying", out->plan.size, out->tables.count);
	ok = read_all(out, c, &s, stop, e);
done:
	pg_session_close(s);
	return ok;
}

bool attempt_run(struct attempt *out, const struct attempt_context *c, struct err *e)
{
	struct cancel stop = CANCEL_INIT((struct cancel *)c->cancel);
	struct err reason = ERR_INIT;
	struct watch *watch = NULL;
	bool ok;

	ok = watch_start(&watch, c, &stop, e) && read_database(out, c, &stop, e);
	cancel_trip(&stop, -1);
	/* What was read to the end is good, whatever the watch wanted to stop. */
	if (!watch_stop(watch, &reason) && !ok && (reason.kind == ERR_CONFLICT || e->kind == ERR_CANCELLED))
		*e = reason;
	if (!ok && cancel_tripped(c->cancel))
		cancel_check(c->cancel, e);
	return ok;
}
