#include "restore/restore.h"

#include "restore/later.h"
#include "restore/objects.h"
#include "restore/preflight.h"
#include "restore/schema.h"
#include "restore/selection.h"
#include "restore/server_memory.h"
#include "restore/target.h"
#include "restore/work.h"
#include "src/base/clock.h"

#define CONTENTS_MAX       ((size_t)1 << 30)
#define JOBS_USUAL_MAX     16
#define JOBS_MAX           64
#define PHASES_MAX         8
#define EVENT_TRIGGERS_OFF 170000 /* from this version on there is a setting for them alone */
#define NOTES_MAX          50     /* findings told one by one when the restore is not complete */

struct run {
	struct restore_result *result;
	struct repository *repository;
	const struct manifest *manifest;
	const struct restore_options *options;
	struct observer *obs;
	const struct cancel *cancel;
	unsigned jobs;

	struct chunk_store *chunks;
	struct contents contents;
	struct archive archive;
	struct stages stages;
	struct later later; /* nothing unless usable_first */
	struct target target;
	struct preflight preflight;
	struct findings findings;
	struct graph graph;
	const char *silence; /* see post.h */
	struct load load;
	int64_t phase_started;
};

static void end_phase(struct run *r, const char *name, int64_t duration_us)
{
	if (r->result->phase_count < PHASES_MAX)
		r->result->phases[r->result->phase_count++] = (struct proof_phase){ name, duration_us };
	r->phase_started = clock_monotonic_us();
}

/* --- before anything changes --- */

static bool read_contents(struct run *r, struct err *e)
{
	struct buf text = BUF_INIT_MAX(CONTENTS_MAX);
	bool ok = chunk_store_open_read(&r->chunks, r->repository, e) &&
	          chunk_store_get_stream(&text, r->chunks, &r->manifest->contents, e) &&
	          contents_parse(&r->contents, buf_view(&text), e);

	buf_release(&text);
	if (ok && r->options->beside)
		target_take_properties(&r->contents.database, r->options->beside);
	return ok || err_wrap(e, "read the contents of snapshot \"%s\"", r->manifest->id);
}

static void list_tablespaces(struct pg_text_list *out, const struct stages *s, struct arena *a)
{
	const struct toc *toc = s->toc;

	out->items = arena_alloc(a, (toc->count + 1) * sizeof(*out->items));
	out->count = 0;
	for (size_t i = 0; i < toc->count; i++) {
		const char *name = toc->entries[i].tablespace;
		bool known = !*name || s->of[i] == STAGE_SKIP;

		for (size_t k = 0; k < out->count && !known; k++)
			known = strcmp(out->items[k], name) == 0;
		if (!known)
			out->items[out->count++] = name;
	}
}

/* Leave the chosen ones, in their order; in[] says which those are. */
#define KEEP(items, count, in)                                  \
	do {                                                    \
		size_t kept_ = 0;                               \
		for (size_t i_ = 0; i_ < (count); i_++)         \
			if ((in)[i_])                           \
				(items)[kept_++] = (items)[i_]; \
		(count) = kept_;                                \
	} while (0)

static bool is_extension_in(const struct selection *x, const struct toc *toc, const char *name)
{
	for (size_t i = 0; i < toc->count; i++)
		if (x->entry_in[i] && strcmp(toc->entries[i].desc, "EXTENSION") == 0 &&
		        strcmp(toc->entries[i].tag, name) == 0)
			return true;
	return false;
}

