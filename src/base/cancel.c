/* src/base/cancel.c - see cancel.h */
#include "src/base/cancel.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "src/base/clock.h"

#define SLICE_US 10000 /* cancel_sleep() looks this often: whoever joins a sleeping thread waits as long */

static struct cancel process = CANCEL_INIT(NULL);

void cancel_trip(struct cancel *c, int reason)
{
	int running = 0;

	atomic_compare_exchange_strong(&c->reason, &running, reason);
}

/* The reason that matters: a signal anywhere up the line over a sibling's failure. */
static int reason_of(const struct cancel *c)
{
	int found = 0;

	for (; c; c = c->parent) {
		int reason = atomic_load(&c->reason);

		if (reason > 0)
			return reason;
		if (reason != 0)
			found = reason;
	}
	return found;
}

bool cancel_tripped(const struct cancel *c)
{
	return reason_of(c) != 0;
}

bool cancel_check(const struct cancel *c, struct err *e)
{
	int reason = reason_of(c);
	const char *name;

	if (reason == 0)
		return true;
	if (reason < 0)
		return err_set(e, ERR_CANCELLED, "stopped");
	name = sigabbrev_np(reason);
	if (name)
		err_set(e, ERR_CANCELLED, "interrupted by SIG%s", name);
	else
		err_set(e, ERR_CANCELLED, "interrupted by signal %d", reason);
	e->sys = reason;
	return false;
}

bool cancel_sleep(const struct cancel *c, unsigned ms, struct err *e)
{
	int64_t end = clock_monotonic_us() + (int64_t)ms * 1000;

	for (;;) {
		int64_t left = end - clock_monotonic_us();
		struct timespec slice = { 0 };

		if (!cancel_check(c, e))
			return false;
		if (left <= 0)
			return true;
		slice.tv_nsec = (long)(left < SLICE_US ? left : SLICE_US) * 1000;
		nanosleep(&slice, NULL);
	}
}

static void on_signal(int signo)
{
	int running = 0;

	if (!atomic_compare_exchange_strong(&process.reason, &running, signo))
		_exit(128 + signo);
}

static void route(int signo)
{
	struct sigaction action = { .sa_flags = SA_RESTART };

	action.sa_handler = on_signal;
	sigemptyset(&action.sa_mask);
	sigaction(signo, &action, NULL);
}

struct cancel *cancel_install_signals(void)
{
	struct sigaction hangup;

	signal(SIGPIPE, SIG_IGN);
	route(SIGINT);
	route(SIGTERM);
	/* Started by nohup, a closed terminal is none of our business. */
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		route(SIGHUP);
	return &process;
}
