/*
 * restore/definition.h - the definition of a table, index or key under another name
 *
 * The text is pg_dump's. Names are replaced only where they stand in the head of a statement ("CREATE TABLE here (",
 * "CREATE INDEX here ON here USING", "ALTER TABLE ONLY here", "ADD CONSTRAINT here"); bodies are never searched. What
 * does not look as expected is ERR_FAILED.
 */
#ifndef DRTOOL_RESTORE_DEFINITION_H
#define DRTOOL_RESTORE_DEFINITION_H

#include "src/base/arena.h"
#include "src/base/buf.h"
#include "src/pg/toc.h"

struct definition_names {                 /* plain, not quoted; all in the encoding of the text */
	const char *table_schema, *table; /* in the text */
	const char *new_table;            /* what is to stand there: qualified, quoted */
	const char *index;     /* of an index, or the constraint of a key; NULL when the definition has none */
	const char *new_index; /* quoted */
	const char *new_index_qualified;
};

struct definition_parent { /* a table whose columns are inherited */
	const char *schema, *name;
};

struct definition_table {
	const char *sql;                   /* the statements */
	struct definition_parent *parents; /* in the order of INHERITS */
	size_t parent_count;
	bool partitioned; /* it was: sql makes it a plain one */
	bool unlogged;    /* it was */
	bool typed;       /* it is a table of a type */
};

/*
 * A TABLE entry's. unlogged: make it so whatever it was. parents: what is to stand in the place of each inherited
 * table, qualified and quoted, in their order; NULL leaves INHERITS out (and its columns: to find out which parents
 * there are). Marks for CLUSTER, replica identity and forced row security are left out.
 */
bool definition_of_table(struct definition_table *out, const char *text, const struct definition_names *n,
        bool unlogged, const char *const *parents, struct arena *a, struct err *e);
/* An INDEX, CONSTRAINT or CHECK CONSTRAINT entry's. */
bool definition_of_index(
        const char **out, const char *text, const struct definition_names *n, struct arena *a, struct err *e);

struct definition_index {
	const char *schema, *table; /* it is on; plain, in the encoding of the text */
	const char *create;         /* CREATE INDEX CONCURRENTLY ... */
	const char *rest; /* statements behind it (CLUSTER ON, SET STATISTICS, DEPENDS ON EXTENSION); "" for none */
};
/* An INDEX entry's, to be built while others write. ERR_FAILED for a unique one, and for one ON ONLY. */
bool definition_concurrently(struct definition_index *out, const char *text, struct arena *a, struct err *e);

struct definition_key { /* plain, in the encoding of the text */
	const char *schema, *table, *name;
};
/* Which foreign key a FK CONSTRAINT entry's definition is about: the referencing table, the constraint. */
bool definition_foreign_key(struct definition_key *out, const char *text, struct arena *a, struct err *e);
/* The same with NOT VALID at its end; NULL when it is NOT VALID or NOT ENFORCED as it stands, or not as expected. */
const char *definition_unchecked(const char *text, struct arena *a);

#endif
