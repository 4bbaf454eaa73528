/*
 * src/cmd/restore_table.h - restore --table into a database that is in use
 */
#ifndef DRTOOL_CMD_RESTORE_TABLE_H
#define DRTOOL_CMD_RESTORE_TABLE_H

#include "src/cmd/cmd.h"
#include "src/cmd/target.h"
#include "storage/repository/manifest.h"

/* Do --table and --schema fit the rest? ERR_USAGE. */
bool restore_table_check(const struct options *o, struct err *e);
/* Are tables to go beside what the database holds? Else it is a restore as usual, of some tables. */
bool restore_table_beside(bool *out, const struct cmd *c, const struct target *t, struct err *e);
bool restore_table_run(
        struct cmd *c, struct repository *r, const struct manifest *m, const struct target *t, struct err *e);

#endif
