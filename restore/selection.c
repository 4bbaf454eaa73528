#include "restore/selection.h"

#include <string.h>

#include "src/pg/pattern.h"

bool selection_is_relation(const struct toc_entry *t)
{
	static const char *const kinds[] = { "TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "FOREIGN TABLE" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(t->desc, kinds[i]) == 0)
			return true;
	}
	return false;
}

/*
 * How an entry names the one it belongs to; it may depend on others as well (a foreign key on the table it refers to, a
 * policy on what it looks up).
 */
enum belongs {
	BELONGS_NOT,
	BELONGS_DEPENDS, /* to whatever it depends on */
	BELONGS_TABLE,   /* to the table it depends on; an index of a partition depends on the partitioned index too */
	BELONGS_PREFIX,  /* "orders orders_user_id_fkey" belongs to "orders" */
	BELONGS_SAME,    /* an attached partition's own name */
	BELONGS_SUFFIX,  /* an attached index, which may be a constraint's: "orders_1 orders_1_pkey" */
};

static enum belongs how_belongs(const struct toc_entry *t)
{
	static const struct {
		const char *desc;
		enum belongs how;
	} kinds[] = { { "ACL", BELONGS_DEPENDS }, { "CHECK CONSTRAINT", BELONGS_PREFIX },
		{ "COMMENT", BELONGS_DEPENDS }, { "CONSTRAINT", BELONGS_PREFIX }, { "DEFAULT", BELONGS_PREFIX },
		{ "FK CONSTRAINT", BELONGS_PREFIX }, { "INDEX", BELONGS_TABLE }, { "INDEX ATTACH", BELONGS_SUFFIX },
		{ "POLICY", BELONGS_PREFIX }, { "ROW SECURITY", BELONGS_TABLE }, { "RULE", BELONGS_PREFIX },
		{ "SECURITY LABEL", BELONGS_DEPENDS }, { "SEQUENCE OWNED BY", BELONGS_SAME },
		{ "TABLE ATTACH", BELONGS_SAME }, { "TRIGGER", BELONGS_PREFIX } };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(t->desc, kinds[i].desc) == 0)
			return kinds[i].how;
	}
	return BELONGS_NOT;
}

bool selection_belongs(const struct toc_entry *t, const struct toc_entry *needed)
{
	size_t len = strlen(t->tag), needed_len = strlen(needed->tag);

	switch (how_belongs(t)) {
	case BELONGS_DEPENDS:
		return true;
	case BELONGS_TABLE:
		return selection_is_relation(needed);
	case BELONGS_PREFIX:
		return selection_is_relation(needed) && strcmp(t->schema, needed->schema) == 0 && len > needed_len &&
		       memcmp(t->tag, needed->tag, needed_len) == 0 && t->tag[needed_len] == ' ';
	case BELONGS_SAME:
		return strcmp(t->schema, needed->schema) == 0 && strcmp(t->tag, needed->tag) == 0;
	case BELONGS_SUFFIX:
		return strcmp(t->schema, needed->schema) == 0 && needed_len >= len &&
		       strcmp(needed->tag + needed_len - len, t->tag) == 0;
	case BELONGS_NOT:
		break;
	}
	return false;
}

static bool comes_along(const struct selection *x, const struct toc *toc, const struct toc_entry *t)
{
	for (size_t i = 0; i < t->ndeps; i++) {
		const struct toc_entry *needed = toc_find(toc, t->deps[i]);

		if (needed && x->entry_in[needed - toc->entries] && selection_belongs(t, needed))
			return true;
	}
	return false;
}

/*
 * A sequence goes with the table it serves: "SEQUENCE OWNED BY" or, for identity columns, the SEQUENCE entry itself
 * names the table as what it needs.
 */
