/* src/cmd/restore_table.c - see restore_table.h */
#include "src/cmd/restore_table.h"

#include "restore/retrieve.h"
#include "src/base/clock.h"
#include "src/cmd/answer.h"
#include "src/cmd/confirm.h"
#include "src/cmd/progress.h"
#include "src/cmd/record.h"
#include "src/cmd/report.h"
#include "src/cmd/say.h"
#include "src/cmd/text.h"

#define DETAILS_MAX 200 /* tables named one by one in the journal */

bool restore_table_check(const struct options *o, struct err *e)
{
	if (options_set(o, OPTION_TABLE) && options_text(o, OPTION_REPLACE)) {
		err_set(e, ERR_USAGE, "--replace takes whole databases, --table some tables");
		return err_hint(e, "to bring tables back beside those of a live database: --into and --table");
	}
	if (options_text(o, OPTION_SCHEMA) && !options_set(o, OPTION_TABLE)) {
		err_set(e, ERR_USAGE, "--schema says where tables go, and no table is named");
		return err_hint(e, "name them: --table public.orders --schema restored");
	}
	return true;
}

bool restore_table_beside(bool *out, const struct cmd *c, const struct target *t, struct err *e)
{
	*out = options_text(c->options, OPTION_SCHEMA) != NULL;
	if (*out || !options_set(c->options, OPTION_TABLE))
		return true;
	return retrieve_in_use(out, t->conn, c->cancel, e);
}

/* --- as JSON --- */

static json_t *count_or_null(int64_t n)
{
	return n < 0 ? json_null() : answer_count((uint64_t)n);
}

static json_t *table_document(const struct retrieved *t)
{
	json_t *o = json_object(), *remarks = json_array();

	json_object_set_new(o, "table", answer_text(t->qualified));
	json_object_set_new(o, "restored", answer_text(t->new_qualified));
	json_object_set_new(o, "rows", answer_count(t->rows));
	json_object_set_new(o, "live", json_boolean(t->live));
	json_object_set_new(o, "live_rows", count_or_null(t->live_rows));
	json_object_set_new(o, "missing", count_or_null(t->missing));
	json_object_set_new(o, "changed", count_or_null(t->changed));
	json_object_set_new(o, "unlogged_for", answer_text(t->publication));
	json_object_set_new(o, "insert_missing", answer_text(t->insert_missing));
	json_object_set_new(o, "overwrite", answer_text(t->overwrite));
	json_object_set_new(o, "sequences", answer_text(t->sequences));
	json_object_set_new(o, "in_place", answer_text(t->in_place));
	json_object_set_new(o, "drop", answer_text(t->drop));
	for (size_t i = 0; i < t->remark_count; i++)
		json_array_append_new(remarks, answer_text(t->remarks[i]));
	json_object_set_new(o, "remarks", remarks);
	return o;
}

static json_t *document(const struct cmd *c, const struct manifest *m, const struct retrieve_result *result)
{
	json_t *o = json_object(), *tables = json_array(), *findings = json_array();

	json_object_set_new(o, "snapshot", answer_text(m->id));
	json_object_set_new(o, "from", answer_text(m->database));
	json_object_set_new(o, "into", answer_text(result->database));
	json_object_set_new(o, "dry_run", json_boolean(cmd_dry_run(c)));
	json_object_set_new(o, "rows", answer_count(result->rows));
	json_object_set_new(o, "bytes", answer_count(result->plain_bytes));
	json_object_set_new(o, "seconds", answer_seconds(result->duration_us));
	json_object_set_new(o, "phases", answer_phases(result->phases, result->phase_count));
	for (size_t i = 0; i < result->count; i++)
		json_array_append_new(tables, table_document(&result->tables[i]));
	json_object_set_new(o, "restored_tables", tables);
	for (size_t i = 0; i < result->finding_count; i++) {
		json_t *finding = json_object();

		json_object_set_new(finding, "object", answer_text(result->findings[i].object));
		json_object_set_new(finding, "what", answer_text(result->findings[i].what));
		json_object_set_new(finding, "source_fault", json_boolean(result->findings[i].source_fault));
		json_array_append_new(findings, finding);
	}
	json_object_set_new(o, "findings", findings);
	return o;
}

/* --- as text: SQL, in which all that is not a statement is a comment --- */

