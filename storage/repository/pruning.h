/*
 * storage/repository/pruning.h - the objects that name what a prune is about to delete
 *
 *     {"sha256":"<SHA-256 of every byte after this line's newline>","format":1}
 *     <64 hex digits>
 *     ...
 *
 * One chunk name per line, at most PRUNING_NAMES_MAX of them.
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_PRUNING_H
#define DRTOOL_STORAGE_REPOSITORY_PRUNING_H

#include "storage/repository/piece.h"
#include "storage/repository/repository.h"

#define PRUNING_NAMES_MAX 100000u

/* False stops with e. */
typedef bool pruning_fn(void *cookie, const struct chunk_name *candidate, struct err *e);

/*
 * Every candidate of every prune under way. An object that ends between listing and reading is passed over; a damaged
 * one is an error.
 */
bool pruning_each_candidate(struct repository *r, pruning_fn *each, void *cookie, struct err *e);
/* The text of one object; appended to out. */
void pruning_write(struct buf *out, const struct chunk_name *names, size_t count);
bool pruning_parse(struct view text, pruning_fn *each, void *cookie, struct err *e);

#endif
