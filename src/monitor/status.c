#include "src/monitor/status.h"

#include <stdlib.h>
#include <string.h>

#define WEEK_US ((int64_t)7 * 24 * 3600 * 1000000)

/* One that nobody has tried yet counts, and so does one whose proof cannot be read. */
static enum fetch_answer count_refuted(
        void *cookie, size_t index, const struct proof *p, const struct err *why, struct err *e)
{
	size_t *refuted = cookie;

	(void)why;
	(void)e;
	if (!p || p->outcome != PROOF_DIFFERS)
		return FETCH_ENOUGH;
	*refuted = index + 1;
	return FETCH_ON;
}

/* As a rule it is not, and one look tells. */
static bool is_refuted(struct repository *r, const struct manifest *m)
{
	struct err ignored = ERR_INIT;
	struct proof *p = NULL;
	bool refuted = proof_load_newest(&p, r, m->database, m->id, &ignored) && p->outcome == PROOF_DIFFERS;

	proof_free(p);
	return refuted;
}

static bool walk_refuted(struct status *s, struct repository *r, const struct manifest_list *l, struct err *e)
{
	struct proof_wanted *wanted = xcalloc(l->count, sizeof(*wanted));
	bool ok;

	for (size_t i = 0; i < l->count; i++)
		wanted[i] = (struct proof_wanted){ s->database, l->items[l->count - 1 - i]->id };
	ok = proof_load_each_newest(r, s->database, wanted, l->count, count_refuted, &s->refuted, e);
	free(wanted);
	return ok;
}

/* The newest that is not known to be bad: there is nothing else to go back to. */
static bool find_good(
        struct status *s, struct repository *r, const struct manifest_list *l, int64_t now_us, struct err *e)
{
	if (l->count && is_refuted(r, l->items[l->count - 1]) && !walk_refuted(s, r, l, e))
		return false;
	s->good_age_us = s->refuted < l->count ? now_us - l->items[l->count - 1 - s->refuted]->instant_us : -1;
	return true;
}

/* Keeps the newest; counts the others. */
static bool read_snapshots(struct status *s, struct repository *r, int64_t now_us, struct err *e)
{
	struct manifest_list l = { 0 };
	bool ok;

	if (!manifest_list_load(&l, r, s->database, e))
		return false;
	s->snapshots = l.count;
	s->damaged = l.damaged;
	for (size_t i = 0; i < l.count; i++) {
		s->stored_bytes += l.items[i]->stored_new_bytes;
		if (now_us - l.items[i]->finished_us < WEEK_US)
			s->stored_week_bytes += l.items[i]->stored_new_bytes;
	}
	ok = find_good(s, r, &l, now_us, e);
	if (l.count) {
		s->newest = l.items[--l.count];
		s->age_us = now_us - s->newest->instant_us;
	}
	manifest_list_release(&l);
	return ok;
}

static bool read_proof(struct status *s, struct repository *r, struct err *e)
{
	struct err why = ERR_INIT;

	if (!s->newest)
		return true;
	if (manifest_resolve(&s->proved, r, s->database, "verified", &why))
		return proof_load_newest(&s->proof, r, s->database, s->proved->id, e);
	if (why.kind == ERR_USAGE) /* none is */
		return true;
	*e = why;
	return false;
}

static bool is_restore(const struct journal_event *v)
{
	return strcmp(v->event, "restore") == 0 || strcmp(v->event, "replace") == 0;
}

static void find_restores(struct status *s)
{
	struct journal_event *test = NULL;
	double error;

	for (size_t i = s->journal.count; i-- > 0;) {
		struct journal_event *v = s->journal.events[i];
		bool restore = is_restore(v), predicted = predict_error(&error, v);

		if (restore && !s->restored && (v->outcome == JOURNAL_DONE || v->outcome == JOURNAL_DIFFERS))
			s->restored = v;
		if (restore && predicted && !s->predicted)
			s->predicted = v;
		if (predicted && !test && strcmp(v->event, "verify") == 0)
			test = v;
	}
	if (!s->predicted)
		s->predicted = test;
}

static void read_standby(struct status *s, struct repository *r, const struct standby *copy)
{
	struct err ignored = ERR_INIT; /* without its proof it is not relied on */

	if (!copy->name)
		return;
	proof_load_standby(&s->standby_proof, r, s->database, copy->snapshot_id, copy->marks.oid, &ignored);
	s->standby_doubt = standby_doubt(copy, s->standby_proof);
}

static bool newest_is_ready(const struct status *s, const struct standby *copy)
{
	return copy->name && !s->standby_doubt && strcmp(copy->snapshot_id, s->newest->id) == 0;
}

static void predict(struct status *s, const struct status_live *live)
{
	double growth = 1;

	if (!s->newest)
		return;
	if (live->size && s->newest->database_size)
		growth = (double)live->size / (double)s->newest->database_size;
	s->plain_bytes = (uint64_t)((double)s->newest->plain_bytes * growth);
	if (newest_is_ready(s, &live->standby))
		predict_swap(&s->prediction, &s->journal, s->plain_bytes, PREDICT_REPLACE);
	else
		predict_restore(&s->prediction, &s->journal, s->proof, live->server, s->plain_bytes, PREDICT_RESTORE);
}

static void compare(struct status *s, const struct status_objectives *o)
{
	s->rpo_missed = o->rpo_us > 0 && (s->good_age_us < 0 || s->good_age_us > o->rpo_us);
	s->rto_unknown = o->rto_us > 0 && s->prediction.basis == PREDICTION_NONE;
	s->rto_missed = o->rto_us > 0 && s->prediction.duration_us > o->rto_us;
}

bool status_read(struct status *out, struct repository *r, const char *database, const struct status_objectives *o,
        const struct status_live *live, int64_t now_us, struct err *e)
{
	const struct unfinished_database it = {
		.oid = live->oid, .identifier = live->identifier, .server = live->server
	};

	*out = (struct status){ 0 };
	out->database = arena_strdup(&out->arena, database);
	if (!read_snapshots(out, r, now_us, e) || !read_proof(out, r, e) ||
	        !journal_load_each(&out->journal, r, database, JOURNAL_RECENT, e) ||
	        !unfinished_find(&out->unfinished, r, database, &it, e)) {
		status_release(out);
		return err_wrap(e, "status of \"%s\"", database);
	}
	find_restores(out);
	read_standby(out, r, &live->standby);
	predict(out, live);
	compare(out, o);
	return true;
}

void status_release(struct status *s)
{
	manifest_free(s->newest);
	manifest_free(s->proved);
	proof_free(s->proof);
	proof_free(s->standby_proof);
	journal_release(&s->journal);
	unfinished_release(&s->unfinished);
	arena_release(&s->arena);
	*s = (struct status){ 0 };
}
