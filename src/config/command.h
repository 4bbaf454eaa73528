/*
 * src/config/command.h - the commands as data: one row each feeds dispatch, help, completion and the man page
 */
#ifndef DRTOOL_CONFIG_COMMAND_H
#define DRTOOL_CONFIG_COMMAND_H

enum command_id {
	COMMAND_INIT,
	COMMAND_DOCTOR,
	COMMAND_SNAPSHOT,
	COMMAND_LIST,
	COMMAND_SHOW,
	COMMAND_DIFF,
	COMMAND_VERIFY,
	COMMAND_RESTORE,
	COMMAND_UNDO,
	COMMAND_DROP_OLD,
	COMMAND_CAT,
	COMMAND_STATUS,
	COMMAND_JOURNAL,
	COMMAND_HELP,
	COMMAND_VERSION,
	COMMAND_COUNT,
};

#define COMMAND_BIT(id)  (1u << (id))
#define COMMAND_BITS_ALL ((1u << COMMAND_COUNT) - 1)

struct command {
	const char *name;
	const char *arguments; /* as printed after the name: "[DB]"; "" for none */
	unsigned min_arguments, max_arguments;
	const char *summary; /* one line, no full stop */
	const char *text;    /* paragraphs, separated by an empty line; "" when the summary says it all */
	const char *example; /* one command line per line */
};

const struct command *command_row(enum command_id id);
/* COMMAND_COUNT when there is no such command. */
enum command_id command_find(const char *name);

#endif
