/*
 * storage/repository/chunk_index.h - which chunks a repository has, and how large their objects are
 *
 * 20 bytes per slot: the first 16 bytes of a name tell chunks apart (SHA-256 prefixes do not collide by accident). 256
 * tables by the first byte, so that growing one never needs the memory of two whole indexes. Not safe from several
 * threads.
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_CHUNK_INDEX_H
#define DRTOOL_STORAGE_REPOSITORY_CHUNK_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/repository/piece.h"

struct chunk_index_entry; /* internal */

struct chunk_index {
	struct chunk_index_table {
		struct chunk_index_entry *slots;
		size_t used, cap;
	} tables[256];
};

#define CHUNK_INDEX_INIT \
	{                \
		0        \
	}
#define CHUNK_INDEX_SIZE_MAX ((uint64_t)0x7ffffffe) /* of a stored object */

/* The stored size of a known chunk, 0 when it is not known. */
uint64_t chunk_index_size(const struct chunk_index *x, const struct chunk_name *name);
/* Known from now on, 1 <= size <= CHUNK_INDEX_SIZE_MAX; the flag of chunk_index_rely() stays. */
void chunk_index_set(struct chunk_index *x, const struct chunk_name *name, uint64_t size);
void chunk_index_forget(struct chunk_index *x, const struct chunk_name *name); /* not known from now on */
/* One flag per chunk, for whoever uses the index. */
void chunk_index_rely(struct chunk_index *x, const struct chunk_name *name);
bool chunk_index_relied(const struct chunk_index *x, const struct chunk_name *name);
size_t chunk_index_memory(const struct chunk_index *x); /* bytes allocated */
void chunk_index_release(struct chunk_index *x);

#endif
