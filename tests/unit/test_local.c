/* What only the local backend does; what every backend does is in tests/conformance. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/base/path.h"
#include "storage/backend/storage.h"

#define CHUNK "ab00000000000000000000000000000000000000000000000000000000000000"

struct fixture {
	struct storage *s;
	char dir[64];
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err e = ERR_INIT;

	snprintf(f->dir, sizeof(f->dir), "/tmp/drtool-local-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_true(storage_open_local(&f->s, f->dir, false, &e));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	storage_close(f->s);
	assert_true(path_remove_tree(f->dir, &e));
	free(f);
	return 0;
}

static void must_put(struct fixture *f, enum object_class cls, const char *name, const char *text)
{
	struct err e = ERR_INIT;

	if (!storage_put(f->s, (struct object_key){ cls, name }, view_str(text), PUT_REPLACE, &e))
		fail_msg("put: %s", e.msg);
}

static char *path_of(struct fixture *f, const char *name)
{
	return path_join(f->dir, name);
}

static void make_file(struct fixture *f, const char *name, const char *text)
{
	char *path = path_of(f, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	free(path);
}

static bool is_there(struct fixture *f, const char *name)
{
	char *path = path_of(f, name);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

static unsigned mode_of(struct fixture *f, const char *name)
{
	char *path = path_of(f, name);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	free(path);
	return st.st_mode & 0777;
}

static bool count_one(void *cookie, const struct object_info *info, struct err *e)
{
	(void)info;
	(void)e;
	++*(unsigned *)cookie;
	return true;
}

static unsigned count(struct fixture *f, enum object_class cls)
{
	unsigned n = 0;
	struct err e = ERR_INIT;

	if (!storage_list(f->s, cls, "", count_one, &n, &e))
		fail_msg("list: %s", e.msg);
	return n;
}

static void test_the_layout_of_format_1(void **state)
{
	struct fixture *f = *state;

	must_put(f, OBJECT_CONFIG, "", "x");
	must_put(f, OBJECT_CHUNK, CHUNK, "x");
	must_put(f, OBJECT_SNAPSHOT, "shop/1", "x");
	must_put(f, OBJECT_PROOF, "shop/1/2", "x");
	must_put(f, OBJECT_JOURNAL, "shop/2-restored", "x");
	must_put(f, OBJECT_LOCK, "l", "x");
	must_put(f, OBJECT_PRUNING, "p", "x");
	must_put(f, OBJECT_DAMAGED, CHUNK, "x");
	assert_true(is_there(f, "drtool.json"));
	assert_true(is_there(f, "chunks/ab/" CHUNK));
	assert_true(is_there(f, "snapshots/shop/1.json"));
	assert_true(is_there(f, "proofs/shop/1/2.json"));
	assert_true(is_there(f, "journal/shop/2-restored.json"));
	assert_true(is_there(f, "locks/l"));
	assert_true(is_there(f, "pruning/p"));
	assert_true(is_there(f, "damaged/" CHUNK));
}

static void test_only_the_owner_may_look(void **state)
{
	struct fixture *f = *state;
	mode_t before = umask(0);

	must_put(f, OBJECT_CHUNK, CHUNK, "x");
	umask(before);
	assert_int_equal(mode_of(f, "chunks/ab/" CHUNK), 0600);
	assert_int_equal(mode_of(f, "chunks/ab"), 0700);
	assert_int_equal(mode_of(f, "chunks"), 0700);
}

static void test_other_peoples_files_are_not_objects(void **state)
{
	struct fixture *f = *state;

	must_put(f, OBJECT_CHUNK, CHUNK, "x");
	must_put(f, OBJECT_SNAPSHOT, "shop/1", "x");
	make_file(f, "chunks/README", "");
	make_file(f, "chunks/ab/.tmp-1-0123456789abcdef", "");
	make_file(f, "chunks/ab/ab", "");
	make_file(f, "chunks/ab/cd00000000000000000000000000000000000000000000000000000000000000", "");
	make_file(f, "snapshots/x.json", "");
	make_file(f, "snapshots/shop/.hidden.json", "");
	make_file(f, "snapshots/shop/1.json~", "");
	make_file(f, ".tmp-1-0123456789abcdef", "");
	assert_int_equal(count(f, OBJECT_CHUNK), 1);
	assert_int_equal(count(f, OBJECT_SNAPSHOT), 1);
	assert_int_equal(count(f, OBJECT_CONFIG), 0);
}

static void make_old(struct fixture *f, const char *name, time_t age)
{
	struct timespec times[2] = { { .tv_sec = time(NULL) - age }, { .tv_sec = time(NULL) - age } };
	char *path = path_of(f, name);

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	free(path);
}

static void test_only_old_files_of_dead_writers_are_swept(void **state)
{
	struct fixture *f = *state;
	char dead[64], young[64], live[64];
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	snprintf(dead, sizeof(dead), ".tmp-%ld-0123456789abcdef", (long)child);
	snprintf(young, sizeof(young), ".tmp-%ld-0123456789abcdee", (long)child);
	snprintf(live, sizeof(live), ".tmp-%ld-0123456789abcdef", (long)getpid());
	make_file(f, dead, "x");
	make_file(f, young, "x");
	make_file(f, live, "x");
	make_file(f, ".tmp-somebody-else", "x");
	make_old(f, dead, 25 * 3600);
	make_old(f, young, 23 * 3600);
	make_old(f, live, 25 * 3600);
	make_old(f, ".tmp-somebody-else", 25 * 3600);
	count(f, OBJECT_CHUNK);
	assert_true(is_there(f, dead)); /* reading changes nothing */
	must_put(f, OBJECT_LOCK, "l", "x");
	assert_false(is_there(f, dead));
	assert_true(is_there(f, young));
	assert_true(is_there(f, live));
	assert_true(is_there(f, ".tmp-somebody-else"));
}

