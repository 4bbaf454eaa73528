/* tests/unit/test_restore_text.c - the small parsers and guesses of a restore: psql's errors, names, packages, memory
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "restore/preflight.h"
#include "restore/schema.h"
#include "restore/server_memory.h"
#include "restore/target.h"

static void psql_errors_are_understood(void **state)
{
	struct schema_error e;

	(void)state;
	assert_true(
	        schema_parse_error(&e, view_str("psql:/dev/fd/5:12: ERROR:  42P01: relation \"x\" does not exist")));
	assert_int_equal(e.line, 12);
	assert_string_equal(e.sqlstate, "42P01");
	assert_true(view_eq(e.message, view_str("relation \"x\" does not exist")));
	/* in the server's language */
	assert_true(schema_parse_error(&e, view_str("psql:/dev/fd/5:7: FEHLER:  23505: doppelt: ja")));
	assert_true(view_eq(e.message, view_str("doppelt: ja")));
	assert_true(schema_parse_error(&e, view_str("psql:/dev/fd/5:3: error: invalid command \\foo")));
	assert_string_equal(e.sqlstate, "");
	assert_true(view_eq(e.message, view_str("invalid command \\foo")));
}

static void other_lines_of_psql_are_not_errors(void **state)
{
	static const char *const lines[] = { "", "psql:", "psql:x", "psql:/dev/fd/5:", "psql:/dev/fd/5:12",
		"psql:/dev/fd/5:12:", "psql:/dev/fd/5:12: ", "psql:/dev/fd/5:12: NOTICE:  00000: hello",
		"psql:/dev/fd/5:12: WARNING:  01000: careful", "psql:/dev/fd/5:x: ERROR:  42P01: y",
		"LINE 1: ERROR:  42P01: y", "psql:/dev/fd/5:12: ERROR:  42P01", "DETAIL:  x",
		"psql:/dev/fd/5:99999999999999999999999: ERROR:  42P01: y" };
	struct schema_error e;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(schema_parse_error(&e, view_str(lines[i])));
}

static void a_line_belongs_to_the_entry_above_it(void **state)
{
	static const char script[] =
	        "SET a;\n--\n-- Name: orders; Type: TABLE; Schema: public; Owner: bob\n--\n\nCREATE TABLE\n();\n"
	        "-- Name: pub; Type: PUBLICATION; Schema: -; Owner: bob\nCREATE\n";
	struct buf label = BUF_INIT;

	(void)state;
	schema_label(&label, view_str(script), 1);
	assert_string_equal(buf_str(&label), "statement");
	buf_clear(&label);
	schema_label(&label, view_str(script), 7);
	assert_string_equal(buf_str(&label), "TABLE public.orders");
	buf_clear(&label);
	schema_label(&label, view_str(script), 900);
	assert_string_equal(buf_str(&label), "PUBLICATION pub");
	buf_release(&label);
}

static void working_names_fit(void **state)
{
	static const char id[] = "20260501-120000-k3f9xq";
	char name[64], longest[64];

	(void)state;
	target_working_name(name, "shop", id);
	assert_string_equal(name, "shop__restoring_20260501-120000-k3f9xq");
	memset(longest, 'x', 63);
	longest[63] = '\0';
	longest[29] = '\0';
	target_working_name(name, longest, id);
	assert_int_equal(strlen(name), 63);
	longest[29] = 'x';
	longest[30] = '\0';
	target_working_name(name, longest, id);
	assert_string_equal(name, "drtool_restoring_20260501-120000-k3f9xq");
}

static void packages_are_guessed(void **state)
{
	static const char *const expected[][2] = { { "postgis", "postgresql-15-postgis-3" },
		{ "hstore", "postgresql-15 (postgresql-contrib)" }, { "vector", "postgresql-15-pgvector" },
		{ "plpython3u", "postgresql-plpython3-15" }, { "plperlu", "postgresql-plperl-15" },
		{ "pltcl", "postgresql-pltcl-15" }, { "never_heard_of", "postgresql-15-never-heard-of" } };

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		char *got = preflight_package(expected[i][0], 150020);

		assert_string_equal(got, expected[i][1]);
		free(got);
	}
}

static void memory_is_read(void **state)
{
	struct conninfo *c = conninfo_new();

	(void)state;
	assert_int_equal(server_memory_available("MemTotal: 5 kB\nMemAvailable:    2048 kB\nx"), 2048 * 1024);
	assert_int_equal(server_memory_available("MemTotal: 5 kB\n"), 0);
	conninfo_set(c, "host", "db.example.org");
	assert_int_equal(server_memory_for_sort(c, 2), (uint64_t)256 << 20);
	conninfo_set(c, "host", "/tmp");
	assert_in_range(server_memory_for_sort(c, 2), (uint64_t)64 << 20, (uint64_t)1 << 30);
	conninfo_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(psql_errors_are_understood),
		cmocka_unit_test(other_lines_of_psql_are_not_errors),
		cmocka_unit_test(a_line_belongs_to_the_entry_above_it),
		cmocka_unit_test(working_names_fit),
		cmocka_unit_test(packages_are_guessed),
		cmocka_unit_test(memory_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
