/* src/main.c - dispatch, the one fatal error, the exit status */

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "src/cmd/cmd.h"
#include "src/cmd/say.h"
#include "src/cmd/target.h"
#include "src/config/env_file.h"

static bool want_color(const struct options *o)
{
	return !options_set(o, OPTION_NO_COLOR);
}

/* drtool.yml as named or found; an empty configuration when there is none. */
static bool load_config(struct config **out, const struct options *o, struct err *e)
{
	const char *named = options_text(o, OPTION_CONFIG);
	char *path = named ? xstrdup(named) : config_find();
	bool ok = true;

	if (path)
		ok = config_load(out, path, e) && target_check_secrets(*out, e);
	else
		*out = config_new_empty();
	free(path);
	return ok;
}

/* Flags over environment over file; the environment includes what --env-file adds. */
static bool configure(struct config **config, struct options *o, struct err *e)
{
	const char *env_file = options_text(o, OPTION_ENV_FILE);

	if (env_file && !env_file_load(env_file, e))
		return false;
	if (!options_apply_environment(o, e))
		return false;
	if (!cmd_needs_config(o->command)) {
		*config = config_new_empty();
		return true;
	}
	return load_config(config, o, e) && options_apply_config(o, *config, e);
}

/* --help and --version win over what else is asked. */
static enum command_id choose_command(struct options *o)
{
	if (options_set(o, OPTION_HELP)) {
		o->argument_count = o->command == COMMAND_COUNT ? 0 : 1;
		o->arguments[0] = o->command == COMMAND_COUNT ? NULL : command_row(o->command)->name;
		return COMMAND_HELP;
	}
	if (options_set(o, OPTION_VERSION))
		return COMMAND_VERSION;
	return o->command;
}

/* Every error says what to do next, also one whose maker had nothing particular to say. */
static void complete_hint(struct err *e, const struct options *o)
{
	const char *command = o->command < COMMAND_COUNT ? command_row(o->command)->name : "";

	if (*e->hint)
		return;
	switch (e->kind) {
	case ERR_USAGE:
		err_hint(e, "see: drtool help%s%s", *command ? " " : "", command);
		break;
	case ERR_TRANSIENT:
	case ERR_CONFLICT:
		err_hint(e, "run the same command again in a while");
		break;
	case ERR_CANCELLED:
		err_hint(
		        e, "nothing is left half done that the next run does not clean up; run the same command again");
		break;
	case ERR_DAMAGED:
	case ERR_DIFFERS:
		err_hint(e,
		        "take a new snapshot: it stores again what is damaged, as far as the live rows still hold it");
		break;
	default:
		err_hint(e, "drtool doctor checks server, privileges, programs and repository");
		break;
	}
}

/* Whoever read our output has gone, as in "drtool cat ID | head": nothing is wrong, and nobody wants to read about it.
 */
static bool reader_is_gone(const struct err *e)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	return e->sys == EPIPE && poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

static int fail(const struct options *o, struct err *e)
{
	struct err ignored = ERR_INIT;

	if (reader_is_gone(e))
		return 128 + SIGPIPE;
	complete_hint(e, o);
	say_error(e);
	if (options_set(o, OPTION_JSON))
		say_result_json(say_error_json(e), &ignored);
	return err_exit_status(e);
}

int main(int argc, char **argv)
{
	struct options options;
	struct config *config = NULL;
	struct err e = ERR_INIT;
	struct cmd c = { .options = &options, .cancel = cancel_install_signals(), .argv = argv };
	bool ok = options_parse(&options, argc, argv, &e);

	if (ok) {
		options.command = choose_command(&options);
		ok = configure(&config, &options, &e);
	}
	say_configure(options_set(&options, OPTION_QUIET), options_set(&options, OPTION_VERBOSE), want_color(&options));
	if (ok) {
		c.config = config;
		ok = cmd_find(options.command)(&c, &e);
	}
	if (!ok)
		c.status = fail(&options, &e);
	config_free(config);
	options_release(&options);
	return c.status;
}
