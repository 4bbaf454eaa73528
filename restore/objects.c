#include "restore/objects.h"

#include "restore/acl.h"

#define BATCH 500 /* objects in one statement or transaction: each may take a lock */

/* True: done, or refused by the server, which *why tells then; false: the connection is gone or we were told to stop.
 */
static bool attempt(bool *done, struct pg_session *s, const char *sql, struct err *why)
{
	*done = pg_exec(s, sql, why);
	return *done || (why->kind == ERR_FAILED && *pg_session_sqlstate(s));
}

/* --- sequences --- */

static void setval_statement(struct buf *sql, const struct pg_sequence *items, size_t count, struct arena *a)
{
	buf_clear(sql);
	buf_add(sql, "SELECT pg_catalog.setval(name::pg_catalog.regclass, value, called) FROM (VALUES ");
	for (size_t i = 0; i < count; i++)
		buf_addf(sql, "%s(%s, '%lld'::pg_catalog.int8, %s)", i ? ", " : "",
		        pg_quote_literal(a, items[i].qualified), (long long)items[i].last_value,
		        items[i].is_called ? "true" : "false");
	buf_add(sql, ") v(name, value, called)");
}

/* One by one after a batch failed, to name the one. */
static bool set_one(
        struct pg_session *s, const struct pg_sequence *sequence, struct findings *f, struct arena *a, struct err *e)
{
	struct buf sql = BUF_INIT;
	struct err why = ERR_INIT;
	bool done, ok;

	setval_statement(&sql, sequence, 1, a);
	ok = attempt(&done, s, buf_str(&sql), &why);
	if (ok && !done)
		findings_add(f, arena_printf(a, "SEQUENCE %s", sequence->qualified), why.msg, false);
	if (!ok)
		*e = why;
	buf_release(&sql);
	return ok;
}

bool objects_set_sequences(struct pg_session *s, const struct contents *c, struct findings *f, struct err *e)
{
	struct buf sql = BUF_INIT;
	struct arena a = ARENA_INIT;
	bool ok = true, done;

	for (size_t i = 0; ok && i < c->sequences.count; i += BATCH) {
		size_t n = c->sequences.count - i < BATCH ? c->sequences.count - i : BATCH;
		struct err why = ERR_INIT;

		setval_statement(&sql, c->sequences.items + i, n, &a);
		ok = attempt(&done, s, buf_str(&sql), &why);
		if (!ok)
			*e = why;
		for (size_t k = 0; ok && !done && k < n; k++)
			ok = set_one(s, &c->sequences.items[i + k], f, &a, e);
	}
	buf_release(&sql);
	arena_release(&a);
	return ok || err_wrap(e, "set the sequences");
}

/* --- large objects --- */

bool objects_create_large(struct pg_session *s, const struct contents *c, struct err *e)
{
	struct buf sql = BUF_INIT;
	bool ok = true;

	for (size_t i = 0; ok && i < c->large_objects.count; i += BATCH) {
		buf_clear(&sql);
		buf_add(&sql, "SELECT pg_catalog.lo_create(id) FROM (VALUES ");
		for (size_t k = i; k < c->large_objects.count && k < i + BATCH; k++)
			buf_addf(&sql, "%s(%u::pg_catalog.oid)", k > i ? ", " : "", c->large_objects.items[k].oid);
		buf_add(&sql, ") v(id)");
		ok = pg_exec(s, buf_str(&sql), e);
	}
	buf_release(&sql);
	return ok || err_wrap(e, "create the large objects");
}

static bool describe_large(struct buf *sql, struct pg_session *s, const struct pg_large_object *o, bool no_owner,
        struct arena *a, struct err *e)
{
	char *object = arena_printf(a, "LARGE OBJECT %u", o->oid);

