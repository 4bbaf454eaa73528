#include "src/pg/pattern.h"

#include <ctype.h>
#include <string.h>

static bool part_matches(const char *pattern, const bool *wild, const char *text)
{
	/* Greedy with one point to return to: the last * seen. */
	const char *star = NULL, *resume = NULL;
	const bool *star_wild = NULL;

	while (*text != '\0') {
		if (*pattern == '*' && *wild) {
			star = ++pattern;
			star_wild = ++wild;
			resume = text;
		} else if (*pattern != '\0' && ((*pattern == '?' && *wild) || *pattern == *text)) {
			pattern++;
			wild++;
			text++;
		} else if (star != NULL) {
			pattern = star;
			wild = star_wild;
			text = ++resume;
		} else {
			return false;
		}
	}
	for (; *pattern == '*' && *wild; pattern++)
		wild++;
	return *pattern == '\0';
}

static bool bad(struct err *e, const char *text, const char *why)
{
	err_set(e, ERR_USAGE, "table pattern \"%s\" %s", text, why);
	return err_hint(
	        e, "patterns are as in pg_dump --table: name, schema.name, with * and ?, \"Quoted\" for upper case");
}

bool pattern_parse(struct pattern *out, const char *text, struct arena *a, struct err *e)
{
	size_t len = strlen(text), n = 0;
	char *bytes = arena_alloc(a, len + 1);
	bool *wild = arena_alloc(a, (len + 1) * sizeof *wild);
	bool quoted = false;

	*out = (struct pattern){ 0 };
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"' && quoted && p[1] == '"') {
			bytes[n++] = *p++;
		} else if (*p == '"') {
			quoted = !quoted;
		} else if (*p == '.' && !quoted) {
			if (out->schema.bytes != NULL)
				return bad(e, text, "has more than one dot");
			if (n == 0)
				return bad(e, text, "has an empty part");
			bytes[n] = '\0';
			out->schema = (struct pattern_part){ bytes, wild };
			bytes += n + 1;
			wild += n + 1;
			n = 0;
		} else {
			wild[n] = !quoted && (*p == '*' || *p == '?');
			bytes[n++] = quoted ? *p : (char)tolower((unsigned char)*p);
		}
	}
	if (quoted)
		return bad(e, text, "has an open quote");
	if (n == 0)
		return bad(e, text, "has an empty part");
	out->name = (struct pattern_part){ bytes, wild };
	return true;
}

bool pattern_matches(const struct pattern *p, const char *schema, const char *name)
{
	if (p->schema.bytes != NULL && !part_matches(p->schema.bytes, p->schema.wild, schema))
		return false;
	return part_matches(p->name.bytes, p->name.wild, name);
}
