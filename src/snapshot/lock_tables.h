/*
 * src/snapshot/lock_tables.h - ACCESS SHARE on everything that is read, before any snapshot is taken
 */
#ifndef DRTOOL_SNAPSHOT_LOCK_TABLES_H
#define DRTOOL_SNAPSHOT_LOCK_TABLES_H

#include "src/pg/catalog.h"

/*
 * Inside a transaction: lock tables, partitioned tables and, where the view's owner may read what it shows, views.
 * nowait fails at once (ERR_CONFLICT) when a lock is not free; otherwise the session's lock_timeout decides. Missing
 * privileges are ERR_FAILED naming the relation.
 */
bool lock_tables(
        struct pg_session *s, const struct pg_relation_list *relations, bool views, bool nowait, struct err *e);

/* Locks the server can hold at once, by its settings: max_locks_per_transaction x (max_connections +
 * max_prepared_transactions). */
bool lock_tables_capacity(uint64_t *out, struct pg_session *s, struct err *e);

#endif
