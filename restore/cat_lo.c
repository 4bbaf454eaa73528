/*
 * restore/cat_lo.c - large objects as pg_dump prints them; see cat_internal.h
 *
 * Up to 16 pg_dump defines them one by one before the tables' data and writes all contents in one transaction after it.
 * From 17 on it puts those of equal owner and privileges together, up to a thousand, and defines and fills them after
 * the tables.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "restore/acl_text.h"
#include "restore/cat_internal.h"

#define GROUP_MAX 1000
#define WRITE_HEX (2 * 16384) /* pg_dump writes 16 KiB at a time */

struct group {
	const struct pg_large_object **items; /* by OID */
	size_t count;
	char name[32]; /* "5000..5003", "5004" */
};
struct group_list {
	struct group *items; /* in the order of their names as text */
	size_t count, cap;
};

bool cat_large_objects_first(const struct cat *c)
{
	return c->m->dump_version < 170000;
}

/* --- groups --- */

static int compare_acl(const struct pg_large_object *a, const struct pg_large_object *b)
{
	int order = strcmp(a->owner, b->owner);

	return order ? order : strcmp(a->acl ? a->acl : "", b->acl ? b->acl : "");
}

static int by_acl_and_oid(const void *x, const void *y)
{
	const struct pg_large_object *a = *(const struct pg_large_object *const *)x;
	const struct pg_large_object *b = *(const struct pg_large_object *const *)y;
	int order = compare_acl(a, b);

	return order ? order : a->oid < b->oid ? -1 : a->oid > b->oid;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct group *)a)->name, ((const struct group *)b)->name);
}

static void add_group(struct group_list *out, const struct pg_large_object **items, size_t count, struct arena *a)
{
	struct group *g;

	out->items = arena_grow(a, out->items, out->count, &out->cap, sizeof(*out->items));
	g = &out->items[out->count++];
	*g = (struct group){ .items = items, .count = count };
	if (count > 1)
		snprintf(g->name, sizeof(g->name), "%" PRIu32 "..%" PRIu32, items[0]->oid, items[count - 1]->oid);
	else
		snprintf(g->name, sizeof(g->name), "%" PRIu32, items[0]->oid);
}

static void make_groups(struct group_list *out, const struct cat *c, struct arena *a)
{
	const struct pg_large_object_list *all = &c->contents.large_objects;
	const struct pg_large_object **sorted = arena_alloc(a, (all->count + 1) * sizeof(*sorted));
	size_t most = cat_large_objects_first(c) ? 1 : GROUP_MAX;

	*out = (struct group_list){ 0 };
	for (size_t i = 0; i < all->count; i++)
		sorted[i] = &all->items[i];
	qsort(sorted, all->count, sizeof(*sorted), by_acl_and_oid);
	for (size_t i = 0, n; i < all->count; i += n) {
		for (n = 1; i + n < all->count && n < most && compare_acl(sorted[i], sorted[i + n]) == 0;)
			n++;
		add_group(out, sorted + i, n, a);
	}
	if (out->count > 0)
		qsort(out->items, out->count, sizeof(*out->items), by_name);
}

/* --- definitions --- */

static bool print_comment(struct cat *c, const struct pg_large_object *l, struct arena *a, struct err *e)
{
	const char *tag = arena_printf(a, "LARGE OBJECT %" PRIu32, l->oid);

	if (l->comment && (!cat_header(c, false, tag, "COMMENT", "", l->owner, e) ||
	                          !cat_print(c, e, "COMMENT ON LARGE OBJECT %" PRIu32 " IS %s;\n\n\n", l->oid,
	                                  cat_literal(c, a, l->comment))))
		return false;
	return !l->labels ||
	       (cat_header(c, false, tag, "SECURITY LABEL", "", l->owner, e) && cat_print(c, e, "%s\n\n\n", l->labels));
}

static bool print_alone(struct cat *c, const struct group *g, struct arena *a, struct err *e)
{
	const struct pg_large_object *l = g->items[0];

	return cat_header(c, false, g->name, "BLOB", "", l->owner, e) &&
	       cat_print(c, e, "SELECT pg_catalog.lo_create('%" PRIu32 "');\n\n\n", l->oid) &&
	       cat_print(c, e, "ALTER LARGE OBJECT %" PRIu32 " OWNER TO %s;\n\n", l->oid, cat_ident(a, l->owner));
}

