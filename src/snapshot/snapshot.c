#include "src/snapshot/snapshot.h"

#include <string.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/snapshot/attempt.h"
#include "src/snapshot/expect.h"
#include "src/snapshot/record.h"
#include "src/snapshot/turn.h"

#define DEFAULT_JOBS_MAX    4 /* memory: 4 readers stay inside 256 MiB */
#define DEFAULT_LOCK_WAIT_S 300
#define OTHER_SESSIONS      4 /* coordinator, pg_dump, watcher, the lock that keeps runs apart */
#define BACKOFF_FIRST_MS    500
/* An attempt that came to nothing at once is soon repeated; one that had read for a while would only meet the same
 * traffic again. */
#define BACKOFF_SHORT_MS 1000
#define BACKOFF_MOST_MS  5000
#define SHORT_ATTEMPT_MS 2000
/* A server that goes away in the middle does not come back within the tries worth making; a standby that cancels does.
 */
#define TRANSIENT_TRIES 3

struct run {
	const struct snapshot_options *options;
	struct repository *repository;
	struct observer *observer;
	const struct cancel *cancel;
	struct arena arena;
	struct pg_database database;
	struct pg_tools tools;
	const char *name; /* of the database in the repository */
	unsigned jobs;    /* readers */
	char id[SNAPSHOT_ID_SIZE];
	int64_t started_us;
	struct turn turn;
	struct repository_lock *lock;
	struct chunk_store *store;
	struct attempt_context context;
};

static unsigned default_jobs(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 2 ? 2 : n > DEFAULT_JOBS_MAX ? DEFAULT_JOBS_MAX : (unsigned)n;
}

/* Fewer readers where the server, the role or the database has not room for all: slower, and done. */
static bool fit_jobs(struct run *run, struct pg_session *s, struct err *e)
{
	unsigned wanted = run->options->jobs == 0 ? default_jobs() : run->options->jobs;
	int64_t room;

	if (!pg_catalog_connections_free(&room, s, e))
		return false;
	room -= OTHER_SESSIONS; /* s still counts: the server may take its time to end it */
	run->jobs = room >= (int64_t)wanted ? wanted : room < 1 ? 1 : (unsigned)room;
	if (run->jobs < wanted)
		observer_note(run->observer, NOTE_WARN, "connections are scarce: %u reader%s instead of %u", run->jobs,
		        run->jobs == 1 ? "" : "s", wanted);
	return true;
}

/* Who is it, which programs fit, is the name free for it? */
static bool identify(struct run *run, struct err *e)
{
	const struct snapshot_options *o = run->options;
	struct pg_session *s = NULL;
	const char *warning = NULL;
	bool ok;

	if (!pg_session_open(&s, o->source, PG_SESSION_PLAIN, NULL, run->cancel, e))
		return false;
	ok = pg_catalog_database(&run->database, s, &run->arena, e) && fit_jobs(run, s, e);
	pg_session_close(s);
	if (!ok || !pg_tools_for_server(&run->tools, &warning, run->database.server_version, PG_TOOLS_CLIENT, o->pg_bin,
	                   &run->arena, run->cancel, e))
		return false;
	if (warning != NULL)
		observer_note(run->observer, NOTE_WARN, "%s", warning);
	run->name = o->database != NULL ? o->database : run->database.name;
	return (o->tag == NULL || manifest_tag_valid(o->tag, e)) &&
	       manifest_check_identity(
	               run->repository, run->name, run->database.name, run->database.system_identifier, e);
}

/* The lock object stands before chunks/ is listed: a prune that starts later sees it. */
static bool prepare(struct run *run, struct err *e)
{
	const struct snapshot_options *o = run->options;
	struct buf lock_name = BUF_INIT;
	bool ok;

	run->started_us = clock_utc_us();
	manifest_new_id(run->id, run->started_us);
	run->context = (struct attempt_context){ .options = o,
		.token = run->id + strlen(run->id) - 6,
		.seed = run->repository->chunk_seed,
		.jobs = run->jobs,
		.tools = &run->tools,
		.observer = run->observer,
		.cancel = run->cancel };
	if (o->dry_run)
		return true;
	buf_addf(&lock_name, "snapshot-%s", run->id);
	ok = turn_take(&run->turn, run->repository, o, run->name, run->database.oid, run->database.in_recovery,
	             run->cancel, e) &&
	     repository_lock_take(&run->lock, run->repository, buf_str(&lock_name), e) &&
	     chunk_store_open_write(&run->store, run->repository, e);
	if (ok)
		expect_previous(run->store, run->repository, run->name);
	run->context.store = run->store;
	buf_release(&lock_name);
	return ok;
}

