/*
 * src/base/arena.h - memory that lives as long as one thing (a configuration, a plan, a manifest)
 *
 * Not safe from several threads at once. Everything is freed together by arena_release().
 */
#ifndef DRTOOL_BASE_ARENA_H
#define DRTOOL_BASE_ARENA_H

#include <stddef.h>

struct arena {
	struct arena_block *head;
};

#define ARENA_INIT \
	{          \
		0  \
	}

void *arena_alloc(struct arena *a, size_t size);    /* zeroed, aligned for any type */
char *arena_strdup(struct arena *a, const char *s); /* NULL gives NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arena_release(struct arena *a);

/*
 * A growing array in an arena: ARRAY_PUSH(a, &list, &count, &cap) style is spelled out by arena_grow():
 * returns items, or a copy of it with room for at least count + 1 items of the given size. *cap is kept by the caller.
 */
void *arena_grow(struct arena *a, void *items, size_t count, size_t *cap, size_t size);

#endif
