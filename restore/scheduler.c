#include "restore/scheduler.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum state { WAITING, READY, RUNNING, PARKED, DONE, FAILED };

struct slot {
	enum state state;
	uint32_t inputs_left;
	uint32_t cause;     /* task whose failure failed this one; UINT32_MAX */
	uint64_t parked_at; /* how many tasks were done when it failed */
	bool last_try;
};

struct holder {
	uint32_t shared;
	bool exclusive;
};

struct scheduler {
	const struct graph *g;
	pthread_mutex_t mutex; /* guards everything below */
	pthread_cond_t changed;
	struct slot *slots;
	struct holder *held; /* by relation */
	uint32_t *ready;     /* tasks in state READY, most urgent first */
	size_t ready_count;
	size_t running, parked, waiting_threads, left;
	uint64_t done;
	struct scheduler_counts counts;
	bool stopped;
};

static size_t *count_of(struct scheduler *s, const struct graph_task *t)
{
	switch (t->kind) {
	case GRAPH_LOAD:
		return &s->counts.loads_left;
	case GRAPH_BUILD:
		return &s->counts.builds_left;
	case GRAPH_ANALYZE:
		return &s->counts.analyzes_left;
	case GRAPH_BARRIER:
		break;
	}
	return NULL;
}

static uint32_t index_of(const struct scheduler *s, const struct graph_task *t)
{
	return (uint32_t)(t - s->g->tasks);
}

static void make_ready(struct scheduler *s, uint32_t task)
{
	uint64_t priority = s->g->tasks[task].priority_us;
	size_t low = 0, high = s->ready_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->g->tasks[s->ready[middle]].priority_us >= priority)
			low = middle + 1;
		else
			high = middle;
	}
	memmove(s->ready + low + 1, s->ready + low, (s->ready_count - low) * sizeof(*s->ready));
	s->ready[low] = task;
	s->ready_count++;
	s->slots[task].state = READY;
}

/* Take task off the list of what is left and let go what waited for it; a barrier is settled on the way. */
static void settle(struct scheduler *s, uint32_t task, enum state how)
{
	const struct graph_task *t = &s->g->tasks[task];
	size_t *count = count_of(s, t);

	s->slots[task].state = how;
	s->left--;
	s->done += how == DONE;
	if (count)
		(*count)--;
	for (size_t i = 0; i < t->next_count; i++) {
		uint32_t next = t->next[i];
		struct slot *slot = &s->slots[next];

		if (how == FAILED && s->g->tasks[next].kind == GRAPH_BUILD && slot->cause == UINT32_MAX)
			slot->cause = task;
		if (--slot->inputs_left)
			continue;
		if (slot->cause != UINT32_MAX)
			settle(s, next, FAILED);
		else if (s->g->tasks[next].kind == GRAPH_BARRIER)
			settle(s, next, DONE);
		else
			make_ready(s, next);
	}
}

struct scheduler *scheduler_new(const struct graph *g)
{
	struct scheduler *s = xcalloc(1, sizeof(*s));

	s->g = g;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->slots = xcalloc(g->count + 1, sizeof(*s->slots));
	s->ready = xcalloc(g->count + 1, sizeof(*s->ready));
	s->held = xcalloc(g->relation_count + 1, sizeof(*s->held));
	s->left = g->count;
	for (size_t i = 0; i < g->count; i++) {
		size_t *count = count_of(s, &g->tasks[i]);

		s->slots[i].inputs_left = g->tasks[i].inputs;
		s->slots[i].cause = UINT32_MAX;
		if (count)
			(*count)++;
	}
	for (size_t i = 0; i < g->count; i++) {
		if (g->tasks[i].inputs || s->slots[i].state != WAITING)
			continue;
		if (g->tasks[i].kind == GRAPH_BARRIER)
			settle(s, (uint32_t)i, DONE);
		else
			make_ready(s, (uint32_t)i);
	}
	return s;
}

void scheduler_free(struct scheduler *s)
{
	if (!s)
		return;
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->mutex);
	free(s->slots);
	free(s->ready);
	free(s->held);
	free(s);
}

