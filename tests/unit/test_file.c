/* tests/unit/test_file.c - whole files, pipes, ceilings, full disks */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/file.h"
#include "src/base/path.h"

static uint8_t pattern[300000];

static int set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 31 + i / 977);
	return 0;
}

static void what_is_written_is_read(void **state)
{
	static const size_t sizes[] = { 0, 1, 16383, 16384, 16385, 65536, 300000 };
	char path[] = "/tmp/drtool-file-XXXXXX";
	struct err e = ERR_INIT;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct buf out = BUF_INIT;

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_true(file_write_all(fd, (struct view){ pattern, sizes[i] }, path, &e));
		buf_add(&out, "head");
		assert_true(file_read(&out, path, &e));
		assert_int_equal(out.len, 4 + sizes[i]);
		assert_memory_equal(out.data, "head", 4);
		assert_memory_equal(out.data + 4, pattern, sizes[i]);
		/* Finding the end must not have doubled it. */
		assert_true(out.cap <= 4 + sizes[i] + 128);
		buf_release(&out);
	}
	close(fd);
	unlink(path);
}

static void the_ceiling_holds(void **state)
{
	char path[] = "/tmp/drtool-file-XXXXXX";
	struct err e = ERR_INIT;
	struct buf exact = BUF_INIT_MAX(1000), small = BUF_INIT_MAX(999);
	int fd = mkstemp(path), endless = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(file_write_all(fd, (struct view){ pattern, 1000 }, path, &e));
	assert_true(file_read(&exact, path, &e));
	assert_int_equal(exact.len, 1000);
	assert_false(file_read(&small, path, &e));
	assert_int_equal(e.kind, ERR_FAILED);
	assert_non_null(strstr(e.msg, path));
	assert_non_null(strstr(e.msg, "more than 999 bytes"));
	buf_clear(&small);
	small.max = 100000;
	assert_false(file_read_fd(&small, endless, "/dev/zero", &e));
	assert_true(small.len <= 100000 && small.cap <= 100001);
	close(endless);
	close(fd);
	unlink(path);
	buf_release(&exact);
	buf_release(&small);
}

static void *feed(void *cookie)
{
	int fd = *(int *)cookie;
	struct err e = ERR_INIT;
	bool ok = file_write_all(fd, (struct view){ pattern, sizeof(pattern) }, "pipe", &e);

	close(fd);
	return ok ? NULL : cookie;
}

static void pipes_with_short_reads_and_writes(void **state)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	pthread_t writer;
	void *failed;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&writer, NULL, feed, &ends[1]), 0);
	assert_true(file_read_fd(&out, ends[0], "pipe", &e));
	pthread_join(writer, &failed);
	assert_null(failed);
	assert_int_equal(out.len, sizeof(pattern));
	assert_memory_equal(out.data, pattern, sizeof(pattern));
	close(ends[0]);
	buf_release(&out);
}

static void errors_name_the_path(void **state)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_false(file_read(&out, "/nonexistent/x", &e));
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	assert_int_equal(e.sys, ENOENT);
	assert_string_equal(e.msg, "open \"/nonexistent/x\": No such file or directory");
	assert_false(file_read(&out, "/tmp", &e));
	assert_int_equal(e.sys, EISDIR);
	assert_int_equal(e.kind, ERR_FAILED);
	assert_false(file_write_all(full, view_str("x"), "the file", &e));
	assert_int_equal(e.sys, ENOSPC);
	assert_string_equal(e.msg, "write \"the file\": No space left on device");
	assert_string_not_equal(e.hint, "");
	close(full);
	buf_release(&out);
}

static void free_space(void **state)
{
	struct err e = ERR_INIT;
	uint64_t bytes = 0;

	(void)state;
	assert_true(file_free_space(&bytes, "/tmp", &e));
	assert_true(bytes > 0);
	assert_false(file_free_space(&bytes, "/nonexistent", &e));
	assert_non_null(strstr(e.msg, "/nonexistent"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(the_ceiling_holds),
		cmocka_unit_test(pipes_with_short_reads_and_writes),
		cmocka_unit_test(errors_name_the_path),
		cmocka_unit_test(free_space),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
