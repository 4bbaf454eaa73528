/*
 * src/pg/catalog.h - what a database holds besides what a schema archive says, read from the system catalogues
 *
 * All memory is in the arena given. The same functions read the source while snapshotting and the scratch while
 * proving.
 */
#ifndef DRTOOL_PG_CATALOG_H
#define DRTOOL_PG_CATALOG_H

#include "src/base/arena.h"
#include "src/pg/catalog_types.h"
#include "src/pg/session.h"

bool pg_catalog_database(struct pg_database *out, struct pg_session *s, struct arena *a, struct err *e);
/* The same of another database of the server; ERR_NOT_FOUND when there is none of that name. */
bool pg_catalog_database_named(
        struct pg_database *out, struct pg_session *s, const char *name, struct arena *a, struct err *e);
/* Is there one of that name? */
bool pg_catalog_database_exists(bool *out, struct pg_session *s, const char *name, struct err *e);
/* How many more sessions this role may open in this database, without what the server keeps back for superusers; may be
 * negative. */
bool pg_catalog_connections_free(int64_t *out, struct pg_session *s, struct err *e);
/* Tables, partitioned tables, views, foreign tables pg_dump would look at (user relations, not of extensions, and
 * extension configuration tables). */
bool pg_catalog_relations(struct pg_relation_list *out, struct pg_session *s, struct arena *a, struct err *e);
/* Every table with rows of its own that a full pg_dump would carry, plus the large-object pseudo table when there are
 * any. */
bool pg_catalog_tables(struct pg_table_list *out, struct pg_session *s, struct arena *a, struct err *e);
/* The sequences a dump carries, without values. */
bool pg_catalog_sequences(struct pg_sequence_list *out, struct pg_session *s, struct arena *a, struct err *e);
bool pg_catalog_sequence_values(struct pg_sequence_list *list, struct pg_session *s,
        struct err *e); /* not MVCC: read after the data's snapshot */
bool pg_catalog_matviews(struct pg_matview_list *out, struct pg_session *s, struct arena *a, struct err *e);
bool pg_catalog_large_objects(struct pg_large_object_list *out, struct pg_session *s, struct arena *a, struct err *e);
bool pg_catalog_extensions(struct pg_extension_list *out, struct pg_session *s, struct arena *a, struct err *e);
/* Names of the roles this database's objects, privileges and settings refer to. */
bool pg_catalog_roles(struct pg_text_list *out, struct pg_session *s, struct arena *a, struct err *e);
/* Qualified names of indexes that are not valid (a CREATE INDEX CONCURRENTLY that failed). */
bool pg_catalog_invalid_indexes(struct pg_text_list *out, struct pg_session *s, struct arena *a, struct err *e);
/* Settings of preloaded libraries that name a database and are read when the server starts (cron.database_name). */
bool pg_catalog_library_databases(struct pg_text_list *out, struct pg_session *s, struct arena *a, struct err *e);

/*
 * The COPY (...) TO STDOUT statement that reads t's rows whose block lies in [first_page, end_page); end_page
 * UINT64_MAX is open-ended; a whole table is (0, UINT64_MAX). encoding is the database's own, so that the server
 * converts nothing.
 */
char *pg_copy_out_sql(
        struct arena *a, const struct pg_table *t, uint64_t first_page, uint64_t end_page, const char *encoding);

#endif
