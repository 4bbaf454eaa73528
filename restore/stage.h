/*
 * restore/stage.h - which part of a restore makes which entry of a schema archive
 *
 * The section alone does not say it: comments and privileges have none, and an index may belong to a view that can only
 * be made late.
 */
#ifndef DRTOOL_RESTORE_STAGE_H
#define DRTOOL_RESTORE_STAGE_H

#include "src/pg/toc.h"

enum stage {
	STAGE_SKIP,  /* made otherwise, or left out */
	STAGE_PRE,   /* before any row: pg_restore's text */
	STAGE_HEAVY, /* indexes, keys, statistics: by drtool, as soon as what they need is there */
	STAGE_LIGHT, /* after the rows and the heavy ones: pg_restore's text */
	STAGE_LAST,  /* event triggers: after everything, for they would fire */
	STAGE_LATER, /* when the database is in use already: see later.h */
};

struct stages {
	const struct toc *toc;
	enum stage *of;     /* parallel to toc->entries */
	uint32_t *position; /* by dump id: index into toc->entries, or UINT32_MAX */
	int max_id;
	struct arena arena;
};

/* toc must outlive *out. Subscriptions and what belongs to them are left out when asked. */
void stages_assign(struct stages *out, const struct toc *toc, bool without_subscriptions);
void stages_release(struct stages *s);
size_t stages_find(const struct stages *s, int dump_id); /* index into toc->entries, or SIZE_MAX */
/* The dump ids of one stage, in archive order; malloc'ed. */
int *stages_list(size_t *count, const struct stages *s, enum stage stage);
/* lost (parallel to toc->entries) says what could not be made: add the late entries that cannot be made without it. */
void stages_spread_lost(bool *lost, const struct stages *s);
/* "FK CONSTRAINT public.orders orders_user_id_fkey" */
char *stages_label(struct arena *a, const struct toc_entry *entry);

#endif
