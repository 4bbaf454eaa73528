/*
 * src/cmd/cmd.h - the commands; the only code that prints
 *
 * A command gets everything it may know about this run in one struct. It returns true with c->status set to its exit
 * status, or false with e, which main prints.
 */
#ifndef DRTOOL_CMD_CMD_H
#define DRTOOL_CMD_CMD_H

#include "src/base/cancel.h"
#include "src/config/config.h"
#include "src/config/options.h"

#define CMD_STATUS_DIFFERS 6

struct cmd {
	const struct options *options;
	const struct config *config; /* never NULL */
	const struct cancel *cancel;
	char *const *argv; /* as main got it */
	int status;        /* exit status when the command returns true */
};

typedef bool cmd_function(struct cmd *c, struct err *e);

cmd_function cmd_init, cmd_doctor, cmd_snapshot, cmd_list, cmd_show, cmd_verify, cmd_restore, cmd_undo, cmd_drop_old,
        cmd_cat, cmd_diff, cmd_status, cmd_journal, cmd_help, cmd_version;

cmd_function *cmd_find(enum command_id id);
/* Whether the command works without drtool.yml being read at all. */
bool cmd_needs_config(enum command_id id);

static inline bool cmd_json(const struct cmd *c)
{
	return options_set(c->options, OPTION_JSON);
}
static inline bool cmd_dry_run(const struct cmd *c)
{
	return options_set(c->options, OPTION_DRY_RUN);
}
static inline unsigned cmd_jobs(const struct cmd *c)
{
	return (unsigned)options_number(c->options, OPTION_JOBS, 0);
}

#endif
