/* Objects in memory: for tests, and the measure of what a backend must do. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "storage/backend/storage.h"

struct memory_object {
	enum object_class cls;
	char *name;
	uint8_t *data;
	size_t len;
	int64_t modified_us;
};

struct memory {
	pthread_mutex_t mutex;       /* guards all below */
	struct memory_object *items; /* by class, then name */
	size_t count, cap;
};

static int compare_key(const struct memory_object *o, enum object_class cls, const char *name)
{
	if (o->cls != cls)
		return o->cls < cls ? -1 : 1;
	return strcmp(o->name, name);
}

/* Index of the first object that is not below the key. */
static size_t memory_find(const struct memory *m, enum object_class cls, const char *name)
{
	size_t low = 0, high = m->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare_key(&m->items[mid], cls, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool memory_has(const struct memory *m, size_t at, struct object_key key)
{
	return at < m->count && compare_key(&m->items[at], key.cls, key.name) == 0;
}

static void check_key(struct object_key key)
{
	struct buf path = BUF_INIT;

	storage_object_path(&path, key); /* asserts what a key must be */
	buf_release(&path);
}

static void memory_insert(struct memory *m, size_t at, struct object_key key)
{
	if (m->count == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 64;
		m->items = xrealloc(m->items, m->cap * sizeof(*m->items));
	}
	memmove(m->items + at + 1, m->items + at, (m->count - at) * sizeof(*m->items));
	m->items[at] = (struct memory_object){ .cls = key.cls, .name = xstrdup(key.name) };
	m->count++;
}

static bool memory_put(void *impl, struct object_key key, struct view body, enum put_mode mode, struct err *e)
{
	struct memory *m = impl;
	bool ok = true;

	check_key(key);
	pthread_mutex_lock(&m->mutex);
	size_t at = memory_find(m, key.cls, key.name);
	if (memory_has(m, at, key) && mode == PUT_CREATE) {
		ok = err_set(e, ERR_EXISTS, "\"%s/%s\" exists already", storage_class_dir(key.cls), key.name);
	} else {
		if (!memory_has(m, at, key))
			memory_insert(m, at, key);
		struct memory_object *o = &m->items[at];
		free(o->data);
		o->data = xmalloc(body.len + 1);
		if (body.len)
			memcpy(o->data, body.data, body.len);
		o->len = body.len;
		o->modified_us = clock_utc_us();
	}
	pthread_mutex_unlock(&m->mutex);
	return ok;
}

static bool memory_get(void *impl, struct object_key key, struct buf *out, struct err *e)
{
	struct memory *m = impl;
	bool ok;

	check_key(key);
	pthread_mutex_lock(&m->mutex);
	size_t at = memory_find(m, key.cls, key.name);
	if (memory_has(m, at, key))
		ok = buf_append(out, m->items[at].data, m->items[at].len, e);
	else
		ok = err_set(e, ERR_NOT_FOUND, "there is no \"%s/%s\"", storage_class_dir(key.cls), key.name);
	pthread_mutex_unlock(&m->mutex);
	return ok;
}

/* The listing is copied first, so that the callback may use the store. */
static struct memory_object *memory_copy_matching(
        struct memory *m, enum object_class cls, const char *prefix, size_t *count)
{
	size_t prefix_len = strlen(prefix), n = 0;

	pthread_mutex_lock(&m->mutex);
	size_t at = memory_find(m, cls, prefix), end = at;
	while (end < m->count && m->items[end].cls == cls && strncmp(m->items[end].name, prefix, prefix_len) == 0)
		end++;
	struct memory_object *copy = xcalloc(end - at + 1, sizeof(*copy));
	for (; at < end; at++, n++) {
		copy[n] = m->items[at];
		copy[n].name = xstrdup(m->items[at].name);
	}
	pthread_mutex_unlock(&m->mutex);
	*count = n;
	return copy;
}

static bool memory_list(
        void *impl, enum object_class cls, const char *prefix, object_fn *each, void *cookie, struct err *e)
{
	size_t count;
	struct memory_object *copy = memory_copy_matching(impl, cls, prefix, &count);
	bool ok = true;

	for (size_t i = 0; i < count; i++) {
		struct object_info info = { copy[i].name, copy[i].len, copy[i].modified_us };

		ok = ok && each(cookie, &info, e);
		free(copy[i].name);
	}
	free(copy);
	return ok;
}

static bool memory_remove(void *impl, struct object_key key, struct err *e)
{
	struct memory *m = impl;

	(void)e;
	check_key(key);
	pthread_mutex_lock(&m->mutex);
	size_t at = memory_find(m, key.cls, key.name);
	if (memory_has(m, at, key)) {
		free(m->items[at].name);
		free(m->items[at].data);
		m->count--;
		memmove(m->items + at, m->items + at + 1, (m->count - at) * sizeof(*m->items));
	}
	pthread_mutex_unlock(&m->mutex);
	return true;
}

static bool memory_sync(void *impl, const bool prefixes[256], struct err *e)
{
	(void)impl;
	(void)prefixes;
	(void)e;
	return true;
}

static void memory_close(void *impl)
{
	struct memory *m = impl;

	for (size_t i = 0; i < m->count; i++) {
		free(m->items[i].name);
		free(m->items[i].data);
	}
	free(m->items);
	pthread_mutex_destroy(&m->mutex);
	free(m);
}

struct storage *storage_new_memory(void)
{
	static const struct storage_ops ops = {
		.put = memory_put,
		.get = memory_get,
		.list = memory_list,
		.remove = memory_remove,
		.sync = memory_sync,
		.close = memory_close,
	};
	struct memory *m = xcalloc(1, sizeof(*m));
	struct storage *s = xcalloc(1, sizeof(*s));

	pthread_mutex_init(&m->mutex, NULL);
	*s = (struct storage){ .ops = &ops, .impl = m, .where = xstrdup("memory") };
	return s;
}
