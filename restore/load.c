#include "restore/load_internal.h"

#define FREEZE_MIN ((uint64_t)256 << 10) /* below it the new files TRUNCATE makes cost more than frozen rows save */

void load_init(
        struct load *l, const struct contents *c, struct chunk_store *chunks, struct observer *obs, struct findings *f)
{
	memset(l, 0, sizeof(*l));
	l->contents = c;
	l->chunks = chunks;
	l->obs = obs;
	l->findings = f;
	l->tables = xcalloc(c->table_count + 1, sizeof(*l->tables));
	pthread_mutex_init(&l->mutex, NULL);
}

void load_release(struct load *l)
{
	pthread_mutex_destroy(&l->mutex);
	free(l->tables);
}

/* --- one transaction --- */

const struct content_table *load_run_table(const struct load_run *r, size_t slot)
{
	return &r->loader->load->contents->tables[r->tables[slot]];
}

static bool may_freeze(const struct load_run *r, const struct content_table *t)
{
	return r->whole && t->table.kind == PG_TABLE_PLAIN && !t->table.load_root && t->pieces.bytes >= FREEZE_MIN;
}

bool load_run_feed(struct load_run *r, struct err *e)
{
	size_t count = 0, total = 0;

	for (size_t i = 0; i < r->table_count; i++)
		total += load_run_table(r, i)->pieces.count;
	r->items = xcalloc(total + 1, sizeof(*r->items));
	for (size_t i = 0; i < r->table_count; i++) {
		const struct piece_list *p = &load_run_table(r, i)->pieces;
		size_t first = r->whole ? 0 : r->first_piece, end = r->whole ? p->count : first + r->piece_count;

		for (size_t k = first; k < end; k++)
			r->items[count++] = (struct feed_item){ .piece = &p->items[k], .slot = i };
	}
	return feed_start(r->loader->feed, r->items, count, e);
}

/* COPY FREEZE wants the TRUNCATE in its own transaction. */
bool load_run_begin(const struct load_run *r, struct err *e)
{
	struct buf sql = BUF_INIT;
	const char *before = "; TRUNCATE ONLY ";
	bool ok;

	buf_add(&sql, "BEGIN");
	for (size_t i = 0; i < r->table_count; i++) {
		if (!may_freeze(r, load_run_table(r, i)))
			continue;
		buf_addf(&sql, "%s%s", before, load_run_table(r, i)->table.qualified);
		before = ", ONLY ";
	}
	ok = pg_exec(r->loader->session, buf_str(&sql), e);
	buf_release(&sql);
	return ok;
}

static bool copy_start(const struct load_run *r, const struct content_table *t, struct err *e)
{
	struct buf sql = BUF_INIT;
	struct arena a = ARENA_INIT;
	bool ok;

	buf_addf(&sql, "COPY %s %s FROM STDIN (%sENCODING %s)",
	        t->table.load_root ? t->table.load_root : t->table.qualified, t->table.columns,
	        may_freeze(r, t) ? "FREEZE, " : "", pg_quote_literal(&a, r->loader->load->contents->database.encoding));
	ok = pg_copy_in_start(r->loader->session, buf_str(&sql), e);
	arena_release(&a);
	buf_release(&sql);
	return ok;
}

static bool check_rows(const struct load_run *r, const struct content_table *t, const struct fingerprint *seen,
        uint64_t taken, struct err *e)
{
	if (r->whole && !fingerprint_equal(seen, &t->fingerprint))
		return err_set(e, ERR_DAMAGED, "the rows stored for table %s are not those the snapshot recorded",
		        t->table.qualified);
	if (taken != seen->rows)
		return err_set(e, ERR_FAILED, "the server took %llu of %llu rows of table %s",
		        (unsigned long long)taken, (unsigned long long)seen->rows, t->table.qualified);
	return true;
}

struct reading { /* the part that was read ahead of its table's turn */
	struct feed_part part;
	int state; /* of feed_next(): 1 part is there, 0 end */
};

static bool copy_table(struct load_run *r, size_t slot, struct reading *in, struct err *e)
{
	const struct content_table *t = load_run_table(r, slot);
	struct loader *l = r->loader;
	struct fingerprint seen = { 0 };
	uint64_t taken = 0;

	if (!copy_start(r, t, e))
		return false;
	while (in->state == 1 && in->part.slot == slot) {
		fingerprint_add(&seen, &in->part.fingerprint);
		if (!pg_copy_in_put(l->session, in->part.data, e))
			return false;
		r->bytes += in->part.data.len;
		observer_bytes(l->load->obs, in->part.data.len);
		in->state = feed_next(&in->part, l->feed, e);
		if (in->state < 0)
			return false;
	}
	fingerprint_add(&r->seen, &seen);
	return pg_copy_in_end(l->session, &taken, e) && check_rows(r, t, &seen, taken, e);
}

bool load_run_copy(struct load_run *r, struct err *e)
{
	struct reading in = { 0 };

	in.state = feed_next(&in.part, r->loader->feed, e);
	if (in.state < 0)
		return err_wrap(e, "load table %s", load_run_table(r, 0)->table.qualified);
	for (size_t i = 0; i < r->table_count; i++)
		if (!copy_table(r, i, &in, e))
			return err_wrap(e, "load table %s", load_run_table(r, i)->table.qualified);
	return true;
}

