/*
 * storage/repository/names.h - a listing kept: the names of a class's objects, sorted
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_NAMES_H
#define DRTOOL_STORAGE_REPOSITORY_NAMES_H

#include "src/base/arena.h"
#include "storage/backend/storage.h"

struct names {
	const char **items; /* by bytes */
	size_t count, cap;
	struct arena arena;
};

#define NAMES_INIT \
	{          \
		0  \
	}

bool names_list(struct names *out, struct storage *s, enum object_class cls, const char *prefix, struct err *e);
/* Those of a database; of all when it is NULL. */
bool names_list_of(struct names *out, struct storage *s, enum object_class cls, const char *database, struct err *e);
void names_release(struct names *n);

#endif
