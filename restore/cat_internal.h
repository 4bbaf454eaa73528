/*
 * restore/cat_internal.h - what the files behind cat_snapshot() share
 */
#ifndef DRTOOL_RESTORE_CAT_INTERNAL_H
#define DRTOOL_RESTORE_CAT_INTERNAL_H

#include "restore/render.h"
#include "restore/restore.h"
#include "storage/repository/chunk_store.h"

struct cat {
	int fd;
	struct buf pending; /* not written yet */
	const struct manifest *m;
	struct chunk_store *chunks;
	struct contents contents;
	struct archive archive;
	struct observer *obs;
	const struct cancel *cancel;
	/* the chunk read last; small tables share chunks */
	struct decompressor *decompressor;
	struct buf plain, frame;
	struct chunk_name chunk;
	bool have_chunk;
	bool escapes; /* standard_conforming_strings is off in the script: a backslash in a literal stands doubled */
	/* what --table leaves; everything without it */
	bool selective;
	bool *entry_in;       /* by index in the archive's TOC */
	bool *table_in;       /* by index in contents.tables; likewise */
	bool *sequence_in;    /* contents.sequences */
	bool *matview_in;     /* contents.matviews */
	struct owner *owners; /* of relations, by OID */
	size_t owner_count;
	struct arena arena;
};

/* cat_select.c: fill the _in arrays. ERR_USAGE when a pattern matches nothing. */
bool cat_select(struct cat *c, const char *const *patterns, struct err *e);

/* cat_encoding.c: names in the contents, from UTF-8 into the encoding of the script. */
bool cat_recode(struct cat *c, struct err *e);

/* cat_output.c */
bool cat_write(struct cat *c, struct view text, struct err *e);
bool cat_print(struct cat *c, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool cat_flush(struct cat *c, struct err *e);
/* The comment pg_dump puts before an entry. Names are made one line. */
bool cat_header(struct cat *c, bool data, const char *name, const char *type, const char *schema, const char *owner,
        struct err *e);
/* An identifier as pg_dump and quote_ident() print it: quoted only where it must be. In the arena. */
const char *cat_ident(struct arena *a, const char *name);
/* '...' as the script's standard_conforming_strings wants it. In the arena. */
const char *cat_literal(const struct cat *c, struct arena *a, const char *text);
/* The bytes of a piece, valid until the next call. */
bool cat_piece(struct view *out, struct cat *c, const struct piece *p, struct err *e);

/* cat_data.c */
bool cat_tables(struct cat *c, struct err *e);
bool cat_sequences(struct cat *c, struct err *e);
bool cat_refreshes(struct cat *c, struct err *e);

/* cat_lo.c */
bool cat_large_object_definitions(struct cat *c, struct err *e); /* with owner, comment and labels */
bool cat_large_object_data(struct cat *c, struct err *e);
bool cat_large_object_privileges(struct cat *c, struct err *e);
bool cat_large_objects_first(const struct cat *c); /* definitions before the tables' data, as pg_dump did before 17 */

#endif
