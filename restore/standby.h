/*
 * restore/standby.h - the standby copy: a proved database kept beside the live one, ready to take its name
 *
 * It is called "<db>__standby" (cut at a character when that would be too long, with a digit when somebody else has the
 * name) and refuses connections, superusers' too. What it is is said in the first line of its comment, so that it is
 * found whatever its name. Whether anybody has been in it since it was proved is told by marks that the proof keeps:
 *
 * - its row in pg_database is still the version of then (xmin): nobody could connect without ALTER DATABASE, which
 *   writes another one, and freezing and VACUUM FULL keep it;
 * - as many client sessions are counted as then, and the statistics were not lost or reset: a crash loses them, and may
 *   lose what was restored without waiting for the disk.
 *
 * The counters of transactions will not do: autovacuum works in such a database and counts, and so does everybody who
 * is refused.
 */
#ifndef DRTOOL_RESTORE_STANDBY_H
#define DRTOOL_RESTORE_STANDBY_H

#include "restore/restore.h"
#include "src/pg/catalog.h"
#include "src/pg/session.h"

#define STANDBY_NAME_SIZE 64

struct standby {
	const char *name;           /* NULL: there is none */
	const char *snapshot_id;    /* what it holds, by its comment */
	int64_t since_us;           /* when it was put there, UTC */
	int64_t size;               /* bytes; -1 when it may not be read */
	unsigned sessions;          /* in it now */
	bool refuses;               /* connections */
	bool broken;                /* dropping it was begun and not completed */
	struct proof_standby marks; /* as they are now */
};

/* s: any session on the server. The newest, should there be several. */
bool standby_find(
        struct standby *out, struct pg_session *s, const struct pg_database *live, struct arena *a, struct err *e);
/* Why it cannot be relied on as it is, in words; NULL: it is what the proof says. proof NULL: none of it is recorded.
 */
const char *standby_doubt(const struct standby *now, const struct proof *proof);
/*
 * One at a time makes or takes the copy of a database: an advisory lock that s holds until it ends. ERR_CONFLICT when
 * another one does.
 */
bool standby_lock(struct pg_session *s, const char *live, struct err *e);

/* The name for a new one: the old one's, else one that is free. */
bool standby_name(
        char out[STANDBY_NAME_SIZE], struct pg_session *s, const char *live, const struct standby *old, struct err *e);
/* Connections to it, from now on. */
bool standby_allow(struct pg_session *s, const char *name, bool allow, struct err *e);
/*
 * Make owner, privileges, settings, limit and template mark those of live, where they are not. ERR_REFUSED: the server
 * refuses one of these, so that the copy must not go live; some of it may have been changed.
 */
bool standby_adopt(struct pg_session *s, const char *name, const struct pg_database *live, struct err *e);

/* --- making one (verify_snapshot) --- */

/* Where one is wanted. */
struct standby_place {
	const struct conninfo *server;  /* its dbname does not count */
	struct pg_session *maintenance; /* in maintenance_db; has the standby_lock() */
	const char *maintenance_db;
	const struct pg_database *live;
	bool create_roles;
};

struct standby_making {
	const struct standby_place *place;
	struct standby old;
	char name[STANDBY_NAME_SIZE]; /* of the new one */
	char reference[STANDBY_NAME_SIZE];
	char retired[STANDBY_NAME_SIZE]; /* what the old one is called when the new one has its place */
	struct pg_database beside;       /* for restore_options: as live, by the copy's name */
	struct conninfo *target;
	bool placed; /* the new one has its name */
	const struct cancel *cancel;
	struct arena arena;
};

/*
 * Look for the old one and for room. The old one stays until the new one is proved; where the disk is seen to be too
 * small for both it is dropped here, and that is said. ERR_REFUSED when even then it cannot fit.
 */
bool standby_prepare(struct standby_making *out, const struct standby_place *place, const struct manifest *m,
        bool dry_run, struct observer *obs, const struct cancel *cancel, struct err *e);
/*
 * The proved database, by its working name, is closed and becomes the standby copy in one transaction; then its marks
 * are written into p. Whoever is in it by then is ended, and the marks are such that they never fit.
 */
bool standby_keep(struct standby_making *k, struct proof *p, const char *working, struct observer *obs, struct err *e);
/* Drop the old one that was replaced, and the new one when it was not kept (working, "" when there is none). What
 * cannot be dropped is found by the next run. */
void standby_release(struct standby_making *k, const char *working);

/* For tests: what a comment says. False when it is not one of live's standby copy. */
bool standby_parse(struct standby *out, const char *live, const char *comment, struct arena *a);

#endif