static bool is_free(const struct scheduler *s, const struct graph_task *t)
{
	for (size_t i = 0; i < t->lock_count; i++) {
		const struct holder *h = &s->held[t->locks[i].relation];

		if (h->exclusive || (t->locks[i].exclusive && h->shared))
			return false;
	}
	return true;
}

static void hold(struct scheduler *s, const struct graph_task *t, bool take)
{
	for (size_t i = 0; i < t->lock_count; i++) {
		struct holder *h = &s->held[t->locks[i].relation];

		if (t->locks[i].exclusive)
			h->exclusive = take;
		else
			h->shared += take ? 1 : UINT32_MAX;
	}
}

/* Nothing else can move: what failed is tried again, one after the other, as long as others got done in the meantime.
 */
static void unpark(struct scheduler *s)
{
	uint32_t found = UINT32_MAX;

	for (uint32_t i = 0; i < s->g->count; i++) {
		if (s->slots[i].state != PARKED)
			continue;
		if (found == UINT32_MAX)
			found = i;
		if (s->slots[i].parked_at < s->done) {
			found = i;
			break;
		}
	}
	assert(found != UINT32_MAX);
	s->parked--;
	s->slots[found].last_try = s->slots[found].parked_at == s->done;
	make_ready(s, found);
}

static uint32_t pick(struct scheduler *s)
{
	if (!s->ready_count && !s->running && s->parked)
		unpark(s);
	for (size_t i = 0; i < s->ready_count; i++) {
		uint32_t task = s->ready[i];

		if (!is_free(s, &s->g->tasks[task]))
			continue;
		memmove(s->ready + i, s->ready + i + 1, (s->ready_count - i - 1) * sizeof(*s->ready));
		s->ready_count--;
		return task;
	}
	return UINT32_MAX;
}

const struct graph_task *scheduler_next(struct scheduler *s, bool *last_try, unsigned *idle)
{
	const struct graph_task *t = NULL;

	pthread_mutex_lock(&s->mutex);
	while (!s->stopped && s->left) {
		uint32_t task = pick(s);

		if (task != UINT32_MAX) {
			t = &s->g->tasks[task];
			s->slots[task].state = RUNNING;
			s->running++;
			hold(s, t, true);
			*last_try = s->slots[task].last_try;
			*idle = (unsigned)s->waiting_threads;
			break;
		}
		s->waiting_threads++;
		pthread_cond_wait(&s->changed, &s->mutex);
		s->waiting_threads--;
	}
	pthread_mutex_unlock(&s->mutex);
	return t;
}

static void give_back(struct scheduler *s, const struct graph_task *t, enum state how)
{
	uint32_t task = index_of(s, t);

	pthread_mutex_lock(&s->mutex);
	assert(s->slots[task].state == RUNNING);
	s->running--;
	hold(s, t, false);
	if (how == PARKED) {
		s->slots[task].state = PARKED;
		s->slots[task].parked_at = s->done;
		s->parked++;
	} else {
		settle(s, task, how);
	}
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->mutex);
}

void scheduler_done(struct scheduler *s, const struct graph_task *t)
{
	give_back(s, t, DONE);
}

void scheduler_failed(struct scheduler *s, const struct graph_task *t)
{
	give_back(s, t, FAILED);
}

void scheduler_retry(struct scheduler *s, const struct graph_task *t)
{
	assert(!s->slots[index_of(s, t)].last_try);
	give_back(s, t, PARKED);
}

void scheduler_stop(struct scheduler *s)
{
	pthread_mutex_lock(&s->mutex);
	s->stopped = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->mutex);
}

const struct graph_task *scheduler_cause(const struct scheduler *s, const struct graph_task *t)
{
	const struct slot *slot = &s->slots[index_of(s, t)];

	return slot->cause == UINT32_MAX ? NULL : &s->g->tasks[slot->cause];
}

struct scheduler_counts scheduler_left(struct scheduler *s)
{
	struct scheduler_counts c;

	pthread_mutex_lock(&s->mutex);
	c = s->counts;
	pthread_mutex_unlock(&s->mutex);
	return c;
}
