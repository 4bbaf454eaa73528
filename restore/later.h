/*
 * restore/later.h - what a restored database can be used without for a while: plain indexes, and the proof that the
 * rows there keep the foreign keys
 *
 * Everything that guards what is written is made first: keys, unique indexes, exclusion constraints, triggers,
 * policies. A foreign key is added NOT VALID, so that it guards every row written from then on. Pure, from archive,
 * contents and the target's version alone: whoever asks later, after a kill, gets the same answer.
 */
#ifndef DRTOOL_RESTORE_LATER_H
#define DRTOOL_RESTORE_LATER_H

#include "restore/stage.h"
#include "storage/repository/contents.h"

enum later_kind {
	LATER_NOT,       /* made before anybody uses the database */
	LATER_INDEX,     /* CREATE INDEX CONCURRENTLY */
	LATER_FOLLOWS,   /* what belongs to such an index: attaching it to a partitioned table's, its comment */
	LATER_UNCHECKED, /* a foreign key: NOT VALID first, VALIDATE CONSTRAINT later */
};

struct later_item {
	const struct toc_entry *entry;
	enum later_kind kind;
	const char *table;    /* qualified, as the catalogue says it: of the index, or the referencing one */
	uint64_t table_bytes; /* its rows */
	const struct toc_entry **followers;
	size_t follower_count;
};

struct later {
	enum later_kind *of;      /* parallel to toc->entries */
	struct later_item *items; /* the indexes, of the largest table first, then the foreign keys */
	size_t count, indexes, foreign_keys;
	struct arena arena;
};

/*
 * Indexes and what follows them get STAGE_LATER in s. server_version: of the target. Tables that are small by
 * themselves and next to all the rest gain nothing, so nothing of theirs is put off.
 */
void later_choose(struct later *out, struct stages *s, const struct contents *c, int server_version);
void later_release(struct later *l);

#endif
