/*
 * restore/retrieve_internal.h - what retrieve*.c share; nobody else includes it
 */
#ifndef DRTOOL_RESTORE_RETRIEVE_INTERNAL_H
#define DRTOOL_RESTORE_RETRIEVE_INTERNAL_H

#include "restore/definition.h"
#include "restore/graph.h"
#include "restore/recode.h"
#include "restore/retrieve.h"
#include "src/pg/session.h"
#include "storage/repository/chunk_store.h"

struct retrieve_part { /* an index, key or constraint */
	const struct toc_entry *entry;
	const char *new_name;    /* NULL: it is no index and keeps its name */
	const char *new_archive; /* the same in the archive's encoding */
	const char *sql;         /* in the archive's encoding */
};

struct retrieve_table {
	struct retrieved *out;
	const struct toc_entry *entry;
	const char *schema_archive, *name_archive, *new_archive; /* the new names in the archive's encoding */
	size_t *leaves;                                          /* indexes into contents.tables: where its rows are */
	size_t leaf_count;
	struct retrieve_part *parts;
	size_t part_count;
};

struct retrieve {
	struct retrieve_result *result;
	const struct manifest *manifest;
	const struct retrieve_options *options;
	struct observer *obs;
	const struct cancel *cancel;
	unsigned jobs;

	struct chunk_store *chunks;
	struct contents contents;
	struct toc *toc;
	struct recode *to_archive, *to_utf8;
	struct pg_session *session; /* holds the locks on the new names */
	struct retrieve_table *tables;
	size_t count;
	bool made;           /* tables are there, to be removed on failure */
	bool made_schema;    /* and the schema */
	bool no_tablespaces; /* some are missing here */
	struct arena arena;
};

/* retrieve_plan.c: which tables, where their rows are, what they and their indexes will be called. */
bool retrieve_plan(struct retrieve *r, struct err *e);
/* What the pool of connections is to do, as an archive and a snapshot of the new tables alone. */
void retrieve_work(struct toc *toc, struct contents *contents, const struct retrieve *r, struct arena *a);
/* Is it made by the pool, or by hand at the end? */
bool retrieve_by_hand(const struct retrieve_part *p);

/* retrieve_place.c: in the database. */
bool retrieve_lock(struct retrieve *r, struct err *e);
/* In one transaction: remove what a killed run left, make the empty tables, marked. A dry run takes it back. */
bool retrieve_create(struct retrieve *r, struct err *e);
/* What is made by hand, and the mark goes. */
bool retrieve_complete(struct retrieve *r, struct err *e);
/* On a session of its own, so that it works after a cancel; what could not be removed goes to left. */
void retrieve_discard(struct retrieve *r, struct buf *left);

/* retrieve_live.c, retrieve_sql.c: compare with what has the name now, and write the statements. */
struct retrieve_column {
	const char *name, *type;
	char identity, generated; /* as in pg_attribute; '\0' when not */
	bool not_null, has_default;
};
struct retrieve_sequence {
	const char *qualified, *column;
	bool ascending, identity;
};
struct retrieve_live {
	const char *oid; /* NULL: there is no table of that name */
	char kind;       /* pg_class.relkind */
	bool partition, has_children;
	struct retrieve_column *columns;
	size_t column_count;
	struct retrieve_sequence *sequences;
	size_t sequence_count;
	bool unique_key;        /* it has a unique index on the restored one's primary key */
	const char **referrers; /* statements, two for each foreign key that refers to it: drop, add again */
	size_t referrer_count;
	const char **marks; /* statements that give the table that takes its name what it has besides */
	size_t mark_count;
	const char **publications; /* that name it */
	size_t publication_count;
	const char **readers; /* views */
	size_t reader_count;
	/* of the restored one */
	const char *new_oid;
	struct retrieve_column *new_columns;
	size_t new_column_count;
	const char **key; /* columns of its primary key */
	size_t key_count;
};
bool retrieve_look(struct retrieve_live *out, struct retrieve *r, const struct retrieve_table *t, struct err *e);
/* Fill live_rows, missing and changed; what cannot be known is said in unknown. */
bool retrieve_count(const struct retrieve_live *l, struct retrieve *r, const struct retrieve_table *t, struct err *e);
bool retrieve_write_sql(
        const struct retrieve_live *l, struct retrieve *r, const struct retrieve_table *t, struct err *e);

/* Of a column list: NULL when there is none. */
const struct retrieve_column *retrieve_column_find(const struct retrieve_column *c, size_t count, const char *name);
/* May its values be written into the live table, and are there any? */
bool retrieve_column_common(const struct retrieve_live *l, const struct retrieve_column *new_column);

#endif
