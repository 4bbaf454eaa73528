/* restore/mark.c - see mark.h */
#include "restore/mark.h"

#include <string.h>

#include "src/base/path.h"

char *mark_up_to(const char **p, const char *word, struct arena *a)
{
	const char *end = strstr(*p, word), *line = strchr(*p, '\n');
	char *text;

	if (!end || (line && line < end))
		return NULL;
	text = arena_strndup(a, *p, (size_t)(end - *p));
	*p = end + strlen(word);
	return text;
}

char *mark_name(struct arena *a, const char *database)
{
	struct buf encoded = BUF_INIT;
	char *name;

	path_encode(&encoded, database);
	name = arena_strdup(a, buf_str(&encoded));
	buf_release(&encoded);
	return name;
}
