#include "storage/repository/lock_list.h"

#include <string.h>

#define LOCK_TEXT_MAX ((size_t)64 << 10)
#define TOKEN_LEN     (LOCK_TOKEN_SIZE - 1)

char *lock_list_object(const char *name, const struct lock_holder *h)
{
	return xasprintf("%s.%s", name, h->token);
}

/* Where the token begins; the end where there is none. */
static const char *token_of(const char *object)
{
	size_t len = strlen(object);
	const char *token = len > TOKEN_LEN + 1 ? object + len - TOKEN_LEN : object + len;

	if (*token && token[-1] == '.' && strspn(token, "0123456789abcdef") == TOKEN_LEN)
		return token;
	return object + len;
}

static bool is_of(const char *object, const char *token, const char *name)
{
	size_t len = *token ? (size_t)(token - object) - 1 : strlen(object);

	return strlen(name) == len && memcmp(object, name, len) == 0;
}

struct loading {
	struct lock_list *list;
	const char *name, *own;
};

static bool add(void *cookie, const struct object_info *info, struct err *e)
{
	struct loading *in = cookie;
	struct lock_list *l = in->list;
	const char *token = token_of(info->name);

	(void)e;
	if (strcmp(info->name, in->own) == 0) {
		l->own_listed = true;
		l->now_us = info->modified_us;
	} else if (!in->name || is_of(info->name, token, in->name)) {
		struct lock_object o = { .object = arena_strdup(&l->arena, info->name),
			.modified_us = info->modified_us };

		o.token = o.object + (token - info->name);
		l->items = arena_grow(&l->arena, l->items, l->count, &l->cap, sizeof(*l->items));
		l->items[l->count++] = o;
	}
	return true;
}

bool lock_list_load(struct lock_list *out, struct repository *r, const char *name, const char *own, struct err *e)
{
	struct loading in = { .list = out, .name = name, .own = own };

	*out = (struct lock_list){ .count = 0 };
	return storage_list(r->storage, OBJECT_LOCK, name ? name : "", add, &in, e);
}

void lock_list_release(struct lock_list *l)
{
	arena_release(&l->arena);
	*l = (struct lock_list){ .count = 0 };
}

bool lock_list_judge(enum lock_state *out, struct lock_holder *holder, struct repository *r, const struct lock_list *l,
        const struct lock_object *o, int64_t expires_s, struct err *e)
{
	struct buf text = BUF_INIT_MAX(LOCK_TEXT_MAX);
	struct err why = ERR_INIT;
	bool ok = true;

	*holder = (struct lock_holder){ 0 };
	*out = l->now_us - o->modified_us > expires_s * 1000000 ? LOCK_DEAD : LOCK_LIVES;
	if (*out == LOCK_DEAD)
		return true;
	if (storage_get(r->storage, (struct object_key){ OBJECT_LOCK, o->object }, &text, &why) &&
	        lock_holder_parse(holder, buf_view(&text), &why)) {
		if (lock_holder_ended(holder))
			*out = LOCK_DEAD;
	} else if (why.kind == ERR_NOT_FOUND) {
		*out = LOCK_GONE;
	} else if (why.kind != ERR_DAMAGED && why.kind != ERR_USAGE) {
		*e = why;
		ok = false;
	}
	buf_release(&text);
	return ok;
}
