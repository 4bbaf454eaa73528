/* tests/unit/test_child.c - starting, feeding, ending programs */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/child.h"
#include "src/base/clock.h"
#include "src/base/file.h"
#include "src/base/path.h"

#define SHELL(script)                         \
	(const char *const[])                 \
	{                                     \
		"/bin/sh", "-c", script, NULL \
	}

static void captured(const char *expected, struct child_spec spec)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	if (!child_capture(&out, &spec, NULL, &e))
		fail_msg("%s", e.msg);
	assert_string_equal(buf_str(&out), expected);
	buf_release(&out);
}

static void output_is_captured(void **state)
{
	(void)state;
	captured("hello\n", (struct child_spec){ .argv = SHELL("echo hello; echo noise >&2") });
	captured("", (struct child_spec){ .argv = SHELL("cat") }); /* stdin is empty */
	captured(
	        "hi", (struct child_spec){ .argv = (const char *const[]){ "printf", "hi", NULL } }); /* found in PATH */
	captured("/usr\n", (struct child_spec){ .argv = SHELL("pwd"), .work_dir = "/usr" });
	captured("-x --y\n", (struct child_spec){ .argv = (const char *const[]){ "/bin/echo", "-x", "--y", NULL } });
}

static void environment_adds_replaces_and_removes(void **state)
{
	static const char *const env[] = { "T_NEW=1", "T_OLD=new", "T_GONE", "T_TWICE=a", "T_TWICE=b",
		"T_EMPTY=", NULL };

	(void)state;
	setenv("T_OLD", "old", 1);
	setenv("T_GONE", "x", 1);
	setenv("T_KEPT", "kept", 1);
	setenv("T_OLDER", "older", 1);
	captured("1 new unset kept b set older\n",
	        (struct child_spec){
	                .argv = SHELL("echo $T_NEW $T_OLD ${T_GONE-unset} $T_KEPT $T_TWICE ${T_EMPTY+set} $T_OLDER"),
	                .env = env });
}

