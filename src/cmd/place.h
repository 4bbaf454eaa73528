/*
 * src/cmd/place.h - a live database whose name may change hands: found, looked at, confirmed
 */
#ifndef DRTOOL_CMD_PLACE_H
#define DRTOOL_CMD_PLACE_H

#include "restore/kept.h"
#include "restore/live.h"
#include "restore/swap.h"
#include "src/cmd/confirm.h"
#include "src/cmd/target.h"
#include "src/cmd/written.h"

struct manifest;

struct place {
	struct target target;     /* its conn has the database's name */
	struct conninfo *address; /* as it was given, perhaps without one */
	const char *maintenance_db;
	struct pg_session *maintenance; /* in another database of the server */
	struct live live;
	json_t *written;            /* its counts, see written.h; NULL when it does not answer */
	bool answers;               /* sessions can be opened in it */
	const char *server;         /* "db1:5432" */
	const char *word;           /* how a person may call it in a command line, without secrets */
	char confirm[CONFIRM_SIZE]; /* what --confirm must say */
	struct arena arena;
};

#define PLACE_INIT                    \
	{                             \
		.target = TARGET_INIT \
	}

/* text and what as in target_find(). Says what is meant. ERR_USAGE when there is no such database. */
bool place_open(struct place *out, const struct cmd *c, const char *text, const char *what, struct err *e);
/* The one that a database of the repository comes from, by drtool.yml or DATABASE_URL. ERR_USAGE when neither leads to
 * it. */
bool place_open_source(struct place *out, const struct cmd *c, const char *database, struct err *e);
void place_close(struct place *p);

/* How a person may call a database in a command line, given as text or, without secrets, otherwise; t may be NULL. In
 * the arena. */
const char *place_word(struct arena *a, const char *text, const struct target *t);
/* Is the snapshot one of this database? Identity is the name in the server, and the server. ERR_REFUSED when it is not,
 * unless --confirm-source says whose it is. */
bool place_check_source(const struct place *p, const struct cmd *c, const struct manifest *m, struct err *e);

/* Its name in the repository. */
const char *place_repository_name(const struct place *p);

/* "size 1.2 GiB; 5 sessions, to be ended: ...; last written 40 s ago", lines appended. */
void place_describe(struct buf *out, const struct place *p);
/*
 * Is --confirm there, and does it name this database? ERR_REFUSED when it is missing, ERR_USAGE when it says something
 * else. Shows the whole line to type.
 */
bool place_confirmed(const struct place *p, const struct cmd *c, struct err *e);

/* "drtool restore ID --replace DB --confirm NAME", with --config, --env-file and --repo as they were given; appended.
 */
void place_restore_line(struct buf *out, const struct place *p, const struct cmd *c, const char *snapshot_id);

/* The counts of one of the server's databases; NULL when they cannot be read. A new reference. */
json_t *place_counts(const struct place *p, const struct cmd *c, const char *dbname);

struct place_swap {
	const char *replacement;         /* the database that gets the name */
	const char *replacement_comment; /* what its comment is to be; NULL for none */
	const char *by;                  /* for the kept one: a snapshot's id, or "undo" */
	bool closed;                     /* the replacement refuses connections until it has the name */
	char kept[KEPT_NAME_SIZE];       /* out: what the old one is called now */
	int64_t window_us;               /* out */
};
/* Swap, after a last look at what stands in the way. */
bool place_swap(struct place_swap *io, const struct place *p, const struct cmd *c, struct err *e);

#endif