static bool print_together(struct cat *c, const struct group *g, struct arena *a, struct err *e)
{
	bool ok = cat_header(c, false, g->name, "BLOB METADATA", "", g->items[0]->owner, e);

	for (size_t i = 0; i < g->count && ok; i++)
		ok = cat_print(c, e, "SELECT pg_catalog.lo_create('%" PRIu32 "');\n", g->items[i]->oid);
	ok = ok && cat_print(c, e, "\n");
	for (size_t i = 0; i < g->count && ok; i++)
		ok = cat_print(c, e, "ALTER LARGE OBJECT %" PRIu32 " OWNER TO %s;\n", g->items[i]->oid,
		        cat_ident(a, g->items[i]->owner));
	return ok && cat_print(c, e, "\n");
}

bool cat_large_object_definitions(struct cat *c, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct group_list groups;
	bool ok = true;

	make_groups(&groups, c, &a);
	for (size_t i = 0; i < groups.count && ok; i++) {
		const struct group *g = &groups.items[i];

		ok = cat_large_objects_first(c) ? print_alone(c, g, &a, e) : print_together(c, g, &a, e);
		for (size_t j = 0; j < g->count && ok; j++)
			ok = print_comment(c, g->items[j], &a, e);
	}
	arena_release(&a);
	return ok;
}

/* --- contents --- */

/* Where the rows of each large object start; they stand together, by OID. */
struct place {
	uint32_t oid;
	uint32_t piece;
	uint64_t offset; /* in the piece */
};

struct rows {
	struct cat *c;
	const struct content_table *table;
	struct place *places;
	size_t count, cap;
};

/* One row of the pseudo table: OID, offset, bytea in hex, by tabs. */
struct row {
	uint32_t oid;
	uint64_t offset;
	struct view hex;
	size_t len; /* with its newline */
};

static bool number(uint64_t *out, const uint8_t **p, const uint8_t *end, uint64_t most)
{
	const uint8_t *start = *p;
	uint64_t n = 0;

	while (*p < end && **p >= '0' && **p <= '9' && n <= most)
		n = n * 10 + (uint64_t)(*(*p)++ - '0');
	*out = n;
	return *p > start && n <= most && *p < end && *(*p)++ == '\t';
}

static bool parse_row(struct row *out, struct view text, struct err *e)
{
	const uint8_t *p = text.data, *end = memchr(p, '\n', text.len);
	uint64_t oid;

	if (!end || !number(&oid, &p, end, UINT32_MAX) || !number(&out->offset, &p, end, UINT64_MAX / 16) ||
	        end - p < 3 || memcmp(p, "\\\\x", 3) != 0 || (end - p - 3) % 2 != 0)
		return err_set(e, ERR_DAMAGED, "a row of the large objects is not as it must be");
	out->oid = (uint32_t)oid;
	out->hex = (struct view){ p + 3, (size_t)(end - p - 3) };
	out->len = (size_t)(end - text.data) + 1;
	return true;
}

static bool find_places(struct rows *r, struct err *e)
{
	for (size_t i = 0; i < r->table->pieces.count; i++) {
		struct view text;
		struct row row;

		if (!cancel_check(r->c->cancel, e) || !cat_piece(&text, r->c, &r->table->pieces.items[i], e))
			return false;
		for (size_t at = 0; at < text.len; at += row.len) {
			if (!parse_row(&row, (struct view){ text.data + at, text.len - at }, e))
				return false;
			if (r->count > 0 && r->places[r->count - 1].oid >= row.oid) {
				if (r->places[r->count - 1].oid > row.oid)
					return err_set(e, ERR_DAMAGED, "the large objects are not in order");
				continue;
			}
			if (r->count == r->cap) {
				r->cap = r->cap ? r->cap * 2 : 64;
				r->places = xrealloc(r->places, r->cap * sizeof(*r->places));
			}
			r->places[r->count++] = (struct place){ row.oid, (uint32_t)i, at };
		}
	}
	return true;
}

