/* src/cmd/help.c - drtool help */
#include "src/config/help.h"

#include "src/base/nearest.h"
#include "src/cmd/say.h"

static bool unknown(const char *name, struct err *e)
{
	struct nearest near = NEAREST_INIT;

	for (unsigned id = 0; id < COMMAND_COUNT; id++)
		nearest_offer(&near, name, command_row((enum command_id)id)->name);
	err_set(e, ERR_USAGE, "unknown command \"%s\"", name);
	if (near.word)
		return err_hint(e, "did you mean: drtool help %s", near.word);
	return err_hint(e, "see: drtool help");
}

bool cmd_help(struct cmd *c, struct err *e)
{
	const char *name = c->options->argument_count > 0 ? c->options->arguments[0] : NULL;
	enum command_id id = name ? command_find(name) : COMMAND_COUNT;
	struct buf out = BUF_INIT;
	bool ok;

	if (name && id == COMMAND_COUNT)
		return unknown(name, e);
	if (options_set(c->options, OPTION_MAN))
		help_man(&out);
	else if (options_set(c->options, OPTION_COMPLETION))
		help_completion(&out);
	else if (name)
		help_command(&out, id);
	else
		help_overview(&out);
	ok = say_result(buf_view(&out), e);
	buf_release(&out);
	return ok;
}
