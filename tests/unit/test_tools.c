/* tests/unit/test_tools.c - installations of PostgreSQL made of shell scripts, in a directory of their own */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/buf.h"
#include "src/base/path.h"
#include "src/pg/tools.h"

#define CLIENT "pg_dump pg_restore pg_dumpall psql"
#define SERVER "initdb postgres"

/* Majors no real installation of this machine has. */
struct fixture {
	char root[64];
	struct arena arena;
};

static void add_program(const char *dir, const char *name, const char *version)
{
	char *path = path_join(dir, name);
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n[ \"$1\" = --version ] && echo '%s (PostgreSQL) %s'\n", name, version);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0755), 0);
	free(path);
}

/* Programs (separated by blanks) below root/name/bin; returns that directory. */
static const char *install(struct fixture *f, const char *name, const char *version, const char *programs)
{
	const char *dir = arena_printf(&f->arena, "%s/%s/bin", f->root, name);
	struct err e = ERR_INIT;
	char *list = xstrdup(programs), *rest = list, *one;

	assert_true(path_make_dirs(dir, 0755, &e));
	while ((one = strsep(&rest, " ")))
		add_program(dir, one, version);
	free(list);
	return dir;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->root, sizeof(f->root), "/tmp/drtool-test-XXXXXX");
	if (!mkdtemp(f->root))
		return -1;
	setenv("PATH", "/usr/bin:/bin", 1);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	path_remove_tree(f->root, &e);
	arena_release(&f->arena);
	free(f);
	return 0;
}

static struct pg_tools chosen(struct fixture *f, int server_version, unsigned need, const char *search, bool warns)
{
	struct err e = ERR_INIT;
	const char *warning;
	struct pg_tools t;

	if (!pg_tools_for_server(&t, &warning, server_version, need, search, &f->arena, NULL, &e))
		fail_msg("%s", e.msg);
	assert_int_equal(warning != NULL, warns);
	return t;
}

static void finds_what_is_there(void **state)
{
	struct fixture *f = *state;
	const char *both = install(f, "both", "77.3 (Debian 77.3-1)", CLIENT " " SERVER);
	const char *client = install(f, "client", "78beta1", CLIENT);
	const char *server = install(f, "server", "79.1", SERVER);
	const char *empty = install(f, "empty", "80.1", "something_else");
	const char *broken = install(f, "broken", "nonsense", CLIENT);
	const char *search = arena_printf(
	        &f->arena, "%s:%s::%s:%s/../bin:/nowhere:%s:%s", both, client, server, both, empty, broken);
	struct pg_tools_list list;
	struct err e = ERR_INIT;

	assert_true(pg_tools_list(&list, search, &f->arena, NULL, &e));
	assert_true(list.count >= 3);
	assert_string_equal(list.items[0].bin_dir, server);
	assert_int_equal(list.items[0].version, 790001);
	assert_null(list.items[0].pg_dump);
	assert_non_null(list.items[0].initdb);
	assert_string_equal(list.items[1].bin_dir, client);
	assert_int_equal(list.items[1].version, 780000);
	assert_null(list.items[1].postgres);
	assert_string_equal(list.items[2].bin_dir, both);
	assert_int_equal(list.items[2].version, 770003);
	assert_string_equal(list.items[2].psql, arena_printf(&f->arena, "%s/psql", both));
	for (size_t i = 3; i < list.count; i++)
		assert_true(
		        list.items[i].version <= 770003 && strncmp(list.items[i].bin_dir, f->root, strlen(f->root)));
}

static void path_counts_and_the_wrapper_does_not(void **state)
{
	struct fixture *f = *state;
	const char *real = install(f, "real", "77.1", CLIENT), *wrapper = install(f, "wrapper", "78.1", "pg_wrapper");
	const char *links = install(f, "links", "0", "x");
	struct pg_tools_list list;
	struct err e = ERR_INIT;

	assert_int_equal(symlink("pg_wrapper", arena_printf(&f->arena, "%s/pg_dump", wrapper)), 0);
	assert_int_equal(
	        symlink(arena_printf(&f->arena, "%s/pg_dump", real), arena_printf(&f->arena, "%s/pg_dump", links)), 0);
	setenv("PATH", arena_printf(&f->arena, "%s:%s:/usr/bin:/bin", wrapper, links), 1);
	assert_true(pg_tools_list(&list, NULL, &f->arena, NULL, &e));
	assert_string_equal(list.items[0].bin_dir, real);
	assert_int_equal(list.items[0].version, 770001);
}

