/* restore/cat_output.c - see cat_internal.h */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "restore/cat_internal.h"
#include "src/base/file.h"
#include "src/pg/session.h"

#define PENDING_MAX ((size_t)256 << 10)

/*
 * Words of PostgreSQL's grammar that quote_ident() quotes: all but the unreserved ones (kwlist.h of 15 to 18). Sorted.
 */
static const char *const quoted_words[] = { "all", "analyse", "analyze", "and", "any", "array", "as", "asc",
	"asymmetric", "authorization", "between", "bigint", "binary", "bit", "boolean", "both", "case", "cast", "char",
	"character", "check", "coalesce", "collate", "collation", "column", "concurrently", "constraint", "create",
	"cross", "current_catalog", "current_date", "current_role", "current_schema", "current_time",
	"current_timestamp", "current_user", "dec", "decimal", "default", "deferrable", "desc", "distinct", "do",
	"else", "end", "except", "exists", "extract", "false", "fetch", "float", "for", "foreign", "freeze", "from",
	"full", "grant", "greatest", "group", "grouping", "having", "ilike", "in", "initially", "inner", "inout", "int",
	"integer", "intersect", "interval", "into", "is", "isnull", "join", "json", "json_array", "json_arrayagg",
	"json_exists", "json_object", "json_objectagg", "json_query", "json_scalar", "json_serialize", "json_table",
	"json_value", "lateral", "leading", "least", "left", "like", "limit", "localtime", "localtimestamp",
	"merge_action", "national", "natural", "nchar", "none", "normalize", "not", "notnull", "null", "nullif",
	"numeric", "offset", "on", "only", "or", "order", "out", "outer", "overlaps", "overlay", "placing", "position",
	"precision", "primary", "real", "references", "returning", "right", "row", "select", "session_user", "setof",
	"similar", "smallint", "some", "substring", "symmetric", "system_user", "table", "tablesample", "then", "time",
	"timestamp", "to", "trailing", "treat", "trim", "true", "union", "unique", "user", "using", "values", "varchar",
	"variadic", "verbose", "when", "where", "window", "with", "xmlattributes", "xmlconcat", "xmlelement",
	"xmlexists", "xmlforest", "xmlnamespaces", "xmlparse", "xmlpi", "xmlroot", "xmlserialize", "xmltable" };

static int by_word(const void *key, const void *word)
{
	return strcmp(key, *(const char *const *)word);
}

static bool needs_quotes(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789");

	if (name[len] || len == 0 || (*name >= '0' && *name <= '9'))
		return true;
	return bsearch(
	        name, quoted_words, sizeof(quoted_words) / sizeof(quoted_words[0]), sizeof(quoted_words[0]), by_word);
}

const char *cat_ident(struct arena *a, const char *name)
{
	return needs_quotes(name) ? pg_quote_ident(a, name) : name;
}

const char *cat_literal(const struct cat *c, struct arena *a, const char *text)
{
	struct buf quoted = BUF_INIT;
	const char *out;

	buf_add(&quoted, "'");
	for (const char *p = text; *p; p++)
		buf_addf(&quoted, "%s%c", *p == '\'' ? "'" : *p == '\\' && c->escapes ? "\\" : "", *p);
	buf_add(&quoted, "'");
	out = arena_strdup(a, buf_str(&quoted));
	buf_release(&quoted);
	return out;
}

bool cat_flush(struct cat *c, struct err *e)
{
	bool ok = cancel_check(c->cancel, e) && file_write_all(c->fd, buf_view(&c->pending), "the output", e);

	buf_clear(&c->pending);
	return ok;
}

bool cat_write(struct cat *c, struct view text, struct err *e)
{
	while (text.len > 0) {
		size_t room = PENDING_MAX - c->pending.len, n = text.len < room ? text.len : room;

		buf_addn(&c->pending, text.data, n);
		text.data += n;
		text.len -= n;
		if (c->pending.len == PENDING_MAX && !cat_flush(c, e))
			return false;
	}
	return true;
}

bool cat_print(struct cat *c, struct err *e, const char *fmt, ...)
{
	va_list ap;
	char *text = NULL;
	bool ok;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	ok = cat_write(c, view_str(text), e);
	free(text);
	return ok;
}

static const char *comment_text(struct arena *a, const char *text)
{
	char *line = arena_strdup(a, text);

	for (char *p = line; *p; p++) {
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	}
	return *line ? line : "-";
}

bool cat_header(struct cat *c, bool data, const char *name, const char *type, const char *schema, const char *owner,
        struct err *e)
{
	struct arena a = ARENA_INIT;
	bool ok = cat_print(c, e, "--\n-- %sName: %s; Type: %s; Schema: %s; Owner: %s\n--\n\n", data ? "Data for " : "",
	        comment_text(&a, name), type, comment_text(&a, schema), comment_text(&a, owner));

	arena_release(&a);
	return ok;
}

bool cat_piece(struct view *out, struct cat *c, const struct piece *p, struct err *e)
{
	if (!c->have_chunk || memcmp(&c->chunk, &p->chunk, sizeof(c->chunk)) != 0 ||
	        p->offset + p->length > c->plain.len) {
		c->have_chunk = false;
		if (!chunk_store_get(&c->plain, c->chunks, p, c->decompressor, &c->frame, e))
			return false;
		c->chunk = p->chunk;
		c->have_chunk = true;
	}
	*out = (struct view){ c->plain.data + p->offset, (size_t)p->length };
	return true;
}
