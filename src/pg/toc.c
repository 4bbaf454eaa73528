/* src/pg/toc.c - see toc.h */
#include "src/pg/toc.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/*
 * An archive is: "PGDMP", version (major, minor, revision), size of an int, size of a file offset, format, compression,
 * time, names, then the count of entries and the entries. An int is a sign byte and its bytes, lowest first; a string
 * is its length as an int (-1 for NULL) and its bytes. Every PostgreSQL that runs writes ints of 4 bytes and offsets
 * of 8.
 */
#define INT_BYTES       4
#define FORMAT_CUSTOM   1
#define FORMAT_TAR      3
#define FORMAT_DIR      5
#define OFFSET_NO_DATA  3
#define MAX_COMPRESSION 3 /* none, gzip, lz4, zstd */
/* dump id, dumper, oids, tag, desc, section, three statements, schema, tablespace, owner, oids flag, end of
 * dependencies */
#define MIN_ENTRY_BYTES (14 * (1 + INT_BYTES))

/* Private parts behind the public struct, which stands first. */
struct toc_index {
	struct toc toc;
	size_t *by_id; /* positions of entries, by dump id */
};

struct reader {
	struct view left;
	struct arena *arena;
	unsigned minor; /* of the archive version 1.x */
	unsigned format, offset_bytes;
	const char *what; /* first thing that was wrong */
};

/* After a failure every read gives zeros, so that a sequence of reads needs one check at its end. */
static void fail(struct reader *r, const char *what)
{
	if (!r->what)
		r->what = what;
	r->left.len = 0;
}

static const uint8_t *take(struct reader *r, size_t n)
{
	const uint8_t *p = r->left.data;

	if (n > r->left.len) {
		fail(r, "it ends too early");
		return NULL;
	}
	r->left = (struct view){ p + n, r->left.len - n };
	return p;
}

static unsigned read_byte(struct reader *r)
{
	const uint8_t *p = take(r, 1);

	return p ? *p : 0;
}

static int read_int(struct reader *r)
{
	const uint8_t *p = take(r, 1 + INT_BYTES);
	uint32_t value;

	if (!p)
		return 0;
	value = (uint32_t)p[1] | (uint32_t)p[2] << 8 | (uint32_t)p[3] << 16 | (uint32_t)p[4] << 24;
	if (p[0] > 1 || value > INT_MAX) {
		fail(r, "a number is out of range");
		return 0;
	}
	return p[0] ? -(int)value : (int)value;
}

/* NULL for an absent string, and after a failure. */
static char *read_string(struct reader *r)
{
	int len = read_int(r);
	const uint8_t *p;

	if (r->what || len < 0)
		return NULL;
	p = take(r, (size_t)len);
	if (!p)
		return NULL;
	if (memchr(p, 0, (size_t)len)) {
		fail(r, "a text holds a NUL byte");
		return NULL;
	}
	return arena_strndup(r->arena, (const char *)p, (size_t)len);
}

static const char *read_text(struct reader *r)
{
	char *text = read_string(r);

	return text ? text : "";
}

/* A number written as decimal text, as catalogue ids and dependencies are. */
static uint32_t read_decimal(struct reader *r, const char *text)
{
	uint64_t value = 0;

	if (!*text)
		fail(r, "a number is missing");
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || (value = value * 10 + (uint64_t)(*text - '0')) > UINT32_MAX) {
			fail(r, "a number is malformed");
			return 0;
		}
	}
	return (uint32_t)value;
}

static bool damaged(const struct reader *r, struct err *e)
{
	return err_set(e, ERR_DAMAGED, "the schema archive cannot be read: %s", r->what);
}

/* --- header --- */

static bool read_version(struct reader *r, struct toc *t, struct err *e)
{
	const uint8_t *magic = take(r, 5);

	if (!magic || memcmp(magic, "PGDMP", 5))
		return err_set(e, ERR_DAMAGED, "the schema archive cannot be read: it is not a pg_dump archive");
	t->version_major = read_byte(r);
	t->version_minor = r->minor = read_byte(r);
	read_byte(r); /* revision */
	if (!r->what && (t->version_major != 1 || r->minor < 12 || r->minor > 16)) {
		err_set(e, ERR_FAILED, "archive version %u.%u of pg_dump is not known", t->version_major, r->minor);
		return err_hint(e, "known are 1.12 to 1.16 (PostgreSQL 9.0 to 18); use a pg_dump of one of these");
	}
	return !r->what || damaged(r, e);
}

static void read_compression(struct reader *r)
{
	if (r->minor < 15)
		read_int(r);
	else if (read_byte(r) > MAX_COMPRESSION)
		fail(r, "unknown compression");
}

