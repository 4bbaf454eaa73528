/*
 * restore/load.h - bring rows into tables
 */
#ifndef DRTOOL_RESTORE_LOAD_H
#define DRTOOL_RESTORE_LOAD_H

#include <pthread.h>

#include "restore/feed.h"
#include "restore/findings.h"
#include "restore/graph.h"
#include "src/base/observer.h"
#include "src/pg/session.h"

struct load_table {
	struct fingerprint seen; /* of a table loaded in shares: what has arrived */
	size_t pieces;
	bool alone; /* its batch failed: from then on it is loaded by itself */
	bool done;  /* ... and is there */
};

struct load { /* shared by all connections of a restore */
	const struct contents *contents;
	struct chunk_store *chunks;
	struct observer *obs;
	struct findings *findings;
	bool beside;               /* the database is in use: types are not ours to change */
	pthread_mutex_t mutex;     /* guards what follows */
	struct load_table *tables; /* parallel to contents->tables; alone and done belong to whoever has the task */
	uint64_t rows, bytes;      /* in committed transactions */
};

struct loader { /* one connection */
	struct load *load;
	struct pg_session *session;
	struct feed *feed;
	char sqlstate[6]; /* of the last failure, "" when the server did not say no */
};

void load_init(
        struct load *l, const struct contents *c, struct chunk_store *chunks, struct observer *obs, struct findings *f);
void load_release(struct load *l);

/*
 * Load what the task says in one transaction (one per table after that has failed once); rows are compared with the
 * snapshot's fingerprint before it commits (of a table loaded in shares: with the last share). False: nothing of it is
 * there (but for tables marked done), and the session is idle again or broken. ERR_DAMAGED: the snapshot's rows are not
 * what it recorded. On the last try rows may come in without the table's CHECK and NOT NULL constraints, and a table
 * that the server refuses is a finding as well.
 */
bool load_task(struct loader *l, const struct graph_task *t, bool last_try, struct err *e);

/* Has every row come in? For the end of a restore that nothing was reported of. */
bool load_all_there(const struct load *l, struct err *e);

#endif