bool load_run_end(struct load_run *r, bool ok, struct err *e)
{
	struct loader *l = r->loader;
	struct err ignored = ERR_INIT;

	feed_stop(l->feed);
	free(r->items);
	r->items = NULL;
	ok = ok && pg_exec(l->session, "COMMIT", e);
	snprintf(l->sqlstate, sizeof(l->sqlstate), "%s", ok ? "" : pg_session_sqlstate(l->session));
	if (!ok) {
		pg_copy_in_abort(l->session);
		pg_exec(l->session, "ROLLBACK", &ignored);
		return false;
	}
	pthread_mutex_lock(&l->load->mutex);
	if (load_run_table(r, 0)->table.kind != PG_TABLE_LARGE_OBJECTS)
		l->load->rows += r->seen.rows;
	l->load->bytes += r->bytes;
	pthread_mutex_unlock(&l->load->mutex);
	return true;
}

/* The last share of a table to arrive answers for the whole table. */
bool load_run_count(const struct load_run *r, struct err *e)
{
	const struct content_table *t = load_run_table(r, 0);
	struct load *l = r->loader->load;
	struct load_table *table = &l->tables[r->tables[0]];
	bool ok = true;

	if (r->whole)
		return true;
	pthread_mutex_lock(&l->mutex);
	fingerprint_add(&table->seen, &r->seen);
	table->pieces += r->piece_count;
	if (table->pieces == t->pieces.count)
		ok = fingerprint_equal(&table->seen, &t->fingerprint);
	pthread_mutex_unlock(&l->mutex);
	if (!ok)
		err_set(e, ERR_DAMAGED, "the rows stored for table %s are not those the snapshot recorded",
		        t->table.qualified);
	return ok;
}

static bool run(struct load_run *r, struct err *e)
{
	bool ok = load_run_feed(r, e) && load_run_begin(r, e) && load_run_copy(r, e) && load_run_count(r, e);

	return load_run_end(r, ok, e);
}

/* --- tasks --- */

static bool refused_by_server(const struct loader *l, const struct err *e)
{
	return (e->kind == ERR_FAILED || e->kind == ERR_CONFLICT) && *l->sqlstate;
}

static bool breaks_rules(const struct loader *l)
{
	return strncmp(l->sqlstate, "23", 2) == 0;
}

/* Rows that the server does not take are lost, and that must be said. */
static void report_refused(const struct loader *l, size_t table, const struct err *why)
{
	const struct content_table *t = &l->load->contents->tables[table];
	struct arena a = ARENA_INIT;

	if (refused_by_server(l, why))
		findings_add(l->load->findings,
		        t->table.kind == PG_TABLE_LARGE_OBJECTS ? "LARGE OBJECTS"
		                                                : arena_printf(&a, "TABLE %s", t->table.qualified),
		        why->msg, false);
	arena_release(&a);
}

/* One table, or a share of one. */
static bool load_one(const struct load_run *what, bool last_try, struct err *e)
{
	struct loader *l = what->loader;
	struct load_run r = *what;
	bool ok = run(&r, e);

	for (int family = 0; !ok && last_try && family < 2 && breaks_rules(l); family++) {
		r = *what;
		*e = (struct err)ERR_INIT;
		ok = load_without_rules(&r, family, e);
	}
	if (!ok && last_try)
		report_refused(l, what->tables[0], e);
	return ok;
}

/* All that can be loaded; the last error of those that cannot, with its SQLSTATE. */
static bool load_each(struct loader *l, const struct graph_task *t, bool last_try, struct err *e)
{
	char sqlstate[sizeof(l->sqlstate)] = "";

	for (size_t i = 0; i < t->table_count; i++) {
		struct load_table *table = &l->load->tables[t->tables[i]];
		struct load_run one = { .loader = l, .tables = &t->tables[i], .table_count = 1, .whole = true };
		struct err why = ERR_INIT;

		if (table->done)
			continue;
		table->done = load_one(&one, last_try, &why);
		if (table->done)
			continue;
		*e = why;
		if (!refused_by_server(l, e))
			return false;
		memcpy(sqlstate, l->sqlstate, sizeof(sqlstate));
	}
	memcpy(l->sqlstate, sqlstate, sizeof(sqlstate));
	return !*sqlstate;
}

static bool load_large(struct loader *l, size_t table, bool last_try, struct err *e)
{
	bool ok = load_large_objects(l, table, e);

	if (!ok && last_try)
		report_refused(l, table, e);
	return ok;
}

bool load_task(struct loader *l, const struct graph_task *t, bool last_try, struct err *e)
{
	struct load_table *first = &l->load->tables[t->tables[0]];
	struct load_run all = { .loader = l,
		.tables = t->tables,
		.table_count = t->table_count,
		.first_piece = t->first_piece,
		.piece_count = t->piece_count,
		.whole = t->whole };
	struct err why = ERR_INIT;

	if (l->load->contents->tables[t->tables[0]].table.kind == PG_TABLE_LARGE_OBJECTS)
		return load_large(l, t->tables[0], last_try, e);
	if (t->table_count == 1)
		return load_one(&all, last_try, e);
	if (!first->alone && run(&all, &why))
		return true;
	if (!first->alone && !refused_by_server(l, &why)) {
		*e = why;
		return false;
	}
	first->alone = true;
	return load_each(l, t, last_try, e);
}

bool load_all_there(const struct load *l, struct err *e)
{
	uint64_t rows = 0;

	for (size_t i = 0; i < l->contents->table_count; i++) {
		const struct content_table *t = &l->contents->tables[i];

		if (t->data == CONTENT_DATA && t->table.kind != PG_TABLE_LARGE_OBJECTS)
			rows += t->fingerprint.rows;
	}
	if (l->rows == rows)
		return true;
	err_set(e, ERR_FAILED, "%llu of %llu rows came in, and nothing says why", (unsigned long long)l->rows,
	        (unsigned long long)rows);
	return err_hint(e, "this is a bug in drtool: please report it, with what drtool show says of the snapshot");
}
