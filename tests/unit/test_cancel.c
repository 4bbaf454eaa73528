/* tests/unit/test_cancel.c - reasons, parents, sleeping, signals */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "src/base/cancel.h"
#include "src/base/clock.h"

static void first_reason_stays(void **state)
{
	struct cancel c = CANCEL_INIT(NULL);
	struct err e = ERR_INIT;

	(void)state;
	assert_false(cancel_tripped(NULL));
	assert_true(cancel_check(NULL, &e));
	assert_false(cancel_tripped(&c));
	assert_true(cancel_check(&c, &e));
	cancel_trip(&c, SIGTERM);
	cancel_trip(&c, SIGINT);
	assert_true(cancel_tripped(&c));
	assert_false(cancel_check(&c, &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_int_equal(e.sys, SIGTERM);
	assert_string_equal(e.msg, "interrupted by SIGTERM");
	assert_int_equal(err_exit_status(&e), 143);
}

static void parents_count(void **state)
{
	struct cancel root = CANCEL_INIT(NULL), middle = CANCEL_INIT(&root), leaf = CANCEL_INIT(&middle);
	struct err e = ERR_INIT;

	(void)state;
	cancel_trip(&middle, -1);
	assert_false(cancel_tripped(&root));
	assert_true(cancel_tripped(&leaf));
	assert_false(cancel_check(&leaf, &e));
	assert_string_equal(e.msg, "stopped");
	assert_int_equal(e.sys, 0);
	/* A signal is the better explanation. */
	cancel_trip(&root, SIGINT);
	assert_false(cancel_check(&leaf, &e));
	assert_string_equal(e.msg, "interrupted by SIGINT");
}

static void unnamed_signals_have_a_number(void **state)
{
	struct cancel c = CANCEL_INIT(NULL);
	struct err e = ERR_INIT;

	(void)state;
	cancel_trip(&c, 99);
	assert_false(cancel_check(&c, &e));
	assert_string_equal(e.msg, "interrupted by signal 99");
}

static void *trip_soon(void *cookie)
{
	struct timespec t = { .tv_nsec = 30000000 };

	nanosleep(&t, NULL);
	cancel_trip(cookie, -1);
	return NULL;
}

static void sleep_takes_its_time_and_wakes(void **state)
{
	struct cancel c = CANCEL_INIT(NULL);
	struct err e = ERR_INIT;
	int64_t start = clock_monotonic_us();
	pthread_t other;

	(void)state;
	assert_true(cancel_sleep(&c, 120, &e));
	assert_true(cancel_sleep(NULL, 0, &e));
	assert_in_range(clock_monotonic_us() - start, 120000, 5000000);
	start = clock_monotonic_us();
	assert_int_equal(pthread_create(&other, NULL, trip_soon, &c), 0);
	assert_false(cancel_sleep(&c, 60000, &e));
	pthread_join(other, NULL);
	assert_in_range(clock_monotonic_us() - start, 0, 10000000);
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_false(cancel_sleep(&c, 0, &e));
}

enum action { ONE_SIGNAL, TWO_SIGNALS, HANGUP_IGNORED, BROKEN_PIPE };

/* What a process of its own does; its exit status says what it saw. */
static _Noreturn void act(enum action action)
{
	struct cancel *c;
	struct err e = ERR_INIT;
	int ends[2];

	if (action == HANGUP_IGNORED)
		signal(SIGHUP, SIG_IGN);
	c = cancel_install_signals();
	switch (action) {
	case ONE_SIGNAL:
		raise(SIGINT);
		_exit(cancel_check(c, &e) ? 0 : err_exit_status(&e));
	case TWO_SIGNALS:
		raise(SIGINT);
		raise(SIGTERM);
		_exit(0);
	case HANGUP_IGNORED:
		raise(SIGHUP);
		_exit(cancel_tripped(c) ? 1 : 77);
	case BROKEN_PIPE:
		if (pipe(ends) == 0) {
			close(ends[0]);
			_exit(write(ends[1], "x", 1) < 0 && !cancel_tripped(c) ? 78 : 1);
		}
		_exit(1);
	}
	_exit(1);
}

static int status_of(enum action action)
{
	pid_t pid = fork();
	int raw = 0;

	if (pid == 0)
		act(action);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &raw, 0), pid);
	assert_true(WIFEXITED(raw));
	return WEXITSTATUS(raw);
}

static void signals(void **state)
{
	(void)state;
	assert_int_equal(status_of(ONE_SIGNAL), 128 + SIGINT);
	assert_int_equal(status_of(TWO_SIGNALS), 128 + SIGTERM);
	assert_int_equal(status_of(HANGUP_IGNORED), 77);
	assert_int_equal(status_of(BROKEN_PIPE), 78);
}

/* The process-wide one stays tripped: last. */
static void a_signal_is_routed(void **state)
{
	struct cancel job = CANCEL_INIT(NULL);
	struct err e = ERR_INIT;

	(void)state;
	signal(SIGHUP, SIG_DFL); /* whatever this test was started with */
	job.parent = cancel_install_signals();
	assert_true(cancel_check(&job, &e));
	raise(SIGHUP);
	assert_false(cancel_check(&job, &e));
	assert_string_equal(e.msg, "interrupted by SIGHUP");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_reason_stays),
		cmocka_unit_test(parents_count),
		cmocka_unit_test(unnamed_signals_have_a_number),
		cmocka_unit_test(sleep_takes_its_time_and_wakes),
		cmocka_unit_test(signals),
		cmocka_unit_test(a_signal_is_routed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
