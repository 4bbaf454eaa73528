/* src/config/option.c - see option.h */
#include "src/config/option.h"

#include <stddef.h>
#include <string.h>

#include "src/config/command.h"

#define ALL      COMMAND_BITS_ALL
#define INIT     COMMAND_BIT(COMMAND_INIT)
#define DOCTOR   COMMAND_BIT(COMMAND_DOCTOR)
#define SNAPSHOT COMMAND_BIT(COMMAND_SNAPSHOT)
#define LIST     COMMAND_BIT(COMMAND_LIST)
#define SHOW     COMMAND_BIT(COMMAND_SHOW)
#define DIFF     COMMAND_BIT(COMMAND_DIFF)
#define VERIFY   COMMAND_BIT(COMMAND_VERIFY)
#define RESTORE  COMMAND_BIT(COMMAND_RESTORE)
#define UNDO     COMMAND_BIT(COMMAND_UNDO)
#define DROP_OLD COMMAND_BIT(COMMAND_DROP_OLD)
#define CAT      COMMAND_BIT(COMMAND_CAT)
#define STATUS   COMMAND_BIT(COMMAND_STATUS)
#define JOURNAL  COMMAND_BIT(COMMAND_JOURNAL)
#define HELP     COMMAND_BIT(COMMAND_HELP)

#define DAY  86400
#define YEAR (366 * DAY)