	if (!no_owner && o->owner) {
		buf_addf(sql, "ALTER %s OWNER TO %s;", object, pg_quote_ident(a, o->owner));
		if (!acl_statements(sql, s, object, o->owner, o->acl, e))
			return false;
	}
	if (o->comment)
		buf_addf(sql, "COMMENT ON %s IS %s;", object, pg_quote_literal(a, o->comment));
	if (o->labels)
		buf_addf(sql, "%s;", o->labels);
	return true;
}

static bool finish_batch(struct pg_session *s, const struct pg_large_object *items, size_t count, bool no_owner,
        struct findings *f, struct err *e)
{
	struct buf sql = BUF_INIT;
	struct arena a = ARENA_INIT;
	struct err why = ERR_INIT;
	bool ok = true, done = true;

	for (size_t i = 0; ok && i < count; i++)
		ok = describe_large(&sql, s, &items[i], no_owner, &a, e);
	if (ok && sql.len) {
		ok = attempt(&done, s, buf_str(&sql), &why);
		if (!ok)
			*e = why;
		else if (!done && count == 1)
			findings_add(f, arena_printf(&a, "LARGE OBJECT %u", items[0].oid), why.msg, false);
	}
	for (size_t i = 0; ok && !done && count > 1 && i < count; i++)
		ok = finish_batch(s, items + i, 1, no_owner, f, e);
	buf_release(&sql);
	arena_release(&a);
	return ok;
}

bool objects_finish_large(
        struct pg_session *s, const struct contents *c, bool no_owner, struct findings *f, struct err *e)
{
	bool ok = true;

	for (size_t i = 0; ok && i < c->large_objects.count; i += BATCH) {
		size_t left = c->large_objects.count - i;

		ok = finish_batch(s, c->large_objects.items + i, left < BATCH ? left : BATCH, no_owner, f, e);
	}
	return ok || err_wrap(e, "finish the large objects");
}

/* --- materialized views --- */

/* Rows on which the definition itself fails now (a division by zero, a duplicate): it would at the source too. */
static bool is_data_error(const char *sqlstate)
{
	return strncmp(sqlstate, "22", 2) == 0 || strncmp(sqlstate, "23", 2) == 0;
}

static bool refresh_one(bool *done, struct pg_session *s, const struct pg_matview *v, struct err *why)
{
	struct buf sql = BUF_INIT;
	bool ok;

	buf_addf(&sql, "REFRESH MATERIALIZED VIEW %s", v->qualified);
	ok = attempt(done, s, buf_str(&sql), why);
	if (*done) {
		struct err ignored = ERR_INIT;

		buf_clear(&sql);
		buf_addf(&sql, "ANALYZE %s", v->qualified);
		pg_exec(s, buf_str(&sql), &ignored);
	}
	buf_release(&sql);
	return ok;
}

bool objects_refresh_views(struct pg_session *s, const struct contents *c, struct findings *f, struct err *e)
{
	const struct pg_matview_list *views = &c->matviews;
	bool *fresh = xcalloc(views->count + 1, sizeof(*fresh)), again = true, ok = true;

	while (ok && again) {
		again = false;
		for (size_t i = 0; ok && i < views->count; i++) {
			struct err why = ERR_INIT;

			if (fresh[i] || !views->items[i].populated)
				continue;
			ok = refresh_one(&fresh[i], s, &views->items[i], &why);
			again |= fresh[i];
			if (!ok)
				*e = why;
		}
	}
	for (size_t i = 0; ok && i < views->count; i++) {
		struct err why = ERR_INIT;
		struct arena a = ARENA_INIT;

		if (views->items[i].populated && !fresh[i] &&
		        (ok = refresh_one(&fresh[i], s, &views->items[i], &why)) && !fresh[i])
			findings_add(f, arena_printf(&a, "MATERIALIZED VIEW DATA %s", views->items[i].qualified),
			        findings_explain(&a, pg_session_sqlstate(s), why.msg),
			        is_data_error(pg_session_sqlstate(s)));
		arena_release(&a);
		if (!ok)
			*e = why;
	}
	free(fresh);
	return ok || err_wrap(e, "refresh the materialized views");
}