static int by_oid(const void *key, const void *place)
{
	uint32_t oid = *(const uint32_t *)key, other = ((const struct place *)place)->oid;

	return oid < other ? -1 : oid > other;
}

static bool print_hex(struct cat *c, struct view hex, struct err *e)
{
	while (hex.len > 0) {
		size_t n = hex.len < WRITE_HEX ? hex.len : WRITE_HEX;

		if (!cat_print(c, e, "SELECT pg_catalog.lowrite(0, '%s\\x", c->escapes ? "\\" : "") ||
		        !cat_write(c, (struct view){ hex.data, n }, e) || !cat_print(c, e, "');\n"))
			return false;
		hex.data += n;
		hex.len -= n;
	}
	return true;
}

/* From its first row on to the first of another object. */
static bool print_rows(struct rows *r, const struct place *from, struct err *e)
{
	uint64_t position = 0, at = from->offset;

	for (size_t i = from->piece; i < r->table->pieces.count; i++, at = 0) {
		struct view text;
		struct row row;

		if (!cat_piece(&text, r->c, &r->table->pieces.items[i], e))
			return false;
		for (; at < text.len; at += row.len) {
			if (!parse_row(&row, (struct view){ text.data + at, text.len - (size_t)at }, e))
				return false;
			if (row.oid != from->oid)
				return true;
			if (row.offset != position)
				return err_set(
				        e, ERR_DAMAGED, "a part of large object %" PRIu32 " is missing", row.oid);
			if (!print_hex(r->c, row.hex, e))
				return false;
			position += row.hex.len / 2;
			observer_bytes(r->c->obs, row.len);
		}
	}
	return true;
}

static bool print_contents(struct rows *r, const struct pg_large_object *l, struct err *e)
{
	const struct place *from = r->count ? bsearch(&l->oid, r->places, r->count, sizeof(*r->places), by_oid) : NULL;

	return cat_print(r->c, e, "SELECT pg_catalog.lo_open('%" PRIu32 "', 131072);\n", l->oid) &&
	       (!from || print_rows(r, from, e)) && cat_print(r->c, e, "SELECT pg_catalog.lo_close(0);\n\n");
}

static bool print_group(struct rows *r, const struct pg_large_object *const *items, size_t count, const char *name,
        const char *owner, struct err *e)
{
	bool ok = cat_header(r->c, true, name, "BLOBS", "", owner, e) && cat_print(r->c, e, "BEGIN;\n\n");

	for (size_t i = 0; i < count && ok; i++)
		ok = print_contents(r, items[i], e);
	return ok && cat_print(r->c, e, "COMMIT;\n\n");
}

static bool print_all(struct rows *r, struct arena *a, struct err *e)
{
	const struct pg_large_object_list *all = &r->c->contents.large_objects;
	const struct pg_large_object **items = arena_alloc(a, (all->count + 1) * sizeof(*items));
	struct group_list groups;
	bool ok = true;

	if (cat_large_objects_first(r->c)) {
		for (size_t i = 0; i < all->count; i++)
			items[i] = &all->items[i];
		return print_group(r, items, all->count, "BLOBS", "", e);
	}
	make_groups(&groups, r->c, a);
	for (size_t i = 0; i < groups.count && ok; i++) {
		const struct group *g = &groups.items[i];

		ok = print_group(r, g->items, g->count, g->name, g->items[0]->owner, e);
	}
	return ok;
}

bool cat_large_object_data(struct cat *c, struct err *e)
{
	struct rows r = { .c = c };
	struct arena a = ARENA_INIT;
	bool ok = true;

	for (size_t i = 0; i < c->contents.table_count; i++) {
		if (c->contents.tables[i].table.kind == PG_TABLE_LARGE_OBJECTS)
			r.table = &c->contents.tables[i];
	}
	if (r.table && r.table->data == CONTENT_DATA && c->contents.large_objects.count > 0)
		ok = (find_places(&r, e) && print_all(&r, &a, e)) || err_wrap(e, "large objects");
	free(r.places);
	arena_release(&a);
	return ok;
}

