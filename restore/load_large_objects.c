#include "restore/load_internal.h"

/* The pieces' rows are (oid, byte offset, bytes): COPY text that any table of these types takes. */
#define STAGING "pg_temp.drtool_large_object"

static bool copy_part(struct pg_session *s, const struct feed_part *part, struct err *e)
{
	uint64_t taken = 0;

	if (!pg_copy_in_start(s, "COPY " STAGING " FROM STDIN", e) || !pg_copy_in_put(s, part->data, e) ||
	        !pg_copy_in_end(s, &taken, e))
		return false;
	if (taken != part->fingerprint.rows)
		return err_set(e, ERR_FAILED, "the server took %llu of %llu pieces", (unsigned long long)taken,
		        (unsigned long long)part->fingerprint.rows);
	return pg_exec(s, "SELECT pg_catalog.lo_put(id, pos, data) FROM " STAGING "; TRUNCATE " STAGING, e);
}

static bool copy_parts(struct load_run *r, struct err *e)
{
	struct loader *l = r->loader;
	struct feed_part part = { 0 };
	int state;

	while ((state = feed_next(&part, l->feed, e)) == 1) {
		if (!copy_part(l->session, &part, e))
			return false;
		fingerprint_add(&r->seen, &part.fingerprint);
		r->bytes += part.data.len;
		observer_bytes(l->load->obs, part.data.len);
	}
	return state == 0;
}

bool load_large_objects(struct loader *l, size_t table, struct err *e)
{
	const struct content_table *t = &l->load->contents->tables[table];
	struct load_run run = { .loader = l, .tables = &table, .table_count = 1, .whole = true };
	bool ok = load_run_feed(&run, e) && pg_exec(l->session, "BEGIN", e) &&
	          pg_exec(l->session,
	                  "CREATE TEMPORARY TABLE drtool_large_object (id oid, pos bigint, data bytea) ON COMMIT DROP",
	                  e) &&
	          copy_parts(&run, e);

	if (ok && !fingerprint_equal(&run.seen, &t->fingerprint))
		ok = err_set(e, ERR_DAMAGED, "the large objects stored are not those the snapshot recorded");
	return load_run_end(&run, ok, e) || err_wrap(e, "load the large objects");
}
