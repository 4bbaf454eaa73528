/* restore/scratch_dir.c - see scratch_dir.h */
#include "restore/scratch_dir.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/base/cancel.h"
#include "src/base/file.h"
#include "src/base/path.h"

#define PREFIX        "drtool-scratch-"
#define SOCKET_PREFIX "drtool-socket-"
#define LOCK_FILE     "owner.lock"
#define DEFAULT_BASE  "/var/lib/drtool/scratch"
#define ATTEMPTS      100
/* A fresh cluster, its first WAL and the catalogues of two more databases. */
#define EMPTY_CLUSTER  ((uint64_t)128 << 20)
#define STOP_WAIT_MS   10000 /* an immediate shutdown takes 5 s at most before the postmaster kills its children */
#define DETACH_WAIT_MS 2000
#define PARENT_WAIT_MS 2000

static bool look_up(struct scratch_user *out, const char *name, bool *found, struct err *e)
{
	struct passwd entry, *p = NULL;
	char space[4096];
	int errnum = getpwnam_r(name, &entry, space, sizeof(space), &p);

	if (errnum != 0)
		return err_sys(e, errnum, "look up user \"%s\"", name);
	*found = p && p->pw_uid != 0;
	if (*found)
		*out = (struct scratch_user){ .name = name, .uid = entry.pw_uid, .gid = entry.pw_gid };
	return true;
}

bool scratch_dir_user(struct scratch_user *out, struct err *e)
{
	static const char *const names[] = { "postgres", "nobody" };
	bool found = false;

	*out = (struct scratch_user){ .name = NULL, .uid = geteuid(), .gid = getegid() };
	if (geteuid() != 0)
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !found; i++) {
		if (!look_up(out, names[i], &found, e))
			return false;
	}
	if (found)
		return true;
	err_set(e, ERR_REFUSED,
	        "the scratch server cannot run as root, and there is no user \"postgres\" or \"nobody\"");
	return err_hint(e, "run drtool as an ordinary user, or make a user \"postgres\"");
}

static bool may_pass(const struct stat *st, const struct scratch_user *user)
{
	if (st->st_uid == user->uid)
		return st->st_mode & S_IXUSR;
	if (st->st_gid == user->gid)
		return st->st_mode & S_IXGRP;
	return st->st_mode & S_IXOTH;
}

/* Can the user reach what lies in base? */
static bool check_passage(const char *base, const struct scratch_user *user, struct err *e)
{
	char *path = xstrdup(base);
	struct stat st;
	bool ok = true;

	for (char *end = path + strlen(path); ok && end > path; end = strrchr(path, '/')) {
		*end = '\0';
		if (*path && stat(path, &st) == 0 && !may_pass(&st, user)) {
			ok = err_set(e, ERR_REFUSED,
			        "user \"%s\" may not enter \"%s\", where the scratch cluster would be",
			        user->name ? user->name : "", path);
			err_hint(e, "chmod o+x %s, or name another directory as scratch.dir", path);
		}
	}
	free(path);
	return ok;
}

/* As root 0711, whatever the umask: the server's user must pass, and nobody need look. False: errno says why. */
static bool make_passable(const char *dir)
{
	return mkdir(dir, 0700) == 0 && (geteuid() != 0 || chmod(dir, 0711) == 0);
}

/* A lock on what dir lies in, for a moment: nobody else's problem when it cannot be had. */
static int lock_parent(const char *dir)
{
	char *parent = xstrdup(dir), *slash = strrchr(parent, '/');
	struct err ignored = ERR_INIT;
	int fd;

	if (slash)
		slash[slash == parent] = '\0';
	fd = open(slash ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int waited = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && waited < PARENT_WAIT_MS; waited += 5)
		cancel_sleep(NULL, 5, &ignored);
	free(parent);
	return fd;
}

/* Whoever finds a directory that is shut waits until the one who is just making it has opened it. */
static void make_shared(const char *dir)
{
	struct stat st;
	int fd;

	if (stat(dir, &st) == 0 && (geteuid() != 0 || (st.st_mode & S_IXOTH)))
		return;
	fd = lock_parent(dir);
	make_passable(dir);
	if (fd >= 0)
		close(fd);
}

static bool usable(const char *dir, struct err *e)
{
	char *path = xstrdup(dir);

	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		make_shared(path);
		*slash = '/';
	}
	make_shared(path);
	free(path);
	if (!path_make_dirs(dir, 0700, e)) /* there by now, or it says why not */
		return false;
	return access(dir, W_OK | X_OK) == 0 || err_sys(e, errno, "write to \"%s\"", dir);
}

