#include "storage/repository/chunk_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_SIZE 16
#define FIRST_SLOTS 16u

struct chunk_index_entry {
	uint8_t prefix[PREFIX_SIZE];
	uint32_t size : 31; /* 0: an empty slot */
	uint32_t relied : 1;
};

#define FORGOTTEN 0x7fffffffu /* a size no object has: the slot stays taken, the chunk is not known */

static size_t hash_of(const uint8_t *prefix)
{
	uint64_t h;

	/* The name is a hash already; its first byte chose the table. */
	memcpy(&h, prefix + 1, sizeof(h));
	return (size_t)h;
}

static struct chunk_index_entry *find_slot(const struct chunk_index_table *t, const uint8_t *prefix)
{
	for (size_t i = hash_of(prefix);; i++) {
		struct chunk_index_entry *slot = &t->slots[i & (t->cap - 1)];

		if (!slot->size || memcmp(slot->prefix, prefix, PREFIX_SIZE) == 0)
			return slot;
	}
}

static void grow(struct chunk_index_table *t)
{
	struct chunk_index_table bigger = { .used = t->used, .cap = t->cap ? t->cap * 2 : FIRST_SLOTS };

	bigger.slots = xcalloc(bigger.cap, sizeof(*bigger.slots));
	for (size_t i = 0; i < t->cap; i++)
		if (t->slots[i].size)
			*find_slot(&bigger, t->slots[i].prefix) = t->slots[i];
	free(t->slots);
	*t = bigger;
}

static const struct chunk_index_entry *find(const struct chunk_index *x, const struct chunk_name *name)
{
	const struct chunk_index_table *t = &x->tables[name->bytes[0]];
	const struct chunk_index_entry *slot = t->cap ? find_slot(t, name->bytes) : NULL;

	return slot && slot->size ? slot : NULL;
}

uint64_t chunk_index_size(const struct chunk_index *x, const struct chunk_name *name)
{
	const struct chunk_index_entry *slot = find(x, name);

	return slot && slot->size != FORGOTTEN ? slot->size : 0;
}

void chunk_index_set(struct chunk_index *x, const struct chunk_name *name, uint64_t size)
{
	struct chunk_index_table *t = &x->tables[name->bytes[0]];

	assert(size > 0 && size <= CHUNK_INDEX_SIZE_MAX);
	/* Linear probing stays short up to four fifths. */
	if (t->used >= t->cap / 5 * 4)
		grow(t);
	struct chunk_index_entry *slot = find_slot(t, name->bytes);
	if (!slot->size) {
		memcpy(slot->prefix, name->bytes, PREFIX_SIZE);
		t->used++;
	}
	slot->size = (uint32_t)size & FORGOTTEN; /* the mask is for the compiler: it is 31 bits */
}

void chunk_index_forget(struct chunk_index *x, const struct chunk_name *name)
{
	struct chunk_index_entry *slot = (struct chunk_index_entry *)find(x, name);

	if (slot)
		slot->size = FORGOTTEN;
}

void chunk_index_rely(struct chunk_index *x, const struct chunk_name *name)
{
	struct chunk_index_entry *slot = (struct chunk_index_entry *)find(x, name);

	assert(slot);
	slot->relied = 1;
}

bool chunk_index_relied(const struct chunk_index *x, const struct chunk_name *name)
{
	const struct chunk_index_entry *slot = find(x, name);

	return slot && slot->relied;
}

size_t chunk_index_memory(const struct chunk_index *x)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < 256; i++)
		bytes += x->tables[i].cap * sizeof(struct chunk_index_entry);
	return bytes;
}

void chunk_index_release(struct chunk_index *x)
{
	for (unsigned i = 0; i < 256; i++)
		free(x->tables[i].slots);
	*x = (struct chunk_index)CHUNK_INDEX_INIT;
}
