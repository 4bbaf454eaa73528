/* src/base/child.c - see child.h */
#include "src/base/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/path.h"
#include "src/base/stderr_tail.h"

#define GRACE_US 5000000 /* between SIGTERM and SIGKILL */
#define SLICE_MS 50      /* how often a wait looks at its cancel */

extern char **environ;

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* The first executable of this name in a list of directories as PATH has it; NULL when there is none. */
static char *find_in(const char *directories, const char *name)
{
	while (directories && *directories) {
		size_t len = strcspn(directories, ":");
		char *dir = len ? strndup(directories, len) : xstrdup(".");
		char *path = path_join(dir ? dir : ".", name);

		free(dir);
		if (is_program(path))
			return path;
		free(path);
		directories += len + (directories[len] == ':');
	}
	return NULL;
}

/* That the program is there, so that its absence is not setpriv's message. */
static bool check_program(const struct child_spec *spec, struct err *e)
{
	const char *program = spec->argv[0];
	bool relative = *program != '/', found;
	char *path;

	if (!strchr(program, '/'))
		path = find_in(getenv("PATH"), program);
	else
		path = relative && spec->work_dir ? path_join(spec->work_dir, program) : xstrdup(program);
	found = path && is_program(path);
	if (!found && path && access(path, F_OK) == 0)
		err_set(e, ERR_FAILED, "program \"%s\" cannot be executed", program);
	else if (!found)
		err_set(e, ERR_FAILED, "program \"%s\" not found", program);
	free(path);
	return found;
}

struct arguments {
	const char **items;
	size_t count;
};

static void push(struct arguments *list, const char *item)
{
	list->items = xrealloc(list->items, (list->count + 2) * sizeof(list->items[0]));
	list->items[list->count++] = item;
	list->items[list->count] = NULL;
}

struct launch {
	struct arguments argv, env;
	char *setpriv, *group, *parent;
	int fds[3];   /* what the child gets as 0, 1, 2; -1 means /dev/null */
	int *ours[3]; /* where our end of each pipe goes; NULL when there is none */
};

static bool find_setpriv(struct launch *l, struct err *e)
{
	l->setpriv = find_in("/usr/bin:/bin", "setpriv");
	if (!l->setpriv)
		l->setpriv = find_in(getenv("PATH"), "setpriv");
	if (l->setpriv)
		return true;
	err_set(e, ERR_FAILED, "program \"setpriv\" not found");
	return err_hint(e, "install the package util-linux");
}

static bool add_user(struct launch *l, const char *name, struct err *e)
{
	char space[4096];
	struct passwd entry, *found = NULL;
	int errnum;

	if (!name || geteuid() != 0)
		return true;
	errnum = getpwnam_r(name, &entry, space, sizeof(space), &found);
	if (errnum != 0)
		return err_sys(e, errnum, "look up user \"%s\"", name);
	if (!found)
		return err_set(e, ERR_FAILED, "no user \"%s\" on this machine", name);
	l->group = xasprintf("%lu", (unsigned long)entry.pw_gid);
	push(&l->argv, "--reuid");
	push(&l->argv, name);
	push(&l->argv, "--regid");
	push(&l->argv, l->group);
	push(&l->argv, "--init-groups");
	return true;
}

/* If drtool died before setpriv asked for the signal, none will come; but then the child has another parent. */
#define STILL_OURS "[ \"$PPID\" = \"$0\" ] || exit 1; exec \"$@\""

static bool build_argv(struct launch *l, const struct child_spec *spec, struct err *e)
{
	const char *death_signal = sigabbrev_np(spec->death_signal ? spec->death_signal : SIGTERM);

	assert(death_signal);
	if (!find_setpriv(l, e))
		return false;
	push(&l->argv, l->setpriv);
	push(&l->argv, "--pdeathsig");
	push(&l->argv, death_signal); /* setpriv knows signals by name alone */
	if (!add_user(l, spec->run_as, e))
		return false;
	push(&l->argv, "--");
	l->parent = xasprintf("%ld", (long)getpid());
	push(&l->argv, "/bin/sh");
	push(&l->argv, "-c");
	push(&l->argv, STILL_OURS);
	push(&l->argv, l->parent);
	for (const char *const *arg = spec->argv; *arg; arg++)
		push(&l->argv, *arg);
	return true;
}

/* Is this variable named again by one of the entries ("NAME=value" or "NAME")? */
static bool overridden(const char *variable, const char *const *entries)
{
	size_t len = strcspn(variable, "=");

	for (; entries && *entries; entries++) {
		if (strncmp(*entries, variable, len) == 0 && ((*entries)[len] == '=' || (*entries)[len] == '\0'))
			return true;
	}
	return false;
}

static void build_env(struct launch *l, const struct child_spec *spec)
{
	l->env.items = xcalloc(1, sizeof(l->env.items[0]));
	for (char **variable = environ; *variable; variable++) {
		if (!overridden(*variable, spec->env))
			push(&l->env, *variable);
	}
	for (const char *const *entry = spec->env; entry && *entry; entry++) {
		if (strchr(*entry, '=') && !overridden(*entry, entry + 1))
			push(&l->env, *entry);
	}
}

