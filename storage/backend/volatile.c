/* A wrapper that forgets, at a power cut, the names the contract does not yet promise to keep. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "storage/backend/storage.h"

/* A chunk's name put with PUT_DEFER_NAME and not synced since. */
struct pending {
	char *name;
	bool existed; /* before: then before holds its bytes */
	struct buf before;
};

struct volatile_store {
	struct storage *inner;
	pthread_mutex_t mutex; /* guards what follows, and makes looking at the old object and replacing it one step */
	struct pending *items;
	size_t count, cap;
};

static void pending_release(struct pending *p)
{
	free(p->name);
	buf_release(&p->before);
}

static struct pending *pending_find(struct volatile_store *v, const char *name)
{
	for (size_t i = 0; i < v->count; i++)
		if (strcmp(v->items[i].name, name) == 0)
			return &v->items[i];
	return NULL;
}

static void pending_drop(struct volatile_store *v, struct pending *p)
{
	pending_release(p);
	*p = v->items[--v->count];
}

/* Remember what a cut would bring back; a name that is pending already keeps its older past. */
static bool pending_add(struct volatile_store *v, struct object_key key, struct err *e)
{
	struct pending p = { .existed = true };
	struct err missing = ERR_INIT;

	if (pending_find(v, key.name))
		return true;
	if (!storage_get(v->inner, key, &p.before, &missing)) {
		if (missing.kind != ERR_NOT_FOUND) {
			buf_release(&p.before);
			*e = missing;
			return false;
		}
		p.existed = false;
	}
	if (v->count == v->cap) {
		v->cap = v->cap ? v->cap * 2 : 16;
		v->items = xrealloc(v->items, v->cap * sizeof(*v->items));
	}
	p.name = xstrdup(key.name);
	v->items[v->count++] = p;
	return true;
}

static bool volatile_put(void *impl, struct object_key key, struct view body, enum put_mode mode, struct err *e)
{
	struct volatile_store *v = impl;
	bool ok = false;

	pthread_mutex_lock(&v->mutex);
	if (mode == PUT_DEFER_NAME) {
		assert(key.cls == OBJECT_CHUNK);
		if (!pending_add(v, key, e))
			goto done;
	}
	ok = storage_put(v->inner, key, body, mode, e);
	if (ok && mode != PUT_DEFER_NAME && key.cls == OBJECT_CHUNK && pending_find(v, key.name))
		pending_drop(v, pending_find(v, key.name));
done:
	pthread_mutex_unlock(&v->mutex);
	return ok;
}

static bool volatile_get(void *impl, struct object_key key, struct buf *out, struct err *e)
{
	return storage_get(((struct volatile_store *)impl)->inner, key, out, e);
}

static bool volatile_list(
        void *impl, enum object_class cls, const char *prefix, object_fn *each, void *cookie, struct err *e)
{
	return storage_list(((struct volatile_store *)impl)->inner, cls, prefix, each, cookie, e);
}

static bool volatile_remove(void *impl, struct object_key key, struct err *e)
{
	return storage_remove(((struct volatile_store *)impl)->inner, key, e);
}

static bool volatile_sync(void *impl, const bool prefixes[256], struct err *e)
{
	struct volatile_store *v = impl;

	if (!storage_sync(v->inner, prefixes, e))
		return false;
	pthread_mutex_lock(&v->mutex);
	for (size_t i = v->count; i-- > 0;) {
		char first[3] = { v->items[i].name[0], v->items[i].name[1], 0 };

		if (prefixes[strtoul(first, NULL, 16)])
			pending_drop(v, &v->items[i]);
	}
	pthread_mutex_unlock(&v->mutex);
	return true;
}

static void volatile_close(void *impl)
{
	struct volatile_store *v = impl;

	for (size_t i = 0; i < v->count; i++)
		pending_release(&v->items[i]);
	free(v->items);
	pthread_mutex_destroy(&v->mutex);
	storage_close(v->inner);
	free(v);
}

static const struct storage_ops volatile_ops = {
	.put = volatile_put,
	.get = volatile_get,
	.list = volatile_list,
	.remove = volatile_remove,
	.sync = volatile_sync,
	.close = volatile_close,
};

struct storage *storage_new_volatile(struct storage *inner)
{
	struct volatile_store *v = xcalloc(1, sizeof(*v));
	struct storage *s = xcalloc(1, sizeof(*s));

	v->inner = inner;
	pthread_mutex_init(&v->mutex, NULL);
	*s = (struct storage){
		.ops = &volatile_ops, .impl = v, .where = xstrdup(inner->where), .in_flight = inner->in_flight
	};
	return s;
}

/* splitmix64 (Steele, Lea, Flood 2014): any seed will do. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void storage_power_cut(struct storage *s, uint64_t seed)
{
	struct volatile_store *v = s->impl;
	struct err e = ERR_INIT;

	assert(s->ops == &volatile_ops);
	pthread_mutex_lock(&v->mutex);
	for (size_t i = 0; i < v->count; i++) {
		struct pending *p = &v->items[i];
		struct object_key key = { OBJECT_CHUNK, p->name };
		bool reached_disk = next_random(&seed) & 1;
		bool ok = reached_disk ||
		          (p->existed ? storage_put(v->inner, key, buf_view(&p->before), PUT_REPLACE, &e)
		                      : storage_remove(v->inner, key, &e));

		assert(ok);
		(void)ok;
		pending_release(p);
	}
	v->count = 0;
	pthread_mutex_unlock(&v->mutex);
}
