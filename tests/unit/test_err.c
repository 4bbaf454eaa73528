/* tests/unit/test_err.c - messages, hints, truncation and exit statuses */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/err.h"

static void set_replaces_everything(void **state)
{
	struct err e = { .kind = ERR_USAGE, .sys = 5, .msg = "old", .hint = "old hint" };

	(void)state;
	assert_false(err_set(&e, ERR_REFUSED, "table \"%s\" has %d rows", "t", 3));
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_int_equal(e.sys, 0);
	assert_string_equal(e.msg, "table \"t\" has 3 rows");
	assert_string_equal(e.hint, "");
}

static void own_message_may_be_an_argument(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_FAILED, "inner");
	err_set(&e, ERR_FAILED, "[%s] [%s]", e.msg, e.msg);
	assert_string_equal(e.msg, "[inner] [inner]");
}

static void sys_appends_the_reason(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_false(err_sys(&e, ENOENT, "open \"%s\"", "/x"));
	assert_int_equal(e.kind, ERR_FAILED);
	assert_int_equal(e.sys, ENOENT);
	assert_string_equal(e.msg, "open \"/x\": No such file or directory");
	assert_string_equal(e.hint, "");
	err_sys(&e, ENOSPC, "write");
	assert_string_not_equal(e.hint, "");
	err_sys(&e, EDQUOT, "write");
	assert_non_null(strstr(e.hint, "quota"));
}

static void sys_keeps_the_reason_of_a_long_message(void **state)
{
	struct err e = ERR_INIT;
	char path[4096];

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	err_sys(&e, EACCES, "open \"%s\"", path);
	assert_non_null(strstr(e.msg, ": Permission denied"));
}

static void wrap_keeps_kind_sys_and_hint(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_sys(&e, ENOSPC, "write \"f\"");
	e.kind = ERR_TRANSIENT;
	err_hint(&e, "free %s", "space");
	assert_false(err_wrap(&e, "store chunk %d", 7));
	assert_string_equal(e.msg, "store chunk 7: write \"f\": No space left on device");
	assert_string_equal(e.hint, "free space");
	assert_int_equal(e.kind, ERR_TRANSIENT);
	assert_int_equal(e.sys, ENOSPC);
}

/* Is this well-formed as far as lengths go? */
static int whole_characters(const char *s)
{
	while (*s) {
		unsigned char c = (unsigned char)*s++;
		int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : c >= 0xC0 ? 1 : 0;

		if (more == 0 && c >= 0x80)
			return 0;
		for (; more > 0; more--, s++) {
			if (((unsigned char)*s & 0xC0) != 0x80)
				return 0;
		}
	}
	return 1;
}

static void long_text_is_cut_between_characters(void **state)
{
	static const char *const units[] = { "a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x90\x98" };

	(void)state;
	for (size_t u = 0; u < 4; u++) {
		for (size_t lead = 0; lead < 5; lead++) {
			struct err e = ERR_INIT;
			char text[2048] = "";
			size_t n = lead, len = strlen(units[u]);

			memset(text, 'x', lead);
			for (; n + len < sizeof(text); n += len)
				memcpy(text + n, units[u], len);
			text[n] = '\0';
			err_set(&e, ERR_FAILED, "%s", text);
			err_hint(&e, "%s", text);
			assert_true(whole_characters(e.msg) && whole_characters(e.hint));
			assert_in_range(strlen(e.msg), sizeof(e.msg) - 1 - 3, sizeof(e.msg) - 1);
			assert_in_range(strlen(e.hint), sizeof(e.hint) - 1 - 3, sizeof(e.hint) - 1);
			assert_memory_equal(e.msg, text, strlen(e.msg));
			err_wrap(&e, "y");
			assert_true(whole_characters(e.msg));
		}
	}
}

static void half_a_character_is_marked(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_FAILED, "\"%.2s\" is there, \"%s\" not", "a\xc3\xbc", "latin \xfc");
	assert_string_equal(e.msg, "\"a?\" is there, \"latin ?\" not");
	err_hint(&e, "%.1s", "\xc3\xbc");
	assert_string_equal(e.hint, "?");
}

static void exact_fit_is_not_cut(void **state)
{
	struct err e = ERR_INIT;
	char text[sizeof(e.msg)];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text + sizeof(text) - 4, "\xE2\x82\xAC", 4);
	err_set(&e, ERR_FAILED, "%s", text);
	assert_string_equal(e.msg, text);
}

static void invalid_bytes_do_not_run_away(void **state)
{
	struct err e = ERR_INIT;
	char text[1024];

	(void)state;
	memset(text, 0x80, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&e, ERR_FAILED, "%s", text);
	assert_in_range(strlen(e.msg), sizeof(e.msg) - 5, sizeof(e.msg) - 1);
}

static void exit_statuses_are_the_documented_ones(void **state)
{
	static const struct {
		enum err_kind kind;
		int sys, status;
	} rows[] = {
		{ ERR_NONE, 0, 0 },
		{ ERR_FAILED, ENOENT, 1 },
		{ ERR_TRANSIENT, 0, 1 },
		{ ERR_CONFLICT, 0, 1 },
		{ ERR_NOT_FOUND, 0, 1 },
		{ ERR_EXISTS, 0, 1 },
		{ ERR_USAGE, 0, 2 },
		{ ERR_REFUSED, 0, 3 },
		{ ERR_DAMAGED, 0, 6 },
		{ ERR_DIFFERS, 0, 6 },
		{ ERR_CANCELLED, 2, 130 },
		{ ERR_CANCELLED, 15, 143 },
		{ ERR_CANCELLED, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = { .kind = rows[i].kind, .sys = rows[i].sys };

		assert_int_equal(err_exit_status(&e), rows[i].status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_replaces_everything),
		cmocka_unit_test(own_message_may_be_an_argument),
		cmocka_unit_test(sys_appends_the_reason),
		cmocka_unit_test(sys_keeps_the_reason_of_a_long_message),
		cmocka_unit_test(wrap_keeps_kind_sys_and_hint),
		cmocka_unit_test(long_text_is_cut_between_characters),
		cmocka_unit_test(half_a_character_is_marked),
		cmocka_unit_test(exact_fit_is_not_cut),
		cmocka_unit_test(invalid_bytes_do_not_run_away),
		cmocka_unit_test(exit_statuses_are_the_documented_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
