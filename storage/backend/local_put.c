/* Writing a file so that it is there whole, or not at all. */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/file.h"
#include "storage/backend/local.h"

#define TEMPORARY_NAME_SIZE 64
#define LEFTOVER_AGE_US     ((int64_t)24 * 3600 * 1000000)

static uint32_t here; /* see find_here() */
static pthread_once_t here_once = PTHREAD_ONCE_INIT;

static bool add_to_here(const void *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		here = (here ^ ((const uint8_t *)text)[i]) * 16777619u; /* FNV-1a */
	return len > 0;
}

/* Where a process id means something to us: this boot of this machine and this process namespace. 0 when nobody can
 * say. */
static void find_here(void)
{
	struct buf boot = BUF_INIT;
	struct err ignored = ERR_INIT;
	char space[64];
	ssize_t n = readlink("/proc/self/ns/pid", space, sizeof(space));

	here = 2166136261u;
	if (n <= 0 || !file_read(&boot, "/proc/sys/kernel/random/boot_id", &ignored) ||
	        !add_to_here(boot.data, boot.len) || !add_to_here(space, (size_t)n))
		here = 0;
	buf_release(&boot);
}

static void temporary_name(char out[TEMPORARY_NAME_SIZE])
{
	uint32_t random = 0;

	pthread_once(&here_once, find_here);
	/* Never short or failing for 4 bytes once the machine is up; a collision would be caught by O_EXCL. */
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint32_t)clock_monotonic_us();
	snprintf(out, TEMPORARY_NAME_SIZE, LOCAL_TEMPORARY_PREFIX "%ld-%08" PRIx32 "%08" PRIx32, (long)getpid(), here,
	        random);
}

/*
 * Was this file left by a writer that is no more? One from here is known by its process; a day's grace covers writers
 * elsewhere (a network file system, another container).
 */
static bool is_leftover(struct local *l, const char *name)
{
	size_t prefix_len = strlen(LOCAL_TEMPORARY_PREFIX);
	char *end, tag[9];
	struct stat st;

	if (strncmp(name, LOCAL_TEMPORARY_PREFIX, prefix_len) != 0)
		return false;
	long pid = strtol(name + prefix_len, &end, 10);
	if (pid <= 0 || *end != '-' || strlen(end + 1) != 16)
		return false;
	if (kill((pid_t)pid, 0) == 0 || errno != ESRCH)
		return false;
	if (fstatat(l->root, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
		return false;
	pthread_once(&here_once, find_here);
	snprintf(tag, sizeof(tag), "%08" PRIx32, here);
	if (here != 0 && strncmp(end + 1, tag, 8) == 0)
		return true;
	return clock_utc_us() - (int64_t)st.st_mtim.tv_sec * 1000000 > LEFTOVER_AGE_US;
}

static void remove_leftovers(struct local *l)
{
	int fd = openat(l->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)))
		if (is_leftover(l, entry->d_name))
			unlinkat(l->root, entry->d_name, 0);
	closedir(dir);
}

static void remove_leftovers_once(struct local *l)
{
	pthread_mutex_lock(&l->mutex);
	if (!l->cleaned)
		remove_leftovers(l);
	l->cleaned = true;
	pthread_mutex_unlock(&l->mutex);
}

/* The bytes on stable storage under a temporary name; nothing is left when it fails. */
static bool write_temporary(struct local *l, const char *tmp, struct view body, struct err *e)
{
	int fd = openat(l->root, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok = false;

	if (fd < 0)
		return local_error(l, errno, "create", tmp, e);
	local_owner_give(l, fd);
	if (!file_write_all(fd, body, tmp, e))
		err_wrap(e, "in \"%s\"", l->dir);
	else if (fdatasync(fd) != 0)
		local_error(l, errno, "make durable", tmp, e);
	else
		ok = true;
	if (close(fd) != 0 && ok)
		ok = local_error(l, errno, "close", tmp, e);
	if (!ok)
		unlinkat(l->root, tmp, 0);
	return ok;
}

/* link() reports failure for a link it has made when a network file system repeats the request. */
static bool link_was_made(struct local *l, const char *tmp, const char *path)
{
	struct stat a, b;

	return fstatat(l->root, tmp, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(l->root, path, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Give the file its name only if nobody has it. errno tells why not. */
static bool name_new(struct local *l, const char *tmp, const char *path)
{
	if (linkat(l->root, tmp, l->root, path, 0) == 0 || (errno == EEXIST && link_was_made(l, tmp, path))) {
		unlinkat(l->root, tmp, 0);
		return true;
	}
	if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK)
		return false;
	/* No hard links here (exFAT, some FUSE). */
	if (renameat2(l->root, tmp, l->root, path, RENAME_NOREPLACE) == 0)
		return true;
	if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
		return false;
	/* Last resort, not atomic: a reservation with O_EXCL would show a part of an object if we died. */
	if (faccessat(l->root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return false;
	}
	return renameat(l->root, tmp, l->root, path) == 0;
}

/* Call each() for every directory above path, outermost first. */
static bool each_parent(
        struct local *l, const char *path, bool (*each)(struct local *, const char *, struct err *), struct err *e)
{
	char *parent = xstrdup(path);
	bool ok = true;

	for (char *slash = strchr(parent, '/'); ok && slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		ok = each(l, parent, e);
		*slash = '/';
	}
	free(parent);
	return ok;
}

static bool make_dir(struct local *l, const char *path, struct err *e)
{
	if (mkdirat(l->root, path, 0700) == 0) {
		local_owner_give_dir(l, path);
		return true;
	}
	return errno == EEXIST || local_error(l, errno, "create directory", path, e);
}

static bool give_name(struct local *l, const char *tmp, const char *path, enum put_mode mode)
{
	return mode == PUT_CREATE ? name_new(l, tmp, path) : renameat(l->root, tmp, l->root, path) == 0;
}

static bool publish(struct local *l, const char *tmp, const char *path, enum put_mode mode, struct err *e)
{
	bool ok = give_name(l, tmp, path, mode);

	if (!ok && errno == ENOENT) {
		if (!each_parent(l, path, make_dir, e))
			return false;
		ok = give_name(l, tmp, path, mode);
	}
	if (!ok && mode == PUT_CREATE && errno == EEXIST)
		return err_set(e, ERR_EXISTS, "\"%s/%s\" exists already", l->dir, path);
	return ok || local_error(l, errno, "create", path, e);
}

bool local_put(void *impl, struct object_key key, struct view body, enum put_mode mode, struct err *e)
{
	struct local *l = impl;
	struct buf path = BUF_INIT;
	char tmp[TEMPORARY_NAME_SIZE];
	bool ok = false;

	remove_leftovers_once(l);
	storage_object_path(&path, key);
	temporary_name(tmp);
	if (!write_temporary(l, tmp, body, e))
		goto done;
	if (!publish(l, tmp, buf_str(&path), mode, e)) {
		unlinkat(l->root, tmp, 0);
		goto done;
	}
	/*
	 * All directories above: another process may have made one of them and died before its own fsync. Where nothing
	 * changed this costs next to nothing.
	 */
	ok = mode == PUT_DEFER_NAME || (each_parent(l, buf_str(&path), local_sync_dir, e) && local_sync_dir(l, "", e));
done:
	buf_release(&path);
	return ok;
}
