/*
 * restore/diff.h - what differs between two snapshots
 *
 * Definitions archive entry by archive entry, as pg_dump spells them; rows by the fingerprints of their tables;
 * sequence values, extensions, large objects and the settings of the database from the contents. No rows are read.
 */
#ifndef DRTOOL_RESTORE_DIFF_H
#define DRTOOL_RESTORE_DIFF_H

#include "src/pg/toc.h"
#include "storage/repository/contents.h"
#include "storage/repository/manifest.h"

struct diff_side {
	struct contents contents;
	struct buf archive;
	struct toc *toc;
};

bool diff_side_load(struct diff_side *out, struct repository *r, const struct manifest *m, struct err *e);
void diff_side_release(struct diff_side *s);

enum diff_section {
	DIFF_SCHEMA,
	DIFF_ROWS,
	DIFF_SEQUENCE,
	DIFF_EXTENSION,
	DIFF_LARGE_OBJECT,
	DIFF_SETTING,
	DIFF_SECTIONS
};
#define DIFF_SECTION_BIT(s) (1u << (s))
#define DIFF_EVERYTHING     ((1u << DIFF_SECTIONS) - 1)
#define DIFF_DEFINITIONS    (DIFF_SECTION_BIT(DIFF_SCHEMA) | DIFF_SECTION_BIT(DIFF_EXTENSION))

enum diff_change { DIFF_ONLY_FIRST, DIFF_ONLY_SECOND, DIFF_CHANGED };

struct diff_item {
	enum diff_section section;
	enum diff_change change;
	const char *object; /* "TABLE public.orders" */
	const char *text;   /* of DIFF_SCHEMA: lines "- was" and "+ is"; else one line; "" when being there is all */
};

struct diff_report {
	struct diff_item *items; /* by section, then by kind and name */
	size_t count, cap;
	size_t tables_compared; /* rows of; tables whose rows one side does not hold are not */
	struct arena arena;
};

/* out starts as {0}; sections are those to compare; no_owner: neither owners nor privileges. */
void diff_compare(struct diff_report *out, const struct diff_side *a, const struct diff_side *b, unsigned sections,
        bool no_owner);
void diff_report_release(struct diff_report *r);

#endif
