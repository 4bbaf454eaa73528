/* src/cmd/replace.c - see replace.h */
#include "src/cmd/replace.h"

#include "restore/check.h"
#include "restore/space.h"
#include "src/base/clock.h"
#include "src/cmd/assertion.h"
#include "src/cmd/progress.h"
#include "src/cmd/replace_internal.h"
#include "src/cmd/report.h"
#include "src/cmd/say.h"
#include "src/cmd/store.h"
#include "src/cmd/swap_command.h"
#include "src/cmd/text.h"

#define SAFETY_TAG "safety-" /* and the time */

/* --- before anything changes --- */

/* A run that was stopped leaves its safety snapshot as the newest one: "latest" must not bring back what it was taken
 * against. */
static bool find_snapshot(struct replace *x, struct err *e)
{
	const char *text = x->c->options->arguments[0], *slash = strrchr(text, '/');
	struct manifest_list l = { 0 };
	bool ok = store_find(&x->manifest, x->repository, x->c, text, e), found = false;

	if (!ok || strcmp(slash ? slash + 1 : text, "latest") != 0 ||
	        strncmp(x->manifest->tag, SAFETY_TAG, strlen(SAFETY_TAG)) != 0)
		return ok;
	ok = manifest_list_load(&l, x->repository, x->manifest->database, e);
	for (size_t i = l.count; ok && !found && i-- > 0;) {
		if (strncmp(l.items[i]->tag, SAFETY_TAG, strlen(SAFETY_TAG)) == 0)
			continue;
		say_info("that is a safety snapshot of an earlier restore: the latest other one is meant, %s",
		        l.items[i]->id);
		manifest_free(x->manifest);
		x->manifest = l.items[i];
		l.items[i] = NULL;
		l.items[i] = l.items[--l.count];
		found = true;
	}
	manifest_list_release(&l);
	if (!ok || found)
		return ok;
	err_set(e, ERR_USAGE, "only safety snapshots of database \"%s\" are there", x->manifest->database);
	return err_hint(e, "name the one you want by its id: drtool list");
}

static struct restore_options options_for(const struct replace *x, bool dry_run)
{
	const struct cmd *c = x->c;

	return (struct restore_options){
		.target = x->given.conn ? x->given.conn : x->place.target.conn,
		.maintenance_db = x->given.conn ? NULL : x->place.maintenance_db,
		.jobs = cmd_jobs(c),
		.pg_bin = options_text(c->options, OPTION_PG_BIN),
		.create_roles = options_set(c->options, OPTION_CREATE_ROLES),
		.no_owner = options_set(c->options, OPTION_NO_OWNER),
		.beside = x->given.conn ? NULL : &x->place.live.database,
		.usable_first = options_set(c->options, OPTION_USABLE_FIRST),
		.dry_run = dry_run,
	};
}

/* What the source took up may be mostly dead rows, and the rows alone are too little: only the lesser of both is sure
 * not to fit. */
static bool check_space(struct replace *x, struct err *e)
{
	const struct manifest *m = x->manifest;
	uint64_t least = m->plain_bytes < m->database_size ? m->plain_bytes : m->database_size;
	char have[TEXT_SIZE], need[TEXT_SIZE];

	if (!x->free_known || x->free_bytes >= m->database_size)
		return true;
	text_bytes(have, x->free_bytes);
	if (x->free_bytes >= least) {
		say_warn("%s are free on the server's disk, and the source took up %s: it may not fit", have,
		        text_bytes(need, m->database_size));
		return true;
	}
	err_set(e, ERR_REFUSED, "only %s are free on the server's disk for at least %s", have, text_bytes(need, least));
	return err_hint(e, "make room there: \"drtool drop-old %s\" shows databases that are kept", x->place.word);
}

