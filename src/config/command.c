/* src/config/command.c - see command.h */
#include "src/config/command.h"

#include <string.h>

/* clang-format off */
static const struct command rows[COMMAND_COUNT] = {
	[COMMAND_INIT] = {
		"init", "", 0, 0,
		"write drtool.yml and create the repository",
		"Writes a commented drtool.yml into the current directory (or to the path given with --config) and creates the "
		"repository it names. Neither is ever overwritten: what exists already and is valid stays as it is.",
		"drtool init\ndrtool init --repo /var/backups/shop",
	},
	[COMMAND_DOCTOR] = {
		"doctor", "[DB]", 0, 1,
		"check everything a snapshot and a test restore need",
		"One line per check: ok, warn, fail or unknown, with a hint where something can be done. Nothing is changed, but for "
		"a small lock object written to the repository and removed again. The exit status is 1 when a check fails.\n\n"
		"With --as-cron drtool runs itself again with the nearly empty environment cron gives it, so that a forgotten "
		"variable or PATH shows today and not tonight.",
		"drtool doctor\ndrtool doctor shop --as-cron",
	},
	[COMMAND_SNAPSHOT] = {
		"snapshot", "[DB]", 0, 1,
		"take a snapshot; its id is the only thing on stdout",
		"Reads one consistent state of the database over several connections and stores what the repository does not hold "
		"yet. Others are never kept waiting for long: when a session waits for drtool's locks longer than --yield-after, "
		"the snapshot gives way and tries again.",
		"drtool snapshot\nid=$(drtool snapshot shop --tag before-migration --verify)",
	},
	[COMMAND_LIST] = {
		"list", "", 0, 0,
		"list the snapshots of the repository",
		"One line per snapshot: id, database, tag, age, rows, size, bytes that were new, and what its newest proof says. "
		"Manifests that are damaged are named on stderr, and the exit status is then 6.",
		"drtool list\ndrtool list --database shop --json",
	},
	[COMMAND_SHOW] = {
		"show", "ID", 1, 1,
		"show one snapshot: its tables, rows, bytes and proof",
		"ID is an id, a unique prefix of one, a tag, latest, or verified (the newest whose proof is good); shop/latest or "
		"--database shop names the database.",
		"drtool show latest\ndrtool show shop/before-migration --json",
	},
	[COMMAND_DIFF] = {
		"diff", "ID OTHER", 2, 2,
		"what differs between a snapshot and another one, or the live database",
		"OTHER is a snapshot, live (the database the snapshot is of, as drtool.yml or DATABASE_URL says), a connection "
		"string, sql:FILE or cmd:COMMAND. The last two build a database in a private scratch cluster by psql or by the "
		"command, which finds it in DATABASE_URL: does schema.sql equal what the migrations made? Definitions are shown as "
		"lines that only the first (-) or only the second (+) has; rows are compared by fingerprint. The exit status is 6 "
		"when something differs.",
		"drtool diff before-migration live\ndrtool diff latest sql:db/structure.sql\ndrtool diff latest 'cmd:npx prisma migrate deploy'",
	},
	[COMMAND_VERIFY] = {
		"verify", "[ID]", 0, 1,
		"test restore a snapshot now and record the proof",
		"Restores the snapshot (default: latest) into a scratch database, compares every table's fingerprint, the schema, "
		"sequences and large objects with what was recorded, and stores the outcome. The scratch is a private PostgreSQL "
		"server that is removed afterwards; the live server is not touched. The exit status is 6 when something differs, "
		"also when it is the source that violates its own constraints.\n\n"
		"With --keep-standby it is restored beside the live database instead and, unless it differs, kept there as "
		"<db>__standby, with connections refused; restore --replace of that snapshot is then only the swap, whatever the size.",
		"drtool verify\ndrtool verify before-migration --scratch-dir /mnt/fast\ndrtool verify --keep-standby",
	},
	[COMMAND_RESTORE] = {
		"restore", "ID --into DB | ID --replace DB | --finish DB", 0, 1,
		"bring a snapshot back, into a new database or in place of a live one",
		"--into creates the database when it is missing and refuses one that holds anything. DB is a name from drtool.yml or a "
		"connection string such as \"dbname=shop_copy\".\n\n"
		"--replace restores beside the live database, checks the result, and then swaps names in one transaction; the old "
		"database is kept as <db>__before_<time>, and drtool undo swaps back. Until the swap the live database is only read, "
		"for a safety snapshot. Without --confirm nothing is done: what would happen is shown, with the word to type.\n\n"
		"With --table only matching tables. Into a new or empty database they come as they were, with what they need. Into one "
		"that is in use each comes beside what is there, as a plain table <table>__restored_<id> with its rows, indexes and keys, "
		"never over anything; then the statements that put the rows back are printed.\n\n"
		"With --usable-first the database gets its name as soon as rows, primary keys, unique and exclusion constraints, "
		"triggers and policies are there and were checked. Then, while it is in use, the remaining indexes of larger tables are "
		"built CONCURRENTLY, and foreign keys, which guard new rows from the beginning, are checked for the old ones. What is "
		"left is recorded in the journal: --finish DB goes on after that was stopped, and drtool status says that there is "
		"something left.\n\n"
		"With --dry-run only the checks are made and the plan is printed.",
		"drtool restore latest --into \"dbname=shop_copy\"\ndrtool restore before-migration --replace shop\n"
		"drtool restore before-migration --replace shop --confirm shop\n"
		"drtool restore latest --replace shop --usable-first\ndrtool restore --finish shop\n"
		"drtool restore latest --into shop --table public.orders",
	},
	[COMMAND_UNDO] = {
		"undo", "DB", 1, 1,
		"swap back to the database that was kept",
		"The newest kept database of DB gets its name back, in one transaction, and the one that has it now is kept in its "
		"place; so undo can be undone. Without --confirm it says which database that is and what was written since. When a "
		"guarded migration came after the last swap, it prints the restore that takes that back, and ends with 3.",
		"drtool undo shop\ndrtool undo shop --confirm shop",
	},
	[COMMAND_DROP_OLD] = {
		"drop-old", "DB [NAME...]", 1, 16,
		"list the databases that were kept, drop the ones named",
		"Without NAME the kept databases of DB, its standby copy and what restores that came to nothing have left are listed, with size and age. The "
		"newest kept one is dropped only with --confirm, for it is the one undo would swap back.",
		"drtool drop-old shop\ndrtool drop-old shop shop__before_20261120_100851",
	},
	[COMMAND_CAT] = {
		"cat", "ID", 1, 1,
		"print a snapshot as plain SQL",
		"The same content pg_dump would print, on stdout. With --table only the tables whose names match.",
		"drtool cat latest | psql shop_copy\ndrtool cat latest --table public.orders > orders.sql",
	},
	[COMMAND_STATUS] = {
		"status", "[DB]", 0, 1,
		"objectives against measurements, with an exit status for monitors",
		"For each database: the newest snapshot and its age against the RPO, the newest good proof, how long a restore took "
		"and how long one would take now against the RTO, the databases that swaps have kept, and how the repository grows. A "
		"server that does not answer is left alone after 2 seconds. The exit status is 5 when an objective is missed. "
		"--nagios prints one line with performance data and ends with 0, 1 or 2 as the Monitoring Plugins guidelines want it.",
		"drtool status\ndrtool status shop --rpo 24h --rto 30m --nagios",
	},
	[COMMAND_JOURNAL] = {
		"journal", "[DB]", 0, 1,
		"what was done to a database: when, by whom, with what outcome",
		"Every command that changed something leaves an event in the repository: snapshots, test restores, restores, swaps, "
		"with how long each phase took. DB is the database's name in the repository; without it, all of them. --markdown "
		"prints a section per event, for the page written after an incident.",
		"drtool journal\ndrtool journal shop --last 5 --markdown",
	},
	[COMMAND_HELP] = {
		"help", "[COMMAND]", 0, 1,
		"explain drtool or one of its commands",
		"",
		"drtool help snapshot",
	},
	[COMMAND_VERSION] = {
		"version", "", 0, 0,
		"print the version",
		"",
		"drtool version --json",
	},
};
/* clang-format on */

const struct command *command_row(enum command_id id)
{
	return &rows[id];
}

enum command_id command_find(const char *name)
{
	unsigned id = 0;

	while (id < COMMAND_COUNT && strcmp(rows[id].name, name) != 0)
		id++;
	return (enum command_id)id;
}
