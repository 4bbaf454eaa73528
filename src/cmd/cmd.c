/* src/cmd/cmd.c - see cmd.h */
#include "src/cmd/cmd.h"

static cmd_function *const functions[COMMAND_COUNT] = {
	[COMMAND_INIT] = cmd_init,
	[COMMAND_DOCTOR] = cmd_doctor,
	[COMMAND_SNAPSHOT] = cmd_snapshot,
	[COMMAND_LIST] = cmd_list,
	[COMMAND_SHOW] = cmd_show,
	[COMMAND_DIFF] = cmd_diff,
	[COMMAND_VERIFY] = cmd_verify,
	[COMMAND_RESTORE] = cmd_restore,
	[COMMAND_UNDO] = cmd_undo,
	[COMMAND_DROP_OLD] = cmd_drop_old,
	[COMMAND_CAT] = cmd_cat,
	[COMMAND_STATUS] = cmd_status,
	[COMMAND_JOURNAL] = cmd_journal,
	[COMMAND_HELP] = cmd_help,
	[COMMAND_VERSION] = cmd_version,
};

cmd_function *cmd_find(enum command_id id)
{
	return functions[id];
}

bool cmd_needs_config(enum command_id id)
{
	return id != COMMAND_INIT && id != COMMAND_HELP && id != COMMAND_VERSION;
}