static bool preflight(struct replace *x, struct err *e)
{
	const struct restore_options o = options_for(x, true);
	struct progress *progress;
	bool ok;

	if (!place_check_source(&x->place, x->c, x->manifest, e))
		return false;
	if (!x->given.conn && !live_check(&x->place.live, x->place.maintenance, e))
		return false;
	if (replace_standby_ready(x))
		return true;
	if (!x->given.conn && !check_space(x, e))
		return false;
	progress = progress_start();
	ok = restore_into(&x->planned, x->repository, x->manifest, &o, progress_observer(progress), x->c->cancel, e);
	progress_stop(progress);
	if (ok && o.usable_first)
		replace_say_later(x);
	return ok;
}

/* --- doing it --- */

/* Do a step, and note how long it took; what took no time is not worth noting. */
static bool timed(struct replace *x, const char *name, bool (*step)(struct replace *, struct err *), struct err *e)
{
	int64_t start = clock_monotonic_us();
	bool ok = step(x, e);

	replace_phase(x, name, clock_monotonic_us() - start);
	return ok;
}

static bool take_safety_snapshot(struct replace *x, struct err *e)
{
	const struct options *o = x->c->options;
	char time[CLOCK_TEXT_SIZE], tag[sizeof(SAFETY_TAG) + CLOCK_TEXT_SIZE];
	struct snapshot_options s = { .source = x->place.target.conn,
		.maintenance_db = x->place.maintenance_db,
		.database = place_repository_name(&x->place),
		.tag = tag,
		.jobs = cmd_jobs(x->c),
		.pg_bin = options_text(o, OPTION_PG_BIN) };
	struct progress *progress;
	bool ok;

	if (options_set(o, OPTION_NO_SAFETY_SNAPSHOT))
		return true;
	if (!x->place.answers) {
		say_warn("no safety snapshot: the database does not answer");
		return true;
	}
	clock_compact(time, clock_utc_us());
	snprintf(tag, sizeof(tag), SAFETY_TAG "%s", time);
	say_info("taking a safety snapshot of what is there now");
	progress = progress_start();
	ok = snapshot_take(&x->safety, x->repository, &s, progress_observer(progress), x->c->cancel, e);
	progress_stop(progress);
	if (ok) {
		say_info("safety snapshot %s, tag %s", x->safety.id, tag);
		x->facts.safety = x->safety.id;
		usable_warn(
		        x->c, x->repository, s.database, x->safety.id, &x->place.live.database, x->place.target.conn);
	}
	if (!ok && e->kind != ERR_CANCELLED)
		err_hint(e, "nothing was changed; to go on without a safety snapshot add: --no-safety-snapshot");
	return ok || err_wrap(e, "the safety snapshot");
}

static bool restore(struct replace *x, struct err *e)
{
	const struct restore_options o = options_for(x, false);
	struct progress *progress = progress_start();
	bool ok = restore_into(
	        &x->restored, x->repository, x->manifest, &o, progress_observer(progress), x->c->cancel, e);

	progress_stop(progress);
	for (size_t i = 0; i < x->restored.phase_count; i++)
		replace_phase(x, x->restored.phases[i].name, x->restored.phases[i].duration_us);
	return ok;
}

static void say_differences(const struct compare_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		say_warn("%s: %s%s", report->items[i].object,
		        report->items[i].source_fault ? "the source's own data breaks this: " : "",
		        report->items[i].what);
}

/* The restored database's address. */
static struct conninfo *restored_conninfo(const struct replace *x)
{
	struct conninfo *conn = conninfo_copy(x->given.conn ? x->given.conn : x->place.target.conn);

	conninfo_set(conn, "dbname", x->restored.database);
	return conn;
}

