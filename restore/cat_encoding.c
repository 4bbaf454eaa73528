/* restore/cat_encoding.c - names of the contents in the encoding of the script; see cat_internal.h */
#include <stdlib.h>
#include <string.h>

#include "restore/cat_internal.h"
#include "restore/recode.h"

static bool recode_table(struct pg_table *t, struct recode *r, struct arena *a, struct err *e)
{
	return recode_text(&t->schema, r, a, e) && recode_text(&t->name, r, a, e) &&
	       recode_text(&t->qualified, r, a, e) && recode_text(&t->columns, r, a, e) &&
	       recode_text(&t->load_root, r, a, e);
}

static bool recode_large_object(struct pg_large_object *l, struct recode *r, struct arena *a, struct err *e)
{
	return recode_text(&l->owner, r, a, e) && recode_text(&l->acl, r, a, e) && recode_text(&l->comment, r, a, e) &&
	       recode_text(&l->labels, r, a, e);
}

static int by_table(const void *x, const void *y)
{
	const struct pg_table *a = &((const struct content_table *)x)->table,
	                      *b = &((const struct content_table *)y)->table;
	int order = (a->kind == PG_TABLE_LARGE_OBJECTS) - (b->kind == PG_TABLE_LARGE_OBJECTS);

	if (order == 0)
		order = strcmp(a->schema, b->schema);
	return order ? order : strcmp(a->name, b->name);
}

static int by_sequence(const void *x, const void *y)
{
	const struct pg_sequence *a = x, *b = y;
	int order = strcmp(a->schema, b->schema);

	return order ? order : strcmp(a->name, b->name);
}

static bool recode_all(struct contents *c, struct recode *r, struct arena *a, struct err *e)
{
	bool ok = true;

	for (size_t i = 0; i < c->table_count && ok; i++)
		ok = recode_table(&c->tables[i].table, r, a, e);
	for (size_t i = 0; i < c->sequences.count && ok; i++) {
		struct pg_sequence *s = &c->sequences.items[i];

		ok = recode_text(&s->schema, r, a, e) && recode_text(&s->name, r, a, e) &&
		     recode_text(&s->qualified, r, a, e);
	}
	for (size_t i = 0; i < c->matviews.count && ok; i++) {
		struct pg_matview *v = &c->matviews.items[i];

		ok = recode_text(&v->schema, r, a, e) && recode_text(&v->name, r, a, e) &&
		     recode_text(&v->qualified, r, a, e);
	}
	for (size_t i = 0; i < c->large_objects.count && ok; i++)
		ok = recode_large_object(&c->large_objects.items[i], r, a, e);
	return ok;
}

bool cat_recode(struct cat *c, struct err *e)
{
	struct contents *contents = &c->contents;
	struct recode *r;
	bool ok;

	if (!recode_open(&r, c->m->server_encoding, false, e))
		return false;
	ok = recode_all(contents, r, &c->arena, e);
	/* pg_dump sorts what it reads in this encoding. */
	if (ok && r && contents->table_count > 0)
		qsort(contents->tables, contents->table_count, sizeof(*contents->tables), by_table);
	if (ok && r && contents->sequences.count > 0)
		qsort(contents->sequences.items, contents->sequences.count, sizeof(*contents->sequences.items),
		        by_sequence);
	recode_close(r);
	return ok;
}
