/* src/cmd/status.c - drtool status */
#include "src/monitor/status.h"

#include "src/base/clock.h"
#include "src/cmd/answer.h"
#include "src/cmd/place.h"
#include "src/cmd/report.h"
#include "src/cmd/say.h"
#include "src/cmd/status_server.h"
#include "src/cmd/store.h"
#include "src/cmd/target.h"
#include "src/cmd/text.h"

#define STATUS_MISSED  5
#define NAGIOS_WARNING 1 /* the exit statuses of the Monitoring Plugins guidelines */
#define NAGIOS_MISSED  2

struct answer {
	struct status status;
	const struct status_server *server;
};

static bool read_one(struct answer *a, const struct cmd *c, struct repository *r, const char *database, struct err *e)
{
	struct status_objectives o = {
		.rto_us = options_number(c->options, OPTION_RTO, 0) * 1000000,
		.rpo_us = options_number(c->options, OPTION_RPO, 0) * 1000000,
	};

	return status_read(&a->status, r, database, &o, &a->server->live, clock_utc_us(), e);
}

/* --- showing --- */

static const char *verdict(bool objective, bool missed, bool unknown)
{
	if (!objective)
		return "";
	return missed ? "MISSED" : unknown ? "unknown" : "ok";
}

static void verdict_text(struct buf *out, const char *word, const char *name, int64_t objective_us)
{
	char text[TEXT_SIZE];

	if (!*word)
		return;
	buf_addf(out, "  %s%s%s (%s %s)",
	        say_color(strcmp(word, "ok") == 0       ? 'g'
	                  : strcmp(word, "MISSED") == 0 ? 'r'
	                                                : 'y'),
	        word, say_color('0'), name, text_duration(text, objective_us));
}

static void snapshot_line(struct buf *out, const char *name, const struct manifest *m, int64_t now_us)
{
	char age[TEXT_SIZE];

	buf_addf(out, "  %-18s", name);
	if (m)
		buf_addf(out, "%s, %s old", m->id, text_age(age, now_us - m->instant_us));
	else
		buf_add(out, "none");
}

static void prediction_line(struct buf *out, const struct journal_event *v)
{
	char predicted[TEXT_SIZE], took[TEXT_SIZE], error[TEXT_SIZE] = "", age[TEXT_SIZE];

	report_error(error, v);
	buf_addf(out, "  last prediction   %s, and %s took %s: %s, %s ago\n", text_duration(predicted, v->predicted_us),
	        v->event, text_duration(took, v->finished_us - v->started_us), error,
	        text_age(age, clock_utc_us() - v->finished_us));
}

static void restore_lines(struct buf *out, const struct answer *a, int64_t rto_us)
{
	const struct status *s = &a->status;
	char took[TEXT_SIZE], bytes[TEXT_SIZE], age[TEXT_SIZE];

	buf_add(out, "  restore predicted ");
	if (s->prediction.basis == PREDICTION_NONE)
		buf_add(out, "unknown: no whole restore or test restore is recorded");
	else
		buf_addf(out, "%s for %s of rows, by %s", text_duration(took, s->prediction.duration_us),
		        text_bytes(bytes, s->plain_bytes), s->prediction.text);
	verdict_text(out, verdict(rto_us > 0, s->rto_missed, s->rto_unknown), "rto", rto_us);
	buf_add(out, "\n");
	if (s->restored)
		buf_addf(out, "  restore measured  %s%s, %s ago\n",
		        text_duration(took, s->restored->finished_us - s->restored->started_us),
		        journal_detail(s->restored, PREDICT_USABLE_FIRST) ? " until it was usable" : "",
		        text_age(age, clock_utc_us() - s->restored->finished_us));
	if (s->predicted)
		prediction_line(out, s->predicted);
}

static void server_lines(struct buf *out, const struct status_server *s)
{
	char size[TEXT_SIZE], age[TEXT_SIZE];

	if (s->live.size)
		buf_addf(out, "  database now      %s\n", text_bytes(size, s->live.size));
	else
		buf_addf(out, "  database now      unknown: %s\n", s->why);
	if (s->live.size && !s->kept.count)
		buf_addf(out, "  kept              %s%s\n", s->kept_known ? "none" : "unknown: ", s->why);
	for (size_t i = 0; i < s->kept.count; i++) {
		const struct kept *k = &s->kept.items[i];

		buf_addf(out, "  %-18s", i ? "" : "kept");
		text_printable(out, k->name);
		buf_addf(out, ", %s, put aside %s ago%s\n",
		        k->size < 0 ? "of unknown size" : text_bytes(size, (uint64_t)k->size),
		        text_age(age, clock_utc_us() - k->until_us),
		        k->broken ? ", half dropped: drop it once more" : "");
	}
}