/* Not where the repository failed: its store repeats by itself what is worth repeating. */
static bool worth_another_try(const struct run *run, const struct err *e, unsigned transient)
{
	struct err ignored = ERR_INIT;

	if (run->store && !chunk_store_check(run->store, &ignored))
		return false;
	return e->kind == ERR_CONFLICT || (e->kind == ERR_TRANSIENT && transient < TRANSIENT_TRIES);
}

/* One attempt. What it took counts as waiting when it never had all its locks; *short_one: it was over at once. */
static bool try_once(struct attempt *a, int64_t *waited_ms, bool *short_one, const struct run *run, struct err *e)
{
	int64_t began = clock_monotonic_us(), took_ms;

	memset(a, 0, sizeof *a);
	if (attempt_run(a, &run->context, e))
		return true;
	took_ms = (clock_monotonic_us() - began) / 1000;
	*short_one = took_ms < SHORT_ATTEMPT_MS;
	if (!a->locked)
		*waited_ms += took_ms;
	attempt_release(a);
	memset(a, 0, sizeof *a);
	return false;
}

/* Try until it works, the time for waiting is over, or the error is one that does not go away. */
static bool try_attempts(struct attempt *a, unsigned *attempts, const struct run *run, struct err *e)
{
	unsigned wait_s = run->options->lock_wait_s == 0 ? DEFAULT_LOCK_WAIT_S : run->options->lock_wait_s;
	int64_t waited_ms = 0, most_ms = 1000 * (int64_t)wait_s;
	unsigned backoff_ms = BACKOFF_FIRST_MS, transient = 0;

	for (*attempts = 1;; ++*attempts) {
		struct err own = ERR_INIT;
		bool short_one = false;
		unsigned pause_ms;

		if (try_once(a, &waited_ms, &short_one, run, &own))
			return true;
		if (!worth_another_try(run, &own, transient) || waited_ms >= most_ms) {
			*e = own;
			return false;
		}
		transient += own.kind == ERR_TRANSIENT;
		pause_ms = short_one && backoff_ms > BACKOFF_SHORT_MS ? BACKOFF_SHORT_MS : backoff_ms;
		if (pause_ms > most_ms - waited_ms)
			pause_ms = (unsigned)(most_ms - waited_ms);
		observer_note(run->observer, NOTE_INFO, "%s; trying again in %u.%u s", own.msg, pause_ms / 1000,
		        pause_ms % 1000 / 100);
		if (!cancel_sleep(run->cancel, pause_ms, e))
			return false;
		waited_ms += pause_ms;
		backoff_ms = backoff_ms * 2 < BACKOFF_MOST_MS ? backoff_ms * 2 : BACKOFF_MOST_MS;
	}
}

bool snapshot_take(struct snapshot_result *out, struct repository *r, const struct snapshot_options *o,
        struct observer *obs, const struct cancel *cancel, struct err *e)
{
	struct run run = { .options = o, .repository = r, .observer = obs, .cancel = cancel };
	struct attempt a = { 0 };
	int64_t began = clock_monotonic_us();
	bool ok = false;

	memset(out, 0, sizeof *out);
	if (!identify(&run, e) || !prepare(&run, e) || !try_attempts(&a, &out->attempts, &run, e))
		goto done;
	out->expected_bytes = a.plan.size;
	out->tables = a.tables.count;
	if (!o->dry_run) {
		struct record_facts facts = { .id = run.id,
			.database = run.name,
			.tag = o->tag,
			.fingerprint_only = o->fingerprint_only,
			.started_us = run.started_us,
			.tools = &run.tools };

		observer_phase(obs, "storing", 0, 0);
		if (!record_snapshot(out, r, run.store, run.lock, &a, &facts, e))
			goto done;
	}
	out->duration_us = clock_monotonic_us() - began;
	ok = true;
done:
	attempt_release(&a);
	if (!ok && e->kind == ERR_CANCELLED) /* what was stopped on the way does not know by whom */
		cancel_check(cancel, e);
	if (cancel_tripped(cancel))
		chunk_store_stop(run.store);
	chunk_store_close(run.store);
	repository_lock_release(run.lock);
	turn_release(&run.turn);
	arena_release(&run.arena);
	return ok;
}
