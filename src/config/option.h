/*
 * src/config/option.h - the options as data
 *
 * One row feeds argv, drtool.yml, the environment, --help, completion and the man page. To add an option, add its id
 * here and its row in option.c.
 */
#ifndef DRTOOL_CONFIG_OPTION_H
#define DRTOOL_CONFIG_OPTION_H

#include <stdbool.h>
#include <stdint.h>

enum option_id {
	/* global */
	OPTION_CONFIG,
	OPTION_REPO,
	OPTION_S3_ENDPOINT,
	OPTION_S3_REGION,
	OPTION_S3_ADDRESSING,
	OPTION_S3_CA_FILE,
	OPTION_S3_PROFILE,
	OPTION_S3_IN_FLIGHT,
	OPTION_ENV_FILE,
	OPTION_PG_BIN,
	OPTION_JOBS,
	OPTION_DRY_RUN,
	OPTION_JSON,
	OPTION_QUIET,
	OPTION_VERBOSE,
	OPTION_NO_COLOR,
	OPTION_HELP,
	OPTION_VERSION,
	/* of some commands */
	OPTION_AS_CRON,
	OPTION_TAG,
	OPTION_VERIFY,
	OPTION_EXCLUDE_TABLE_DATA,
	OPTION_YIELD_AFTER,
	OPTION_LOCK_WAIT,
	OPTION_LEVEL,
	OPTION_AS,
	OPTION_ROLE_PASSWORDS,
	OPTION_DATABASE,
	OPTION_SCRATCH_DIR,
	OPTION_SCRATCH_SERVER,
	OPTION_KEEP_STANDBY,
	OPTION_INTO,
	OPTION_REPLACE,
	OPTION_USABLE_FIRST,
	OPTION_FINISH,
	OPTION_CONFIRM,
	OPTION_CONFIRM_SOURCE,
	OPTION_NO_SAFETY_SNAPSHOT,
	OPTION_NO_STANDBY,
	OPTION_CHECK,
	OPTION_CHECK_SQL,
	OPTION_SWAP_WITH,
	OPTION_SWAP_BACK,
	OPTION_CREATE_ROLES,
	OPTION_NO_OWNER,
	OPTION_RTO,
	OPTION_RPO,
	OPTION_TABLE,
	OPTION_SCHEMA,
	OPTION_LAST,
	OPTION_MARKDOWN,
	OPTION_NAGIOS,
	OPTION_MAN,
	OPTION_COMPLETION,
	OPTION_COUNT,
};

enum option_type {
	OPTION_SWITCH,
	OPTION_TEXT,
	OPTION_PATH,    /* text; a relative one in drtool.yml starts from the file's directory */
	OPTION_LIST,    /* text, may be given several times */
	OPTION_NUMBER,  /* whole number in [min, max] */
	OPTION_SECONDS, /* duration in [min, max] seconds: 90, 90s, 15m, 24h, 7d, 1h30m */
};

struct option {
	const char *name;        /* without the dashes */
	char letter;             /* short form, '\0' for none */
	const char *argument;    /* what help calls the value; NULL for a switch */
	unsigned commands;       /* COMMAND_BIT()s; COMMAND_BITS_ALL for a global one */
	const char *yaml;        /* path in drtool.yml: "scratch.dir"; NULL when it cannot be set there */
	const char *environment; /* variable; NULL for none */
	enum option_type type;
	int64_t min, max; /* of NUMBER and SECONDS; of the others the longest text in max, 0 means 4096 bytes */
	const char *help; /* one sentence, no full stop */
};

const struct option *option_row(enum option_id id);
enum option_id option_find(const char *name, unsigned command_bits); /* OPTION_COUNT when there is none */
enum option_id option_find_letter(char letter, unsigned command_bits);
bool option_is_global(const struct option *o);

#endif
