#include "storage/repository/fetch.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS_MAX 64
#define AHEAD       2 /* answers kept per thread: the oldest may be late */

struct answer {
	struct buf body;
	struct err why;
	bool there, ok;
};

struct fetch {
	struct storage *storage;
	enum object_class cls;
	const char *const *names;
	size_t count, max;
	struct answer *ring;
	size_t places;

	pthread_mutex_t mutex; /* guards what follows; an answer belongs to its thread until it is there */
	pthread_cond_t changed;
	size_t asked, taken; /* names asked for, answers taken */
	bool stop;
};

static bool get(struct fetch *f, size_t i, struct buf *body, struct err *why)
{
	*why = (struct err)ERR_INIT;
	body->max = f->max;
	buf_clear(body);
	return storage_get(f->storage, (struct object_key){ f->cls, f->names[i] }, body, why);
}

static void *ask(void *arg)
{
	struct fetch *f = arg;

	pthread_mutex_lock(&f->mutex);
	for (;;) {
		while (!f->stop && f->asked < f->count && f->asked == f->taken + f->places)
			pthread_cond_wait(&f->changed, &f->mutex);
		if (f->stop || f->asked == f->count)
			break;
		size_t i = f->asked++;
		struct answer *a = &f->ring[i % f->places];
		pthread_mutex_unlock(&f->mutex);
		bool ok = get(f, i, &a->body, &a->why);
		pthread_mutex_lock(&f->mutex);
		a->ok = ok;
		a->there = true;
		pthread_cond_broadcast(&f->changed);
	}
	pthread_mutex_unlock(&f->mutex);
	return NULL;
}

static enum fetch_answer hand(
        const struct fetch *f, size_t i, const struct answer *a, fetch_fn *each, void *cookie, struct err *e)
{
	struct fetched got = { .index = i, .name = f->names[i] };

	if (a->ok)
		got.body = buf_view(&a->body);
	else
		got.why = &a->why;
	return each(cookie, &got, e);
}

static enum fetch_answer take_all(struct fetch *f, fetch_fn *each, void *cookie, struct err *e)
{
	enum fetch_answer answer = FETCH_ON;

	for (size_t i = 0; i < f->count && answer == FETCH_ON; i++) {
		struct answer *a = &f->ring[i % f->places];

		pthread_mutex_lock(&f->mutex);
		while (!a->there)
			pthread_cond_wait(&f->changed, &f->mutex);
		pthread_mutex_unlock(&f->mutex);
		answer = hand(f, i, a, each, cookie, e);
		pthread_mutex_lock(&f->mutex);
		a->there = false;
		f->taken++;
		pthread_cond_broadcast(&f->changed);
		pthread_mutex_unlock(&f->mutex);
	}
	return answer;
}

static bool fetch_in_parallel(struct fetch *f, unsigned threads, fetch_fn *each, void *cookie, struct err *e)
{
	pthread_t started[THREADS_MAX];
	unsigned n = 0;
	bool ok = true;

	f->places = (size_t)threads * AHEAD;
	f->ring = xcalloc(f->places, sizeof(*f->ring));
	pthread_mutex_init(&f->mutex, NULL);
	pthread_cond_init(&f->changed, NULL);
	for (; ok && n < threads; n++) {
		int rc = pthread_create(&started[n], NULL, ask, f);

		if (rc != 0) {
			ok = err_sys(e, rc, "start a thread");
			break;
		}
	}
	ok = ok && take_all(f, each, cookie, e) != FETCH_FAILED;
	pthread_mutex_lock(&f->mutex);
	f->stop = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->mutex);
	while (n)
		pthread_join(started[--n], NULL);
	for (size_t i = 0; i < f->places; i++)
		buf_release(&f->ring[i].body);
	free(f->ring);
	pthread_mutex_destroy(&f->mutex);
	pthread_cond_destroy(&f->changed);
	return ok;
}

static bool fetch_one_by_one(struct fetch *f, fetch_fn *each, void *cookie, struct err *e)
{
	struct answer a = { .body = BUF_INIT };
	enum fetch_answer answer = FETCH_ON;

	for (size_t i = 0; i < f->count && answer == FETCH_ON; i++) {
		a.ok = get(f, i, &a.body, &a.why);
		answer = hand(f, i, &a, each, cookie, e);
	}
	buf_release(&a.body);
	return answer != FETCH_FAILED;
}

bool fetch_each(struct storage *s, enum object_class cls, const char *const *names, size_t count, size_t max,
        fetch_fn *each, void *cookie, struct err *e)
{
	struct fetch f = { .storage = s, .cls = cls, .names = names, .count = count, .max = max };
	unsigned threads = s->in_flight < THREADS_MAX ? s->in_flight : THREADS_MAX;

	if (threads > count)
		threads = (unsigned)count;
	return threads > 1 ? fetch_in_parallel(&f, threads, each, cookie, e) : fetch_one_by_one(&f, each, cookie, e);
}
