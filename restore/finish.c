/* restore/finish.c - see finish.h */
#include "restore/finish.h"

#include <stdlib.h>

#include "restore/compare.h"
#include "restore/finish_internal.h"
#include "restore/target.h"
#include "src/base/clock.h"
#include "storage/repository/chunk_store.h"

#define CONTENTS_MAX ((size_t)1 << 30)
#define PHASES_MAX   8

static void end_phase(struct finish *f, const char *name, int64_t started)
{
	f->result->phases[f->result->phase_count++] = (struct proof_phase){ name, clock_monotonic_us() - started };
}

/* --- what there is to do --- */

static int server_version(const struct finish *f)
{
	return pg_session_version(f->session);
}

/* The archive is opened with the tools for the server, so somebody has to ask the server first. */
static bool open_archive(struct finish *f, struct chunk_store *chunks, struct err *e)
{
	struct pg_session *s = NULL;
	bool ok = finish_open(&s, f->options->database, PG_SESSION_PLAIN, "finish", f->obs, f->cancel, e) &&
	          archive_open(
	                  &f->archive, chunks, f->manifest, pg_session_version(s), f->options->pg_bin, f->cancel, e);

	pg_session_close(s);
	return ok;
}

static bool open_snapshot(struct finish *f, struct repository *r, struct err *e)
{
	struct buf text = BUF_INIT_MAX(CONTENTS_MAX);
	struct chunk_store *chunks = NULL;
	bool ok = chunk_store_open_read(&chunks, r, e) &&
	          chunk_store_get_stream(&text, chunks, &f->manifest->contents, e) &&
	          contents_parse(&f->contents, buf_view(&text), e) && open_archive(f, chunks, e) &&
	          finish_connect(f, e);

	if (ok) {
		stages_assign(&f->stages, f->archive.toc, false);
		later_choose(&f->later, &f->stages, &f->contents, server_version(f));
		f->waiting = xcalloc(f->later.count + 1, sizeof(*f->waiting));
	}
	chunk_store_close(chunks);
	buf_release(&text);
	return ok;
}

/* Counts what is left; at the start names it, too. */
static bool count_left(struct finish *f, bool first, struct err *e)
{
	struct finish_result *out = f->result;
	size_t indexes = 0, keys = 0;

	if (first)
		out->left = arena_alloc(&out->arena, (f->later.count + 1) * sizeof(*out->left));
	for (size_t i = 0; i < f->later.count; i++) {
		const struct later_item *item = &f->later.items[i];
		struct finish_state state;

		if (!finish_look(&state, f, item, e))
			return false;
		if (state.is != ITEM_LEFT)
			continue;
		indexes += item->kind == LATER_INDEX;
		keys += item->kind == LATER_UNCHECKED;
		if (first)
			out->left[out->left_count++] = (struct restore_left){ .object = stages_label(
				                                                      &out->arena, item->entry),
				.table = arena_strdup(&out->arena, item->table),
				.foreign_key = item->kind == LATER_UNCHECKED };
	}
	out->left_indexes = indexes;
	out->left_foreign_keys = keys;
	out->looked = true;
	return true;
}

/* --- doing it --- */

static bool run_kind(struct finish *f, enum later_kind kind, const char *phase, size_t count, struct err *e)
{
	int64_t started = clock_monotonic_us();

	if (!count)
		return true;
	observer_phase(f->obs, phase, 0, count);
	for (size_t i = 0; i < f->later.count; i++) {
		if (f->later.items[i].kind != kind)
			continue;
		if (!cancel_check(f->cancel, e) || !finish_item(f, &f->later.items[i], e))
			return false;
		observer_item(f->obs);
	}
	end_phase(f, phase, started);
	return true;
}

/* Statistics of expressions are gathered once their index is there; a table several of them are on, once. */
static bool analyze(struct finish *f, struct err *e)
{
	int64_t started = clock_monotonic_us();
	const char *last = NULL;

	for (size_t i = 0; i < f->later.indexes; i++) {
		const struct later_item *item = &f->later.items[i];
		enum finish_said said;
		struct finish_state state;
		struct err why;

		if (last && strcmp(last, item->table) == 0)
			continue;
		if (!finish_look(&state, f, item, e))
			return false;
		if (!state.unanalyzed)
			continue;
		if (!last)
			observer_phase(f->obs, "statistics", 0, 0);
		last = item->table;
		if (!pg_exec(f->session, "SET client_encoding = 'UTF8'", e) ||
		        !finish_say(&said, f, item->table, arena_printf(&f->arena, "ANALYZE %s", item->table), &why, e))
			return false;
		if (said != FINISH_DONE)
			observer_note(f->obs, NOTE_WARN, "could not analyze %s: %s", item->table, why.msg);
		if (!finish_connect(f, e)) /* in the archive's encoding again */
			return false;
	}
	if (last)
		end_phase(f, "statistics", started);
	return true;
}

static bool is_found(const struct findings *list, const char *object)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].object, object) == 0)
			return true;
	return false;
}

static bool is_ours(const struct finish *f, const char *object)
{
	struct arena a = ARENA_INIT;
	bool found = false;

	for (size_t i = 0; i < f->later.count && !found; i++)
		found = strcmp(stages_label(&a, f->later.items[i].entry), object) == 0;
	arena_release(&a);
	return found;
}

