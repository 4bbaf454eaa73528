/*
 * restore/target.h - the database that receives a snapshot: made beside its final name or given empty, marked until it
 * is complete
 */
#ifndef DRTOOL_RESTORE_TARGET_H
#define DRTOOL_RESTORE_TARGET_H

#include "restore/findings.h"
#include "src/pg/session.h"
#include "storage/repository/contents.h"
#include "storage/repository/manifest.h"

enum target_state {
	TARGET_MISSING, /* no such database: made under a working name, renamed at the end */
	TARGET_EMPTY,   /* given, and nothing in it but extensions that the snapshot has, too */
	TARGET_MARKED,  /* given, and left half filled by a restore that was killed */
};

struct target {
	const struct conninfo *given;
	const char *wanted;        /* its dbname */
	char working[64];          /* the database's name while rows come in; the wanted one when it was given */
	struct conninfo *database; /* given with the working name */
	struct conninfo *maintenance_db;
	struct pg_session *maintenance; /* holds the advisory lock of this target */
	const char *role;               /* of that session */
	enum target_state state;
	struct pg_text_list others; /* given: extensions in it that are not ours to change */
	struct arena arena;
	bool prepared; /* something was changed: target_abandon() has work to do */
	const char *snapshot_id;
};

/*
 * Connect, take the lock, look. Nothing is changed. ERR_REFUSED when it holds something but these extensions, which an
 * administrator may have made for a role that cannot; ERR_CONFLICT when another
 * restore into it runs. beside: whatever has the name keeps it, and the snapshot is to stay under its working name.
 */
bool target_open(struct target *out, const struct conninfo *given, const char *maintenance_db, const char *snapshot_id,
        const struct pg_extension_list *extensions, bool beside, const struct cancel *cancel, struct err *e);
/* Make it (removing what a killed run left under the working name), or empty and mark it. Sessions into it may be
 * opened then. */
bool target_prepare(struct target *t, const struct pg_database *d, bool no_owner, bool no_tablespace,
        const struct cancel *cancel, struct err *e);
/*
 * The session with the lock idles for as long as rows come in, and proxies cut what idles: where it is gone, another
 * one and the lock again. ERR_CONFLICT when somebody else has that by now.
 */
bool target_awaken(struct target *t, const struct cancel *cancel, struct err *e);
/*
 * Every session into it is closed by then. Give it settings, privileges and comment, and its name (or take the mark
 * away). Settings that the server refuses are findings. rename false leaves the working name.
 */
bool target_finish(struct target *t, const struct pg_database *d, bool no_owner, bool rename, struct findings *f,
        const struct cancel *cancel, struct err *e);
/* Remove what target_prepare() made; a given database keeps its mark. Works after a cancel. What could not be removed
 * is said in *left (NULL: nothing). */
void target_abandon(struct target *t, struct buf *left);
void target_close(struct target *t);

/* The working name for a database and snapshot: "<db>__restoring_<id>", or without the database's name when that would
 * be too long. */
void target_working_name(char out[64], const char *wanted, const char *snapshot_id);

/* The comment of a database that is not complete, by which the next restore finds and drops it. */
char *target_comment(struct arena *a, const char *snapshot_id, const char *wanted);

/* target_empty.c: remove everything a restore can have made in a given database, but the mark. */
bool target_empty(struct pg_session *s, struct err *e);
bool target_empty_subscriptions(struct pg_session *s, struct err *e); /* and event triggers, that watch */
/* What is in it, "" when nothing (the mark does not count, nor do the extensions in but); malloc'ed. */
bool target_contents(char **out, struct pg_session *s, const struct pg_extension_list *but, struct err *e);
/* Extensions whose owner this role cannot act as. */
bool target_others_extensions(struct pg_text_list *out, struct pg_session *s, struct arena *a, struct err *e);

/* What a database that stands in for another one must have of it: owner, privileges, settings, limit, comment. The
 * texts are shared. */
void target_take_properties(struct pg_database *out, const struct pg_database *from);

#define TARGET_MARK "drtool_restoring" /* a schema, and its comment names the snapshot */

/* A recorded setting (struct pg_database) with the quoted name of a database in the place of its mark. */
char *target_setting(const char *statement, const char *name, struct arena *a);

#endif
