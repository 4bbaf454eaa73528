/*
 * storage/repository/proof.h - the recorded outcome of a test restore
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_PROOF_H
#define DRTOOL_STORAGE_REPOSITORY_PROOF_H

#include "src/base/arena.h"
#include "storage/repository/fetch.h"
#include "storage/repository/repository.h"

struct json_array;

enum proof_outcome {
	PROOF_GOOD,          /* everything compared is equal */
	PROOF_SOURCE_FAULTS, /* equal, but the source violates constraints of its own, which therefore could not be
	                        created */
	PROOF_DIFFERS,
};

#define PROOF_PRIVATE "private cluster"

struct proof_phase {
	const char *name; /* "cluster", "schema", "data", "indexes", "compare", ... */
	int64_t duration_us;
};

extern const struct json_array proof_phases_array; /* "phases" of a document, at most 100 */

struct proof_difference {
	const char *object; /* "TABLE public.orders" */
	const char *what;   /* one line */
	bool source_fault;
};

/*
 * The restored database was kept as a standby copy (restore/standby.h): its marks when connections to it were refused.
 * As long as they are the same nobody has been in it.
 */
struct proof_standby {
	const char *name;
	const char *system_identifier; /* of its server; "" when not known */
	uint32_t oid;
	uint32_t xmin;          /* of its row in pg_database: allowing connections gives it another one, for good */
	int64_t sessions;       /* as counted in pg_stat_database */
	int64_t stats_reset_us; /* of these statistics, UTC; 0: never. Lost in a crash, as writes may be */
};

struct proof {
	const char *snapshot_id, *database;
	int64_t started_us, finished_us; /* UTC */
	const char *host;
	int server_version; /* restored into */
	const char *where;  /* PROOF_PRIVATE or host:port */
	enum proof_outcome outcome;
	uint64_t tables, rows, plain_bytes, large_objects, sequences;
	struct proof_phase *phases;
	size_t phase_count;
	struct proof_difference *differences; /* the first 1000 */
	size_t difference_count;
	struct proof_standby *standby; /* NULL: the restored database went */
	struct arena arena;
};

/* The text as it stands in the repository; what is past the first 1000 differences is left out. */
void proof_write(struct buf *out, const struct proof *p);
bool proof_parse(struct proof **out, struct view text, struct err *e);

/* snapshot_id is a valid id. */
bool proof_save(struct repository *r, const struct proof *p, struct err *e);
/* Newest proof of a snapshot; ERR_NOT_FOUND when there is none. */
bool proof_load_newest(struct proof **out, struct repository *r, const char *database, const char *id, struct err *e);
/* The newest proof of a snapshot whose restored database is the standby copy of this OID; ERR_NOT_FOUND when none is.
 */
bool proof_load_standby(
        struct proof **out, struct repository *r, const char *database, const char *id, uint32_t oid, struct err *e);
void proof_free(struct proof *p);

struct proof_wanted {
	const char *database, *id;
};
/*
 * p is NULL when there is none, and when it could not be loaded; then why says why not and is NULL otherwise. Neither
 * is the callee's.
 */
typedef enum fetch_answer proof_fn(
        void *cookie, size_t index, const struct proof *p, const struct err *why, struct err *e);
/*
 * The newest proof of each of these snapshots, in their order, as fetch_each() does. One listing for all: of the
 * database, where they are all of one (NULL otherwise).
 */
bool proof_load_each_newest(struct repository *r, const char *database, const struct proof_wanted *wanted, size_t count,
        proof_fn *each, void *cookie, struct err *e);

#endif
