/* src/monitor/unfinished.c - see unfinished.h */
#include "src/monitor/unfinished.h"

#include <stdlib.h>
#include <string.h>

struct search {
	struct unfinished *out;
	const struct unfinished_database *database;
	bool counted;
};

static size_t number(const struct journal_event *v, const char *name)
{
	const char *text = journal_detail(v, name);

	return text ? strtoul(text, NULL, 10) : 0;
}

static bool is_about(const struct journal_event *v, const struct unfinished_database *d)
{
	const char *identifier = journal_detail(v, UNFINISHED_IDENTIFIER);

	if (number(v, UNFINISHED_OID) != d->oid)
		return false;
	if (identifier && d->identifier && *d->identifier)
		return strcmp(identifier, d->identifier) == 0;
	return v->server && d->server && strcmp(v->server, d->server) == 0;
}

/* Events that cannot be read are passed over: the others may do. */
static enum fetch_answer look_at(void *cookie, const struct journal_event *v, const struct err *why, struct err *e)
{
	struct search *s = cookie;
	struct unfinished *out = s->out;
	const char *source;

	(void)why;
	(void)e;
	if (!v || !is_about(v, s->database))
		return FETCH_ON;
	/* One that was stopped may not know what it left. */
	if (!s->counted && journal_detail(v, UNFINISHED_INDEXES)) {
		s->counted = true;
		out->indexes = number(v, UNFINISHED_INDEXES);
		out->foreign_keys = number(v, UNFINISHED_FOREIGN_KEYS);
	}
	if (strcmp(v->event, "usable") != 0)
		return FETCH_ON;
	out->begun = true;
	out->all = number(v, UNFINISHED_INDEXES) + number(v, UNFINISHED_FOREIGN_KEYS);
	snprintf(out->snapshot_id, sizeof(out->snapshot_id), "%s", v->snapshot_id ? v->snapshot_id : "");
	source = journal_detail(v, UNFINISHED_SOURCE);
	out->source = xstrdup(source ? source : v->database);
	return FETCH_ENOUGH;
}

bool unfinished_find(struct unfinished *out, struct repository *r, const char *database,
        const struct unfinished_database *d, struct err *e)
{
	static const char *const words[] = { "usable", "finish", NULL };
	struct search s = { .out = out, .database = d };

	*out = (struct unfinished){ 0 };
	return !d->oid || journal_each_newest(r, database, words, look_at, &s, e);
}

void unfinished_release(struct unfinished *u)
{
	free((char *)(uintptr_t)u->source);
	*u = (struct unfinished){ 0 };
}

struct snapshot_search {
	struct unfinished_snapshot *out;
	const char *id;
	bool found;
};

static enum fetch_answer look_at_snapshot(
        void *cookie, const struct journal_event *v, const struct err *why, struct err *e)
{
	struct snapshot_search *s = cookie;
	const char *from;

	(void)why;
	(void)e;
	if (!v || !v->snapshot_id || strcmp(v->snapshot_id, s->id) != 0)
		return FETCH_ON;
	from = journal_detail(v, UNFINISHED_FROM);
	s->found = true;
	s->out->indexes = number(v, UNFINISHED_INDEXES);
	s->out->foreign_keys = number(v, UNFINISHED_FOREIGN_KEYS);
	snprintf(s->out->from, sizeof(s->out->from), "%s", from ? from : "");
	return FETCH_ENOUGH;
}

bool unfinished_find_snapshot(
        struct unfinished_snapshot *out, struct repository *r, const char *database, const char *id, struct err *e)
{
	static const char *const words[] = { UNFINISHED_SNAPSHOT, NULL };
	struct snapshot_search s = { .out = out, .id = id };

	*out = (struct unfinished_snapshot){ 0 };
	return journal_each_newest(r, database, words, look_at_snapshot, &s, e) && s.found;
}