static void keep_selected(struct run *r, const struct selection *x, struct arena *a)
{
	struct contents *c = &r->contents;
	bool *extension_in = arena_alloc(a, (c->extensions.count + 1) * sizeof(*extension_in));

	for (size_t i = 0; i < c->extensions.count; i++)
		extension_in[i] = is_extension_in(x, r->archive.toc, c->extensions.items[i].name);
	for (size_t i = 0; i < r->archive.toc->count; i++)
		if (!x->entry_in[i])
			r->stages.of[i] = STAGE_SKIP;
	for (size_t i = 0; i < c->table_count; i++)
		if (!x->table_in[i])
			piece_list_release(&c->tables[i].pieces);
	KEEP(c->tables, c->table_count, x->table_in);
	KEEP(c->sequences.items, c->sequences.count, x->sequence_in);
	KEEP(c->matviews.items, c->matviews.count, x->matview_in);
	KEEP(c->extensions.items, c->extensions.count, extension_in);
	c->large_objects.count = 0;
}

static bool select_tables(struct run *r, struct err *e)
{
	struct selection_source s = { .toc = r->archive.toc, .contents = &r->contents, .snapshot_id = r->manifest->id };
	struct selection x;
	struct arena a = ARENA_INIT;
	size_t left_out = 0;
	bool ok;

	if (!r->options->tables || !*r->options->tables)
		return true;
	ok = recode_open(&s.to_archive, r->contents.database.encoding, false, e) &&
	     selection_make(&x, &s, r->options->tables, &a, e);
	if (ok) {
		selection_complete(&x, &left_out, &s, &a);
		keep_selected(r, &x, &a);
	}
	if (left_out)
		observer_note(r->obs, NOTE_INFO,
		        "left out: %zu definition%s (foreign keys, views, triggers, ...) that need tables which were not chosen",
		        left_out, left_out == 1 ? "" : "s");
	recode_close(s.to_archive);
	arena_release(&a);
	return ok;
}

static void choose_later(struct run *r)
{
	struct restore_result *out = r->result;
	const struct later *l = &r->later;

	if (!r->options->usable_first)
		return;
	later_choose(&r->later, &r->stages, &r->contents, pg_session_version(r->target.maintenance));
	out->left = arena_alloc(&out->arena, (l->count + 1) * sizeof(*out->left));
	for (size_t i = 0; i < l->count; i++)
		out->left[out->left_count++] = (struct restore_left){ .object = stages_label(
			                                                      &out->arena, l->items[i].entry),
			.table = arena_strdup(&out->arena, l->items[i].table),
			.foreign_key = l->items[i].kind == LATER_UNCHECKED };
	out->left_indexes = l->indexes;
	out->left_foreign_keys = l->foreign_keys;
}

/* A comment is its extension's owner's to change. */
static void leave_comments(struct run *r)
{
	const struct toc *toc = r->archive.toc;
	struct arena a = ARENA_INIT;

	for (size_t i = 0; i < toc->count; i++) {
		const char *tag = toc->entries[i].tag;

		for (size_t k = 0; strcmp(toc->entries[i].desc, "COMMENT") == 0 && k < r->target.others.count; k++)
			if (strcmp(tag, arena_printf(&a, "EXTENSION %s",
			                        pg_quote_ident(&a, r->target.others.items[k]))) == 0 ||
			        strcmp(tag, arena_printf(&a, "EXTENSION %s", r->target.others.items[k])) == 0)
				r->stages.of[i] = STAGE_SKIP;
	}
	arena_release(&a);
}

static bool look(struct run *r, struct err *e)
{
	const struct restore_options *o = r->options;
	struct pg_text_list tablespaces;
	struct arena a = ARENA_INIT;
	bool ok;

	observer_phase(r->obs, "checking", 0, 0);
	if (!read_contents(r, e) ||
	        !target_open(&r->target, o->target, o->maintenance_db, r->manifest->id, &r->contents.extensions,
	                o->beside != NULL, r->cancel, e) ||
	        !preflight_version(r->target.maintenance, r->manifest, e) ||
	        !archive_open(&r->archive, r->chunks, r->manifest, pg_session_version(r->target.maintenance), o->pg_bin,
	                r->cancel, e))
		return false;
	stages_assign(&r->stages, r->archive.toc, o->disable_subscriptions);
	if (!select_tables(r, e))
		return false;
	leave_comments(r);
	choose_later(r);
	list_tablespaces(&tablespaces, &r->stages, &a);
	ok = preflight_check(&r->preflight, r->target.maintenance, &r->contents, &tablespaces, o,
	             r->target.state == TARGET_MISSING, r->obs, e) &&
	     graph_build(&r->graph,
	             &(struct graph_input){ .stages = &r->stages,
	                     .later = r->options->usable_first ? &r->later : NULL,
	                     .contents = &r->contents,
	                     .jobs = r->jobs,
	                     .server_version = pg_session_version(r->target.maintenance) },
	             e);
	arena_release(&a);
	return ok;
}

