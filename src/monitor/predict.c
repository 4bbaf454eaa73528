#include "src/monitor/predict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/base/clock.h"

#define SWAP_USUAL_US 1000000 /* looking at both included */

static bool is_one_of(const char *name, const char *const *names)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

static int64_t sum_of(const char *const *names, const struct proof_phase *phases, size_t count)
{
	int64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		if (is_one_of(phases[i].name, names))
			sum += phases[i].duration_us;
	return sum;
}

enum part { WHOLE_RESTORE, WHOLE_VERIFY, WITHOUT_INDEXES, FINISH };

static void scale(struct prediction *out, enum part part, const struct proof_phase *phases, size_t count,
        uint64_t bytes_then, uint64_t bytes_now)
{
	static const char *const fixed[][4] = { [WHOLE_RESTORE] = { "schema", "final", NULL },
		[WHOLE_VERIFY] = { "cluster", "schema", "final", NULL },
		[WITHOUT_INDEXES] = { "schema", "final", NULL },
		[FINISH] = { "check", NULL } };
	static const char *const growing[][5] = { [WHOLE_RESTORE] = { "data", "indexes", "analyze", NULL },
		[WHOLE_VERIFY] = { "compare", "data", "indexes", "analyze", NULL },
		[WITHOUT_INDEXES] = { "data", "analyze", NULL },
		[FINISH] = { "indexes", "foreign keys", "statistics", NULL } };
	double ratio = bytes_then ? (double)bytes_now / (double)bytes_then : 1;
	int64_t base = sum_of(fixed[part], phases, count), rest = sum_of(growing[part], phases, count);

	out->measured_us = base + rest;
	out->duration_us = base + (int64_t)((double)rest * ratio);
}

static void describe(struct prediction *out, const char *what, const char *where, uint64_t bytes, int64_t utc_us)
{
	char when[CLOCK_TEXT_SIZE];

	clock_rfc3339(when, utc_us);
	snprintf(out->text, sizeof(out->text), "%s of %.1f MiB%s%.100s, %s", what, (double)bytes / (1 << 20),
	        where ? " on " : "", where ? where : "", when);
}

enum basis { OF_RESTORES, OF_USABLE_FIRST, OF_PROOFS, OF_FINISHING };

static bool is_measured(const struct journal_event *v, enum basis basis)
{
	static const char *const loaded[] = { "data", NULL };
	bool restore = strcmp(v->event, "restore") == 0 || strcmp(v->event, "replace") == 0;
	bool usable_first = journal_detail(v, PREDICT_USABLE_FIRST) != NULL;

	if (v->outcome == JOURNAL_FAILED || v->outcome == JOURNAL_REFUSED)
		return false;
	if (basis == OF_FINISHING)
		return strcmp(v->event, "finish") == 0 && journal_detail(v, PREDICT_WHOLE);
	if (sum_of(loaded, v->phases, v->phase_count) == 0) /* what was taken up was loaded by an earlier run */
		return false;
	if (basis == OF_PROOFS)
		return strcmp(v->event, "verify") == 0;
	return restore && usable_first == (basis == OF_USABLE_FIRST);
}

/* The newest of its kind: on server where there is one, else anywhere. */
static const struct journal_event *newest(const struct journal *j, enum basis basis, const char *server)
{
	const struct journal_event *anywhere = NULL;

	for (size_t i = j->count; i-- > 0;) {
		const struct journal_event *v = j->events[i];

		if (!is_measured(v, basis))
			continue;
		if (server && v->server && strcmp(v->server, server) == 0)
			return v;
		if (!anywhere)
			anywhere = v;
	}
	return anywhere;
}

/* The newest event of this name that was carried out. */
static const struct journal_event *last(const struct journal *j, const char *event)
{
	for (size_t i = j->count; i-- > 0;) {
		const struct journal_event *v = j->events[i];

		if (strcmp(v->event, event) == 0 && (v->outcome == JOURNAL_DONE || v->outcome == JOURNAL_DIFFERS))
			return v;
	}
	return NULL;
}

static int64_t safety(const struct journal *j, uint64_t plain_bytes, enum predict_kind kind)
{
	const struct journal_event *taken = last(j, "snapshot");

	if (kind != PREDICT_REPLACE_WITH_SAFETY || !taken || !taken->plain_bytes)
		return 0;
	return (int64_t)((double)(taken->finished_us - taken->started_us) * (double)plain_bytes /
	                 (double)taken->plain_bytes);
}