bool replace_compare(bool *same, struct replace *x, bool rows, struct err *e)
{
	struct conninfo *conn = restored_conninfo(x);
	const struct check_options o = { .target = conn,
		.beside = x->given.conn ? NULL : &x->place.live.database,
		.restored = &x->restored,
		.rows = rows,
		.no_owner = options_set(x->c->options, OPTION_NO_OWNER),
		.usable_first = options_set(x->c->options, OPTION_USABLE_FIRST),
		.jobs = cmd_jobs(x->c),
		.pg_bin = options_text(x->c->options, OPTION_PG_BIN) };
	struct compare_report report = COMPARE_REPORT_INIT;
	struct progress *progress = progress_start();
	bool ok = check_restored(&report, x->repository, x->manifest, &o, progress_observer(progress), x->c->cancel, e);

	progress_stop(progress);
	say_differences(&report);
	*same = ok && report.total == report.faults;
	if (rows) {
		x->restored.tables = report.tables;
		x->restored.rows = report.rows;
		x->restored.plain_bytes = report.plain_bytes;
	}
	compare_report_release(&report);
	conninfo_free(conn);
	return ok;
}

static bool check(struct replace *x, struct err *e)
{
	bool same;

	if (x->taken_up)
		return true;
	if (!replace_compare(&same, x, false, e))
		return false;
	if (same)
		return true;
	err_set(e, ERR_DIFFERS, "what was restored is not what the snapshot says: see above");
	return err_hint(e, "the live database is as it was; look at \"%s\"", x->restored.database);
}

/* What an earlier run had completed when it was stopped, read once more: anybody may have been in it. */
static bool take_up(struct replace *x, struct err *e)
{
	const struct restore_options o = options_for(x, false);
	bool same = false;

	if (!replace_standby_take_up(x, e) || x->by_standby)
		return x->by_standby;
	if (!restore_find_checked(x->restored.database, &o, x->manifest->id, x->c->cancel, e))
		return false;
	if (!*x->restored.database)
		return true;
	say_info("an earlier run has left \"%s\" complete: checking it", x->restored.database);
	if (!replace_compare(&same, x, true, e))
		return false;
	x->taken_up = same;
	if (!same)
		say_info("it is not what the snapshot says any more: restoring anew");
	return true;
}

static bool mark(struct replace *x, struct err *e)
{
	const struct restore_options o = options_for(x, false);

	if (x->given.conn || x->by_standby)
		return true;
	x->checked = restore_mark_checked(&o, x->restored.database, x->manifest->id, x->c->cancel, e);
	return x->checked;
}

/* --- the swap --- */

static bool assertions(struct replace *x, struct err *e)
{
	struct conninfo *conn = restored_conninfo(x);
	bool ok = assertion_check(conn, &x->facts, x->c, e);

	conninfo_free(conn);
	return ok;
}

static bool swap_by_command(struct replace *x, struct err *e)
{
	struct conninfo *conn = restored_conninfo(x);
	const struct swap_command w = { .command = swap_command_with(x->c),
		.back = swap_command_back(x->c),
		.live = x->place.address,
		.restored = conn,
		.facts = &x->facts };
	int64_t start = clock_monotonic_us();
	bool ok = swap_command_run(&w, x->c, e);

	x->swap.window_us = clock_monotonic_us() - start;
	x->since = written_since(x->at_snapshot, x->place.written);
	conninfo_free(conn);
	return ok;
}

static bool swap(struct replace *x, struct err *e)
{
	json_t *now;

	if (x->given.conn)
		return swap_by_command(x, e);
	x->swapping = true;
	x->swap.replacement = x->restored.database;
	x->swap.replacement_comment = x->place.live.database.comment;
	x->swap.by = x->manifest->id;
	x->swap.closed = x->by_standby && !x->standby_open;
	if (!x->swap.closed)
		x->at_swap = place_counts(&x->place, x->c, x->restored.database);
	if (!place_swap(&x->swap, &x->place, x->c, e))
		return false;
	if (x->swap.closed) /* nobody could look before: what was written in this moment is missed */
		x->at_swap = place_counts(&x->place, x->c, x->place.live.database.name);
	x->facts.kept = x->swap.kept;
	now = place_counts(&x->place, x->c, x->swap.kept);
	x->since = written_since(x->at_snapshot, now);
	json_decref(now);
	return true;
}

/* A restored database that is refused or interrupted goes; one that differs is there to be looked at, and one that
 * could not be swapped in has cost too much to be thrown away. */
