/* tests/fuzz/fuzz_conninfo.c - any text as a connection string; what was understood survives quoting for a child */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/pg/conninfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct conninfo *parse(const char *text)
{
	struct buf dropped = BUF_INIT;
	struct err e = ERR_INIT;
	struct conninfo *c = NULL;
	bool pooler;

	if (!conninfo_parse(&c, text, &dropped, &pooler, &e))
		assert(e.kind == ERR_USAGE && e.msg[0] && e.hint[0]);
	buf_release(&dropped);
	return c;
}

static void check_child(const struct conninfo *c)
{
	struct conninfo_child child;
	struct arena a = ARENA_INIT;
	struct conninfo *again;

	conninfo_for_child(&child, c, 0, &a);
	again = parse(child.dbname);
	assert(again);
	for (size_t i = 0; again->keywords[i]; i++) /* options are ours, next to a service */
		assert(!strcmp(again->keywords[i], "options") ||
		        !strcmp(conninfo_get(c, again->keywords[i]), again->values[i]));
	assert(!conninfo_get(again, "password"));
	if (conninfo_get(c, "dbname"))
		assert(!strcmp(conninfo_get(again, "dbname"), conninfo_get(c, "dbname")));
	conninfo_free(again);
	arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmalloc(size + 1);
	struct conninfo *c;

	memcpy(text, data, size);
	text[size] = '\0';
	c = parse(text);
	if (c) {
		check_child(c);
		assert(conninfo_same_database(c, c));
	}
	conninfo_free(c);
	free(text);
	return 0;
}
