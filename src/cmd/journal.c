/* src/cmd/journal.c - drtool journal */
#include "storage/repository/journal.h"

#include "src/base/clock.h"
#include "src/cmd/answer.h"
#include "src/cmd/report.h"
#include "src/cmd/say.h"
#include "src/cmd/store.h"
#include "src/cmd/table.h"
#include "src/cmd/text.h"

#define EVENTS_DEFAULT 100

static const char *outcome_word(enum journal_outcome outcome)
{
	switch (outcome) {
	case JOURNAL_DONE:
		return "done";
	case JOURNAL_FAILED:
		return "failed";
	case JOURNAL_REFUSED:
		return "refused";
	case JOURNAL_DIFFERS:
		return "differs";
	}
	return "unknown";
}

static int64_t took(const struct journal_event *v)
{
	return v->finished_us - v->started_us;
}

static void when_text(char out[TEXT_SIZE], int64_t utc_us)
{
	char text[CLOCK_TEXT_SIZE];

	clock_rfc3339(text, utc_us);
	snprintf(out, TEXT_SIZE, "%.10s %.8s", text, text + 11); /* "2026-05-01 12:00:00", UTC */
}

static void table_text(struct buf *out, const struct journal *j)
{
	struct table t = { 0 };
	char text[TEXT_SIZE];

	table_start(&t, "time (UTC)|database|what|snapshot|outcome|>took|>predicted|who|note");
	for (size_t i = 0; i < j->count; i++) {
		const struct journal_event *v = j->events[i];
		const char *kept = journal_detail(v, "kept");
		char *who = xasprintf("%s@%s", v->user, v->host);
		char *note = kept ? xasprintf("kept as %s", kept) : xstrdup(v->message ? v->message : "");

		when_text(text, v->started_us);
		table_cell(&t, text);
		table_cell(&t, v->database);
		table_cell(&t, v->event);
		table_cell(&t, v->snapshot_id ? v->snapshot_id : "-");
		table_cell(&t, outcome_word(v->outcome));
		table_cell(&t, text_duration(text, took(v)));
		table_cell(&t, report_error(text, v) ? text : "-");
		table_cell(&t, who);
		table_cell(&t, note);
		free(who);
		free(note);
	}
	table_write(out, &t);
	table_release(&t);
}

/* Text inside a Markdown document stays text. */
static void markdown_text(struct buf *out, const char *text)
{
	struct buf printable = BUF_INIT;

	text_printable(&printable, text);
	for (const char *at = buf_str(&printable); *at; at++) {
		if (strchr("\\`*_{}[]<>#|", *at))
			buf_add(out, "\\");
		buf_addn(out, at, 1);
	}
	buf_release(&printable);
}

static void markdown_line(struct buf *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buf_addf(out, "- %s: ", name);
	markdown_text(out, value);
	buf_add(out, "\n");
}

static void prediction_line(struct buf *out, const struct journal_event *v)
{
	char predicted[TEXT_SIZE], text[TEXT_SIZE], error[TEXT_SIZE];

	if (v->predicted_us <= 0)
		return;
	buf_addf(out, "- predicted: %s", text_duration(predicted, v->predicted_us));
	if (report_error(error, v))
		buf_addf(out, ", took %s: %s", text_duration(text, took(v)), error);
	buf_add(out, "\n");
}

