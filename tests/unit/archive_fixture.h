/*
 * tests/unit/archive_fixture.h - an archive's entries and a snapshot's tables, made by hand, for what is planned of
 * them
 */
#ifndef DRTOOL_TESTS_UNIT_ARCHIVE_FIXTURE_H
#define DRTOOL_TESTS_UNIT_ARCHIVE_FIXTURE_H

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "restore/graph.h"
#include "restore/later.h"

#define ENTRIES_MAX 40
#define TABLES_MAX  260

struct world {
	struct toc toc;
	struct toc_entry entries[ENTRIES_MAX];
	int deps[ENTRIES_MAX][8];
	struct contents contents;
	struct content_table tables[TABLES_MAX];
	struct stages stages;
	struct graph graph;
	struct later later;
};

static inline struct world *world_new(void)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->toc.entries = w->entries;
	w->contents.tables = w->tables;
	return w;
}

static inline void world_free(struct world *w)
{
	for (size_t i = 0; i < w->contents.table_count; i++)
		piece_list_release(&w->tables[i].pieces);
	graph_release(&w->graph);
	later_release(&w->later);
	stages_release(&w->stages);
	arena_release(&w->toc.arena);
	free(w);
}

/* One more entry, with the dump ids in deps up to a 0 as what it depends on. The texts must outlive it. */
static inline int world_add(struct world *w, int dump_id, enum toc_section section, const char *desc, const char *tag,
        const char *defn, va_list deps)
{
	struct toc_entry *t = &w->entries[w->toc.count];
	int dep;

	*t = (struct toc_entry){ .dump_id = dump_id,
		.oid = (uint32_t)w->toc.count + 1000,
		.section = section,
		.desc = desc,
		.tag = tag,
		.schema = "public",
		.defn = defn,
		.tablespace = "",
		.owner = "o",
		.deps = w->deps[w->toc.count] };
	while ((dep = va_arg(deps, int)) != 0)
		w->deps[w->toc.count][t->ndeps++] = dep;
	w->toc.count++;
	return dump_id;
}

#endif
