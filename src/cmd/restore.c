/* src/cmd/restore.c - drtool restore */
#include "restore/restore.h"

#include "src/cmd/answer.h"
#include "src/cmd/place.h"
#include "src/cmd/progress.h"
#include "src/cmd/record.h"
#include "src/cmd/replace.h"
#include "src/cmd/report.h"
#include "src/cmd/restore_table.h"
#include "src/cmd/say.h"
#include "src/cmd/store.h"
#include "src/cmd/target.h"
#include "src/cmd/text.h"
#include "src/cmd/usable.h"
#include "src/monitor/predict.h"

static json_t *findings_document(const struct restore_result *result)
{
	json_t *list = json_array();

	for (size_t i = 0; i < result->finding_count; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "object", answer_text(result->findings[i].object));
		json_object_set_new(o, "what", answer_text(result->findings[i].what));
		json_object_set_new(o, "source_fault", json_boolean(result->findings[i].source_fault));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *result_document(
        const struct cmd *c, const struct manifest *m, const struct restore_result *result, const struct usable *later)
{
	json_t *o = json_object();

	json_object_set_new(o, "snapshot", answer_text(m->id));
	json_object_set_new(o, "from", answer_text(m->database));
	json_object_set_new(o, "into", answer_text(result->database));
	json_object_set_new(o, "dry_run", json_boolean(cmd_dry_run(c)));
	json_object_set_new(o, "tables", answer_count(result->tables));
	json_object_set_new(o, "rows", answer_count(result->rows));
	json_object_set_new(o, "bytes", answer_count(result->plain_bytes));
	json_object_set_new(o, "seconds", answer_seconds(result->duration_us));
	json_object_set_new(o, "phases", answer_phases(result->phases, result->phase_count));
	json_object_set_new(o, "findings", findings_document(result));
	json_object_set_new(o, "later", usable_document(result->left, result->left_count));
	json_object_set_new(o, "finish", usable_result(later));
	return o;
}

static void findings_text(struct buf *out, const struct restore_result *result)
{
	for (size_t i = 0; i < result->finding_count; i++) {
		const struct restore_finding *f = &result->findings[i];

		text_printable(out, f->object);
		buf_add(out, f->source_fault ? ": the source's own data breaks this: " : ": ");
		text_printable(out, f->what);
		buf_add(out, "\n");
	}
}

static void summary_text(struct buf *out, const struct manifest *m, const struct restore_result *result)
{
	char tables[TEXT_SIZE], rows[TEXT_SIZE], bytes[TEXT_SIZE], took[TEXT_SIZE], rate[TEXT_SIZE];
	int64_t us = result->duration_us > 0 ? result->duration_us : 1;

	findings_text(out, result);
	buf_addf(out, "restored %s/%s into ", m->database, m->id);
	text_printable(out, result->database);
	buf_addf(out, ": %s tables, %s rows, %s in %s (%s/s", text_count(tables, result->tables),
	        text_count(rows, result->rows), text_bytes(bytes, result->plain_bytes),
	        text_duration(took, result->duration_us),
	        text_bytes(rate, (uint64_t)((double)result->plain_bytes * 1e6 / (double)us)));
	if (result->phase_count > 0) {
		buf_add(out, "; ");
		report_phases(out, result->phases, result->phase_count);
	}
	buf_add(out, ")\n");
	if (result->finding_count > 0)
		buf_addf(out, "all rows are there, but %zu object%s could not be made as recorded: see above\n",
		        result->finding_count, result->finding_count == 1 ? "" : "s");
}

/* What a restore of this snapshot would do. */
static void plan_text(struct buf *out, struct repository *r, const struct manifest *m, const struct target *t,
        const struct restore_result *result, bool some_tables, bool usable_first)
{
	char tables[TEXT_SIZE], rows[TEXT_SIZE], bytes[TEXT_SIZE], size[TEXT_SIZE];
	static const char none[] = "no restore or test restore of this database is recorded";
	struct prediction prediction, rest;
	struct buf where = BUF_INIT;

	target_describe(&where, t->conn);
	buf_addf(out, "would restore %s/%s into ", m->database, m->id);
	text_printable(out, buf_str(&where));
	buf_addf(out, ": %s tables, %s rows, %s\n", text_count(tables, result->tables), text_count(rows, result->rows),
	        text_bytes(bytes, result->plain_bytes));
	if (result->left_count) {
		buf_add(out, "while it is in use already: ");
		usable_describe(out, result->left, result->left_count);
		buf_add(out, "\n");
	}
	if (some_tables) {
		buf_add(out, "connections to be ended: none; nothing was changed\n");
		goto done;
	}
	buf_addf(out,
	        "disk needed on the server: about %s, the size of the source; whether it is free cannot be seen from here\n",
	        text_bytes(size, m->database_size));
	if (usable_first) {
		report_predict_usable(&prediction, &rest, r, m, t->conn, PREDICT_RESTORE);
		report_prediction(out, "predicted time until it is usable", &prediction, none);
		report_prediction(out, "and from then until it is finished", &rest, "none was measured yet");
	} else {
		report_predict(&prediction, r, m, t->conn, PREDICT_RESTORE);
		report_prediction(out, "predicted time", &prediction, none);
	}
	buf_add(out, "connections to be ended: none; nothing was changed\n");
done:
	buf_release(&where);
}

static bool print(const struct cmd *c, struct repository *r, const struct manifest *m, const struct target *t,
        const struct restore_result *result, const struct usable *later, struct err *e)
{
	struct buf out = BUF_INIT;
	bool ok;

	if (cmd_json(c))
		return say_result_json(result_document(c, m, result, later), e);
	if (cmd_dry_run(c))
		plan_text(&out, r, m, t, result, options_set(c->options, OPTION_TABLE),
		        options_set(c->options, OPTION_USABLE_FIRST));
	else
		summary_text(&out, m, result);
	if (later->oid)
		usable_tell(&out, later);
	ok = say_result(buf_view(&out), e);
	buf_release(&out);
	return ok;
}

/* Everybody may come in in a moment: what is left must be known by then. */
static bool ready(void *cookie, const char *database, const struct restore_result *so_far, struct err *e)
{
	struct usable *later = cookie;
	struct conninfo *conn = conninfo_copy(later->database);
	bool ok;

	conninfo_set(conn, "dbname", database);
	ok = usable_record(later, conn, so_far, e);
	conninfo_free(conn);
	return ok;
}

static bool run(struct restore_result *result, struct usable *later, const struct cmd *c, struct repository *r,
        const struct manifest *m, const struct target *t, struct err *e)
{
	bool usable_first = options_set(c->options, OPTION_USABLE_FIRST);
	struct restore_options o = {
		.target = t->conn,
		.jobs = cmd_jobs(c),
		.pg_bin = options_text(c->options, OPTION_PG_BIN),
		.create_roles = options_set(c->options, OPTION_CREATE_ROLES),
		.no_owner = options_set(c->options, OPTION_NO_OWNER),
		.tables = c->options->values[OPTION_TABLE].list,
		.usable_first = usable_first,
		.ready = usable_first ? ready : NULL,
		.cookie = later,
		.dry_run = cmd_dry_run(c),
	};
	struct journal_event event = record_start(o.tables ? "restore-table" : "restore", m->database);
	struct prediction prediction, rest;
	struct progress *progress;
	bool ok;

	if (usable_first)
		report_predict_usable(&prediction, &rest, r, m, t->conn, PREDICT_RESTORE);
	else
		report_predict(&prediction, r, m, t->conn, PREDICT_RESTORE);
	if (o.tables)
		prediction.duration_us = 0; /* of the whole */
	progress = progress_start();
	ok = restore_into(result, r, m, &o, progress_observer(progress), c->cancel, e);
	progress_stop(progress);
	record_server(&event, t->conn);
	event.snapshot_id = m->id;
	event.predicted_us = prediction.duration_us;
	event.rows = result->rows;
	event.plain_bytes = result->plain_bytes;
	event.phases = result->phases;
	event.phase_count = result->phase_count;
	if (usable_first)
		record_detail(&event, PREDICT_USABLE_FIRST, "yes");
	record_finish(&event, c, r, result->finding_count > 0, ok ? NULL : e);
	return ok;
}

/* With everybody in it. */
static void finish(struct usable *later, const struct restore_result *result)
{
	if (!later->oid)
		return;
	usable_say(later, result);
	usable_finish(later);
}

/* What was asked for and is not done would pass for done. */
static bool check_no_swap(const struct options *o, struct err *e)
{
	static const enum option_id before_a_swap[] = { OPTION_CHECK, OPTION_CHECK_SQL, OPTION_SWAP_WITH,
		OPTION_SWAP_BACK };

	for (size_t i = 0; i < sizeof(before_a_swap) / sizeof(before_a_swap[0]); i++) {
		if (!options_set(o, before_a_swap[i]))
			continue;
		err_set(e, ERR_USAGE, "--%s belongs to a swap, and without --replace nothing is swapped",
		        option_row(before_a_swap[i])->name);
		return err_hint(e, "leave it out, or name the live database with --replace");
	}
	return true;
}

bool cmd_restore(struct cmd *c, struct err *e)
{
	const char *into = options_text(c->options, OPTION_INTO);
	struct target target = TARGET_INIT;
	struct repository *r = NULL;
	struct manifest *m = NULL;
	struct restore_result result = { 0 };
	struct usable later = { .c = c };
	bool ok = false, beside = false;

	if (!usable_check(c->options, e) || !restore_table_check(c->options, e))
		return false;
	if (options_text(c->options, OPTION_REPLACE))
		return replace_run(c, e);
	if (!check_no_swap(c->options, e))
		return false;
	if (options_set(c->options, OPTION_FINISH))
		return usable_run(c, e);
	if (!into) {
		err_set(e, ERR_USAGE, "restore into which database?");
		return err_hint(e,
		        "name it: drtool restore %s --into \"dbname=shop_copy\", or --replace DB for a live one",
		        c->options->arguments[0]);
	}
	if (!store_where(c, e) || !target_find(&target, c, into, "--into", e))
		return false;
	if (!target_announce_server(&target, c, e) || !store_open(&r, c, e))
		goto done;
	if (!store_find(&m, r, c, c->options->arguments[0], e) || !restore_table_beside(&beside, c, &target, e))
		goto done;
	if (beside) {
		ok = restore_table_run(c, r, m, &target, e);
		goto done;
	}
	later.repository = r;
	later.manifest = m;
	later.name = target.repository_name ? target.repository_name : m->database;
	later.database = target.conn;
	later.word = place_word(&later.arena, into, &target);
	if (!options_set(c->options, OPTION_TABLE))
		usable_warn_of_snapshot(r, m);
	if (!run(&result, &later, c, r, m, &target, e))
		goto done;
	finish(&later, &result);
	ok = print(c, r, m, &target, &result, &later, e);
	if (!options_set(c->options, OPTION_TABLE))
		report_rto(c, result.duration_us);
	if (result.finding_count > 0) {
		c->status = CMD_STATUS_DIFFERS;
		say_hint("mend what stands in their way, then make them by hand; their definitions: drtool cat %s/%s",
		        m->database, m->id);
	}
	if (later.oid)
		usable_status(c, &later);
done:
	usable_release(&later);
	restore_result_release(&result);
	manifest_free(m);
	repository_close(r);
	target_release(&target);
	return ok;
}
