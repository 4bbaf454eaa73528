/*
 * restore/compare.h - is a restored database what the snapshot says it was?
 *
 * Rows by fingerprint, everything pg_dump prints by archive entry, and what pg_dump leaves out by catalogue. Contents
 * of materialized views are not compared: they are computed anew.
 */
#ifndef DRTOOL_RESTORE_COMPARE_H
#define DRTOOL_RESTORE_COMPARE_H

#include <pthread.h>

#include "restore/render.h"
#include "restore/restore.h"
#include "src/pg/catalog.h"

#define COMPARE_DIFFERENCES_MAX 1000

struct later;
struct compare {
	const struct manifest *manifest;
	const struct contents *contents;
	const struct archive *archive; /* the snapshot's schema */
	const struct conninfo *target; /* the restored database */
	const char
	        *reference; /* name for a database that may be made beside it and dropped again; there is none so far */
	const char *pg_bin;
	bool no_owner;    /* owners, privileges, settings of roles and roles were left out: they are not compared */
	bool config_only; /* of all rows, only those of extensions' configuration tables */
	bool incomplete;  /* the restore could not make everything and left its mark as the database's comment */
	const struct later *later; /* what is not there yet, and may be; NULL: all must be */
	bool in_use;   /* others may have altered it: a reference that cannot be made is no failure, see unjudged */
	unsigned jobs; /* sessions that read rows; 0 means by the number of processors */
	const struct restore_finding *findings; /* what the restore could not create */
	size_t finding_count;
	struct observer *obs;
	const struct cancel *cancel;
};

struct compare_report {
	struct proof_difference *items; /* the first COMPARE_DIFFERENCES_MAX */
	size_t count, cap;
	uint64_t total;  /* differences, also those that were too many to keep */
	uint64_t faults; /* of them the source's own */
	bool unjudged;   /* definitions that differ may be PostgreSQL's spelling anew: nobody could tell */
	uint64_t tables, rows, plain_bytes, large_objects, sequences; /* compared */
	pthread_mutex_t lock;                                         /* guards all of it */
	struct arena arena;
};

#define COMPARE_REPORT_INIT                       \
	{                                         \
		.lock = PTHREAD_MUTEX_INITIALIZER \
	}

/*
 * True: everything was compared, *out says with what result. False: it could not be carried out. out is initialised,
 * and may hold differences already.
 */
bool compare_database(struct compare_report *out, const struct compare *c, struct err *e);
void compare_report_release(struct compare_report *r);

/* One difference; safe from several threads. what is one line: newlines and other controls become spaces. */
void compare_report_add(struct compare_report *r, bool source_fault, const char *object, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

/* The parts of compare_database(). */
bool compare_tables(struct compare_report *out, const struct compare *c, struct err *e);
bool compare_objects(struct compare_report *out, const struct compare *c, struct pg_session *s, struct err *e);
bool compare_schema(struct compare_report *out, const struct compare *c, struct pg_session *s, struct err *e);
/* Could this object not be made because one it needs could not, for which the source is at fault? */
bool compare_schema_is_consequence(const struct compare *c, const struct restore_finding *finding);

#endif
