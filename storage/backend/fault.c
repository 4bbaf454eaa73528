/* A wrapper that lets one chosen operation go wrong. */
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "storage/backend/storage.h"

struct fault {
	struct storage *inner;
	enum fault_op op;
	unsigned nth;
	enum fault_how how;
	atomic_uint seen;
	atomic_bool fired;
};

/* True for the one call that is to go wrong. */
static bool fault_due(struct fault *f, enum fault_op op)
{
	if (f->op != op || atomic_fetch_add(&f->seen, 1) + 1 != f->nth)
		return false;
	atomic_store(&f->fired, true);
	return true;
}

static bool fault_fail(struct fault *f, struct err *e)
{
	if (f->how == FAULT_NO_SPACE)
		return err_sys(e, ENOSPC, "injected fault");
	return err_set(e, ERR_FAILED, "injected fault");
}

static bool fault_put(void *impl, struct object_key key, struct view body, enum put_mode mode, struct err *e)
{
	struct fault *f = impl;

	if (!fault_due(f, FAULT_PUT))
		return storage_put(f->inner, key, body, mode, e);
	if (f->how == FAULT_CORRUPT) {
		body.len /= 2;
		return storage_put(f->inner, key, body, mode, e);
	}
	if (f->how == FAULT_AFTER && !storage_put(f->inner, key, body, mode, e))
		return false;
	return fault_fail(f, e);
}

static bool fault_get(void *impl, struct object_key key, struct buf *out, struct err *e)
{
	struct fault *f = impl;
	bool due = fault_due(f, FAULT_GET);
	size_t before = out->len;

	if (due && f->how != FAULT_AFTER && f->how != FAULT_CORRUPT)
		return fault_fail(f, e);
	if (!storage_get(f->inner, key, out, e))
		return false;
	if (!due)
		return true;
	if (f->how == FAULT_AFTER)
		return fault_fail(f, e);
	if (out->len > before)
		out->data[before + (out->len - before) / 2] ^= 0x10;
	return true;
}

static bool fault_list(
        void *impl, enum object_class cls, const char *prefix, object_fn *each, void *cookie, struct err *e)
{
	struct fault *f = impl;
	bool due = fault_due(f, FAULT_LIST);

	if (due && f->how != FAULT_AFTER)
		return fault_fail(f, e);
	if (!storage_list(f->inner, cls, prefix, each, cookie, e))
		return false;
	return due ? fault_fail(f, e) : true;
}

static bool fault_remove(void *impl, struct object_key key, struct err *e)
{
	struct fault *f = impl;
	bool due = fault_due(f, FAULT_REMOVE);

	if (due && f->how != FAULT_AFTER)
		return fault_fail(f, e);
	if (!storage_remove(f->inner, key, e))
		return false;
	return due ? fault_fail(f, e) : true;
}

static bool fault_sync(void *impl, const bool prefixes[256], struct err *e)
{
	struct fault *f = impl;
	bool due = fault_due(f, FAULT_SYNC);

	if (due && f->how != FAULT_AFTER)
		return fault_fail(f, e);
	if (!storage_sync(f->inner, prefixes, e))
		return false;
	return due ? fault_fail(f, e) : true;
}

static void fault_close(void *impl)
{
	struct fault *f = impl;

	storage_close(f->inner);
	free(f);
}

static const struct storage_ops fault_ops = {
	.put = fault_put,
	.get = fault_get,
	.list = fault_list,
	.remove = fault_remove,
	.sync = fault_sync,
	.close = fault_close,
};

struct storage *storage_new_fault(struct storage *inner, enum fault_op op, unsigned nth, enum fault_how how)
{
	struct fault *f = xcalloc(1, sizeof(*f));
	struct storage *s = xcalloc(1, sizeof(*s));

	assert(op < FAULT_OPS && nth > 0);
	f->inner = inner;
	f->op = op;
	f->nth = nth;
	f->how = how;
	*s = (struct storage){
		.ops = &fault_ops, .impl = f, .where = xstrdup(inner->where), .in_flight = inner->in_flight
	};
	return s;
}

bool storage_fault_fired(const struct storage *s)
{
	assert(s->ops == &fault_ops);
	return atomic_load(&((struct fault *)s->impl)->fired);
}
