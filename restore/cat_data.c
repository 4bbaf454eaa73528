/* restore/cat_data.c - rows, sequence values and refreshes as pg_dump prints them; see cat_internal.h */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "restore/cat_internal.h"
#include "restore/feed.h"

#define CAT_AHEAD ((size_t)48 << 20) /* rows read before they are printed */
#define PG_CLASS  1259               /* pg_class's own OID: entries that are relations */

/* --- owners, for the comments --- */

struct owner {
	uint32_t oid;
	const char *name;
};

static int by_oid(const void *a, const void *b)
{
	uint32_t left = ((const struct owner *)a)->oid, right = ((const struct owner *)b)->oid;

	return left < right ? -1 : left > right;
}

static void list_owners(struct cat *c)
{
	const struct toc *toc = c->archive.toc;

	c->owners = arena_alloc(&c->arena, (toc->count + 1) * sizeof(*c->owners));
	for (size_t i = 0; i < toc->count; i++) {
		if (toc->entries[i].catalog_oid == PG_CLASS)
			c->owners[c->owner_count++] = (struct owner){ toc->entries[i].oid, toc->entries[i].owner };
	}
	qsort(c->owners, c->owner_count, sizeof(*c->owners), by_oid);
}

static const char *owner_of(struct cat *c, uint32_t oid)
{
	const struct owner key = { oid, NULL }, *found;

	if (!c->owners)
		list_owners(c);
	found = bsearch(&key, c->owners, c->owner_count, sizeof(key), by_oid);
	return found ? found->name : "";
}

/* --- tables --- */

struct reading {
	struct feed *feed;
	struct feed_part part; /* read ahead of its table's turn */
	int state;             /* of feed_next(): 1 part is there, 0 end */
};

static bool is_printed(const struct cat *c, size_t i)
{
	const struct content_table *t = &c->contents.tables[i];

	return t->table.kind != PG_TABLE_LARGE_OBJECTS && t->data == CONTENT_DATA && c->table_in[i];
}

static bool table_rows(struct cat *c, struct reading *in, size_t table, struct err *e)
{
	while (in->state == 1 && in->part.slot == table) {
		if (!cat_write(c, in->part.data, e))
			return false;
		observer_bytes(c->obs, in->part.data.len);
		in->state = feed_next(&in->part, in->feed, e);
	}
	return in->state >= 0;
}

static bool print_table(struct cat *c, struct reading *in, size_t table, struct err *e)
{
	const struct pg_table *p = &c->contents.tables[table].table;

	return cat_header(c, true, p->name, "TABLE DATA", p->schema, owner_of(c, p->oid), e) &&
	       (!p->load_root || cat_print(c, e, "-- load via partition root %s\n\n", p->load_root)) &&
	       cat_print(c, e, "COPY %s %s FROM stdin;\n", p->load_root ? p->load_root : p->qualified, p->columns) &&
	       table_rows(c, in, table, e) && cat_print(c, e, "\\.\n\n\n");
}

/* All tables are one stream of pieces: small ones share chunks. */
static size_t list_pieces(struct feed_item **out, const struct cat *c)
{
	size_t count = 0, total = 0;

	for (size_t i = 0; i < c->contents.table_count; i++)
		total += is_printed(c, i) ? c->contents.tables[i].pieces.count : 0;
	*out = xcalloc(total + 1, sizeof(**out));
	for (size_t i = 0; i < c->contents.table_count; i++) {
		const struct piece_list *p = &c->contents.tables[i].pieces;

		for (size_t k = 0; k < p->count && is_printed(c, i); k++)
			(*out)[count++] = (struct feed_item){ .piece = &p->items[k], .slot = i };
	}
	return count;
}

bool cat_tables(struct cat *c, struct err *e)
{
	struct reading in = { .feed = feed_new(c->chunks, CAT_AHEAD, false), .state = 1 };
	struct feed_item *items;
	size_t count = list_pieces(&items, c);
	bool ok = feed_start(in.feed, items, count, e), begun = false;

	for (size_t i = 0; i < c->contents.table_count && ok; i++) {
		if (!is_printed(c, i))
			continue;
		if (!begun)
			in.state = feed_next(&in.part, in.feed, e);
		begun = true;
		ok = in.state >= 0 && print_table(c, &in, i, e);
		if (!ok)
			err_wrap(e, "table %s", c->contents.tables[i].table.qualified);
		else
			observer_item(c->obs);
	}
	feed_free(in.feed);
	free(items);
	return ok;
}

/* --- sequences --- */

bool cat_sequences(struct cat *c, struct err *e)
{
	for (size_t i = 0; i < c->contents.sequences.count; i++) {
		const struct pg_sequence *s = &c->contents.sequences.items[i];
		struct arena a = ARENA_INIT;
		bool ok;

		if (!c->sequence_in[i])
			continue;
		ok = cat_header(c, false, s->name, "SEQUENCE SET", s->schema, owner_of(c, s->oid), e) &&
		     cat_print(c, e, "SELECT pg_catalog.setval(%s, %" PRId64 ", %s);\n\n\n",
		             cat_literal(c, &a, s->qualified), s->last_value, s->is_called ? "true" : "false");
		arena_release(&a);
		if (!ok)
			return false;
	}
	return true;
}

/* --- materialized views --- */

/*
 * pg_dump sorts refreshes by schema and name, then moves each behind those it depends on; and it leaves out a view that
 * depends on one that is not populated, because such a refresh could not succeed.
 */
