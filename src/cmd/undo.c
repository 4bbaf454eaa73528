/* src/cmd/undo.c - drtool undo: the same swap, backwards */
#include "src/base/clock.h"
#include "src/cmd/answer.h"
#include "src/cmd/hook.h"
#include "src/cmd/last_change.h"
#include "src/cmd/place.h"
#include "src/cmd/record.h"
#include "src/cmd/say.h"
#include "src/cmd/store.h"
#include "src/cmd/swap_command.h"
#include "src/cmd/text.h"

struct undo {
	struct cmd *c;
	struct place place;
	struct repository *repository; /* for the journal; NULL when there is none: a swap needs no repository */
	const struct kept *kept;       /* NULL when a command swaps back */
	const char *command;           /* NULL when databases change names */
	struct place_swap swap;
	struct hook_facts facts;
	json_t *since;     /* what was written since the swap that is undone; see written.h */
	bool late_failure; /* a hook that came after failed */
	struct arena arena;
};

static bool find_kept(struct undo *u, struct err *e)
{
	const char *live = u->place.live.database.name;
	struct kept_list l;

	if (!kept_find(&l, u->place.maintenance, live, &u->arena, e))
		return false;
	for (size_t i = 0; i < l.count && !u->kept; i++) {
		if (!l.items[i].broken)
			u->kept = &l.items[i];
		else
			say_warn("\"%s\" cannot come back: dropping it was begun and not completed", l.items[i].name);
	}
	if (!u->kept) {
		err_set(e, ERR_REFUSED, "no database was kept that \"%s\" could go back to", live);
		return err_hint(e, "restore a snapshot instead: drtool list, drtool restore ID --replace");
	}
	return true;
}

static void kept_text(struct buf *out, const struct undo *u)
{
	const struct kept *k = u->kept;
	char age[TEXT_SIZE], size[TEXT_SIZE];

	buf_addf(out, "by %s:\n  was live      until %s ago", k->name, text_age(age, clock_utc_us() - k->until_us));
	if (*k->by)
		buf_addf(out, ", when %s%s took its place", strcmp(k->by, "undo") == 0 ? "" : "snapshot ",
		        strcmp(k->by, "undo") == 0 ? "an undo" : k->by);
	if (k->refuses)
		buf_add(out, "\n  connections   refused; they are allowed again with the swap");
	buf_addf(out, "\n  size          %s\n", k->size < 0 ? "unknown" : text_bytes(size, (uint64_t)k->size));
	buf_addf(out, "rows written since then, which only %s has: ", u->place.live.database.name);
	written_text(out, u->since);
	buf_add(out, "\n");
}

static void say_lines(char *lines)
{
	char *rest = lines, *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line)
			say_info("%s", line);
	}
	free(lines);
}

static void say_plan(const struct undo *u)
{
	struct buf text = BUF_INIT;

	buf_addf(&text, "%s, to be put aside:\n", u->place.live.database.name);
	place_describe(&text, &u->place);
	if (u->command)
		buf_add(&text, "by the command that swaps back\n");
	else
		kept_text(&text, u);
	say_lines(buf_detach(&text));
}

static bool check_kept(const struct undo *u, struct err *e)
{
	struct live kept = { 0 };
	bool ok = live_look(&kept, u->place.maintenance, u->kept->name, e) &&
	          live_check(&kept, u->place.maintenance, e);

	live_release(&kept);
	return ok;
}

/* A swap needs no repository, and may be undone while that is out of reach. */
static void open_repository(struct undo *u)
{
	struct err why = ERR_INIT;

	if (!options_text(u->c->options, OPTION_REPO))
		say_warn("no repository is configured: no journal says whether a migration came after the last swap");
	else if (!store_open(&u->repository, u->c, &why))
		say_warn("the journal can be neither asked nor written: %s", why.msg);
}

static void look_back(struct undo *u)
{
	json_t *then = NULL;

	if (u->repository)
		then = written_at_swap(u->repository, place_repository_name(&u->place), u->kept->name);
	u->since = written_since(then, u->place.written);
	json_decref(then);
}

static bool swap_by_command(struct undo *u, struct err *e)
{
	struct journal_event event = record_start("undo", place_repository_name(&u->place));
	const struct swap_command w = { .command = u->command, .live = u->place.address, .facts = &u->facts };
	int64_t start = clock_monotonic_us();
	bool ok = hook_run(HOOK_BEFORE_SWAP, &u->facts, u->c, e) && swap_command_run(&w, u->c, e);

	u->swap.window_us = clock_monotonic_us() - start;
	record_server(&event, u->place.target.conn);
	record_detail(&event, "swap", "by a command");
	record_finish(&event, u->c, u->repository, false, ok ? NULL : e);
	return ok;
}

