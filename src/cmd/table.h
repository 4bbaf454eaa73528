/*
 * src/cmd/table.h - text in aligned columns
 */
#ifndef DRTOOL_CMD_TABLE_H
#define DRTOOL_CMD_TABLE_H

#include "src/base/arena.h"
#include "src/base/buf.h"

#define TABLE_COLUMNS 10

struct table {
	unsigned columns;
	bool right[TABLE_COLUMNS]; /* columns of numbers */
	const char **cells;        /* row by row, in the arena */
	size_t count, cap;
	struct arena arena;
};

/* headings: "id|database|>rows": separated by '|', '>' marks a column of numbers. */
void table_start(struct table *t, const char *headings);
void table_cell(struct table *t, const char *text); /* copied; control characters are replaced */
void table_write(struct buf *out, const struct table *t);
void table_release(struct table *t);

#endif
