/*
 * storage/repository/journal.h - what was done to a database, when, by whom, with what outcome
 *
 * Append-only: one document per event under journal/<database>/<time>-<event>.json, never changed afterwards. Every
 * command that changed something records one, also when it failed. No secrets, no values of rows.
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_JOURNAL_H
#define DRTOOL_STORAGE_REPOSITORY_JOURNAL_H

#include "src/base/arena.h"
#include "storage/repository/proof.h"

enum journal_outcome {
	JOURNAL_DONE,
	JOURNAL_FAILED,  /* message says why; what the command had changed by then is in the details */
	JOURNAL_REFUSED, /* nothing was changed */
	JOURNAL_DIFFERS, /* done, and something differs from what it should be */
};

struct journal_detail {
	const char *name;  /* lower case, words joined with '_': "kept", "safety_snapshot", "rows_written" */
	const char *value; /* text for people and programs */
};

struct journal_event {
	const char *event;    /* the command's word: "snapshot", "verify", "restore", "replace", "undo", "drop-old", or
	                         "migrate": a guarded migration, snapshot_id being the snapshot taken before it. */
	const char *database; /* its name in the repository */
	enum journal_outcome outcome;
	int64_t started_us, finished_us; /* UTC */
	const char *host, *user;         /* of the person or job; journal_record() fills them in */
	const char *server;              /* "db1:5432"; NULL when no server was involved */
	const char *dbname;              /* the database itself, current_database(); NULL when there is none */
	const char *snapshot_id;         /* NULL when none is concerned */
	uint64_t rows, plain_bytes;      /* moved; 0 when nothing was */
	int64_t predicted_us;            /* how long it was expected to take; 0 when nothing was predicted */
	const char *message;             /* the error, or one line worth knowing; NULL */
	struct proof_phase *phases;      /* with swaps, checks and hooks where there were any */
	size_t phase_count;              /* at most 100 */
	struct journal_detail *details;
	size_t detail_count; /* at most 1000 */
	struct arena arena;  /* of a loaded one; {0} otherwise */
};

void journal_write(struct buf *out, const struct journal_event *v);
bool journal_parse(struct journal_event **out, struct view text, struct err *e);
void journal_event_free(struct journal_event *v); /* of a parsed one; NULL is fine */
/* The value of a detail; NULL when there is none of this name. */
const char *journal_detail(const struct journal_event *v, const char *name);

/* v's host and user are taken from this process. */
bool journal_record(struct repository *r, const struct journal_event *v, struct err *e);

#define JOURNAL_RECENT ((size_t)10) /* events of a word that are enough to predict by */

struct journal {
	struct journal_event **events; /* oldest first */
	size_t count;
	size_t damaged;     /* documents that could not be read as events */
	struct err example; /* why, for the first of them */
};
/*
 * The newest max events of a database (its name in the repository), or of all when NULL. Damaged ones are counted and
 * left out. Release it in either case.
 */
bool journal_load(struct journal *out, struct repository *r, const char *database, size_t max, struct err *e);

/* v is NULL for a damaged event, and then why says why; neither is the callee's. */
typedef enum fetch_answer journal_fn(void *cookie, const struct journal_event *v, const struct err *why, struct err *e);
/* The events of a database whose word is one of words (NULL at the end), however many others lie between: newest first,
 * as fetch_each() does. */
bool journal_each_newest(struct repository *r, const char *database, const char *const *words, journal_fn *each,
        void *cookie, struct err *e);
/* The same, of the newest max events of each word: however many snapshots were taken since the last restore. */
bool journal_load_each(struct journal *out, struct repository *r, const char *database, size_t max, struct err *e);
void journal_release(struct journal *j);

#endif
