#include "restore/line_diff.h"

#include <stdlib.h>
#include <string.h>

#define LINES_MAX 2000

struct lines {
	struct view *items;
	size_t count, cap;
};

static void split(struct lines *out, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len) {
			if (out->count == out->cap) {
				out->cap = out->cap ? out->cap * 2 : 16;
				out->items = xrealloc(out->items, out->cap * sizeof(*out->items));
			}
			out->items[out->count++] = (struct view){ (const uint8_t *)text, len };
		}
		text += len + (text[len] == '\n');
	}
}

static void add_line(struct buf *out, char sign, struct view line)
{
	buf_addf(out, "%c %.*s\n", sign, (int)line.len, (const char *)line.data);
}

static void add_lines(struct buf *out, char sign, const struct lines *l)
{
	for (size_t i = 0; i < l->count; i++)
		add_line(out, sign, l->items[i]);
}

/* common[i * (b->count + 1) + j]: length of the longest common subsequence of a from i on and b from j on. */
static uint16_t *common_lengths(const struct lines *a, const struct lines *b)
{
	size_t width = b->count + 1;
	uint16_t *common = xcalloc((a->count + 1) * width, sizeof(*common));

	for (size_t i = a->count; i-- > 0;) {
		for (size_t j = b->count; j-- > 0;) {
			uint16_t skip_a = common[(i + 1) * width + j], skip_b = common[i * width + j + 1];

			if (view_eq(a->items[i], b->items[j]))
				common[i * width + j] = (uint16_t)(common[(i + 1) * width + j + 1] + 1);
			else
				common[i * width + j] = skip_a > skip_b ? skip_a : skip_b;
		}
	}
	return common;
}

static void walk(struct buf *out, const struct lines *a, const struct lines *b)
{
	size_t width = b->count + 1, i = 0, j = 0;
	uint16_t *common = common_lengths(a, b);

	while (i < a->count || j < b->count) {
		if (i < a->count && j < b->count && view_eq(a->items[i], b->items[j])) {
			i++;
			j++;
		} else if (j == b->count ||
		           (i < a->count && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
			add_line(out, '-', a->items[i++]);
		} else {
			add_line(out, '+', b->items[j++]);
		}
	}
	free(common);
}

void line_diff(struct buf *out, const char *a, const char *b)
{
	struct lines was = { 0 }, now = { 0 };

	split(&was, a);
	split(&now, b);
	if (was.count <= LINES_MAX && now.count <= LINES_MAX) {
		walk(out, &was, &now);
	} else if (strcmp(a, b) != 0) {
		add_lines(out, '-', &was);
		add_lines(out, '+', &now);
	}
	free(was.items);
	free(now.items);
}
