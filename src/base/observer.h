/*
 * src/base/observer.h - how work below src/cmd tells what it does without printing
 *
 * Counters are updated by workers and read by whoever draws progress, at any time. Notes are whole sentences for a
 * person; they are delivered at once, from the thread that makes them, one at a time. A NULL observer is silent.
 */
#ifndef DRTOOL_BASE_OBSERVER_H
#define DRTOOL_BASE_OBSERVER_H

#include <stdatomic.h>
#include <stdint.h>

enum note_level { NOTE_DETAIL, NOTE_INFO, NOTE_WARN };

struct observer {
	void (*note)(void *cookie, enum note_level level, const char *text); /* may be NULL */
	void (*phase_begun)(void *cookie); /* after the phase and its totals are set, in the thread that begins it; may
	                                      be NULL */
	void *cookie;
	_Atomic(const char *) phase;       /* static string: "locking", "copying", "indexes", ... */
	atomic_uint_least64_t bytes_total; /* expected plain bytes of the phase; 0 unknown */
	atomic_uint_least64_t bytes_done;  /* plain bytes through the pipeline */
	atomic_uint_least64_t items_total; /* tables, indexes ...; 0 unknown */
	atomic_uint_least64_t items_done;
};

void observer_note(struct observer *o, enum note_level level, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
/* Start a phase: name it and set both totals; the done counters restart at 0. */
void observer_phase(struct observer *o, const char *phase, uint64_t bytes_total, uint64_t items_total);
void observer_bytes(struct observer *o, uint64_t n); /* n more bytes done */
void observer_item(struct observer *o);              /* one more item done */

#endif
