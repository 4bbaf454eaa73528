/*
 * storage/backend/retry.h - when a request that failed is sent again, and when it is given up
 *
 * Exponential backoff with full jitter (each delay is drawn between nothing and a limit that doubles), so that many
 * clients sent away at once do not come back at once. Giving up goes by the clock, not by the number of tries: a
 * gateway that is started again within that time is survived.
 */
#ifndef DRTOOL_STORAGE_BACKEND_RETRY_H
#define DRTOOL_STORAGE_BACKEND_RETRY_H

#include <stdint.h>

#include "src/base/cancel.h"

enum retry_kind {
	RETRY_BROKEN,      /* reset, cut short, stalled, 500: try again soon */
	RETRY_THROTTLED,   /* 429, 503: the store wants fewer requests */
	RETRY_UNREACHABLE, /* the store has never answered so far: most likely a wrong setting */
	RETRY_KINDS,
};

/* A field of 0 means its default. */
struct retry_policy {
	unsigned first_ms;       /* limit of the first delay; 100 (throttled: five times that) */
	unsigned most_ms;        /* no delay is longer, but where the store asks for more; 5 s */
	unsigned total_ms;       /* after that no further try is begun; 2 minutes */
	unsigned unreachable_ms; /* the same for RETRY_UNREACHABLE; 20 s */
};

/*
 * How long to wait after the failed try number attempt (1 is the first), begun or waited for elapsed_ms ago in all:
 * random decides where in the range; asked_ms is what the store wants (Retry-After), 0 when it has not said. False:
 * give up. The last try is made when the total is used up. Pure.
 */
bool retry_delay(unsigned *delay_ms, const struct retry_policy *p, enum retry_kind kind, unsigned attempt,
        uint64_t elapsed_ms, unsigned asked_ms, uint64_t random);

/* One request's tries. */
struct retry {
	const struct retry_policy *policy;
	const struct cancel *cancel; /* NULL for none */
	int64_t started_us;
	unsigned attempt; /* tries that have failed */
};

void retry_start(struct retry *r, const struct retry_policy *p, const struct cancel *cancel);
/*
 * Sleep until the next try. False: there is none, and e, which says why the last one failed, has only got "(given up
 * after N tries in S s)"; or ERR_CANCELLED.
 */
bool retry_wait(struct retry *r, enum retry_kind kind, unsigned asked_ms, struct err *e);

#endif
