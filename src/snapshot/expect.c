#include "src/snapshot/expect.h"

#include "storage/repository/contents.h"
#include "storage/repository/manifest.h"

/* Contents of a database with a million chunks are below this. */
#define CONTENTS_MAX ((size_t)256 << 20)

void expect_previous(struct chunk_store *store, struct repository *r, const char *database)
{
	struct manifest *m = NULL;
	struct contents c = { 0 };
	struct buf text = BUF_INIT_MAX(CONTENTS_MAX);
	struct err ignored = ERR_INIT;

	if (manifest_resolve(&m, r, database, "latest", &ignored)) {
		chunk_store_expect(store, &m->contents);
		chunk_store_expect(store, &m->schema);
		chunk_store_expect(store, &m->globals);
		if (chunk_store_get_stream(&text, store, &m->contents, &ignored) &&
		        contents_parse(&c, buf_view(&text), &ignored)) {
			for (size_t i = 0; i < c.table_count; i++)
				chunk_store_expect(store, &c.tables[i].pieces);
			contents_release(&c);
		}
	}
	buf_release(&text);
	manifest_free(m);
}
