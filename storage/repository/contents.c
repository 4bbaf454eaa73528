#include "storage/repository/contents.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "storage/repository/json.h"

/* So that no line, whatever the size of a table, needs much memory to parse. */
#define PIECES_PER_LINE 1000u

static const char *const table_kinds[] = { "plain", "config", "large_objects", NULL };
static const char *const data_kinds[] = { "data", "excluded", "unreadable_standby", NULL };

#define TABLE(kind_, member)                                                                                       \
	{                                                                                                          \
		.name = #member, .kind = JSON_KIND_##kind_, .offset = offsetof(struct content_table, table.member) \
	}

static const struct json_member database_members[] = {
	JSON_MEMBER(pg_database, U32, oid),
	JSON_MEMBER(pg_database, TEXT, name),
	JSON_MEMBER(pg_database, TEXT, owner),
	JSON_MEMBER(pg_database, TEXT, encoding),
	JSON_MEMBER(pg_database, TEXT, collate),
	JSON_MEMBER(pg_database, TEXT, ctype),
	JSON_MEMBER(pg_database, TEXT, locale_provider),
	JSON_MEMBER(pg_database, OPTIONAL, locale),
	JSON_MEMBER(pg_database, OPTIONAL, icu_rules),
	JSON_MEMBER(pg_database, TEXT, tablespace),
	JSON_MEMBER(pg_database, OPTIONAL, acl),
	JSON_MEMBER(pg_database, OPTIONAL, comment),
	JSON_MEMBER(pg_database, INT, connection_limit),
	JSON_MEMBER(pg_database, BOOL, is_template),
	JSON_MEMBER(pg_database, BOOL, allow_connections),
	JSON_MEMBER(pg_database, TEXT, system_identifier),
	JSON_MEMBER(pg_database, INT, server_version),
	JSON_MEMBER(pg_database, BOOL, in_recovery),
	JSON_MEMBER(pg_database, U64, size),
	JSON_MEMBER(pg_database, TEXT, data_checksums),
	JSON_MEMBER(pg_database, TEXT, preload_libraries),
};

static const struct json_member table_members[] = {
	{ "table_kind", JSON_KIND_ENUM, offsetof(struct content_table, table.kind), 0, table_kinds },
	TABLE(U32, oid),
	TABLE(TEXT, schema),
	TABLE(TEXT, name),
	TABLE(TEXT, qualified),
	TABLE(TEXT, columns),
	TABLE(OPTIONAL, filter),
	TABLE(OPTIONAL, load_root),
	TABLE(U32, load_root_oid),
	TABLE(BOOL, heap),
	TABLE(BOOL, partition),
	TABLE(BOOL, inherits),
	TABLE(BOOL, unlogged),
	TABLE(U32, relfilenode),
	TABLE(U64, main_pages),
	TABLE(U64, size),
	{ "data", JSON_KIND_ENUM, offsetof(struct content_table, data), 0, data_kinds },
	{ "rows", JSON_KIND_U64, offsetof(struct content_table, fingerprint.rows), 0, NULL },
	{ "fingerprint", JSON_KIND_HEX128, offsetof(struct content_table, fingerprint.sum), 0, NULL },
	JSON_MEMBER(content_table, U64, range_pages),
};

static const struct json_member pieces_members[] = {
	JSON_MEMBER(content_table, PIECES, pieces),
};

static const struct json_member sequence_members[] = {
	JSON_MEMBER(pg_sequence, U32, oid),
	JSON_MEMBER(pg_sequence, TEXT, schema),
	JSON_MEMBER(pg_sequence, TEXT, name),
	JSON_MEMBER(pg_sequence, TEXT, qualified),
	JSON_MEMBER(pg_sequence, I64_TEXT, last_value),
	JSON_MEMBER(pg_sequence, BOOL, is_called),
};

static const struct json_member matview_members[] = {
	JSON_MEMBER(pg_matview, U32, oid),
	JSON_MEMBER(pg_matview, TEXT, schema),
	JSON_MEMBER(pg_matview, TEXT, name),
	JSON_MEMBER(pg_matview, TEXT, qualified),
	JSON_MEMBER(pg_matview, BOOL, populated),
};

static const struct json_member large_object_members[] = {
	JSON_MEMBER(pg_large_object, U32, oid),
	JSON_MEMBER(pg_large_object, TEXT, owner),
	JSON_MEMBER(pg_large_object, OPTIONAL, acl),
	JSON_MEMBER(pg_large_object, OPTIONAL, comment),
	JSON_MEMBER(pg_large_object, OPTIONAL, labels),
};

static const struct json_member extension_members[] = {
	JSON_MEMBER(pg_extension, TEXT, name),
	JSON_MEMBER(pg_extension, TEXT, version),
	JSON_MEMBER(pg_extension, TEXT, schema),
};

