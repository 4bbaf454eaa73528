/* src/base/arena.c - see arena.h */
#include "src/base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/buf.h"

#define FIRST_BLOCK   ((size_t)4 << 10)
#define LARGEST_BLOCK ((size_t)256 << 10)
#define FIRST_ITEMS   ((size_t)8)

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	max_align_t data[];
};

static struct arena_block *block_new(size_t size)
{
	struct arena_block *block = xcalloc(1, sizeof(*block) + size);

	block->size = size;
	return block;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *block = a->head;
	size_t next;
	void *p;

	if (size > SIZE_MAX / 2)
		abort();
	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (!block || block->size - block->used < size) {
		next = block ? block->size * 2 : FIRST_BLOCK;
		if (next > LARGEST_BLOCK)
			next = LARGEST_BLOCK;
		block = block_new(size > next / 2 ? size : next);
		/* What filled a block of its own goes behind the head, which keeps its free room in use. */
		if (block->size == size && a->head) {
			block->next = a->head->next;
			a->head->next = block;
		} else {
			block->next = a->head;
			a->head = block;
		}
	}
	p = (char *)block->data + block->used;
	block->used += size;
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy;

	if (!s)
		return NULL;
	n = strnlen(s, n);
	copy = arena_alloc(a, n + 1);
	memcpy(copy, s, n);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	text = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

void *arena_grow(struct arena *a, void *items, size_t count, size_t *cap, size_t size)
{
	size_t more;
	void *copy;

	assert(size > 0 && count <= *cap);
	if (count < *cap)
		return items;
	more = *cap ? *cap * 2 : FIRST_ITEMS;
	if (more > SIZE_MAX / 2 / size)
		abort();
	copy = arena_alloc(a, more * size);
	if (count > 0)
		memcpy(copy, items, count * size);
	*cap = more;
	return copy;
}

void arena_release(struct arena *a)
{
	struct arena_block *block = a->head, *next;

	for (; block; block = next) {
		next = block->next;
		free(block);
	}
	a->head = NULL;
}