/* Names in comments stay on their line, whatever they hold. */
static void comment(struct buf *out, const char *text)
{
	buf_add(out, "-- ");
	text_printable(out, text);
	buf_add(out, "\n");
}

static void block(struct buf *out, const char *title, const char *sql, bool transaction)
{
	if (!sql)
		return;
	buf_add(out, "\n");
	comment(out, title);
	buf_addf(out, "%s%s%s", transaction ? "BEGIN;\n" : "", sql, transaction ? "COMMIT;\n" : "");
}

static void counts_text(struct buf *out, const struct retrieved *t)
{
	char rows[TEXT_SIZE], live[TEXT_SIZE], missing[TEXT_SIZE], changed[TEXT_SIZE];

	buf_addf(out, "-- %s rows restored", text_count(rows, t->rows));
	if (!t->live)
		buf_add(out, "; there is no such table now");
	if (t->live_rows >= 0)
		buf_addf(out, "; the live table has %s", text_count(live, (uint64_t)t->live_rows));
	if (t->missing >= 0)
		buf_addf(out, ", where %s of these keys are missing and %s rows are different",
		        text_count(missing, (uint64_t)t->missing), text_count(changed, (uint64_t)t->changed));
	buf_add(out, "\n");
	if (*t->unknown) {
		buf_add(out, "-- not compared: ");
		text_printable(out, t->unknown);
		buf_add(out, "\n");
	}
}

static void table_text(struct buf *out, const struct manifest *m, const struct retrieved *t)
{
	char when[CLOCK_TEXT_SIZE];
	struct buf line = BUF_INIT;

	clock_rfc3339(when, m->instant_us);
	buf_addf(&line, "%s as it was at %s is in %s", t->qualified, when, t->new_qualified);
	buf_add(out, "\n");
	comment(out, buf_str(&line));
	buf_release(&line);
	counts_text(out, t);
	for (size_t i = 0; i < t->remark_count; i++)
		comment(out, t->remarks[i]);
	block(out, "rows that are missing; what is there stays as it is", t->insert_missing, true);
	block(out, "or: also set back rows that were changed, losing what they are now", t->overwrite, true);
	block(out, "afterwards: sequences past the highest value", t->sequences, false);
	block(out,
	        "or, in place of all that: the restored table takes the name, with what the snapshot recorded about it",
	        t->in_place, false);
	block(out, "when it is not needed any more", t->drop, false);
}

static void result_text(struct buf *out, const struct manifest *m, const struct retrieve_result *result)
{
	buf_add(out, "-- Choose: each block stands alone. Nothing of this was run.\n");
	for (size_t i = 0; i < result->finding_count; i++) {
		struct buf line = BUF_INIT;

		buf_addf(&line, "%s: %s%s", result->findings[i].object,
		        result->findings[i].source_fault ? "the source's own data breaks this: " : "not restored: ",
		        result->findings[i].what);
		comment(out, buf_str(&line));
		buf_release(&line);
	}
	for (size_t i = 0; i < result->count; i++)
		table_text(out, m, &result->tables[i]);
}

static void plan_text(struct buf *out, const struct retrieve_result *result)
{
	char rows[TEXT_SIZE], bytes[TEXT_SIZE];
	uint64_t total = 0;

	for (size_t i = 0; i < result->count; i++) {
		const struct retrieved *t = &result->tables[i];

		buf_add(out, "would restore ");
		text_printable(out, t->qualified);
		buf_add(out, " as ");
		text_printable(out, t->new_qualified);
		buf_addf(out, ": %s rows, %s%s\n", text_count(rows, t->rows), text_bytes(bytes, t->bytes),
		        t->publication ? ", unlogged because of a publication" : "");
		total += t->bytes;
	}
	buf_addf(out, "disk needed on the server: %s and their indexes; whether it is free cannot be seen from here\n",
	        text_bytes(bytes, total));
	buf_add(out, "predicted time: unknown for single tables\n");
	buf_add(out, "connections to be ended: none; nothing was changed\n");
}

static bool print(const struct cmd *c, const struct manifest *m, const struct retrieve_result *result, struct err *e)
{
	struct buf out = BUF_INIT;
	bool ok;

	if (cmd_json(c))
		return say_result_json(document(c, m, result), e);
	if (cmd_dry_run(c))
		plan_text(&out, result);
	else
		result_text(&out, m, result);
	ok = say_result(buf_view(&out), e);
	buf_release(&out);
	return ok;
}

