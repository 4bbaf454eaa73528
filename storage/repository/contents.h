/*
 * storage/repository/contents.h - what is in a snapshot, item by item: one JSON object per line, itself stored as
 * chunks
 *
 * The manifest stays small so that listing a thousand snapshots is quick; this is read by restore, verify, cat and
 * show. Records are those of src/pg/catalog.h plus where the rows lie. FORMAT.md describes every line. A string that is
 * not valid UTF-8 (a database in SQL_ASCII) is written as {"hex":"..."}.
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_CONTENTS_H
#define DRTOOL_STORAGE_REPOSITORY_CONTENTS_H

#include "src/base/arena.h"
#include "src/codec/fingerprint.h"
#include "src/pg/catalog_types.h"
#include "storage/repository/piece.h"

enum content_data {
	CONTENT_DATA,               /* pieces hold the rows */
	CONTENT_EXCLUDED,           /* --exclude-table-data */
	CONTENT_UNREADABLE_STANDBY, /* an unlogged table, snapshot taken on a standby */
};

struct content_table {
	struct pg_table table;
	enum content_data data;
	struct fingerprint fingerprint; /* of all rows */
	uint64_t range_pages;           /* pages per ctid range; 0 when not split */
	struct piece_list pieces;       /* in order; released by contents_release() */
};

struct contents {
	struct pg_database database;
	struct content_table *
	        tables; /* sorted by schema, name (bytes), as pg_dump prints them; the large-object pseudo table last */
	size_t table_count;
	struct pg_sequence_list sequences; /* sorted likewise */
	struct pg_matview_list matviews;
	struct pg_large_object_list large_objects;
	struct pg_extension_list extensions;
	struct pg_text_list roles;
	struct pg_text_list invalid_indexes;
	struct arena arena;
};

void contents_write(struct buf *out, const struct contents *c); /* appends the lines */
/* Strict: unknown kinds or members, wrong types, missing members, out-of-range numbers are ERR_DAMAGED. */
bool contents_parse(struct contents *out, struct view text, struct err *e);
void contents_release(struct contents *c);

#endif
