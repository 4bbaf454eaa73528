/* tests/unit/test_toc.c - tables of contents of every archive version, and hostile ones */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/child.h"
#include "src/pg/session.h"
#include "src/pg/toc.h"
#include "src/pg/tools.h"

enum { CUSTOM = 1, TAR = 3 };

/* --- a small writer of archives --- */

static void put_byte(struct buf *b, int value)
{
	uint8_t byte = (uint8_t)value;

	buf_addn(b, &byte, 1);
}

static void put_int(struct buf *b, int value)
{
	unsigned left = value < 0 ? (unsigned)-value : (unsigned)value;

	put_byte(b, value < 0);
	for (int i = 0; i < 4; i++, left >>= 8)
		put_byte(b, (int)(left & 0xff));
}

static void put_string(struct buf *b, const char *text)
{
	put_int(b, text ? (int)strlen(text) : -1);
	buf_add(b, text ? text : "");
}

static void put_header(struct buf *b, int minor, int format)
{
	buf_add(b, "PGDMP");
	put_byte(b, 1);
	put_byte(b, minor);
	put_byte(b, 0);
	put_byte(b, 4);
	put_byte(b, 8);
	put_byte(b, format);
	if (minor >= 15)
		put_byte(b, 1);
	else
		put_int(b, -1);
	for (int i = 0; i < 7; i++)
		put_int(b, i * 100);
	put_string(b, "shop");
	put_string(b, "15.20");
	put_string(b, "17.3");
}

struct entry {
	int id;
	const char *catalog, *oid, *tag, *desc;
	int section;
	const char *defn, *schema, *am;
	int relkind;
	const char *owner;
	const char *deps[4];
	bool has_data;
};

static void put_entry(struct buf *b, int minor, int format, const struct entry *t)
{
	put_int(b, t->id);
	put_int(b, t->has_data);
	put_string(b, t->catalog);
	put_string(b, t->oid);
	put_string(b, t->tag);
	put_string(b, t->desc);
	put_int(b, t->section);
	put_string(b, t->defn);
	put_string(b, "DROP it");
	put_string(b, t->has_data ? "COPY it" : NULL);
	put_string(b, t->schema);
	put_string(b, "");
	if (minor >= 14)
		put_string(b, t->am);
	if (minor >= 16)
		put_int(b, t->relkind);
	put_string(b, t->owner);
	put_string(b, "false");
	for (size_t i = 0; t->deps[i]; i++)
		put_string(b, t->deps[i]);
	put_string(b, NULL);
	if (format == CUSTOM) {
		put_byte(b, t->has_data ? 2 : 3);
		for (int i = 0; i < 8; i++)
			put_byte(b, i);
	} else {
		put_string(b, t->has_data ? "7.dat" : "");
	}
}

static const struct entry ENTRIES[] = {
	{ 9, "0", "0", "ENCODING", "ENCODING", 2, "SET client_encoding = 'UTF8';\n", NULL, NULL, 0, NULL, { NULL },
	        false },
	{ 4, "1259", "4294967295", "or\"ders", "TABLE", 2, "CREATE TABLE ...", "public", "heap", 'r', "joe",
	        { "9", NULL }, false },
	{ 7, "0", "16001", "or\"ders", "TABLE DATA", 3, NULL, "public", NULL, 0, "joe", { "4", "9", "123456", NULL },
	        true },
	{ 8, "2606", "16002", "pk", "CONSTRAINT", 4, "ALTER TABLE ...", "public", NULL, 0, "joe", { "4", "4", NULL },
	        false },
};
#define COUNT (sizeof(ENTRIES) / sizeof(*ENTRIES))

static void put_archive(struct buf *b, int minor, int format)
{
	put_header(b, minor, format);
	put_int(b, (int)COUNT);
	for (size_t i = 0; i < COUNT; i++)
		put_entry(b, minor, format, &ENTRIES[i]);
}

/* --- good ones --- */

