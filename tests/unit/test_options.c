/* tests/unit/test_options.c - the option table, argv, help, completion, manual page */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "src/base/file.h"
#include "src/base/nearest.h"
#include "src/config/env_file.h"
#include "src/config/help.h"
#include "src/config/options.h"
#include "src/config/value.h"

#define WORDS_MAX 16

/* Parse "list --json ..." as argv; words are split at spaces. */
struct run {
	char text[256];
	char *argv[WORDS_MAX + 1];
	int argc;
	struct options o;
	struct err e;
	bool ok;
};

static void parse(struct run *r, const char *line)
{
	char *rest = r->text;

	memset(r, 0, sizeof(*r));
	snprintf(r->text, sizeof(r->text), "drtool %s", line);
	while (rest && r->argc < WORDS_MAX)
		r->argv[r->argc++] = strsep(&rest, " ");
	r->ok = options_parse(&r->o, r->argc, r->argv, &r->e);
}

static void assert_usage(const char *line, const char *message, const char *hint)
{
	struct run r;

	parse(&r, line);
	assert_false(r.ok);
	assert_int_equal(err_exit_status(&r.e), 2);
	assert_null(strchr(r.e.msg, '\n'));
	assert_non_null(strstr(r.e.msg, message));
	assert_non_null(strstr(r.e.hint, hint));
	options_release(&r.o);
}

static void every_spelling_of_a_value_is_read(void **state)
{
	static const char *const lines[] = { "snapshot --jobs 4", "snapshot --jobs=4", "snapshot -j4", "snapshot -j 4",
		"--jobs 4 snapshot", "-qj4 snapshot", "snapshot --jobs 2 --jobs 4" };
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		parse(&r, lines[i]);
		assert_true(r.ok);
		assert_int_equal(r.o.command, COMMAND_SNAPSHOT);
		assert_int_equal(options_number(&r.o, OPTION_JOBS, 0), 4);
		options_release(&r.o);
	}
}

static void arguments_and_lists_are_kept_in_order(void **state)
{
	struct run r;

	(void)state;
	parse(&r, "cat shop/latest --table public.* --json --table -x --table=x");
	assert_false(r.ok); /* "-x" looks like an option */
	options_release(&r.o);
	parse(&r, "cat shop/latest --table public.* --json --table=-x --table x");
	assert_true(r.ok);
	assert_string_equal(r.o.arguments[0], "shop/latest");
	assert_int_equal(r.o.values[OPTION_TABLE].count, 3);
	assert_string_equal(r.o.values[OPTION_TABLE].list[0], "public.*");
	assert_string_equal(r.o.values[OPTION_TABLE].list[1], "-x");
	assert_string_equal(r.o.values[OPTION_TABLE].list[2], "x");
	assert_null(r.o.values[OPTION_TABLE].list[3]);
	assert_true(options_set(&r.o, OPTION_JSON));
	options_release(&r.o);
	parse(&r, "show -- -x");
	assert_true(r.ok);
	assert_string_equal(r.o.arguments[0], "-x");
	options_release(&r.o);
	parse(&r, "snapshot --level -5");
	assert_true(r.ok);
	assert_int_equal(options_number(&r.o, OPTION_LEVEL, 0), -5);
	options_release(&r.o);
}

static void mistakes_are_usage_errors_with_a_hint(void **state)
{
	(void)state;
	assert_usage("snapshot --jbos 4", "unknown option \"--jbos\"", "--jobs");
	assert_usage("snapshot --nothing-like-it", "unknown option", "drtool help snapshot");
	assert_usage("snapshot -z", "unknown option \"-z\"", "help");
	assert_usage("snapsot", "unknown command \"snapsot\"", "drtool snapshot");
	assert_usage("frobnicate", "unknown command", "commands: init, doctor");
	assert_usage("", "unknown command \"\"", "");
	assert_usage("--quiet", "no command", "drtool help");
	assert_usage("list --into x", "\"drtool list\" has no option \"--into\"", "drtool restore");
	assert_usage("--into x list", "has no option", "drtool restore");
	assert_usage("show", "needs ID", "usage: drtool show ID");
	assert_usage("list more", "unexpected argument \"more\"", "usage: drtool list");
	assert_usage("snapshot --jobs", "--jobs needs a value", "connections");
	assert_usage("snapshot --jobs --json", "--jobs needs a value", "");
	assert_usage("snapshot --jobs 0", "out of range", "");
	assert_usage("snapshot --jobs 65", "out of range", "");
	assert_usage("snapshot --jobs 4x", "--jobs: \"4x\" is not a whole number", "");
	assert_usage("snapshot --yield-after soon", "not a duration", "90s");
	assert_usage("snapshot --json=yes", "takes no value", "");
	assert_usage("snapshot --tag=", "empty", "");
}

