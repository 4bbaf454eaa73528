#include "restore/stage.h"

/* An archive lists what is needed before what needs it, so one pass and one more to see that nothing moves do; a forged
 * one is not followed for ever. */
#define PASSES_MAX 64

static bool one_of(const char *text, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(text, *list) == 0)
			return true;
	return false;
}

/* NOT NULL that is not valid: it costs nothing and reaches the tables that inherit too, so it must not be there before
 * their rows. */
static bool is_not_null(const struct toc_entry *t)
{
	static const char any[] = "ALTER ", key[] = "ALTER TABLE ONLY ";

	return strcmp(t->desc, "CONSTRAINT") == 0 && strncmp(t->defn, any, strlen(any)) == 0 &&
	       strncmp(t->defn, key, strlen(key)) != 0;
}

static bool is_heavy(const struct toc_entry *t)
{
	static const char *const heavy[] = { "INDEX", "CONSTRAINT", "FK CONSTRAINT", "STATISTICS", "INDEX ATTACH",
		NULL };

	return one_of(t->desc, heavy) && !is_not_null(t);
}

static bool is_subscription(const char *desc)
{
	return strncmp(desc, "SUBSCRIPTION", strlen("SUBSCRIPTION")) == 0;
}

/* What the entry says by itself; STAGE_SKIP for those without a section, which follow what they are about. */
static enum stage own_stage(const struct toc_entry *t, bool without_subscriptions)
{
	static const char *const by_others[] = { "ENCODING", "STDSTRINGS", "SEARCHPATH", "DATABASE",
		"DATABASE PROPERTIES", "MATERIALIZED VIEW DATA", "STATISTICS DATA", NULL };

	if (one_of(t->desc, by_others) || (without_subscriptions && is_subscription(t->desc)))
		return STAGE_SKIP;
	if (t->section == TOC_PRE_DATA)
		return STAGE_PRE;
	if (t->section != TOC_POST_DATA)
		return STAGE_SKIP;
	if (strcmp(t->desc, "EVENT TRIGGER") == 0)
		return STAGE_LAST;
	return is_heavy(t) ? STAGE_HEAVY : STAGE_LIGHT;
}

/* Comments, security labels: with what they are about, or right after it. Privileges: late, as pg_restore does. */
static enum stage following_stage(const struct stages *s, const struct toc_entry *t)
{
	enum stage latest = STAGE_SKIP;

	for (size_t i = 0; i < t->ndeps; i++) {
		size_t at = stages_find(s, t->deps[i]);

		if (at == SIZE_MAX)
			continue;
		if (s->of[at] == STAGE_SKIP)
			return STAGE_SKIP;
		if (s->of[at] > latest)
			latest = s->of[at];
	}
	if (latest == STAGE_SKIP || latest == STAGE_HEAVY || (latest == STAGE_PRE && strcmp(t->desc, "ACL") == 0))
		return STAGE_LIGHT;
	return latest;
}

static bool needs_light(const struct stages *s, const struct toc_entry *t)
{
	for (size_t i = 0; i < t->ndeps; i++) {
		size_t at = stages_find(s, t->deps[i]);

		if (at != SIZE_MAX && s->of[at] == STAGE_LIGHT)
			return true;
	}
	return false;
}

static bool settle(struct stages *s)
{
	bool moved = false;

	for (size_t i = 0; i < s->toc->count; i++) {
		const struct toc_entry *t = &s->toc->entries[i];
		enum stage now = s->of[i];

		if (t->section == TOC_NONE)
			now = following_stage(s, t);
		else if (now == STAGE_HEAVY && needs_light(s, t))
			now = STAGE_LIGHT;
		moved |= now != s->of[i];
		s->of[i] = now;
	}
	return moved;
}

void stages_assign(struct stages *out, const struct toc *toc, bool without_subscriptions)
{
	memset(out, 0, sizeof(*out));
	out->toc = toc;
	for (size_t i = 0; i < toc->count; i++)
		if (toc->entries[i].dump_id > out->max_id)
			out->max_id = toc->entries[i].dump_id;
	out->of = arena_alloc(&out->arena, (toc->count + 1) * sizeof(*out->of));
	out->position = arena_alloc(&out->arena, ((size_t)out->max_id + 1) * sizeof(*out->position));
	memset(out->position, 0xff, ((size_t)out->max_id + 1) * sizeof(*out->position));
	for (size_t i = 0; i < toc->count; i++) {
		if (toc->entries[i].dump_id >= 0)
			out->position[toc->entries[i].dump_id] = (uint32_t)i;
		out->of[i] = own_stage(&toc->entries[i], without_subscriptions);
	}
	for (unsigned pass = 0; pass < PASSES_MAX && settle(out); pass++)
		;
}

void stages_release(struct stages *s)
{
	if (s)
		arena_release(&s->arena);
}

size_t stages_find(const struct stages *s, int dump_id)
{
	if (dump_id < 0 || dump_id > s->max_id || s->position[dump_id] == UINT32_MAX)
		return SIZE_MAX;
	return s->position[dump_id];
}

int *stages_list(size_t *count, const struct stages *s, enum stage stage)
{
	int *ids = xmalloc((s->toc->count + 1) * sizeof(*ids));

	*count = 0;
	for (size_t i = 0; i < s->toc->count; i++)
		if (s->of[i] == stage)
			ids[(*count)++] = s->toc->entries[i].dump_id;
	return ids;
}

static bool needs_lost(const bool *lost, const struct stages *s, const struct toc_entry *t)
{
	for (size_t i = 0; i < t->ndeps; i++) {
		size_t at = stages_find(s, t->deps[i]);

		if (at != SIZE_MAX && lost[at])
			return true;
	}
	return false;
}

void stages_spread_lost(bool *lost, const struct stages *s)
{
	bool more = true;

	for (unsigned pass = 0; pass < PASSES_MAX && more; pass++) {
		more = false;
		for (size_t i = 0; i < s->toc->count; i++) {
			bool late = s->of[i] == STAGE_LIGHT || s->of[i] == STAGE_LAST;

			if (!lost[i] && late && needs_lost(lost, s, &s->toc->entries[i]))
				lost[i] = more = true;
		}
	}
}

char *stages_label(struct arena *a, const struct toc_entry *entry)
{
	if (!*entry->schema)
		return arena_printf(a, "%s %s", entry->desc, entry->tag);
	return arena_printf(a, "%s %s.%s", entry->desc, entry->schema, entry->tag);
}