static void failures_say_how_it_ended(void **state)
{
	static const struct {
		const char *script, *message;
		int status;
	} rows[] = {
		{ "exit 3", "\"sh\" failed with status 3", 3 },
		{ "echo first >&2; echo 'last  ' >&2; echo >&2; exit 1", "\"sh\" failed with status 1: last", 1 },
		{ "printf 'no newline' >&2; exit 1", "\"sh\" failed with status 1: no newline", 1 },
		{ "echo 'x: error: bad' >&2; echo 'x: detail: more' >&2; exit 1",
		        "\"sh\" failed with status 1: x: error: bad", 1 },
		{ "echo 'FATAL:  write: No space left on device' >&2; echo 'PANIC:  oh no' >&2; exit 1",
		        "\"sh\" failed with status 1: FATAL:  write: No space left on device", 1 },
		{ "kill -KILL $$", "\"sh\" was ended by SIGKILL", 137 },
		{ "echo psst >&2; kill -TERM $$", "\"sh\" was ended by SIGTERM: psst", 143 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct child_spec spec = { .argv = SHELL(rows[i].script) };
		struct child c = CHILD_INIT;
		struct err e = ERR_INIT;
		int status = -1;

		assert_true(child_start(&c, &spec, &e));
		assert_false(child_wait(&c, NULL, &e));
		assert_int_equal(e.kind, ERR_FAILED);
		assert_string_equal(e.msg, rows[i].message);
		child_abort(&c);
		assert_true(child_start(&c, &spec, &e));
		assert_true(child_wait_status(&status, &c, NULL, &e));
		assert_int_equal(status, rows[i].status);
		child_abort(&c);
	}
}

static void missing_programs_are_named(void **state)
{
	struct child c = CHILD_INIT;
	struct err e = ERR_INIT;
	struct child_spec spec = { .argv = (const char *const[]){ "/nonexistent/pg_dump", NULL } };

	(void)state;
	assert_false(child_start(&c, &spec, &e));
	assert_string_equal(e.msg, "program \"/nonexistent/pg_dump\" not found");
	assert_int_equal(c.pid, 0);
	spec.argv = (const char *const[]){ "no-such-program-anywhere", NULL };
	assert_false(child_start(&c, &spec, &e));
	assert_string_equal(e.msg, "program \"no-such-program-anywhere\" not found");
	spec.argv = (const char *const[]){ "/etc/passwd", NULL };
	assert_false(child_start(&c, &spec, &e));
	assert_string_equal(e.msg, "program \"/etc/passwd\" cannot be executed");
	spec.argv = (const char *const[]){ "/tmp", NULL };
	assert_false(child_start(&c, &spec, &e));
	spec.argv = (const char *const[]){ "/bin/true", NULL };
	spec.work_dir = "/nonexistent";
	assert_false(child_start(&c, &spec, &e));
	assert_int_equal(e.sys, ENOENT);
	child_abort(&c);
}

static void stdin_and_stdout_are_pipes(void **state)
{
	struct child_spec spec = { .argv = SHELL("tr a-z A-Z"), .want_stdin = true, .want_stdout = true };
	struct child c = CHILD_INIT;
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(child_start(&c, &spec, &e));
	assert_true(file_write_all(c.in, view_str("shout"), "pipe", &e));
	close(c.in);
	c.in = -1;
	assert_true(file_read_fd(&out, c.out, "pipe", &e));
	assert_string_equal(buf_str(&out), "SHOUT");
	assert_true(child_wait(&c, NULL, &e));
	child_abort(&c);
	buf_release(&out);
}

/* Far more than a pipe holds, on stderr first: nobody reads it while we read stdout. */
static void a_noisy_child_does_not_block(void **state)
{
	struct child_spec spec = {
		.argv = SHELL("i=0; while [ $i -lt 20000 ]; do echo \"warning $i of many\" >&2; i=$((i+1)); done;"
		              " echo done"),
		.want_stdout = true
	};
	struct child c = CHILD_INIT;
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	const char *tail;

	(void)state;
	assert_true(child_start(&c, &spec, &e));
	assert_true(file_read_fd(&out, c.out, "pipe", &e));
	assert_string_equal(buf_str(&out), "done\n");
	assert_true(child_wait(&c, NULL, &e));
	tail = child_stderr(&c);
	assert_int_equal(strlen(tail), 16384);
	assert_non_null(strstr(tail, "warning 19998 of many\nwarning 19999 of many\n"));
	child_abort(&c);
	buf_release(&out);
}

static void stderr_may_hold_any_byte(void **state)
{
	struct child_spec spec = { .argv = SHELL("printf 'a\\000b' >&2") };
	struct child c = CHILD_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_string_equal(child_stderr(&c), "");
	assert_true(child_start(&c, &spec, &e));
	assert_true(child_wait(&c, NULL, &e));
	assert_string_equal(child_stderr(&c), "a?b");
	child_abort(&c);
	child_abort(&c);
}

/* A grandchild that lives on with the stderr pipe must not hold up the wait. */
static void a_daemon_left_behind_is_not_waited_for(void **state)
{
	struct child_spec spec = { .argv = SHELL("sleep 20 & echo $! >&2; exit 0") };
	struct child c = CHILD_INIT;
	struct err e = ERR_INIT;
	int64_t start = clock_monotonic_us();

	(void)state;
	assert_true(child_start(&c, &spec, &e));
	assert_true(child_wait(&c, NULL, &e));
	assert_in_range(clock_monotonic_us() - start, 0, 10000000);
	kill((pid_t)strtol(child_stderr(&c), NULL, 10), SIGKILL);
	child_abort(&c);
}

static void borrowed_descriptors(void **state)
{
	char path[] = "/tmp/drtool-child-XXXXXX";
	int fd = mkstemp(path), keep[2] = { -1, -1 };
	struct child_spec spec = { .argv = SHELL("echo out; echo err >&2"), .stdout_fd = fd, .stderr_fd = fd };
	struct child c = CHILD_INIT;
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	char *script;

	(void)state;
	assert_true(child_start(&c, &spec, &e));
	assert_true(child_wait(&c, NULL, &e));
	assert_string_equal(child_stderr(&c), "");
	child_abort(&c);
	close(9); /* sh writes to single digits alone */
	keep[0] = fcntl(fd, F_DUPFD_CLOEXEC, 9);
	script = xasprintf("echo kept >&%d", keep[0]);
	spec = (struct child_spec){ .argv = SHELL(script), .keep_fds = keep };
	assert_true(child_start(&c, &spec, &e));
	if (!child_wait(&c, NULL, &e))
		fail_msg("%s", e.msg);
	child_abort(&c);
	assert_true(file_read(&out, path, &e));
	assert_string_equal(buf_str(&out), "out\nerr\nkept\n");
	assert_true(fcntl(keep[0], F_GETFD) & FD_CLOEXEC); /* still, on our side */
	buf_release(&out);
	free(script);
	close(keep[0]);
	close(fd);
	unlink(path);
}

static void only_named_descriptors_are_inherited(void **state)
{
	int inherited[3], keep[2] = { -1, -1 };

	(void)state;
	for (int i = 0; i < 3; i++)
		inherited[i] = open("/dev/null", O_RDONLY); /* as a careless parent of drtool leaves them */
	keep[0] = inherited[1];
	/* ls itself opens the lowest free one for the directory. */
	captured("0\n1\n2\n3\n", (struct child_spec){ .argv = SHELL("exec ls /proc/self/fd") });
	captured("4\n", (struct child_spec){ .argv = SHELL("ls /proc/self/fd | wc -l") });
	captured("5\n", (struct child_spec){ .argv = SHELL("ls /proc/self/fd | wc -l"), .keep_fds = keep });
	for (int i = 0; i < 3; i++)
		close(inherited[i]);
}

static void signals_are_as_a_program_expects(void **state)
{
	struct child_spec spec = { .argv = SHELL("grep -E '^Sig(Blk|Ign)' /proc/self/status") };
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	sigset_t term;

	(void)state;
	assert_ptr_equal(signal(SIGPIPE, SIG_IGN), SIG_IGN); /* as it is in drtool */
	signal(SIGQUIT, SIG_IGN);                            /* as it is in a background job */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, NULL);
	assert_true(child_capture(&out, &spec, NULL, &e));
	assert_int_equal(strncmp(buf_str(&out), "SigBlk:\t0000000000000000\nSigIgn:\t", 33), 0);
	/* 32 and 33 are glibc's own. */
	assert_int_equal(strtoull(buf_str(&out) + 33, NULL, 16) & ~(UINT64_C(3) << 31), 0);
	buf_release(&out);
	pthread_sigmask(SIG_UNBLOCK, &term, NULL);
	signal(SIGQUIT, SIG_DFL);
}

