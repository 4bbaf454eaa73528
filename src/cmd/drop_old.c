/* src/cmd/drop_old.c - drtool drop-old: the databases that swaps have put aside, the standby copy, and what restores
 * that came to nothing have left */
#include "restore/standby.h"
#include "src/base/clock.h"
#include "src/cmd/answer.h"
#include "src/cmd/place.h"
#include "src/cmd/record.h"
#include "src/cmd/say.h"
#include "src/cmd/store.h"
#include "src/cmd/table.h"
#include "src/cmd/text.h"

struct drop_old {
	struct cmd *c;
	struct place place;
	struct repository *repository; /* for the journal; NULL when there is none */
	struct kept_list kept;
	struct standby standby; /* its name is NULL when there is none */
	struct leftovers {
		struct restore_leftover *items;
		size_t count;
	} restored, copied; /* beside the live database, and where a standby copy was made */
	struct arena arena;
};

/* --- listing --- */

static void add_leftovers(json_t *list, const struct leftovers *l)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct restore_leftover *x = &l->items[i];
		json_t *o = json_object();

		json_object_set_new(o, "kind", json_string("leftover"));
		json_object_set_new(o, "name", answer_text(x->name));
		json_object_set_new(o, "snapshot", *x->snapshot_id ? answer_text(x->snapshot_id) : json_null());
		json_object_set_new(o, "complete", json_boolean(x->complete));
		json_object_set_new(o, "size", x->size < 0 ? json_null() : json_integer(x->size));
		json_object_set_new(o, "sessions", json_integer(x->sessions));
		json_array_append_new(list, o);
	}
}

static json_t *document(const struct drop_old *d)
{
	json_t *list = answer_kept(&d->kept);

	if (d->standby.name)
		json_array_append_new(list, answer_standby(&d->standby));
	add_leftovers(list, &d->restored);
	add_leftovers(list, &d->copied);
	return list;
}

/* since_us 0: not known. */
static void row(struct table *t, const char *name, int64_t since_us, int64_t size, unsigned sessions)
{
	char text[TEXT_SIZE];

	table_cell(t, name);
	table_cell(t, since_us ? text_age(text, clock_utc_us() - since_us) : "?");
	table_cell(t, size < 0 ? "?" : text_bytes(text, (uint64_t)size));
	table_cell(t, text_count(text, sessions));
}

static void leftover_rows(struct table *t, const struct leftovers *l)
{
	char what[64];

	for (size_t i = 0; i < l->count; i++) {
		const struct restore_leftover *x = &l->items[i];

		row(t, x->name, 0, x->size, x->sessions);
		snprintf(what, sizeof(what), "(a restore of %s%s)", *x->snapshot_id ? x->snapshot_id : "?",
		        x->complete ? ", complete" : ", not complete");
		table_cell(t, what);
	}
}

static bool print_list(const struct drop_old *d, struct err *e)
{
	struct table t = { 0 };
	struct buf out = BUF_INIT;
	const struct standby *s = &d->standby;
	char what[64];
	bool ok;

	if (cmd_json(d->c))
		return say_result_json(document(d), e);
	if (d->kept.count == 0 && !s->name && !d->restored.count && !d->copied.count) {
		say_info("no database is kept");
		return true;
	}
	table_start(&t, "kept|>age|>size|>sessions|replaced by");
	for (size_t i = 0; i < d->kept.count; i++) {
		const struct kept *k = &d->kept.items[i];

		row(&t, k->name, k->until_us, k->size, k->sessions);
		table_cell(&t, k->broken ? "(half dropped)" : *k->by ? k->by : "?");
	}
	if (s->name) {
		row(&t, s->name, s->since_us, s->size, s->sessions);
		snprintf(what, sizeof(what), "(standby copy of %s)", s->snapshot_id);
		table_cell(&t, what);
	}
	leftover_rows(&t, &d->restored);
	leftover_rows(&t, &d->copied);
	table_write(&out, &t);
	ok = say_result(buf_view(&out), e);
	table_release(&t);
	buf_release(&out);
	return ok;
}

/* --- dropping --- */

static const struct kept *find(const struct drop_old *d, const char *name)
{
	for (size_t i = 0; i < d->kept.count; i++)
		if (strcmp(d->kept.items[i].name, name) == 0)
			return &d->kept.items[i];
	return NULL;
}

/* What undo would swap back. */
static const struct kept *newest(const struct drop_old *d)
{
	for (size_t i = 0; i < d->kept.count; i++)
		if (!d->kept.items[i].broken)
			return &d->kept.items[i];
	return NULL;
}

static bool is_standby(const struct drop_old *d, const char *name)
{
	return d->standby.name && strcmp(d->standby.name, name) == 0;
}

static const struct restore_leftover *find_in(const struct leftovers *l, const char *name)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->items[i].name, name) == 0)
			return &l->items[i];
	return NULL;
}

static const struct restore_leftover *find_leftover(const struct drop_old *d, const char *name)
{
	const struct restore_leftover *x = find_in(&d->restored, name);

	return x ? x : find_in(&d->copied, name);
}

static bool check_idle(const char *name, unsigned sessions, struct err *e)
{
	if (sessions == 0)
		return true;
	err_set(e, ERR_REFUSED, "%u session%s in \"%s\"", sessions, sessions == 1 ? " is" : "s are", name);
	return err_hint(e, "somebody still looks at it: end that first");
}

