/* restore/verify.c - a test restore from start to proof; see restore.h */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "restore/compare.h"
#include "restore/recode.h"
#include "restore/restore.h"
#include "restore/scratch.h"
#include "restore/scratch_server.h"
#include "restore/standby.h"
#include "restore/target.h"
#include "src/base/clock.h"
#include "storage/repository/chunk_store.h"

#define CONTENTS_MAX   ((size_t)1 << 30)
#define SCRATCH_NAME   "drtool_verify"
#define REFERENCE_NAME "drtool_reference"

struct verify {
	struct repository *r;
	const struct manifest *m;
	const struct verify_options *o;
	struct observer *obs;
	const struct cancel *cancel;
	struct chunk_store *chunks;
	struct contents contents;
	bool have_contents;
	struct scratch *scratch;      /* a private cluster, or */
	struct scratch_server server; /* a database on a named server, or */
	struct standby_making copy;   /* one that is to stay */
	struct conninfo *target;
	const char *reference;
	struct restore_result restored;
	struct compare_report report;
	struct proof *proof;
	bool incomplete;
	bool made; /* there is a restored database */
	size_t phase_cap;
};

/* --- the proof --- */

static struct proof *new_proof(const struct verify *v)
{
	struct proof *p = xcalloc(1, sizeof(*p));
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	p->snapshot_id = arena_strdup(&p->arena, v->m->id);
	p->database = arena_strdup(&p->arena, v->m->database);
	p->host = arena_strdup(&p->arena, host);
	p->where = PROOF_PRIVATE;
	p->started_us = clock_utc_us();
	return p;
}

static void add_phase(struct verify *v, const char *name, int64_t duration_us)
{
	struct proof *p = v->proof;

	p->phases = arena_grow(&p->arena, p->phases, p->phase_count, &v->phase_cap, sizeof(*p->phases));
	p->phases[p->phase_count++] = (struct proof_phase){ arena_strdup(&p->arena, name), duration_us };
}

/* What comes from an archive is in the database's own encoding; a proof is in UTF-8. */
static const char *readable(struct verify *v, const char *text)
{
	return arena_strdup(&v->proof->arena, recode_readable(text, v->m->server_encoding, &v->proof->arena));
}

static void finish_proof(struct verify *v)
{
	const struct compare_report *report = &v->report;
	struct proof *p = v->proof;

	p->finished_us = clock_utc_us();
	p->tables = report->tables;
	p->rows = report->rows;
	p->plain_bytes = report->plain_bytes;
	p->large_objects = report->large_objects;
	p->sequences = report->sequences;
	p->outcome = report->total > report->faults ? PROOF_DIFFERS
	             : report->total > 0            ? PROOF_SOURCE_FAULTS
	                                            : PROOF_GOOD;
	p->differences = arena_alloc(&p->arena, (report->count + 1) * sizeof(*p->differences));
	p->difference_count = report->count;
	for (size_t i = 0; i < report->count; i++) {
		p->differences[i].object = readable(v, report->items[i].object);
		p->differences[i].what = readable(v, report->items[i].what);
		p->differences[i].source_fault = report->items[i].source_fault;
	}
}

/* --- the steps --- */

static bool read_contents(struct verify *v, struct err *e)
{
	struct buf text = BUF_INIT_MAX(CONTENTS_MAX);
	bool ok = chunk_store_open_read(&v->chunks, v->r, e) &&
	          chunk_store_get_stream(&text, v->chunks, &v->m->contents, e) &&
	          contents_parse(&v->contents, buf_view(&text), e);

	v->have_contents = ok;
	buf_release(&text);
	return ok || err_wrap(e, "read the contents of snapshot \"%s\"", v->m->id);
}

/* A restore does not need them, but who recovers by hand does, and a proof speaks for all that was stored. */
static bool read_globals(struct verify *v, struct err *e)
{
	struct buf text = BUF_INIT_MAX(CONTENTS_MAX);
	bool ok = chunk_store_get_stream(&text, v->chunks, &v->m->globals, e);

	buf_release(&text);
	return ok || err_wrap(e, "read the globals (roles) of snapshot \"%s\"", v->m->id);
}

static bool make_private(struct verify *v, struct err *e)
{
	unsigned removed = 0;
	struct err trouble = ERR_INIT;
	char working[64];

	target_working_name(working, SCRATCH_NAME, v->m->id);
	/* What is refused is refused once more when the new one is made. */
	if (!scratch_clean(&removed, v->o, &trouble) && trouble.kind != ERR_REFUSED)
		observer_note(v->obs, NOTE_WARN, "an old scratch cluster could not be removed: %s", trouble.msg);
	if (removed > 0)
		observer_note(v->obs, NOTE_INFO, "removed %u scratch cluster(s) of interrupted test restores", removed);
	if (!scratch_start(&v->scratch, v->m, &v->contents, working, v->o, v->obs, v->cancel, e))
		return false;
	v->target = conninfo_copy(scratch_conninfo(v->scratch));
	conninfo_set(v->target, "dbname", SCRATCH_NAME);
	v->reference = REFERENCE_NAME;
	v->proof->server_version = scratch_version(v->scratch);
	return true;
}

