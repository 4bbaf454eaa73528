/* src/base/queue.c - see queue.h */
#include "src/base/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "src/base/buf.h"

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t not_full, not_empty;
	/* Guarded by lock: everything below. */
	bool closed, aborted;
	size_t first, count;
	size_t capacity; /* fixed */
	void *items[];
};

struct queue *queue_new(size_t capacity)
{
	struct queue *q;

	assert(capacity > 0 && capacity < SIZE_MAX / sizeof(void *) / 2);
	q = xcalloc(1, sizeof(*q) + capacity * sizeof(q->items[0]));
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->not_full, NULL);
	pthread_cond_init(&q->not_empty, NULL);
	q->capacity = capacity;
	return q;
}

void queue_free(struct queue *q)
{
	if (!q)
		return;
	pthread_cond_destroy(&q->not_empty);
	pthread_cond_destroy(&q->not_full);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

bool queue_push(struct queue *q, void *item)
{
	bool taken;

	assert(item);
	pthread_mutex_lock(&q->lock);
	while (q->count == q->capacity && !q->closed)
		pthread_cond_wait(&q->not_full, &q->lock);
	taken = !q->closed;
	if (taken) {
		q->items[(q->first + q->count++) % q->capacity] = item;
		pthread_cond_signal(&q->not_empty);
	}
	pthread_mutex_unlock(&q->lock);
	return taken;
}

/* With the lock held. */
static void *take(struct queue *q)
{
	void *item;

	if (q->count == 0)
		return NULL;
	item = q->items[q->first];
	q->first = (q->first + 1) % q->capacity;
	q->count--;
	pthread_cond_signal(&q->not_full);
	return item;
}

void *queue_pop(struct queue *q)
{
	void *item;

	pthread_mutex_lock(&q->lock);
	while (q->count == 0 && !q->closed)
		pthread_cond_wait(&q->not_empty, &q->lock);
	item = q->aborted ? NULL : take(q);
	pthread_mutex_unlock(&q->lock);
	return item;
}

void *queue_try_pop(struct queue *q)
{
	void *item;

	pthread_mutex_lock(&q->lock);
	item = q->aborted ? NULL : take(q);
	pthread_mutex_unlock(&q->lock);
	return item;
}

static void finish(struct queue *q, bool aborted)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	q->aborted = q->aborted || aborted;
	pthread_cond_broadcast(&q->not_full);
	pthread_cond_broadcast(&q->not_empty);
	pthread_mutex_unlock(&q->lock);
}

void queue_close(struct queue *q)
{
	finish(q, false);
}

void queue_abort(struct queue *q)
{
	finish(q, true);
}

void *queue_drain(struct queue *q)
{
	void *item;

	pthread_mutex_lock(&q->lock);
	assert(q->aborted);
	item = take(q);
	pthread_mutex_unlock(&q->lock);
	return item;
}
