/*
 * tests/unit/odd_storage.h - a store with a clock of its own, and with an opinion of its own on creating
 */
#ifndef DRTOOL_TESTS_UNIT_ODD_STORAGE_H
#define DRTOOL_TESTS_UNIT_ODD_STORAGE_H

#include <stdatomic.h>

#include "tests/unit/storage_fixture.h"

enum create { CREATES, IGNORES, REFUSES };

struct odd {
	struct storage *inner;
	int64_t ahead_us; /* of this machine's clock */
	enum create create;
	const char *aged; /* object whose age is added to */
	int64_t age_us;
	atomic_int *put_sleeps; /* NULL, or where a put leaves how many seconds it took */
};

static inline bool odd_put(void *impl, struct object_key key, struct view body, enum put_mode mode, struct err *e)
{
	struct odd *o = impl;

	if (mode == PUT_CREATE && o->create == REFUSES)
		return err_set(e, ERR_FAILED, "501 Not Implemented");
	if (mode == PUT_CREATE && o->create == IGNORES)
		mode = PUT_REPLACE;
	if (o->put_sleeps)
		*o->put_sleeps = 600;
	return storage_put(o->inner, key, body, mode, e);
}

static inline bool odd_get(void *impl, struct object_key key, struct buf *out, struct err *e)
{
	return storage_get(((struct odd *)impl)->inner, key, out, e);
}

struct odd_listing {
	struct odd *o;
	object_fn *each;
	void *cookie;
};

static inline bool odd_each(void *cookie, const struct object_info *info, struct err *e)
{
	struct odd_listing *l = cookie;
	struct object_info there = *info;

	there.modified_us += l->o->ahead_us;
	if (l->o->aged && strcmp(info->name, l->o->aged) == 0)
		there.modified_us -= l->o->age_us;
	return l->each(l->cookie, &there, e);
}

static inline bool odd_list(
        void *impl, enum object_class cls, const char *prefix, object_fn *each, void *cookie, struct err *e)
{
	struct odd_listing l = { impl, each, cookie };

	return storage_list(l.o->inner, cls, prefix, odd_each, &l, e);
}

static inline bool odd_remove(void *impl, struct object_key key, struct err *e)
{
	return storage_remove(((struct odd *)impl)->inner, key, e);
}

static inline bool odd_sync(void *impl, const bool prefixes[256], struct err *e)
{
	return storage_sync(((struct odd *)impl)->inner, prefixes, e);
}

static inline void odd_close(void *impl)
{
	storage_close(((struct odd *)impl)->inner);
	free(impl);
}

static inline struct storage *odd_storage(struct odd **out, struct storage *inner, enum create create)
{
	static const struct storage_ops ops = { .put = odd_put,
		.get = odd_get,
		.list = odd_list,
		.remove = odd_remove,
		.sync = odd_sync,
		.close = odd_close };
	struct storage *s = xcalloc(1, sizeof(*s));
	struct odd *o = xcalloc(1, sizeof(*o));

	o->inner = inner;
	o->create = create;
	*s = (struct storage){ .ops = &ops, .impl = o, .where = xstrdup("odd"), .in_flight = inner->in_flight };
	*out = o;
	return s;
}

#endif
