#include "restore/work.h"

#include "restore/post.h"
#include "src/base/clock.h"

#define AHEAD_TOTAL ((size_t)96 << 20) /* prefetched rows of all connections together */
#define AHEAD_MOST  ((size_t)24 << 20) /* of one */

struct work {
	const struct work_options *o;
	struct load *load;
	struct scheduler *scheduler;
	struct cancel cancel; /* of this pool; its parent is the command's */
	int64_t started;
	pthread_mutex_t mutex; /* guards what follows */
	struct work_outcome outcome;
	bool failed;
	bool rows_lost; /* a table could not be loaded: a foreign key that fails then says nothing about the source */
	struct err err;
	/* By task, written by the one thread that has it: failed, and not by fault of the source; a build that failed.
	 */
	bool *serious, *failed_builds;
};

struct worker {
	struct work *work;
	bool first;
	pthread_t thread;
	struct pg_session *session;
	struct loader loader;
	struct post post;
};

/* --- outcomes --- */

static void stop_all(struct work *w, const struct err *e)
{
	pthread_mutex_lock(&w->mutex);
	if (!w->failed)
		w->err = *e;
	w->failed = true;
	pthread_mutex_unlock(&w->mutex);
	cancel_trip(&w->cancel, -1);
	scheduler_stop(w->scheduler);
}

static void note_progress(struct work *w, const struct graph_task *t)
{
	struct scheduler_counts left = scheduler_left(w->scheduler);
	int64_t now = clock_monotonic_us() - w->started;
	bool first_without_loads;

	if (t->kind != GRAPH_LOAD)
		observer_item(w->load->obs);
	pthread_mutex_lock(&w->mutex);
	first_without_loads = !left.loads_left && !w->outcome.loaded;
	if (first_without_loads)
		w->outcome.loaded = now;
	if (!left.loads_left && !left.builds_left && !w->outcome.built)
		w->outcome.built = now;
	pthread_mutex_unlock(&w->mutex);
	if (first_without_loads && left.builds_left + left.analyzes_left)
		observer_phase(w->load->obs, "indexes", 0, left.builds_left + left.analyzes_left);
}

/*
 * The server said no to this statement, and the connection is fine: worth going on. A deadlock is with another of our
 * own, as when an extension's event triggers lock tables: it is over when this is tried again with nothing else
 * running. XX000 is what extensions say when they do not choose: PostGIS of a projection that it does not know.
 */
static bool is_statement_error(const char *state, const struct err *e)
{
	return (e->kind == ERR_FAILED || e->kind == ERR_CONFLICT) && *state && strncmp(state, "53", 2) != 0 &&
	       strncmp(state, "58", 2) != 0 && (strncmp(state, "XX", 2) != 0 || strcmp(state, "XX000") == 0);
}

/* --- tasks --- */

static void lose_rows(struct work *w)
{
	pthread_mutex_lock(&w->mutex);
	w->rows_lost = true;
	pthread_mutex_unlock(&w->mutex);
}

static bool has_lost_rows(struct work *w)
{
	bool lost;

	pthread_mutex_lock(&w->mutex);
	lost = w->rows_lost;
	pthread_mutex_unlock(&w->mutex);
	return lost;
}

static bool do_load(struct worker *me, const struct graph_task *t, bool last_try, struct err *e)
{
	struct work *w = me->work;
	struct err why = ERR_INIT;

	if (!post_speak_utf8(&me->post, e))
		return false;
	if (load_task(&me->loader, t, last_try, &why)) {
		scheduler_done(w->scheduler, t);
		return true;
	}
	if (!is_statement_error(me->loader.sqlstate, &why)) {
		*e = why;
		return false;
	}
	if (!last_try) {
		scheduler_retry(w->scheduler, t);
		return true;
	}
	w->serious[t - w->o->graph->tasks] = true;
	lose_rows(w);
	if (t->table_count > 1)
		scheduler_done(w->scheduler, t); /* most of them are there */
	else
		scheduler_failed(w->scheduler, t);
	return true;
}

