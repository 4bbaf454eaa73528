#include "storage/repository/new_object.h"

#include "src/base/clock.h"
#include "storage/repository/document.h"

#define LATER_MAX 100 /* microseconds */

enum standing { STANDING_NONE, STANDING_OURS, STANDING_OTHER, STANDING_UNKNOWN };

static enum standing look(struct storage *s, struct object_key key, struct view body)
{
	struct buf there = BUF_INIT_MAX(DOCUMENT_MAX);
	struct err why = ERR_INIT;
	enum standing standing = STANDING_UNKNOWN;

	if (storage_get(s, key, &there, &why))
		standing = view_eq(buf_view(&there), body) ? STANDING_OURS : STANDING_OTHER;
	else if (why.kind == ERR_NOT_FOUND)
		standing = STANDING_NONE;
	buf_release(&there);
	return standing;
}

bool new_object_put(struct storage *s, struct object_key key, struct view body, struct err *e)
{
	struct err why = ERR_INIT;
	enum standing standing = STANDING_UNKNOWN;

	if (storage_put(s, key, body, PUT_CREATE, &why))
		return true;
	/* With an errno it failed on this machine; without one the store may have refused to create only. */
	if (why.kind == ERR_EXISTS || (why.kind == ERR_FAILED && !why.sys))
		standing = look(s, key, body);
	if (standing == STANDING_OURS)
		return true;
	if (standing == STANDING_NONE)
		return storage_put(s, key, body, PUT_REPLACE, e);
	if (standing == STANDING_OTHER)
		return err_set(e, ERR_EXISTS, "\"%s/%s\" exists already", storage_class_dir(key.cls), key.name);
	*e = why;
	return false;
}

bool new_object_put_at(struct storage *s, enum object_class cls, const char *before, int64_t utc_us, const char *after,
        struct view body, struct err *e)
{
	struct buf name = BUF_INIT;
	struct err why = ERR_INIT;
	char time[CLOCK_TEXT_SIZE];
	bool ok = false;

	for (int64_t at = utc_us; !ok && at < utc_us + LATER_MAX; at++) {
		clock_compact(time, at);
		buf_clear(&name);
		buf_addf(&name, "%s%s-%06d%s", before, time, (int)(at % 1000000), after);
		why = (struct err)ERR_INIT;
		ok = new_object_put(s, (struct object_key){ cls, buf_str(&name) }, body, &why);
		if (!ok && why.kind != ERR_EXISTS)
			break;
	}
	buf_release(&name);
	if (!ok)
		*e = why;
	return ok;
}
