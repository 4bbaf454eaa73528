/*
 * src/base/nearest.h - "did you mean": the known word closest to a mistyped one
 */
#ifndef DRTOOL_BASE_NEAREST_H
#define DRTOOL_BASE_NEAREST_H

#include <stddef.h>

/* Changes (a letter more, less, other, or two swapped) that turn a into b; only the first 64 bytes count. */
size_t nearest_distance(const char *a, const char *b);

struct nearest {
	const char *word; /* NULL until something close enough was offered */
	size_t distance;
};
#define NEAREST_INIT \
	{            \
		0    \
	}
/* Offer a candidate; kept when it is close enough to typed and closer than what was offered before. */
void nearest_offer(struct nearest *n, const char *typed, const char *candidate);

#endif
