/* src/cmd/drop_old.c - drtool drop-old: the databases that swaps have put aside, and the standby copy */
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
	struct arena arena;
};

/* --- listing --- */

static json_t *document(const struct drop_old *d)
{
	json_t *list = answer_kept(&d->kept);

	if (d->standby.name)
		json_array_append_new(list, answer_standby(&d->standby));
	return list;
}

static void row(struct table *t, const char *name, int64_t since_us, int64_t size, unsigned sessions)
{
	char text[TEXT_SIZE];

	table_cell(t, name);
	table_cell(t, text_age(text, clock_utc_us() - since_us));
	table_cell(t, size < 0 ? "?" : text_bytes(text, (uint64_t)size));
	table_cell(t, text_count(text, sessions));
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
	if (d->kept.count == 0 && !s->name) {
		say_info("no database is kept");
		return true;
	}
	table_start(&t, "kept|>age|>size|>sessions|replaced by");
	for (size_t i = 0; i < d->kept.count; i++) {
		const struct kept *k = &d->kept.items[i];

		row(&t, k->name, k->until_us, k->size, k->sessions);
		table_cell(&t, *k->by ? k->by : "?");
	}
	if (s->name) {
		row(&t, s->name, s->since_us, s->size, s->sessions);
		snprintf(what, sizeof(what), "(standby copy of %s)", s->snapshot_id);
		table_cell(&t, what);
	}
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

static bool is_standby(const struct drop_old *d, const char *name)
{
	return d->standby.name && strcmp(d->standby.name, name) == 0;
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
		if (k == &d->kept.items[0] && !place_confirmed(&d->place, d->c, e))
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
	bool ok;

	pg_execf(s, &ignored, "ALTER DATABASE %s IS_TEMPLATE false", quoted);
	ok = pg_execf(s, e, "DROP DATABASE %s", quoted) || err_wrap(e, "drop database \"%s\"", name);
	arena_release(&a);
	return ok;
}

/* As what a restore left behind: nobody could remove a subscription from it beforehand. */
static bool drop_standby(const struct drop_old *d, const char *name, struct err *e)
{
	const struct restore_options o = { .target = d->place.target.conn,
		.maintenance_db = d->place.maintenance_db,
		.beside = &d->place.live.database };

	return standby_lock(d->place.maintenance, d->place.live.database.name, e) &&
	       restore_discard(&o, name, d->c->cancel, e);
}

static bool drop(struct drop_old *d, const char *name, struct err *e)
{
	struct journal_event event = record_start("drop-old", place_repository_name(&d->place));
	bool standby = is_standby(d, name);
	int64_t size_now = standby ? d->standby.size : find(d, name)->size;
	char size[TEXT_SIZE];
	bool ok = standby ? drop_standby(d, name, e) : drop_kept(d, name, e);

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

static bool run(struct drop_old *d, struct err *e)
{
	struct err why = ERR_INIT;

	if (!place_open(&d->place, d->c, d->c->options->arguments[0], "the database", e) ||
	        !kept_find(&d->kept, d->place.maintenance, d->place.live.database.name, &d->arena, e) ||
	        !standby_find(&d->standby, d->place.maintenance, &d->place.live.database, &d->arena, e))
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
