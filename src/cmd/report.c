/* src/cmd/report.c - see report.h */
#include "src/cmd/report.h"

#include "restore/restore.h"
#include "restore/standby.h"
#include "src/cmd/place.h"
#include "src/cmd/progress.h"
#include "src/cmd/record.h"
#include "src/cmd/say.h"
#include "src/cmd/target.h"
#include "src/cmd/text.h"

const char *report_outcome(enum proof_outcome outcome)
{
	switch (outcome) {
	case PROOF_GOOD:
		return "good";
	case PROOF_SOURCE_FAULTS:
		return "source faults";
	case PROOF_DIFFERS:
		return "differs";
	}
	return "unknown";
}

void report_phases(struct buf *out, const struct proof_phase *phases, size_t count)
{
	char took[TEXT_SIZE];

	for (size_t i = 0; i < count; i++)
		buf_addf(out, "%s%s %s", i ? ", " : "", phases[i].name, text_duration(took, phases[i].duration_us));
}

static void difference_line(struct buf *out, const struct proof_difference *d)
{
	text_printable(out, d->object);
	buf_add(out, d->source_fault ? ": the source's own data breaks this: " : ": ");
	text_printable(out, d->what);
	buf_add(out, "\n");
}

static void verdict(struct buf *out, const struct proof *p)
{
	size_t faults = 0;

	for (size_t i = 0; i < p->difference_count; i++)
		faults += p->differences[i].source_fault;
	switch (p->outcome) {
	case PROOF_GOOD:
		buf_addf(out, "good: %s/%s restores and equals what was recorded", p->database, p->snapshot_id);
		break;
	case PROOF_SOURCE_FAULTS:
		buf_addf(out,
		        "source faults: %s/%s restores and equals the source, but %zu rule%s of the source %s broken by its own data",
		        p->database, p->snapshot_id, faults, faults == 1 ? "" : "s", faults == 1 ? "is" : "are");
		break;
	case PROOF_DIFFERS:
		buf_addf(out, "differs: %s/%s does not come back as it was: %zu difference%s", p->database,
		        p->snapshot_id, p->difference_count - faults, p->difference_count - faults == 1 ? "" : "s");
		if (faults > 0)
			buf_addf(out, ", and %zu of the source's own", faults);
		break;
	}
	buf_add(out, "\n");
}

void report_proof(struct buf *out, const struct proof *p)
{
	char tables[TEXT_SIZE], rows[TEXT_SIZE], bytes[TEXT_SIZE], took[TEXT_SIZE];

	for (size_t i = 0; i < p->difference_count; i++)
		difference_line(out, &p->differences[i]);
	verdict(out, p);
	buf_addf(out, "%s tables, %s rows, %s in %s", text_count(tables, p->tables), text_count(rows, p->rows),
	        text_bytes(bytes, p->plain_bytes), text_duration(took, p->finished_us - p->started_us));
	if (p->phase_count > 0) {
		buf_add(out, " (");
		report_phases(out, p->phases, p->phase_count);
		buf_add(out, ")");
	}
	buf_add(out, "\n");
}

void report_next(const struct proof *p)
{
	if (p->outcome == PROOF_SOURCE_FAULTS)
		say_hint(
		        "mend these in the source and take another snapshot; until then all the rest comes back from this one");
	if (p->outcome == PROOF_DIFFERS)
		say_hint(
		        "do not rely on this snapshot: take another and verify it; the list is kept in: drtool show %s/%s",
		        p->database, p->snapshot_id);
}

void report_rto(const struct cmd *c, int64_t took_us)
{
	int64_t rto = options_number(c->options, OPTION_RTO, 0);
	char took[TEXT_SIZE], objective[TEXT_SIZE];

	if (rto > 0 && took_us > rto * 1000000)
		say_warn("this took %s, longer than the objective (rto) of %s", text_duration(took, took_us),
		        text_duration(objective, rto * 1000000));
}

bool report_scratch(struct verify_options *out, struct target *scratch, const struct cmd *c, struct err *e)
{
	const char *server = options_text(c->options, OPTION_SCRATCH_SERVER);

	if (server && !target_find(scratch, c, server, c->options->values[OPTION_SCRATCH_SERVER].where, e))
		return false;
	*out = (struct verify_options){
		.jobs = cmd_jobs(c),
		.pg_bin = options_text(c->options, OPTION_PG_BIN),
		.scratch_dir = options_text(c->options, OPTION_SCRATCH_DIR),
		.scratch_server = scratch->conn,
		.dry_run = cmd_dry_run(c),
	};
	return true;
}

bool report_verify_possible(const struct cmd *c, int server_version, struct err *e)
{
	struct target scratch = TARGET_INIT;
	struct verify_options o;
	bool ok = report_scratch(&o, &scratch, c, e) &&
	          (o.scratch_server || scratch_possible(NULL, server_version, &o, e));

	target_release(&scratch);
	return ok;
}

static void record_proof(struct journal_event *v, const struct manifest *m, const struct proof *p)
{
	v->snapshot_id = m->id;
	if (!p)
		return;
	v->server = p->where;
	v->rows = p->rows;
	v->plain_bytes = p->plain_bytes;
	v->phases = p->phases;
	v->phase_count = p->phase_count;
	record_detail(v, "proof", "%s", report_outcome(p->outcome));
	if (p->standby)
		record_detail(v, "standby", "%s", p->standby->name);
}

