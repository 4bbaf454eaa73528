/* src/cmd/cron.c - doctor --as-cron: the same checks in the environment a cron job gets */
#include <errno.h>
#include <pwd.h>

#include "src/cmd/doctor.h"
#include "src/cmd/say.h"

/* argv without --as-cron; the array is malloc'ed. */
static char **arguments(const struct cmd *c)
{
	size_t count = 0, kept = 0;
	char **out;

	while (c->argv[count])
		count++;
	out = xcalloc(count + 1, sizeof(*out));
	for (size_t i = 0; i < count; i++) {
		if (strcmp(c->argv[i], "--as-cron") != 0)
			out[kept++] = c->argv[i];
	}
	return out;
}

bool doctor_as_cron(const struct cmd *c, struct err *e)
{
	const struct passwd *user = getpwuid(geteuid());
	char *environment[4] = { NULL };
	char **argv;

	if (!user)
		return err_set(e, ERR_FAILED, "this user has no entry in the password database");
	environment[0] = xasprintf("HOME=%s", user->pw_dir);
	environment[1] = xasprintf("LOGNAME=%s", user->pw_name);
	environment[2] = xstrdup("PATH=/usr/bin:/bin");
	argv = arguments(c);
	say_info(
	        "as cron: in %s with only %s, %s and %s", user->pw_dir, environment[0], environment[1], environment[2]);
	if (chdir(user->pw_dir) == 0)
		execve("/proc/self/exe", argv, environment);
	err_sys(e, errno, "start drtool again in \"%s\"", user->pw_dir);
	for (size_t i = 0; environment[i]; i++)
		free(environment[i]);
	free(argv);
	return false;
}
