/*
 * src/monitor/status.h - objectives against measurements, for one database of a repository
 *
 * From manifests, proofs and the journal alone: no chunk is listed, so it is quick on a large repository.
 */
#ifndef DRTOOL_MONITOR_STATUS_H
#define DRTOOL_MONITOR_STATUS_H

#include "restore/standby.h"
#include "src/monitor/predict.h"
#include "src/monitor/unfinished.h"

struct status_objectives {
	int64_t rto_us, rpo_us; /* 0: none */
};

/* What only the server knows; size 0: not asked, or it does not answer. */
struct status_live {
	uint64_t size;          /* pg_database_size() now */
	const char *server;     /* "db1:5432"; NULL when not known */
	struct standby standby; /* its name is NULL when there is none, or that is not known */
	uint32_t oid;           /* of the database; 0: not asked */
	const char *identifier; /* the server's; NULL when not known */
};

struct status {
	const char *database; /* its name in the repository */
	size_t snapshots, damaged;
	struct manifest *newest; /* NULL: none */
	int64_t age_us;          /* since the state that the newest holds */
	size_t refuted;          /* of the newest, those whose proof says that they do not come back as they were */
	int64_t good_age_us;     /* since the state that the newest of the others holds; -1: there is none */
	struct manifest *proved; /* the newest whose newest proof is good; NULL: none */
	struct proof *proof;     /* of it */
	uint64_t plain_bytes;    /* of a snapshot taken now: the newest's, grown as the database has */
	struct prediction prediction; /* of the newest: of a swap alone where the standby copy is ready and holds it */
	struct proof *standby_proof;  /* of the standby copy; NULL: there is none */
	const char *standby_doubt;    /* why the standby copy cannot be relied on; NULL: it is ready, if there is one */
	struct journal_event *restored;  /* the newest restore or swap that was carried out; NULL: none; in journal */
	struct journal_event *predicted; /* the newest of these whose length was predicted, else such a test restore */
	struct journal journal;          /* its newest events */
	struct unfinished unfinished;    /* what a usable-first restore has left in the one that is live */
	uint64_t stored_bytes;           /* all its snapshots together, as each added them */
	uint64_t stored_week_bytes;      /* by those of the last seven days */
	bool rpo_missed, rto_missed;     /* false where there is no objective, or nothing to predict by */
	bool rto_unknown;                /* an objective, and nothing to predict by */
	struct arena arena;
};

bool status_read(struct status *out, struct repository *r, const char *database, const struct status_objectives *o,
        const struct status_live *live, int64_t now_us, struct err *e);
void status_release(struct status *s);

#endif