static void standby_line(struct buf *out, const struct answer *a)
{
	const struct standby *copy = &a->server->live.standby;
	const struct proof *p = a->status.standby_proof;
	char age[TEXT_SIZE];

	if (!a->server->standby_known)
		return;
	buf_add(out, "  standby copy      ");
	if (!copy->name) {
		buf_add(out, "none\n");
		return;
	}
	text_printable(out, copy->name);
	buf_addf(out, " of %s", copy->snapshot_id);
	if (p)
		buf_addf(out, ", proved %s ago", text_age(age, clock_utc_us() - p->finished_us));
	buf_addf(out, a->status.standby_doubt ? ", not ready: %s\n" : ", ready%s\n",
	        a->status.standby_doubt ? a->status.standby_doubt : "");
}

static void unfinished_line(struct buf *out, const struct cmd *c, const struct status *s)
{
	const char *word = c->options->argument_count ? c->options->arguments[0] : store_database_entry(c, s->database);
	const struct unfinished *u = &s->unfinished;
	struct arena a = ARENA_INIT;

	if (unfinished_left(u))
		buf_addf(out, "  not finished      %zu index%s, %zu foreign key%s: drtool restore --finish %s\n",
		        u->indexes, u->indexes == 1 ? "" : "es", u->foreign_keys, u->foreign_keys == 1 ? "" : "s",
		        place_word(&a, word, NULL));
	arena_release(&a);
}

static void refuted_text(struct buf *out, const struct status *s)
{
	char age[TEXT_SIZE];

	if (s->refuted && s->good_age_us < 0)
		buf_add(out, ", and does not come back as it was, nor does any other");
	else if (s->refuted)
		buf_addf(out, ", and does not come back as it was; the newest other one is %s old",
		        text_age(age, s->good_age_us));
}

static void one_text(struct buf *out, const struct cmd *c, const struct answer *a)
{
	int64_t rto = options_number(c->options, OPTION_RTO, 0) * 1000000;
	int64_t rpo = options_number(c->options, OPTION_RPO, 0) * 1000000, now = clock_utc_us();
	const struct status *s = &a->status;
	char stored[TEXT_SIZE], week[TEXT_SIZE];

	text_printable(out, s->database);
	buf_add(out, "\n");
	snapshot_line(out, "newest snapshot", s->newest, now);
	refuted_text(out, s);
	verdict_text(out, verdict(rpo > 0, s->rpo_missed, false), "rpo", rpo);
	buf_add(out, "\n");
	snapshot_line(out, "newest good proof", s->proved, now);
	buf_add(out, "\n");
	restore_lines(out, a, rto);
	server_lines(out, a->server);
	standby_line(out, a);
	unfinished_line(out, c, s);
	buf_addf(out, "  repository        %zu snapshot%s, %s added by them, %s in the last 7 days\n", s->snapshots,
	        s->snapshots == 1 ? "" : "s", text_bytes(stored, s->stored_bytes),
	        text_bytes(week, s->stored_week_bytes));
	if (s->damaged)
		buf_addf(out, "  damaged           %zu manifest%s cannot be read: see drtool list\n", s->damaged,
		        s->damaged == 1 ? "" : "s");
}

static json_t *prediction_document(const struct prediction *p)
{
	static const char *const bases[] = { "none", "restore", "proof", "standby" };
	json_t *o = json_object();

	json_object_set_new(o, "basis", json_string(bases[p->basis]));
	json_object_set_new(o, "seconds", p->basis ? answer_seconds(p->duration_us) : json_null());
	json_object_set_new(o, "text", answer_text(p->text));
	return o;
}

/* How the last one turned out. */
static json_t *predicted_document(const struct journal_event *v)
{
	json_t *o;
	double error;

	if (!v || !predict_error(&error, v))
		return json_null();
	o = json_object();
	json_object_set_new(o, "event", answer_text(v->event));
	json_object_set_new(o, "finished", answer_time(v->finished_us));
	json_object_set_new(o, "predicted_seconds", answer_seconds(v->predicted_us));
	json_object_set_new(o, "seconds", answer_seconds(v->finished_us - v->started_us));
	json_object_set_new(o, "error", answer_share(error));
	return o;
}

static json_t *standby_document(const struct answer *a)
{
	const struct standby *copy = &a->server->live.standby;
	const struct status *s = &a->status;
	json_t *o;

	if (!copy->name)
		return json_null();
	o = answer_standby(copy);
	json_object_set_new(o, "proved", s->standby_proof ? answer_time(s->standby_proof->finished_us) : json_null());
	json_object_set_new(o, "ready", json_boolean(!s->standby_doubt));
	json_object_set_new(o, "why", answer_text(s->standby_doubt));
	return o;
}

