/* src/cmd/drop_old.c - drtool drop-old: the databases that swaps have put aside */
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
	struct arena arena;
};

/* --- listing --- */

static bool print_list(const struct drop_old *d, struct err *e)
{
	struct table t = { 0 };
	struct buf out = BUF_INIT;
	char text[TEXT_SIZE];
	bool ok;

	if (cmd_json(d->c))
		return say_result_json(answer_kept(&d->kept), e);
	if (d->kept.count == 0) {
		say_info("no database is kept");
		return true;
	}
	table_start(&t, "kept|>age|>size|>sessions|replaced by");
	for (size_t i = 0; i < d->kept.count; i++) {
		const struct kept *k = &d->kept.items[i];

		table_cell(&t, k->name);
		table_cell(&t, text_age(text, clock_utc_us() - k->until_us));
		table_cell(&t, k->size < 0 ? "?" : text_bytes(text, (uint64_t)k->size));
		table_cell(&t, text_count(text, k->sessions));
		table_cell(&t, *k->by ? k->by : "?");
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

/* All names are looked at before the first is dropped. */
static bool check_names(const struct drop_old *d, struct err *e)
{
	const struct options *o = d->c->options;

	for (unsigned i = 1; i < o->argument_count; i++) {
		const struct kept *k = find(d, o->arguments[i]);

		if (!k) {
			err_set(e, ERR_USAGE, "\"%s\" is not a kept database of \"%s\"", o->arguments[i],
			        d->place.live.database.name);
			return err_hint(e, "without a name this command lists them");
		}
		if (k->sessions > 0) {
			err_set(e, ERR_REFUSED, "%u session%s in \"%s\"", k->sessions,
			        k->sessions == 1 ? " is" : "s are", k->name);
			return err_hint(e, "somebody still looks at it: end that first");
		}
		if (k == &d->kept.items[0] && !place_confirmed(&d->place, d->c, e))
			return err_wrap(e, "\"%s\" is the newest, which undo would swap back", k->name);
	}
	return true;
}

static bool drop(struct drop_old *d, const char *name, struct err *e)
{
	struct journal_event event = record_start("drop-old", place_repository_name(&d->place));
	struct pg_session *s = d->place.maintenance;
	char size[TEXT_SIZE];
	const struct kept *k = find(d, name);
	const char *quoted = pg_quote_ident(&d->arena, name);
	struct err ignored = ERR_INIT;
	bool ok;

	pg_execf(s, &ignored, "ALTER DATABASE %s IS_TEMPLATE false", quoted);
	ok = pg_execf(s, e, "DROP DATABASE %s", quoted) || err_wrap(e, "drop database \"%s\"", name);
	record_server(&event, d->place.target.conn);
	record_detail(&event, "dropped", "%s", name);
	record_finish(&event, d->c, d->repository, false, ok ? NULL : e);
	if (ok)
		say_info("dropped %s%s%s", name, k->size < 0 ? "" : ", ",
		        k->size < 0 ? "" : text_bytes(size, (uint64_t)k->size));
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
	        !kept_find(&d->kept, d->place.maintenance, d->place.live.database.name, &d->arena, e))
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