/* Temporary files are what a listing never shows. */
static unsigned temporaries(struct fixture *f)
{
	DIR *dir = opendir(f->dir);
	const struct dirent *entry;
	unsigned n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		n += strncmp(entry->d_name, ".tmp-", 5) == 0;
	closedir(dir);
	return n;
}

static void test_a_write_that_fails_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, small = { 4096, 4096 };
	uint8_t *body = xcalloc(1, 8192);
	struct err e = ERR_INIT;

	must_put(f, OBJECT_LOCK, "l", "old");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	bool ok = storage_put(
	        f->s, (struct object_key){ OBJECT_LOCK, "l" }, (struct view){ body, 8192 }, PUT_REPLACE, &e);
	bool new_ok = storage_put(
	        f->s, (struct object_key){ OBJECT_LOCK, "m" }, (struct view){ body, 8192 }, PUT_CREATE, &e);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_false(ok);
	assert_false(new_ok);
	assert_int_equal(e.sys, EFBIG);
	assert_non_null(strstr(e.msg, f->dir));
	struct buf got = BUF_INIT;
	assert_true(storage_get(f->s, (struct object_key){ OBJECT_LOCK, "l" }, &got, &e));
	assert_string_equal(buf_str(&got), "old");
	assert_int_equal(count(f, OBJECT_LOCK), 1);
	assert_int_equal(temporaries(f), 0);
	buf_release(&got);
	free(body);
}

static void assert_get_fails(struct fixture *f, struct object_key key, enum err_kind kind)
{
	struct buf got = BUF_INIT;
	struct err e = ERR_INIT;

	assert_false(storage_get(f->s, key, &got, &e));
	assert_int_equal(e.kind, kind);
	assert_non_null(strstr(e.msg, f->dir));
	if (kind != ERR_NOT_FOUND)
		assert_true(e.hint[0] || e.sys == ENXIO);
	buf_release(&got);
}

static void test_what_is_in_the_way_is_named(void **state)
{
	struct fixture *f = *state;
	char *path = path_of(f, "locks/d"), *fifo = path_of(f, "locks/fifo");
	struct err e = ERR_INIT;

	make_file(f, "snapshots", "I am a file");
	assert_get_fails(f, (struct object_key){ OBJECT_SNAPSHOT, "shop/1" }, ERR_FAILED);
	assert_false(
	        storage_put(f->s, (struct object_key){ OBJECT_SNAPSHOT, "shop/1" }, view_str("x"), PUT_CREATE, &e));
	assert_int_equal(e.kind, ERR_FAILED);
	assert_non_null(strstr(e.hint, "move it away"));
	must_put(f, OBJECT_LOCK, "l", "x");
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_get_fails(f, (struct object_key){ OBJECT_LOCK, "d" }, ERR_FAILED);
	assert_get_fails(f, (struct object_key){ OBJECT_LOCK, "fifo" }, ERR_FAILED);
	assert_get_fails(f, (struct object_key){ OBJECT_LOCK, "none" }, ERR_NOT_FOUND);
	assert_int_equal(count(f, OBJECT_LOCK), 1);
	free(path);
	free(fifo);
}

