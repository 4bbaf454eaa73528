/* src/cmd/replace_report.c - what replace.c says; see replace.h */
#include "src/base/clock.h"
#include "src/cmd/answer.h"
#include "src/cmd/record.h"
#include "src/cmd/replace_internal.h"
#include "src/cmd/report.h"
#include "src/cmd/say.h"
#include "src/cmd/swap_command.h"
#include "src/cmd/text.h"

void replace_phase(struct replace *x, const char *name, int64_t duration_us)
{
	size_t i = 0;

	while (i < x->phase_count && strcmp(x->phases[i].name, name) != 0)
		i++;
	if (i == REPLACE_PHASES || duration_us < 1000)
		return;
	if (i == x->phase_count)
		x->phases[x->phase_count++] = (struct proof_phase){ .name = name };
	x->phases[i].duration_us += duration_us;
}

void replace_say_plan(const struct replace *x)
{
	const struct manifest *m = x->manifest;
	char age[TEXT_SIZE], rows[TEXT_SIZE], size[TEXT_SIZE], took[TEXT_SIZE];
	struct buf text = BUF_INIT;
	char *lines, *rest, *line;
	json_t *since;

	buf_addf(&text, "%s at %s, to be replaced:\n", x->place.live.database.name,
	        PQhost(pg_session_conn(x->place.maintenance)));
	place_describe(&text, &x->place);
	if (x->free_known)
		buf_addf(&text, "  free disk     %s on the server, for both until the old one is dropped\n",
		        text_bytes(size, x->free_bytes));
	else
		buf_add(&text, "  free disk     unknown from here, for both until the old one is dropped\n");
	buf_addf(&text, "by snapshot %s/%s:\n  of            %s ago, %s rows, %s on the server then\n", m->database,
	        m->id, text_age(age, clock_utc_us() - m->instant_us), text_count(rows, m->rows),
	        text_bytes(size, m->database_size));
	if (x->prediction.basis == PREDICTION_NONE)
		buf_add(&text, "  will take     unknown, no restore or test restore of this database is recorded\n");
	else
		buf_addf(&text, "  will take     %s, by %s\n", text_duration(took, x->prediction.duration_us),
		        x->prediction.text);
	replace_standby_text(&text, x);
	since = written_since(x->at_snapshot, x->place.written);
	buf_add(&text, "rows written since that snapshot: ");
	written_text(&text, since);
	buf_add(&text, "\n");
	json_decref(since);
	lines = rest = buf_detach(&text);
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line)
			say_info("%s", line);
	}
	free(lines);
}

void replace_say_later(const struct replace *x)
{
	char took[TEXT_SIZE];
	struct buf text = BUF_INIT;

	usable_describe(&text, x->planned.left, x->planned.left_count);
	say_info("made when it is in use already: %s", buf_str(&text));
	if (x->prediction_later.basis == PREDICTION_NONE)
		say_info("  will take     unknown, none was measured yet");
	else
		say_info("  will take     %s, by %s", text_duration(took, x->prediction_later.duration_us),
		        x->prediction_later.text);
	buf_release(&text);
}