static void add_owned_sequences(struct selection *x, const struct toc *toc)
{
	for (size_t i = 0; i < toc->count; i++) {
		const struct toc_entry *t = &toc->entries[i];
		const struct toc_entry *sequence = NULL, *table = NULL;

		if (strcmp(t->desc, "SEQUENCE OWNED BY") != 0 && strcmp(t->desc, "SEQUENCE") != 0)
			continue;
		for (size_t j = 0; j < t->ndeps; j++) {
			const struct toc_entry *needed = toc_find(toc, t->deps[j]);

			if (needed && strcmp(needed->desc, "SEQUENCE") == 0)
				sequence = needed;
			else if (needed && selection_is_relation(needed))
				table = needed;
		}
		if (strcmp(t->desc, "SEQUENCE") == 0)
			sequence = t;
		if (sequence && table && x->entry_in[table - toc->entries])
			x->entry_in[sequence - toc->entries] = true;
	}
}

static bool nothing_matches(const char *text, const struct selection_source *s, struct arena *a, struct err *e)
{
	const char *near = selection_nearest(text, s->contents, a);

	err_set(e, ERR_USAGE, "no table of snapshot \"%s\" matches \"%s\"", s->snapshot_id, text);
	if (*near)
		return err_hint(e,
		        "near: %s; patterns are schema.table or table with * and ?, in double quotes where letters are upper case",
		        near);
	return err_hint(
	        e, "patterns are schema.table or table with * and ?, in double quotes where letters are upper case");
}

static bool choose(
        struct selection *x, const struct selection_source *s, const char *text, struct arena *a, struct err *e)
{
	const struct contents *c = s->contents;
	const char *recoded = text;
	struct pattern pattern, of_contents;
	bool any = false;

	if (!recode_text(&recoded, s->to_archive, a, e) || !pattern_parse(&pattern, recoded, a, e) ||
	        !pattern_parse(&of_contents, s->contents_recoded ? recoded : text, a, e))
		return false;
	for (size_t i = 0; i < s->toc->count; i++) {
		if (!selection_is_relation(&s->toc->entries[i]) ||
		        !pattern_matches(&pattern, s->toc->entries[i].schema, s->toc->entries[i].tag))
			continue;
		x->entry_in[i] = any = true;
	}
	for (size_t i = 0; i < c->table_count; i++) {
		const struct pg_table *t = &c->tables[i].table;

		/* an extension's table has no entry of its own */
		if (t->kind == PG_TABLE_CONFIG && pattern_matches(&of_contents, t->schema, t->name))
			x->table_in[i] = any = true;
	}
	return any || nothing_matches(text, s, a, e);
}

static int compare_oid(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* What the contents list goes by the OID its definition has: names may be in another encoding. */
static void choose_contents(struct selection *x, const struct selection_source *s, const bool *entries, struct arena *a)
{
	const struct contents *c = s->contents;
	uint32_t *oids = arena_alloc(a, (s->toc->count + 1) * sizeof(*oids));
	size_t count = 0;

	for (size_t i = 0; i < s->toc->count; i++)
		if (entries[i] && selection_is_relation(&s->toc->entries[i]))
			oids[count++] = s->toc->entries[i].oid;
	qsort(oids, count, sizeof(*oids), compare_oid);
#define CHOSEN(oid) (bsearch(&(oid), oids, count, sizeof(*oids), compare_oid) != NULL)
	for (size_t i = 0; i < c->table_count; i++)
		x->table_in[i] |= c->tables[i].table.kind == PG_TABLE_PLAIN && CHOSEN(c->tables[i].table.oid);
	for (size_t i = 0; i < c->sequences.count; i++)
		x->sequence_in[i] |= CHOSEN(c->sequences.items[i].oid);
	for (size_t i = 0; i < c->matviews.count; i++)
		x->matview_in[i] |= CHOSEN(c->matviews.items[i].oid);
#undef CHOSEN
}

static bool *flags(struct arena *a, size_t count, bool value)
{
	bool *out = arena_alloc(a, (count + 1) * sizeof(*out));

	memset(out, value, count);
	return out;
}

bool selection_make(struct selection *out, const struct selection_source *s, const char *const *patterns,
        struct arena *a, struct err *e)
{
	bool all = !patterns || !*patterns;

	*out = (struct selection){ .entry_in = flags(a, s->toc->count, all),
		.table_in = flags(a, s->contents->table_count, all),
		.sequence_in = flags(a, s->contents->sequences.count, all),
		.matview_in = flags(a, s->contents->matviews.count, all),
		.named = flags(a, s->toc->count, all) };
	if (all)
		return true;
	for (; *patterns; patterns++)
		if (!choose(out, s, *patterns, a, e))
			return false;
	memcpy(out->named, out->entry_in, s->toc->count);
	add_owned_sequences(out, s->toc);
	/* In archive order what an entry needs stands before it, but for a few: twice. */
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < s->toc->count; i++)
			out->entry_in[i] = out->entry_in[i] || comes_along(out, s->toc, &s->toc->entries[i]);
	choose_contents(out, s, out->entry_in, a);
	return true;
}

