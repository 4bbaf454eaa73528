/* tests/unit/test_memory_file.c - files without a place on disk, and when there can be none */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "restore/memory_file.h"
#include "src/base/file.h"

static void holds_what_was_given(void **state)
{
	struct buf back = BUF_INIT;
	struct err e = ERR_INIT;
	char path[32];
	int fd = memory_file("script", view_str("SELECT 1;\n"), &e);

	(void)state;
	assert_true(fd >= 0);
	memory_file_path(path, fd);
	assert_true(file_read(&back, path, &e));
	assert_string_equal(buf_str(&back), "SELECT 1;\n");
	buf_release(&back);
	close(fd);
}

static void fails_under(int resource, rlim_t limit, const char *word)
{
	struct err e = ERR_INIT;
	struct rlimit before, now;

	assert_int_equal(getrlimit(resource, &before), 0);
	now = (struct rlimit){ limit, before.rlim_max };
	assert_int_equal(setrlimit(resource, &now), 0);
	int fd = memory_file("script", view_str("SELECT 1;\n"), &e);
	assert_int_equal(setrlimit(resource, &before), 0);
	assert_int_equal(fd, -1);
	if (!strstr(e.msg, word))
		fail_msg("\"%s\" is not in \"%s\"", word, e.msg);
}

static void no_descriptor_left(void **state)
{
	(void)state;
	fails_under(RLIMIT_NOFILE, 3, "create a file in memory");
}

static void no_room(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	fails_under(RLIMIT_FSIZE, 4, "script");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_what_was_given),
		cmocka_unit_test(no_descriptor_left),
		cmocka_unit_test(no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
