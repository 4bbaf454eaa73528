/* Listing files: only names that are ours, whatever else lies about. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/backend/local.h"

#define MAX_DEPTH 3 /* proofs/<database>/<id>/<time>.json */

struct walk {
	struct local *l;
	enum object_class cls;
	const char *prefix;
	object_fn *each;
	void *cookie;
	struct buf path; /* below the repository's directory */
	size_t base;     /* where the part below the class's directory starts in path */
	struct buf name;
};

static bool walk_dir(struct walk *w, unsigned depth, struct err *e);

/* Can names that start with w->prefix lie below this directory? */
static bool may_hold(const struct walk *w)
{
	struct buf below = BUF_INIT;

	buf_add(&below, buf_str(&w->path) + w->base);
	if (w->cls != OBJECT_CHUNK)
		buf_add(&below, "/");
	size_t prefix_len = strlen(w->prefix);
	bool may = strncmp(buf_str(&below), w->prefix, below.len < prefix_len ? below.len : prefix_len) == 0;
	buf_release(&below);
	return may;
}

static bool walk_file(struct walk *w, const struct stat *st, struct err *e)
{
	if (!storage_object_name(&w->name, w->cls, buf_str(&w->path) + w->base) ||
	        strncmp(buf_str(&w->name), w->prefix, strlen(w->prefix)) != 0)
		return true;
	struct object_info info = {
		.name = buf_str(&w->name),
		.size = (uint64_t)st->st_size,
		.modified_us = (int64_t)st->st_mtim.tv_sec * 1000000 + st->st_mtim.tv_nsec / 1000,
	};
	return w->each(w->cookie, &info, e);
}

static bool walk_entry(struct walk *w, int dirfd, const struct dirent *entry, unsigned depth, struct err *e)
{
	size_t len = w->path.len;
	struct stat st;
	bool ok = true;

	if (entry->d_name[0] == '.')
		return true;
	buf_addf(&w->path, "/%s", entry->d_name);
	if (fstatat(dirfd, entry->d_name, &st, 0) != 0)
		/* It may have gone since; a link that leads nowhere is nothing of ours. */
		ok = errno == ENOENT || errno == ELOOP || local_error(w->l, errno, "look at", buf_str(&w->path), e);
	else if (S_ISREG(st.st_mode))
		ok = walk_file(w, &st, e);
	else if (S_ISDIR(st.st_mode) && depth < MAX_DEPTH && may_hold(w))
		ok = walk_dir(w, depth + 1, e);
	w->path.len = len;
	w->path.data[len] = 0;
	return ok;
}

static bool walk_dir(struct walk *w, unsigned depth, struct err *e)
{
	int fd = openat(w->l->root, buf_str(&w->path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || (errno == ENOTDIR && depth > 1) ||
		       local_error(w->l, errno, "open directory", buf_str(&w->path), e);
	DIR *dir = fdopendir(fd);
	bool ok = true;

	if (!dir) {
		close(fd);
		return local_error(w->l, ENOMEM, "list", buf_str(&w->path), e);
	}
	while (ok) {
		errno = 0;
		const struct dirent *entry = readdir(dir);

		if (!entry) {
			ok = errno == 0 || local_error(w->l, errno, "list", buf_str(&w->path), e);
			break;
		}
		ok = walk_entry(w, fd, entry, depth, e);
	}
	closedir(dir);
	return ok;
}

static bool list_config(struct walk *w, struct err *e)
{
	struct stat st;

	buf_add(&w->path, "drtool.json");
	if (fstatat(w->l->root, buf_str(&w->path), &st, 0) != 0)
		return errno == ENOENT || local_error(w->l, errno, "look at", buf_str(&w->path), e);
	return walk_file(w, &st, e);
}

/* The directories that the prefix names need no search: straight to the last one. Its depth comes back. */
static unsigned descend(struct walk *w)
{
	unsigned depth = 1;

	for (const char *at = w->prefix, *slash; w->cls != OBJECT_CHUNK && (slash = strchr(at, '/')); at = slash + 1) {
		buf_addf(&w->path, "/%.*s", (int)(slash - at), at);
		depth++;
	}
	return depth;
}

bool local_list(void *impl, enum object_class cls, const char *prefix, object_fn *each, void *cookie, struct err *e)
{
	struct walk w = { .l = impl, .cls = cls, .prefix = prefix, .each = each, .cookie = cookie };
	bool ok;

	if (cls == OBJECT_CONFIG) {
		ok = list_config(&w, e);
	} else {
		buf_add(&w.path, storage_class_dir(cls));
		w.base = w.path.len + 1;
		unsigned depth = descend(&w);

		ok = walk_dir(&w, depth, e);
	}
	buf_release(&w.path);
	buf_release(&w.name);
	return ok;
}