static bool swap_names(struct undo *u, struct err *e)
{
	struct journal_event event = record_start("undo", place_repository_name(&u->place));
	json_t *counts = u->kept->refuses ? NULL : place_counts(&u->place, u->c, u->kept->name);
	bool ok;

	u->swap.replacement = u->kept->name;
	u->swap.replacement_comment = u->kept->comment;
	u->swap.by = "undo";
	u->swap.closed = u->kept->refuses;
	ok = hook_run(HOOK_BEFORE_SWAP, &u->facts, u->c, e) && place_swap(&u->swap, &u->place, u->c, e);
	record_server(&event, u->place.target.conn);
	record_detail(&event, "replacement", "%s", u->kept->name);
	if (ok) {
		if (u->swap.closed) /* nobody could look before */
			counts = place_counts(&u->place, u->c, u->place.live.database.name);
		u->facts.kept = u->swap.kept;
		record_detail(&event, "kept", "%s", u->swap.kept);
		record_detail(&event, "swap_ms", "%lld", (long long)(u->swap.window_us / 1000));
		written_record(&event, counts);
	}
	record_finish(&event, u->c, u->repository, false, ok ? NULL : e);
	json_decref(counts);
	return ok;
}

/* Also when we were interrupted; what was done stays done. */
static void run_late(struct undo *u, enum hook_id id)
{
	struct cmd c = *u->c;
	struct err why = ERR_INIT;

	c.cancel = NULL;
	if (hook_run(id, &u->facts, &c, &why))
		return;
	say_warn("%s", why.msg);
	u->late_failure = true;
}

static bool do_it(struct undo *u, struct err *e)
{
	bool ok;

	u->facts = (struct hook_facts){ .action = "undo",
		.database = u->place.live.database.name,
		.server = u->place.server,
		.replacement = u->kept ? u->kept->name : NULL };
	if (!live_lock(u->place.maintenance, u->place.live.database.name, e) ||
	        !hook_run(HOOK_BEFORE, &u->facts, u->c, e))
		return false;
	ok = u->command ? swap_by_command(u, e) : swap_names(u, e);
	u->facts.outcome = ok ? "done" : "failed";
	if (ok)
		run_late(u, HOOK_AFTER_SWAP);
	run_late(u, HOOK_AFTER);
	if (u->late_failure)
		u->c->status = 1;
	return ok;
}

static bool tell(const struct undo *u, struct err *e)
{
	const char *name = u->place.live.database.name;
	char window[TEXT_SIZE];
	struct buf out = BUF_INIT;
	bool ok;

	if (cmd_json(u->c)) {
		json_t *o = json_object();

		json_object_set_new(o, "database", answer_text(name));
		json_object_set_new(o, "dry_run", json_boolean(cmd_dry_run(u->c)));
		json_object_set_new(o, "replacement", answer_text(u->kept ? u->kept->name : NULL));
		json_object_set_new(o, "kept", *u->swap.kept ? answer_text(u->swap.kept) : json_null());
		json_object_set_new(o, "confirm", answer_text(u->place.confirm));
		json_object_set(o, "written_since", u->since ? u->since : json_null());
		json_object_set_new(o, "swap_seconds", answer_seconds(u->swap.window_us));
		return say_result_json(o, e);
	}
	if (cmd_dry_run(u->c)) {
		buf_add(&out, "all checks passed; nothing was changed\n");
	} else if (u->command) {
		buf_addf(&out, "the command is done, and the address of %s leads elsewhere; it took %s\n", name,
		        text_duration(window, u->swap.window_us));
	} else {
		text_printable(&out, name);
		buf_add(&out, " is again what was kept as ");
		text_printable(&out, u->kept->name);
		buf_addf(&out, "; nobody could log in for %s\nwhat it was until now is kept as ",
		        text_duration(window, u->swap.window_us));
		text_printable(&out, u->swap.kept);
		buf_add(&out, "; undo once more goes back to it\n");
	}
	ok = say_result(buf_view(&out), e);
	buf_release(&out);
	return ok;
}

static bool run(struct undo *u, struct err *e)
{
	u->command = swap_command_back(u->c);
	if (!place_open(&u->place, u->c, u->c->options->arguments[0], "the database", e))
		return false;
	open_repository(u);
	if (!last_change_undoable(&u->place, u->c, u->repository, e) || (!u->command && !find_kept(u, e)))
		return false;
	if (!u->command)
		look_back(u);
	say_plan(u);
	if (!u->command && (!live_check(&u->place.live, u->place.maintenance, e) || !check_kept(u, e)))
		return false;
	if (cmd_dry_run(u->c))
		return tell(u, e);
	return place_confirmed(&u->place, u->c, e) && do_it(u, e) && tell(u, e);
}

bool cmd_undo(struct cmd *c, struct err *e)
{
	struct undo u = { .c = c, .place = PLACE_INIT };
	bool ok = run(&u, e);

	json_decref(u.since);
	repository_close(u.repository);
	place_close(&u.place);
	arena_release(&u.arena);
	return ok;
}
