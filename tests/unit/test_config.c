/* tests/unit/test_config.c - drtool.yml: what is read, what is refused, and how the refusal reads */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "src/base/path.h"
#include "src/config/config.h"

static struct config *parse(const char *text)
{
	struct config *c = NULL;
	struct err e = ERR_INIT;

	if (!config_parse(&c, view_str(text), "drtool.yml", &e))
		fail_msg("%s (%s)", e.msg, e.hint);
	return c;
}

static void assert_refused(const char *text, const char *message, const char *hint)
{
	struct config *c = NULL;
	struct err e = ERR_INIT;

	if (config_parse(&c, view_str(text), "drtool.yml", &e))
		fail_msg("accepted: %s", text);
	assert_null(c);
	assert_int_equal(err_exit_status(&e), 2);
	if (!strstr(e.msg, message) || !strstr(e.hint, hint))
		fail_msg("\"%s\" (\"%s\") lacks \"%s\" (\"%s\")", e.msg, e.hint, message, hint);
}

static const char full[] = "version: 1\n"
                           "repository: /srv/backups\n"
                           "databases:\n"
                           "  shop: ${DATABASE_URL}\n"
                           "  warehouse:\n"
                           "    url: postgres://backup@db2/warehouse\n"
                           "    password_file: secrets/warehouse\n"
                           "    exclude_table_data: [audit.log, 'cache.*']\n"
                           "    protected: true\n"
                           "    as: warehouse-2\n"
                           "  plain:\n"
                           "jobs: 4\n"
                           "objectives:\n"
                           "  rto: 30m\n"
                           "  rpo: 24h\n"
                           "scratch:\n"
                           "  dir: /mnt/fast\n";

static void a_full_file_is_read(void **state)
{
	struct config *c = parse(full);
	const struct config_database *d;
	char where[256];

	(void)state;
	assert_string_equal(config_text(c, "repository"), "/srv/backups");
	assert_string_equal(config_text(c, "objectives.rpo"), "24h");
	assert_string_equal(config_text(c, "scratch.dir"), "/mnt/fast");
	assert_null(config_text(c, "scratch.server"));
	assert_null(config_text(c, "nothing"));
	assert_null(config_text(c, "jobs.more"));
	assert_null(config_text(c, "scratch"));
	assert_null(config_text(c, "databases"));
	assert_int_equal(config_database_count(c), 3);
	d = config_database(c, 0);
	assert_string_equal(d->name, "shop");
	assert_string_equal(d->url, "${DATABASE_URL}");
	d = config_database_find(c, "warehouse");
	assert_string_equal(d->password_file, "secrets/warehouse");
	assert_string_equal(d->protect, "true");
	assert_string_equal(d->as, "warehouse-2");
	assert_int_equal(d->exclude_count, 2);
	assert_string_equal(d->exclude_table_data[1], "cache.*");
	assert_null(config_database(c, 2)->url);
	assert_null(config_database_find(c, "none"));
	config_where(where, c, "databases.warehouse.url");
	assert_string_equal(where, "drtool.yml:6");
	config_where(where, c, "databases.warehouse");
	assert_string_equal(where, "drtool.yml:5");
	config_where(where, c, "jobs");
	assert_string_equal(where, "drtool.yml:12");
	config_where(where, c, "level");
	assert_string_equal(where, "drtool.yml");
	config_free(c);
}

static void a_list_of_databases_is_the_same(void **state)
{
	struct config *c = parse(
	        "databases:\n- name: shop\n  url: dbname=shop\n  exclude_table_data: one\n- {name: b}\n");
	char where[256];

	(void)state;
	assert_int_equal(config_database_count(c), 2);
	assert_string_equal(config_database(c, 0)->url, "dbname=shop");
	assert_int_equal(config_database(c, 0)->exclude_count, 1);
	assert_string_equal(config_database(c, 0)->exclude_table_data[0], "one");
	config_where(where, c, "databases.shop.url");
	assert_string_equal(where, "drtool.yml:3");
	config_free(c);
}

static void emptiness_is_fine(void **state)
{
	static const char *const texts[] = { "", "\n", "# only a comment\n", "---\n", "~", "databases:\n",
		"databases: {}\n", "databases: []\n", "objectives:\n  # rto: 1m\njobs:\n", "repository: ~\n", "{}",
		"scratch: null" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config *c = parse(texts[i]);

		assert_int_equal(config_database_count(c), 0);
		assert_null(config_text(c, "repository"));
		assert_null(config_text(c, "jobs"));
		config_free(c);
	}
}

