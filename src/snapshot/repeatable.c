/* src/snapshot/repeatable.c - see repeatable.h */
#include "src/snapshot/repeatable.h"

#include <string.h>

/*
 * The header: "PGDMP", three bytes of version, sizes of an integer and an offset, the format (1, custom), how data is
 * compressed (an integer, one byte since 1.15), then the time as seven integers: second, minute, hour, day, month from
 * 0, year since 1900, daylight saving. An integer is a byte for its sign and the value, least significant byte first.
 */
#define INTEGER 5

void repeatable_archive(struct buf *archive)
{
	static const uint8_t time[7 * INTEGER] = { [3 * INTEGER + 1] = 1, [5 * INTEGER + 1] = 100 };
	const uint8_t *head = archive->data;
	size_t at;

	if (archive->len < 11 || memcmp(head, "PGDMP\1", 6) != 0 || head[6] < 12 || head[6] > 16 || head[8] != 4 ||
	        head[10] != 1)
		return;
	at = head[6] < 15 ? 11 + INTEGER : 12;
	if (archive->len >= at + sizeof time)
		memcpy(archive->data + at, time, sizeof time);
}

static void drop(struct buf *b, const char *from, const char *to)
{
	size_t at = (size_t)(from - (const char *)b->data), end = (size_t)(to - (const char *)b->data);

	memmove(b->data + at, b->data + end, b->len - end + 1); /* with the NUL */
	b->len -= end - at;
}

/* The first line that is neither empty nor a comment. */
static const char *first_line(const struct buf *script)
{
	const char *p = buf_str(script), *end;

	while ((*p == '\n' || strncmp(p, "--", 2) == 0) && (end = strchr(p, '\n')) != NULL)
		p = end + 1;
	return p;
}

void repeatable_script(struct buf *script)
{
	static const char open[] = "\\restrict ", close[] = "\n\\unrestrict ";
	const char *start = first_line(script), *end = strchr(start, '\n'), *p;
	size_t key = end == NULL ? 0 : (size_t)(end + 1 - start); /* with what stands in front, and the newline */

	if (end == NULL || strncmp(start, open, strlen(open)) != 0)
		return;
	key -= strlen(open);
	for (p = end; (p = strstr(p, close)) != NULL; p++)
		if (strncmp(p + strlen(close), start + strlen(open), key) == 0)
			break;
	if (p != NULL)
		drop(script, p + 1, p + strlen(close) + key);
	drop(script, start, end + 1);
}
