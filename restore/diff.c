#include "restore/diff.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "restore/line_diff.h"
#include "storage/repository/chunk_store.h"

#define ARCHIVE_MAX ((size_t)1 << 30)

/* --- the two sides --- */

bool diff_side_load(struct diff_side *out, struct repository *r, const struct manifest *m, struct err *e)
{
	struct chunk_store *chunks = NULL;
	struct buf text = BUF_INIT_MAX(ARCHIVE_MAX);

	*out = (struct diff_side){ .archive = BUF_INIT_MAX(ARCHIVE_MAX) };
	bool ok = chunk_store_open_read(&chunks, r, e) && chunk_store_get_stream(&text, chunks, &m->contents, e) &&
	          contents_parse(&out->contents, buf_view(&text), e) &&
	          chunk_store_get_stream(&out->archive, chunks, &m->schema, e) &&
	          toc_parse(&out->toc, buf_view(&out->archive), e);
	chunk_store_close(chunks);
	buf_release(&text);
	return ok || err_wrap(e, "read snapshot \"%s\"", m->id);
}

void diff_side_release(struct diff_side *s)
{
	contents_release(&s->contents);
	buf_release(&s->archive);
	toc_free(s->toc);
	s->toc = NULL;
}

static struct diff_item *add(
        struct diff_report *r, enum diff_section section, enum diff_change change, const char *object)
{
	struct diff_item *item;

	r->items = arena_grow(&r->arena, r->items, r->count, &r->cap, sizeof(*r->items));
	item = &r->items[r->count++];
	*item = (struct diff_item){ section, change, arena_strdup(&r->arena, object), "" };
	return item;
}

/* --- things described by a name and a text, in any order --- */

struct thing {
	const char *name, *text;
	const void *of; /* what it was made from */
};

struct things {
	struct thing *items;
	size_t count, cap;
	struct arena arena;
};

static void things_add(struct things *l, const char *name, const char *text, const void *of)
{
	l->items = arena_grow(&l->arena, l->items, l->count, &l->cap, sizeof(*l->items));
	l->items[l->count++] = (struct thing){ name, text, of };
}

static int by_name_and_text(const void *x, const void *y)
{
	const struct thing *a = x, *b = y;
	int order = strcmp(a->name, b->name);

	return order ? order : strcmp(a->text, b->text);
}

static void things_sort(struct things *l)
{
	if (l->count)
		qsort(l->items, l->count, sizeof(*l->items), by_name_and_text);
}

/* Called for each pair of one name, and for what stands alone (the other is NULL). */
typedef void pair_fn(
        struct diff_report *out, enum diff_section section, const struct thing *was, const struct thing *is);

static void merge(struct diff_report *out, enum diff_section section, struct things *a, struct things *b, pair_fn *pair)
{
	things_sort(a);
	things_sort(b);
	for (size_t i = 0, j = 0; i < a->count || j < b->count;) {
		int order = i == a->count ? 1 : j == b->count ? -1 : strcmp(a->items[i].name, b->items[j].name);

		pair(out, section, order <= 0 ? &a->items[i] : NULL, order >= 0 ? &b->items[j] : NULL);
		i += order <= 0;
		j += order >= 0;
	}
	arena_release(&a->arena);
	arena_release(&b->arena);
}

static void pair_texts(
        struct diff_report *out, enum diff_section section, const struct thing *was, const struct thing *is)
{
	if (was && is) {
		if (strcmp(was->text, is->text) != 0)
			add(out, section, DIFF_CHANGED, was->name)->text = arena_printf(
			        &out->arena, "%s, and %s", was->text, is->text);
	} else {
		add(out, section, was ? DIFF_ONLY_FIRST : DIFF_ONLY_SECOND, (was ? was : is)->name)->text =
		        arena_strdup(&out->arena, (was ? was : is)->text);
	}
}

/* --- definitions --- */

/* The database itself goes by its settings; what pg_dump writes about encodings and paths is no object. */
static bool counts(const struct toc_entry *t, bool no_owner)
{
	static const char *const passed[] = { "DATABASE", "DATABASE PROPERTIES", "ENCODING", "STDSTRINGS", "SEARCHPATH",
		"EXTENSION" };

	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		if (strcmp(t->desc, passed[i]) == 0)
			return false;
	if (no_owner && (strcmp(t->desc, "ACL") == 0 || strcmp(t->desc, "DEFAULT ACL") == 0))
		return false;
	return strncmp(t->tag, "DATABASE ", strlen("DATABASE ")) != 0 && t->section != TOC_DATA;
}

static bool has_owner(const struct toc_entry *t)
{
	static const char *const with[] = { "TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE",
		"FUNCTION", "PROCEDURE", "AGGREGATE", "TYPE", "DOMAIN", "SCHEMA" };

	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++)
		if (strcmp(t->desc, with[i]) == 0)
			return *t->owner != '\0';
	return false;
}

/* Its definition with what the archive keeps beside it. */
static const char *definition(const struct toc_entry *t, bool no_owner, struct arena *a)
{
	const char *text = t->defn;

	if (!no_owner && has_owner(t))
		text = arena_printf(a, "%s-- owner: %s\n", text, t->owner);
	if (*t->tablespace)
		text = arena_printf(a, "%s-- tablespace: %s\n", text, t->tablespace);
	if (*t->table_am && strcmp(t->table_am, "heap") != 0)
		text = arena_printf(a, "%s-- access method: %s\n", text, t->table_am);
	return text;
}

static void list_entries(struct things *out, const struct toc *toc, bool no_owner)
{
	for (size_t i = 0; i < toc->count; i++) {
		const struct toc_entry *t = &toc->entries[i];

		if (counts(t, no_owner))
			things_add(out,
			        arena_printf(
			                &out->arena, "%s %s%s%s", t->desc, t->schema, *t->schema ? "." : "", t->tag),
			        definition(t, no_owner, &out->arena), t);
	}
}

