/* restore/check.c - see check.h */
#include "restore/check.h"

#include "restore/later.h"
#include "restore/target.h"
#include "storage/repository/chunk_store.h"

#define CONTENTS_MAX ((size_t)1 << 30)

/* A reference database, should one be needed, is named like what a killed restore leaves, so that the next one removes
 * it. */
static void reference_name(char out[64], const struct check_options *o)
{
	char id[SNAPSHOT_ID_SIZE];

	manifest_new_id(id, 0);
	target_working_name(out, o->beside ? o->beside->name : o->restored->database, id);
}

static bool compare(struct compare_report *out, const struct compare *c, struct err *e)
{
	struct pg_session *s = NULL;
	bool ok;

	for (size_t i = 0; i < c->finding_count; i++)
		compare_report_add(out,
		        c->findings[i].source_fault || compare_schema_is_consequence(c, &c->findings[i]),
		        c->findings[i].object, "%s", c->findings[i].what);
	ok = compare_tables(out, c, e) && pg_session_open(&s, c->target, PG_SESSION_DUMP, "check", c->cancel, e) &&
	     compare_objects(out, c, s, e) && compare_schema(out, c, s, e);
	pg_session_close(s);
	return ok;
}

/* A database that somebody else made has what they gave it: encoding, owner, settings. */
static bool expect_properties(struct contents *c, const struct check_options *o, struct pg_session *s, struct err *e)
{
	if (!o->beside)
		return pg_catalog_database(&c->database, s, &c->arena, e);
	target_take_properties(&c->database, o->beside);
	return true;
}

bool check_restored(struct compare_report *out, struct repository *r, const struct manifest *m,
        const struct check_options *o, struct observer *obs, const struct cancel *cancel, struct err *e)
{
	struct buf text = BUF_INIT_MAX(CONTENTS_MAX);
	struct chunk_store *chunks = NULL;
	struct contents contents = { 0 };
	struct archive archive = { 0 };
	struct stages stages = { 0 };
	struct later later = { 0 };
	struct pg_session *s = NULL;
	char reference[64];
	struct compare c = { .manifest = m,
		.contents = &contents,
		.archive = &archive,
		.target = o->target,
		.reference = reference,
		.pg_bin = o->pg_bin,
		.no_owner = o->no_owner,
		.config_only = !o->rows,
		.incomplete = true,
		.jobs = o->jobs,
		.findings = o->restored->findings,
		.finding_count = o->restored->finding_count,
		.obs = obs,
		.cancel = cancel };
	bool ok = chunk_store_open_read(&chunks, r, e) && chunk_store_get_stream(&text, chunks, &m->contents, e) &&
	          contents_parse(&contents, buf_view(&text), e) &&
	          pg_session_open(&s, o->target, PG_SESSION_PLAIN, "check", cancel, e);

	observer_phase(obs, "checking what was restored", o->rows ? m->plain_bytes : 0, 0);
	reference_name(reference, o);
	if (ok) {
		ok = expect_properties(&contents, o, s, e);
		ok = ok && archive_open(&archive, chunks, m, pg_session_version(s), o->pg_bin, cancel, e);
		if (ok && o->usable_first) {
			stages_assign(&stages, archive.toc, false);
			later_choose(&later, &stages, &contents, pg_session_version(s));
			c.later = &later;
		}
		ok = ok && compare(out, &c, e);
	}
	pg_session_close(s);
	later_release(&later);
	stages_release(&stages);
	archive_close(&archive);
	contents_release(&contents);
	chunk_store_close(chunks);
	buf_release(&text);
	return ok || err_wrap(e, "check what was restored");
}
