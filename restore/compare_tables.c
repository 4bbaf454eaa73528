/* restore/compare_tables.c - the rows that came back, table by table; see compare.h */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "restore/compare.h"

#define PROGRESS_BYTES ((uint64_t)1 << 20)
#define PART_PAGES     ((uint64_t)8192) /* 64 MiB: below that a second session costs more than it brings */
#define LABEL_SIZE     320              /* two names of 63 bytes, each byte doubled in its quotes */

/* What has one fingerprint: a table, or all leaves that are loaded through one partition root. */
struct unit {
	const struct content_table *first;
	struct fingerprint expected;
	struct fingerprint got; /* guarded by work.lock, as are the next two */
	size_t left;            /* parts not read yet; 0 from the start: nothing of that name came back */
	bool reported;
};

/* What is read at once: a table on the restored side, or some of its pages. */
struct part {
	size_t unit;
	const struct pg_table *table;
	uint64_t first_page, end_page, size;
};

struct work {
	const struct compare *c;
	struct compare_report *out;
	struct unit *units;
	size_t unit_count, unit_cap;
	struct part *parts; /* largest first */
	size_t count, part_cap;
	unsigned jobs;
	atomic_size_t next;
	struct cancel stop;
	struct arena arena; /* of the thread that plans */
	pthread_mutex_t lock;
	struct err first; /* guarded by lock */
};

struct worker {
	struct work *w;
	struct pg_session *session;
	struct arena arena;
	pthread_t thread;
	bool started;
};

static const char *label(char out[LABEL_SIZE], const struct content_table *t)
{
	if (t->table.kind == PG_TABLE_LARGE_OBJECTS)
		snprintf(out, LABEL_SIZE, "LARGE OBJECTS");
	else
		snprintf(out, LABEL_SIZE, "TABLE %s", t->table.load_root ? t->table.load_root : t->table.qualified);
	return out;
}

/* --- the plan --- */

static int compare_names(const struct pg_table *a, const struct pg_table *b)
{
	int order = strcmp(a->schema, b->schema);

	return order ? order : strcmp(a->name, b->name);
}

static int by_name(const void *a, const void *b)
{
	return compare_names(*(const struct pg_table *const *)a, *(const struct pg_table *const *)b);
}

static int by_size(const void *a, const void *b)
{
	uint64_t left = ((const struct part *)a)->size, right = ((const struct part *)b)->size;

	return left < right ? 1 : left > right ? -1 : 0;
}

static void add_part(struct work *w, const struct pg_table *t, uint64_t first_page, uint64_t end_page, uint64_t size)
{
	w->parts = arena_grow(&w->arena, w->parts, w->count, &w->part_cap, sizeof(*w->parts));
	w->parts[w->count++] = (struct part){ w->unit_count - 1, t, first_page, end_page, size };
	w->units[w->unit_count - 1].left++;
}

/*
 * as is how the table is read, now what it is on the restored side: a large heap is read in ranges of pages, a few for
 * each session.
 */
static void read_also(struct work *w, const struct pg_table *as, const struct pg_table *now)
{
	uint64_t step = now->main_pages / (2 * (uint64_t)w->jobs) + 1;
	size_t ranges = 1;

	if (now->heap && now->kind == PG_TABLE_PLAIN && !now->filter && w->jobs > 1 && *as->columns) {
		step = step < PART_PAGES ? PART_PAGES : step;
		ranges = now->main_pages / step + 1;
	}
	for (size_t i = 0; i < ranges; i++)
		add_part(w, as, i * step * (ranges > 1), i + 1 < ranges ? (i + 1) * step : UINT64_MAX,
		        now->size / ranges);
}

static void add_unit(struct work *w, const struct content_table *t)
{
	w->units = arena_grow(&w->arena, w->units, w->unit_count, &w->unit_cap, sizeof(*w->units));
	w->units[w->unit_count++] = (struct unit){ .first = t, .expected = t->fingerprint };
}

static struct unit *unit_of_root(struct work *w, const char *root)
{
	for (size_t i = 0; i < w->unit_count; i++) {
		if (w->units[i].first->table.load_root && strcmp(w->units[i].first->table.load_root, root) == 0)
			return &w->units[i];
	}
	return NULL;
}

/* Rows loaded through a root may lie in other leaves than before: all leaves together are one unit. */
static void plan_leaf(struct work *w, const struct content_table *t, const struct pg_table_list *now)
{
	struct unit *u = unit_of_root(w, t->table.load_root);

	if (u) {
		fingerprint_add(&u->expected, &t->fingerprint);
		return;
	}
	add_unit(w, t);
	for (size_t i = 0; i < now->count; i++) {
		if (now->items[i].load_root && strcmp(now->items[i].load_root, t->table.load_root) == 0)
			read_also(w, &now->items[i], &now->items[i]);
	}
}