static void quoting_and_anchors_survive(void **state)
{
	struct config *c = parse(
	        "repository: \"/a b/\\u00fc #x\"\ndatabases:\n  a: &u 'dbname=''x'''\n  b: *u\n  \"~\": \"null\"\n  'no': dbname=y\n");

	(void)state;
	assert_string_equal(config_text(c, "repository"), "/a b/\xc3\xbc #x");
	assert_string_equal(config_database(c, 0)->url, "dbname='x'");
	assert_string_equal(config_database(c, 1)->url, "dbname='x'");
	assert_string_equal(config_database(c, 2)->name, "~");
	assert_string_equal(config_database(c, 2)->url, "null");
	assert_string_equal(config_database(c, 3)->name, "no");
	config_free(c);
}

static void unknown_keys_name_file_line_and_the_nearest(void **state)
{
	(void)state;
	assert_refused("version: 1\nrepositry: x\n", "drtool.yml:2: unknown key \"repositry\"", "\"repository\"");
	assert_refused("databases:\n  shop:\n    urll: x\n", "drtool.yml:3: unknown key \"urll\"", "\"url\"");
	assert_refused("databases:\n  - name: shop\n    excludetabledata: x\n", "drtool.yml:3", "exclude_table_data");
	assert_refused("objectives: {rto: 1m, max: 2}\n", "drtool.yml:1: unknown key \"max\"", "known here: rto, rpo");
	assert_refused("scratch:\n\n\n  path: x\n", "drtool.yml:4", "known here: dir, server");
}

static void wrong_shapes_are_refused(void **state)
{
	(void)state;
	assert_refused("jobs: 1\njobs: 2\n", "drtool.yml:2: key \"jobs\" is given twice", "");
	assert_refused("databases:\n  a: x=1\n  a: x=2\n", "\"a\" is there twice", "");
	assert_refused(
	        "databases:\n  a:\n    url: x=1\n    url: x=1\n", "drtool.yml:4: key \"url\" is given twice", "");
	assert_refused("databases:\n  a:\n    name: b\n", "given twice", "");
	assert_refused("jobs: [1]\n", "drtool.yml:1: jobs must be", "");
	assert_refused("jobs: {a: b}\n", "jobs must be", "");
	assert_refused("databases: shop\n", "databases must be a list", "");
	assert_refused("databases:\n  shop: [a]\n", "drtool.yml:2", "");
	assert_refused("databases:\n  - url: x=1\n", "drtool.yml:2: databases.0 has no \"name\"", "");
	assert_refused("databases:\n  - shop\n", "must be keys with values", "");
	assert_refused("databases:\n  'a=b': x=1\n", "cannot be a name", "connection string");
	assert_refused("databases:\n  '': x=1\n", "characters long", "");
	assert_refused("- a\n", "drtool.yml:1: the file must be keys", "");
	assert_refused("text\n", "the file must be keys", "");
	assert_refused("? [a]\n: b\n", "a key must be", "");
	assert_refused("a: b: c\n", "drtool.yml:1: not YAML", "indentation");
	assert_refused("jobs: 1\n\tlevel: 2\n", "drtool.yml:2: not YAML", "tabs");
	assert_refused("jobs: \"1\n", "not YAML", "");
	assert_refused("jobs: 1\n---\njobs: 2\n", "drtool.yml:3: a second document", "");
	assert_refused("version: 2\n", "drtool.yml:1: version 2 is newer", "newer drtool");
	assert_refused("version: x\n", "drtool.yml:1: version", "");
	assert_refused("databases:\n  a:\n    protected: perhaps\n", "protected", "");
	assert_refused("repository: \"a\\0b\"\n", "NUL", "");
	assert_refused("jobs: &a [*a]\n", "jobs must be", "");
	assert_refused("databases: &a\n  x: *a\n", "", "");
	assert_refused("databases: &a\n  - *a\n", "", "");
}

static void hostile_nesting_ends(void **state)
{
	struct buf text = BUF_INIT;
	struct config *c = NULL;
	struct err e = ERR_INIT;

	(void)state;
	buf_add(&text, "jobs: ");
	for (int i = 0; i < 20000; i++)
		buf_add(&text, "[");
	assert_false(config_parse(&c, buf_view(&text), "drtool.yml", &e));
	buf_clear(&text);
	while (text.len <= CONFIG_FILE_MAX)
		buf_add(&text, "# a very long comment\n");
	assert_false(config_parse(&c, buf_view(&text), "drtool.yml", &e));
	assert_non_null(strstr(e.msg, "larger than 1 MiB"));
	buf_release(&text);
}

