/* restore/compare_tables.c - the rows that came back, table by table; see compare.h */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "restore/compare.h"

#define PROGRESS_BYTES ((uint64_t)1 << 20)
#define LABEL_SIZE     320 /* two names of 63 bytes, each byte doubled in its quotes */

/* What has one fingerprint: a table, or all leaves that are loaded through one partition root. */
struct unit {
	const struct content_table *first;
	struct fingerprint expected;
	bool missing;                 /* nothing of that name came back */
	const struct pg_table **read; /* on the restored side */
	size_t reads, cap;
};

struct work {
	const struct compare *c;
	struct compare_report *out;
	struct unit *units; /* largest first */
	size_t count, unit_cap;
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
	uint64_t left = ((const struct unit *)a)->first->table.size, right = ((const struct unit *)b)->first->table.size;

	return left < right ? 1 : left > right ? -1 : 0;
}

static void read_also(struct work *w, struct unit *u, const struct pg_table *t)
{
	u->read = arena_grow(&w->arena, u->read, u->reads, &u->cap, sizeof(*u->read));
	u->read[u->reads++] = t;
}

static struct unit *add_unit(struct work *w, const struct content_table *t)
{
	w->units = arena_grow(&w->arena, w->units, w->count, &w->unit_cap, sizeof(*w->units));
	w->units[w->count] = (struct unit){ .first = t, .expected = t->fingerprint };
	return &w->units[w->count++];
}

static struct unit *unit_of_root(struct work *w, const char *root)
{
	for (size_t i = 0; i < w->count; i++) {
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
	u = add_unit(w, t);
	for (size_t i = 0; i < now->count; i++) {
		if (now->items[i].load_root && strcmp(now->items[i].load_root, t->table.load_root) == 0)
			read_also(w, u, &now->items[i]);
	}
	u->missing = u->reads == 0;
}

static void plan_table(struct work *w, const struct content_table *t, const struct pg_table *now)
{
	struct unit *u = add_unit(w, t);

	if (now)
		read_also(w, u, &t->table); /* as recorded: the columns in the snapshot's order */
	u->missing = !now;
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
		if (t->table.load_root && t->data == CONTENT_DATA)
			plan_leaf(w, t, now);
		else
			plan_table(w, t, found ? *found : NULL);
	}
	for (size_t i = 0; i < now->count; i++) {
		if (known[i])
			continue;
		snprintf(object, sizeof(object), "TABLE %s", names[i]->qualified);
		compare_report_add(w->out, false, object, "is not in the snapshot");
	}
	qsort(w->units, w->count, sizeof(*w->units), by_size);
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

static void report(struct compare_report *out, const struct unit *u, const struct fingerprint *got)
{
	const struct content_table *t = u->first;
	char object[LABEL_SIZE];

	label(object, t);
	if (t->data != CONTENT_DATA && t->table.kind == PG_TABLE_CONFIG)
		return; /* an extension may fill its own tables */
	if (t->data != CONTENT_DATA && got->rows > 0)
		compare_report_add(out, false, object, "the snapshot holds no rows of it, and %" PRIu64 " came back", got->rows);
	else if (got->rows != u->expected.rows)
		compare_report_add(out, false, object, "%" PRIu64 " rows, and %" PRIu64 " came back", u->expected.rows, got->rows);
	else if (!fingerprint_equal(got, &u->expected))
		compare_report_add(out, false, object, "all %" PRIu64 " rows came back, some with other values", got->rows);
}

static bool compare_unit(struct worker *k, struct unit *u, struct err *e)
{
	struct fingerprint got = { 0 };
	char object[LABEL_SIZE];

	if (u->missing) {
		compare_report_add(k->w->out, false, label(object, u->first), "did not come back");
		return true;
	}
	for (size_t i = 0; i < u->reads; i++) {
		struct pg_table t = *u->read[i];
		const char *sql;

		t.columns = u->first->table.columns;
		sql = pg_copy_out_sql(&k->arena, &t, 0, UINT64_MAX, pg_session_encoding(k->session));
		if (read_rows(&got, k, sql, e))
			continue;
		/* Class 42: the table has not the columns it had. Everything else is trouble of the reading itself. */
		if (strncmp(pg_session_sqlstate(k->session), "42", 2) != 0)
			return err_wrap(e, "read back %s", label(object, u->first));
		compare_report_add(k->w->out, false, label(object, u->first), "cannot be read as it was: %s", e->msg);
		*e = (struct err)ERR_INIT;
		return true;
	}
	report(k->w->out, u, &got);
	return true;
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
		ok = cancel_check(&w->stop, &e) && compare_unit(k, &w->units[i], &e);
		observer_item(w->c->obs);
	}
	if (!ok)
		fail(w, &e);
	pg_session_close(k->session);
	arena_release(&k->arena);
	return NULL;
}

static unsigned worker_count(const struct work *w)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = w->c->jobs ? w->c->jobs : processors > 0 ? (unsigned)processors : 1;

	return n < w->count ? n : w->count ? (unsigned)w->count : 1;
}

static bool run_workers(struct work *w, struct err *e)
{
	unsigned n = worker_count(w);
	struct worker *workers = xcalloc(n, sizeof(*workers));

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
		pg_catalog_tables(out, s, false, &w->arena, e);

	pg_session_close(s);
	return ok;
}

bool compare_tables(struct compare_report *out, const struct compare *c, struct err *e)
{
	struct work w = { .c = c, .out = out, .stop = CANCEL_INIT((struct cancel *)c->cancel) };
	struct pg_table_list now;
	bool ok;

	pthread_mutex_init(&w.lock, NULL);
	ok = list_tables(&now, &w, e);
	if (ok) {
		plan(&w, &now);
		ok = run_workers(&w, e);
		out->tables += c->contents->table_count;
	}
	pthread_mutex_destroy(&w.lock);
	arena_release(&w.arena);
	return ok;
}