static json_t *unfinished_document(const struct unfinished *u)
{
	json_t *o;

	if (!unfinished_left(u))
		return json_null();
	o = json_object();
	json_object_set_new(o, "snapshot", answer_text(u->snapshot_id));
	json_object_set_new(o, "indexes", answer_count(u->indexes));
	json_object_set_new(o, "foreign_keys", answer_count(u->foreign_keys));
	return o;
}

static json_t *one_document(const struct cmd *c, const struct answer *a)
{
	const struct status *s = &a->status;
	int64_t rto = options_number(c->options, OPTION_RTO, 0), rpo = options_number(c->options, OPTION_RPO, 0);
	json_t *o = json_object();

	json_object_set_new(o, "database", answer_text(s->database));
	json_object_set_new(o, "snapshots", answer_count(s->snapshots));
	json_object_set_new(o, "damaged", answer_count(s->damaged));
	json_object_set_new(o, "newest", s->newest ? answer_manifest(s->newest) : json_null());
	json_object_set_new(o, "age_seconds", s->newest ? answer_seconds(s->age_us) : json_null());
	json_object_set_new(o, "newest_differs", json_boolean(s->refuted > 0));
	json_object_set_new(o, "good_age_seconds", s->good_age_us < 0 ? json_null() : answer_seconds(s->good_age_us));
	json_object_set_new(o, "proved", s->proved ? answer_text(s->proved->id) : json_null());
	json_object_set_new(o, "proof", answer_proof(s->proof));
	json_object_set_new(o, "prediction", prediction_document(&s->prediction));
	json_object_set_new(o, "last_prediction", predicted_document(s->predicted));
	json_object_set_new(o, "measured_seconds",
	        s->restored ? answer_seconds(s->restored->finished_us - s->restored->started_us) : json_null());
	json_object_set_new(o, "size", a->server->live.size ? answer_count(a->server->live.size) : json_null());
	json_object_set_new(o, "kept", a->server->kept_known ? answer_kept(&a->server->kept) : json_null());
	json_object_set_new(o, "unfinished", unfinished_document(&s->unfinished));
	json_object_set_new(o, "stored_bytes", answer_count(s->stored_bytes));
	json_object_set_new(o, "stored_week_bytes", answer_count(s->stored_week_bytes));
	json_object_set_new(o, "standby", standby_document(a));
	json_object_set_new(o, "rto_seconds", rto ? json_integer(rto) : json_null());
	json_object_set_new(o, "rpo_seconds", rpo ? json_integer(rpo) : json_null());
	json_object_set_new(o, "rto_missed", json_boolean(s->rto_missed));
	json_object_set_new(o, "rpo_missed", json_boolean(s->rpo_missed));
	return o;
}

/* "DRTOOL CRITICAL - shop: ... | 'shop age'=10800s;;86400 ..." */
static int nagios_text(struct buf *out, const struct cmd *c, const struct answer *answers, size_t count)
{
	static const char *const words[] = { "OK", "WARNING", "CRITICAL" };
	struct buf text = BUF_INIT, data = BUF_INIT;
	char age[TEXT_SIZE], took[TEXT_SIZE], rpo[24] = "", rto[24] = "";
	int worst = count ? 0 : NAGIOS_WARNING;

	if (options_set(c->options, OPTION_RPO))
		snprintf(rpo, sizeof(rpo), "%lld", (long long)options_number(c->options, OPTION_RPO, 0));
	if (options_set(c->options, OPTION_RTO))
		snprintf(rto, sizeof(rto), "%lld", (long long)options_number(c->options, OPTION_RTO, 0));
	for (size_t i = 0; i < count; i++) {
		const struct status *s = &answers[i].status;
		int level = s->rpo_missed || s->rto_missed ? NAGIOS_MISSED
		            : s->rto_unknown || s->damaged || !s->newest || s->refuted ||
		                            unfinished_left(&s->unfinished)
		                    ? NAGIOS_WARNING
		                    : 0;

		worst = level > worst ? level : worst;
		buf_addf(&text, "%s%s: %s%s, restore predicted %s", i ? "; " : "", s->database,
		        s->newest ? "newest snapshot " : "no snapshot", s->newest ? text_age(age, s->age_us) : "",
		        s->prediction.basis ? text_duration(took, s->prediction.duration_us) : "unknown");
		if (unfinished_left(&s->unfinished))
			buf_addf(&text, ", %zu indexes and %zu foreign keys to be made", s->unfinished.indexes,
			        s->unfinished.foreign_keys);
		if (s->refuted)
			buf_add(&text, ", the newest snapshot does not come back as it was");
		if (s->good_age_us >= 0)
			buf_addf(&data, " '%s age'=%llds;;%s;0", s->database, (long long)(s->good_age_us / 1000000),
			        rpo);
		if (s->prediction.basis)
			buf_addf(&data, " '%s restore'=%.1fs;;%s;0", s->database,
			        (double)s->prediction.duration_us / 1e6, rto);
	}
	buf_addf(out, "DRTOOL %s - %s%s%s\n", words[worst], count ? buf_str(&text) : "no snapshots",
	        data.len ? " |" : "", buf_str(&data));
	buf_release(&text);
	buf_release(&data);
	return worst;
}

