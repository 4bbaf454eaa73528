/*
 * restore/selection.h - which parts of a snapshot the patterns of --table mean
 *
 * By pg_dump's rules for its own --table: matching relations, and what belongs to them.
 */
#ifndef DRTOOL_RESTORE_SELECTION_H
#define DRTOOL_RESTORE_SELECTION_H

#include "restore/recode.h"
#include "src/pg/toc.h"
#include "storage/repository/contents.h"

struct selection_source {
	const struct toc *toc;
	const struct contents *contents;
	const char *snapshot_id;   /* for messages */
	struct recode *to_archive; /* from UTF-8 into the archive's encoding; NULL when there is nothing to do */
	bool contents_recoded;     /* the contents' names are in the archive's encoding, too */
};

struct selection {
	bool *entry_in;    /* by index in the archive's TOC */
	bool *table_in;    /* by index in contents->tables */
	bool *sequence_in; /* contents->sequences */
	bool *matview_in;  /* contents->matviews */
	bool *named;       /* entry_in of the relations themselves, as the patterns mean them */
};

/* patterns NULL or empty: everything. ERR_USAGE when a pattern matches nothing; the hint names what is near. */
bool selection_make(struct selection *out, const struct selection_source *s, const char *const *patterns,
        struct arena *a, struct err *e);
/*
 * Make of it what can stand alone in a database of its own: with the partitions of partitioned tables, the schemas,
 * types, functions and extensions it needs, and definitions (no rows) of tables whose columns it inherits; without
 * foreign keys, triggers, policies and views that need a table which is not chosen. left_out counts those.
 */
void selection_complete(struct selection *io, size_t *left_out, const struct selection_source *s, struct arena *a);

/* Tables, views, sequences ... as --table sees them. */
bool selection_is_relation(const struct toc_entry *t);
/* Is t a part or property of needed, which it depends on: an index of a table, a comment on anything? */
bool selection_belongs(const struct toc_entry *t, const struct toc_entry *needed);
/* By index in the TOC: the partitioned table that a table is attached to, or SIZE_MAX. In the arena. */
size_t *selection_parents(const struct toc *toc, struct arena *a);
/* "public.orders, public.order_lines": the tables whose names are nearest to what was typed; "" when none is near. In
 * the arena. */
const char *selection_nearest(const char *typed, const struct contents *c, struct arena *a);

#endif