/* The same file under a descriptor past 2, so that giving the child its 0, 1 and 2 overwrites none of them. */
static int past_standard(int fd)
{
	int moved;

	if (fd < 0 || fd > 2)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	return moved;
}

static bool make_pipe(int *theirs, int *ours, bool they_read, struct err *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_sys(e, errno, "make a pipe");
	*theirs = past_standard(ends[they_read ? 0 : 1]);
	*ours = past_standard(ends[they_read ? 1 : 0]);
	return (*theirs >= 0 && *ours >= 0) || err_sys(e, errno, "make a pipe");
}

static bool borrow(int *out, int fd, struct err *e)
{
	*out = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *out >= 0 || err_sys(e, errno, "duplicate a descriptor");
}

/* Fill l->fds and our ends: the child's in and out, and the stderr pipe in *messages. */
static bool open_pipes(struct launch *l, struct child *c, int *messages, const struct child_spec *spec, struct err *e)
{
	if (spec->want_stdin && !make_pipe(&l->fds[0], &c->in, true, e))
		return false;
	if (spec->stdout_fd > 0) {
		if (!borrow(&l->fds[1], spec->stdout_fd, e))
			return false;
	} else if (spec->want_stdout && !make_pipe(&l->fds[1], &c->out, false, e)) {
		return false;
	}
	if (spec->stderr_fd > 0)
		return borrow(&l->fds[2], spec->stderr_fd, e);
	return make_pipe(&l->fds[2], messages, false, e);
}

static bool kept(int fd, const int *keep)
{
	while (keep && *keep >= 0 && *keep != fd)
		keep++;
	return keep && *keep == fd;
}

/* Close what drtool itself was started with, keep what the caller names. */
static int add_closing(posix_spawn_file_actions_t *actions, const int *keep)
{
	int errnum = 0, last = 2;

	for (const int *fd = keep; fd && *fd >= 0; fd++)
		last = *fd > last ? *fd : last;
	for (int fd = 3; fd <= last && errnum == 0; fd++) {
		if (kept(fd, keep))
			errnum = posix_spawn_file_actions_adddup2(actions, fd, fd); /* clears close-on-exec */
		else
			errnum = posix_spawn_file_actions_addclose(actions, fd);
	}
	return errnum ? errnum : posix_spawn_file_actions_addclosefrom_np(actions, last + 1);
}

static int add_actions(posix_spawn_file_actions_t *actions, const struct launch *l, const struct child_spec *spec)
{
	int errnum = 0;

	for (int fd = 0; fd < 3 && errnum == 0; fd++) {
		if (l->fds[fd] >= 0)
			errnum = posix_spawn_file_actions_adddup2(actions, l->fds[fd], fd);
		else
			errnum = posix_spawn_file_actions_addopen(
			        actions, fd, "/dev/null", fd ? O_WRONLY : O_RDONLY, 0);
	}
	if (errnum == 0)
		errnum = add_closing(actions, spec->keep_fds);
	if (spec->work_dir && errnum == 0)
		errnum = posix_spawn_file_actions_addchdir_np(actions, spec->work_dir);
	return errnum;
}

/*
 * A process group of its own: a Ctrl-C at the terminal reaches drtool alone, which then ends its children in order, and
 * a signal from us reaches what the program itself has started. Signals ignored or blocked here are not inherited (a
 * shell's background jobs ignore SIGQUIT, which would be lost on a server that is just starting), but for SIGHUP, which
 * nohup means for all of us.
 */
static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, defaults;
	short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;

	sigemptyset(&none);
	sigfillset(&defaults);
	sigdelset(&defaults, SIGHUP);
	posix_spawnattr_setpgroup(attributes, 0);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &defaults);
	return posix_spawnattr_setflags(attributes, flags);
}

static bool spawn(struct child *c, const struct launch *l, const struct child_spec *spec, struct err *e)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int errnum;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	errnum = add_actions(&actions, l, spec);
	if (errnum == 0)
		errnum = set_attributes(&attributes);
	if (errnum == 0)
		errnum = posix_spawn(
		        &c->pid, l->setpriv, &actions, &attributes, (char **)l->argv.items, (char **)l->env.items);
	if (errnum != 0)
		c->pid = 0;
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return errnum == 0 || err_sys(e, errnum, "start program \"%s\"", spec->argv[0]);
}

static void launch_release(struct launch *l)
{
	for (int i = 0; i < 3; i++)
		close_fd(&l->fds[i]);
	free(l->setpriv);
	free(l->group);
	free(l->parent);
	free(l->argv.items);
	free(l->env.items);
}