/* --- what can stand alone --- */

struct closing {
	const struct selection_source *s;
	uint32_t *position; /* by dump id; UINT32_MAX */
	int max_id;
	const bool *chosen; /* relations that may be needed */
	bool *seen;
	uint32_t *reached;
	size_t reached_count;
};

static void prepare_positions(struct closing *c, struct arena *a)
{
	const struct toc *toc = c->s->toc;

	for (size_t i = 0; i < toc->count; i++)
		if (toc->entries[i].dump_id > c->max_id)
			c->max_id = toc->entries[i].dump_id;
	c->position = arena_alloc(a, ((size_t)c->max_id + 1) * sizeof(*c->position));
	memset(c->position, 0xff, ((size_t)c->max_id + 1) * sizeof(*c->position));
	for (size_t i = 0; i < toc->count; i++)
		if (toc->entries[i].dump_id >= 0)
			c->position[toc->entries[i].dump_id] = (uint32_t)i;
	c->seen = arena_alloc(a, toc->count + 1);
	c->reached = arena_alloc(a, (toc->count + 1) * sizeof(*c->reached));
}

static void reach(struct closing *c, uint32_t at)
{
	if (c->seen[at])
		return;
	c->seen[at] = true;
	c->reached[c->reached_count++] = at;
}

/* Everything entry needs, into reached. */
static void follow(struct closing *c, uint32_t entry)
{
	const struct toc *toc = c->s->toc;

	c->reached_count = 0;
	reach(c, entry);
	for (size_t i = 0; i < c->reached_count; i++) {
		const struct toc_entry *t = &toc->entries[c->reached[i]];

		for (size_t d = 0; d < t->ndeps; d++)
			if (t->deps[d] >= 0 && t->deps[d] <= c->max_id && c->position[t->deps[d]] != UINT32_MAX)
				reach(c, c->position[t->deps[d]]);
	}
	for (size_t i = 0; i < c->reached_count; i++)
		c->seen[c->reached[i]] = false;
}

static bool holds_rows_or_reads(const struct toc_entry *t)
{
	return selection_is_relation(t) && strcmp(t->desc, "SEQUENCE") != 0;
}

/* Take entry in with all it needs; not when that is a table, or a view, that was not chosen. */
static bool take(struct selection *x, struct closing *c, uint32_t entry, bool whatever)
{
	follow(c, entry);
	for (size_t i = 0; i < c->reached_count && !whatever; i++)
		if (holds_rows_or_reads(&c->s->toc->entries[c->reached[i]]) && !c->chosen[c->reached[i]])
			return false;
	for (size_t i = 0; i < c->reached_count; i++)
		x->entry_in[c->reached[i]] = true;
	return true;
}

/* TABLE ATTACH needs the partition and the table it is attached to. */
size_t *selection_parents(const struct toc *toc, struct arena *a)
{
	size_t *parents = arena_alloc(a, (toc->count + 1) * sizeof(*parents));

	memset(parents, 0xff, (toc->count + 1) * sizeof(*parents));
	for (size_t i = 0; i < toc->count; i++) {
		const struct toc_entry *t = &toc->entries[i];
		size_t child = SIZE_MAX, parent = SIZE_MAX;

		if (strcmp(t->desc, "TABLE ATTACH") != 0)
			continue;
		for (size_t d = 0; d < t->ndeps; d++) {
			const struct toc_entry *needed = toc_find(toc, t->deps[d]);

			if (!needed || !selection_is_relation(needed))
				continue;
			if (child == SIZE_MAX && selection_belongs(t, needed))
				child = (size_t)(needed - toc->entries);
			else if (parent == SIZE_MAX)
				parent = (size_t)(needed - toc->entries);
		}
		/* A partition stands behind what it is a part of or before it; a forged circle is not followed. */
		for (size_t up = parent; up != SIZE_MAX && child != SIZE_MAX; up = parents[up])
			if (up == child)
				child = SIZE_MAX;
		if (child != SIZE_MAX)
			parents[child] = parent;
	}
	return parents;
}