/* What a restore in the place of a live database takes beyond the restore. */
static int64_t around(const struct journal *j, uint64_t plain_bytes, enum predict_kind kind)
{
	static const char *const names[] = { "preflight", "check", "hooks", "swap", NULL };
	const struct journal_event *replaced = last(j, "replace");
	int64_t sum = 0;

	if ((kind == PREDICT_REPLACE || kind == PREDICT_REPLACE_WITH_SAFETY) && replaced)
		sum = sum_of(names, replaced->phases, replaced->phase_count);
	return sum + safety(j, plain_bytes, kind);
}

void predict_swap(struct prediction *out, const struct journal *j, uint64_t plain_bytes, enum predict_kind kind)
{
	static const char *const names[] = { "check", "hooks", "swap", NULL };
	const struct journal_event *replaced = last(j, "replace");

	*out = (struct prediction){ .basis = PREDICTION_STANDBY,
		.text = "the standby copy: only the names are swapped" };
	if (replaced)
		out->measured_us = sum_of(names, replaced->phases, replaced->phase_count);
	out->duration_us = (out->measured_us > SWAP_USUAL_US ? out->measured_us : SWAP_USUAL_US) +
	                   safety(j, plain_bytes, kind);
}

static void take(struct prediction *out, enum prediction_basis basis, enum part part, const char *what,
        const struct journal_event *v, uint64_t plain_bytes)
{
	out->basis = basis;
	describe(out, what, v->server, v->plain_bytes, v->finished_us);
	scale(out, part, v->phases, v->phase_count, v->plain_bytes, plain_bytes);
}

static void predict(struct prediction *out, enum part part, const struct journal *j, const struct proof *proof,
        const char *server, uint64_t plain_bytes)
{
	bool verify = part == WHOLE_VERIFY;
	const struct journal_event *v = verify ? NULL : newest(j, OF_RESTORES, server);

	*out = (struct prediction){ .basis = PREDICTION_NONE, .text = "nothing was measured yet" };
	if (v) {
		take(out, PREDICTION_RESTORE, part, "a restore", v, plain_bytes);
	} else if ((v = newest(j, OF_PROOFS, verify ? server : NULL)) != NULL) {
		take(out, PREDICTION_PROOF, part, "a test restore", v, plain_bytes);
	} else if (proof) {
		out->basis = PREDICTION_PROOF;
		describe(out, "a test restore", proof->where, proof->plain_bytes, proof->finished_us);
		scale(out, part, proof->phases, proof->phase_count, proof->plain_bytes, plain_bytes);
	}
}

void predict_restore(struct prediction *out, const struct journal *j, const struct proof *proof, const char *server,
        uint64_t plain_bytes, enum predict_kind kind)
{
	predict(out, kind == PREDICT_VERIFY ? WHOLE_VERIFY : WHOLE_RESTORE, j, proof, server, plain_bytes);
	if (out->basis != PREDICTION_NONE)
		out->duration_us += around(j, plain_bytes, kind);
}

void predict_usable(struct prediction *out, const struct journal *j, const struct proof *proof, const char *server,
        uint64_t plain_bytes, enum predict_kind kind)
{
	const struct journal_event *v = newest(j, OF_USABLE_FIRST, server);

	*out = (struct prediction){ 0 };
	if (v)
		take(out, PREDICTION_RESTORE, WHOLE_RESTORE, "a usable-first restore", v, plain_bytes);
	else
		predict(out, WITHOUT_INDEXES, j, proof, server, plain_bytes);
	if (out->basis != PREDICTION_NONE)
		out->duration_us += around(j, plain_bytes, kind);
}

void predict_finish(struct prediction *out, const struct journal *j, const char *server, uint64_t plain_bytes)
{
	const struct journal_event *v = newest(j, OF_FINISHING, server);

	*out = (struct prediction){ .basis = PREDICTION_NONE, .text = "nothing was measured yet" };
	if (v)
		take(out, PREDICTION_RESTORE, FINISH, "finishing one", v, plain_bytes);
}

bool predict_error(double *out, const struct journal_event *v)
{
	if (v->predicted_us <= 0 || v->outcome == JOURNAL_FAILED || v->outcome == JOURNAL_REFUSED)
		return false;
	*out = (double)(v->finished_us - v->started_us) / (double)v->predicted_us - 1;
	return true;
}