bool child_start(struct child *out, const struct child_spec *spec, struct err *e)
{
	struct launch l = { .fds = { -1, -1, -1 } };
	struct child c = CHILD_INIT;
	const char *slash = strrchr(spec->argv[0], '/');
	int messages = -1;
	bool ok = false;

	c.name = slash ? slash + 1 : spec->argv[0];
	if (!check_program(spec, e) || !build_argv(&l, spec, e) || !open_pipes(&l, &c, &messages, spec, e))
		goto done;
	build_env(&l, spec);
	if (messages >= 0) {
		c.priv = stderr_tail_start(messages, e);
		messages = -1; /* taken */
		if (!c.priv)
			goto done;
	}
	if (!spawn(&c, &l, spec, e))
		goto done;
	*out = c;
	ok = true;
done:
	launch_release(&l);
	close_fd(&messages);
	if (!ok)
		child_abort(&c);
	return ok;
}

void child_kill(struct child *c, int sig)
{
	if (c->pid > 0)
		kill(-c->pid, sig);
}

/* Reap it, at once or after at most one slice; false while it runs. */
static bool reap(int *raw, struct child *c, int pidfd)
{
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	pid_t pid = waitpid(c->pid, raw, WNOHANG);

	if (pid == 0) {
		poll(&ended, 1, pidfd >= 0 ? SLICE_MS : SLICE_MS / 5); /* without a pidfd: a plain sleep */
		pid = waitpid(c->pid, raw, WNOHANG);
	}
	return pid == c->pid || (pid < 0 && errno != EINTR);
}

/* Wait for the end; *told says that the cancel made us end it. */
static int wait_end(bool *told, struct child *c, const struct cancel *cancel)
{
	int raw = 0, pidfd = pidfd_open(c->pid, 0);
	int64_t kill_at = 0;

	*told = false;
	while (!reap(&raw, c, pidfd)) {
		if (!*told && cancel_tripped(cancel)) {
			*told = true;
			child_kill(c, SIGTERM);
			kill_at = clock_monotonic_us() + GRACE_US;
		} else if (*told && clock_monotonic_us() >= kill_at) {
			child_kill(c, SIGKILL);
		}
	}
	close_fd(&pidfd);
	c->pid = 0;
	if (c->priv)
		stderr_tail_stop(c->priv);
	return raw;
}

bool child_wait_status(int *status, struct child *c, const struct cancel *cancel, struct err *e)
{
	bool told;
	int raw;

	assert(c->pid > 0);
	close_fd(&c->in);
	close_fd(&c->out);
	raw = wait_end(&told, c, cancel);
	*status = WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
	return !told || *status == 0 || cancel_check(cancel, e);
}

bool child_wait(struct child *c, const struct cancel *cancel, struct err *e)
{
	char reason[400] = "";
	const char *signal_name;
	int status;

	if (!child_wait_status(&status, c, cancel, e))
		return false;
	if (status == 0)
		return true;
	if (!cancel_check(cancel, e))
		return false;
	if (c->priv)
		stderr_tail_reason(reason, sizeof(reason), c->priv);
	signal_name = status > 128 ? sigabbrev_np(status - 128) : NULL;
	if (signal_name)
		err_set(e, ERR_FAILED, "\"%s\" was ended by SIG%s", c->name, signal_name);
	else
		err_set(e, ERR_FAILED, "\"%s\" failed with status %d", c->name, status);
	if (*reason)
		err_set(e, ERR_FAILED, "%s: %s", e->msg, reason);
	return false;
}

void child_abort(struct child *c)
{
	const struct child none = CHILD_INIT;
	bool told;

	close_fd(&c->in);
	close_fd(&c->out);
	if (c->pid > 0) {
		child_kill(c, SIGKILL);
		wait_end(&told, c, NULL);
	}
	stderr_tail_free(c->priv);
	*c = none;
}

const char *child_stderr(struct child *c)
{
	return c->priv ? stderr_tail_text(c->priv) : "";
}

/* Read its stdout to the end, looking at cancel now and then. */
static bool read_output(struct buf *out, struct child *c, const struct cancel *cancel, struct err *e)
{
	struct pollfd ready = { .fd = c->out, .events = POLLIN };
	char data[16384];
	ssize_t n = 1;

	while (n != 0) {
		if (!cancel_check(cancel, e))
			return false;
		if (poll(&ready, 1, SLICE_MS) <= 0)
			continue;
		n = read(c->out, data, sizeof(data));
		if (n > 0 && !buf_append(out, data, (size_t)n, e))
			return err_wrap(e, "output of \"%s\"", c->name);
		if (n < 0 && errno != EINTR)
			return err_sys(e, errno, "output of \"%s\"", c->name);
	}
	return true;
}

bool child_capture(struct buf *out, const struct child_spec *spec, const struct cancel *cancel, struct err *e)
{
	struct child_spec with_output = *spec;
	struct child c = CHILD_INIT;
	bool ok;

	with_output.want_stdout = true;
	with_output.stdout_fd = 0;
	if (!child_start(&c, &with_output, e))
		return false;
	ok = read_output(out, &c, cancel, e);
	/* A cancelled program is asked to end, and has its time to do so; after any other failure it only stands in the
	 * way. */
	if (ok || cancel_tripped(cancel))
		ok = child_wait(&c, cancel, e) && ok;
	child_abort(&c);
	return ok;
}
