/* A wrapper that makes every operation take a while, as one over a network does. */
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "storage/backend/storage.h"

#define IN_FLIGHT 16

struct slow {
	struct storage *inner;
	unsigned ms;
	atomic_uint calls, running, peak;
};

static void slow_start(struct slow *s)
{
	unsigned now = atomic_fetch_add(&s->running, 1) + 1, peak = atomic_load(&s->peak);
	struct timespec pause = { .tv_sec = s->ms / 1000, .tv_nsec = (long)(s->ms % 1000) * 1000000 };

	atomic_fetch_add(&s->calls, 1);
	while (now > peak && !atomic_compare_exchange_weak(&s->peak, &peak, now))
		continue;
	nanosleep(&pause, NULL);
}

static bool slow_end(struct slow *s, bool ok)
{
	atomic_fetch_sub(&s->running, 1);
	return ok;
}

static bool slow_put(void *impl, struct object_key key, struct view body, enum put_mode mode, struct err *e)
{
	struct slow *s = impl;

	slow_start(s);
	return slow_end(s, storage_put(s->inner, key, body, mode, e));
}

static bool slow_get(void *impl, struct object_key key, struct buf *out, struct err *e)
{
	struct slow *s = impl;

	slow_start(s);
	return slow_end(s, storage_get(s->inner, key, out, e));
}

static bool slow_list(
        void *impl, enum object_class cls, const char *prefix, object_fn *each, void *cookie, struct err *e)
{
	struct slow *s = impl;

	slow_start(s);
	return slow_end(s, storage_list(s->inner, cls, prefix, each, cookie, e));
}

static bool slow_remove(void *impl, struct object_key key, struct err *e)
{
	struct slow *s = impl;

	slow_start(s);
	return slow_end(s, storage_remove(s->inner, key, e));
}

static bool slow_sync(void *impl, const bool prefixes[256], struct err *e)
{
	struct slow *s = impl;

	slow_start(s);
	return slow_end(s, storage_sync(s->inner, prefixes, e));
}

static void slow_close(void *impl)
{
	struct slow *s = impl;

	storage_close(s->inner);
	free(s);
}

static const struct storage_ops slow_ops = {
	.put = slow_put,
	.get = slow_get,
	.list = slow_list,
	.remove = slow_remove,
	.sync = slow_sync,
	.close = slow_close,
};

struct storage *storage_new_slow(struct storage *inner, unsigned ms)
{
	struct slow *impl = xcalloc(1, sizeof(*impl));
	struct storage *s = xcalloc(1, sizeof(*s));

	impl->inner = inner;
	impl->ms = ms;
	*s = (struct storage){ .ops = &slow_ops, .impl = impl, .where = xstrdup(inner->where), .in_flight = IN_FLIGHT };
	return s;
}

unsigned storage_slow_peak(const struct storage *s)
{
	assert(s->ops == &slow_ops);
	return atomic_load(&((struct slow *)s->impl)->peak);
}

unsigned storage_slow_calls(const struct storage *s)
{
	assert(s->ops == &slow_ops);
	return atomic_load(&((struct slow *)s->impl)->calls);
}
