/* src/cmd/table.c - see table.h */
#include "src/cmd/table.h"

#include <assert.h>

#include "src/cmd/text.h"

void table_start(struct table *t, const char *headings)
{
	char *rest = arena_strdup(&t->arena, headings), *heading;

	while ((heading = strsep(&rest, "|")) != NULL) {
		assert(t->columns < TABLE_COLUMNS);
		t->right[t->columns++] = *heading == '>';
		table_cell(t, heading + (*heading == '>'));
	}
}

void table_cell(struct table *t, const char *text)
{
	struct buf clean = BUF_INIT;

	text_printable(&clean, text);
	t->cells = arena_grow(&t->arena, t->cells, t->count, &t->cap, sizeof(*t->cells));
	t->cells[t->count++] = arena_strdup(&t->arena, buf_str(&clean));
	buf_release(&clean);
}

static void end_line(struct buf *out)
{
	while (out->len > 0 && out->data[out->len - 1] == ' ')
		out->len--;
	buf_add(out, "\n");
}

void table_write(struct buf *out, const struct table *t)
{
	size_t widths[TABLE_COLUMNS] = { 0 };

	for (size_t i = 0; i < t->count; i++) {
		size_t width = text_width(t->cells[i]);

		if (width > widths[i % t->columns])
			widths[i % t->columns] = width;
	}
	for (size_t i = 0; i < t->count; i++) {
		unsigned column = (unsigned)(i % t->columns);
		int padding = (int)(widths[column] - text_width(t->cells[i]));

		if (column > 0)
			buf_add(out, "  ");
		if (t->right[column])
			buf_addf(out, "%*s", padding, "");
		buf_add(out, t->cells[i]);
		if (column + 1 == t->columns)
			end_line(out);
		else if (!t->right[column])
			buf_addf(out, "%*s", padding, "");
	}
}

void table_release(struct table *t)
{
	arena_release(&t->arena);
}