/* An item of a struct pg_text_list. */
static const struct json_member text_members[] = {
	{ "text", JSON_KIND_TEXT, 0, 0, NULL },
};

struct content_end {
	uint64_t lines; /* before this one */
};
static const struct json_member end_members[] = {
	JSON_MEMBER(content_end, U64, lines),
};

/* Kinds of lines, in the order they stand in. */
enum line_kind {
	LINE_DATABASE,
	LINE_SETTING,
	LINE_ROLE,
	LINE_EXTENSION,
	LINE_TABLE,
	LINE_PIECES, /* of the table before */
	LINE_SEQUENCE,
	LINE_MATVIEW,
	LINE_LARGE_OBJECT,
	LINE_INVALID_INDEX,
	LINE_END,
	LINE_KINDS,
};

static const struct line_shape {
	const char *kind;
	const struct json_member *members;
	size_t count;
	size_t size; /* of the struct; 0 when it is not kept in a list of its own */
	size_t list; /* offset of that list in struct contents: items, then count */
} shapes[LINE_KINDS] = {
	[LINE_DATABASE] = { "database", database_members, JSON_COUNT(database_members), 0, 0 },
	[LINE_SETTING] = { "setting", text_members, 1, sizeof(char *), offsetof(struct contents, database.settings) },
	[LINE_ROLE] = { "role", text_members, 1, sizeof(char *), offsetof(struct contents, roles) },
	[LINE_EXTENSION] = { "extension", extension_members, JSON_COUNT(extension_members), sizeof(struct pg_extension),
	        offsetof(struct contents, extensions) },
	[LINE_TABLE] = { "table", table_members, JSON_COUNT(table_members), sizeof(struct content_table),
	        offsetof(struct contents, tables) },
	[LINE_PIECES] = { "pieces", pieces_members, 1, 0, 0 },
	[LINE_SEQUENCE] = { "sequence", sequence_members, JSON_COUNT(sequence_members), sizeof(struct pg_sequence),
	        offsetof(struct contents, sequences) },
	[LINE_MATVIEW] = { "matview", matview_members, JSON_COUNT(matview_members), sizeof(struct pg_matview),
	        offsetof(struct contents, matviews) },
	[LINE_LARGE_OBJECT] = { "large_object", large_object_members, JSON_COUNT(large_object_members),
	        sizeof(struct pg_large_object), offsetof(struct contents, large_objects) },
	[LINE_INVALID_INDEX] = { "invalid_index", text_members, 1, sizeof(char *),
	        offsetof(struct contents, invalid_indexes) },
	[LINE_END] = { "end", end_members, JSON_COUNT(end_members), 0, 0 },
};

/* What every list of struct contents looks like. */
struct any_list {
	void *items;
	size_t count;
};
_Static_assert(offsetof(struct contents, table_count) == offsetof(struct contents, tables) + sizeof(void *),
        "tables and their count are a list");
_Static_assert(offsetof(struct pg_sequence_list, count) == offsetof(struct any_list, count), "lists are alike");

static struct any_list *list_of(const struct contents *c, enum line_kind kind)
{
	return (struct any_list *)((char *)c + shapes[kind].list);
}

/* Writing */

struct writer {
	struct buf *out;
	uint64_t lines;
};

static void write_line(struct writer *w, enum line_kind kind, const void *record)
{
	const struct line_shape *shape = &shapes[kind];

	buf_addf(w->out, "{\"kind\":\"%s\",", shape->kind);
	json_write_members(w->out, shape->members, shape->count, record, ",");
	buf_add(w->out, "}\n");
	w->lines++;
}

static void write_list(struct writer *w, const struct contents *c, enum line_kind kind)
{
	const struct any_list *l = list_of(c, kind);

	for (size_t i = 0; i < l->count; i++)
		write_line(w, kind, (const char *)l->items + i * shapes[kind].size);
}

static void write_pieces(struct writer *w, const struct piece_list *pieces)
{
	struct content_table part = { .pieces = PIECE_LIST_INIT };

	for (size_t i = 0; i < pieces->count; i += PIECES_PER_LINE) {
		part.pieces.items = pieces->items + i;
		part.pieces.count = pieces->count - i < PIECES_PER_LINE ? pieces->count - i : PIECES_PER_LINE;
		write_line(w, LINE_PIECES, &part);
	}
}

void contents_write(struct buf *out, const struct contents *c)
{
	struct writer w = { .out = out };

	write_line(&w, LINE_DATABASE, &c->database);
	write_list(&w, c, LINE_SETTING);
	write_list(&w, c, LINE_ROLE);
	write_list(&w, c, LINE_EXTENSION);
	for (size_t i = 0; i < c->table_count; i++) {
		write_line(&w, LINE_TABLE, &c->tables[i]);
		write_pieces(&w, &c->tables[i].pieces);
	}
	write_list(&w, c, LINE_SEQUENCE);
	write_list(&w, c, LINE_MATVIEW);
	write_list(&w, c, LINE_LARGE_OBJECT);
	write_list(&w, c, LINE_INVALID_INDEX);
	write_line(&w, LINE_END, &(struct content_end){ w.lines });
}