static void plan_table(struct work *w, const struct content_table *t, const struct pg_table *now)
{
	bool config = t->table.kind == PG_TABLE_CONFIG && now && now->kind == PG_TABLE_CONFIG;

	add_unit(w, t);
	/* Which rows are the extension's own its version here says; else as recorded: the columns in the snapshot's
	 * order. */
	if (now)
		read_also(w, config ? now : &t->table, now);
}

/* Units of which nothing came back. */
static void report_missing(struct work *w)
{
	char object[LABEL_SIZE];

	for (size_t i = 0; i < w->unit_count; i++) {
		if (w->units[i].left == 0)
			compare_report_add(w->out, false, label(object, w->units[i].first), "did not come back");
	}
}

static void plan(struct work *w, const struct pg_table_list *now)
{
	const struct contents *was = w->c->contents;
	const struct pg_table **names = xcalloc(now->count + 1, sizeof(*names));
	bool *known = xcalloc(now->count + 1, sizeof(*known));
	char object[LABEL_SIZE];

	for (size_t i = 0; i < now->count; i++)
		names[i] = &now->items[i];
	qsort(names, now->count, sizeof(*names), by_name);
	for (size_t i = 0; i < was->table_count; i++) {
		const struct content_table *t = &was->tables[i];
		const struct pg_table *key = &t->table;
		const struct pg_table **found = bsearch(&key, names, now->count, sizeof(*names), by_name);

		if (found)
			known[found - names] = true;
		if (w->c->config_only && t->table.kind != PG_TABLE_CONFIG)
			continue;
		if (t->table.load_root && t->data == CONTENT_DATA)
			plan_leaf(w, t, now);
		else
			plan_table(w, t, found ? *found : NULL);
	}
	for (size_t i = 0; i < now->count; i++) {
		if (known[i] || w->c->config_only)
			continue;
		snprintf(object, sizeof(object), "TABLE %s", names[i]->qualified);
		compare_report_add(w->out, false, object, "is not in the snapshot");
	}
	report_missing(w);
	if (w->count > 0)
		qsort(w->parts, w->count, sizeof(*w->parts), by_size);
	free(known);
	free(names);
}

/* --- reading --- */

static bool read_rows(struct fingerprint *sum, struct worker *k, const char *sql, struct err *e)
{
	struct compare_report *out = k->w->out;
	uint64_t bytes = 0, seen = 0, rows = sum->rows;
	size_t len;
	char *row;
	int got;

	if (!pg_copy_out_start(k->session, sql, e))
		return false;
	while ((got = pg_copy_out_next(k->session, &row, &len, e)) > 0) {
		fingerprint_add_hash(sum, hash_row((struct view){ (const uint8_t *)row, len }));
		PQfreemem(row);
		bytes += len;
		seen += len;
		if (seen >= PROGRESS_BYTES) {
			observer_bytes(k->w->c->obs, seen);
			seen = 0;
		}
	}
	pthread_mutex_lock(&out->lock);
	out->rows += sum->rows - rows;
	out->plain_bytes += bytes;
	pthread_mutex_unlock(&out->lock);
	observer_bytes(k->w->c->obs, seen);
	return got == 0;
}

static void report(struct compare_report *out, const struct unit *u)
{
	const struct content_table *t = u->first;
	const struct fingerprint *got = &u->got;
	char object[LABEL_SIZE];

	label(object, t);
	if (t->data != CONTENT_DATA && t->table.kind == PG_TABLE_CONFIG)
		return; /* an extension may fill its own tables */
	if (t->data != CONTENT_DATA && got->rows > 0)
		compare_report_add(
		        out, false, object, "the snapshot holds no rows of it, and %" PRIu64 " came back", got->rows);
	else if (got->rows > u->expected.rows && t->table.kind == PG_TABLE_CONFIG)
		compare_report_add(out, false, object,
		        "%" PRIu64 " rows, and %" PRIu64
		        " came back: its extension, made here, filled it with rows that it does not call its own",
		        u->expected.rows, got->rows);
	else if (got->rows != u->expected.rows)
		compare_report_add(
		        out, false, object, "%" PRIu64 " rows, and %" PRIu64 " came back", u->expected.rows, got->rows);
	else if (!fingerprint_equal(got, &u->expected))
		compare_report_add(
		        out, false, object, "all %" PRIu64 " rows came back, some with other values", got->rows);
}