struct refresh {
	const struct pg_matview *view;
	const struct toc_entry *entry; /* NULL when the archive has none */
	struct refresh **needs;
	size_t count, cap;
	bool populated, placed;
};

struct refreshes {
	struct refresh *items; /* by schema and name */
	size_t count;
	const struct toc *toc;
	bool *seen;           /* TOC entries visited, by index */
	const bool *entry_in; /* what --table leaves; pg_dump looks at nothing else */
	struct arena *arena;
};

static int by_name(const void *a, const void *b)
{
	const struct pg_matview *x = ((const struct refresh *)a)->view, *y = ((const struct refresh *)b)->view;
	int order = strcmp(x->schema, y->schema);

	return order ? order : strcmp(x->name, y->name);
}

static const struct toc_entry *entry_of(const struct toc *toc, const struct pg_matview *v)
{
	for (size_t i = 0; i < toc->count; i++) {
		const struct toc_entry *t = &toc->entries[i];

		if (strcmp(t->desc, "MATERIALIZED VIEW") == 0 && strcmp(t->schema, v->schema) == 0 &&
		        strcmp(t->tag, v->name) == 0)
			return t;
	}
	return NULL;
}

/* The materialized views that entry reaches, directly or through plain views. */
static void find_needs(struct refreshes *r, struct refresh *of, const struct toc_entry *entry)
{
	for (size_t i = 0; i < entry->ndeps; i++) {
		const struct toc_entry *t = toc_find(r->toc, entry->deps[i]);

		if (!t || r->seen[t - r->toc->entries] || !r->entry_in[t - r->toc->entries])
			continue;
		r->seen[t - r->toc->entries] = true;
		if (strcmp(t->desc, "VIEW") == 0)
			find_needs(r, of, t);
		if (strcmp(t->desc, "MATERIALIZED VIEW") != 0)
			continue;
		for (size_t j = 0; j < r->count; j++) {
			if (r->items[j].entry != t || &r->items[j] == of)
				continue;
			of->needs = arena_grow(r->arena, of->needs, of->count, &of->cap, sizeof(*of->needs));
			of->needs[of->count++] = &r->items[j];
		}
	}
}

static void drop_hopeless(struct refreshes *r)
{
	for (bool again = true; again;) {
		again = false;
		for (size_t i = 0; i < r->count; i++) {
			struct refresh *v = &r->items[i];

			for (size_t j = 0; j < v->count && v->populated; j++) {
				v->populated = v->needs[j]->populated;
				again = again || !v->populated;
			}
		}
	}
}

/* Does a view that is not placed yet need this one? */
static bool is_needed(const struct refreshes *r, const struct refresh *v)
{
	for (size_t i = 0; i < r->count; i++) {
		for (size_t j = 0; j < r->items[i].count && !r->items[i].placed; j++) {
			if (r->items[i].needs[j] == v)
				return true;
		}
	}
	return false;
}

/* From the back, as pg_dump does: the last by name that nothing unplaced needs. */
static void order_refreshes(struct refresh **out, struct refreshes *r)
{
	for (size_t left = r->count; left > 0; left--) {
		struct refresh *chosen = NULL;

		for (size_t i = r->count; i > 0 && !chosen; i--) {
			if (!r->items[i - 1].placed && !is_needed(r, &r->items[i - 1]))
				chosen = &r->items[i - 1];
		}
		for (size_t i = r->count; i > 0 && !chosen; i--) /* a circle: cannot be */
			chosen = r->items[i - 1].placed ? NULL : &r->items[i - 1];
		chosen->placed = true;
		out[left - 1] = chosen;
	}
}

static void plan_refreshes(struct refreshes *r, const struct cat *c)
{
	const struct pg_matview_list *views = &c->contents.matviews;

	r->count = views->count;
	r->items = arena_alloc(r->arena, (r->count + 1) * sizeof(*r->items));
	for (size_t i = 0; i < r->count; i++) {
		r->items[i].view = &views->items[i];
		r->items[i].populated = views->items[i].populated;
		r->items[i].entry = entry_of(r->toc, &views->items[i]);
	}
	qsort(r->items, r->count, sizeof(*r->items), by_name);
	for (size_t i = 0; i < r->count; i++) {
		r->seen = arena_alloc(r->arena, (r->toc->count + 1) * sizeof(*r->seen));
		if (r->items[i].entry)
			find_needs(r, &r->items[i], r->items[i].entry);
	}
	drop_hopeless(r);
}

bool cat_refreshes(struct cat *c, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct refreshes r = { .toc = c->archive.toc, .entry_in = c->entry_in, .arena = &a };
	struct refresh **order;
	bool ok = true;

	plan_refreshes(&r, c);
	order = arena_alloc(&a, (r.count + 1) * sizeof(*order));
	order_refreshes(order, &r);
	for (size_t i = 0; i < r.count && ok; i++) {
		const struct pg_matview *v = order[i]->view;

		if (!order[i]->populated || !c->matview_in[v - c->contents.matviews.items])
			continue;
		ok = cat_header(c, false, v->name, "MATERIALIZED VIEW DATA", v->schema, owner_of(c, v->oid), e) &&
		     cat_print(c, e, "REFRESH MATERIALIZED VIEW %s;\n\n\n", v->qualified);
	}
	arena_release(&a);
	return ok;
}
