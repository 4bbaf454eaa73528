/* tests/unit/test_repeatable.c - two dumps of the same are the same bytes, and nothing else in them changes */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "src/snapshot/repeatable.h"

static void add_integer(struct buf *b, unsigned value)
{
	const uint8_t bytes[5] = { 0, (uint8_t)value, (uint8_t)(value >> 8), 0, 0 };

	buf_addn(b, bytes, sizeof(bytes));
}

static void make_archive(struct buf *b, unsigned minor, unsigned year, const char *rest)
{
	const uint8_t head[] = { 'P', 'G', 'D', 'M', 'P', 1, (uint8_t)minor, 0, 4, 8, 1 };
	const unsigned time[] = { 59, 30, 12, 31, 11, year, 1 };

	buf_addn(b, head, sizeof(head));
	if (minor < 15)
		add_integer(b, 0xffff);
	else
		buf_add(b, "\1");
	for (size_t i = 0; i < 7; i++)
		add_integer(b, year ? time[i] : i == 3 ? 1 : i == 5 ? 100 : 0);
	buf_add(b, rest);
}

static void only_the_time_of_an_archive_changes(void **state)
{
	(void)state;
	for (unsigned minor = 12; minor <= 16; minor++) {
		struct buf archive = BUF_INIT, expected = BUF_INIT;

		make_archive(&archive, minor, 126, "the rest");
		make_archive(&expected, minor, 0, "the rest");
		repeatable_archive(&archive);
		assert_int_equal(archive.len, expected.len);
		assert_memory_equal(archive.data, expected.data, expected.len);
		buf_release(&archive);
		buf_release(&expected);
	}
}

static void what_is_no_known_archive_stays(void **state)
{
	(void)state;
	for (unsigned odd = 0; odd < 5; odd++) {
		struct buf archive = BUF_INIT, before = BUF_INIT;

		make_archive(&archive, odd == 0 ? 17 : 16, 126, "the rest");
		if (odd == 1)
			archive.data[8] = 8; /* another size of integers */
		if (odd == 2)
			archive.data[10] = 3; /* a tar archive */
		if (odd == 3)
			archive.len = 46; /* cut in its time */
		if (odd == 4)
			archive.len = 3;
		buf_addn(&before, archive.data, archive.len);
		repeatable_archive(&archive);
		assert_memory_equal(archive.data, before.data, before.len);
		buf_release(&archive);
		buf_release(&before);
	}
}

static void becomes(const char *text, const char *expected)
{
	struct buf script = BUF_INIT;

	buf_add(&script, text);
	repeatable_script(&script);
	assert_string_equal(buf_str(&script), expected);
	buf_release(&script);
}

static void only_the_key_of_a_script_goes(void **state)
{
	(void)state;
	becomes("--\n-- roles\n--\n\n\\restrict abc\n\nSET x = 1;\nCREATE ROLE a;\n\n\\unrestrict abc\n\n-- end\n",
	        "--\n-- roles\n--\n\n\nSET x = 1;\nCREATE ROLE a;\n\n\n-- end\n");
	becomes("CREATE ROLE a;\n", "CREATE ROLE a;\n"); /* an older pg_dumpall */
	becomes("", "");
	/* What stands in a comment on a role is not ours to touch. */
	becomes("\\restrict k1\nCOMMENT ON ROLE a IS '\n\\restrict k1\n\\unrestrict k\n\\unrestrict k12\n';\n\\unrestrict k1\n",
	        "COMMENT ON ROLE a IS '\n\\restrict k1\n\\unrestrict k\n\\unrestrict k12\n';\n");
	becomes("SET x = 1;\n\\restrict k\n\\unrestrict k\n", "SET x = 1;\n\\restrict k\n\\unrestrict k\n");
	becomes("-- cut\n\\restrict k", "-- cut\n\\restrict k");
	becomes("-- cut\n\\restrict k\nSET x = 1;\n", "-- cut\nSET x = 1;\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_time_of_an_archive_changes),
		cmocka_unit_test(what_is_no_known_archive_stays),
		cmocka_unit_test(only_the_key_of_a_script_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