static void leave(struct replace *x, const struct err *why)
{
	const struct restore_options o = options_for(x, false);
	struct err trouble = ERR_INIT;

	if (x->by_standby)
		replace_standby_leave(x, why->kind == ERR_DIFFERS);
	else if (x->given.conn)
		say_info("the restored database stays as \"%s\": empty it before the next restore into it",
		        x->restored.database);
	else if ((why->kind != ERR_REFUSED || x->swapping) && why->kind != ERR_CANCELLED)
		say_info("the restored database stays as \"%s\": %s", x->restored.database,
		        x->checked ? "the same command takes it up again" : "the next restore replaces it");
	else if (!restore_discard(&o, x->restored.database, NULL, &trouble))
		say_warn("%s", trouble.msg);
}

/* From the swap on everybody is in: what is left must be known by then. */
static bool record_later(struct replace *x, struct err *e)
{
	struct conninfo *conn;
	bool ok;

	/* A standby copy that was proved is whole; one that was compared may lack what may be lacking. */
	if (!options_set(x->c->options, OPTION_USABLE_FIRST) || (x->by_standby && !x->standby_doubt))
		return true;
	x->later.repository = x->repository;
	x->later.manifest = x->manifest;
	x->later.name = place_repository_name(&x->place);
	x->later.word = x->place.word;
	x->later.database = x->given.conn ? x->place.address : x->place.target.conn;
	conn = restored_conninfo(x);
	ok = usable_record(&x->later, conn, replace_left(x), e);
	conninfo_free(conn);
	return ok;
}

/* An undo is possible while this goes on: it ends our sessions, and we see that another database has the name. */
static void finish(struct replace *x)
{
	struct err ignored = ERR_INIT;

	if (!x->later.oid)
		return;
	pg_exec(x->place.maintenance, "SELECT pg_catalog.pg_advisory_unlock_all()", &ignored);
	usable_say(&x->later, replace_left(x));
	usable_finish(&x->later);
}

static bool hook_before(struct replace *x, struct err *e)
{
	return hook_run(HOOK_BEFORE, &x->facts, x->c, e);
}
static bool hook_before_swap(struct replace *x, struct err *e)
{
	return hook_run(HOOK_BEFORE_SWAP, &x->facts, x->c, e);
}

static bool replace(struct replace *x, struct err *e)
{
	if (!timed(x, "safety", take_safety_snapshot, e) || (!x->given.conn && !take_up(x, e)) ||
	        (!x->taken_up && !restore(x, e)))
		return false;
	x->facts.replacement = x->restored.database;
	if (timed(x, "check", check, e) && timed(x, "check", mark, e) && replace_standby_open(x, e) &&
	        timed(x, "check", assertions, e) && record_later(x, e) && timed(x, "hooks", hook_before_swap, e) &&
	        timed(x, "swap", swap, e))
		return true;
	leave(x, e);
	return false;
}

/* What a hook that comes after does must happen also when we were interrupted; what was done stays done. */
static void run_late(struct replace *x, enum hook_id id)
{
	struct cmd c = *x->c;
	struct err why = ERR_INIT;

	c.cancel = NULL;
	if (hook_run(id, &x->facts, &c, &why))
		return;
	say_warn("%s", why.msg);
	x->late_failure = true;
}

/* hooks.after belongs to hooks.before: once that has run, it runs too, whatever happens between. It may be what lets
 * the clients back in, so it does not wait for what is made while they are in. */
static bool replace_with_hooks(struct replace *x, struct err *e)
{
	bool ok;

	x->facts = (struct hook_facts){ .action = "restore",
		.database = x->place.live.database.name,
		.server = x->place.server,
		.snapshot = x->manifest->id };
	replace_phase(x, "preflight", clock_monotonic_us() - x->started);
	if (!live_lock(x->place.maintenance, x->place.live.database.name, e) || !timed(x, "hooks", hook_before, e))
		return false;
	ok = replace(x, e);
	x->facts.outcome = ok ? "done" : "failed";
	if (ok)
		run_late(x, HOOK_AFTER_SWAP);
	x->usable_us = clock_monotonic_us() - x->started;
	replace_record(x, ok ? NULL : e);
	run_late(x, HOOK_AFTER);
	if (ok)
		finish(x);
	return ok;
}