static void test_sync_needs_the_directories_it_is_told_of(void **state)
{
	struct fixture *f = *state;
	bool prefixes[256] = { [0xab] = true }, none[256] = { false };
	struct err e = ERR_INIT;

	assert_true(storage_sync(f->s, none, &e));
	assert_false(storage_sync(f->s, prefixes, &e));
	must_put(f, OBJECT_CHUNK, CHUNK, "x");
	e = (struct err)ERR_INIT;
	assert_true(storage_sync(f->s, prefixes, &e));
}

static void test_opening(void **state)
{
	struct fixture *f = *state;
	char *deep = path_of(f, "a/b/c"), *file = path_of(f, "file");
	struct storage *s = NULL;
	struct err e = ERR_INIT;

	assert_false(storage_open_local(&s, deep, false, &e));
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	e = (struct err)ERR_INIT;
	assert_true(storage_open_local(&s, deep, true, &e));
	assert_string_equal(s->where, deep);
	storage_close(s);
	assert_int_equal(mode_of(f, "a/b/c"), 0700);
	make_file(f, "file", "x");
	assert_false(storage_open_local(&s, file, true, &e));
	assert_int_equal(e.sys, ENOTDIR);
	assert_int_not_equal(e.hint[0], 0);
	free(deep);
	free(file);
}

static void test_names_and_paths_are_each_others_reverse(void **state)
{
	static const struct {
		enum object_class cls;
		const char *path, *name; /* NULL: none of ours */
	} cases[] = {
		{ OBJECT_CHUNK, "ab/" CHUNK, CHUNK },
		{ OBJECT_CHUNK, "ac/" CHUNK, NULL },
		{ OBJECT_CHUNK, CHUNK, NULL },
		{ OBJECT_CHUNK, "ab/AB00000000000000000000000000000000000000000000000000000000000000", NULL },
		{ OBJECT_SNAPSHOT, "shop/1.json", "shop/1" },
		{ OBJECT_SNAPSHOT, "shop/1", NULL },
		{ OBJECT_SNAPSHOT, "shop/.json", NULL },
		{ OBJECT_SNAPSHOT, "1.json", NULL },
		{ OBJECT_SNAPSHOT, "a/b/1.json", NULL },
		{ OBJECT_SNAPSHOT, "a//1.json", NULL },
		{ OBJECT_SNAPSHOT, ".tmp-1/1.json", NULL },
		{ OBJECT_PROOF, "shop/1/2.json", "shop/1/2" },
		{ OBJECT_LOCK, "x", "x" },
		{ OBJECT_LOCK, ".tmp-1-1", NULL },
		{ OBJECT_LOCK, "", NULL },
		{ OBJECT_CONFIG, "drtool.json", "" },
		{ OBJECT_CONFIG, "drtool.yml", NULL },
		{ OBJECT_DAMAGED, "x", NULL },
	};
	struct buf name = BUF_INIT, path = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool ours = storage_object_name(&name, cases[i].cls, cases[i].path);

		if (ours != (cases[i].name != NULL))
			fail_msg("%s", cases[i].path);
		if (!ours)
			continue;
		assert_string_equal(buf_str(&name), cases[i].name);
		storage_object_path(&path, (struct object_key){ cases[i].cls, cases[i].name });
		const char *dir = storage_class_dir(cases[i].cls);
		assert_string_equal(buf_str(&path) + strlen(dir) + (dir[0] ? 1 : 0), cases[i].path);
	}
	buf_release(&name);
	buf_release(&path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_layout_of_format_1, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_the_owner_may_look, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_peoples_files_are_not_objects, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_old_files_of_dead_writers_are_swept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_write_that_fails_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_in_the_way_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sync_needs_the_directories_it_is_told_of, setup, teardown),
		cmocka_unit_test_setup_teardown(test_opening, setup, teardown),
		cmocka_unit_test(test_names_and_paths_are_each_others_reverse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
