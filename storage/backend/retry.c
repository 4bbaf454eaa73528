#include "storage/backend/retry.h"

#include <sys/random.h>

#include "src/base/clock.h"

#define DEFAULT_FIRST_MS       100
#define DEFAULT_MOST_MS        5000
#define DEFAULT_TOTAL_MS       120000
#define DEFAULT_UNREACHABLE_MS 20000
#define THROTTLED_TIMES        5
#define ASKED_MOST_MS          60000 /* a store that wants more is asked again after that */

static unsigned or_default(unsigned value, unsigned fallback)
{
	return value ? value : fallback;
}

static unsigned total_for(const struct retry_policy *p, enum retry_kind kind)
{
	unsigned total = or_default(p->total_ms, DEFAULT_TOTAL_MS);
	unsigned unreachable = or_default(p->unreachable_ms, DEFAULT_UNREACHABLE_MS);

	return kind == RETRY_UNREACHABLE && unreachable < total ? unreachable : total;
}

/* first, 2 first, 4 first ... up to most */
static unsigned limit_for(const struct retry_policy *p, enum retry_kind kind, unsigned attempt)
{
	uint64_t limit = or_default(p->first_ms, DEFAULT_FIRST_MS), most = or_default(p->most_ms, DEFAULT_MOST_MS);

	if (kind == RETRY_THROTTLED)
		limit *= THROTTLED_TIMES;
	for (; attempt > 1 && limit < most; attempt--)
		limit *= 2;
	return (unsigned)(limit < most ? limit : most);
}

bool retry_delay(unsigned *delay_ms, const struct retry_policy *p, enum retry_kind kind, unsigned attempt,
        uint64_t elapsed_ms, unsigned asked_ms, uint64_t random)
{
	unsigned total = total_for(p, kind);
	unsigned limit = limit_for(p, kind, attempt);
	unsigned asked = asked_ms < ASKED_MOST_MS ? asked_ms : ASKED_MOST_MS;
	uint64_t delay = random % ((uint64_t)limit + 1);

	if (elapsed_ms >= total)
		return false;
	if (delay < asked)
		delay = asked + delay / 4;
	if (delay > total - elapsed_ms)
		delay = total - elapsed_ms;
	*delay_ms = (unsigned)delay;
	return true;
}

void retry_start(struct retry *r, const struct retry_policy *p, const struct cancel *cancel)
{
	*r = (struct retry){ .policy = p, .cancel = cancel, .started_us = clock_monotonic_us() };
}

bool retry_wait(struct retry *r, enum retry_kind kind, unsigned asked_ms, struct err *e)
{
	uint64_t elapsed = (uint64_t)(clock_monotonic_us() - r->started_us) / 1000, random = 0;
	struct err stopped = ERR_INIT;
	unsigned delay;

	r->attempt++;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = (uint64_t)clock_monotonic_us();
	if (!retry_delay(&delay, r->policy, kind, r->attempt, elapsed, asked_ms, random)) {
		struct err why = *e;

		err_set(e, why.kind, "%s (given up after %u %s in %u s)", why.msg, r->attempt,
		        r->attempt == 1 ? "try" : "tries", (unsigned)((elapsed + 500) / 1000));
		e->sys = why.sys;
		return err_hint(e, "%s", why.hint);
	}
	if (cancel_sleep(r->cancel, delay, &stopped))
		return true;
	*e = stopped;
	return false;
}