void replace_record(const struct replace *x, const struct err *why)
{
	struct journal_event event = record_start("replace", place_repository_name(&x->place));

	event.started_us = clock_utc_us() - (clock_monotonic_us() - x->started);
	record_server(&event, x->place.target.conn);
	event.snapshot_id = x->manifest->id;
	/* Of a restore, which an earlier run did; of a swap alone, when the copy had to be compared first. */
	event.predicted_us = x->taken_up && (!x->by_standby || x->standby_doubt) ? 0 : x->prediction.duration_us;
	event.rows = x->restored.rows;
	event.plain_bytes = x->restored.plain_bytes;
	event.phases = (struct proof_phase *)x->phases;
	event.phase_count = x->phase_count;
	if (!why && *x->swap.kept)
		record_detail(&event, "kept", "%s", x->swap.kept);
	if (!why)
		written_record(&event, x->at_swap);
	if (!why && x->given.conn) {
		record_detail(&event, "swap", "by a command");
		record_detail(&event, "into", "%s", x->restored.database);
	}
	if (!why)
		record_detail(&event, "swap_ms", "%lld", (long long)(x->swap.window_us / 1000));
	if (x->by_standby)
		record_detail(&event, "standby", "%s", x->standby.name);
	if (x->later.oid)
		record_detail(&event, PREDICT_USABLE_FIRST, "yes");
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
	json_object_set_new(
	        o, "standby", x->by_standby || replace_standby_ready(x) ? answer_text(x->standby.name) : json_null());
	json_object_set_new(o, "safety_snapshot", *x->safety.id ? json_string(x->safety.id) : json_null());
	json_object_set_new(o, "sessions", json_integer(x->place.live.connections));
	json_object_set_new(o, "size", answer_count(x->place.live.database.size));
	json_object_set_new(o, "free", x->free_known ? answer_count(x->free_bytes) : json_null());
	json_object_set_new(o, "confirm", answer_text(x->place.confirm));
	json_object_set_new(o, "rows", answer_count(dry ? x->manifest->rows : r->rows));
	json_object_set_new(o, "bytes", answer_count(dry ? x->manifest->plain_bytes : r->plain_bytes));
	json_object_set_new(o, "seconds", answer_seconds(took_us));
	json_object_set_new(o, "swap_seconds", answer_seconds(x->swap.window_us));
	json_object_set_new(o, "predicted_seconds",
	        x->prediction.basis == PREDICTION_NONE ? json_null() : answer_seconds(x->prediction.duration_us));
	json_object_set(o, "written_since", x->since ? x->since : json_null());
	json_object_set_new(o, "phases", answer_phases(x->phases, x->phase_count));
	json_object_set_new(o, "usable_seconds", x->later.oid ? answer_seconds(x->usable_us) : json_null());
	json_object_set_new(o, "later", usable_document(replace_left(x)->left, replace_left(x)->left_count));
	json_object_set_new(o, "finish", usable_result(&x->later));
	return o;
}

/* Names that were not changed cannot be changed back. */
static void add_swap_back(struct buf *out, const struct replace *x)
{
	const char *given = options_text(x->c->options, OPTION_SWAP_BACK);

	if (!x->given.conn || (!given && swap_command_back(x->c)))
		return;
	buf_add(out, " --swap-back ");
	if (given && !confirm_may_be_secret(given))
		confirm_add_word(out, given);
	else
		buf_add(out, "COMMAND");
}

static void summary(struct buf *out, const struct replace *x, int64_t took_us)
{
	const struct restore_result *r = &x->restored;
	const char *name = x->place.live.database.name;
	char rows[TEXT_SIZE], bytes[TEXT_SIZE], took[TEXT_SIZE], window[TEXT_SIZE];

	text_printable(out, name);
	buf_addf(out, " is now snapshot %s/%s: %s rows, %s, in %s; the swap took %s%s", x->manifest->database,
	        x->manifest->id, text_count(rows, r->rows), text_bytes(bytes, r->plain_bytes),
	        text_duration(took, x->later.oid ? x->usable_us : took_us), text_duration(window, x->swap.window_us),
	        x->by_standby ? ", by the standby copy (" : " (");
	report_phases(out, x->phases, x->phase_count);
	buf_add(out, ")\n");
	if (x->later.oid)
		usable_tell(out, &x->later);
	if (*x->swap.kept) {
		buf_add(out, "the old database is kept as ");
		text_printable(out, x->swap.kept);
		buf_add(out, "\n");
	}
	if (*x->safety.id)
		buf_addf(out, "what it was is also snapshot %s\n", x->safety.id);
	buf_add(out, "rows written since the snapshot, and not in it: ");
	written_text(out, x->since);
	buf_addf(out, "\nto go back: drtool undo %s", x->place.word);
	add_swap_back(out, x);
	buf_add(out, "\n");
	if (*x->swap.kept) {
		buf_addf(out, "when it is no longer needed: drtool drop-old %s ", x->place.word);
		text_printable(out, x->swap.kept);
		buf_add(out, "\n");
	}
}

bool replace_tell(const struct replace *x, struct err *e)
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
