/*
 * src/cmd/replace.h - drtool restore --replace: beside the live database, checked, swapped
 */
#ifndef DRTOOL_CMD_REPLACE_H
#define DRTOOL_CMD_REPLACE_H

#include "src/cmd/cmd.h"

bool replace_run(struct cmd *c, struct err *e);

#endif