static bool make_on_server(struct verify *v, struct err *e)
{
	const char *host = conninfo_get(v->o->scratch_server, "host"),
	           *port = conninfo_get(v->o->scratch_server, "port");

	if (!scratch_server_open(&v->server, v->o->scratch_server, v->m, v->obs, v->cancel, e))
		return false;
	v->target = conninfo_copy(v->server.target);
	v->reference = v->server.reference;
	v->proof->server_version = pg_session_version(v->server.lock);
	v->proof->where = arena_printf(&v->proof->arena, "%s:%s", host ? host : PQhost(pg_session_conn(v->server.lock)),
	        port ? port : PQport(pg_session_conn(v->server.lock)));
	return true;
}

/* The copy has the live database's properties; what the snapshot recorded of them does not count. */
static bool make_beside(struct verify *v, struct err *e)
{
	const struct standby_place *place = v->o->standby;
	PGconn *conn = pg_session_conn(place->maintenance);

	if (!standby_prepare(&v->copy, place, v->m, false, v->obs, v->cancel, e))
		return false;
	target_take_properties(&v->contents.database, place->live);
	v->target = conninfo_copy(v->copy.target);
	v->reference = v->copy.reference;
	v->proof->server_version = pg_session_version(place->maintenance);
	v->proof->where = arena_printf(&v->proof->arena, "%s:%s", PQhost(conn), PQport(conn));
	return true;
}

static bool make_scratch(struct verify *v, struct err *e)
{
	int64_t start = clock_monotonic_us();
	bool ok;

	observer_phase(v->obs, v->o->standby ? "looking at the server" : "making a scratch cluster", 0, 0);
	ok = v->o->standby ? make_beside(v, e) : v->o->scratch_server ? make_on_server(v, e) : make_private(v, e);
	add_phase(v, "cluster", clock_monotonic_us() - start);
	return ok;
}

/*
 * Did the restore get to its end, but for objects that could not be made? They are then differences, and the rest is
 * there to be compared.
 */
static bool is_incomplete(struct verify *v, const struct err *e)
{
	struct conninfo *database = conninfo_copy(v->target);
	struct pg_session *s = NULL;
	struct err ignored = ERR_INIT;
	bool there = false;

	conninfo_set(database, "dbname", v->restored.database);
	for (size_t i = 0; i < v->restored.finding_count && e->kind == ERR_FAILED; i++)
		there = there || !v->restored.findings[i].source_fault;
	there = there && pg_session_open(&s, database, PG_SESSION_PLAIN, "verify", v->cancel, &ignored);
	pg_session_close(s);
	if (there)
		conninfo_set(v->target, "dbname", v->restored.database);
	conninfo_free(database);
	v->incomplete = there;
	return there;
}

/* A standby copy is made as restore --replace makes what it swaps in. */
static struct restore_options options_for(const struct verify *v, bool dry_run)
{
	const struct standby_place *place = v->o->standby;
	struct restore_options o = { .target = v->target, .jobs = v->o->jobs, .pg_bin = v->o->pg_bin };

	o.dry_run = dry_run;
	if (place) {
		o.target = v->copy.target;
		o.maintenance_db = place->maintenance_db;
		o.beside = &v->copy.beside;
		o.create_roles = place->create_roles;
		return o;
	}
	if (v->o->scratch_server)
		o.maintenance_db = conninfo_get(v->server.maintenance, "dbname");
	o.create_roles = true;
	o.disable_subscriptions = true;
	return o;
}

static bool restore(struct verify *v, struct err *e)
{
	const struct restore_options o = options_for(v, false);
	struct err trouble = ERR_INIT;
	bool ok = restore_into(&v->restored, v->r, v->m, &o, v->obs, v->cancel, &trouble);

	if (ok)
		conninfo_set(v->target, "dbname", v->restored.database);
	else
		ok = is_incomplete(v, &trouble);
	v->made = ok;
	if (!ok)
		*e = trouble;
	for (size_t i = 0; i < v->restored.phase_count; i++)
		add_phase(v, v->restored.phases[i].name, v->restored.phases[i].duration_us);
	return ok;
}

static bool compare(struct verify *v, struct err *e)
{
	int64_t start = clock_monotonic_us();
	struct archive archive;
	struct compare c = { .manifest = v->m,
		.contents = &v->contents,
		.archive = &archive,
		.target = v->target,
		.reference = v->reference,
		.pg_bin = v->o->pg_bin,
		.jobs = v->o->jobs,
		.incomplete = v->incomplete || v->o->standby,
		.findings = v->restored.findings,
		.finding_count = v->restored.finding_count,
		.obs = v->obs,
		.cancel = v->cancel };
	bool ok;

	if (!archive_open(&archive, v->chunks, v->m, v->proof->server_version, v->o->pg_bin, v->cancel, e))
		return false;
	ok = compare_database(&v->report, &c, e);
	archive_close(&archive);
	add_phase(v, "compare", clock_monotonic_us() - start);
	return ok;
}

