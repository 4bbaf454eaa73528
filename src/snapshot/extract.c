#include "src/snapshot/extract.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "src/snapshot/lock_tables.h"

struct extract {
	struct attempt *attempt;
	const struct attempt_context *context;
	struct packer *packer;
	struct cancel *stop;
	bool lock_all; /* the server has room for every reader to lock everything at once */
	atomic_size_t next_task;
	pthread_mutex_t lock; /* guards error */
	struct err error;
};

struct reader {
	struct extract *x;
	pthread_t thread;
	struct pg_session *session;
	struct packer_stream stream;
	struct arena arena;
};

static void extract_fail(struct extract *x, const struct err *e)
{
	pthread_mutex_lock(&x->lock);
	if (x->error.kind == ERR_NONE || (x->error.kind == ERR_CANCELLED && e->kind != ERR_CANCELLED))
		x->error = *e;
	pthread_mutex_unlock(&x->lock);
	cancel_trip(x->stop, -1);
}

static bool lock_one(struct reader *r, const struct pg_table *t, struct err *e)
{
	struct pg_relation one = { .oid = t->oid, .relkind = 'r', .qualified = t->qualified };
	struct pg_relation_list list = { .items = &one, .count = 1 };

	return r->x->lock_all || t->kind == PG_TABLE_LARGE_OBJECTS || lock_tables(r->session, &list, false, true, e);
}

static bool read_range(struct reader *r, struct plan_range *range, bool keep_open, struct err *e)
{
	struct attempt *a = r->x->attempt;
	struct observer *obs = r->x->context->observer;
	const struct pg_table *t = &a->tables.items[range->table];
	uint64_t reported = 0;
	int got;

	if (!lock_one(r, t, e) ||
	        !pg_copy_out_start(r->session,
	                pg_copy_out_sql(&r->arena, t, range->first_page, range->end_page, a->database.encoding), e))
		return err_wrap(e, "read table %s", t->qualified);
	for (;;) {
		char *row;
		size_t len;
		bool ok;

		got = pg_copy_out_next(r->session, &row, &len, e);
		if (got <= 0)
			break;
		ok = packer_add_row(&r->stream, range, &row, len, e);
		PQfreemem(row);
		if (!ok) {
			pg_copy_out_abort(r->session);
			return false;
		}
		if (range->bytes - reported >= (1 << 20)) {
			observer_bytes(obs, range->bytes - reported);
			reported = range->bytes;
		}
	}
	observer_bytes(obs, range->bytes - reported);
	if (got < 0 && strcmp(pg_session_sqlstate(r->session), "42501") == 0)
		err_hint(e, "the role needs SELECT on the table, and BYPASSRLS where row security is on");
	if (got < 0)
		return err_wrap(e, "read table %s", t->qualified);
	if (range->end_page == UINT64_MAX)
		observer_item(obs);
	return packer_end_range(&r->stream, keep_open, e);
}

static bool run_task(struct reader *r, const struct plan_task *task, struct err *e)
{
	struct plan *plan = &r->x->attempt->plan;
	struct observer *obs = r->x->context->observer;
	uint64_t actual = 0;

	for (size_t i = 0; i < task->count; i++) {
		struct plan_range *range = &plan->ranges[task->first_range + i];

		if (!read_range(r, range, i + 1 < task->count, e))
			return false;
		actual += range->bytes;
	}
	/* The expected total was in bytes on the server; what is known now replaces it. */
	if (obs != NULL)
		atomic_fetch_add(&obs->bytes_total, actual - task->size);
	return true;
}

/*
 * Where the lock table has no room for every reader to hold everything, a reader holds what it reads and lets go after
 * each task: the coordinator's locks and its snapshot stay.
 */
static bool let_go(struct reader *r, struct err *e)
{
	return r->x->lock_all || (pg_exec(r->session, "COMMIT", e) && attempt_join(r->x->attempt, r->session, e));
}

static bool open_reader(struct reader *r, struct err *e)
{
	struct extract *x = r->x;
	char role[48];

	attempt_role(role, x->context);
	return pg_session_open(&r->session, x->context->options->source, PG_SESSION_DUMP, role, x->stop, e) &&
	       attempt_join(r->x->attempt, r->session, e) &&
	       (!x->lock_all || lock_tables(r->session, &x->attempt->relations, false, true, e));
}

static void *read_tasks(void *arg)
{
	struct reader *r = arg;
	struct extract *x = r->x;
	struct err e = ERR_INIT;
	bool ok = open_reader(r, &e);

	while (ok) {
		size_t i = atomic_fetch_add(&x->next_task, 1);

		if (i >= x->attempt->plan.task_count)
			break;
		ok = cancel_check(x->stop, &e) && run_task(r, &x->attempt->plan.tasks[i], &e) && let_go(r, &e);
	}
	if (!ok)
		extract_fail(x, &e);
	packer_stream_release(&r->stream);
	pg_session_close(r->session);
	arena_release(&r->arena);
	return NULL;
}

bool extract_run(
        struct attempt *a, const struct attempt_context *c, struct packer *packer, struct cancel *stop, struct err *e)
{
	struct extract x = { .attempt = a, .context = c, .packer = packer, .stop = stop };
	unsigned readers = c->jobs < a->plan.task_count ? c->jobs : (unsigned)a->plan.task_count;
	struct reader *r = xcalloc(c->jobs, sizeof *r);
	unsigned started = 0;

	x.lock_all = a->lock_all;
	pthread_mutex_init(&x.lock, NULL);
	for (; started < readers; started++) {
		int rc;

		r[started].x = &x;
		packer_stream_init(&r[started].stream, packer, c->seed);
		rc = pthread_create(&r[started].thread, NULL, read_tasks, &r[started]);
		if (rc != 0) {
			struct err own = ERR_INIT;

			err_sys(&own, rc, "start a reading thread");
			extract_fail(&x, &own);
			break;
		}
	}
	for (unsigned i = 0; i < started; i++)
		pthread_join(r[i].thread, NULL);
	pthread_mutex_destroy(&x.lock);
	free(r);
	if (x.error.kind != ERR_NONE) {
		*e = x.error;
		return false;
	}
	return true;
}
