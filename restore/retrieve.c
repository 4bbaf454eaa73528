#include "restore/retrieve.h"

#include <stdlib.h>
#include <string.h>

#include "restore/retrieve_internal.h"
#include "restore/server_memory.h"
#include "restore/target.h"
#include "restore/work.h"
#include "src/base/clock.h"

#define CONTENTS_MAX ((size_t)1 << 30)
#define ARCHIVE_MAX  ((size_t)512 << 20)
#define JOBS_USUAL   4 /* others are working in this database */
#define JOBS_MAX     64
#define PHASES_MAX   8

static void end_phase(struct retrieve *r, const char *name, int64_t duration_us)
{
	struct retrieve_result *out = r->result;

	if (out->phase_count < PHASES_MAX)
		out->phases[out->phase_count++] = (struct proof_phase){ name, duration_us };
}

/* --- what the snapshot holds --- */

static bool read_snapshot(struct retrieve *r, struct repository *repository, struct err *e)
{
	struct buf text = BUF_INIT_MAX(CONTENTS_MAX), archive = BUF_INIT_MAX(ARCHIVE_MAX);
	bool ok = chunk_store_open_read(&r->chunks, repository, e) &&
	          chunk_store_get_stream(&text, r->chunks, &r->manifest->contents, e) &&
	          contents_parse(&r->contents, buf_view(&text), e) &&
	          chunk_store_get_stream(&archive, r->chunks, &r->manifest->schema, e) &&
	          toc_parse(&r->toc, buf_view(&archive), e);

	buf_release(&text);
	buf_release(&archive);
	return (ok && recode_open(&r->to_archive, r->contents.database.encoding, false, e) &&
	               recode_open(&r->to_utf8, r->contents.database.encoding, true, e)) ||
	       err_wrap(e, "read snapshot \"%s\"", r->manifest->id);
}

/* --- rows and indexes, by the pool that restores whole databases --- */

static bool move_rows(struct retrieve *r, struct findings *findings, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct toc toc;
	struct contents contents;
	struct stages stages;
	struct graph graph = { 0 };
	struct load load;
	struct work_outcome outcome = { 0 };
	bool ok;

	retrieve_work(&toc, &contents, r, &a);
	stages_assign(&stages, &toc, true);
	load_init(&load, &contents, r->chunks, r->obs, findings);
	load.beside = true;
	ok = graph_build(&graph,
	        &(struct graph_input){ .stages = &stages,
	                .contents = &contents,
	                .jobs = r->jobs,
	                .server_version = pg_session_version(r->session) },
	        e);
	ok = ok && work_run(&outcome, &load,
	                   &(struct work_options){ .database = r->options->target,
	                           .graph = &graph,
	                           .jobs = r->jobs,
	                           .no_owner = true,
	                           .no_tablespaces = r->no_tablespaces,
	                           .toc = &toc,
	                           .maintenance_mem = server_memory_for_sort(r->options->target, r->jobs) },
	                   r->cancel, e);
	ok = ok && (findings_serious(findings) || load_all_there(&load, e));
	r->result->rows = load.rows;
	r->result->plain_bytes = load.bytes;
	free(outcome.lost);
	end_phase(r, "data", outcome.loaded);
	end_phase(r, "indexes", outcome.built > outcome.loaded ? outcome.built - outcome.loaded : 0);
	end_phase(r, "analyze", outcome.built ? outcome.analyzed - outcome.built : 0);
	load_release(&load);
	graph_release(&graph);
	stages_release(&stages);
	arena_release(&a);
	return ok;
}

/* --- the whole --- */

/* Has the server refused this table's rows, or is this about what could therefore not be made of it? */
static bool is_about(const struct restore_finding *f, const struct retrieve_table *t)
{
	struct arena a = ARENA_INIT;
	bool is = strcmp(f->object, arena_printf(&a, "TABLE %s", t->out->new_qualified)) == 0;

	for (size_t i = 0; i < t->part_count && !is; i++) {
		const struct retrieve_part *p = &t->parts[i];
		const struct toc_entry made = {
			.desc = p->entry->desc, .schema = t->schema_archive, .tag = p->new_archive
		};

		is = p->new_archive && strcmp(f->object, stages_label(&a, &made)) == 0;
	}
	arena_release(&a);
	return is;
}

static bool is_lost(const struct findings *f, const struct retrieve_table *t)
{
	for (size_t i = 0; i < f->count; i++)
		if (!f->items[i].source_fault && strncmp(f->items[i].object, "TABLE ", 6) == 0 &&
		        is_about(&f->items[i], t))
			return true;
	return false;
}

static bool fail_with(const struct restore_finding *f, struct err *e)
{
	err_set(e, ERR_FAILED, "%s could not be made: %s", f->object, f->what);
	return err_hint(e,
	        "nothing is left of it here; to look at the rows elsewhere: --into a database that does not exist yet");
}

/* A table whose rows this database does not take goes; what else was not made is none that can be left so. */
static bool let_go_of_lost(struct retrieve *r, struct findings *f, struct err *e)
{
	const struct restore_finding *lost = NULL;
	size_t kept = 0;

	for (size_t i = 0; i < f->count; i++) {
		bool explained = f->items[i].source_fault;

		for (size_t k = 0; k < r->count && !explained; k++)
			explained = is_about(&f->items[i], &r->tables[k]) && is_lost(f, &r->tables[k]);
		if (!explained)
			return fail_with(&f->items[i], e);
		if (!f->items[i].source_fault && !lost)
			lost = &f->items[i];
	}
	for (size_t i = 0; i < r->count; i++) {
		struct retrieve_table *t = &r->tables[i];

		if (is_lost(f, t)) {
			if (!pg_execf(r->session, e, "DROP TABLE %s", t->out->new_qualified))
				return false;
			continue;
		}
		r->result->tables[kept] = *t->out;
		r->tables[kept] = *t;
		r->tables[kept].out = &r->result->tables[kept];
		kept++;
	}
	if (!kept)
		return fail_with(lost, e);
	r->count = r->result->count = kept;
	return true;
}