static void cancel_ends_it(void **state)
{
	struct cancel cancel = CANCEL_INIT(NULL);
	struct child_spec spec = { .argv = SHELL("sleep 100; true") };
	struct child c = CHILD_INIT;
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	int64_t start = clock_monotonic_us();
	int status = 0;

	(void)state;
	cancel_trip(&cancel, SIGINT);
	assert_true(child_start(&c, &spec, &e));
	assert_false(child_wait(&c, &cancel, &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_int_equal(e.sys, SIGINT);
	child_abort(&c);
	assert_true(child_start(&c, &spec, &e));
	assert_false(child_wait_status(&status, &c, &cancel, &e));
	assert_int_equal(status, 143);
	child_abort(&c);
	e = (struct err)ERR_INIT;
	assert_false(child_capture(&out, &spec, &cancel, &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_in_range(clock_monotonic_us() - start, 0, 4000000); /* none had to be killed */
	buf_release(&out);
}

static void the_stubborn_are_killed(void **state)
{
	struct cancel cancel = CANCEL_INIT(NULL);
	struct child_spec spec = { .argv = SHELL("trap '' TERM; echo ready; while :; do sleep 1; done"),
		.want_stdout = true };
	struct child c = CHILD_INIT;
	struct err e = ERR_INIT;
	int64_t start;
	char line[8];
	int status;

	(void)state;
	assert_true(child_start(&c, &spec, &e));
	assert_int_equal(read(c.out, line, 6), 6);
	cancel_trip(&cancel, -1);
	start = clock_monotonic_us();
	assert_false(child_wait_status(&status, &c, &cancel, &e));
	assert_int_equal(status, 137);
	assert_in_range(clock_monotonic_us() - start, 4900000, 20000000);
	child_abort(&c);
}

static void capture_has_a_ceiling(void **state)
{
	struct child_spec spec = { .argv = SHELL("yes") };
	struct buf out = BUF_INIT_MAX(100000);
	struct err e = ERR_INIT;

	(void)state;
	assert_false(child_capture(&out, &spec, NULL, &e));
	assert_string_equal(e.msg, "output of \"sh\": more than 100000 bytes");
	assert_true(out.cap <= 100001);
	buf_release(&out);
}

static void gone_within(pid_t pid, int64_t us)
{
	int64_t end = clock_monotonic_us() + us;
	struct err e = ERR_INIT;
	struct buf text = BUF_INIT;
	char *path = xasprintf("/proc/%ld/stat", (long)pid);
	bool gone = false;

	while (!gone && clock_monotonic_us() < end) {
		buf_clear(&text);
		/* A zombie nobody reaps (no init in a container) is as gone as it gets. */
		gone = kill(pid, 0) != 0 || !file_read(&text, path, &e) || strstr(buf_str(&text), ") Z ");
		usleep(10000);
	}
	assert_true(gone);
	buf_release(&text);
	free(path);
}

static void abort_ends_it_and_what_it_started(void **state)
{
	struct child_spec spec = { .argv = SHELL("sleep 100 & echo $!; wait"), .want_stdout = true };
	struct child c = CHILD_INIT;
	struct err e = ERR_INIT;
	char line[32] = "";
	pid_t sleeper;

	(void)state;
	assert_true(child_start(&c, &spec, &e));
	assert_true(read(c.out, line, sizeof(line) - 1) > 0);
	sleeper = (pid_t)strtol(line, NULL, 10);
	assert_true(sleeper > 0);
	child_abort(&c);
	assert_int_equal(c.pid, 0);
	assert_int_equal(c.out, -1);
	gone_within(sleeper, 5000000);
	child_kill(&c, SIGTERM); /* nobody there: nothing happens */
}

/* In a process of its own: start a sleep, tell its pid, and wait to be killed, or be dead before setpriv has begun. */
static _Noreturn void parent_that_dies(int fd, const char *run_as, bool at_once)
{
	struct child_spec spec = { .argv = (const char *const[]){ "/bin/sleep", "100", NULL }, .run_as = run_as };
	struct child c = CHILD_INIT;
	struct err e = ERR_INIT;

	if (child_start(&c, &spec, &e) && write(fd, &c.pid, sizeof(c.pid)) == sizeof(c.pid)) {
		for (;;)
			at_once ? raise(SIGKILL) : pause();
	}
	_exit(1);
}

/* setpriv has become the program: only then is the death signal set. */
static void wait_for_exec(pid_t pid, const char *name)
{
	char *path = xasprintf("/proc/%ld/comm", (long)pid);
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	for (int i = 0; i < 500 && strncmp(buf_str(&text), name, strlen(name)) != 0; i++) {
		usleep(10000);
		buf_clear(&text);
		assert_true(file_read(&text, path, &e));
	}
	buf_release(&text);
	free(path);
}

static void dies_with_its_parent(const char *run_as, bool at_once)
{
	pid_t parent, sleeper = 0;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	parent = fork();
	if (parent == 0)
		parent_that_dies(ends[1], run_as, at_once);
	assert_true(parent > 0);
	assert_int_equal(read(ends[0], &sleeper, sizeof(sleeper)), sizeof(sleeper));
	if (!at_once) {
		wait_for_exec(sleeper, "sleep");
		assert_int_equal(kill(sleeper, 0), 0);
		assert_int_equal(kill(parent, SIGKILL), 0);
	}
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	gone_within(sleeper, 5000000);
	close(ends[0]);
	close(ends[1]);
}

static void a_killed_parent_takes_its_child_along(void **state)
{
	(void)state;
	dies_with_its_parent(NULL, false);
	if (geteuid() == 0)
		dies_with_its_parent("nobody", false);
}

static void a_parent_killed_at_once_leaves_no_child(void **state)
{
	(void)state;
	dies_with_its_parent(NULL, true);
	if (geteuid() == 0)
		dies_with_its_parent("nobody", true);
}

static void root_becomes_another_user(void **state)
{
	struct child c = CHILD_INIT;
	struct err e = ERR_INIT;
	struct child_spec spec = { .argv = SHELL("id -un"), .run_as = "no-such-user-here" };

	(void)state;
	if (geteuid() != 0) {
		char *own = xasprintf("%lu\n", (unsigned long)geteuid());

		captured(own, (struct child_spec){ .argv = SHELL("id -u"), .run_as = "nobody" }); /* stays who it is */
		free(own);
		return;
	}
	captured("nobody nogroup nogroup\n",
	        (struct child_spec){ .argv = SHELL("echo $(id -un) $(id -gn) $(id -Gn)"), .run_as = "nobody" });
	assert_false(child_start(&c, &spec, &e));
	assert_string_equal(e.msg, "no user \"no-such-user-here\" on this machine");
}

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_is_captured),
		cmocka_unit_test(environment_adds_replaces_and_removes),
		cmocka_unit_test(failures_say_how_it_ended),
		cmocka_unit_test(missing_programs_are_named),
		cmocka_unit_test(stdin_and_stdout_are_pipes),
		cmocka_unit_test(a_noisy_child_does_not_block),
		cmocka_unit_test(stderr_may_hold_any_byte),
		cmocka_unit_test(a_daemon_left_behind_is_not_waited_for),
		cmocka_unit_test(borrowed_descriptors),
		cmocka_unit_test(only_named_descriptors_are_inherited),
		cmocka_unit_test(signals_are_as_a_program_expects),
		cmocka_unit_test(cancel_ends_it),
		cmocka_unit_test(the_stubborn_are_killed),
		cmocka_unit_test(capture_has_a_ceiling),
		cmocka_unit_test(abort_ends_it_and_what_it_started),
		cmocka_unit_test(a_killed_parent_takes_its_child_along),
		cmocka_unit_test(a_parent_killed_at_once_leaves_no_child),
		cmocka_unit_test(root_becomes_another_user),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