/* clang-format off */
static const struct option rows[OPTION_COUNT] = {
	[OPTION_CONFIG] = { "config", 'c', "FILE", ALL, NULL, "DRTOOL_CONFIG", OPTION_PATH, 0, 0,
		"read this configuration file instead of looking for drtool.yml" },
	[OPTION_REPO] = { "repo", 'r', "PLACE", ALL, "repository", "DRTOOL_REPO", OPTION_PATH, 0, 0,
		"the repository: a directory, or s3://bucket/prefix" },
	[OPTION_S3_ENDPOINT] = { "s3-endpoint", 0, "URL", ALL, "s3.endpoint", "DRTOOL_S3_ENDPOINT", OPTION_TEXT, 0, 1024,
		"the S3 store, as https://host (default: AWS_ENDPOINT_URL, else AWS)" },
	[OPTION_S3_REGION] = { "s3-region", 0, "NAME", ALL, "s3.region", "DRTOOL_S3_REGION", OPTION_TEXT, 0, 63,
		"region of the bucket (default: AWS_REGION, the profile's, else us-east-1)" },
	[OPTION_S3_ADDRESSING] = { "s3-addressing", 0, "HOW", ALL, "s3.addressing", "DRTOOL_S3_ADDRESSING", OPTION_TEXT, 0, 63,
		"where the bucket's name goes: path, virtual or auto (default: auto)" },
	[OPTION_S3_CA_FILE] = { "s3-ca-file", 0, "FILE", ALL, "s3.ca_file", "DRTOOL_S3_CA_FILE", OPTION_PATH, 0, 0,
		"certificates to trust for the store (default: AWS_CA_BUNDLE, else the system's)" },
	[OPTION_S3_PROFILE] = { "s3-profile", 0, "NAME", ALL, "s3.profile", "DRTOOL_S3_PROFILE", OPTION_TEXT, 0, 128,
		"profile of ~/.aws/config and credentials (default: AWS_PROFILE)" },
	[OPTION_S3_IN_FLIGHT] = { "s3-in-flight", 0, "N", ALL, "s3.in_flight", "DRTOOL_S3_IN_FLIGHT", OPTION_NUMBER, 1, 64,
		"requests to the store at the same time (default: 16)" },
	[OPTION_ENV_FILE] = { "env-file", 0, "FILE", ALL, NULL, NULL, OPTION_PATH, 0, 0,
		"read NAME=value lines from FILE; variables already set win" },
	[OPTION_PG_BIN] = { "pg-bin", 0, "DIRS", ALL, "pg_bin", "DRTOOL_PG_BIN", OPTION_TEXT, 0, 0,
		"look for pg_dump and the other PostgreSQL programs here first; colon-separated" },
	[OPTION_JOBS] = { "jobs", 'j', "N", ALL, "jobs", "DRTOOL_JOBS", OPTION_NUMBER, 1, 64,
		"connections that work at the same time (default: one per processor)" },
	[OPTION_DRY_RUN] = { "dry-run", 'n', NULL, ALL, NULL, NULL, OPTION_SWITCH, 0, 0,
		"make all checks, print the plan, change nothing" },
	[OPTION_JSON] = { "json", 0, NULL, ALL, NULL, NULL, OPTION_SWITCH, 0, 0,
		"print results, and errors, as JSON on stdout" },
	[OPTION_QUIET] = { "quiet", 'q', NULL, ALL, NULL, NULL, OPTION_SWITCH, 0, 0,
		"print nothing on stderr but warnings and errors" },
	[OPTION_VERBOSE] = { "verbose", 'v', NULL, ALL, NULL, NULL, OPTION_SWITCH, 0, 0,
		"say more about what is done" },
	[OPTION_NO_COLOR] = { "no-color", 0, NULL, ALL, NULL, "NO_COLOR", OPTION_SWITCH, 0, 0,
		"no colors" },
	[OPTION_HELP] = { "help", 'h', NULL, ALL, NULL, NULL, OPTION_SWITCH, 0, 0,
		"explain the command" },
	[OPTION_VERSION] = { "version", 'V', NULL, ALL, NULL, NULL, OPTION_SWITCH, 0, 0,
		"print the version" },
	[OPTION_AS_CRON] = { "as-cron", 0, NULL, DOCTOR, NULL, NULL, OPTION_SWITCH, 0, 0,
		"check with the environment a cron job gets: HOME, LOGNAME and a short PATH" },
	[OPTION_TAG] = { "tag", 't', "TAG", SNAPSHOT, NULL, NULL, OPTION_TEXT, 0, 64,
		"a name for this snapshot, to be used in place of its id" },
	[OPTION_VERIFY] = { "verify", 0, NULL, SNAPSHOT, NULL, NULL, OPTION_SWITCH, 0, 0,
		"test restore it afterwards; the exit status is 6 when that shows a difference" },
	[OPTION_EXCLUDE_TABLE_DATA] = { "exclude-table-data", 0, "PATTERN", SNAPSHOT, NULL, NULL, OPTION_LIST, 0, 0,
		"keep the definition of matching tables but not their rows; as in pg_dump, repeatable" },
	[OPTION_YIELD_AFTER] = { "yield-after", 0, "TIME", SNAPSHOT | DIFF | RESTORE, "yield_after", "DRTOOL_YIELD_AFTER", OPTION_SECONDS, 1, 3600,
		"give way when another session waits on us this long (default: 10s)" },
	[OPTION_LOCK_WAIT] = { "lock-wait", 0, "TIME", SNAPSHOT | DIFF, "lock_wait", "DRTOOL_LOCK_WAIT", OPTION_SECONDS, 1, DAY,
		"keep trying to get the locks this long (default: 5m)" },
	[OPTION_LEVEL] = { "level", 0, "N", SNAPSHOT, "level", "DRTOOL_LEVEL", OPTION_NUMBER, -7, 19,
		"zstd compression level (default: 1)" },
	[OPTION_AS] = { "as", 0, "NAME", SNAPSHOT, NULL, NULL, OPTION_TEXT, 0, 63,
		"name of the database in the repository (default: its name in drtool.yml, or its own)" },
	[OPTION_ROLE_PASSWORDS] = { "role-passwords", 0, NULL, SNAPSHOT, NULL, NULL, OPTION_SWITCH, 0, 0,
		"keep the roles' password hashes too; needs a superuser" },
	[OPTION_DATABASE] = { "database", 'd', "NAME", LIST | SHOW | DIFF | VERIFY | RESTORE | CAT, NULL, NULL, OPTION_TEXT, 0, 63,
		"only snapshots of this database" },
	[OPTION_SCRATCH_DIR] = { "scratch-dir", 0, "DIR", VERIFY | SNAPSHOT | DIFF | DOCTOR, "scratch.dir", "DRTOOL_SCRATCH_DIR", OPTION_PATH, 0,
		0, "where the private server of a test restore lives while it runs" },
	[OPTION_SCRATCH_SERVER] = { "scratch-server", 0, "DB", VERIFY | SNAPSHOT | DOCTOR, "scratch.server", "DRTOOL_SCRATCH_SERVER",
		OPTION_TEXT, 0, 0, "test restore on this server instead of a private one" },
	[OPTION_KEEP_STANDBY] = { "keep-standby", 0, NULL, VERIFY, NULL, NULL, OPTION_SWITCH, 0, 0,
		"test restore beside the live database and keep the result as <db>__standby: restore --replace is then only the swap" },
	[OPTION_INTO] = { "into", 0, "DB", RESTORE, NULL, NULL, OPTION_TEXT, 0, 0,
		"the database to create or fill: a name from drtool.yml or a connection string" },
	[OPTION_REPLACE] = { "replace", 0, "DB", RESTORE, NULL, NULL, OPTION_TEXT, 0, 0,
		"the live database that the snapshot is to take the place of; it is kept under another name" },
	[OPTION_USABLE_FIRST] = { "usable-first", 0, NULL, RESTORE, NULL, NULL, OPTION_SWITCH, 0, 0,
		"let people in once rows, keys and unique constraints are there; other indexes are built, and foreign keys checked, "
		"while the database is in use" },
	[OPTION_FINISH] = { "finish", 0, "DB", RESTORE, NULL, NULL, OPTION_TEXT, 0, 0,
		"go on with what a stopped --usable-first has left in this database" },
	[OPTION_CONFIRM] = { "confirm", 0, "NAME", RESTORE | UNDO | DROP_OLD, NULL, NULL, OPTION_TEXT, 0, 0,
		"yes, this one: the database's own name, or host/database where drtool.yml says protected" },
	[OPTION_CONFIRM_SOURCE] = { "confirm-source", 0, "NAME", RESTORE | VERIFY, NULL, NULL, OPTION_TEXT, 0, 63,
		"yes, a snapshot of this other database: its name in the repository" },
	[OPTION_NO_SAFETY_SNAPSHOT] = { "no-safety-snapshot", 0, NULL, RESTORE, NULL, NULL, OPTION_SWITCH, 0, 0,
		"do not take a snapshot of the live database first" },
	[OPTION_NO_STANDBY] = { "no-standby", 0, NULL, RESTORE, NULL, NULL, OPTION_SWITCH, 0, 0,
		"restore anew even where a standby copy of this snapshot is ready" },
	[OPTION_CHECK] = { "check", 0, "COMMAND", RESTORE, NULL, NULL, OPTION_LIST, 0, 0,
		"run this by /bin/sh on the restored database before the swap; a failure stops it; repeatable" },
	[OPTION_CHECK_SQL] = { "check-sql", 0, "QUERY", RESTORE, NULL, NULL, OPTION_LIST, 0, 0,
		"ask the restored database before the swap; anything but true or a number other than 0 stops it; repeatable" },
	[OPTION_SWAP_WITH] = { "swap-with", 0, "COMMAND", RESTORE, NULL, NULL, OPTION_TEXT, 0, 0,
		"with --into and --replace: no rename, this command makes the live address lead to the restored database [drtool.yml: "
		"swap.with]" },
	[OPTION_SWAP_BACK] = { "swap-back", 0, "COMMAND", RESTORE | UNDO, NULL, NULL, OPTION_TEXT, 0, 0,
		"the command that makes it lead back; undo runs it instead of a rename [drtool.yml: swap.back]" },
	[OPTION_CREATE_ROLES] = { "create-roles", 0, NULL, RESTORE | VERIFY, NULL, NULL, OPTION_SWITCH, 0, 0,
		"create roles that the snapshot needs and the server lacks, without login" },
	[OPTION_NO_OWNER] = { "no-owner", 0, NULL, RESTORE, NULL, NULL, OPTION_SWITCH, 0, 0,
		"leave out ownership and privileges" },
	[OPTION_RTO] = { "rto", 0, "TIME", RESTORE | VERIFY | SNAPSHOT | STATUS, "objectives.rto", "DRTOOL_RTO", OPTION_SECONDS, 1, YEAR,
		"objective: how long a restore may take, as in 30m" },
	[OPTION_RPO] = { "rpo", 0, "TIME", DOCTOR | STATUS, "objectives.rpo", "DRTOOL_RPO", OPTION_SECONDS, 1, YEAR,
		"objective: how old the newest snapshot may be, as in 24h" },
	[OPTION_TABLE] = { "table", 0, "PATTERN", CAT | RESTORE, NULL, NULL, OPTION_LIST, 0, 0,
		"only tables that match; as in pg_dump, repeatable" },
	[OPTION_SCHEMA] = { "schema", 0, "NAME", RESTORE, NULL, NULL, OPTION_TEXT, 0, 63,
		"with --table into a database in use: put the tables into this schema, created when missing" },
	[OPTION_LAST] = { "last", 0, "N", JOURNAL, NULL, NULL, OPTION_NUMBER, 1, 100000,
		"only the newest N events (default: 100)" },
	[OPTION_MARKDOWN] = { "markdown", 0, NULL, JOURNAL, NULL, NULL, OPTION_SWITCH, 0, 0,
		"print Markdown, a section per event" },
	[OPTION_NAGIOS] = { "nagios", 0, NULL, STATUS, NULL, NULL, OPTION_SWITCH, 0, 0,
		"print one line with performance data for a monitor" },
	[OPTION_MAN] = { "man", 0, NULL, HELP, NULL, NULL, OPTION_SWITCH, 0, 0,
		"print the manual page" },
	[OPTION_COMPLETION] = { "completion", 0, NULL, HELP, NULL, NULL, OPTION_SWITCH, 0, 0,
		"print the completion script for bash" },
};
/* clang-format on */

const struct option *option_row(enum option_id id)
{
	return &rows[id];
}

enum option_id option_find(const char *name, unsigned command_bits)
{
	unsigned id = 0;

	while (id < OPTION_COUNT && (!(rows[id].commands & command_bits) || strcmp(rows[id].name, name) != 0))
		id++;
	return (enum option_id)id;
}

enum option_id option_find_letter(char letter, unsigned command_bits)
{
	unsigned id = 0;

	while (id < OPTION_COUNT && (!(rows[id].commands & command_bits) || rows[id].letter != letter))
		id++;
	return (enum option_id)id;
}

bool option_is_global(const struct option *o)
{
	return o->commands == COMMAND_BITS_ALL;
}
