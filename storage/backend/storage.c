#include "storage/backend/storage.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

bool storage_put(struct storage *s, struct object_key key, struct view body, enum put_mode mode, struct err *e)
{
	return s->ops->put(s->impl, key, body, mode, e);
}

bool storage_get(struct storage *s, struct object_key key, struct buf *out, struct err *e)
{
	return s->ops->get(s->impl, key, out, e);
}

bool storage_list(
        struct storage *s, enum object_class cls, const char *prefix, object_fn *each, void *cookie, struct err *e)
{
	return s->ops->list(s->impl, cls, prefix, each, cookie, e);
}

bool storage_remove(struct storage *s, struct object_key key, struct err *e)
{
	return s->ops->remove(s->impl, key, e);
}

bool storage_sync(struct storage *s, const bool prefixes[256], struct err *e)
{
	return s->ops->sync(s->impl, prefixes, e);
}

void storage_close(struct storage *s)
{
	if (!s)
		return;
	s->ops->close(s->impl);
	free(s->where);
	free(s);
}
