/* tests/unit/test_render_filter.c - what is taken out of a rendered script, and what must stay byte for byte */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "restore/render.h"

static char *filtered(const char *script, int server_version)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	assert_true(render_filter(&out, view_str(script), server_version, &e));
	return buf_detach(&out);
}

static void expect(const char *script, int server_version, const char *wanted)
{
	char *got = filtered(script, server_version);

	assert_string_equal(got, wanted);
	free(got);
}

static void expect_same(const char *script)
{
	expect(script, 150020, script);
}

static void newer_settings_go_for_older_servers(void **state)
{
	(void)state;
	expect("SET lock_timeout = 0;\nSET transaction_timeout = 0;\nSET row_security = off;\n", 150020,
	        "SET lock_timeout = 0;\nSET row_security = off;\n");
	expect("SET transaction_timeout = 0;", 160004, "");
	expect("SET transaction_timeout = 0;\n", 170000, "SET transaction_timeout = 0;\n");
	expect("set  transaction_timeout=0 ;\nSELECT 1;\n", 150020, "SELECT 1;\n");
	expect_same("SET transaction_timeout_other = 0;\n");
}

static void hidden_attribute_versions_go(void **state)
{
	(void)state;
	expect("ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=12);\nSELECT 1;\n", 180006, "SELECT 1;\n");
	expect("ALTER FOREIGN TABLE ONLY public.t ALTER COLUMN a SET (pg_attver='12');\n", 180006, "");
	expect("ALTER TABLE ONLY \"a \"\"b\n;\".\"t;\" ALTER COLUMN \"c(;\" SET (pg_attver=1, n_distinct=-0.5);\n",
	        170000, "ALTER TABLE ONLY \"a \"\"b\n;\".\"t;\" ALTER COLUMN \"c(;\" SET (n_distinct=-0.5);\n");
	expect("ALTER TABLE t ALTER COLUMN a SET (n_distinct=5, pg_attver=1, n_distinct_inherited=6);", 170000,
	        "ALTER TABLE t ALTER COLUMN a SET (n_distinct=5, n_distinct_inherited=6);");
	expect_same("ALTER TABLE ONLY public.t ALTER COLUMN a SET (n_distinct=-0.5);\n");
	expect_same("ALTER TABLE ONLY public.t ALTER COLUMN pg_attver SET STATISTICS 5;\n");
	expect_same("ALTER TABLE ONLY public.t SET (pg_attver=1);\n");
}

static void quoted_text_is_not_looked_at(void **state)
{
	(void)state;
	expect_same("COMMENT ON TABLE t IS 'x;\nSET transaction_timeout = 0;\n';\n");
	expect_same("SELECT E'it\\'s;\nSET transaction_timeout = 0;';\n");
	expect_same("COMMENT ON TABLE \"x;\nSET transaction_timeout = 0;\n\" IS 'y';\n");
	expect_same("CREATE FUNCTION f() AS $$\nSET transaction_timeout = 0;\n$$ LANGUAGE sql;\n");
	expect_same("CREATE FUNCTION f() AS $_$\n$$;\nSET transaction_timeout = 0;\n$_$ LANGUAGE sql;\n");
	expect_same("-- SET transaction_timeout = 0;\nSELECT 1;\n");
	expect_same("/* ; /* nested ; */\nSET transaction_timeout = 0;\n*/ SELECT 1;\n");
	expect_same("\\restrict SET transaction_timeout = 0;\n");
}

static void what_looks_like_a_dollar_quote_is_none(void **state)
{
	(void)state;
	expect("SELECT a$b$ FROM t;\nSET transaction_timeout = 0;\nSELECT c$b$;\n", 150020,
	        "SELECT a$b$ FROM t;\nSELECT c$b$;\n");
	expect("SELECT $1;\nSET transaction_timeout = 0;\nSELECT $1$;\n", 150020, "SELECT $1;\nSELECT $1$;\n");
	/* In a plain literal a backslash is a backslash. */
	expect("SELECT 'x\\';\nSET transaction_timeout = 0;\n", 150020, "SELECT 'x\\';\n");
}

static void cut_scripts_end_quietly(void **state)
{
	static const char whole[] =
	        "SET transaction_timeout = 0;\n/* x */ ALTER TABLE ONLY a.\"b\"\"\" ALTER COLUMN c SET (pg_attver=1, "
	        "n_distinct=$q$ ; $q$, z=E'\\''); -- end\n\\unrestrict x\n";

	(void)state;
	for (size_t n = 0; n <= strlen(whole); n++) {
		struct buf out = BUF_INIT;
		struct err e = ERR_INIT;
		char *copy = xmalloc(n + 1);

		memcpy(copy, whole, n);
		assert_true(render_filter(&out, (struct view){ (const uint8_t *)copy, n }, 150020, &e));
		assert_true(out.len <= n + 2);
		buf_release(&out);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newer_settings_go_for_older_servers),
		cmocka_unit_test(hidden_attribute_versions_go),
		cmocka_unit_test(quoted_text_is_not_looked_at),
		cmocka_unit_test(what_looks_like_a_dollar_quote_is_none),
		cmocka_unit_test(cut_scripts_end_quietly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
