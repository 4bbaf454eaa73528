/* How object names become paths and back: the layout of format 1. */
#include <assert.h>
#include <string.h>

#include "storage/backend/storage.h"

#define NAME_MAX_BYTES 512
#define CHUNK_NAME_LEN 64

static const struct layout {
	const char *dir;
	const char *suffix;
	unsigned components; /* of a name */
} layouts[OBJECT_CLASSES] = {
	[OBJECT_CONFIG] = { "", "drtool.json", 0 },
	[OBJECT_CHUNK] = { "chunks", "", 1 },
	[OBJECT_SNAPSHOT] = { "snapshots", ".json", 2 },
	[OBJECT_PROOF] = { "proofs", ".json", 3 },
	[OBJECT_JOURNAL] = { "journal", ".json", 2 },
	[OBJECT_LOCK] = { "locks", "", 1 },
	[OBJECT_PRUNING] = { "pruning", "", 1 },
	[OBJECT_DAMAGED] = { "damaged", "", 1 },
};

const char *storage_class_dir(enum object_class cls)
{
	assert(cls < OBJECT_CLASSES);
	return layouts[cls].dir;
}

/*
 * The number of components, or 0 when one of them is empty or starts with a dot (path_encode() never makes such a one).

 */
static unsigned count_components(const char *name)
{
	unsigned n = 0;

	for (;;) {
		size_t len = strcspn(name, "/");

		if (len == 0 || name[0] == '.')
			return 0;
		n++;
		if (!name[len])
			return n;
		name += len + 1;
	}
}

static bool is_chunk_name(const char *name)
{
	return strlen(name) == CHUNK_NAME_LEN && strspn(name, "0123456789abcdef") == CHUNK_NAME_LEN;
}

static bool name_fits(enum object_class cls, const char *name)
{
	if (cls == OBJECT_CONFIG)
		return !name[0];
	if (cls == OBJECT_CHUNK || cls == OBJECT_DAMAGED)
		return is_chunk_name(name);
	return strlen(name) <= NAME_MAX_BYTES && count_components(name) == layouts[cls].components;
}

void storage_object_path(struct buf *out, struct object_key key)
{
	assert(key.cls < OBJECT_CLASSES && name_fits(key.cls, key.name));
	const struct layout *l = &layouts[key.cls];

	buf_clear(out);
	if (key.cls == OBJECT_CHUNK)
		buf_addf(out, "%s/%.2s/%s", l->dir, key.name, key.name);
	else
		buf_addf(out, "%s%s%s%s", l->dir, l->dir[0] ? "/" : "", key.name, l->suffix);
}

bool storage_object_name(struct buf *out, enum object_class cls, const char *path_in_class)
{
	assert(cls < OBJECT_CLASSES);
	size_t len = strlen(path_in_class), suffix_len = strlen(layouts[cls].suffix);

	buf_clear(out);
	if (len < suffix_len || strcmp(path_in_class + len - suffix_len, layouts[cls].suffix) != 0)
		return false;
	if (cls == OBJECT_CHUNK) {
		if (len != CHUNK_NAME_LEN + 3 || path_in_class[2] != '/' ||
		        strncmp(path_in_class, path_in_class + 3, 2) != 0)
			return false;
		path_in_class += 3;
		len -= 3;
	}
	if (len > NAME_MAX_BYTES + suffix_len)
		return false;
	buf_addn(out, path_in_class, len - suffix_len);
	return name_fits(cls, buf_str(out));
}
