/* src/cmd/doctor_replace.c - doctor: which way of replacing this database works here */
#include "restore/live.h"
#include "restore/space.h"
#include "restore/standby.h"
#include "src/base/clock.h"
#include "src/cmd/doctor.h"
#include "src/cmd/swap_command.h"
#include "src/cmd/text.h"

static bool look(struct doctor *d, struct err *e)
{
	struct conninfo *conn = conninfo_copy(d->target.conn);
	struct pg_session *s = NULL;
	struct live live = { 0 };
	bool ok;

	conninfo_set(conn, "dbname", live_maintenance(d->database.name));
	ok = pg_session_open(&s, conn, PG_SESSION_PLAIN, "doctor", d->cmd->cancel, e) &&
	     live_look(&live, s, d->database.name, e) && live_check(&live, s, e);
	live_release(&live);
	pg_session_close(s);
	conninfo_free(conn);
	return ok;
}

static void check_disk(struct doctor *d)
{
	char have[TEXT_SIZE], need[TEXT_SIZE];
	uint64_t bytes;

	if (!space_free(&bytes, d->session, d->database.tablespace))
		doctor_add(d, DOCTOR_UNKNOWN, "server disk", "look at it there before restoring: df -h",
		        "free space on the server cannot be read through SQL");
	else if (bytes < d->database.size)
		doctor_add(d, DOCTOR_WARN, "server disk", "make room: a restore beside it needs as much again",
		        "%s free, and the database has %s", text_bytes(have, bytes),
		        text_bytes(need, d->database.size));
	else
		doctor_add(d, DOCTOR_OK, "server disk", NULL, "%s free, room for a second %s", text_bytes(have, bytes),
		        text_bytes(need, d->database.size));
}

/* Only where names can be swapped. */
static void check_standby(struct doctor *d)
{
	char have[TEXT_SIZE], need[TEXT_SIZE], age[TEXT_SIZE];
	struct standby copy = { 0 };
	struct err why = ERR_INIT;
	uint64_t bytes;

	text_bytes(need, d->database.size);
	if (!standby_find(&copy, d->session, &d->database, &d->arena, &why))
		doctor_add_err(d, DOCTOR_UNKNOWN, "standby copy", &why);
	else if (copy.broken)
		doctor_add(d, DOCTOR_WARN, "standby copy", "drop it once more with drop-old, or make a new one",
		        "dropping \"%s\" was begun and not completed", copy.name);
	else if (copy.name)
		doctor_add(d, DOCTOR_OK, "standby copy", NULL, "\"%s\" holds snapshot %s since %s ago", copy.name,
		        copy.snapshot_id, text_age(age, clock_utc_us() - copy.since_us));
	else if (space_free(&bytes, d->session, d->database.tablespace) && bytes < d->database.size)
		doctor_add(d, DOCTOR_OK, "standby copy", NULL, "none, and %s free are too little for one of %s",
		        text_bytes(have, bytes), need);
	else
		doctor_add(d, DOCTOR_OK, "standby copy", NULL,
		        "none; verify --keep-standby would make one of %s: a restore is then only the swap", need);
}

void doctor_replace(struct doctor *d)
{
	struct err why = ERR_INIT;

	check_disk(d);
	if (!d->database.name)
		return;
	if (d->database.in_recovery)
		doctor_add(d, DOCTOR_UNKNOWN, "replace", "ask on the primary", "a standby cannot be replaced");
	else if (swap_command_with(d->cmd))
		doctor_add(d, DOCTOR_OK, "replace", NULL,
		        "restore --replace --into a database that is there already, and swap.with of drtool.yml");
	else if (!look(d, &why))
		doctor_add_err(d, DOCTOR_WARN, "replace", &why);
	else {
		doctor_add(d, DOCTOR_OK, "replace", NULL, "restore --replace and undo can swap names on this server");
		check_standby(d);
	}
}