/* --- making it --- */

static bool run_stage(struct run *r, enum stage stage, struct err *e)
{
	struct schema_target t = { .archive = &r->archive,
		.database = r->target.database,
		.server_version = pg_session_version(r->target.maintenance),
		.render = { .no_owner = r->options->no_owner, .no_tablespaces = r->preflight.no_tablespaces },
		.silence = r->silence,
		.findings = &r->findings,
		.cancel = r->cancel };
	size_t count = 0;
	int *ids = stages_list(&count, &r->stages, stage);
	bool ok = schema_run(&t, ids, count, e);

	free(ids);
	return ok;
}

static bool open_session(struct pg_session **out, struct run *r, struct err *e)
{
	return pg_session_open(out, r->target.database, PG_SESSION_LOAD, "restore", r->cancel, e);
}

/* Event triggers that came with extensions; only a superuser can silence them. */
static bool find_event_triggers(struct run *r, struct pg_session *s, struct err *e)
{
	char *any = NULL;
	bool ok = pg_query_value(&any, s,
	        "SELECT EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtenabled = 'O') AND rolsuper"
	        " FROM pg_catalog.pg_roles WHERE rolname = current_user",
	        0, NULL, e);

	if (ok && any && *any == 't')
		r->silence = pg_session_version(s) >= EVENT_TRIGGERS_OFF ? "event_triggers = off"
		                                                         : "session_replication_role = replica";
	free(any);
	return ok;
}

static bool make_schema(struct run *r, struct err *e)
{
	struct pg_session *s = NULL;
	bool ok;

	observer_phase(r->obs, "schema", 0, 0);
	ok = preflight_create_roles(&r->preflight, r->target.maintenance, e) &&
	     target_prepare(&r->target, &r->contents.database, r->options->no_owner, r->preflight.no_tablespaces,
	             r->cancel, e) &&
	     run_stage(r, STAGE_PRE, e) && open_session(&s, r, e) && find_event_triggers(r, s, e) &&
	     objects_create_large(s, &r->contents, e);
	pg_session_close(s);
	end_phase(r, "schema", clock_monotonic_us() - r->phase_started);
	return ok;
}

/* Comments on a key that could not be made, views that group by it: left out, and said. */
static void leave_out_lost(struct run *r, const struct work_outcome *outcome)
{
	const struct toc *toc = r->archive.toc;
	bool *lost = xcalloc(toc->count + 1, sizeof(*lost));
	struct arena a = ARENA_INIT;

	for (size_t i = 0; i < outcome->lost_count; i++)
		lost[outcome->lost[i] - toc->entries] = true;
	stages_spread_lost(lost, &r->stages);
	for (size_t i = 0; i < toc->count; i++) {
		if (!lost[i] || r->stages.of[i] == STAGE_HEAVY)
			continue;
		r->stages.of[i] = STAGE_SKIP;
		findings_add(&r->findings, stages_label(&a, &toc->entries[i]),
		        "not made, for what it is about could not be made", !outcome->lost_serious);
	}
	arena_release(&a);
	free(lost);
}

