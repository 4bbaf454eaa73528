/*
 * src/cmd/last_change.h - what was last done to a live database, by the journal: is it for undo to take back?
 */
#ifndef DRTOOL_CMD_LAST_CHANGE_H
#define DRTOOL_CMD_LAST_CHANGE_H

#include "src/cmd/place.h"
#include "storage/repository/repository.h"

/*
 * False, ERR_REFUSED with the line to type, when that was a migration: no swap takes it back; or a swap by a command
 * (swap_command.h) and there is none that swaps back. r may be NULL. A journal
 * that cannot be read is a warning: undo needs none.
 */
bool last_change_undoable(const struct place *p, const struct cmd *c, struct repository *r, struct err *e);

#endif