/* --- privileges --- */

/* The part of "SELECT,UPDATE" (or "ALL") that these letters mean; granted on or not. "" for nothing. */
static const char *words(const char *letters, bool grantable)
{
	bool read = false, write = false;

	for (const char *p = letters; *p; p++) {
		bool on = p[1] == '*';

		if (*p == 'r' && on == grantable)
			read = true;
		if (*p == 'w' && on == grantable)
			write = true;
	}
	return read && write ? "ALL" : read ? "SELECT" : write ? "UPDATE" : "";
}

static void add_grant(
        struct buf *out, const char *target, const struct acl_text_item *item, bool grantable, struct arena *a)
{
	const char *privileges = words(item->privileges, grantable);

	if (*privileges)
		buf_addf(out, "GRANT %s ON %s TO %s%s;\n", privileges, target,
		        *item->grantee ? cat_ident(a, item->grantee) : "PUBLIC", grantable ? " WITH GRANT OPTION" : "");
}

/* What makes the list out of the one a new object has, owner=rw/owner: pg_dump's statements. */
static bool privilege_statements(
        struct buf *out, const struct pg_large_object *l, const char *target, struct arena *a, struct err *e)
{
	const char *builtin = acl_text_canonical(NULL, l->owner, "rw", "", a);
	bool has_builtin = false;
	struct acl_text acl;

	if (!acl_text_parse(&acl, l->acl, a, e))
		return false;
	for (size_t i = 0; i < acl.count; i++)
		has_builtin = has_builtin || strcmp(acl.items[i].text, builtin) == 0;
	if (!has_builtin)
		buf_addf(out, "REVOKE ALL ON %s FROM %s;\n", target, cat_ident(a, l->owner));
	for (size_t i = 0; i < acl.count; i++) {
		const struct acl_text_item *item = &acl.items[i];
		bool other = *item->grantor && strcmp(item->grantor, l->owner) != 0;

		if (strcmp(item->text, builtin) == 0)
			continue;
		if (other)
			buf_addf(out, "SET SESSION AUTHORIZATION %s;\n", cat_ident(a, item->grantor));
		add_grant(out, target, item, false, a);
		add_grant(out, target, item, true, a);
		if (other)
			buf_add(out, "RESET SESSION AUTHORIZATION;\n");
	}
	return true;
}

/*
 * The statements of a group, all of whose members have the same privileges: each statement for every member before the
 * next statement. Those for one member are made with a target that cannot be part of a name.
 */
static bool print_privileges(struct cat *c, const struct group *g, struct arena *a, struct err *e)
{
	static const char target[] = "\x01";
	const char *name = arena_printf(a, "LARGE OBJECT%s %s", g->count > 1 ? "S" : "", g->name);
	struct buf sql = BUF_INIT;
	char *rest = NULL;
	bool ok = privilege_statements(&sql, g->items[0], target, a, e) &&
	          (sql.len == 0 || cat_header(c, false, name, "ACL", "", g->items[0]->owner, e));
	bool any = sql.len > 0;

	for (char *line = any ? strtok_r((char *)sql.data, "\n", &rest) : NULL; line && ok;
	        line = strtok_r(NULL, "\n", &rest)) {
		char *gap = strchr(line, *target);

		for (size_t i = 0; i < g->count && gap && ok; i++)
			ok = cat_print(c, e, "%.*sLARGE OBJECT %" PRIu32 "%s\n", (int)(gap - line), line,
			        g->items[i]->oid, gap + 1);
		if (!gap)
			ok = cat_print(c, e, "%s\n", line);
	}
	if (ok && any)
		ok = cat_print(c, e, g->count > 1 ? "\n" : "\n\n");
	buf_release(&sql);
	return ok;
}

bool cat_large_object_privileges(struct cat *c, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct group_list groups;
	bool ok = true;

	make_groups(&groups, c, &a);
	for (size_t i = 0; i < groups.count && ok; i++) {
		if (groups.items[i].items[0]->acl)
			ok = print_privileges(c, &groups.items[i], &a, e);
	}
	arena_release(&a);
	return ok;
}
