/* restore/cat_select.c - what --table leaves, by pg_dump's rules for its own; see cat_internal.h */
#include <string.h>

#include "restore/cat_internal.h"
#include "src/pg/pattern.h"

static bool is_relation(const struct toc_entry *t)
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

static bool belongs_to(const struct toc_entry *t, const struct toc_entry *needed)
{
	size_t len = strlen(t->tag), needed_len = strlen(needed->tag);

	switch (how_belongs(t)) {
	case BELONGS_DEPENDS:
		return true;
	case BELONGS_TABLE:
		return is_relation(needed);
	case BELONGS_PREFIX:
		return is_relation(needed) && strcmp(t->schema, needed->schema) == 0 && len > needed_len &&
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

static bool comes_along(const struct cat *c, const struct toc_entry *t)
{
	const struct toc *toc = c->archive.toc;

	for (size_t i = 0; i < t->ndeps; i++) {
		const struct toc_entry *needed = toc_find(toc, t->deps[i]);

		if (needed && c->entry_in[needed - toc->entries] && belongs_to(t, needed))
			return true;
	}
	return false;
}

/*
 * A sequence goes with the table it serves: "SEQUENCE OWNED BY" or, for identity columns, the SEQUENCE entry itself
 * names the table as what it needs.
 */
static void add_owned_sequences(struct cat *c)
{
	const struct toc *toc = c->archive.toc;

	for (size_t i = 0; i < toc->count; i++) {
		const struct toc_entry *t = &toc->entries[i];
		const struct toc_entry *sequence = NULL, *table = NULL;

		if (strcmp(t->desc, "SEQUENCE OWNED BY") != 0 && strcmp(t->desc, "SEQUENCE") != 0)
			continue;
		for (size_t j = 0; j < t->ndeps; j++) {
			const struct toc_entry *needed = toc_find(toc, t->deps[j]);

			if (needed && strcmp(needed->desc, "SEQUENCE") == 0)
				sequence = needed;
			else if (needed && is_relation(needed))
				table = needed;
		}
		if (strcmp(t->desc, "SEQUENCE") == 0)
			sequence = t;
		if (sequence && table && c->entry_in[table - toc->entries])
			c->entry_in[sequence - toc->entries] = true;
	}
}

static bool choose(struct cat *c, const char *text, struct err *e)
{
	const struct toc *toc = c->archive.toc;
	const char *recoded = text;
	struct pattern pattern;
	bool any = false;

	if (!cat_recode_text(&recoded, c, e) || !pattern_parse(&pattern, recoded, &c->arena, e))
		return false;
	for (size_t i = 0; i < toc->count; i++) {
		if (!is_relation(&toc->entries[i]) ||
		        !pattern_matches(&pattern, toc->entries[i].schema, toc->entries[i].tag))
			continue;
		c->entry_in[i] = true;
		any = true;
	}
	for (size_t i = 0; i < c->contents.table_count; i++) {
		const struct pg_table *t = &c->contents.tables[i].table;

		/* an extension's table has no entry of its own */
		if (t->kind == PG_TABLE_CONFIG && pattern_matches(&pattern, t->schema, t->name))
			c->table_in[i] = any = true;
	}
	if (any)
		return true;
	err_set(e, ERR_USAGE, "no table of snapshot \"%s\" matches \"%s\"", c->m->id, text);
	return err_hint(
	        e, "patterns are schema.table or table with * and ?, in double quotes where letters are upper case");
}

static bool chosen(const struct cat *c, const char *schema, const char *name)
{
	const struct toc *toc = c->archive.toc;

	for (size_t i = 0; i < toc->count; i++) {
		if (c->entry_in[i] && is_relation(&toc->entries[i]) && strcmp(toc->entries[i].tag, name) == 0 &&
		        strcmp(toc->entries[i].schema, schema) == 0)
			return true;
	}
	return false;
}

static void choose_contents(struct cat *c)
{
	for (size_t i = 0; i < c->contents.table_count; i++)
		c->table_in[i] = c->table_in[i] ||
		                 chosen(c, c->contents.tables[i].table.schema, c->contents.tables[i].table.name);
	for (size_t i = 0; i < c->contents.sequences.count; i++)
		c->sequence_in[i] = chosen(
		        c, c->contents.sequences.items[i].schema, c->contents.sequences.items[i].name);
	for (size_t i = 0; i < c->contents.matviews.count; i++)
		c->matview_in[i] = chosen(c, c->contents.matviews.items[i].schema, c->contents.matviews.items[i].name);
}

static bool *flags(struct cat *c, size_t count, bool value)
{
	bool *out = arena_alloc(&c->arena, (count + 1) * sizeof(*out));

	memset(out, value, count);
	return out;
}

bool cat_select(struct cat *c, const char *const *patterns, struct err *e)
{
	bool all = !patterns || !*patterns;

	c->selective = !all;
	c->entry_in = flags(c, c->archive.toc->count, all);
	c->table_in = flags(c, c->contents.table_count, all);
	c->sequence_in = flags(c, c->contents.sequences.count, all);
	c->matview_in = flags(c, c->contents.matviews.count, all);
	if (all)
		return true;
	for (; *patterns; patterns++) {
		if (!choose(c, *patterns, e))
			return false;
	}
	add_owned_sequences(c);
	/* In archive order what an entry needs stands before it, but for a few: twice. */
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < c->archive.toc->count; i++)
			c->entry_in[i] = c->entry_in[i] || comes_along(c, &c->archive.toc->entries[i]);
	}
	choose_contents(c);
	return true;
}
