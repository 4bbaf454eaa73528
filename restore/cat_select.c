/* restore/cat_select.c - what --table leaves; see cat_internal.h */
#include "restore/cat_internal.h"
#include "restore/selection.h"

bool cat_select(struct cat *c, const char *const *patterns, struct err *e)
{
	struct selection_source s = {
		.toc = c->archive.toc, .contents = &c->contents, .snapshot_id = c->m->id, .contents_recoded = true
	};
	struct selection x;
	bool ok = recode_open(&s.to_archive, c->m->server_encoding, false, e) &&
	          selection_make(&x, &s, patterns, &c->arena, e);

	recode_close(s.to_archive);
	if (!ok)
		return false;
	c->selective = patterns && *patterns;
	c->entry_in = x.entry_in;
	c->table_in = x.table_in;
	c->sequence_in = x.sequence_in;
	c->matview_in = x.matview_in;
	return true;
}
