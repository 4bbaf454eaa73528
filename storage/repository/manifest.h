/*
 * storage/repository/manifest.h - the small document that makes chunks a snapshot; written last
 *
 * One JSON object whose first line is {"sha256":"<hash of every byte after this line>", and which is checked against it
 * before it is parsed.
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_MANIFEST_H
#define DRTOOL_STORAGE_REPOSITORY_MANIFEST_H

#include "src/base/arena.h"
#include "storage/repository/fetch.h"
#include "storage/repository/piece.h"
#include "storage/repository/repository.h"

#define SNAPSHOT_ID_SIZE \
	32 /* "20260501-120000-k3f9xq" with its NUL: UTC time and 6 random characters of [a-z0-9], lower case */

struct manifest {
	char id[SNAPSHOT_ID_SIZE];
	const char *database;          /* name in the repository: drtool.yml's, or the dbname */
	const char *dbname;            /* as on the server */
	const char *system_identifier; /* "" when it could not be read */
	uint32_t database_oid;
	const char *tag;                 /* "" when none */
	const char *host;                /* the machine drtool ran on */
	const char *server;              /* host:port of the server */
	int64_t started_us, finished_us; /* UTC */
	int64_t instant_us;              /* when the snapshot was exported, by the server's clock */
	int server_version;              /* 150020 */
	const char *server_encoding;
	int dump_version; /* of the pg_dump that wrote the schema archive */
	const char *drtool_version;
	const char *timezone, *lc_monetary; /* of the sessions that read: "UTC", "C" */
	uint64_t tables, rows, plain_bytes, stored_new_bytes, database_size;
	bool on_standby;
	/* for later incremental snapshots; "" where unknown */
	const char *wal_lsn, *safe_wal_lsn, *snapshot_xmin;
	uint32_t timeline;
	struct piece_list contents; /* contents.h */
	struct piece_list schema;   /* pg_dump -Fc --schema-only */
	struct piece_list globals;  /* pg_dumpall --roles-only; empty when it could not be read */
	bool globals_passwords;     /* with password hashes */
	struct arena arena;
};

void manifest_new_id(char out[SNAPSHOT_ID_SIZE], int64_t utc_us);
bool manifest_id_valid(const char *id);
bool manifest_id_prefix(const char *text); /* could an id begin like this? a whole one counts, "" does not */

/* The text as it stands in the repository. */
void manifest_write(struct buf *out, const struct manifest *m);
/* Check the hash, then the format version, then parse strictly. */
bool manifest_parse(struct manifest **out, struct view text, struct err *e);
void manifest_free(struct manifest *m);

/* Makes the snapshot exist; ERR_EXISTS as new_object_put(). */
bool manifest_save(struct repository *r, const struct manifest *m, struct err *e);
bool manifest_load(struct manifest **out, struct repository *r, const char *database, const char *id, struct err *e);

/* m is the callee's; NULL when it could not be loaded, and then why says why not. */
typedef enum fetch_answer manifest_fn(
        void *cookie, size_t index, struct manifest *m, const struct err *why, struct err *e);
/* Load these ("<database, encoded>/<id>") in their order, as fetch_each() does. */
bool manifest_load_each(
        struct repository *r, const char *const *names, size_t count, manifest_fn *each, void *cookie, struct err *e);

struct manifest_list {
	struct manifest **items; /* by database, then time */
	size_t count;
	/*
	 * Files under snapshots/ that could not be read; the first error. A damaged manifest must not hide the others.
	 */
	size_t damaged;
	struct err first_error;
};
/* database NULL: all. */
bool manifest_list_load(struct manifest_list *out, struct repository *r, const char *database, struct err *e);
void manifest_list_release(struct manifest_list *l);

/* The databases that have snapshots, by name; each once. */
struct manifest_databases {
	const char **names;
	size_t count, cap;
	struct arena arena;
};
bool manifest_databases(struct manifest_databases *out, struct repository *r, struct err *e);
void manifest_databases_add(struct manifest_databases *d, const char *name); /* copied; nothing when it is there */
void manifest_databases_release(struct manifest_databases *d);

/*
 * Find what a person typed: id, unique prefix, tag, "latest", "verified", each with optional "database/" in front.
 * database (may be NULL) narrows it. Nothing: ERR_USAGE with what there is as hint. Several: ERR_USAGE listing the
 * first ones. *out belongs to the caller.
 */
bool manifest_resolve(
        struct manifest **out, struct repository *r, const char *database, const char *text, struct err *e);
/* Tags: 1 to 64 characters of [A-Za-z0-9._-], none that looks like an id or prefix of one, "latest" or "verified". */
bool manifest_tag_valid(const char *tag, struct err *e);
/* Is m of the database of this name on the server of this system identifier ("" when not known)? */
bool manifest_is_of(const struct manifest *m, const char *dbname, const char *system_identifier);
/*
 * A second server or database under a name already used: ERR_REFUSED with the hint `as:`. Compares with the newest
 * manifest of that database.
 */
bool manifest_check_identity(
        struct repository *r, const char *database, const char *dbname, const char *system_identifier, struct err *e);

#endif