static void keep_findings(struct retrieve_result *out, const struct findings *f)
{
	out->findings = arena_alloc(&out->arena, (f->count + 1) * sizeof(*out->findings));
	for (size_t i = 0; i < f->count; i++)
		out->findings[out->finding_count++] = (struct restore_finding){ .object = arena_strdup(&out->arena,
			                                                                f->items[i].object),
			.what = arena_strdup(&out->arena, f->items[i].what),
			.source_fault = f->items[i].source_fault };
}

static bool compare_all(struct retrieve *r, struct err *e)
{
	int64_t started = clock_monotonic_us();

	observer_phase(r->obs, "counting", 0, r->count);
	if (!pg_exec(r->session, "SET lock_timeout = '5s'", e))
		return false;
	for (size_t i = 0; i < r->count; i++) {
		struct retrieve_live live;

		if (!retrieve_look(&live, r, &r->tables[i], e) || !retrieve_count(&live, r, &r->tables[i], e) ||
		        !retrieve_write_sql(&live, r, &r->tables[i], e))
			return err_wrap(
			        e, "compare %s with %s", r->tables[i].out->new_qualified, r->tables[i].out->qualified);
		observer_item(r->obs);
	}
	end_phase(r, "counting", clock_monotonic_us() - started);
	return true;
}

static bool fill(struct retrieve *r, struct err *e)
{
	struct findings findings;
	bool ok;

	findings_init(&findings);
	ok = move_rows(r, &findings, e) && let_go_of_lost(r, &findings, e) && retrieve_complete(r, e);
	keep_findings(r->result, &findings);
	findings_release(&findings);
	return ok;
}

/* They are complete, and what was to be said of them beside the live ones is not: nothing to throw rows away for. */
static bool say_there(struct retrieve *r, struct err *e)
{
	struct buf names = BUF_INIT;

	for (size_t i = 0; i < r->count; i++)
		buf_addf(&names, "%s%s", i ? ", " : "", r->tables[i].out->new_qualified);
	err_hint(e, "the restored tables are there, with all rows; to start over: DROP TABLE %s", buf_str(&names));
	buf_release(&names);
	return false;
}

static bool make(struct retrieve *r, struct err *e)
{
	struct buf left = BUF_INIT;
	int64_t started = clock_monotonic_us();

	if (!retrieve_create(r, e))
		return false;
	if (r->options->dry_run)
		return true;
	end_phase(r, "schema", clock_monotonic_us() - started);
	if (fill(r, e))
		return compare_all(r, e) || say_there(r, e);
	retrieve_discard(r, &left);
	if (left.len)
		err_hint(e, "%s", buf_str(&left));
	buf_release(&left);
	return false;
}

static unsigned choose_jobs(unsigned wanted)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (wanted)
		return wanted < JOBS_MAX ? wanted : JOBS_MAX;
	return processors > 0 && processors < JOBS_USUAL ? (unsigned)processors : JOBS_USUAL;
}

bool retrieve_tables(struct retrieve_result *out, struct repository *repository, const struct manifest *m,
        const struct retrieve_options *o, struct observer *obs, const struct cancel *cancel, struct err *e)
{
	struct retrieve r = {
		.result = out, .manifest = m, .options = o, .obs = obs, .cancel = cancel, .jobs = choose_jobs(o->jobs)
	};
	int64_t started = clock_monotonic_us();
	bool ok;

	memset(out, 0, sizeof(*out));
	out->phases = arena_alloc(&out->arena, PHASES_MAX * sizeof(*out->phases));
	out->database = arena_strdup(&out->arena, conninfo_get(o->target, "dbname"));
	observer_phase(obs, "checking", 0, 0);
	ok = read_snapshot(&r, repository, e) && retrieve_plan(&r, e) &&
	     pg_session_open(&r.session, o->target, PG_SESSION_LOAD, "restore", cancel, e) && retrieve_lock(&r, e) &&
	     make(&r, e);
	out->duration_us = clock_monotonic_us() - started;
	pg_session_close(r.session);
	recode_close(r.to_archive);
	recode_close(r.to_utf8);
	toc_free(r.toc);
	contents_release(&r.contents);
	chunk_store_close(r.chunks);
	arena_release(&r.arena);
	return ok;
}

void retrieve_result_release(struct retrieve_result *r)
{
	if (!r)
		return;
	arena_release(&r->arena);
	memset(r, 0, sizeof(*r));
}

bool retrieve_in_use(bool *out, const struct conninfo *database, const struct cancel *cancel, struct err *e)
{
	struct pg_session *s = NULL;
	struct err why = ERR_INIT;
	char *marked = NULL, *holds = NULL;
	bool ok;

	*out = false;
	if (!pg_session_open(&s, database, PG_SESSION_PLAIN, "restore", cancel, &why)) {
		/* It is not there, as a rule; whoever goes on to make it finds out, and never fills one that holds
		 * anything. */
		if (why.kind == ERR_CANCELLED)
			*e = why;
		return why.kind != ERR_CANCELLED;
	}
	ok = pg_query_value(&marked, s,
	             "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = '" TARGET_MARK "')", 0, NULL,
	             e) &&
	     target_contents(&holds, s, NULL, e);
	*out = ok && strcmp(marked, "t") != 0 && *holds;
	free(marked);
	free(holds);
	pg_session_close(s);
	return ok;
}