static bool do_build(struct worker *me, const struct graph_task *t, bool last_try, unsigned idle, struct err *e)
{
	struct work *w = me->work;
	struct err why = ERR_INIT;
	struct arena a = ARENA_INIT;
	bool fault;

	if (post_build(&me->post, t, idle, &why)) {
		scheduler_done(w->scheduler, t);
		return true;
	}
	fault = post_violates(me->session) && !has_lost_rows(w);
	if (!fault && !is_statement_error(pg_session_sqlstate(me->session), &why)) {
		*e = why;
		return err_wrap(e, "create %s \"%s\"", t->entry->desc, t->entry->tag);
	}
	if (!fault && !last_try) {
		scheduler_retry(w->scheduler, t);
		return true;
	}
	findings_add(w->load->findings, stages_label(&a, t->entry),
	        findings_explain(&a, pg_session_sqlstate(me->session), why.msg), fault);
	w->serious[t - w->o->graph->tasks] = !fault;
	w->failed_builds[t - w->o->graph->tasks] = true;
	scheduler_failed(w->scheduler, t);
	arena_release(&a);
	return true;
}

/*
 * Statistics are a help, not content: a table that cannot be analyzed is said and no more. One refusal ends the
 * statement for all its tables, so the others are then asked for one by one. A foreign table that inherits can fail
 * with any error of another server.
 */
static bool analyze(struct worker *me, const struct graph_task *t, size_t first, size_t count, struct err *e)
{
	struct err why = ERR_INIT;

	if (post_analyze(&me->post, t, first, count, &why))
		return true;
	if (why.kind == ERR_CANCELLED ||
	        (why.kind == ERR_TRANSIENT && strcmp(pg_session_sqlstate(me->session), "08006") == 0)) {
		*e = why;
		return err_wrap(e, "analyze %s", t->names[first]);
	}
	if (count == 1)
		observer_note(me->work->load->obs, NOTE_WARN, "could not analyze %s: %s", t->names[first], why.msg);
	for (size_t i = 0; count > 1 && i < count; i++)
		if (!analyze(me, t, first + i, 1, e))
			return false;
	return true;
}

static bool do_analyze(struct worker *me, const struct graph_task *t, struct err *e)
{
	if (!analyze(me, t, 0, t->name_count, e))
		return false;
	scheduler_done(me->work->scheduler, t);
	return true;
}

static bool do_task(struct worker *me, const struct graph_task *t, bool last_try, unsigned idle, struct err *e)
{
	switch (t->kind) {
	case GRAPH_LOAD:
		return do_load(me, t, last_try, e);
	case GRAPH_BUILD:
		return do_build(me, t, last_try, idle, e);
	case GRAPH_ANALYZE:
		return do_analyze(me, t, e);
	case GRAPH_BARRIER:
		break;
	}
	scheduler_done(me->work->scheduler, t);
	return true;
}

/* --- threads --- */

static bool open_worker(struct worker *me, struct err *e)
{
	const struct work_options *o = me->work->o;
	uint64_t kib = o->maintenance_mem >> 10;

	if (!pg_session_open(&me->session, o->database, PG_SESSION_LOAD, "restore", &me->work->cancel, e))
		return false;
	me->loader.session = me->session;
	me->post = (struct post){ .session = me->session,
		.no_owner = o->no_owner,
		.no_tablespaces = o->no_tablespaces,
		.parallel = UINT32_MAX,
		.silence = o->silence,
		.encoding = post_encoding(me->work->load->contents),
		.now = "UTF8" };
	return post_read_strings(me->session, o->toc, e) &&
	       pg_execf(me->session, e, "SET maintenance_work_mem = '%llukB'", (unsigned long long)kib);
}

static void *worker_main(void *arg)
{
	struct worker *me = arg;
	struct work *w = me->work;
	const struct graph_task *t;
	bool last_try = false, ok;
	unsigned idle = 0;
	struct err e = ERR_INIT;

	ok = open_worker(me, &e);
	if (!ok && !me->first && e.kind != ERR_CANCELLED) {
		/* A server with few connections to spare: the first worker says whether there are any at all. */
		observer_note(w->load->obs, NOTE_WARN, "one connection less: %s", e.msg);
		pg_session_close(me->session);
		return NULL;
	}
	while (ok && (t = scheduler_next(w->scheduler, &last_try, &idle)) != NULL) {
		ok = cancel_check(&w->cancel, &e) && do_task(me, t, last_try, idle, &e);
		if (ok)
			note_progress(w, t);
	}
	if (!ok)
		stop_all(w, &e);
	pg_session_close(me->session);
	return NULL;
}