static bool print(struct cmd *c, const struct answer *answers, size_t count, struct err *e)
{
	struct buf out = BUF_INIT;
	bool ok = true;

	if (cmd_json(c)) {
		json_t *list = json_array();

		for (size_t i = 0; i < count; i++)
			json_array_append_new(list, one_document(c, &answers[i]));
		return say_result_json(list, e);
	}
	if (options_set(c->options, OPTION_NAGIOS))
		c->status = nagios_text(&out, c, answers, count);
	else
		for (size_t i = 0; i < count; i++)
			one_text(&out, c, &answers[i]);
	if (out.len)
		ok = say_result(buf_view(&out), e);
	else
		say_info("no snapshots yet");
	buf_release(&out);
	return ok;
}

/* --- which databases --- */

/* The one that was named, else all that the repository holds and all of drtool.yml. */
static bool choose(struct manifest_databases *out, struct cmd *c, struct repository *r, struct err *e)
{
	const char *word = c->options->argument_count ? c->options->arguments[0] : NULL;
	struct target t = TARGET_INIT;
	bool ok = true;

	if (!word) {
		ok = manifest_databases(out, r, e);
		for (size_t i = 0; ok && i < config_database_count(c->config); i++)
			manifest_databases_add(out, store_database_name(c, config_database(c->config, i)->name));
		return ok;
	}
	if (!conninfo_is_connection_string(word)) {
		manifest_databases_add(out, store_database_name(c, word));
		return true;
	}
	ok = target_find(&t, c, word, "the database", e);
	if (ok && !t.repository_name && !conninfo_get(t.conn, "dbname")) {
		ok = err_set(e, ERR_USAGE, "the connection string names no database");
		err_hint(e, "add dbname=NAME, or give the database's name in the repository");
	}
	if (ok)
		manifest_databases_add(out, t.repository_name ? t.repository_name : conninfo_get(t.conn, "dbname"));
	target_release(&t);
	return ok;
}

/* A slip of the hand must not pass for a database without snapshots. */
static bool check_known(const struct cmd *c, const char *word, const struct status *s, struct err *e)
{
	if (!word || conninfo_is_connection_string(word) || config_database_find(c->config, word) || s->newest ||
	        s->damaged)
		return true;
	err_set(e, ERR_USAGE, "database \"%s\" is neither in drtool.yml nor in the repository", word);
	return err_hint(e, "without a name all of them are shown: drtool status");
}

static bool answer_all(struct answer *answers, struct status_server *servers, struct cmd *c, struct repository *r,
        const struct manifest_databases *databases, struct err *e)
{
	const char *word = c->options->argument_count ? c->options->arguments[0] : NULL;

	for (size_t i = 0; i < databases->count; i++) {
		answers[i].server = &servers[i];
		status_server_ask(servers, i, c, word, databases->names[i]);
		if (!read_one(&answers[i], c, r, databases->names[i], e) ||
		        !check_known(c, word, &answers[i].status, e))
			return false;
		if (answers[i].status.rpo_missed || answers[i].status.rto_missed)
			c->status = STATUS_MISSED;
	}
	return print(c, answers, databases->count, e);
}

bool cmd_status(struct cmd *c, struct err *e)
{
	struct manifest_databases databases = { 0 };
	struct repository *r = NULL;
	bool ok = store_open(&r, c, e) && choose(&databases, c, r, e);
	struct answer *answers = xcalloc(databases.count + 1, sizeof(*answers));
	struct status_server *servers = xcalloc(databases.count + 1, sizeof(*servers));

	ok = ok && answer_all(answers, servers, c, r, &databases, e);
	for (size_t i = 0; i < databases.count; i++) {
		status_release(&answers[i].status);
		status_server_release(&servers[i]);
	}
	free(answers);
	free(servers);
	manifest_databases_release(&databases);
	repository_close(r);
	return ok;
}
