/* src/config/config_find.c - where drtool.yml is; see config.h */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "src/base/path.h"
#include "src/config/config.h"

#define FILE_NAME "drtool.yml"

static bool has(const char *dir, const char *name)
{
	char *path = path_join(dir, name);
	bool found = access(path, F_OK) == 0;

	free(path);
	return found;
}

/* dir itself at first; then one level up. False at the top. */
static bool go_up(char *dir)
{
	char *slash = strrchr(dir, '/');

	if (!slash || dir[1] == '\0')
		return false;
	slash[slash == dir] = '\0';
	return true;
}

/*
 * The directories above count only inside a git repository: a drtool.yml that somebody left in /tmp or / must not
 * decide which database a command in some directory below means.
 */
static bool inside_repository(const char *start)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", start);
	do {
		if (has(dir, ".git"))
			return true;
	} while (go_up(dir));
	return false;
}

static char *find_upwards(void)
{
	char dir[PATH_MAX];
	bool upwards;

	if (has(".", FILE_NAME))
		return xstrdup(FILE_NAME);
	if (!getcwd(dir, sizeof(dir)))
		return NULL;
	upwards = inside_repository(dir);
	while (upwards && !has(dir, ".git") && go_up(dir)) {
		if (has(dir, FILE_NAME))
			return path_join(dir, FILE_NAME);
	}
	return NULL;
}

static char *find_in(const char *dir, const char *below)
{
	char *full, *path = NULL;

	if (!dir || !*dir)
		return NULL;
	full = path_join(dir, below);
	if (access(full, F_OK) == 0)
		path = xstrdup(full);
	free(full);
	return path;
}

char *config_find(void)
{
	const char *named = getenv("DRTOOL_CONFIG"), *home = getenv("XDG_CONFIG_HOME");
	char *path;

	if (named && *named)
		return xstrdup(named);
	path = find_upwards();
	if (!path && home && *home)
		path = find_in(home, "drtool/" FILE_NAME);
	else if (!path)
		path = find_in(getenv("HOME"), ".config/drtool/" FILE_NAME);
	if (!path)
		path = find_in("/etc/drtool", FILE_NAME);
	return path;
}