static void pair_definitions(
        struct diff_report *out, enum diff_section section, const struct thing *was, const struct thing *is)
{
	struct buf text = BUF_INIT;

	if (was && is && strcmp(was->text, is->text) == 0)
		return;
	line_diff(&text, was ? was->text : "", is ? is->text : "");
	add(out, section,
	        was && is ? DIFF_CHANGED
	        : was     ? DIFF_ONLY_FIRST
	                  : DIFF_ONLY_SECOND,
	        (was ? was : is)->name)
	        ->text = arena_strdup(&out->arena, buf_str(&text));
	buf_release(&text);
}

/* --- rows --- */

static void list_tables(struct things *out, const struct contents *c)
{
	for (size_t i = 0; i < c->table_count; i++)
		things_add(out,
		        c->tables[i].table.kind == PG_TABLE_LARGE_OBJECTS
		                ? "LARGE OBJECTS"
		                : arena_printf(&out->arena, "TABLE %s", c->tables[i].table.qualified),
		        "", &c->tables[i]);
}

static void pair_rows(
        struct diff_report *out, enum diff_section section, const struct thing *was, const struct thing *is)
{
	const struct content_table *a = was ? was->of : NULL, *b = is ? is->of : NULL;
	struct diff_item *item;

	/* A table of one side only is a matter of definitions, and rows that one side does not hold are none to
	 * compare. */
	if (!a || !b || a->data != CONTENT_DATA || b->data != CONTENT_DATA)
		return;
	out->tables_compared++;
	if (fingerprint_equal(&a->fingerprint, &b->fingerprint))
		return;
	item = add(out, section, DIFF_CHANGED, was->name);
	if (a->fingerprint.rows == b->fingerprint.rows)
		item->text = arena_printf(&out->arena, "%" PRIu64 " rows, others than before", a->fingerprint.rows);
	else
		item->text = arena_printf(
		        &out->arena, "%" PRIu64 " rows, and %" PRIu64, a->fingerprint.rows, b->fingerprint.rows);
}

/* --- the rest of the contents --- */

static void list_sequences(struct things *out, const struct contents *c)
{
	for (size_t i = 0; i < c->sequences.count; i++) {
		const struct pg_sequence *s = &c->sequences.items[i];

		things_add(out, arena_printf(&out->arena, "SEQUENCE %s", s->qualified),
		        arena_printf(
		                &out->arena, "%" PRId64 "%s", s->last_value, s->is_called ? "" : " (not called yet)"),
		        NULL);
	}
}

static void list_extensions(struct things *out, const struct contents *c)
{
	for (size_t i = 0; i < c->extensions.count; i++)
		things_add(out, arena_printf(&out->arena, "EXTENSION %s", c->extensions.items[i].name),
		        arena_printf(&out->arena, "version %s in schema \"%s\"", c->extensions.items[i].version,
		                c->extensions.items[i].schema),
		        NULL);
}

static void list_large_objects(struct things *out, const struct contents *c)
{
	for (size_t i = 0; i < c->large_objects.count; i++) {
		const struct pg_large_object *l = &c->large_objects.items[i];

		things_add(out, arena_printf(&out->arena, "LARGE OBJECT %" PRIu32, l->oid),
		        arena_printf(&out->arena, "owner \"%s\", privileges %s", l->owner, l->acl ? l->acl : "none"),
		        NULL);
	}
}

/* Recorded as statements with a mark for the database's name; each is a thing of its own. */
static void list_settings(struct things *out, const struct contents *c)
{
	const struct pg_database *d = &c->database;

	for (size_t i = 0; i < d->settings.count; i++)
		things_add(out, d->settings.items[i], "", NULL);
	things_add(out, "OWNER", d->owner, NULL);
	things_add(out, "ENCODING", d->encoding, NULL);
	things_add(out, "LOCALE", arena_printf(&out->arena, "%s, %s", d->collate, d->ctype), NULL);
	if (d->comment)
		things_add(out, "COMMENT", d->comment, NULL);
	if (d->acl)
		things_add(out, "PRIVILEGES", d->acl, NULL);
}

typedef void list_fn(struct things *out, const struct contents *c);

void diff_compare(
        struct diff_report *out, const struct diff_side *a, const struct diff_side *b, unsigned sections, bool no_owner)
{
	static const struct {
		list_fn *list;
		pair_fn *pair;
	} kinds[DIFF_SECTIONS] = {
		[DIFF_SCHEMA] = { NULL, pair_definitions },
		[DIFF_ROWS] = { list_tables, pair_rows },
		[DIFF_SEQUENCE] = { list_sequences, pair_texts },
		[DIFF_EXTENSION] = { list_extensions, pair_texts },
		[DIFF_LARGE_OBJECT] = { list_large_objects, pair_texts },
		[DIFF_SETTING] = { list_settings, pair_texts },
	};

	for (unsigned s = 0; s < DIFF_SECTIONS; s++) {
		struct things was = { 0 }, is = { 0 };

		if (!(sections & DIFF_SECTION_BIT(s)))
			continue;
		if (s == DIFF_SCHEMA) {
			list_entries(&was, a->toc, no_owner);
			list_entries(&is, b->toc, no_owner);
		} else {
			kinds[s].list(&was, &a->contents);
			kinds[s].list(&is, &b->contents);
		}
		merge(out, (enum diff_section)s, &was, &is, kinds[s].pair);
	}
}

void diff_report_release(struct diff_report *r)
{
	arena_release(&r->arena);
	*r = (struct diff_report){ 0 };
}