/* A difference in what was made here is one; everything else has changed since the database is in use. */
static void take_differences(struct finish *f, const struct compare_report *report)
{
	struct finish_result *out = f->result;

	out->changed = arena_alloc(&out->arena, (report->count + 1) * sizeof(*out->changed));
	for (size_t i = 0; i < report->count; i++) {
		const struct proof_difference *d = &report->items[i];

		if (is_found(&f->findings, d->object))
			continue;
		if (is_ours(f, d->object) && report->unjudged)
			observer_note(f->obs, NOTE_WARN, "%s: not checked: %s", d->object, d->what);
		else if (is_ours(f, d->object))
			findings_add(&f->findings, d->object, d->what, d->source_fault);
		else
			out->changed[out->changed_count++] = (struct restore_finding){ .object = arena_strdup(
				                                                               &out->arena, d->object),
				.what = arena_strdup(&out->arena, d->what) };
	}
}

static bool check(struct finish *f, struct err *e)
{
	struct compare_report report = COMPARE_REPORT_INIT;
	int64_t started = clock_monotonic_us();
	char id[SNAPSHOT_ID_SIZE], reference[64];
	struct compare c = { .manifest = f->manifest,
		.contents = &f->contents,
		.archive = &f->archive,
		.target = f->options->database,
		.reference = reference,
		.pg_bin = f->options->pg_bin,
		.findings = f->findings.items,
		.finding_count = f->findings.count,
		.in_use = true,
		.no_owner = f->options->no_owner,
		.obs = f->obs,
		.cancel = f->cancel };
	bool ok;

	observer_phase(f->obs, "checking what was made", 0, 0);
	manifest_new_id(id, 0);
	target_working_name(reference, finish_name(f), id);
	/* The comparison's own connections lead to it by name, too: whose that is, is asked before and after. */
	ok = finish_connect(f, e) && compare_schema(&report, &c, f->session, e) && finish_connect(f, e);
	if (ok)
		take_differences(f, &report);
	compare_report_release(&report);
	end_phase(f, "check", started);
	return ok;
}

static bool make(struct finish *f, struct err *e)
{
	bool ok = finish_watch_open(&f->watch, f, e) && run_kind(f, LATER_INDEX, "indexes", f->later.indexes, e) &&
	          run_kind(f, LATER_UNCHECKED, "foreign keys", f->later.foreign_keys, e) && finish_waiting(f, e) &&
	          analyze(f, e) && check(f, e);
	struct err why = ERR_INIT;

	/* What was cancelled then was so for a reason. */
	if (!ok && e->kind == ERR_CANCELLED && f->watch && !cancel_tripped(f->stop.parent) &&
	        finish_watch_failed(f->watch, e))
		f->stop = (struct cancel)CANCEL_INIT(f->stop.parent);
	/* Also after a failure, as far as that can be known. */
	if (!f->session || PQstatus(pg_session_conn(f->session)) != CONNECTION_OK || !count_left(f, false, &why))
		f->result->looked = false;
	finish_watch_close(f->watch);
	return ok;
}

/* --- the whole --- */

static void describe(struct finish *f)
{
	struct finish_result *out = f->result;

	out->findings = arena_alloc(&out->arena, (f->findings.count + 1) * sizeof(*out->findings));
	for (size_t i = 0; i < f->findings.count; i++) {
		const struct restore_finding *x = &f->findings.items[i];

		out->findings[out->finding_count++] = (struct restore_finding){ .object = arena_strdup(
			                                                                &out->arena, x->object),
			.what = arena_strdup(&out->arena, x->what),
			.source_fault = x->source_fault };
	}
}

bool finish_run(struct finish_result *out, struct repository *r, const struct manifest *m,
        const struct finish_options *o, struct observer *obs, const struct cancel *cancel, struct err *e)
{
	struct finish f = { .options = o, .manifest = m, .result = out, .obs = obs };
	int64_t started = clock_monotonic_us();
	bool ok;

	/* Nobody trips the caller's through this. */
	f.stop = (struct cancel)CANCEL_INIT((struct cancel *)(uintptr_t)cancel);
	f.cancel = &f.stop;
	memset(out, 0, sizeof(*out));
	out->phases = arena_alloc(&out->arena, PHASES_MAX * sizeof(*out->phases));
	findings_init(&f.findings);
	observer_phase(obs, "looking what is left", 0, 0);
	ok = open_snapshot(&f, r, e) && count_left(&f, true, e) && (o->dry_run || make(&f, e));
	describe(&f);
	if (!ok)
		err_wrap(e, "finish database \"%s\"", finish_name(&f));
	out->duration_us = clock_monotonic_us() - started;
	pg_session_close(f.session);
	free(f.waiting);
	later_release(&f.later);
	stages_release(&f.stages);
	archive_close(&f.archive);
	contents_release(&f.contents);
	findings_release(&f.findings);
	arena_release(&f.arena);
	return ok;
}

void finish_result_release(struct finish_result *r)
{
	if (!r)
		return;
	arena_release(&r->arena);
	memset(r, 0, sizeof(*r));
}
