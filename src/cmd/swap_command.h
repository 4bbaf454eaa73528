/*
 * src/cmd/swap_command.h - a provider's own swap, where neither CREATE DATABASE nor a rename is allowed
 *
 * --swap-with COMMAND makes the database's address lead to the restored one, --swap-back COMMAND makes it lead back;
 * in drtool.yml: swap: with, back. Both are given to "/bin/sh -c" as hooks are. What they did is looked at: the
 * address must lead to another database afterwards.
 */
#ifndef DRTOOL_CMD_SWAP_COMMAND_H
#define DRTOOL_CMD_SWAP_COMMAND_H

#include "src/cmd/hook.h"
#include "src/pg/conninfo.h"

/* As given or configured; NULL when there is none. */
const char *swap_command_with(const struct cmd *c);
const char *swap_command_back(const struct cmd *c);

struct swap_command {
	const char *command;
	const char *back;                /* run when command fails; NULL for nothing */
	const struct conninfo *live;     /* the address that is to lead elsewhere */
	const struct conninfo *restored; /* the database it is to lead to; NULL: any other one than now */
	const struct hook_facts *facts;
};

/* False: the command failed, or the address does not lead where it should; the message says where it leads. */
bool swap_command_run(const struct swap_command *w, const struct cmd *c, struct err *e);

#endif
