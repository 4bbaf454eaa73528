/* src/base/nearest.c - see nearest.h; optimal string alignment distance over three rows */
#include "src/base/nearest.h"

#include <string.h>

#define LONGEST 64

static size_t min2(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t nearest_distance(const char *a, const char *b)
{
	size_t rows[3][LONGEST + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	size_t n = strnlen(a, LONGEST), m = strnlen(b, LONGEST);

	memset(rows, 0, sizeof(rows));
	for (size_t j = 0; j <= m; j++)
		last[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *spare = before;

		now[0] = i;
		for (size_t j = 1; j <= m; j++) {
			now[j] = min2(min2(last[j] + 1, now[j - 1] + 1), last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = min2(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[m];
}

void nearest_offer(struct nearest *n, const char *typed, const char *candidate)
{
	size_t distance = nearest_distance(typed, candidate), length = strlen(typed);

	if (length >= 3 && strncmp(typed, candidate, length) == 0)
		distance = 1; /* a beginning of it is as good as one slip */
	if (distance > (length < 4 ? 1 : length / 3 + 1) || (n->word && distance >= n->distance))
		return;
	n->word = candidate;
	n->distance = distance;
}
