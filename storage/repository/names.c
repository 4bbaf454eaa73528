#include "storage/repository/names.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/path.h"

static bool add(void *cookie, const struct object_info *info, struct err *e)
{
	struct names *n = cookie;

	(void)e;
	n->items = arena_grow(&n->arena, n->items, n->count, &n->cap, sizeof(*n->items));
	n->items[n->count++] = arena_strdup(&n->arena, info->name);
	return true;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool names_list(struct names *out, struct storage *s, enum object_class cls, const char *prefix, struct err *e)
{
	if (!storage_list(s, cls, prefix, add, out, e))
		return false;
	if (out->count)
		qsort(out->items, out->count, sizeof(*out->items), compare);
	return true;
}

bool names_list_of(struct names *out, struct storage *s, enum object_class cls, const char *database, struct err *e)
{
	struct buf prefix = BUF_INIT;

	if (database) {
		path_encode(&prefix, database);
		buf_add(&prefix, "/");
	}
	bool ok = names_list(out, s, cls, buf_str(&prefix), e);
	buf_release(&prefix);
	return ok;
}

void names_release(struct names *n)
{
	arena_release(&n->arena);
	*n = (struct names)NAMES_INIT;
}
