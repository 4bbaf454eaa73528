/*
 * src/base/queue.h - a bounded blocking queue of pointers between threads; its bound is the back-pressure
 *
 * Safe from any number of producers and consumers.
 */
#ifndef DRTOOL_BASE_QUEUE_H
#define DRTOOL_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue; /* opaque */

struct queue *queue_new(size_t capacity);
void queue_free(struct queue *q); /* items still inside are the caller's to have drained */
/* Blocks while full. False, item not taken, once the queue is closed or aborted. item must not be NULL. */
bool queue_push(struct queue *q, void *item);
/* Blocks while empty. NULL once the queue is closed and drained, or aborted. */
void *queue_pop(struct queue *q);
void *queue_try_pop(struct queue *q); /* NULL when nothing is there now */
void queue_close(struct queue *q);    /* no more pushes; pops drain what is there */
void queue_abort(struct queue *q);    /* pushes and pops fail at once; queue_drain() gives what is left */
void *queue_drain(struct queue *q);   /* after abort: next item left inside, or NULL */

#endif
