/* src/config/help_man.c - the manual page and the completion script; see help.h */
#include "src/config/help.h"
#include "src/config/option.h"

/* Text for roff: backslashes and dashes escaped, no line that starts with a control character, paragraphs as .PP. */
static void text(struct buf *out, const char *from)
{
	bool line_start = true;

	for (; *from; from++) {
		if (strncmp(from, "\n\n", 2) == 0) {
			buf_add(out, "\n.PP\n");
			from++;
			line_start = true;
			continue;
		}
		if (line_start && (*from == '.' || *from == '\''))
			buf_add(out, "\\&");
		if (*from == '\\')
			buf_add(out, "\\e");
		else if (*from == '-')
			buf_add(out, "\\-");
		else
			buf_addn(out, from, 1);
		line_start = *from == '\n';
	}
}

static void option_entry(struct buf *out, const struct option *o)
{
	buf_add(out, ".TP\n.B ");
	if (o->letter)
		buf_addf(out, "\\-%c\\fR, \\fB", o->letter);
	buf_add(out, "\\-\\-");
	text(out, o->name);
	if (o->argument)
		buf_addf(out, "\\fR \\fI%s", o->argument);
	buf_add(out, "\n");
	text(out, o->help);
	buf_add(out, ".\n");
	if (o->environment)
		buf_addf(out, "Environment: \\fB%s\\fR.\n", o->environment);
	if (o->yaml)
		buf_addf(out, "drtool.yml: \\fB%s\\fR.\n", o->yaml);
}

static void option_entries(struct buf *out, unsigned command_bits, bool global)
{
	for (unsigned id = 0; id < OPTION_COUNT; id++) {
		const struct option *o = option_row((enum option_id)id);

		if ((o->commands & command_bits) && option_is_global(o) == global)
			option_entry(out, o);
	}
}

static void command_entry(struct buf *out, enum command_id id)
{
	const struct command *c = command_row(id);

	buf_addf(out, ".SS drtool %s %s\n", c->name, c->arguments);
	text(out, c->summary);
	buf_add(out, ".\n");
	if (*c->text) {
		buf_add(out, ".PP\n");
		text(out, c->text);
		buf_add(out, "\n");
	}
	option_entries(out, COMMAND_BIT(id), false);
	buf_add(out, ".PP\n.nf\n");
	text(out, c->example);
	buf_add(out, "\n.fi\n");
}

static const char before[] =
        ".SH NAME\ndrtool \\- keeps a PostgreSQL database recoverable while people change it\n"
        ".SH SYNOPSIS\n.B drtool\n.I COMMAND\n[options]\n"
        ".SH DESCRIPTION\n"
        "Takes snapshots of PostgreSQL databases into a repository, proves by test restore that they come back, and restores them.\n"
        ".PP\n.I DB\nis a name from drtool.yml or a connection string or URI (it contains \"=\" or \"://\"). Without it: the only\n"
        "database of drtool.yml, else \\fBDATABASE_URL\\fR; when both exist and differ, drtool asks for one of them. PG* variables\n"
        "alone serve only commands that read.\n"
        ".PP\n.I ID\nis a snapshot's id, a unique prefix of it, a tag, \\fBlatest\\fR, or \\fBverified\\fR (the newest whose proof is\n"
        "good); \\fBshop/latest\\fR names the database.\n";

static const char after[] =
        ".SH FILES\n"
        "drtool.yml: the file named with \\fB\\-\\-config\\fR or \\fBDRTOOL_CONFIG\\fR, else ./drtool.yml and the directories above it up to\n"
        "the root of the git repository, else ~/.config/drtool/drtool.yml, else /etc/drtool/drtool.yml.\n"
        ".SH EXIT STATUS\n"
        ".TP\n.B 0\ndone\n"
        ".TP\n.B 1\ncould not do it, or could not find out\n"
        ".TP\n.B 2\nusage or configuration\n"
        ".TP\n.B 3\nrefused; nothing was changed\n"
        ".TP\n.B 6\nchecked, and it differs or is damaged\n"
        ".TP\n.B 128+n\nended by signal n\n"
        ".SH SEE ALSO\n.BR pg_dump (1),\n.BR pg_restore (1),\n.BR psql (1)\n";

void help_man(struct buf *out)
{
	buf_add(out, ".TH DRTOOL 1 \"\" \"drtool " DRTOOL_VERSION "\" \"User Commands\"\n");
	buf_add(out, before);
	buf_add(out, ".SH COMMANDS\n");
	for (unsigned id = 0; id < COMMAND_COUNT; id++)
		command_entry(out, (enum command_id)id);
	buf_add(out, ".SH OPTIONS OF EVERY COMMAND\n");
	option_entries(out, COMMAND_BITS_ALL, true);
	buf_add(out, after);
}

/* One case branch: the options that may follow a command. */
static void completion_branch(struct buf *out, enum command_id id)
{
	buf_addf(out, "\t%s) words=\"", command_row(id)->name);
	for (unsigned option = 0; option < OPTION_COUNT; option++) {
		const struct option *o = option_row((enum option_id)option);

		if (o->commands & COMMAND_BIT(id))
			buf_addf(out, "--%s ", o->name);
	}
	buf_add(out, "\" ;;\n");
}

void help_completion(struct buf *out)
{
	buf_add(out,
	        "# bash completion for drtool\n_drtool()\n{\n"
	        "\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= word words\n"
	        "\tCOMPREPLY=()\n"
	        "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n\t\tcase $word in\n\t\t");
	for (unsigned id = 0; id < COMMAND_COUNT; id++)
		buf_addf(out, "%s%s", id ? "|" : "", command_row((enum command_id)id)->name);
	buf_add(out, ") command=$word; break ;;\n\t\tesac\n\tdone\n\tcase $previous in\n\t");
	for (unsigned id = 0, any = 0; id < OPTION_COUNT; id++) {
		const struct option *o = option_row((enum option_id)id);

		if (o->type == OPTION_PATH)
			buf_addf(out, "%s--%s", any++ ? "|" : "", o->name);
	}
	buf_add(out, ") COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n\tesac\n\tcase $command in\n");
	for (unsigned id = 0; id < COMMAND_COUNT; id++)
		completion_branch(out, (enum command_id)id);
	buf_add(out, "\t*) words=\"");
	for (unsigned id = 0; id < COMMAND_COUNT; id++)
		buf_addf(out, "%s ", command_row((enum command_id)id)->name);
	buf_add(out,
	        "\" ;;\n\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n}\ncomplete -F _drtool drtool\n");
}
