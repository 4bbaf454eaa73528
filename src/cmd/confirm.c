/* src/cmd/confirm.c - see confirm.h */
#include "src/cmd/confirm.h"

#include "src/cmd/say.h"
#include "src/config/value.h"

/* --- words for a shell --- */

bool confirm_may_be_secret(const char *word)
{
	return strcasestr(word, "password") || (strstr(word, "://") && strchr(word, '@'));
}

void confirm_add_word(struct buf *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+";

	if (*word && strspn(word, plain) == strlen(word)) {
		buf_add(out, word);
		return;
	}
	buf_add(out, "'");
	for (const char *p = word; *p; p++) {
		if (*p == '\'')
			buf_add(out, "'\\''");
		else
			buf_addn(out, p, 1);
	}
	buf_add(out, "'");
}

/* This run's own line; false when a word of it should rather not be printed. */
static bool command_line(struct buf *out, const struct cmd *c)
{
	buf_add(out, "drtool");
	for (char *const *word = c->argv + 1; *word; word++) {
		if (confirm_may_be_secret(*word))
			return false;
		buf_add(out, " ");
		confirm_add_word(out, *word);
	}
	return true;
}

/* --- the word --- */

bool confirm_is_protected(const struct config_database *entry)
{
	struct err unused = ERR_INIT;
	bool protected = false;

	if (entry && entry->protect)
		value_bool(&protected, entry->protect, &unused);
	return protected;
}

void confirm_word(char out[CONFIRM_SIZE], const struct config_database *entry, const char *host, const char *name)
{
	if (confirm_is_protected(entry))
		snprintf(out, CONFIRM_SIZE, "%s/%s", !host || !*host || *host == '/' ? "localhost" : host, name);
	else
		snprintf(out, CONFIRM_SIZE, "%s", name);
}

void confirm_add_option(struct buf *out, const char *word)
{
	buf_add(out, *word == '-' ? "--confirm=" : "--confirm ");
	confirm_add_word(out, word);
}

bool confirm_given(const struct cmd *c, const char *word, const char *name, struct err *e)
{
	const char *given = options_text(c->options, OPTION_CONFIRM);
	struct buf line = BUF_INIT, option = BUF_INIT;

	if (given && strcmp(given, word) == 0)
		return true;
	if (given) {
		err_set(e, ERR_USAGE, "--confirm says \"%s\", but the database is \"%s\"", given, word);
		return err_hint(e, "nothing was changed; look again at the first line above");
	}
	confirm_add_option(&option, word);
	if (command_line(&line, c))
		say_info("to do it: %s %s", buf_str(&line), buf_str(&option));
	err_set(e, ERR_REFUSED, "database \"%s\" changes only when that is confirmed", name);
	err_hint(e, "type the same line again, and at its end: %s", buf_str(&option));
	buf_release(&line);
	buf_release(&option);
	return false;
}