static void is_as_written(const struct toc *t, int minor)
{
	const struct toc_entry *table = toc_find(t, 4), *data = toc_find(t, 7);

	assert_int_equal(t->version_major, 1);
	assert_int_equal(t->version_minor, minor);
	assert_string_equal(t->dbname, "shop");
	assert_string_equal(t->server_version, "15.20");
	assert_string_equal(t->dump_version, "17.3");
	assert_int_equal(t->count, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		assert_int_equal(t->entries[i].dump_id, ENTRIES[i].id);
		assert_string_equal(t->entries[i].desc, ENTRIES[i].desc);
		assert_int_equal(t->entries[i].section, ENTRIES[i].section);
		assert_int_equal(t->entries[i].has_data, ENTRIES[i].has_data);
		assert_string_equal(t->entries[i].drop, "DROP it");
		assert_ptr_equal(toc_find(t, ENTRIES[i].id), &t->entries[i]);
	}
	assert_null(toc_find(t, 5));
	assert_null(toc_find(t, 0));
	assert_int_equal(table->catalog_oid, 1259);
	assert_true(table->oid == 4294967295u);
	assert_string_equal(table->tag, "or\"ders");
	assert_string_equal(table->schema, "public");
	assert_string_equal(table->owner, "joe");
	assert_string_equal(table->defn, "CREATE TABLE ...");
	assert_string_equal(table->table_am, minor >= 14 ? "heap" : "");
	assert_int_equal(table->relkind, minor >= 16 ? 'r' : 0);
	assert_string_equal(table->copy, "");
	assert_string_equal(data->copy, "COPY it");
	assert_int_equal(data->ndeps, 3);
	assert_int_equal(data->deps[2], 123456);
	assert_int_equal(t->entries[0].ndeps, 0);
	assert_string_equal(t->entries[0].schema, "");
	assert_string_equal(t->entries[0].owner, "");
}

static void every_version(void **state)
{
	(void)state;
	for (int minor = 12; minor <= 16; minor++) {
		for (int format = CUSTOM; format <= TAR; format += TAR - CUSTOM) {
			struct buf b = BUF_INIT;
			struct err e = ERR_INIT;
			struct toc *t;

			put_archive(&b, minor, format);
			buf_add(&b, "data blocks follow");
			if (!toc_parse(&t, buf_view(&b), &e))
				fail_msg("1.%d: %s", minor, e.msg);
			is_as_written(t, minor);
			toc_free(t);
			buf_release(&b);
		}
	}
	toc_free(NULL);
}

static void many_entries(void **state)
{
	const int count = 50000;
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct toc *t;

	(void)state;
	put_header(&b, 14, CUSTOM);
	put_int(&b, count);
	for (int i = 0; i < count; i++) {
		struct entry one = ENTRIES[1];

		one.id = count - i;
		put_entry(&b, 14, CUSTOM, &one);
	}
	assert_true(toc_parse(&t, buf_view(&b), &e));
	for (int i = 1; i <= count; i++)
		assert_int_equal(toc_find(t, i)->dump_id, i);
	assert_null(toc_find(t, count + 1));
	toc_free(t);
	buf_release(&b);
}

/* --- hostile ones --- */

static void is_refused(struct view archive, enum err_kind kind, const char *word)
{
	struct err e = ERR_INIT;
	struct toc *t;

	if (toc_parse(&t, archive, &e)) {
		toc_free(t);
		fail_msg("accepted where \"%s\" is expected", word);
	}
	assert_int_equal(e.kind, kind);
	if (!strstr(e.msg, word))
		fail_msg("\"%s\" is not in \"%s\"", word, e.msg);
}

/* Each prefix stands in memory of its own, so that a sanitizer sees a read past its end. */
static void every_truncation_is_refused(void **state)
{
	(void)state;
	for (int minor = 12; minor <= 16; minor++) {
		struct buf b = BUF_INIT;

		put_archive(&b, minor, CUSTOM);
		for (size_t len = 0; len < b.len; len++) {
			uint8_t *part = xmalloc(len ? len : 1);

			memcpy(part, b.data, len);
			is_refused((struct view){ part, len }, ERR_DAMAGED, "cannot be read");
			free(part);
		}
		buf_release(&b);
	}
}