static bool move_rows(struct run *r, struct err *e)
{
	struct work_options o = { .database = r->target.database,
		.graph = &r->graph,
		.jobs = r->jobs,
		.no_owner = r->options->no_owner,
		.no_tablespaces = r->preflight.no_tablespaces,
		.toc = r->archive.toc,
		.silence = r->silence,
		.maintenance_mem = server_memory_for_sort(r->options->target, r->jobs) };
	struct work_outcome outcome = { 0 };
	bool ok;

	load_init(&r->load, &r->contents, r->chunks, r->obs, &r->findings);
	ok = work_run(&outcome, &r->load, &o, r->cancel, e);
	r->result->rows = r->load.rows;
	r->result->plain_bytes = r->load.bytes;
	ok = ok && (findings_serious(&r->findings) || load_all_there(&r->load, e));
	load_release(&r->load);
	leave_out_lost(r, &outcome);
	free(outcome.lost);
	end_phase(r, "data", outcome.loaded);
	end_phase(r, "indexes", outcome.built > outcome.loaded ? outcome.built - outcome.loaded : 0);
	end_phase(r, "analyze", outcome.built ? outcome.analyzed - outcome.built : 0);
	return ok;
}

static bool ready(struct run *r, struct err *e)
{
	const struct restore_options *o = r->options;

	return !o->ready || findings_serious(&r->findings) || o->ready(o->cookie, r->target.working, r->result, e);
}

/* What is left: small things, privileges, the contents of materialized views, and at the very end what would watch all
 * this. */
static bool finish(struct run *r, struct err *e)
{
	struct pg_session *s = NULL;
	bool ok;

	observer_phase(r->obs, "finishing", 0, 0);
	ok = target_awaken(&r->target, r->cancel, e) && run_stage(r, STAGE_LIGHT, e) && open_session(&s, r, e) &&
	     objects_set_sequences(s, &r->contents, &r->findings, e) &&
	     objects_finish_large(s, &r->contents, r->options->no_owner, &r->findings, e) &&
	     objects_refresh_views(s, &r->contents, &r->findings, e);
	pg_session_close(s);
	ok = ok && run_stage(r, STAGE_LAST, e) && cancel_check(r->cancel, e) && ready(r, e) &&
	     target_awaken(&r->target, r->cancel, e) &&
	     target_finish(&r->target, &r->contents.database, r->options->no_owner,
	             !r->options->beside && !findings_serious(&r->findings), &r->findings, r->cancel, e);
	end_phase(r, "final", clock_monotonic_us() - r->phase_started);
	return ok;
}

/* No superuser, and owners are to come back: what is refused then mostly is that. */
static bool may_lack_rights(const struct run *r)
{
	const char *superuser = PQparameterStatus(pg_session_conn(r->target.maintenance), "is_superuser");

	return !r->options->no_owner && superuser && strcmp(superuser, "off") == 0;
}

/* Could an extension not be made that may take the working name for another database? */
static bool goes_by_name(const struct run *r)
{
	if (strcmp(r->target.working, r->target.wanted) == 0)
		return false;
	for (size_t i = 0; i < r->findings.count; i++)
		if (strncmp(r->findings.items[i].object, "EXTENSION ", strlen("EXTENSION ")) == 0)
			return true;
	return false;
}

/* Everything is there but some objects: worth keeping, under a name nobody takes for the real one. */
static bool incomplete(const struct run *r, struct err *e)
{
	const struct restore_finding *first = NULL;
	size_t more = r->findings.total - r->findings.faults;

	for (size_t i = r->findings.count; i-- > 0;)
		if (!r->findings.items[i].source_fault)
			first = &r->findings.items[i];
	for (size_t i = 0; i < r->findings.count && i < NOTES_MAX; i++)
		observer_note(r->obs, NOTE_WARN, "%s: %s", r->findings.items[i].object, r->findings.items[i].what);
	err_set(e, ERR_FAILED, "%zu object%s could not be restored; the first is %s: %s", more, more == 1 ? "" : "s",
	        first ? first->object : "?", first ? first->what : "?");
	return err_hint(e, "all the rest is in database \"%s\", which the next restore replaces%s", r->target.working,
	        may_lack_rights(r) ? "; --no-owner needs no rights over other roles"
	        : goes_by_name(r)
	                ? "; for an extension that is tied to a database's name make that database, empty, and restore into it"
	                : "");
}

