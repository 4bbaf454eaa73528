/* src/base/file.c - see file.h */
#include "src/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SPILL_SIZE ((size_t)16 << 10)

static ssize_t read_some(int fd, void *out, size_t size)
{
	ssize_t n;

	do
		n = read(fd, out, size);
	while (n < 0 && errno == EINTR);
	return n;
}

bool file_read_fd(struct buf *out, int fd, const char *what, struct err *e)
{
	size_t max = out->max ? out->max : BUF_DEFAULT_MAX, unused;
	uint8_t spill[SPILL_SIZE];
	ssize_t n;

	do {
		unused = out->cap > out->len + 1 && out->len < max ? out->cap - out->len - 1 : 0;
		if (unused > max - out->len)
			unused = max - out->len;
		if (unused > 0) {
			n = read_some(fd, out->data + out->len, unused);
			if (n > 0) {
				out->len += (size_t)n;
				out->data[out->len] = '\0';
			}
		} else { /* full: finding only the end must not make it grow */
			n = read_some(fd, spill, sizeof(spill));
			if (n > 0 && !buf_append(out, spill, (size_t)n, e))
				return err_wrap(e, "read \"%s\"", what);
		}
	} while (n > 0);
	return n == 0 || err_sys(e, errno, "read \"%s\"", what);
}

bool file_read(struct buf *out, const char *path, struct err *e)
{
	struct stat st;
	bool ok = true;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		int errnum = errno;

		err_sys(e, errnum, "open \"%s\"", path);
		if (errnum == ENOENT)
			e->kind = ERR_NOT_FOUND;
		return false;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		ok = buf_reserve(out, (size_t)st.st_size, e);
		if (!ok)
			err_wrap(e, "read \"%s\"", path);
	}
	ok = ok && file_read_fd(out, fd, path, e);
	close(fd);
	return ok;
}

bool file_write_all(int fd, struct view data, const char *what, struct err *e)
{
	while (data.len > 0) {
		ssize_t n = write(fd, data.data, data.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "write \"%s\"", what);
		data.data += n;
		data.len -= (size_t)n;
	}
	return true;
}

bool file_free_space(uint64_t *out, const char *dir, struct err *e)
{
	struct statvfs st;

	if (statvfs(dir, &st) != 0)
		return err_sys(e, errno, "free space of \"%s\"", dir);
	*out = (uint64_t)st.f_bavail * st.f_frsize;
	return true;
}
