/*
 * restore/restore.h - bring a snapshot back into a new or empty database
 */
#ifndef DRTOOL_RESTORE_RESTORE_H
#define DRTOOL_RESTORE_RESTORE_H

#include "src/base/cancel.h"
#include "src/base/observer.h"
#include "src/pg/conninfo.h"
#include "storage/repository/contents.h"
#include "storage/repository/manifest.h"
#include "storage/repository/proof.h"
#include "storage/repository/repository.h"

struct pg_session;
struct restore_result;
struct restore_options {
	const struct conninfo *target; /* its dbname is the database to make or fill */
	const char *maintenance_db;    /* to create and rename from; NULL means "postgres", then "template1" */
	unsigned jobs; /* connections that load and build; 0 means by the number of processors of this machine */
	const char *pg_bin;
	bool create_roles; /* make missing roles, NOLOGIN; else they are refused by name (ERR_REFUSED) before anything
	                      changes */
	bool no_owner;     /* leave out ownership and privileges */
	bool disable_subscriptions; /* leave subscriptions out altogether (scratch); on a real target they are created
	                               disabled as pg_dump writes them */
	/*
	 * Beside a database that has the target's name and keeps it: the snapshot stays under the working name, with
	 * our comment, and gets owner, privileges, settings, limit and template mark from here. NULL: a restore as
	 * usual.
	 */
	const struct pg_database *beside;
	/* Only what these patterns mean, and what that needs (selection.h); NULL or empty: everything. */
	const char *const *tables;
	/* Leave what can be made while the database is in use (later.h) to finish_run(). Not together with tables. */
	bool usable_first;
	/*
	 * Called when all is there and nobody has been let in yet, before a database gets its name or loses its mark;
	 * database is its name until then. False stops the restore. NULL for nothing.
	 */
	bool (*ready)(void *cookie, const char *database, const struct restore_result *so_far, struct err *e);
	void *cookie;
	bool dry_run;
};

/* Something that could not be created or differs, with the object it is about. */
struct restore_finding {
	const char *object; /* "FK CONSTRAINT public.orders orders_user_id_fkey" */
	const char *what;   /* the server's message, one line */
	bool source_fault;  /* the data equals the source's and breaks this rule of the source */
};

/* What usable_first has left to be made. */
struct restore_left {
	const char *object; /* as in restore_finding */
	const char *table;  /* qualified: which is slower to search, or has rows that were not checked */
	bool foreign_key;   /* else an index */
};

struct restore_result {
	char database[64]; /* the database that now holds the snapshot */
	uint64_t tables, rows, plain_bytes;
	int64_t duration_us;
	struct proof_phase *phases; /* "schema", "data", "indexes", "analyze", "final" */
	size_t phase_count;
	struct restore_finding *findings;
	size_t finding_count;
	struct restore_left *left;
	size_t left_count, left_indexes, left_foreign_keys;
	struct arena arena;
};
void restore_result_release(struct restore_result *r);

/*
 * True: the database is complete, but for findings (all source_fault). False: e says why. A database created by this
 * call is gone again or carries the name <db>__restoring_<id>, which the next call replaces; a given empty database
 * carries a marker that the next call recognises. Rows are checked against their chunk names and fingerprints while
 * loading.
 */
bool restore_into(struct restore_result *out, struct repository *r, const struct manifest *m,
        const struct restore_options *o, struct observer *obs, const struct cancel *cancel, struct err *e);

/* Drop what a restore beside another database made, by the name it came out with. */
bool restore_discard(const struct restore_options *o, const char *database, const struct cancel *cancel, struct err *e);

/*
 * What killed restores beside that database have left and the next one drops before it makes its own: room that is as
 * good as free. 0 where it cannot be seen. s is a session of that server.
 */
uint64_t restore_leftover_bytes(struct pg_session *s, const char *wanted, const char *snapshot_id);

struct restore_leftover {
	const char *name;
	const char *snapshot_id; /* by its name; "" when that does not say */
	bool complete;           /* checked, and the next restore of that snapshot takes it up */
	int64_t size;            /* bytes; -1 when it may not be read */
	unsigned sessions;
};
/* What restores beside wanted have left: killed, or not as the snapshot, to be looked at. In the arena. */
bool restore_leftovers(struct restore_leftover **out, size_t *count, struct pg_session *s, const char *wanted,
        struct arena *a, struct err *e);

/*
 * A database restored beside another one that was checked keeps that as its comment, so that a run which then fails or
 * is killed has not worked for nothing. find: out is "" when there is none of this snapshot; it is to be compared once
 * more.
 */
bool restore_mark_checked(const struct restore_options *o, const char *database, const char *snapshot_id,
        const struct cancel *cancel, struct err *e);
bool restore_find_checked(char out[64], const struct restore_options *o, const char *snapshot_id,
        const struct cancel *cancel, struct err *e);

struct standby_place;

struct verify_options {
	unsigned jobs;
	const char *pg_bin;
	const char *scratch_dir; /* NULL: /var/lib/drtool/scratch when it can be made, else $TMPDIR, else /tmp */
	const struct conninfo *scratch_server; /* a named server instead of a private cluster; NULL for a private one */
	/* On the live database's own server, where it stays as the standby copy unless it differs; NULL: it goes. */
	const struct standby_place *standby;
	bool dry_run;
};

/* Test restore and compare. True: *out is the proof (good or not) and it is recorded in the repository. False: it could
 * not be carried out. */
bool verify_snapshot(struct proof **out, struct repository *r, const struct manifest *m, const struct verify_options *o,
        struct observer *obs, const struct cancel *cancel, struct err *e);

/* Everything wrong with the idea of running a private cluster here, for doctor: false with e (and hint) naming the
 * first obstacle. */
bool scratch_possible(const struct manifest *m, int server_version, const struct verify_options *o, struct err *e);

/*
 * Write the snapshot to fd as the plain SQL that pg_dump would print. tables: qualified-name patterns as in pg_dump
 * --table (only their data and definition), NULL for everything.
 */
struct cat_options {
	const char *const *tables; /* NULL-terminated or NULL */
	const char *pg_bin;
};
bool cat_snapshot(int fd, struct repository *r, const struct manifest *m, const struct cat_options *o,
        struct observer *obs, const struct cancel *cancel, struct err *e);

/* What the previous run left behind when it was killed: private clusters without an owner, below dir. Counts what was
 * removed. */
bool scratch_clean(unsigned *removed, const struct verify_options *o, struct err *e);

#endif