static bool restore_all(struct run *r, struct err *e)
{
	struct buf left = BUF_INIT;
	bool ok = make_schema(r, e) && move_rows(r, e) && finish(r, e);

	if (!ok) {
		target_abandon(&r->target, &left);
		if (left.len)
			err_hint(e, "%s", buf_str(&left));
	} else if (findings_serious(&r->findings)) {
		ok = incomplete(r, e);
	}
	buf_release(&left);
	return ok;
}

/* --- the whole --- */

/* Half as many again as processors: a connection also waits, for the server's disk and its log. */
static unsigned choose_jobs(unsigned wanted)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned usual = processors > 0 ? (unsigned)processors + (unsigned)(processors + 1) / 2 : 2;

	if (!wanted)
		return usual < JOBS_USUAL_MAX ? usual : JOBS_USUAL_MAX;
	return wanted < JOBS_MAX ? wanted : JOBS_MAX;
}

static void describe(struct run *r)
{
	struct restore_result *out = r->result;

	snprintf(out->database, sizeof(out->database), "%s", r->target.working);
	for (size_t i = 0; i < r->contents.table_count; i++)
		out->tables += r->contents.tables[i].table.kind != PG_TABLE_LARGE_OBJECTS;
	out->findings = arena_alloc(&out->arena, (r->findings.count + 1) * sizeof(*out->findings));
	for (size_t i = 0; i < r->findings.count; i++) {
		const struct restore_finding *f = &r->findings.items[i];

		out->findings[out->finding_count++] = (struct restore_finding){ .object = arena_strdup(
			                                                                &out->arena, f->object),
			.what = arena_strdup(&out->arena, f->what),
			.source_fault = f->source_fault };
	}
}

/* What a dry run says would come in. */
static void plan(struct run *r)
{
	for (size_t i = 0; i < r->contents.table_count; i++) {
		const struct content_table *t = &r->contents.tables[i];

		r->result->rows += t->table.kind != PG_TABLE_LARGE_OBJECTS ? t->fingerprint.rows : 0;
		r->result->plain_bytes += t->pieces.bytes;
	}
}

static void release(struct run *r)
{
	graph_release(&r->graph);
	preflight_release(&r->preflight);
	target_close(&r->target);
	later_release(&r->later);
	stages_release(&r->stages);
	archive_close(&r->archive);
	contents_release(&r->contents);
	chunk_store_close(r->chunks);
	findings_release(&r->findings);
}

bool restore_into(struct restore_result *out, struct repository *repository, const struct manifest *m,
        const struct restore_options *o, struct observer *obs, const struct cancel *cancel, struct err *e)
{
	struct run r = { .result = out,
		.repository = repository,
		.manifest = m,
		.options = o,
		.obs = obs,
		.cancel = cancel,
		.jobs = choose_jobs(o->jobs) };
	int64_t started = clock_monotonic_us();
	bool ok;

	memset(out, 0, sizeof(*out));
	out->phases = arena_alloc(&out->arena, PHASES_MAX * sizeof(*out->phases));
	findings_init(&r.findings);
	r.phase_started = started;
	ok = look(&r, e);
	if (ok && o->dry_run) {
		plan(&r);
	} else if (ok) {
		r.phase_started = clock_monotonic_us();
		ok = restore_all(&r, e);
	}
	describe(&r);
	out->duration_us = clock_monotonic_us() - started;
	release(&r);
	return ok;
}

void restore_result_release(struct restore_result *r)
{
	if (!r)
		return;
	arena_release(&r->arena);
	memset(r, 0, sizeof(*r));
}
