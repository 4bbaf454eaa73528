/*
 * src/cmd/progress.h - one moving line on a terminal, or plain lines elsewhere, drawn from the counters of an observer
 */
#ifndef DRTOOL_CMD_PROGRESS_H
#define DRTOOL_CMD_PROGRESS_H

#include "src/base/buf.h"
#include "src/base/observer.h"

/* What is known at one moment of a phase. */
struct progress_sample {
	const char *phase;
	uint64_t bytes_total, bytes_done; /* total 0: unknown */
	uint64_t items_total, items_done;
	int64_t elapsed_us; /* since the phase began */
	double rate;        /* bytes per second, smoothed; 0 unknown */
};

/* "copying  27 %  ETA 0:12  1.2 GiB of 4.5 GiB  350.0 MiB/s  3/17": as many parts as fit into width - 1 columns, the
 * most telling first. */
void progress_line(struct buf *out, const struct progress_sample *s, unsigned width);
/* Seconds left in microseconds; -1 when it cannot be told. */
int64_t progress_left_us(const struct progress_sample *s);
/* The smoothed rate after n more bytes in dt microseconds: what happened 5 s ago counts half. */
double progress_rate(double rate, uint64_t n, int64_t dt_us);

struct progress; /* opaque */
/* Starts drawing according to say.h and the terminal. Notes of the observer go to stderr at once. */
struct progress *progress_start(void);
struct observer *progress_observer(struct progress *p);
void progress_stop(struct progress *p); /* takes the line away, ends the last phase; NULL is fine */

#endif
