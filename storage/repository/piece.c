#include "storage/repository/piece.h"

#include <stdlib.h>
#include <string.h>

static void make_room(struct piece_list *l, size_t more)
{
	if (l->cap - l->count >= more)
		return;
	size_t cap = l->cap ? l->cap * 2 : 4;
	while (cap - l->count < more)
		cap *= 2;
	l->items = xrealloc(l->items, cap * sizeof(*l->items));
	l->cap = cap;
}

void piece_list_add(struct piece_list *l, struct piece p)
{
	make_room(l, 1);
	l->items[l->count++] = p;
	l->bytes += p.length;
}

void piece_list_append(struct piece_list *l, const struct piece_list *more)
{
	if (!more->count)
		return;
	make_room(l, more->count);
	memcpy(l->items + l->count, more->items, more->count * sizeof(*l->items));
	l->count += more->count;
	l->bytes += more->bytes;
}

void piece_list_release(struct piece_list *l)
{
	free(l->items);
	*l = (struct piece_list)PIECE_LIST_INIT;
}