static void help_flags_need_no_arguments(void **state)
{
	struct run r;

	(void)state;
	parse(&r, "restore --help");
	assert_true(r.ok && options_set(&r.o, OPTION_HELP));
	options_release(&r.o);
	parse(&r, "-h");
	assert_true(r.ok && r.o.command == COMMAND_COUNT);
	options_release(&r.o);
}

static void json_before_a_mistake_is_known(void **state)
{
	struct run r;

	(void)state;
	parse(&r, "list --json --what");
	assert_false(r.ok);
	assert_true(options_set(&r.o, OPTION_JSON));
	options_release(&r.o);
}

static void flag_wins_over_environment_over_file(void **state)
{
	static const char text[] = "jobs: 2\nlevel: 3\nrepository: repo\n";
	struct config *config = NULL;
	struct run r;

	(void)state;
	assert_true(config_parse(&config, view_str(text), "/etc/drtool/drtool.yml", &(struct err)ERR_INIT));
	setenv("DRTOOL_JOBS", "3", 1);
	setenv("DRTOOL_LEVEL", "5", 1);
	parse(&r, "snapshot --jobs 4");
	assert_true(r.ok && options_apply_environment(&r.o, &r.e) && options_apply_config(&r.o, config, &r.e));
	assert_int_equal(options_number(&r.o, OPTION_JOBS, 0), 4);
	assert_int_equal(options_number(&r.o, OPTION_LEVEL, 0), 5);
	assert_string_equal(options_text(&r.o, OPTION_REPO), "/etc/drtool/repo");
	options_release(&r.o);
	setenv("DRTOOL_JOBS", "many", 1);
	parse(&r, "snapshot");
	assert_true(r.ok);
	assert_false(options_apply_environment(&r.o, &r.e));
	assert_non_null(strstr(r.e.msg, "DRTOOL_JOBS: \"many\""));
	options_release(&r.o);
	/* a setting of no interest to the command is not looked at */
	setenv("DRTOOL_JOBS", "1", 1);
	setenv("DRTOOL_LEVEL", "x", 1);
	parse(&r, "list");
	assert_true(options_apply_environment(&r.o, &r.e));
	options_release(&r.o);
	unsetenv("DRTOOL_JOBS");
	unsetenv("DRTOOL_LEVEL");
	config_free(config);
}

static void a_bad_value_in_the_file_names_file_and_line(void **state)
{
	struct config *config = NULL;
	struct run r;

	(void)state;
	assert_true(config_parse(&config, view_str("version: 1\n\njobs: lots\n"), "drtool.yml", &(struct err)ERR_INIT));
	parse(&r, "verify");
	assert_false(options_apply_config(&r.o, config, &r.e));
	assert_string_equal(r.e.msg, "drtool.yml:3: jobs: \"lots\" is not a whole number");
	assert_int_equal(err_exit_status(&r.e), 2);
	options_release(&r.o);
	config_free(config);
}

static void assert_fits(const struct buf *text, const char *what)
{
	size_t width = 0;

	for (size_t i = 0; i < text->len; i++) {
		width = text->data[i] == '\n' ? 0 : width + 1;
		if (width > 80)
			fail_msg("%s is wider than 80 columns at byte %zu", what, i);
		assert_true(text->data[i] != '\t');
		if (text->data[i] == '\n' && i > 0 && text->data[i - 1] == ' ')
			fail_msg("%s has blanks at the end of a line", what);
	}
	assert_int_equal(text->data[text->len - 1], '\n');
}

/* A line of the list of options: name at its place, not somewhere in a sentence. */
static bool contains_option_line(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = text; (at = strstr(at, name)) != NULL; at += len) {
		const char *line = at;

		while (line > text && line[-1] != '\n')
			line--;
		if (at - line == 5 && (at[len] == ' ' || at[len] == '\n'))
			return true;
	}
	return false;
}