const char *scratch_dir_base(struct arena *a, const char *dir, const struct scratch_user *user, struct err *e)
{
	struct err ignored = ERR_INIT;
	char *real;

	if (!dir && usable(DEFAULT_BASE, &ignored) && check_passage(DEFAULT_BASE, user, &ignored))
		return DEFAULT_BASE;
	if (!dir)
		dir = getenv("TMPDIR");
	if (!dir || !*dir)
		dir = "/tmp";
	if (!usable(dir, e)) {
		e->kind = ERR_REFUSED;
		err_wrap(e, "directory for the scratch cluster");
		err_hint(e, "name a directory that can be written as scratch.dir (--scratch-dir)");
		return NULL;
	}
	real = realpath(dir, NULL);
	if (!real) {
		err_sys(e, errno, "directory for the scratch cluster \"%s\"", dir);
		return NULL;
	}
	dir = arena_strdup(a, real);
	free(real);
	return check_passage(dir, user, e) ? dir : NULL;
}

bool scratch_dir_space(const char *base, uint64_t database_size, struct err *e)
{
	uint64_t needed = database_size + database_size / 5 + EMPTY_CLUSTER, available;

	if (!file_free_space(&available, base, e))
		return false;
	if (available >= needed)
		return true;
	err_set(e, ERR_REFUSED, "the scratch cluster needs %" PRIu64 " MB in \"%s\", and %" PRIu64 " MB are free",
	        needed >> 20, base, available >> 20);
	return err_hint(e, "free some space, or name a larger directory as scratch.dir");
}

static void random_name(char out[13])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t bytes[12];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		abort(); /* never for so few bytes */
	for (size_t i = 0; i < sizeof(bytes); i++)
		out[i] = letters[bytes[i] & 31];
	out[12] = '\0';
}

/* Is fd, just locked, still the file of that name? A cleaner may have removed it between open and lock. */
static bool still_there(int fd, const char *path)
{
	struct stat ours, named;

	return fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_ino == named.st_ino &&
	       ours.st_dev == named.st_dev;
}

static int take_lock(const char *dir)
{
	char *path = path_join(dir, LOCK_FILE);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0 && (flock(fd, LOCK_EX | LOCK_NB) != 0 || !still_there(fd, path))) {
		close(fd);
		errno = EAGAIN;
		fd = -1;
	}
	free(path);
	return fd;
}

static char *short_socket_dir(const char *path)
{
	return xasprintf("/tmp/" SOCKET_PREFIX "%s", strrchr(path, '-') + 1);
}

static bool make_owned(const char *dir, const struct scratch_user *user, struct err *e)
{
	if (mkdir(dir, 0700) != 0)
		return err_sys(e, errno, "create directory \"%s\"", dir);
	if (user->name && chown(dir, user->uid, user->gid) != 0)
		return err_sys(e, errno, "give directory \"%s\" to user \"%s\"", dir, user->name);
	return true;
}

static bool fill(struct scratch_dir *d, const struct scratch_user *user, struct err *e)
{
	struct sockaddr_un address;

	d->data = path_join(d->path, "data");
	d->socket_dir = path_join(d->path, "socket");
	/* Both ends read a list of directories there. */
	if (strlen(d->socket_dir) + strlen("/.s.PGSQL.5432") >= sizeof(address.sun_path) ||
	        strpbrk(d->socket_dir, ",\"\n")) {
		free(d->socket_dir);
		d->socket_dir = short_socket_dir(d->path);
	}
	return make_owned(d->data, user, e) && make_owned(d->socket_dir, user, e);
}

bool scratch_dir_make(struct scratch_dir *out, const char *base, const struct scratch_user *user, struct err *e)
{
	struct scratch_dir d = SCRATCH_DIR_INIT;
	char name[13];

	for (int attempt = 0; d.lock_fd < 0 && attempt < ATTEMPTS; attempt++) {
		random_name(name);
		free(d.path);
		d.path = xasprintf("%s/%s%s", strcmp(base, "/") ? base : "", PREFIX, name);
		if (make_passable(d.path))
			d.lock_fd = take_lock(d.path);
		else if (errno != ENOENT) /* a cleaner may have taken it for what a killed process left */
			break;
	}
	if (d.lock_fd < 0) {
		err_sys(e, errno, "make directory \"%s\"", d.path);
		free(d.path);
		return false;
	}
	if (!fill(&d, user, e)) {
		scratch_dir_remove(&d);
		return false;
	}
	*out = d;
	return true;
}

/* Line n, from 1, of a server's pid file; NULL when there is none. text is the file. */
static char *pid_file_line(char *text, unsigned n)
{
	while (--n > 0 && text) {
		text = strchr(text, '\n');
		text += text != NULL;
	}
	return text;
}

static bool read_pid_file(struct buf *out, const char *data)
{
	char *path = path_join(data, "postmaster.pid");
	struct err ignored = ERR_INIT;
	bool ok = file_read(out, path, &ignored) && out->len > 0;

	free(path);
	return ok;
}