/* --- doing it --- */

static void record_tables(struct journal_event *v, const struct retrieve_result *result)
{
	struct buf list = BUF_INIT;

	for (size_t i = 0; i < result->count && i < DETAILS_MAX; i++)
		buf_addf(&list, "%s%s as %s", i ? ", " : "", result->tables[i].qualified,
		        result->tables[i].new_qualified);
	if (result->count > DETAILS_MAX)
		buf_addf(&list, " and %zu more", result->count - DETAILS_MAX);
	if (list.len)
		record_detail(v, "restored", "%s", buf_str(&list));
	buf_clear(&list);
	for (size_t i = 0; i < result->finding_count && i < DETAILS_MAX; i++)
		if (!result->findings[i].source_fault)
			buf_addf(&list, "%s%s", list.len ? ", " : "", result->findings[i].object);
	if (list.len)
		record_detail(v, "lost", "%s", buf_str(&list));
	buf_release(&list);
}

static bool run(struct retrieve_result *result, const struct cmd *c, struct repository *r, const struct manifest *m,
        const struct target *t, struct err *e)
{
	const struct retrieve_options o = { .target = t->conn,
		.tables = c->options->values[OPTION_TABLE].list,
		.schema = options_text(c->options, OPTION_SCHEMA),
		.jobs = cmd_jobs(c),
		.dry_run = cmd_dry_run(c) };
	struct journal_event event = record_start("restore-table", m->database);
	struct progress *progress = progress_start();
	bool ok = retrieve_tables(result, r, m, &o, progress_observer(progress), c->cancel, e);

	progress_stop(progress);
	record_server(&event, t->conn);
	event.snapshot_id = m->id;
	event.rows = result->rows;
	event.plain_bytes = result->plain_bytes;
	event.phases = result->phases;
	event.phase_count = result->phase_count;
	record_tables(&event, result);
	record_finish(&event, c, r, result->finding_count > 0, ok ? NULL : e);
	return ok;
}

/* Nothing is ever put over what is there; but a protected database gets no new tables by a slip of the hand either. */
static bool confirmed(const struct cmd *c, const struct target *t, struct err *e)
{
	struct pg_session *s = NULL;
	char word[CONFIRM_SIZE];
	bool ok;

	if (cmd_dry_run(c) || (!confirm_is_protected(t->entry) && !options_text(c->options, OPTION_CONFIRM)))
		return true;
	if (!pg_session_open(&s, t->conn, PG_SESSION_PLAIN, "restore", c->cancel, e))
		return false;
	confirm_word(word, t->entry, PQhost(pg_session_conn(s)), PQdb(pg_session_conn(s)));
	ok = confirm_given(c, word, PQdb(pg_session_conn(s)), e);
	pg_session_close(s);
	return ok;
}

/* The others are there. */
static void say_lost(struct cmd *c, const struct manifest *m, const struct retrieve_result *result)
{
	struct err e = ERR_INIT;

	for (size_t i = 0; i < result->finding_count; i++) {
		if (result->findings[i].source_fault)
			continue;
		err_set(&e, ERR_FAILED, "%s could not be restored: %s", result->findings[i].object,
		        result->findings[i].what);
		err_hint(&e, "the other tables are there; its rows: drtool cat %s --table NAME", m->id);
		say_error(&e);
		c->status = 1;
		return;
	}
}

bool restore_table_run(
        struct cmd *c, struct repository *r, const struct manifest *m, const struct target *t, struct err *e)
{
	struct retrieve_result result = { 0 };
	char took[TEXT_SIZE], rows[TEXT_SIZE];
	bool ok = confirmed(c, t, e) && run(&result, c, r, m, t, e);

	if (ok && !cmd_dry_run(c))
		say_info("restored %zu table%s, %s rows, in %s", result.count, result.count == 1 ? "" : "s",
		        text_count(rows, result.rows), text_duration(took, result.duration_us));
	ok = ok && print(c, m, &result, e);
	if (ok && result.finding_count > 0)
		c->status = CMD_STATUS_DIFFERS;
	if (ok)
		say_lost(c, m, &result);
	retrieve_result_release(&result);
	return ok;
}