/* For the page after the incident: one section per event, oldest first. */
static void markdown(struct buf *out, const struct journal *j)
{
	char text[TEXT_SIZE];

	buf_add(out, "# Journal\n");
	for (size_t i = 0; i < j->count; i++) {
		const struct journal_event *v = j->events[i];
		struct buf phases = BUF_INIT;

		when_text(text, v->started_us);
		buf_addf(out, "\n## %s UTC: %s of ", text, v->event);
		markdown_text(out, v->database);
		buf_addf(out, ", %s\n\n", outcome_word(v->outcome));
		buf_add(out, "- by: ");
		markdown_text(out, v->user);
		buf_add(out, " on ");
		markdown_text(out, v->host);
		buf_add(out, "\n");
		markdown_line(out, "server", v->server);
		markdown_line(out, "database", v->dbname);
		markdown_line(out, "snapshot", v->snapshot_id);
		markdown_line(out, "took", text_duration(text, took(v)));
		prediction_line(out, v);
		report_phases(&phases, v->phases, v->phase_count);
		markdown_line(out, "phases", buf_str(&phases));
		markdown_line(out, "message", v->message);
		for (size_t k = 0; k < v->detail_count; k++) /* those in JSON are for programs */
			if (v->details[k].value[0] != '{')
				markdown_line(out, v->details[k].name, v->details[k].value);
		buf_release(&phases);
	}
}

static json_t *event_document(const struct journal_event *v)
{
	json_t *o = json_object(), *details = json_object();
	double error;

	json_object_set_new(o, "event", answer_text(v->event));
	json_object_set_new(o, "database", answer_text(v->database));
	json_object_set_new(o, "outcome", answer_text(outcome_word(v->outcome)));
	json_object_set_new(o, "started", answer_time(v->started_us));
	json_object_set_new(o, "finished", answer_time(v->finished_us));
	json_object_set_new(o, "seconds", answer_seconds(took(v)));
	json_object_set_new(o, "predicted_seconds", v->predicted_us ? answer_seconds(v->predicted_us) : json_null());
	json_object_set_new(o, "prediction_error", predict_error(&error, v) ? answer_share(error) : json_null());
	json_object_set_new(o, "host", answer_text(v->host));
	json_object_set_new(o, "user", answer_text(v->user));
	json_object_set_new(o, "server", answer_text(v->server));
	json_object_set_new(o, "dbname", answer_text(v->dbname));
	json_object_set_new(o, "snapshot", answer_text(v->snapshot_id));
	json_object_set_new(o, "rows", answer_count(v->rows));
	json_object_set_new(o, "bytes", answer_count(v->plain_bytes));
	json_object_set_new(o, "message", answer_text(v->message));
	json_object_set_new(o, "phases", answer_phases(v->phases, v->phase_count));
	for (size_t i = 0; i < v->detail_count; i++)
		json_object_set_new(details, v->details[i].name, answer_text(v->details[i].value));
	json_object_set_new(o, "details", details);
	return o;
}

static bool print(const struct cmd *c, const struct journal *j, struct err *e)
{
	struct buf out = BUF_INIT;
	bool ok = true;

	if (cmd_json(c)) {
		json_t *list = json_array();

		for (size_t i = 0; i < j->count; i++)
			json_array_append_new(list, event_document(j->events[i]));
		return say_result_json(list, e);
	}
	if (options_set(c->options, OPTION_MARKDOWN))
		markdown(&out, j);
	else if (j->count)
		table_text(&out, j);
	if (out.len)
		ok = say_result(buf_view(&out), e);
	else
		say_info("nothing is recorded yet");
	buf_release(&out);
	return ok;
}

bool cmd_journal(struct cmd *c, struct err *e)
{
	const char *word = c->options->argument_count ? c->options->arguments[0] : NULL;
	const char *database = word ? store_database_name(c, word) : NULL;
	struct journal j = { 0 };
	struct repository *r = NULL;
	bool ok = false;

	if (!store_open(&r, c, e) ||
	        !journal_load(&j, r, database, (size_t)options_number(c->options, OPTION_LAST, EVENTS_DEFAULT), e))
		goto done;
	say_info("repository %s", r->storage->where);
	ok = print(c, &j, e);
	if (j.damaged > 0) {
		err_wrap(&j.example, "%zu event%s of the journal cannot be read", j.damaged, j.damaged == 1 ? "" : "s");
		err_hint(&j.example,
		        "the other events are shown; look at the repository's disk, and at what else it holds, with: drtool verify");
		say_error(&j.example);
		c->status = CMD_STATUS_DIFFERS;
	}
done:
	journal_release(&j);
	repository_close(r);
	return ok;
}