static void help_fits_80_columns_and_names_every_option(void **state)
{
	struct buf out = BUF_INIT;
	char name[64];

	(void)state;
	help_overview(&out);
	assert_fits(&out, "help");
	for (unsigned id = 0; id < COMMAND_COUNT; id++) {
		snprintf(name, sizeof(name), "\n  %s", command_row(id)->name);
		assert_non_null(strstr(buf_str(&out), name));
	}
	for (unsigned id = 0; id < COMMAND_COUNT; id++) {
		buf_clear(&out);
		help_command(&out, id);
		assert_fits(&out, command_row(id)->name);
		for (unsigned option = 0; option < OPTION_COUNT; option++) {
			bool shown, owned = option_row(option)->commands & COMMAND_BIT(id);

			snprintf(name, sizeof(name), " --%s", option_row(option)->name);
			shown = contains_option_line(buf_str(&out), name);
			assert_int_equal(shown, owned);
		}
	}
	buf_release(&out);
}

static bool contains_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = text; (at = strstr(at, word)) != NULL; at += len) {
		if (at[len] == '\0' || !strchr("abcdefghijklmnopqrstuvwxyz-", at[len]))
			return true;
	}
	return false;
}

static void man_and_completion_list_what_exists(void **state)
{
	struct buf man = BUF_INIT, completion = BUF_INIT;

	(void)state;
	help_man(&man);
	help_completion(&completion);
	for (unsigned id = 0; id < OPTION_COUNT; id++) {
		struct buf dashed = BUF_INIT, plain = BUF_INIT;

		buf_add(&dashed, "\\-\\-");
		for (const char *c = option_row(id)->name; *c; c++)
			buf_addf(&dashed, *c == '-' ? "\\%c" : "%c", *c);
		buf_addf(&plain, "--%s", option_row(id)->name);
		assert_non_null(strstr(buf_str(&man), buf_str(&dashed)));
		assert_true(contains_word(buf_str(&completion), buf_str(&plain)));
		buf_release(&dashed);
		buf_release(&plain);
	}
	for (unsigned id = 0; id < COMMAND_COUNT; id++) {
		char heading[64];

		snprintf(heading, sizeof(heading), ".SS drtool %s ", command_row(id)->name);
		assert_non_null(strstr(buf_str(&man), heading));
		assert_true(contains_word(buf_str(&completion), command_row(id)->name));
	}
	buf_release(&man);
	buf_release(&completion);
}

static void the_readme_lists_every_command(void **state)
{
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	if (!file_read(&text, DRTOOL_SOURCE_DIR "/README.md", &e)) {
		buf_release(&text);
		skip();
	}
	for (unsigned id = 0; id < COMMAND_COUNT; id++) {
		char command[64];

		snprintf(command, sizeof(command), "drtool %s", command_row(id)->name);
		if (!contains_word(buf_str(&text), command))
			fail_msg("README.md does not mention \"%s\"", command);
	}
	buf_release(&text);
}

static void the_table_is_sound(void **state)
{
	(void)state;
	for (unsigned id = 0; id < OPTION_COUNT; id++) {
		const struct option *o = option_row(id);

		assert_non_null(o->name);
		assert_true(o->commands != 0);
		assert_true(o->help && *o->help && o->help[strlen(o->help) - 1] != '.');
		assert_int_equal(o->type == OPTION_SWITCH, o->argument == NULL);
		if (o->type == OPTION_NUMBER || o->type == OPTION_SECONDS)
			assert_true(o->min < o->max);
		for (unsigned other = 0; other < id; other++) {
			assert_string_not_equal(o->name, option_row(other)->name);
			if (o->letter && (o->commands & option_row(other)->commands))
				assert_int_not_equal(o->letter, option_row(other)->letter);
		}
	}
}

static void every_yaml_path_of_the_table_exists(void **state)
{
	static const char text[] =
	        "repository: x\npg_bin: x\njobs: 1\nlevel: 1\nyield_after: 1\nlock_wait: 1\n"
	        "scratch: {dir: x, server: x}\nobjectives: {rto: 1m, rpo: 1h}\n"
	        "s3: {endpoint: x, region: x, addressing: x, ca_file: x, profile: x, in_flight: 1}\n";
	struct config *config = NULL;

	(void)state;
	assert_true(config_parse(&config, view_str(text), "drtool.yml", &(struct err)ERR_INIT));
	for (unsigned id = 0; id < OPTION_COUNT; id++) {
		if (option_row(id)->yaml)
			assert_non_null(config_text(config, option_row(id)->yaml));
	}
	config_free(config);
}

