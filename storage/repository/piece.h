/*
 * storage/repository/piece.h - a stream of bytes as the pieces of chunks it is made of
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_PIECE_H
#define DRTOOL_STORAGE_REPOSITORY_PIECE_H

#include <stddef.h>

#include "src/codec/hash.h"

struct chunk_name {
	uint8_t bytes[SHA256_SIZE]; /* SHA-256 of the chunk's plain bytes */
};

struct piece {
	struct chunk_name chunk;
	uint64_t stored; /* size of the stored object (the zstd frame) in bytes */
	uint64_t offset; /* where the piece starts in the chunk's plain bytes */
	uint64_t length; /* plain bytes of the piece */
};

struct piece_list {
	struct piece *items; /* malloc'ed */
	size_t count, cap;
	uint64_t bytes; /* sum of lengths */
};

#define PIECE_LIST_INIT \
	{               \
		0       \
	}

void piece_list_add(struct piece_list *l, struct piece p);
void piece_list_append(struct piece_list *l, const struct piece_list *more);
void piece_list_release(struct piece_list *l);

#endif
