/* src/cmd/replace.c - see replace.h */
#include "src/cmd/replace.h"

#include "restore/check.h"
#include "src/base/clock.h"
#include "src/cmd/answer.h"
#include "src/cmd/place.h"
#include "src/cmd/progress.h"
#include "src/cmd/record.h"
#include "src/cmd/report.h"
#include "src/cmd/say.h"
#include "src/cmd/store.h"
#include "src/cmd/text.h"
#include "src/monitor/predict.h"
#include "src/snapshot/snapshot.h"

#define SAFETY_TAG "safety-" /* and the time */

struct replace {
	struct cmd *c;
	struct place place;
	struct repository *repository;
	struct manifest *manifest;
	struct snapshot_result safety; /* id "" when there is none */
	struct restore_result restored;
	struct place_swap swap;
	struct prediction prediction;
	int64_t started;
	struct arena arena;
};

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

/* Whose snapshot is it? Identity is the name in the server, and the server. */
static bool check_source(const struct replace *x, struct err *e)
{
	const char *given = options_text(x->c->options, OPTION_CONFIRM_SOURCE);
	const struct manifest *m = x->manifest;
	const struct pg_database *d = &x->place.live.database;
	bool other_name = strcmp(m->dbname, d->name) != 0;
	bool other_server = *m->system_identifier && *d->system_identifier &&
	                    strcmp(m->system_identifier, d->system_identifier) != 0;

	if ((!other_name && !other_server) || (given && strcmp(given, m->database) == 0))
		return true;
	err_set(e, given ? ERR_USAGE : ERR_REFUSED, "snapshot %s is of another database: \"%s\" at %s", m->id,
	        m->dbname, m->server);
	return err_hint(e, "if that is what you want, add: --confirm-source %s", m->database);
}

static struct restore_options options_for(const struct replace *x, bool dry_run)
{
	const struct cmd *c = x->c;

	return (struct restore_options){
		.target = x->place.target.conn,
		.maintenance_db = x->place.maintenance_db,
		.jobs = cmd_jobs(c),
		.pg_bin = options_text(c->options, OPTION_PG_BIN),
		.create_roles = options_set(c->options, OPTION_CREATE_ROLES),
		.no_owner = options_set(c->options, OPTION_NO_OWNER),
		.beside = &x->place.live.database,
		.dry_run = dry_run,
	};
}

static bool preflight(struct replace *x, struct err *e)
{
	const struct restore_options o = options_for(x, true);
	struct restore_result unused = { 0 };
	struct progress *progress;
	bool ok;

	if (!check_source(x, e) || !live_check(&x->place.live, x->place.maintenance, e))
		return false;
	progress = progress_start();
	ok = restore_into(&unused, x->repository, x->manifest, &o, progress_observer(progress), x->c->cancel, e);
	progress_stop(progress);
	restore_result_release(&unused);
	return ok;
}

static void say_plan(struct replace *x)
{
	const struct manifest *m = x->manifest;
	char age[TEXT_SIZE], rows[TEXT_SIZE], size[TEXT_SIZE], took[TEXT_SIZE];
	struct buf text = BUF_INIT;
	char *lines, *rest, *line;

	buf_addf(&text, "%s at %s, to be replaced:\n", x->place.live.database.name,
	        PQhost(pg_session_conn(x->place.maintenance)));
	place_describe(&text, &x->place);
	buf_addf(&text, "by snapshot %s/%s:\n  of            %s ago, %s rows, %s on the server then\n", m->database,
	        m->id, text_age(age, clock_utc_us() - m->instant_us), text_count(rows, m->rows),
	        text_bytes(size, m->database_size));
	if (x->prediction.basis == PREDICTION_NONE)
		buf_add(&text, "  will take     unknown, no restore or test restore of this database is recorded\n");
	else
		buf_addf(&text, "  will take     %s, by %s\n", text_duration(took, x->prediction.duration_us),
		        x->prediction.text);
	lines = rest = buf_detach(&text);
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line)
			say_info("%s", line);
	}
	free(lines);
}

/* --- doing it --- */

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
	if (ok)
		say_info("safety snapshot %s, tag %s", x->safety.id, tag);
	else if (e->kind != ERR_CANCELLED)
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
	return ok;
}

static void say_differences(const struct compare_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		say_warn("%s: %s%s", report->items[i].object,
		        report->items[i].source_fault ? "the source's own data breaks this: " : "",
		        report->items[i].what);
}

static bool check(struct replace *x, struct err *e)
{
	struct conninfo *conn = conninfo_copy(x->place.target.conn);
	const struct check_options o = { .target = conn,
		.beside = &x->place.live.database,
		.restored = &x->restored,
		.pg_bin = options_text(x->c->options, OPTION_PG_BIN) };
	struct compare_report report = COMPARE_REPORT_INIT;
	struct progress *progress = progress_start();
	bool ok;

	conninfo_set(conn, "dbname", x->restored.database);
	ok = check_restored(&report, x->repository, x->manifest, &o, progress_observer(progress), x->c->cancel, e);
	progress_stop(progress);
	say_differences(&report);
	if (ok && report.total > report.faults) {
		ok = err_set(e, ERR_DIFFERS, "what was restored is not what the snapshot says: %llu differences",
		        (unsigned long long)(report.total - report.faults));
		err_hint(e, "the live database is as it was; look at \"%s\", which the next restore replaces",
		        x->restored.database);
	}
	compare_report_release(&report);
	conninfo_free(conn);
	return ok;
}

static bool do_it(struct replace *x, struct err *e)
{
	if (!live_lock(x->place.maintenance, x->place.live.database.name, e) || !take_safety_snapshot(x, e) ||
	        !restore(x, e) || !check(x, e))
		return false;
	x->swap.replacement = x->restored.database;
	x->swap.replacement_comment = x->place.live.database.comment;
	x->swap.by = x->manifest->id;
	return place_swap(&x->swap, &x->place, x->c, e);
}