static void variables_are_expanded_when_used(void **state)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	setenv("DRTOOL_TEST_A", "one", 1);
	unsetenv("DRTOOL_TEST_B");
	assert_true(config_expand(&out, "x${DRTOOL_TEST_A}y$$z$HOME", "w", &e));
	assert_string_equal(buf_str(&out), "xoney$z$HOME");
	assert_false(config_expand(&out, "${DRTOOL_TEST_B}", "drtool.yml:4", &e));
	assert_string_equal(e.msg, "drtool.yml:4: the variable DRTOOL_TEST_B is not set");
	assert_false(config_expand(&out, "${", "w", &e));
	assert_false(config_expand(&out, "${A-B}", "w", &e));
	assert_false(config_expand(&out, "${}", "w", &e));
	buf_clear(&out);
	assert_true(config_expand(&out, "$${DRTOOL_TEST_B}", "w", &e));
	assert_string_equal(buf_str(&out), "${DRTOOL_TEST_B}");
	buf_release(&out);
}

static void paths_start_from_the_file(void **state)
{
	struct config *c = NULL;
	struct err e = ERR_INIT;
	static const char *const cases[][2] = { { "x/y", "/etc/drtool/x/y" }, { "/abs", "/abs" },
		{ "s3://b/p", "s3://b/p" } };

	(void)state;
	assert_true(config_parse(&c, view_str(""), "/etc/drtool/drtool.yml", &e));
	for (size_t i = 0; i < 3; i++) {
		char *path = config_path(c, cases[i][0]);

		assert_string_equal(path, cases[i][1]);
		free(path);
	}
	config_free(c);
}

static void touch(const char *path)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fclose(f);
}

static void assert_found(const char *expected)
{
	char *path = config_find();

	if (expected)
		assert_string_equal(path, expected);
	else
		assert_null(path);
	free(path);
}

static void the_file_is_looked_for_in_order(void **state)
{
	char dir[] = "/tmp/drtool-test-XXXXXX", path[128];
	char *before = getcwd(NULL, 0);
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	unsetenv("DRTOOL_CONFIG");
	snprintf(path, sizeof(path), "%s/home", dir);
	setenv("XDG_CONFIG_HOME", path, 1);
	assert_true(path_make_dirs("work/inner/deep", 0700, &e) && path_make_dirs("home/drtool", 0700, &e));
	touch("work/drtool.yml");
	assert_int_equal(chdir("work/inner/deep"), 0);
	assert_found(NULL); /* outside a git repository the directories above do not count */
	assert_int_equal(mkdir("../../.git", 0700), 0);
	snprintf(path, sizeof(path), "%s/work/drtool.yml", dir);
	assert_found(path);
	touch("drtool.yml");
	assert_found("drtool.yml");
	assert_int_equal(unlink("drtool.yml"), 0);
	assert_int_equal(mkdir(".git", 0700), 0); /* the root of another repository ends the search */
	assert_found(NULL);
	touch("../../../home/drtool/drtool.yml");
	snprintf(path, sizeof(path), "%s/home/drtool/drtool.yml", dir);
	assert_found(path);
	setenv("DRTOOL_CONFIG", "named.yml", 1);
	assert_found("named.yml");
	unsetenv("DRTOOL_CONFIG");
	unsetenv("XDG_CONFIG_HOME");
	assert_int_equal(chdir(before), 0);
	assert_true(path_remove_tree(dir, &e));
	free(before);
}

static void a_missing_file_is_a_usage_error(void **state)
{
	struct config *c = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_false(config_load(&c, "/nonexistent/drtool.yml", &e));
	assert_int_equal(err_exit_status(&e), 2);
	assert_non_null(strstr(e.hint, "drtool init"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_file_is_read),
		cmocka_unit_test(a_list_of_databases_is_the_same),
		cmocka_unit_test(emptiness_is_fine),
		cmocka_unit_test(quoting_and_anchors_survive),
		cmocka_unit_test(unknown_keys_name_file_line_and_the_nearest),
		cmocka_unit_test(wrong_shapes_are_refused),
		cmocka_unit_test(hostile_nesting_ends),
		cmocka_unit_test(variables_are_expanded_when_used),
		cmocka_unit_test(paths_start_from_the_file),
		cmocka_unit_test(the_file_is_looked_for_in_order),
		cmocka_unit_test(a_missing_file_is_a_usage_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