/* All names are looked at before the first is dropped. */
static bool check_names(const struct drop_old *d, struct err *e)
{
	const struct options *o = d->c->options;

	for (unsigned i = 1; i < o->argument_count; i++) {
		const struct kept *k = find(d, o->arguments[i]);
		const struct restore_leftover *x = find_leftover(d, o->arguments[i]);

		if (x) {
			if (!check_idle(x->name, x->sessions, e))
				return false;
			continue;
		}
		if (is_standby(d, o->arguments[i])) {
			if (!check_idle(d->standby.name, d->standby.sessions, e))
				return false;
			continue;
		}
		if (!k) {
			err_set(e, ERR_USAGE, "\"%s\" is not a kept database of \"%s\"", o->arguments[i],
			        d->place.live.database.name);
			return err_hint(e, "without a name this command lists them");
		}
		if (!check_idle(k->name, k->sessions, e))
			return false;
		if (k == newest(d) && !place_confirmed(&d->place, d->c, e))
			return err_wrap(e, "\"%s\" is the newest, which undo would swap back", k->name);
	}
	return true;
}

static bool drop_kept(const struct drop_old *d, const char *name, struct err *e)
{
	struct pg_session *s = d->place.maintenance;
	struct arena a = ARENA_INIT;
	const char *quoted = pg_quote_ident(&a, name);
	struct err ignored = ERR_INIT;
	char *template = NULL;
	bool ok;

	/* Of a half dropped one the server ends the session that alters it. */
	ok = pg_query_value(&template, s,
	        "SELECT COALESCE((SELECT datistemplate FROM pg_catalog.pg_database WHERE datname = $1), false)", 1,
	        &name, e);
	if (ok && strcmp(template, "t") == 0)
		pg_execf(s, &ignored, "ALTER DATABASE %s IS_TEMPLATE false", quoted);
	ok = ok && pg_execf(s, e, "DROP DATABASE %s", quoted);
	if (!ok)
		err_wrap(e, "drop database \"%s\"", name);
	free(template);
	arena_release(&a);
	return ok;
}

/* What nobody uses yet may hold a subscription, which nobody could remove from it beforehand. */
static bool discard(const struct drop_old *d, const char *name, struct err *e)
{
	const struct restore_options o = { .target = d->place.target.conn,
		.maintenance_db = d->place.maintenance_db,
		.beside = &d->place.live.database };

	return (find_in(&d->restored, name) || standby_lock(d->place.maintenance, d->place.live.database.name, e)) &&
	       restore_discard(&o, name, d->c->cancel, e);
}

static bool drop(struct drop_old *d, const char *name, struct err *e)
{
	struct journal_event event = record_start("drop-old", place_repository_name(&d->place));
	const struct kept *kept = find(d, name);
	const struct restore_leftover *left = find_leftover(d, name);
	int64_t size_now = kept ? kept->size : left ? left->size : d->standby.size;
	char size[TEXT_SIZE];
	bool ok = kept ? drop_kept(d, name, e) : discard(d, name, e);

	record_server(&event, d->place.target.conn);
	record_detail(&event, "dropped", "%s", name);
	record_finish(&event, d->c, d->repository, false, ok ? NULL : e);
	if (ok)
		say_info("dropped %s%s%s", name, size_now < 0 ? "" : ", ",
		        size_now < 0 ? "" : text_bytes(size, (uint64_t)size_now));
	return ok;
}

static bool drop_named(struct drop_old *d, struct err *e)
{
	const struct options *o = d->c->options;

	if (!check_names(d, e))
		return false;
	if (cmd_dry_run(d->c)) {
		say_info("these would be dropped; nothing was changed");
		return true;
	}
	if (!live_lock(d->place.maintenance, d->place.live.database.name, e))
		return false;
	for (unsigned i = 1; i < o->argument_count; i++)
		if (!drop(d, o->arguments[i], e))
			return false;
	return true;
}

static bool look(struct drop_old *d, struct err *e)
{
	struct pg_session *s = d->place.maintenance;
	const struct pg_database *live = &d->place.live.database;
	char copy[STANDBY_NAME_SIZE];

	return kept_find(&d->kept, s, live->name, &d->arena, e) && standby_find(&d->standby, s, live, &d->arena, e) &&
	       standby_name(copy, s, live->name, &d->standby, e) &&
	       restore_leftovers(&d->restored.items, &d->restored.count, s, live->name, &d->arena, e) &&
	       restore_leftovers(&d->copied.items, &d->copied.count, s, copy, &d->arena, e);
}

static bool run(struct drop_old *d, struct err *e)
{
	struct err why = ERR_INIT;

	if (!place_open(&d->place, d->c, d->c->options->arguments[0], "the database", e) || !look(d, e))
		return false;
	if (d->c->options->argument_count == 1)
		return print_list(d, e);
	if (options_text(d->c->options, OPTION_REPO) && !store_open(&d->repository, d->c, &why))
		say_warn("the journal cannot be written: %s", why.msg);
	return drop_named(d, e);
}

bool cmd_drop_old(struct cmd *c, struct err *e)
{
	struct drop_old d = { .c = c, .place = PLACE_INIT };
	bool ok = run(&d, e);

	repository_close(d.repository);
	place_close(&d.place);
	arena_release(&d.arena);
	return ok;
}
