#include "src/snapshot/record.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/clock.h"

static enum content_data data_state(const struct attempt *a, size_t table)
{
	if (!a->skip[table])
		return CONTENT_DATA;
	return a->tables.items[table].unlogged && a->database.in_recovery ? CONTENT_UNREADABLE_STANDBY
	                                                                  : CONTENT_EXCLUDED;
}

/* Ranges of a table stand side by side in the plan, in table order but for the small ones in front. */
static void fill_tables(struct contents *c, const struct attempt *a, bool stored)
{
	c->table_count = a->tables.count;
	c->tables = arena_alloc(&c->arena, (c->table_count + 1) * sizeof *c->tables);
	for (size_t i = 0; i < c->table_count; i++) {
		c->tables[i].table = a->tables.items[i];
		c->tables[i].data = data_state(a, i);
		c->tables[i].range_pages = a->plan.range_pages[i];
	}
	for (size_t i = 0; i < a->plan.range_count; i++) {
		const struct plan_range *r = &a->plan.ranges[i];
		struct content_table *t = &c->tables[r->table];

		fingerprint_add(&t->fingerprint, &r->fingerprint);
		for (const struct plan_piece *p = stored ? r->first : NULL; p != NULL; p = p->next)
			piece_list_add(&t->pieces, p->piece);
	}
}

static bool store_contents(struct piece_list *out, const struct contents *c, struct chunk_store *store,
        struct compressor *z, struct err *e)
{
	struct buf text = BUF_INIT;
	bool ok;

	contents_write(&text, c);
	ok = chunk_store_put_stream(out, store, buf_view(&text), z, e);
	buf_release(&text);
	return ok;
}

static void fill_manifest(struct manifest *m, const struct attempt *a, const struct record_facts *f)
{
	char host[256] = "";

	snprintf(m->id, sizeof m->id, "%s", f->id);
	m->database = f->database;
	m->dbname = a->database.name;
	m->system_identifier = a->database.system_identifier;
	m->database_oid = a->database.oid;
	m->tag = f->tag == NULL ? "" : f->tag;
	gethostname(host, sizeof host - 1);
	m->host = arena_strdup(&m->arena, host);
	m->server = a->server;
	m->started_us = f->started_us;
	m->instant_us = a->instant_us;
	m->server_version = a->database.server_version;
	m->server_encoding = a->database.encoding;
	m->dump_version = f->tools->version;
	m->drtool_version = DRTOOL_VERSION;
	m->timezone = "UTC";
	m->lc_monetary = "C";
	m->database_size = a->database.size;
	m->on_standby = a->database.in_recovery;
	m->wal_lsn = a->wal_lsn;
	m->safe_wal_lsn = a->safe_wal_lsn;
	m->snapshot_xmin = a->snapshot_xmin;
	m->timeline = a->timeline;
	m->globals_passwords = a->globals_passwords;
}

static void count(struct manifest *m, const struct contents *c)
{
	for (size_t i = 0; i < c->table_count; i++) {
		m->tables += c->tables[i].table.kind != PG_TABLE_LARGE_OBJECTS;
		m->rows += c->tables[i].table.kind != PG_TABLE_LARGE_OBJECTS ? c->tables[i].fingerprint.rows : 0;
		m->plain_bytes += c->tables[i].pieces.bytes;
	}
}

bool record_snapshot(struct snapshot_result *out, struct repository *r, struct chunk_store *store,
        struct repository_lock *lock, const struct attempt *a, const struct record_facts *facts, struct err *e)
{
	struct contents c = { .database = a->database,
		.sequences = a->sequences,
		.matviews = a->matviews,
		.large_objects = a->large_objects,
		.extensions = a->extensions,
		.roles = a->roles,
		.invalid_indexes = a->invalid_indexes };
	struct manifest m = { .tables = 0 };
	struct compressor *z = compressor_new(1);
	struct chunk_store_totals totals;
	bool ok = false;

	fill_tables(&c, a, !facts->fingerprint_only);
	fill_manifest(&m, a, facts);
	count(&m, &c);
	if (!store_contents(&m.contents, &c, store, z, e) ||
	        !chunk_store_put_stream(&m.schema, store, buf_view(&a->archive), z, e) ||
	        !chunk_store_put_stream(&m.globals, store, buf_view(&a->globals), z, e) ||
	        !chunk_store_sync(store, e) || !repository_lock_check(lock, e))
		goto done;
	chunk_store_totals(&totals, store);
	m.stored_new_bytes = totals.stored_new_bytes;
	m.finished_us = clock_utc_us();
	if (!manifest_save(r, &m, e))
		goto done;
	memcpy(out->id, m.id, sizeof out->id);
	out->tables = m.tables;
	out->rows = m.rows;
	out->plain_bytes = m.plain_bytes;
	out->stored_new_bytes = totals.stored_new_bytes;
	out->chunks_new = totals.chunks_new;
	out->chunks_known = totals.chunks_known;
	ok = true;
done:
	if (!ok)
		err_wrap(e, "store the snapshot");
	piece_list_release(&m.contents);
	piece_list_release(&m.schema);
	piece_list_release(&m.globals);
	arena_release(&m.arena);
	compressor_free(z);
	contents_release(&c);
	return ok;
}