/* Where names cannot be changed, the provider has made a database and has a command of its own. */
static bool find_given(struct replace *x, struct err *e)
{
	const char *into = options_text(x->c->options, OPTION_INTO), *with = swap_command_with(x->c);

	if (!into && !with)
		return true;
	if (!into) {
		err_set(e, ERR_USAGE, "a swap command needs a database that is there already");
		return err_hint(e, "name the empty one that your provider made with --into");
	}
	if (!with) {
		err_set(e, ERR_USAGE, "--into and --replace together need the command that swaps them");
		return err_hint(
		        e, "give --swap-with COMMAND, or leave --into out: names are then changed in one transaction");
	}
	if (!target_find(&x->given, x->c, into, "--into", e))
		return false;
	if (conninfo_same_database(x->given.conn, x->place.target.conn))
		return err_set(e, ERR_USAGE, "--into and --replace name the same database");
	return true;
}

static void predict(struct replace *x, enum predict_kind kind)
{
	if (options_set(x->c->options, OPTION_USABLE_FIRST))
		report_predict_usable(
		        &x->prediction, &x->prediction_later, x->repository, x->manifest, x->place.target.conn, kind);
	else
		report_predict(&x->prediction, x->repository, x->manifest, x->place.target.conn, kind);
}

static void look_for_room(struct replace *x)
{
	const struct pg_database *live = &x->place.live.database;

	x->free_known = space_free(&x->free_bytes, x->place.maintenance, live->tablespace);
	if (x->free_known)
		x->free_bytes += restore_leftover_bytes(x->place.maintenance, live->name, x->manifest->id);
}

static bool run(struct replace *x, struct err *e)
{
	enum predict_kind kind;
	bool ok;

	if (!place_open(&x->place, x->c, options_text(x->c->options, OPTION_REPLACE), "--replace", e) ||
	        !find_given(x, e) || !store_open(&x->repository, x->c, e) || !find_snapshot(x, e))
		return false;
	kind = options_set(x->c->options, OPTION_NO_SAFETY_SNAPSHOT) || !x->place.answers ? PREDICT_REPLACE
	                                                                                  : PREDICT_REPLACE_WITH_SAFETY;
	predict(x, kind);
	replace_standby_look(x, kind);
	look_for_room(x);
	x->at_snapshot = written_at_snapshot(x->repository, x->manifest, x->place.written);
	replace_say_plan(x);
	usable_warn_of_snapshot(x->repository, x->manifest);
	if (!preflight(x, e))
		return false;
	if (cmd_dry_run(x->c))
		return replace_tell(x, e);
	if (!place_confirmed(&x->place, x->c, e))
		return false;
	if (!replace_with_hooks(x, e))
		return false;
	ok = replace_tell(x, e);
	report_rto(x->c, x->later.oid ? x->usable_us : clock_monotonic_us() - x->started);
	if (x->restored.finding_count > 0)
		x->c->status = CMD_STATUS_DIFFERS;
	if (x->later.oid)
		usable_status(x->c, &x->later);
	if (x->late_failure)
		x->c->status = 1;
	return ok;
}

bool replace_run(struct cmd *c, struct err *e)
{
	struct replace x = {
		.c = c, .place = PLACE_INIT, .given = TARGET_INIT, .later = { .c = c }, .started = clock_monotonic_us()
	};
	bool ok = store_where(c, e) && run(&x, e);

	usable_release(&x.later);
	restore_result_release(&x.planned);
	restore_result_release(&x.restored);
	manifest_free(x.manifest);
	proof_free(x.standby_proof);
	repository_close(x.repository);
	place_close(&x.place);
	target_release(&x.given);
	json_decref(x.at_snapshot);
	json_decref(x.at_swap);
	json_decref(x.since);
	return ok;
}