/* trouble is NULL, or why the part could not be read as the snapshot has it. */
static void finish_part(struct work *w, struct unit *u, const struct fingerprint *got, const char *trouble)
{
	char object[LABEL_SIZE];
	bool last;

	pthread_mutex_lock(&w->lock);
	fingerprint_add(&u->got, got);
	last = --u->left == 0;
	if (trouble && !u->reported)
		compare_report_add(w->out, false, label(object, u->first), "cannot be read as it was: %s", trouble);
	u->reported = u->reported || trouble;
	last = last && !u->reported;
	pthread_mutex_unlock(&w->lock);
	if (last)
		report(w->out, u);
}

static bool compare_part(struct worker *k, const struct part *p, struct err *e)
{
	struct unit *u = &k->w->units[p->unit];
	struct pg_table t = *p->table;
	struct fingerprint got = { 0 };
	struct err why = ERR_INIT;
	char object[LABEL_SIZE];
	const char *sql;

	t.columns = u->first->table.columns;
	sql = pg_copy_out_sql(&k->arena, &t, p->first_page, p->end_page, pg_session_encoding(k->session));
	if (read_rows(&got, k, sql, &why)) {
		finish_part(k->w, u, &got, NULL);
		return true;
	}
	/* Class 42: the table has not the columns it had. Everything else is trouble of the reading itself. */
	if (strncmp(pg_session_sqlstate(k->session), "42", 2) == 0) {
		finish_part(k->w, u, &got, why.msg);
		return true;
	}
	*e = why;
	return err_wrap(e, "read back %s", label(object, u->first));
}

static void fail(struct work *w, const struct err *e)
{
	pthread_mutex_lock(&w->lock);
	if (w->first.kind == ERR_NONE)
		w->first = *e;
	pthread_mutex_unlock(&w->lock);
	cancel_trip(&w->stop, -1);
}

static void *run(void *argument)
{
	struct worker *k = argument;
	struct work *w = k->w;
	struct err e = ERR_INIT;
	bool ok = pg_session_open(&k->session, w->c->target, PG_SESSION_DUMP, "compare", &w->stop, &e);
	size_t i;

	while (ok && (i = atomic_fetch_add(&w->next, 1)) < w->count) {
		ok = cancel_check(&w->stop, &e) && compare_part(k, &w->parts[i], &e);
		observer_item(w->c->obs);
	}
	if (!ok)
		fail(w, &e);
	pg_session_close(k->session);
	arena_release(&k->arena);
	return NULL;
}

static unsigned choose_jobs(const struct compare *c)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return c->jobs ? c->jobs : processors > 0 ? (unsigned)processors : 1;
}

static bool run_workers(struct work *w, struct err *e)
{
	unsigned n = w->count < w->jobs ? (unsigned)w->count : w->jobs;
	struct worker *workers = xcalloc(n + 1, sizeof(*workers));

	for (unsigned i = 0; i < n; i++) {
		int errnum;

		workers[i].w = w;
		errnum = pthread_create(&workers[i].thread, NULL, run, &workers[i]);
		workers[i].started = errnum == 0;
		if (errnum != 0 && i == 0)
			err_sys(&w->first, errnum, "start a thread");
		if (errnum != 0)
			break;
	}
	for (unsigned i = 0; i < n && workers[i].started; i++)
		pthread_join(workers[i].thread, NULL);
	free(workers);
	if (w->first.kind != ERR_NONE)
		*e = w->first;
	return w->first.kind == ERR_NONE;
}

static bool list_tables(struct pg_table_list *out, struct work *w, struct err *e)
{
	struct pg_session *s = NULL;
	bool ok = pg_session_open(&s, w->c->target, PG_SESSION_DUMP, "compare", w->c->cancel, e) &&
	          pg_catalog_tables(out, s, &w->arena, e);

	pg_session_close(s);
	return ok;
}

bool compare_tables(struct compare_report *out, const struct compare *c, struct err *e)
{
	struct work w = { .c = c, .out = out, .jobs = choose_jobs(c), .stop = CANCEL_INIT((struct cancel *)c->cancel) };
	struct pg_table_list now;
	bool ok;

	pthread_mutex_init(&w.lock, NULL);
	ok = list_tables(&now, &w, e);
	if (ok) {
		plan(&w, &now);
		ok = run_workers(&w, e);
		for (size_t i = 0; i < c->contents->table_count; i++)
			out->tables += c->contents->tables[i].table.kind != PG_TABLE_LARGE_OBJECTS;
	}
	pthread_mutex_destroy(&w.lock);
	arena_release(&w.arena);
	return ok;
}
