/*
 * src/cmd/assertion.h - --check and --check-sql: what a restored database must satisfy before it may be swapped in
 */
#ifndef DRTOOL_CMD_ASSERTION_H
#define DRTOOL_CMD_ASSERTION_H

#include "src/cmd/hook.h"
#include "src/pg/conninfo.h"

/*
 * All of this run's, in the order of their kinds: queries, then commands. A query must give true or a number other than
 * 0 in the first column of its first row; it is asked in a read-only transaction, with the database's own search_path.
 * A command must end with 0; psql and other libpq programs that it runs find the restored database by themselves
 * (PGHOST, PGDATABASE, ...). ERR_DIFFERS with the first that fails.
 */
bool assertion_check(
        const struct conninfo *restored, const struct hook_facts *facts, const struct cmd *c, struct err *e);

#endif