/* --- telling --- */

static void record(struct replace *x, const struct err *why)
{
	struct journal_event event = record_start("replace", place_repository_name(&x->place));

	event.started_us = clock_utc_us() - (clock_monotonic_us() - x->started);
	record_server(&event, x->place.target.conn);
	event.snapshot_id = x->manifest->id;
	event.predicted_us = x->prediction.duration_us;
	event.rows = x->restored.rows;
	event.plain_bytes = x->restored.plain_bytes;
	event.phases = x->restored.phases;
	event.phase_count = x->restored.phase_count;
	if (!why && *x->swap.kept)
		record_detail(&event, "kept", "%s", x->swap.kept);
	if (!why)
		record_detail(&event, "swap_ms", "%lld", (long long)(x->swap.window_us / 1000));
	if (*x->safety.id)
		record_detail(&event, "safety_snapshot", "%s", x->safety.id);
	record_finish(&event, x->c, x->repository, x->restored.finding_count > 0, why);
}

static json_t *document(const struct replace *x, int64_t took_us)
{
	const struct restore_result *r = &x->restored;
	bool dry = cmd_dry_run(x->c);
	json_t *o = json_object();

	json_object_set_new(o, "snapshot", answer_text(x->manifest->id));
	json_object_set_new(o, "from", answer_text(x->manifest->database));
	json_object_set_new(o, "replaced", answer_text(x->place.live.database.name));
	json_object_set_new(o, "dry_run", json_boolean(dry));
	json_object_set_new(o, "kept", *x->swap.kept ? answer_text(x->swap.kept) : json_null());
	json_object_set_new(o, "safety_snapshot", *x->safety.id ? json_string(x->safety.id) : json_null());
	json_object_set_new(o, "sessions", json_integer(x->place.live.connections));
	json_object_set_new(o, "size", answer_count(x->place.live.database.size));
	json_object_set_new(o, "confirm", answer_text(x->place.confirm));
	json_object_set_new(o, "rows", answer_count(dry ? x->manifest->rows : r->rows));
	json_object_set_new(o, "bytes", answer_count(dry ? x->manifest->plain_bytes : r->plain_bytes));
	json_object_set_new(o, "seconds", answer_seconds(took_us));
	json_object_set_new(o, "swap_seconds", answer_seconds(x->swap.window_us));
	json_object_set_new(o, "predicted_seconds",
	        x->prediction.basis == PREDICTION_NONE ? json_null() : answer_seconds(x->prediction.duration_us));
	json_object_set_new(o, "phases", answer_phases(r->phases, r->phase_count));
	return o;
}

static void summary(struct buf *out, const struct replace *x, int64_t took_us)
{
	const struct restore_result *r = &x->restored;
	const char *name = x->place.live.database.name;
	char rows[TEXT_SIZE], bytes[TEXT_SIZE], took[TEXT_SIZE], window[TEXT_SIZE];

	text_printable(out, name);
	buf_addf(out, " is now snapshot %s/%s: %s rows, %s, in %s; nobody could log in for %s (", x->manifest->database,
	        x->manifest->id, text_count(rows, r->rows), text_bytes(bytes, r->plain_bytes),
	        text_duration(took, took_us), text_duration(window, x->swap.window_us));
	report_phases(out, r->phases, r->phase_count);
	buf_add(out, ")\nthe old database is kept as ");
	text_printable(out, x->swap.kept);
	if (*x->safety.id)
		buf_addf(out, ", and as snapshot %s", x->safety.id);
	buf_addf(out, "\nto go back: drtool undo %s\nwhen it is no longer needed: drtool drop-old %s ", x->place.word,
	        x->place.word);
	text_printable(out, x->swap.kept);
	buf_add(out, "\n");
}

static bool tell(const struct replace *x, struct err *e)
{
	int64_t took_us = clock_monotonic_us() - x->started;
	struct buf out = BUF_INIT;
	bool ok;

	if (cmd_json(x->c))
		return say_result_json(document(x, took_us), e);
	if (cmd_dry_run(x->c))
		buf_add(&out, "all checks passed; nothing was changed\n");
	else
		summary(&out, x, took_us);
	ok = say_result(buf_view(&out), e);
	buf_release(&out);
	return ok;
}

static bool run(struct replace *x, struct err *e)
{
	bool ok;

	if (!place_open(&x->place, x->c, options_text(x->c->options, OPTION_REPLACE), "--replace", e) ||
	        !store_open(&x->repository, x->c, e) || !find_snapshot(x, e))
		return false;
	report_predict(&x->prediction, x->repository, x->manifest, x->place.target.conn);
	say_plan(x);
	if (!preflight(x, e))
		return false;
	if (cmd_dry_run(x->c))
		return tell(x, e);
	if (!place_confirmed(&x->place, x->c, e))
		return false;
	ok = do_it(x, e);
	record(x, ok ? NULL : e);
	if (!ok)
		return false;
	ok = tell(x, e);
	report_rto(x->c, clock_monotonic_us() - x->started);
	if (x->restored.finding_count > 0)
		x->c->status = CMD_STATUS_DIFFERS;
	return ok;
}

bool replace_run(struct cmd *c, struct err *e)
{
	struct replace x = { .c = c, .place = PLACE_INIT, .started = clock_monotonic_us() };
	bool ok = store_where(c, e) && run(&x, e);

	restore_result_release(&x.restored);
	manifest_free(x.manifest);
	repository_close(x.repository);
	place_close(&x.place);
	arena_release(&x.arena);
	return ok;
}
