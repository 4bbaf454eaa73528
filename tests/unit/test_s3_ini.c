/* tests/unit/test_s3_ini.c - the files of AWS tools, and what is refused without quoting it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "storage/backend/s3_ini.h"

static struct s3_ini *parsed(const char *text)
{
	struct s3_ini *ini = NULL;
	struct err e = ERR_INIT;

	if (!s3_ini_parse(&ini, view_str(text), "x", &e))
		fail_msg("%s", e.msg);
	return ini;
}

static void is(const char *text, const char *section, const char *name, const char *expected)
{
	struct s3_ini *ini = parsed(text);
	const char *value = s3_ini_get(ini, section, name);

	if (expected && value)
		assert_string_equal(value, expected);
	else
		assert_true(!expected && !value);
	s3_ini_free(ini);
}

static void settings_are_found(void **state)
{
	(void)state;
	is("[default]\naws_access_key_id = A\naws_secret_access_key=b/c+d=\n", "default", "aws_secret_access_key",
	        "b/c+d=");
	is("[default]\r\na = A\r\n", "default", "a", "A");
	is("\xef\xbb\xbf[default]\na=A", "default", "a", "A");
	is("[a]\nx=1\n[b]\nx=2\n", "a", "x", "1");
	is("[a]\nx=1\n[b]\nx=2\n", "b", "x", "2");
	is("[a]\nx=1\n[b]\nx=2\n", "c", "x", NULL);
	is("[a]\nx=1\n", "a", "y", NULL);
	is("[a]\nx=\n", "a", "x", "");
	is("[a]\nAWS_Region = X y\n", "a", "aws_region", "X y");
	is("[a]\nx = \t1 \t\n", "a", "x", "1");
}

static void the_last_one_wins(void **state)
{
	(void)state;
	is("[a]\nx=1\nx=2\n", "a", "x", "2");
	is("[a]\nx=1\n[b]\n[a]\nx=3\n", "a", "x", "3");
	is("[a]\nx=1\n[b]\n[a]\ny=3\n", "a", "x", "1");
}

static void comments(void **state)
{
	(void)state;
	is("# x\n; y\n[a] # z\n#x=0\nx=1 # two\n", "a", "x", "1");
	is("[a]\nx=1#2;3\n", "a", "x", "1#2;3");
	is("[a]\nx= # nothing\n", "a", "x", "");
	is("[a]\n  # deep\nx=1\n  ; deep\n\ny=2\n", "a", "y", "2");
}

static void deeper_lines(void **state)
{
	static const char nested[] = "[a]\ns3 =\n  addressing_style = path\n  max = 1\nregion = r\n";
	static const char all_deep[] = "[a]\n  x = 1\n  y = 2\n[b]\n  x = 3\n";

	(void)state;
	is(nested, "a", "s3.addressing_style", "path");
	is(nested, "a", "s3.max", "1");
	is(nested, "a", "addressing_style", NULL);
	is(nested, "a", "region", "r");
	is(all_deep, "a", "y", "2");
	is(all_deep, "b", "x", "3");
	is("[a]\nx = 1\n  2 = 3\ny = 4", "a", "x", "1\n2 = 3");
}

static void names_of_sections(void **state)
{
	(void)state;
	is("[profile x]\na=1\n", "profile x", "a", "1");
	is("[ profile \t x ]\na=1\n", "profile x", "a", "1");
	is("[profile \"x y\"]\na=1\n", "profile x y", "a", "1");
	assert_false(s3_ini_has(NULL, "x"));
	assert_null(s3_ini_get(NULL, "x", "y"));
}

static void refused(const char *complaint, struct view text)
{
	struct s3_ini *ini = NULL;
	struct err e = ERR_INIT;

	assert_false(s3_ini_parse(&ini, text, "the/file", &e));
	assert_string_equal(e.msg, complaint);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_null(ini);
	assert_null(strstr(e.hint, "hush"));
}

static void what_is_malformed_is_named_and_not_shown(void **state)
{
	(void)state;
	refused("the/file:2: not a section, a setting or a comment", view_str("[a]\nhushSecret\n"));
	refused("the/file:2: not a section, a setting or a comment", view_str("[a]\n= hushSecret\n"));
	refused("the/file:3: not a section, a setting or a comment", view_str("[a]\nx =\n  hushSecret\n"));
	refused("the/file:1: a setting before the first section", view_str("x = hushSecret\n"));
	refused("the/file:1: a section's name does not end in ]", view_str("[hush"));
	refused("the/file:1: a section's name does not end in ]", view_str("["));
	refused("the/file:1: a section's name does not end in ]", view_str("[hush] x"));
	refused("the/file:1: a section without a name", view_str("[ ]"));
	refused("the/file holds a NUL byte", (struct view){ (const uint8_t *)"[a]\nx=1\0\n", 9 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_found),
		cmocka_unit_test(the_last_one_wins),
		cmocka_unit_test(comments),
		cmocka_unit_test(deeper_lines),
		cmocka_unit_test(names_of_sections),
		cmocka_unit_test(what_is_malformed_is_named_and_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