/*
 * A server that was killed leaves a System V segment of a few bytes, which the system keeps for ever. Its pid file
 * names it in line 7, key and id; it is removed when nobody is attached to it.
 */
static void remove_segment(const char *data)
{
	struct buf text = BUF_INIT_MAX(4096);
	char *line = read_pid_file(&text, data) ? pid_file_line((char *)text.data, 7) : NULL, *end;
	struct shmid_ds segment;
	struct err ignored = ERR_INIT;
	unsigned long key = line ? strtoul(line, &end, 10) : 0;
	int id = key ? (int)strtol(end, NULL, 10) : -1;
	bool ours = key && shmctl(id, IPC_STAT, &segment) == 0 && (unsigned)segment.shm_perm.__key == key;

	/* Whoever was attached is about to end. */
	for (int waited = 0; ours && segment.shm_nattch > 0 && waited < DETACH_WAIT_MS; waited += 20) {
		cancel_sleep(NULL, 20, &ignored);
		ours = shmctl(id, IPC_STAT, &segment) == 0;
	}
	if (ours && segment.shm_nattch == 0)
		shmctl(id, IPC_RMID, NULL);
	buf_release(&text);
}

/* The lock file goes last, with its directory: until then nobody takes the rest for a stranger's. */
static bool remove_all(const char *path, struct err *e)
{
	char *data = path_join(path, "data"), *elsewhere = short_socket_dir(path);
	bool ok;

	remove_segment(data);
	ok = path_remove_tree(data, e) && path_remove_tree(elsewhere, e) && path_remove_tree(path, e);
	free(elsewhere);
	free(data);
	return ok;
}

void scratch_dir_remove(struct scratch_dir *d)
{
	struct err ignored = ERR_INIT;

	if (d->path)
		remove_all(d->path, &ignored);
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	free(d->path);
	free(d->data);
	free(d->socket_dir);
	*d = (struct scratch_dir)SCRATCH_DIR_INIT;
}

/*
 * Does this process work in that directory? Then it is the server whose pid file we read, not a stranger with its
 * number.
 */
static bool works_in(pid_t pid, const char *dir)
{
	char *link = xasprintf("/proc/%ld/cwd", (long)pid);
	struct stat theirs, ours;
	bool same = stat(link, &theirs) == 0 && stat(dir, &ours) == 0 && theirs.st_ino == ours.st_ino &&
	            theirs.st_dev == ours.st_dev;

	free(link);
	return same;
}

/* End a server left over in this directory and wait for its end. */
static bool stop_server(const char *data, struct err *e)
{
	struct buf text = BUF_INIT_MAX(4096);
	struct err ignored = ERR_INIT;
	long pid = 0;
	int fd = -1;
	bool ok = true;

	if (read_pid_file(&text, data))
		pid = labs(strtol(buf_str(&text), NULL, 10)); /* negative for the one initdb runs */
	if (pid > 1)
		fd = pidfd_open((pid_t)pid, 0);
	if (fd >= 0 && works_in((pid_t)pid, data)) {
		pidfd_send_signal(fd, SIGQUIT, NULL, 0);
		for (int waited = 0; works_in((pid_t)pid, data) && waited < STOP_WAIT_MS; waited += 50)
			cancel_sleep(NULL, 50, &ignored);
		if (works_in((pid_t)pid, data))
			ok = err_set(e, ERR_FAILED, "process %ld does not leave \"%s\"", pid, data);
	}
	if (fd >= 0)
		close(fd);
	buf_release(&text);
	return ok;
}

static bool clean_one(unsigned *removed, const char *path, struct err *e)
{
	char *lock = path_join(path, LOCK_FILE), *data = path_join(path, "data");
	int fd = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	bool ok = true;

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
		ok = stop_server(data, e) && remove_all(path, e);
		*removed += ok;
	} else if (fd < 0 && errno == ENOENT) {
		/*
		 * Its maker was killed, or is just about to lock it; only an empty one can be removed, and the maker
		 * then tries another name.
		 */
		*removed += rmdir(path) == 0;
	}
	if (fd >= 0)
		close(fd);
	free(data);
	free(lock);
	return ok;
}

bool scratch_dir_clean(unsigned *removed, const char *base, struct err *e)
{
	DIR *entries = opendir(base);
	struct dirent *entry;
	bool ok = true;

	*removed = 0;
	if (!entries)
		return errno == ENOENT || err_sys(e, errno, "read directory \"%s\"", base);
	while (ok && (entry = readdir(entries))) {
		char *path;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		path = path_join(base, entry->d_name);
		ok = clean_one(removed, path, e);
		free(path);
	}
	closedir(entries);
	return ok;
}