static bool is_serious(const struct work *w, const struct graph_task *t)
{
	for (; t; t = scheduler_cause(w->scheduler, t))
		if (w->serious[t - w->o->graph->tasks])
			return true;
	return false;
}

static const char *describe(const struct work *w, const struct graph_task *t, struct arena *a)
{
	if (t->kind == GRAPH_BUILD)
		return stages_label(a, t->entry);
	return t->table_count ? w->load->contents->tables[t->tables[0]].table.qualified : "rows";
}

static void lose(struct work *w, const struct graph_task *t)
{
	struct work_outcome *o = &w->outcome;

	o->lost = xrealloc(o->lost, (o->lost_count + 1) * sizeof(*o->lost));
	o->lost[o->lost_count++] = t->entry;
	o->lost_serious |= is_serious(w, t);
}

/* What is lost, and why where nobody tried: what it stands on could not be made. */
static void report_lost(struct work *w)
{
	const struct graph *g = w->o->graph;
	struct arena a = ARENA_INIT;

	for (size_t i = 0; i < g->count; i++) {
		const struct graph_task *cause = scheduler_cause(w->scheduler, &g->tasks[i]);

		if (w->failed_builds[i])
			lose(w, &g->tasks[i]);
		if (!cause)
			continue;
		lose(w, &g->tasks[i]);
		findings_add(w->load->findings, stages_label(&a, g->tasks[i].entry),
		        arena_printf(&a, "not made, for it needs %s", describe(w, cause, &a)), !is_serious(w, cause));
	}
	arena_release(&a);
}

static unsigned start_workers(struct work *w, struct worker *workers, struct err *e)
{
	size_t ahead = AHEAD_TOTAL / w->o->jobs;

	for (unsigned i = 0; i < w->o->jobs; i++) {
		int errnum;

		workers[i] = (struct worker){ .work = w, .first = i == 0, .loader = { .load = w->load } };
		workers[i].loader.feed = feed_new(w->load->chunks, ahead < AHEAD_MOST ? ahead : AHEAD_MOST, true);
		errnum = pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]);
		if (errnum) {
			feed_free(workers[i].loader.feed);
			err_sys(e, errnum, "start a thread");
			return i;
		}
	}
	return w->o->jobs;
}

bool work_run(struct work_outcome *out, struct load *l, const struct work_options *o, const struct cancel *cancel,
        struct err *e)
{
	struct work w = { .o = o, .load = l, .cancel = CANCEL_INIT((struct cancel *)(uintptr_t)cancel) };
	struct worker *workers = xcalloc(o->jobs, sizeof(*workers));
	struct err start = ERR_INIT;
	unsigned started;

	pthread_mutex_init(&w.mutex, NULL);
	w.serious = xcalloc(o->graph->count + 1, sizeof(*w.serious));
	w.failed_builds = xcalloc(o->graph->count + 1, sizeof(*w.failed_builds));
	w.started = clock_monotonic_us();
	w.scheduler = scheduler_new(o->graph);
	observer_phase(l->obs, "data", o->graph->load_bytes, o->graph->builds + o->graph->analyzes);
	started = start_workers(&w, workers, &start);
	if (started < o->jobs)
		stop_all(&w, &start);
	for (unsigned i = 0; i < started; i++) {
		pthread_join(workers[i].thread, NULL);
		feed_free(workers[i].loader.feed);
	}
	if (!w.failed)
		report_lost(&w);
	else if (!cancel_check(cancel, e))
		w.failed = true;
	else
		*e = w.err;
	w.outcome.analyzed = clock_monotonic_us() - w.started;
	*out = w.outcome;
	scheduler_free(w.scheduler);
	pthread_mutex_destroy(&w.mutex);
	free(w.serious);
	free(w.failed_builds);
	free(workers);
	return !w.failed;
}