static void the_best_for_a_server(void **state)
{
	struct fixture *f = *state;
	const char *old = install(f, "a", "77.1", CLIENT " " SERVER), *mid = install(f, "b", "77.4", CLIENT);
	const char *new = install(f, "c", "77.9", CLIENT " " SERVER),
	           *next = install(f, "d", "78.2", CLIENT " " SERVER);
	const char *far = install(f, "e", "79.0", CLIENT " " SERVER);
	const char *all = arena_printf(&f->arena, "%s:%s:%s:%s:%s", old, mid, new, next, far);
	const char *last = arena_printf(&f->arena, "%s:%s:%s:%s:/usr/bin:/bin", old, mid, next, far);

	assert_string_equal(chosen(f, 770004, PG_TOOLS_CLIENT, all, false).bin_dir, new);
	assert_string_equal(chosen(f, 770009, PG_TOOLS_CLIENT, all, false).bin_dir, new);
	assert_string_equal(chosen(f, 770010, PG_TOOLS_CLIENT, all, true).bin_dir, new);
	assert_string_equal(chosen(f, 760001, PG_TOOLS_CLIENT, all, false).bin_dir, new);
	assert_string_equal(chosen(f, 780002, PG_TOOLS_SERVER, all, false).bin_dir, next);
	assert_string_equal(chosen(f, 780003, PG_TOOLS_SERVER, all, true).bin_dir, next);

	/* Among those new enough the user's own directory wins; it does not win over one that is new enough. */
	setenv("PATH", last, 1);
	assert_string_equal(chosen(f, 770001, PG_TOOLS_CLIENT, mid, false).bin_dir, mid);
	assert_string_equal(chosen(f, 770001, PG_TOOLS_CLIENT, NULL, false).bin_dir, mid);
	assert_string_equal(chosen(f, 770003, PG_TOOLS_CLIENT, old, false).bin_dir, mid);
	assert_string_equal(chosen(f, 780001, PG_TOOLS_CLIENT, far, false).bin_dir, next);
}

static void is_missing(struct fixture *f, int version, unsigned need, const char *word, const char *hint)
{
	struct err e = ERR_INIT;
	const char *warning;
	struct pg_tools t;

	assert_false(pg_tools_for_server(&t, &warning, version, need, NULL, &f->arena, NULL, &e));
	assert_int_equal(e.kind, ERR_FAILED);
	assert_non_null(strstr(e.msg, word));
	assert_string_equal(e.hint, hint);
}

#define REPOSITORY                                                                                                     \
	"sudo apt install -y postgresql-common && sudo /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y && " \
	"sudo apt install -y "

static void says_what_to_install(void **state)
{
	struct fixture *f = *state;
	const char *client = install(f, "client", "88.1", CLIENT);

	setenv("PATH", arena_printf(&f->arena, "%s:/usr/bin:/bin", client), 1);
	is_missing(f, 890002, PG_TOOLS_CLIENT, "PostgreSQL 89.2", REPOSITORY "postgresql-client-89");
	is_missing(f, 890002, PG_TOOLS_CLIENT, "88.1 in ", REPOSITORY "postgresql-client-89");
	is_missing(f, 870000, PG_TOOLS_CLIENT | PG_TOOLS_SERVER, "initdb", REPOSITORY "postgresql-87");
}

static void a_trip_stops_the_search(void **state)
{
	struct fixture *f = *state;
	struct cancel cancel = CANCEL_INIT(NULL);
	struct pg_tools_list list;
	struct err e = ERR_INIT;

	cancel_trip(&cancel, 2);
	assert_false(pg_tools_list(&list, install(f, "x", "77.1", CLIENT), &f->arena, &cancel, &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(finds_what_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(path_counts_and_the_wrapper_does_not, setup, teardown),
		cmocka_unit_test_setup_teardown(the_best_for_a_server, setup, teardown),
		cmocka_unit_test_setup_teardown(says_what_to_install, setup, teardown),
		cmocka_unit_test_setup_teardown(a_trip_stops_the_search, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
