#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/repository/contents.h"

#define PIECES 2500u /* more than stand on one line */

static struct piece piece_of(unsigned n)
{
	struct piece p = { .stored = 1 + n, .offset = n, .length = n };

	hash_sha256(p.chunk.bytes, (struct view){ (const uint8_t *)&n, sizeof(n) });
	return p;
}

static struct pg_sequence sequences[] = {
	{ 20001, "public", "s", "public.s", INT64_MIN, true },
	{ 20002, "public", "t", "public.t", INT64_MAX, false },
};
static struct pg_matview matviews[] = { { 21000, "public", "m", "public.m", true } };
static struct pg_large_object large_objects[] = {
	{ 22000, "app", NULL, NULL, NULL },
	{ 22001, "app", "{app=rw/app}", "it's a\npicture", "SECURITY LABEL ..." },
};
static struct pg_extension extensions[] = { { "postgis", "3.3.2", "public" } };
static const char *settings[] = { "ALTER DATABASE %1$s SET search_path TO 'a', \"b\"" };
static const char *roles[] = { "app", "r\xe9" };
static const char *invalid[] = { "public.broken_idx" };

/* Release with release_sample(). */
static struct contents sample(void)
{
	struct contents c = {
		.database = { .oid = 5,
		        .name = "shop",
		        .owner = "app",
		        .encoding = "UTF8",
		        .collate = "C",
		        .ctype = "C",
		        .locale_provider = "libc",
		        .tablespace = "pg_default",
		        .comment = "the shop",
		        .connection_limit = -1,
		        .allow_connections = true,
		        .settings = { settings, 1 },
		        .system_identifier = "73",
		        .server_version = 150020,
		        .size = 1 << 30,
		        .data_checksums = "off",
		        .preload_libraries = "" },
		.table_count = 3,
		.sequences = { sequences, 2 },
		.matviews = { matviews, 1 },
		.large_objects = { large_objects, 2 },
		.extensions = { extensions, 1 },
		.roles = { roles, 2 },
		.invalid_indexes = { invalid, 1 },
	};

	c.tables = xcalloc(3, sizeof(*c.tables));
	c.tables[0] = (struct content_table){
		.table = { .kind = PG_TABLE_PLAIN,
		        .oid = 16390,
		        .schema = "public",
		        .name = "Or\"ders\n",
		        .qualified = "public.\"Or\"\"ders\n\"",
		        .columns = "(id, \"B\")",
		        .heap = true,
		        .partition = true,
		        .load_root = "public.root",
		        .load_root_oid = 16389,
		        .relfilenode = 16390,
		        .main_pages = 1000,
		        .size = 8192000 },
		.fingerprint = { 42, { 0xfedcba9876543210, 0x0123456789abcdef } },
		.range_pages = 512,
	};
	for (unsigned i = 0; i < PIECES; i++)
		piece_list_add(&c.tables[0].pieces, piece_of(i));
	c.tables[1] = (struct content_table){
		.table = { .kind = PG_TABLE_CONFIG,
		        .oid = 16400,
		        .schema = "public",
		        .name = "spatial_ref_sys",
		        .qualified = "public.spatial_ref_sys",
		        .columns = "",
		        .filter = "WHERE NOT x",
		        .unlogged = true },
		.data = CONTENT_EXCLUDED,
	};
	c.tables[2] = (struct content_table){
		.table = { .kind = PG_TABLE_LARGE_OBJECTS,
		        .schema = "pg_catalog",
		        .name = "pg_largeobject",
		        .qualified = "pg_catalog.pg_largeobject",
		        .columns = "" },
	};
	piece_list_add(&c.tables[2].pieces, piece_of(9));
	return c;
}

static void release_sample(struct contents *c)
{
	for (size_t i = 0; i < c->table_count; i++)
		piece_list_release(&c->tables[i].pieces);
	free(c->tables);
}

static struct buf sample_text(void)
{
	struct contents c = sample();
	struct buf text = BUF_INIT;

	contents_write(&text, &c);
	release_sample(&c);
	return text;
}