/* The live database's server; the lock goes with place. */
static bool find_standby_place(
        struct standby_place *out, struct place *place, const struct cmd *c, const struct manifest *m, struct err *e)
{
	if (!place_open_source(place, c, m->database, e) || !place_check_source(place, c, m, e) ||
	        !standby_lock(place->maintenance, place->live.database.name, e))
		return false;
	*out = (struct standby_place){ .server = place->target.conn,
		.maintenance = place->maintenance,
		.maintenance_db = place->maintenance_db,
		.live = &place->live.database,
		.create_roles = options_set(c->options, OPTION_CREATE_ROLES) };
	return true;
}

/* What a prediction is made by. A journal that cannot be read makes no difference to a restore. */
struct basis {
	struct journal journal;
	struct proof *proof;
	struct buf server;
};

static void basis_load(struct basis *b, struct repository *r, const struct manifest *m, const struct conninfo *conn)
{
	struct err ignored = ERR_INIT;

	*b = (struct basis){ .server = BUF_INIT };
	if (conn)
		target_server(&b->server, conn);
	else
		buf_add(&b->server, PROOF_PRIVATE);
	journal_load_each(&b->journal, r, m->database, JOURNAL_RECENT, &ignored);
	proof_load_newest(&b->proof, r, m->database, m->id, &ignored);
}

static void basis_release(struct basis *b)
{
	proof_free(b->proof);
	journal_release(&b->journal);
	buf_release(&b->server);
}

void report_predict(struct prediction *out, struct repository *r, const struct manifest *m, const struct conninfo *conn,
        enum predict_kind kind)
{
	struct basis b;

	basis_load(&b, r, m, conn);
	predict_restore(out, &b.journal, b.proof, buf_str(&b.server), m->plain_bytes, kind);
	basis_release(&b);
}

void report_predict_usable(struct prediction *usable, struct prediction *rest, struct repository *r,
        const struct manifest *m, const struct conninfo *conn, enum predict_kind kind)
{
	struct basis b;

	basis_load(&b, r, m, conn);
	predict_usable(usable, &b.journal, b.proof, buf_str(&b.server), m->plain_bytes, kind);
	predict_finish(rest, &b.journal, buf_str(&b.server), m->plain_bytes);
	basis_release(&b);
}

void report_prediction(struct buf *out, const char *what, const struct prediction *p, const char *none)
{
	char took[TEXT_SIZE];

	if (p->basis == PREDICTION_NONE)
		buf_addf(out, "%s: unknown, %s\n", what, none);
	else
		buf_addf(out, "%s: %s, by %s\n", what, text_duration(took, p->duration_us), p->text);
}

bool report_error(char out[TEXT_SIZE], const struct journal_event *v)
{
	double error;
	long percent;

	if (!predict_error(&error, v))
		return false;
	percent = (long)(error * 100 + (error < 0 ? -0.5 : 0.5));
	if (percent == 0)
		snprintf(out, TEXT_SIZE, "as predicted");
	else
		snprintf(out, TEXT_SIZE, "%ld %% %s", labs(percent), percent > 0 ? "over" : "under");
	return true;
}

/* Where a test restore goes: what the options say, and the standby copy's place when it is to become one. */
struct verify_place {
	struct target scratch;
	struct place live;
	struct standby_place standby;
};

static bool find_place(struct verify_options *out, struct verify_place *p, const struct cmd *c,
        const struct manifest *m, struct err *e)
{
	if (!report_scratch(out, &p->scratch, c, e))
		return false;
	if (!options_set(c->options, OPTION_KEEP_STANDBY))
		return true;
	out->standby = &p->standby;
	return find_standby_place(&p->standby, &p->live, c, m, e);
}

static bool verify(struct proof **out, struct journal_event *v, const struct cmd *c, struct repository *r,
        const struct manifest *m, struct err *e)
{
	struct verify_place place = { .scratch = TARGET_INIT, .live = PLACE_INIT };
	struct verify_options o;
	struct prediction prediction;
	struct progress *progress;
	char text[TEXT_SIZE];
	bool ok = find_place(&o, &place, c, m, e);

	if (ok) {
		report_predict(&prediction, r, m, o.standby ? o.standby->server : o.scratch_server, PREDICT_VERIFY);
		if (o.dry_run && prediction.basis != PREDICTION_NONE)
			say_info("predicted time: %s, by %s", text_duration(text, prediction.duration_us),
			        prediction.text);
		v->predicted_us = prediction.duration_us;
		progress = progress_start();
		ok = verify_snapshot(out, r, m, &o, progress_observer(progress), c->cancel, e);
		progress_stop(progress);
	}
	place_close(&place.live);
	target_release(&place.scratch);
	return ok;
}

bool report_verify(
        struct proof **out, const struct cmd *c, struct repository *r, const struct manifest *m, struct err *e)
{
	struct journal_event event = record_start("verify", m->database);
	bool ok = verify(out, &event, c, r, m, e);

	record_proof(&event, m, ok ? *out : NULL);
	record_finish(&event, c, r, ok && *out && (*out)->outcome != PROOF_GOOD, ok ? NULL : e);
	return ok;
}
