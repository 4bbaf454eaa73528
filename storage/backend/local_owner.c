/*
 * Whose the files of a repository are. Root may take a snapshot by hand where every night another user does: what root
 * writes there is given to the directory's owner, or that user could not read it, and the next night fails.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/base/path.h"
#include "storage/backend/local.h"

#define NAME_SPACE 4096

void local_owner_find(struct local *l)
{
	struct stat st;

	l->give = geteuid() == 0 && fstat(l->root, &st) == 0 && st.st_uid != 0;
	if (l->give) {
		l->owner = st.st_uid;
		l->group = st.st_gid;
	}
}

/* A file system that knows no owners leaves it as it is. */
void local_owner_give(const struct local *l, int fd)
{
	if (l->give && fchown(fd, l->owner, l->group) != 0)
		return;
}

/* The owner could put a link in its place meanwhile and have any directory given to him: none is followed. */
void local_owner_give_dir(const struct local *l, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	int fd = l->give ? (int)syscall(SYS_openat2, l->root, path, &how, sizeof(how)) : -1;

	if (fd < 0)
		return;
	local_owner_give(l, fd);
	close(fd);
}

bool local_owner_hint(struct err *e, const char *dir)
{
	char space[NAME_SPACE], name[64], *quoted;
	struct passwd entry, *found = NULL;
	struct stat st;

	if (stat(dir, &st) != 0 || st.st_uid == geteuid()) {
		quoted = path_shell_quote(dir);
		err_hint(e, "give everything in it to this user: chown -R \"$(id -un)\" %s", quoted);
		free(quoted);
		return false;
	}
	if (getpwuid_r(st.st_uid, &entry, space, sizeof(space), &found) == 0 && found)
		snprintf(name, sizeof(name), "%s", found->pw_name);
	else
		snprintf(name, sizeof(name), "#%lu", (unsigned long)st.st_uid);
	return err_hint(
	        e, "the repository is user \"%s\"'s: run drtool as that user, sudo -u %s drtool ...", name, name);
}