static void read_header(struct reader *r, struct toc *t)
{
	if (read_byte(r) != INT_BYTES)
		fail(r, "its numbers have an unknown size");
	r->offset_bytes = read_byte(r);
	if (r->offset_bytes != 4 && r->offset_bytes != 8)
		fail(r, "its offsets have an unknown size");
	r->format = read_byte(r);
	if (r->format != FORMAT_CUSTOM && r->format != FORMAT_TAR && r->format != FORMAT_DIR)
		fail(r, "its format is unknown");
	read_compression(r);
	for (int i = 0; i < 7; i++) /* second, minute, hour, day, month, year, daylight saving */
		read_int(r);
	t->dbname = read_text(r);
	t->server_version = read_text(r);
	t->dump_version = read_text(r);
}

/* --- entries --- */

static void read_deps(struct reader *r, struct toc_entry *entry)
{
	size_t cap = 0;
	int *deps = NULL;
	const char *text;

	while ((text = read_string(r))) {
		uint32_t id = read_decimal(r, text);

		if (id == 0 || id > INT_MAX)
			fail(r, "a dependency is out of range");
		deps = arena_grow(r->arena, deps, entry->ndeps, &cap, sizeof(*deps));
		deps[entry->ndeps++] = (int)id;
	}
	entry->deps = deps;
}

/* Tar and directory archives name a file here, "" when there is no data. */
static bool read_has_data(struct reader *r)
{
	bool has_data;

	if (r->format != FORMAT_CUSTOM)
		return *read_text(r) != '\0';
	has_data = read_byte(r) != OFFSET_NO_DATA;
	take(r, r->offset_bytes);
	return has_data;
}

static void read_entry(struct reader *r, struct toc_entry *entry)
{
	int section, relkind;

	entry->dump_id = read_int(r);
	if (entry->dump_id <= 0)
		fail(r, "an entry has no id");
	read_int(r); /* whether a function writes its data */
	entry->catalog_oid = read_decimal(r, read_text(r));
	entry->oid = read_decimal(r, read_text(r));
	entry->tag = read_text(r);
	entry->desc = read_text(r);
	section = read_int(r);
	if (section < TOC_NONE || section > TOC_POST_DATA)
		fail(r, "an entry has an unknown section");
	entry->section = (enum toc_section)section;
	entry->defn = read_text(r);
	entry->drop = read_text(r);
	entry->copy = read_text(r);
	entry->schema = read_text(r);
	entry->tablespace = read_text(r);
	entry->table_am = r->minor >= 14 ? read_text(r) : "";
	relkind = r->minor >= 16 ? read_int(r) : 0;
	if (relkind < 0 || relkind > CHAR_MAX)
		fail(r, "an entry has an unknown kind of relation");
	entry->relkind = (char)relkind;
	entry->owner = read_text(r);
	read_text(r); /* "true" for WITH OIDS, which no supported server has */
	read_deps(r, entry);
	entry->has_data = read_has_data(r);
}

static void read_entries(struct reader *r, struct toc *t)
{
	int count = read_int(r);

	if (count < 0 || (size_t)count > r->left.len / MIN_ENTRY_BYTES) {
		fail(r, "it cannot hold as many entries as it says");
		return;
	}
	t->entries = arena_alloc(r->arena, ((size_t)count + 1) * sizeof(*t->entries));
	while (!r->what && t->count < (size_t)count)
		read_entry(r, &t->entries[t->count++]);
}

/* --- finding by id --- */

static int compare_ids(const void *a, const void *b, void *cookie)
{
	const struct toc_entry *entries = cookie;
	int x = entries[*(const size_t *)a].dump_id, y = entries[*(const size_t *)b].dump_id;

	return (x > y) - (x < y);
}

static void build_index(struct reader *r, struct toc_index *index)
{
	struct toc *t = &index->toc;

	index->by_id = arena_alloc(&t->arena, (t->count + 1) * sizeof(*index->by_id));
	for (size_t i = 0; i < t->count; i++)
		index->by_id[i] = i;
	qsort_r(index->by_id, t->count, sizeof(*index->by_id), compare_ids, t->entries);
	for (size_t i = 1; i < t->count; i++)
		if (t->entries[index->by_id[i - 1]].dump_id == t->entries[index->by_id[i]].dump_id)
			fail(r, "two entries have the same id");
}

const struct toc_entry *toc_find(const struct toc *t, int dump_id)
{
	const struct toc_index *index = (const struct toc_index *)t;
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct toc_entry *entry = &t->entries[index->by_id[middle]];

		if (entry->dump_id == dump_id)
			return entry;
		if (entry->dump_id < dump_id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool toc_parse(struct toc **out, struct view archive, struct err *e)
{
	struct toc_index *index = xcalloc(1, sizeof(*index));
	struct reader r = { .left = archive, .arena = &index->toc.arena };

	if (!read_version(&r, &index->toc, e))
		goto fail;
	read_header(&r, &index->toc);
	read_entries(&r, &index->toc);
	if (!r.what)
		build_index(&r, index);
	if (r.what) {
		damaged(&r, e);
		goto fail;
	}
	*out = &index->toc;
	return true;
fail:
	toc_free(&index->toc);
	return false;
}

void toc_free(struct toc *t)
{
	if (!t)
		return;
	arena_release(&t->arena);
	free(t); /* struct toc stands first in struct toc_index */
}
