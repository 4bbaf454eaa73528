/* src/config/help.c - see help.h */
#include "src/config/help.h"

#include "src/config/option.h"

#define WIDTH  80
#define COLUMN 28 /* where explanations of options and commands start */

/* Words of text from column at on, later lines indented; "\n\n" in text makes an empty line. Ends the last line. */
static void wrap(struct buf *out, const char *text, size_t at, size_t indent)
{
	bool line_start = true;

	while (*text) {
		size_t len = strcspn(text, " \n");

		if (!line_start && at + 1 + len > WIDTH) {
			buf_addf(out, "\n%*s", (int)indent, "");
			at = indent;
			line_start = true;
		}
		buf_addf(out, "%s%.*s", line_start ? "" : " ", (int)len, text);
		at += len + !line_start;
		line_start = false;
		text += len;
		if (strncmp(text, "\n\n", 2) == 0) {
			buf_addf(out, "\n\n%*s", (int)indent, "");
			at = indent;
			line_start = true;
		}
		text += strspn(text, " \n");
	}
	buf_add(out, "\n");
}

static void row(struct buf *out, const char *left, const char *text)
{
	size_t len = strlen(left);

	buf_addf(out, "  %s", left);
	if (len + 4 > COLUMN)
		buf_addf(out, "\n%*s", COLUMN, "");
	else
		buf_addf(out, "%*s", (int)(COLUMN - 2 - len), "");
	wrap(out, text, COLUMN, COLUMN);
}

static void option_line(struct buf *out, const struct option *o)
{
	struct buf left = BUF_INIT, text = BUF_INIT;
	const char *separator = " [";

	if (o->letter)
		buf_addf(&left, "-%c, ", o->letter);
	else
		buf_add(&left, "    ");
	buf_addf(&left, "--%s%s%s", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
	buf_add(&text, o->help);
	if (o->environment) {
		buf_addf(&text, "%s%s", separator, o->environment);
		separator = "; ";
	}
	if (o->yaml) {
		buf_addf(&text, "%sdrtool.yml: %s", separator, o->yaml);
		separator = "; ";
	}
	if (*separator == ';')
		buf_add(&text, "]");
	row(out, buf_str(&left), buf_str(&text));
	buf_release(&left);
	buf_release(&text);
}

static void option_lines(struct buf *out, unsigned command_bits, bool global, const char *title)
{
	for (unsigned id = 0; id < OPTION_COUNT; id++) {
		const struct option *o = option_row((enum option_id)id);

		if (!(o->commands & command_bits) || option_is_global(o) != global)
			continue;
		if (title)
			buf_addf(out, "\n%s\n", title);
		title = NULL;
		option_line(out, o);
	}
}

void help_overview(struct buf *out)
{
	buf_add(out, "usage: drtool COMMAND [options]\n\n");
	wrap(out,
	        "Keeps a PostgreSQL database recoverable while people change it: verified snapshots, test restores, restores.",
	        0, 0);
	buf_add(out, "\nCommands:\n");
	for (unsigned id = 0; id < COMMAND_COUNT; id++) {
		const struct command *c = command_row((enum command_id)id);
		struct buf left = BUF_INIT;

		buf_addf(&left, "%s%s%s", c->name, *c->arguments ? " " : "", c->arguments);
		row(out, buf_str(&left), c->summary);
		buf_release(&left);
	}
	option_lines(out, COMMAND_BITS_ALL, true, "Options of every command:");
	buf_add(out, "\n");
	wrap(out,
	        "DB is a name from drtool.yml or a connection string (\"dbname=shop host=db1\", \"postgres://db1/shop\"). Without it: "
	        "the only database of drtool.yml, else DATABASE_URL. ID is a snapshot's id, a unique prefix of it, a tag, latest or "
	        "verified.",
	        0, 0);
	buf_add(out, "\nSee drtool help COMMAND for the options of a command.\n");
}

static void examples(struct buf *out, const char *lines, const char *before)
{
	while (*lines) {
		size_t len = strcspn(lines, "\n");

		buf_addf(out, "%s%.*s\n", before, (int)len, lines);
		lines += len + (lines[len] == '\n');
	}
}

void help_command(struct buf *out, enum command_id id)
{
	const struct command *c = command_row(id);

	buf_addf(out, "usage: drtool %s%s%s [options]\n\n", c->name, *c->arguments ? " " : "", c->arguments);
	buf_addf(out, "%s\n", c->summary);
	if (*c->text) {
		buf_add(out, "\n");
		wrap(out, c->text, 0, 0);
	}
	option_lines(out, COMMAND_BIT(id), false, "Options:");
	option_lines(out, COMMAND_BIT(id), true, "Options of every command:");
	buf_add(out, "\nExamples:\n");
	examples(out, c->example, "  ");
}
