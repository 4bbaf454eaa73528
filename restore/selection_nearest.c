/* restore/selection_nearest.c - what a pattern that matches nothing may have meant; see selection.h */
#include <string.h>
#include <strings.h>

#include "restore/selection.h"
#include "src/base/nearest.h"

#define NAMES_MAX 3

/* The part after the last dot, without quotes and wildcards. */
static char *bare_name(const char *typed, struct arena *a)
{
	char *out = arena_strdup(a, typed), *to = out;

	for (const char *p = typed; *p; p++) {
		if (*p == '.')
			to = out;
		else if (!strchr("\"*?", *p))
			*to++ = *p;
	}
	*to = '\0';
	return out;
}

struct candidates {
	const char *names[NAMES_MAX];
	size_t count;
};

static void add(struct candidates *c, const char *qualified)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->names[i], qualified) == 0)
			return;
	if (c->count < NAMES_MAX)
		c->names[c->count++] = qualified;
}

const char *selection_nearest(const char *typed, const struct contents *c, struct arena *a)
{
	const char *name = bare_name(typed, a), *text = "";
	struct candidates found = { .count = 0 };
	struct nearest near = NEAREST_INIT;

	for (size_t i = 0; i < c->table_count; i++) {
		if (c->tables[i].table.kind == PG_TABLE_LARGE_OBJECTS)
			continue;
		if (strcasecmp(name, c->tables[i].table.name) == 0)
			add(&found, c->tables[i].table.qualified); /* in another schema, or needs its quotes */
		nearest_offer(&near, name, c->tables[i].table.name);
	}
	for (size_t i = 0; i < c->table_count && near.word; i++)
		if (strcmp(c->tables[i].table.name, near.word) == 0)
			add(&found, c->tables[i].table.qualified);
	for (size_t i = 0; i < found.count; i++)
		text = arena_printf(a, "%s%s%s", text, *text ? ", " : "", found.names[i]);
	return text;
}
