/*
 * src/monitor/predict.h - how long a restore will take, by what restores and test restores took before
 *
 * Loading rows, building indexes and gathering statistics grow with the bytes; schema and finishing do not.
 */
#ifndef DRTOOL_MONITOR_PREDICT_H
#define DRTOOL_MONITOR_PREDICT_H

#include "storage/repository/journal.h"

enum prediction_basis {
	PREDICTION_NONE,    /* nothing measured yet: duration_us is 0 */
	PREDICTION_RESTORE, /* a restore, on the same server where there was one */
	PREDICTION_PROOF,   /* a test restore: its private server does not wait for disks as a real one does */
	PREDICTION_STANDBY, /* nothing is restored: a standby copy only gets the name */
};

struct prediction {
	enum prediction_basis basis;
	int64_t duration_us; /* of restoring plain_bytes */
	int64_t measured_us; /* what the basis took */
	char text[256];      /* the basis in words: "a restore of 1.0 GiB on db1:5432, 2026-05-01T12:00:00Z" */
};

enum predict_kind {
	PREDICT_RESTORE,             /* into a database of its own */
	PREDICT_REPLACE,             /* in the place of a live one: with what looking at it, checks, hooks and the swap
	                                took the last time */
	PREDICT_REPLACE_WITH_SAFETY, /* and with a snapshot of the live one before */
	PREDICT_VERIFY,              /* a test restore, comparison included; by test restores alone */
};

/*
 * From the events "restore", "replace" and "verify" of j (oldest first) and, when it holds none of use, from proof (may
 * be NULL). server is where the restore would go (of a test restore as its proof says it); NULL when that is not known.
 */
void predict_restore(struct prediction *out, const struct journal *j, const struct proof *proof, const char *server,
        uint64_t plain_bytes, enum predict_kind kind);
/* Of a swap alone, whatever the size; plain_bytes count for the snapshot before. */
void predict_swap(struct prediction *out, const struct journal *j, uint64_t plain_bytes, enum predict_kind kind);

/* The event's detail that says: its duration is that of a restore which left indexes and checks for later. */
#define PREDICT_USABLE_FIRST "usable_first"
/* The detail of a "finish" event that made all of it, and not only what a stopped one had left. */
#define PREDICT_WHOLE "whole"

/* Until a restore with --usable-first is usable: from such ones, else from the others without their indexes. */
void predict_usable(struct prediction *out, const struct journal *j, const struct proof *proof, const char *server,
        uint64_t plain_bytes, enum predict_kind kind);
/* How long the rest takes from then on, from "finish" events. */
void predict_finish(struct prediction *out, const struct journal *j, const char *server, uint64_t plain_bytes);

/* How much longer (shorter: below 0) it took than was predicted, as a share of that: 0.17. False when nothing was
 * predicted, or it did not come to its end. */
bool predict_error(double *out, const struct journal_event *v);

#endif