/* Reading */

struct reader {
	struct contents *c;
	size_t caps[LINE_KINDS];
	enum line_kind last; /* kind of the line before */
	uint64_t lines;      /* read so far */
	bool ended;
};

static bool line_kind_of(enum line_kind *out, json_t *line, struct err *e)
{
	json_t *kind = json_take(line, "kind");
	bool ok = false;

	for (unsigned k = 0; json_is_string(kind) && !ok && k < LINE_KINDS; k++) {
		if (strcmp(shapes[k].kind, json_string_value(kind)) == 0) {
			*out = (enum line_kind)k;
			ok = true;
		}
	}
	if (!ok)
		err_set(e, ERR_DAMAGED, "member \"kind\" is missing or not known");
	json_decref(kind);
	return ok;
}

/* May a line of this kind follow? Lines stand in the order of enum line_kind, but pieces follow each table. */
static bool check_order(const struct reader *r, enum line_kind kind, struct err *e)
{
	bool in_order = kind >= r->last || (kind == LINE_TABLE && r->last == LINE_PIECES);
	bool ok;

	if (r->ended)
		return err_set(e, ERR_DAMAGED, "something follows the last line");
	if (kind == LINE_DATABASE)
		ok = r->lines == 0;
	else if (kind == LINE_PIECES)
		ok = r->last == LINE_TABLE || r->last == LINE_PIECES;
	else
		ok = r->lines > 0 && in_order;
	return ok || err_set(e, ERR_DAMAGED, "a line of kind \"%s\" does not belong here", shapes[kind].kind);
}

static bool check_table(const struct content_table *t, struct err *e)
{
	if (t->table.load_root == NULL && t->table.load_root_oid != 0)
		return err_set(e, ERR_DAMAGED, "member \"load_root_oid\" without \"load_root\"");
	return true;
}

/* A new zeroed record at the end of the kind's list. */
static void *add_record(struct reader *r, enum line_kind kind)
{
	struct any_list *l = list_of(r->c, kind);

	l->items = arena_grow(&r->c->arena, l->items, l->count, &r->caps[kind], shapes[kind].size);
	void *record = (char *)l->items + l->count++ * shapes[kind].size;
	memset(record, 0, shapes[kind].size);
	return record;
}

static bool read_record(struct reader *r, enum line_kind kind, const json_t *line, struct err *e)
{
	struct contents *c = r->c;
	struct content_end end;
	void *record;

	if (kind == LINE_DATABASE)
		record = &c->database;
	else if (kind == LINE_PIECES)
		record = &c->tables[c->table_count - 1];
	else if (kind == LINE_END)
		record = &end;
	else
		record = add_record(r, kind);
	if (!json_read_members(record, shapes[kind].members, shapes[kind].count, line, &c->arena, e))
		return false;
	if (kind == LINE_TABLE)
		return check_table(record, e);
	if (kind == LINE_END && end.lines != r->lines)
		return err_set(e, ERR_DAMAGED, "%" PRIu64 " lines are announced", end.lines);
	r->ended = kind == LINE_END;
	return true;
}

static bool read_line(struct reader *r, struct view text, struct err *e)
{
	enum line_kind kind = LINE_DATABASE;
	json_t *line = NULL;

	if (!json_parse_object(&line, text, e))
		return false;
	bool ok = line_kind_of(&kind, line, e) && check_order(r, kind, e) && read_record(r, kind, line, e);
	json_decref(line);
	r->last = kind;
	r->lines += ok;
	return ok;
}

bool contents_parse(struct contents *out, struct view text, struct err *e)
{
	struct reader r = { .c = out };

	*out = (struct contents){ 0 };
	while (text.len) {
		const uint8_t *newline = memchr(text.data, '\n', text.len);
		size_t len = newline ? (size_t)(newline - text.data) : text.len;

		if (!newline)
			err_set(e, ERR_DAMAGED, "the line is cut");
		if (!newline || !read_line(&r, (struct view){ text.data, len }, e)) {
			contents_release(out);
			return err_wrap(e, "contents: line %" PRIu64, r.lines + 1);
		}
		text.data += len + 1;
		text.len -= len + 1;
	}
	if (!r.ended) {
		contents_release(out);
		return err_set(e, ERR_DAMAGED, "contents: the last line is missing");
	}
	return true;
}

void contents_release(struct contents *c)
{
	for (size_t i = 0; i < c->table_count; i++)
		piece_list_release(&c->tables[i].pieces);
	arena_release(&c->arena);
	*c = (struct contents){ 0 };
}
