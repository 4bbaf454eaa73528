/* Objects as files below one directory. */
#include "storage/backend/local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/file.h"
#include "src/base/path.h"

bool local_error(struct local *l, int errnum, const char *doing, const char *path, struct err *e)
{
	err_sys(e, errnum, "%s \"%s%s%s\"", doing, l->dir, path[0] ? "/" : "", path);
	if (errnum == EACCES || errnum == EPERM)
		local_owner_hint(e, l->dir);
	else if (errnum == ENOTDIR || errnum == EISDIR)
		err_hint(e, "something that is not drtool's lies in the repository: move it away");
	else if (errnum == EROFS)
		err_hint(e, "the file system is mounted read-only");
	return false;
}

bool local_sync_dir(struct local *l, const char *path, struct err *e)
{
	int fd = openat(l->root, path[0] ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return local_error(l, errno, "open directory", path, e);
	/* EINVAL: a file system (some FUSE, SMB) that has no such notion and says so. */
	bool ok = fsync(fd) == 0 || errno == EINVAL;
	int errnum = errno;
	close(fd);
	return ok || local_error(l, errnum, "make durable directory", path, e);
}

static bool local_read(struct local *l, const char *path, struct buf *out, struct err *e)
{
	/* O_NONBLOCK: opening a FIFO somebody put there must not hang. */
	int fd = openat(l->root, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	bool ok = false;

	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_NOT_FOUND, "there is no \"%s/%s\"", l->dir, path);
	if (fd < 0)
		return local_error(l, errno, "open", path, e);
	if (fstat(fd, &st) != 0)
		local_error(l, errno, "look at", path, e);
	else if (!S_ISREG(st.st_mode))
		local_error(l, S_ISDIR(st.st_mode) ? EISDIR : ENXIO, "read", path, e);
	else
		ok = buf_reserve(out, (size_t)st.st_size, e) && file_read_fd(out, fd, path, e);
	close(fd);
	return ok || err_wrap(e, "read \"%s/%s\"", l->dir, path);
}

static bool local_get(void *impl, struct object_key key, struct buf *out, struct err *e)
{
	struct buf path = BUF_INIT;

	storage_object_path(&path, key);
	bool ok = local_read(impl, buf_str(&path), out, e);
	buf_release(&path);
	return ok;
}

static bool local_remove(void *impl, struct object_key key, struct err *e)
{
	struct local *l = impl;
	struct buf path = BUF_INIT;

	storage_object_path(&path, key);
	bool ok = unlinkat(l->root, buf_str(&path), 0) == 0 || errno == ENOENT ||
	          local_error(l, errno, "remove", buf_str(&path), e);
	buf_release(&path);
	return ok;
}

static bool local_sync(void *impl, const bool prefixes[256], struct err *e)
{
	struct local *l = impl;
	bool any = false;

	for (unsigned i = 0; i < 256; i++) {
		char path[16] = "chunks/";

		if (!prefixes[i])
			continue;
		path[7] = "0123456789abcdef"[i >> 4];
		path[8] = "0123456789abcdef"[i & 15];
		if (!local_sync_dir(l, path, e))
			return false;
		any = true;
	}
	return !any || (local_sync_dir(l, "chunks", e) && local_sync_dir(l, "", e));
}

static void local_close(void *impl)
{
	struct local *l = impl;

	close(l->root);
	free(l->dir);
	pthread_mutex_destroy(&l->mutex);
	free(l);
}

/* A directory just made must survive as well: its entry, and those of parents made with it. */
static bool sync_ancestors(struct local *l, struct err *e)
{
	int fd = openat(l->root, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* Not allowed to read a parent means it was not made by us just now. */
	while (fd >= 0) {
		struct stat here, above;
		bool ok = fsync(fd) == 0 || errno == EINVAL || errno == EROFS;
		int errnum = errno;
		int up = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		bool top = fstat(fd, &here) != 0 || up < 0 || fstat(up, &above) != 0 || here.st_dev != above.st_dev ||
		           here.st_ino == above.st_ino;

		close(fd);
		if (top && up >= 0)
			close(up);
		fd = top ? -1 : up;
		if (!ok) {
			if (fd >= 0)
				close(fd);
			return err_sys(e, errnum, "make durable the directories above \"%s\"", l->dir);
		}
	}
	return true;
}

static bool open_error(int errnum, const char *dir, struct err *e)
{
	if (errnum == ENOENT)
		return err_set(e, ERR_NOT_FOUND, "directory \"%s\" does not exist", dir);
	err_sys(e, errnum, "open directory \"%s\"", dir);
	if (errnum == ENOTDIR) {
		e->kind = ERR_USAGE;
		err_hint(e, "a repository is a directory, and this is a file");
	} else if (errnum == EACCES) {
		local_owner_hint(e, dir);
	}
	return false;
}

bool storage_open_local(struct storage **out, const char *dir, bool create, struct err *e)
{
	static const struct storage_ops ops = {
		.put = local_put,
		.get = local_get,
		.list = local_list,
		.remove = local_remove,
		.sync = local_sync,
		.close = local_close,
	};
	bool made = create && access(dir, F_OK) != 0;

	if (made && !path_make_dirs(dir, 0700, e))
		return false;
	int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return open_error(errno, dir, e);
	struct local *l = xcalloc(1, sizeof(*l));
	l->root = root;
	l->dir = xstrdup(dir);
	local_owner_find(l);
	pthread_mutex_init(&l->mutex, NULL);
	if (made && !sync_ancestors(l, e)) {
		local_close(l);
		return false;
	}
	struct storage *s = xcalloc(1, sizeof(*s));
	*s = (struct storage){ .ops = &ops, .impl = l, .where = xstrdup(dir) };
	*out = s;
	return true;
}