/* With a partitioned table go its partitions. */
static void add_partitions(bool *chosen, const struct toc *toc, struct arena *a)
{
	const size_t *parents = selection_parents(toc, a);

	for (size_t i = 0; i < toc->count; i++)
		for (size_t up = parents[i]; up != SIZE_MAX && !chosen[i]; up = parents[up])
			chosen[i] = chosen[up];
}

/*
 * A configuration table comes with its extension, and which that is nobody says; nor is the extension whose operator
 * classes an exclusion constraint uses among what it depends on. Then all of them come.
 */
static bool wants_extensions(const struct selection *x, const bool *belonging, const struct selection_source *s)
{
	for (size_t i = 0; i < s->contents->table_count; i++)
		if (x->table_in[i] && s->contents->tables[i].table.kind == PG_TABLE_CONFIG)
			return true;
	for (size_t i = 0; i < s->toc->count; i++)
		if (belonging[i] && strcmp(s->toc->entries[i].desc, "CONSTRAINT") == 0 &&
		        (strstr(s->toc->entries[i].defn, " EXCLUDE USING ") ||
		                strstr(s->toc->entries[i].defn, " WITHOUT OVERLAPS")))
			return true;
	return false;
}

/* Tables first, for what they need is needed; then sequences, extensions where their tables are wanted, and views. */
static void take_relations(struct selection *x, struct closing *c, bool *chosen, bool extensions, size_t *left_out)
{
	const struct toc *toc = c->s->toc;

	for (uint32_t i = 0; i < toc->count; i++) {
		const char *desc = toc->entries[i].desc;

		if ((chosen[i] && (strcmp(desc, "TABLE") == 0 || strcmp(desc, "SEQUENCE") == 0)) ||
		        (extensions && strcmp(desc, "EXTENSION") == 0))
			take(x, c, i, true);
	}
	for (uint32_t i = 0; i < toc->count; i++) {
		if (!chosen[i] || x->entry_in[i] || take(x, c, i, false))
			continue;
		chosen[i] = false;
		++*left_out;
	}
}

void selection_complete(struct selection *io, size_t *left_out, const struct selection_source *s, struct arena *a)
{
	const struct toc *toc = s->toc;
	struct closing c = { .s = s };
	bool *chosen = flags(a, toc->count, false), *belonging = io->entry_in;

	prepare_positions(&c, a);
	for (size_t i = 0; i < toc->count; i++)
		chosen[i] = belonging[i] && selection_is_relation(&toc->entries[i]);
	add_partitions(chosen, toc, a);
	c.chosen = chosen;
	io->entry_in = flags(a, toc->count, false);
	*left_out = 0;
	take_relations(io, &c, chosen, wants_extensions(io, belonging, s), left_out);
	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < toc->count; i++)
			if (!io->entry_in[i] && !selection_is_relation(&toc->entries[i]) &&
			        comes_along(io, toc, &toc->entries[i]) && !take(io, &c, i, false) && round)
				++*left_out;
	memcpy(io->named, chosen, toc->count);
	choose_contents(io, s, chosen, a);
	/* A sequence that is there for a default has its value, whoever owns it. */
	for (size_t i = 0; i < s->contents->sequences.count; i++)
		for (size_t k = 0; k < toc->count && !io->sequence_in[i]; k++)
			io->sequence_in[i] = io->entry_in[k] && strcmp(toc->entries[k].desc, "SEQUENCE") == 0 &&
			                     toc->entries[k].oid == s->contents->sequences.items[i].oid;
}
