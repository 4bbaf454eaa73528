/*
 * tests/unit/storage_fixture.h - repositories in memory and small sound things to put into them
 */
#ifndef DRTOOL_TESTS_UNIT_STORAGE_FIXTURE_H
#define DRTOOL_TESTS_UNIT_STORAGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/repository/manifest.h"
#include "storage/repository/proof.h"

static inline struct repository *fixture_repository_over(struct storage *s)
{
	struct repository *r = NULL;
	struct err e = ERR_INIT;

	if (!repository_open_storage(&r, s, true, &e))
		fail_msg("create a repository: %s", e.msg);
	return r;
}

static inline struct repository *fixture_repository(void)
{
	return fixture_repository_over(storage_new_memory());
}

static inline struct piece fixture_piece(unsigned n)
{
	struct piece p = { .stored = 100 + n, .offset = n, .length = 10 * n + 1 };

	hash_sha256(p.chunk.bytes, (struct view){ (const uint8_t *)&n, sizeof(n) });
	return p;
}

/* A sound manifest; release its piece lists with fixture_manifest_release(). */
static inline struct manifest fixture_manifest(const char *database, const char *id, int64_t started_us)
{
	struct manifest m = {
		.database = database,
		.dbname = "shop_production",
		.system_identifier = "7300000000000000001",
		.database_oid = 16384,
		.tag = "",
		.host = "runner",
		.server = "db1:5432",
		.started_us = started_us,
		.finished_us = started_us + 5000000,
		.instant_us = started_us + 123456,
		.server_version = 150020,
		.server_encoding = "UTF8",
		.dump_version = 150020,
		.drtool_version = "0.1.0",
		.timezone = "UTC",
		.lc_monetary = "C",
		.tables = 12,
		.rows = 3000000,
		.plain_bytes = 862000000,
		.stored_new_bytes = 200000000,
		.database_size = 1700000000,
		.wal_lsn = "0/16B3748",
		.safe_wal_lsn = "",
		.snapshot_xmin = "751",
		.timeline = 1,
		.globals_passwords = true,
	};

	snprintf(m.id, sizeof(m.id), "%s", id);
	piece_list_add(&m.contents, fixture_piece(1));
	piece_list_add(&m.schema, fixture_piece(2));
	piece_list_add(&m.schema, fixture_piece(3));
	return m;
}

static inline void fixture_manifest_release(struct manifest *m)
{
	piece_list_release(&m->contents);
	piece_list_release(&m->schema);
	piece_list_release(&m->globals);
}

static inline void fixture_save(
        struct repository *r, const char *database, const char *id, int64_t started_us, const char *tag)
{
	struct manifest m = fixture_manifest(database, id, started_us);
	struct err e = ERR_INIT;

	m.tag = tag;
	if (!manifest_save(r, &m, &e))
		fail_msg("save manifest %s: %s", id, e.msg);
	fixture_manifest_release(&m);
}

static inline void fixture_prove(
        struct repository *r, const char *database, const char *id, int64_t finished_us, enum proof_outcome outcome)
{
	struct proof p = {
		.snapshot_id = id,
		.database = database,
		.started_us = finished_us - 1000,
		.finished_us = finished_us,
		.host = "runner",
		.server_version = 150020,
		.where = "private cluster",
		.outcome = outcome,
	};
	struct err e = ERR_INIT;

	if (!proof_save(r, &p, &e))
		fail_msg("save proof of %s: %s", id, e.msg);
}

#endif
