/*
 * src/pg/toc.h - the table of contents of a pg_dump custom-format archive
 *
 * Format: PostgreSQL's pg_backup_archiver.c and pg_backup_custom.c, archive versions 1.12 (PostgreSQL 9.x) to 1.16 (17
 * and 18). Only the header and the TOC are read; data blocks are not. Hostile input gives ERR_DAMAGED, never more
 * memory than a few times the archive's size.
 */
#ifndef DRTOOL_PG_TOC_H
#define DRTOOL_PG_TOC_H

#include <stdint.h>

#include "src/base/arena.h"
#include "src/base/buf.h"

enum toc_section { TOC_NONE = 1, TOC_PRE_DATA, TOC_DATA, TOC_POST_DATA };

struct toc_entry {
	int dump_id;
	uint32_t catalog_oid, oid; /* pg_class etc. row the entry describes; 0 when none */
	const char *tag, *desc;    /* "orders_pkey", "CONSTRAINT" */
	enum toc_section section;
	const char *defn, *drop, *copy; /* "" when absent */
	const char *schema;             /* "" when absent */
	const char *tablespace;         /* "" is the default one */
	const char *table_am;           /* "" when absent */
	char relkind;                   /* from 1.16; 0 before */
	const char *owner;              /* "" when absent */
	const int *deps;                /* dump ids this one depends on */
	size_t ndeps;
	bool has_data;
};

struct toc {
	unsigned version_major, version_minor; /* of the archive format: 1, 14 */
	const char *dbname, *server_version, *dump_version;
	struct toc_entry *entries; /* in archive order */
	size_t count;
	struct arena arena;
};

bool toc_parse(struct toc **out, struct view archive, struct err *e);
void toc_free(struct toc *t);
const struct toc_entry *toc_find(const struct toc *t, int dump_id); /* NULL when there is none */

#endif