static void no_flipped_bit_does_harm(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	put_archive(&b, 16, CUSTOM);
	for (size_t i = 0; i < b.len * 8; i++) {
		struct err e = ERR_INIT;
		struct toc *t;

		b.data[i / 8] ^= (uint8_t)(1 << i % 8);
		if (toc_parse(&t, buf_view(&b), &e))
			toc_free(t);
		else
			assert_true(e.kind == ERR_DAMAGED || e.kind == ERR_FAILED);
		b.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	buf_release(&b);
}

static void changed(size_t at, int value, enum err_kind kind, const char *word)
{
	struct buf b = BUF_INIT;

	put_archive(&b, 14, CUSTOM);
	b.data[at] = (uint8_t)value;
	is_refused(buf_view(&b), kind, word);
	buf_release(&b);
}

static void one_entry(struct entry t, const char *word)
{
	struct buf b = BUF_INIT;

	put_header(&b, 14, CUSTOM);
	put_int(&b, 2);
	put_entry(&b, 14, CUSTOM, &ENTRIES[0]);
	put_entry(&b, 14, CUSTOM, &t);
	is_refused(buf_view(&b), ERR_DAMAGED, word);
	buf_release(&b);
}

static void lies(void **state)
{
	static const int counts[] = { -1, INT_MAX, 5, 1000000 };
	struct entry t = ENTRIES[1];

	(void)state;
	changed(0, 'X', ERR_DAMAGED, "not a pg_dump archive");
	changed(5, 2, ERR_FAILED, "2.14");
	changed(6, 11, ERR_FAILED, "1.11");
	changed(6, 17, ERR_FAILED, "1.17");
	changed(8, 8, ERR_DAMAGED, "numbers");
	changed(9, 0, ERR_DAMAGED, "offsets");
	changed(10, 2, ERR_DAMAGED, "format");
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		struct buf b = BUF_INIT;

		put_header(&b, 14, CUSTOM);
		put_int(&b, counts[i]);
		put_entry(&b, 14, CUSTOM, &ENTRIES[0]);
		is_refused(buf_view(&b), ERR_DAMAGED, "as many entries");
		buf_release(&b);
	}
	t.id = 0;
	one_entry(t, "no id");
	t.id = 9;
	one_entry(t, "the same id");
	t = ENTRIES[1];
	t.section = 5;
	one_entry(t, "section");
	t.section = 0;
	one_entry(t, "section");
	t = ENTRIES[1];
	t.oid = "4294967296";
	one_entry(t, "malformed");
	t.oid = "-1";
	one_entry(t, "malformed");
	t.oid = NULL;
	one_entry(t, "missing");
	t = ENTRIES[1];
	t.deps[0] = "0";
	one_entry(t, "dependency");
	t.deps[0] = "1x";
	one_entry(t, "malformed");
}

/* --- what pg_dump writes and pg_restore -l reads --- */

static void run_tool(struct buf *out, const char *const *argv, const char *const *env)
{
	struct child_spec spec = { .argv = argv, .env = env, .want_stdout = true };
	struct err e = ERR_INIT;

	if (!child_capture(out, &spec, NULL, &e))
		fail_msg("%s", e.msg);
}

/* pg_restore -l leaves these out, as it would not restore them. */
static bool is_listed(const struct toc_entry *t)
{
	return strcmp(t->desc, "ENCODING") && strcmp(t->desc, "STDSTRINGS") && strcmp(t->desc, "SEARCHPATH") &&
	       strcmp(t->desc, "DATABASE");
}

static void expected_list(struct buf *out, const struct toc *t)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct toc_entry *x = &t->entries[i];

		if (is_listed(x))
			buf_addf(out, "%d; %u %u %s %s %s %s\n", x->dump_id, x->catalog_oid, x->oid, x->desc,
			        *x->schema ? x->schema : "-", x->tag, x->owner);
	}
}

/* Without the header lines, which start with ";". */
static void without_comments(struct buf *out, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		n += text[n] == '\n';
		if (*text != ';')
			buf_addn(out, text, n);
		text += n;
	}
}

