/*
 * src/cmd/hook.h - the commands of drtool.yml that surround a swap, and other words for /bin/sh
 *
 * hooks.before, before_swap, after_swap and after are each given to "/bin/sh -c" as written: ${NAME} in them is the
 * shell's business. Their output goes to stderr. They learn what happens from DRTOOL_* variables, none of them secret.
 */
#ifndef DRTOOL_CMD_HOOK_H
#define DRTOOL_CMD_HOOK_H

#include "src/cmd/cmd.h"

enum hook_id { HOOK_BEFORE, HOOK_BEFORE_SWAP, HOOK_AFTER_SWAP, HOOK_AFTER };

struct hook_facts {              /* NULL where there is nothing to say (yet) */
	const char *action;      /* DRTOOL_ACTION: "restore" or "undo" */
	const char *database;    /* DRTOOL_DATABASE: the name that changes hands */
	const char *server;      /* DRTOOL_SERVER: "db1:5432" */
	const char *snapshot;    /* DRTOOL_SNAPSHOT: id of the one that comes back */
	const char *safety;      /* DRTOOL_SAFETY_SNAPSHOT */
	const char *replacement; /* DRTOOL_REPLACEMENT: the database that gets the name */
	const char *kept;        /* DRTOOL_KEPT: what the old one is called */
	const char *outcome;     /* DRTOOL_OUTCOME: "done" or "failed"; from after_swap on */
};

/* Nothing to do when drtool.yml does not have it. A failure of one that comes before is ERR_REFUSED. */
bool hook_run(enum hook_id id, const struct hook_facts *facts, const struct cmd *c, struct err *e);
/* The one word of drtool.yml for it; NULL when it is not there. */
const char *hook_command(enum hook_id id, const struct cmd *c);

/* /bin/sh -c command, its output on stderr; env as in child_spec, beside the facts. ERR_FAILED with its status;
 * the command itself is in no message, for it may hold a secret. */
bool hook_shell(const char *command, const struct hook_facts *facts, const char *const *env, const struct cmd *c,
        struct err *e);

#endif
