/* src/base/path.c - see path.h */
#include "src/base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *path_join(const char *dir, const char *name)
{
	size_t len = strlen(dir);

	if (len == 0)
		return xstrdup(name);
	while (len > 0 && dir[len - 1] == '/')
		len--;
	while (*name == '/')
		name++;
	return xasprintf("%.*s/%s", (int)len, dir, name);
}

static bool stays(unsigned char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
	       (c == '.' && !first);
}

void path_encode(struct buf *out, const char *name)
{
	if (!*name)
		buf_add(out, "%");
	for (const char *p = name; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (stays(c, p == name))
			buf_addn(out, p, 1);
		else
			buf_addf(out, "%%%02X", c);
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that starts at *p, which moves on; -1 when path_encode() would not have written it so. */
static int decode_byte(const char **p, bool first)
{
	int high, low, c = (unsigned char)**p;

	if (c != '%') {
		*p += 1;
		return stays((unsigned char)c, first) ? c : -1;
	}
	high = hex_value((*p)[1]);
	low = high < 0 ? -1 : hex_value((*p)[2]);
	if (low < 0)
		return -1;
	*p += 3;
	c = high * 16 + low;
	return c == 0 || stays((unsigned char)c, first) ? -1 : c;
}

bool path_decode(struct buf *out, const char *component)
{
	size_t before = out->len;

	if (strcmp(component, "%") == 0)
		return true;
	if (!*component)
		return false;
	for (const char *p = component; *p;) {
		int c = decode_byte(&p, p == component);
		uint8_t byte = (uint8_t)c;

		if (c < 0) {
			out->len = before;
			if (out->data)
				out->data[before] = '\0';
			return false;
		}
		buf_addn(out, &byte, 1);
	}
	return true;
}

char *path_shell_quote(const char *path)
{
	struct buf out = BUF_INIT;

	buf_add(&out, "'");
	for (const char *p = path; *p; p++)
		if (*p == '\'')
			buf_add(&out, "'\\''");
		else
			buf_addn(&out, p, 1);
	buf_add(&out, "'");
	return buf_detach(&out);
}

static bool make_dir(const char *dir, unsigned mode, struct err *e)
{
	struct stat st;
	int errnum;

	if (mkdir(dir, (mode_t)mode) == 0)
		return true;
	errnum = errno;
	/* An existing directory may also answer EROFS or EACCES. */
	if (stat(dir, &st) == 0)
		return S_ISDIR(st.st_mode) || err_sys(e, ENOTDIR, "create directory \"%s\"", dir);
	return err_sys(e, errnum, "create directory \"%s\"", dir);
}

bool path_make_dirs(const char *dir, unsigned mode, struct err *e)
{
	char *path = xstrdup(dir);
	bool ok = true;

	for (char *slash = strchr(path + (*path == '/'), '/'); ok && slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		ok = make_dir(path, mode, e);
		*slash = '/';
	}
	ok = ok && make_dir(path, mode, e);
	free(path);
	return ok;
}

static bool remove_at(int parent, const char *name, const char *path, struct err *e);

/* Everything inside the directory open as fd, which is closed. */
static bool remove_entries(int fd, const char *path, struct err *e)
{
	DIR *entries = fdopendir(fd);
	struct dirent *entry;
	bool ok = true;

	if (!entries) {
		err_sys(e, errno, "read directory \"%s\"", path);
		close(fd);
		return false;
	}
	while (ok && (entry = readdir(entries))) {
		char *inner;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		inner = path_join(path, entry->d_name);
		ok = remove_at(dirfd(entries), entry->d_name, inner, e);
		free(inner);
	}
	closedir(entries);
	return ok;
}

static bool remove_at(int parent, const char *name, const char *path, struct err *e)
{
	int fd;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return true;
	if (errno != EISDIR)
		return err_sys(e, errno, "remove \"%s\"", path);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || err_sys(e, errno, "open directory \"%s\"", path);
	if (!remove_entries(fd, path, e))
		return false;
	if (unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
		return err_sys(e, errno, "remove directory \"%s\"", path);
	return true;
}

bool path_remove_tree(const char *dir, struct err *e)
{
	return remove_at(AT_FDCWD, dir, dir, e);
}