static void test_contents_come_back(void **state)
{
	struct buf text = sample_text(), again = BUF_INIT;
	struct err e = ERR_INIT;
	struct contents c;

	(void)state;
	if (!contents_parse(&c, buf_view(&text), &e))
		fail_msg("%s", e.msg);
	assert_int_equal(c.table_count, 3);
	assert_string_equal(c.tables[0].table.qualified, "public.\"Or\"\"ders\n\"");
	assert_int_equal(c.tables[0].pieces.count, PIECES);
	assert_true(c.tables[0].fingerprint.sum.low == 0xfedcba9876543210);
	assert_true(c.tables[0].table.partition && c.tables[0].table.heap && !c.tables[0].table.unlogged);
	for (unsigned i = 0; i < PIECES; i++) {
		struct piece p = piece_of(i);

		assert_memory_equal(&c.tables[0].pieces.items[i], &p, sizeof(p));
	}
	assert_int_equal(c.tables[1].data, CONTENT_EXCLUDED);
	assert_int_equal(c.tables[1].table.kind, PG_TABLE_CONFIG);
	assert_string_equal(c.tables[1].table.filter, "WHERE NOT x");
	assert_null(c.tables[0].table.filter);
	assert_true(c.sequences.items[0].last_value == INT64_MIN && c.sequences.items[1].last_value == INT64_MAX);
	assert_null(c.large_objects.items[0].acl);
	assert_string_equal(c.large_objects.items[1].comment, "it's a\npicture");
	assert_string_equal(c.roles.items[1], "r\xe9");
	assert_string_equal(c.database.settings.items[0], settings[0]);
	assert_null(c.database.acl);
	contents_write(&again, &c);
	assert_true(view_eq(buf_view(&again), buf_view(&text)));
	contents_release(&c);
	buf_release(&text);
	buf_release(&again);
}

static void test_every_cut_is_noticed(void **state)
{
	struct buf text = sample_text();

	(void)state;
	/* All near line ends and a sample of the rest, for the piece lines are long. */
	for (size_t len = 0; len < text.len; len++) {
		struct err e = ERR_INIT;
		struct contents c;

		if (len % 997 != 0 && text.data[len] != '\n' && (len == 0 || text.data[len - 1] != '\n'))
			continue;
		assert_false(contents_parse(&c, (struct view){ text.data, len }, &e));
		assert_int_equal(e.kind, ERR_DAMAGED);
		contents_release(&c);
	}
	buf_release(&text);
}

/* The sample with the first occurrence of a part replaced must be refused. */
static void assert_refused(const char *part, const char *replacement, const char *message)
{
	struct buf text = sample_text(), altered = BUF_INIT;
	const char *at = strstr(buf_str(&text), part);
	struct err e = ERR_INIT;
	struct contents c;

	assert_non_null(at);
	buf_addn(&altered, text.data, (size_t)(at - buf_str(&text)));
	buf_addf(&altered, "%s%s", replacement, at + strlen(part));
	if (contents_parse(&c, buf_view(&altered), &e))
		fail_msg("accepted %s", replacement);
	assert_int_equal(e.kind, ERR_DAMAGED);
	if (!strstr(e.msg, message))
		fail_msg("\"%s\" does not say \"%s\"", e.msg, message);
	assert_memory_equal(e.msg, "contents: ", 10);
	buf_release(&text);
	buf_release(&altered);
}

static void test_hostile_contents_are_refused(void **state)
{
	(void)state;
	assert_refused("{\"kind\":\"database\"", "{\"kind\":\"databose\"", "line 1: member \"kind\"");
	assert_refused("{\"kind\":\"database\"", "{\"kind\":\"role\"", "does not belong here");
	assert_refused("{\"kind\":\"role\"", "{\"kind\":7", "\"kind\"");
	assert_refused("{\"kind\":\"pieces\"", "{\"kind\":\"sequence\"", "missing");
	assert_refused("{\"kind\":\"extension\"", "{\"kind\":\"pieces\"", "does not belong here");
	assert_refused("{\"kind\":\"sequence\"", "{\"kind\":\"database\"", "does not belong here");
	assert_refused("\"table_kind\":\"plain\"", "\"table_kind\":\"fancy\"", "\"table_kind\"");
	assert_refused("\"data\":\"excluded\"", "\"data\":0", "\"data\"");
	assert_refused("\"oid\":16390", "\"oid\":4294967296", "\"oid\"");
	assert_refused("\"rows\":42", "\"rows\":42,\"x\":0", "member \"x\" is not known");
	assert_refused("\"load_root\":\"public.root\"", "\"load_root\":null", "load_root_oid");
	assert_refused("\"fingerprint\":\"0123", "\"fingerprint\":\"012", "\"fingerprint\"");
	assert_refused("\"lines\":", "\"lines\":1", "lines are announced");
	assert_refused("\"is_called\":true", "\"is_called\":1", "\"is_called\"");
	assert_refused("}\n", "}", "contents: line 1: ");
	assert_refused("}\n", "}\n\n", "line 2: ");
}

static void test_nothing_may_follow_the_end(void **state)
{
	struct buf text = sample_text();
	struct err e = ERR_INIT;
	struct contents c;

	(void)state;
	buf_add(&text, "{\"kind\":\"end\",\"lines\":17}\n");
	assert_false(contents_parse(&c, buf_view(&text), &e));
	assert_non_null(strstr(e.msg, "follows the last line"));
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contents_come_back),
		cmocka_unit_test(test_every_cut_is_noticed),
		cmocka_unit_test(test_hostile_contents_are_refused),
		cmocka_unit_test(test_nothing_may_follow_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
