/* src/base/observer.c - see observer.h */
#include "src/base/observer.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Notes of all observers are delivered one at a time. */
static pthread_mutex_t delivering = PTHREAD_MUTEX_INITIALIZER;

void observer_note(struct observer *o, enum note_level level, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	if (!o || !o->note)
		return;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	pthread_mutex_lock(&delivering);
	o->note(o->cookie, level, text);
	pthread_mutex_unlock(&delivering);
	free(text);
}

void observer_phase(struct observer *o, const char *phase, uint64_t bytes_total, uint64_t items_total)
{
	if (!o)
		return;
	atomic_store(&o->bytes_done, 0);
	atomic_store(&o->items_done, 0);
	atomic_store(&o->bytes_total, bytes_total);
	atomic_store(&o->items_total, items_total);
	atomic_store(&o->phase, phase);
	if (o->phase_begun)
		o->phase_begun(o->cookie);
}

void observer_bytes(struct observer *o, uint64_t n)
{
	if (o)
		atomic_fetch_add_explicit(&o->bytes_done, n, memory_order_relaxed);
}

void observer_item(struct observer *o)
{
	if (o)
		atomic_fetch_add_explicit(&o->items_done, 1, memory_order_relaxed);
}