/* --- damage --- */

/* Read every piece of a table; the first error is what is wrong with it. */
static bool check_pieces(struct verify *v, const struct content_table *t, struct decompressor *d, struct buf *plain,
        struct buf *frame, struct err *e)
{
	for (size_t i = 0; i < t->pieces.count; i++) {
		if (!cancel_check(v->cancel, e) || !chunk_store_get(plain, v->chunks, &t->pieces.items[i], d, frame, e))
			return false;
	}
	return true;
}

/*
 * A damaged snapshot is a finding about the snapshot, not a failure to find out: the proof says which tables are hit.
 * That takes one reading of everything, because the restore stopped at the first.
 */
static bool report_damage(struct verify *v, const struct err *damage, struct err *e)
{
	struct decompressor *d = decompressor_new();
	struct buf plain = BUF_INIT_MAX(CHUNK_PLAIN_MAX), frame = BUF_INIT_MAX(CHUNK_PLAIN_MAX);
	char object[400];
	bool ok = true;

	observer_phase(v->obs, "looking for damage", 0, v->contents.table_count);
	for (size_t i = 0; v->have_contents && ok && i < v->contents.table_count; i++) {
		const struct content_table *t = &v->contents.tables[i];
		struct err found = ERR_INIT;

		observer_item(v->obs);
		if (check_pieces(v, t, d, &plain, &frame, &found))
			continue;
		ok = found.kind == ERR_DAMAGED;
		if (!ok)
			*e = found;
		snprintf(object, sizeof(object), "TABLE %s", t->table.qualified);
		if (t->table.kind == PG_TABLE_LARGE_OBJECTS)
			snprintf(object, sizeof(object), "LARGE OBJECTS");
		if (ok)
			compare_report_add(&v->report, false, object, "%s", found.msg);
	}
	if (ok && v->report.total == 0)
		compare_report_add(&v->report, false, "SNAPSHOT", "%s", damage->msg);
	buf_release(&frame);
	buf_release(&plain);
	decompressor_free(d);
	return ok;
}

/* --- */

static bool run(struct verify *v, struct err *e)
{
	struct err first = ERR_INIT;

	if (read_contents(v, &first) && read_globals(v, &first) && make_scratch(v, &first) && restore(v, &first) &&
	        compare(v, &first))
		return true;
	if (first.kind == ERR_DAMAGED)
		return report_damage(v, &first, e);
	*e = first;
	if (v->scratch)
		scratch_explain(v->scratch, e);
	if (strstr(e->msg, "No space left on device"))
		err_hint(e, "free some space where the scratch is, or name a larger directory as scratch.dir");
	return false;
}

static void release(struct verify *v)
{
	conninfo_free(v->target);
	scratch_stop(v->scratch);
	scratch_server_close(&v->server);
	standby_release(&v->copy, v->made ? v->restored.database : "");
	restore_result_release(&v->restored);
	compare_report_release(&v->report);
	if (v->have_contents)
		contents_release(&v->contents);
	chunk_store_close(v->chunks);
}

/* What cannot be kept was proved all the same. */
static bool record(struct verify *v, struct err *e)
{
	struct err why = ERR_INIT, ignored = ERR_INIT;
	bool kept;

	finish_proof(v);
	kept = !v->o->standby || v->proof->outcome == PROOF_DIFFERS ||
	       standby_keep(&v->copy, v->proof, v->restored.database, v->obs, &why);
	if (proof_save(v->r, v->proof, kept ? e : &ignored) && kept)
		return true;
	if (!kept)
		*e = why;
	return false;
}

static bool possible(struct verify *v, struct err *e)
{
	struct restore_result unused = { 0 };
	struct restore_options o;
	bool ok;

	if (!v->o->standby)
		return v->o->scratch_server || scratch_possible(v->m, v->m->server_version, v->o, e);
	ok = standby_prepare(&v->copy, v->o->standby, v->m, true, v->obs, v->cancel, e);
	o = options_for(v, true);
	ok = ok && restore_into(&unused, v->r, v->m, &o, v->obs, v->cancel, e);
	restore_result_release(&unused);
	standby_release(&v->copy, "");
	return ok;
}

bool verify_snapshot(struct proof **out, struct repository *r, const struct manifest *m, const struct verify_options *o,
        struct observer *obs, const struct cancel *cancel, struct err *e)
{
	struct verify v = { .r = r, .m = m, .o = o, .obs = obs, .cancel = cancel, .report = COMPARE_REPORT_INIT };
	bool ok;

	*out = NULL;
	if (o->dry_run)
		return possible(&v, e);
	v.proof = new_proof(&v);
	ok = run(&v, e) && record(&v, e);
	release(&v);
	if (ok)
		*out = v.proof;
	else
		proof_free(v.proof);
	return ok;
}