static void agrees_with_pg_restore(const struct pg_tools *tools, const struct conninfo *c)
{
	char path[] = "/tmp/drtool-test-XXXXXX";
	const char *list[] = { tools->pg_restore, "-l", path, NULL };
	struct buf archive = BUF_INIT, listed = BUF_INIT, got = BUF_INIT, expected = BUF_INIT;
	struct conninfo_child child;
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct toc *t;
	int fd = mkstemp(path);

	conninfo_for_child(&child, c, 0, &a);
	run_tool(&archive, (const char *[]){ tools->pg_dump, "-Fc", "-d", child.dbname, NULL }, child.env);
	assert_int_equal(write(fd, archive.data, archive.len), (ssize_t)archive.len);
	close(fd);
	run_tool(&listed, list, NULL);
	unlink(path);
	if (!toc_parse(&t, buf_view(&archive), &e))
		fail_msg("%s", e.msg);
	without_comments(&expected, buf_str(&listed));
	expected_list(&got, t);
	assert_string_equal(buf_str(&got), buf_str(&expected));
	toc_free(t);
	buf_release(&archive);
	buf_release(&listed);
	buf_release(&got);
	buf_release(&expected);
	arena_release(&a);
}

static const char FILL[] =
        "CREATE SCHEMA toc_test; SET search_path = toc_test; CREATE TABLE \"T x\" (id serial PRIMARY KEY, v text);"
        "CREATE VIEW v AS TABLE \"T x\"; CREATE MATERIALIZED VIEW mv AS TABLE v; CREATE TABLE p (d date) PARTITION BY "
        "RANGE (d);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2027-01-01'); CREATE INDEX ON p (d);"
        "CREATE FUNCTION f(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMENT ON TABLE p IS 'two\nlines';"
        "GRANT SELECT ON p TO public; SELECT lo_create(4711); CREATE STATISTICS st ON id, v FROM \"T x\"";

static void fill(const struct conninfo *c)
{
	struct err e = ERR_INIT;
	struct pg_session *s;

	assert_true(pg_session_open(&s, c, PG_SESSION_PLAIN, NULL, NULL, &e));
	if (!pg_exec(s, FILL, &e))
		fail_msg("%s", e.msg);
	pg_session_close(s);
}

static void real_archives(void **state)
{
	const char *server = getenv("DRTOOL_TEST_SERVER");
	struct pg_tools_list tools = { 0 };
	struct buf dropped = BUF_INIT;
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct pg_session *s;
	struct conninfo *c;
	size_t tried = 0;
	bool pooler;

	(void)state;
	if (!server) {
		print_message("skipped: DRTOOL_TEST_SERVER names no server to dump from\n");
		skip();
	}
	assert_true(conninfo_parse(&c, server, &dropped, &pooler, &e));
	assert_true(pg_session_open(&s, c, PG_SESSION_PLAIN, NULL, NULL, &e));
	assert_true(pg_exec(s, "DROP DATABASE IF EXISTS toc_test", &e) && pg_exec(s, "CREATE DATABASE toc_test", &e));
	conninfo_set(c, "dbname", "toc_test");
	fill(c);
	assert_true(pg_tools_list(&tools, getenv("DRTOOL_PG_BIN"), &a, NULL, &e));
	for (size_t i = 0; i < tools.count; i++) {
		if (!tools.items[i].pg_dump || !tools.items[i].pg_restore ||
		        tools.items[i].version < pg_session_version(s))
			continue;
		agrees_with_pg_restore(&tools.items[i], c);
		tried++;
	}
	print_message("compared the lists of %zu versions of pg_dump\n", tried);
	assert_true(tried > 0);
	assert_true(pg_exec(s, "DROP DATABASE toc_test", &e));
	pg_session_close(s);
	conninfo_free(c);
	buf_release(&dropped);
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version),
		cmocka_unit_test(many_entries),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(no_flipped_bit_does_harm),
		cmocka_unit_test(lies),
		cmocka_unit_test(real_archives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