static void durations_are_strict(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: refused */
	} cases[] = { { "90", 90 }, { "90s", 90 }, { "15m", 900 }, { "24h", 86400 }, { "7d", 604800 },
		{ "1h30m", 5400 }, { "0", 0 }, { "1m1s", 61 }, { "", -1 }, { "m", -1 }, { "1m1", -1 }, { "1s1m", -1 },
		{ "1m1m", -1 }, { "-1", -1 }, { "1.5h", -1 }, { " 1", -1 }, { "1 ", -1 }, { "1w", -1 },
		{ "9999999999999", -1 }, { "999999999999d", -1 }, { "0m5", -1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = ERR_INIT;
		int64_t n = -1;

		assert_int_equal(value_seconds(&n, cases[i].text, 0, 1000000, &e), cases[i].seconds >= 0);
		assert_int_equal(n, cases[i].seconds);
	}
}

static void numbers_are_strict(void **state)
{
	static const char *const bad[] = { "", "-", "+1", "1x", " 1", "1e3", "0x10", "99999999999999999999", "101",
		"-101" };
	struct err e = ERR_INIT;
	int64_t n = 7;
	bool yes = false;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(value_number(&n, bad[i], -100, 100, &e));
	assert_int_equal(n, 7);
	assert_true(value_number(&n, "-100", -100, 100, &e) && n == -100);
	assert_true(value_bool(&yes, "Yes", &e) && yes);
	assert_true(value_bool(&yes, "off", &e) && !yes);
	assert_false(value_bool(&yes, "1", &e));
}

static void nearest_words(void **state)
{
	struct nearest near = NEAREST_INIT;

	(void)state;
	assert_int_equal(nearest_distance("", "abc"), 3);
	assert_int_equal(nearest_distance("jbos", "jobs"), 1);
	assert_int_equal(nearest_distance("kitten", "sitting"), 3);
	assert_int_equal(nearest_distance("same", "same"), 0);
	nearest_offer(&near, "repositry", "version");
	assert_null(near.word);
	nearest_offer(&near, "repositry", "repository");
	assert_string_equal(near.word, "repository");
}

static void collect(void *cookie, const char *name, const char *value)
{
	buf_addf(cookie, "%s=[%s]\n", name, value);
}

static void env_files_are_read_as_written(void **state)
{
	static const char text[] =
	        "# comment\nA=1\nexport B='two words' # why\n  C=\"q\\\"x\\\\\"\nD=a=b#c  \nE=\n\nF=$A\r\n";
	static const char *const bad[] = { "A", "=1", "A B=1", "1A=2", "A='open", "A='x'y", "A-B=1", "rm -rf /" };
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(env_file_parse(view_str(text), "x.env", collect, &out, &e));
	assert_string_equal(buf_str(&out), "A=[1]\nB=[two words]\nC=[q\"x\\]\nD=[a=b#c]\nE=[]\nF=[$A]\n");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(env_file_parse(view_str(bad[i]), "x.env", NULL, NULL, &e));
	assert_false(env_file_parse(view_str("A=1\nsecret value"), "x.env", NULL, NULL, &e));
	assert_string_equal(e.msg, "x.env:2: not a NAME=value line");
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_spelling_of_a_value_is_read),
		cmocka_unit_test(arguments_and_lists_are_kept_in_order),
		cmocka_unit_test(mistakes_are_usage_errors_with_a_hint),
		cmocka_unit_test(help_flags_need_no_arguments),
		cmocka_unit_test(json_before_a_mistake_is_known),
		cmocka_unit_test(flag_wins_over_environment_over_file),
		cmocka_unit_test(a_bad_value_in_the_file_names_file_and_line),
		cmocka_unit_test(help_fits_80_columns_and_names_every_option),
		cmocka_unit_test(man_and_completion_list_what_exists),
		cmocka_unit_test(the_readme_lists_every_command),
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(every_yaml_path_of_the_table_exists),
		cmocka_unit_test(durations_are_strict),
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(nearest_words),
		cmocka_unit_test(env_files_are_read_as_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
