/*
 * src/base/child.h - another program, started with posix_spawn, that dies when drtool dies
 *
 * The program runs through `setpriv --pdeathsig` (util-linux), so that even SIGKILL of drtool ends it (a shell in
 * between looks whether drtool was there when that took effect); because the kernel ties that signal to the spawning
 * thread, a child must be waited for (or killed) by the thread that started it or by one that outlives it. Its stderr
 * is collected (the last 16 KiB) and ends up in error messages. Descriptors are O_CLOEXEC everywhere else, so a child
 * holds only 0, 1, 2 and the ones named in keep_fds.
 */
#ifndef DRTOOL_BASE_CHILD_H
#define DRTOOL_BASE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "src/base/buf.h"
#include "src/base/cancel.h"

struct child_spec {
	const char *const *argv; /* NULL-terminated; argv[0] is a path */
	const char *const *env;  /* NULL-terminated "NAME=value" that add to or replace the environment; "NAME" alone
	                            removes; may be NULL */
	const char *run_as;      /* user name to become when drtool is root; NULL to stay */
	const char *work_dir;    /* NULL to stay; directory the program starts in */
	int death_signal;        /* what the child gets when drtool dies; 0 means SIGTERM */
	bool want_stdin;         /* a pipe we write to; else /dev/null */
	bool want_stdout;        /* a pipe we read from; else /dev/null */
	int stdout_fd;           /* > 0: use this descriptor as its stdout instead (borrowed) */
	int stderr_fd;           /* > 0: use this descriptor as its stderr instead of collecting it (borrowed) */
	const int *keep_fds; /* descriptors >= 3 the child inherits under the same number, ended by -1; may be NULL */
};

struct child {
	pid_t pid;        /* 0 when none runs */
	int in, out;      /* our ends of the pipes, -1 when not wanted or closed */
	const char *name; /* last path component of argv[0], for messages; borrowed from the spec */
	void *priv;       /* stderr collector */
};

#define CHILD_INIT                            \
	{                                     \
		.pid = 0, .in = -1, .out = -1 \
	}

bool child_start(struct child *out, const struct child_spec *spec, struct err *e);
/*
 * Close our ends and wait for it; trips of cancel send SIGTERM, then SIGKILL after 5 s. True: it exited 0. False: e
 * says how it ended, with one line of its stderr in the message: the last that says "error:" or "FATAL:", else the
 * last.
 */
bool child_wait(struct child *c, const struct cancel *cancel, struct err *e);
/*
 * As child_wait(), but any exit status is a success and comes out in *status (128+n for a signal). False, with *status
 * set, only when cancel had it ended before it was done.
 */
bool child_wait_status(int *status, struct child *c, const struct cancel *cancel, struct err *e);
void child_kill(struct child *c, int sig); /* send sig when it still runs */
/*
 * Kill, reap, close everything, free the collected stderr. Call it at the end in every case, after child_wait*() too;
 * fine on CHILD_INIT.
 */
void child_abort(struct child *c);
/* What it wrote to stderr so far (its last 16 KiB); valid until the next call on c; complete after child_wait*(). */
const char *child_stderr(struct child *c);
/* Start, read its whole stdout into out, wait. */
bool child_capture(struct buf *out, const struct child_spec *spec, const struct cancel *cancel, struct err *e);

#endif
