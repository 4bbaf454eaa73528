/* src/config/options.c - see options.h */
#include "src/config/options.h"

#include "src/base/nearest.h"
#include "src/base/utf8.h"
#include "src/config/value.h"

#define TEXT_MAX 4096
#define LIST_MAX 1000

static bool check_text(const struct option *row, const char *text, struct err *e)
{
	size_t max = row->max ? (size_t)row->max : TEXT_MAX;

	if (*text == '\0')
		return err_set(e, ERR_USAGE, "the value is empty");
	return strlen(text) <= max || err_set(e, ERR_USAGE, "the value is longer than %zu bytes", max);
}

static bool read_value(struct option_value *v, const struct option *row, const char *text, struct err *e)
{
	switch (row->type) {
	case OPTION_SWITCH:
		return true;
	case OPTION_NUMBER:
		return value_number(&v->number, text, row->min, row->max, e);
	case OPTION_SECONDS:
		return value_seconds(&v->number, text, row->min, row->max, e);
	default:
		return check_text(row, text, e);
	}
}

/* One occurrence; where says who gave it. */
static bool take(struct options *o, enum option_id id, const char *text, const char *where, struct err *e)
{
	const struct option *row = option_row(id);
	struct option_value *v = &o->values[id];
	const char **list;

	if (!read_value(v, row, text, e))
		return err_wrap(e, "%s", where);
	if (row->type == OPTION_LIST) {
		if (v->count >= LIST_MAX)
			return err_set(e, ERR_USAGE, "%s is given more than %d times", where, LIST_MAX);
		list = arena_alloc(&o->arena, (v->count + 2) * sizeof(*list));
		if (v->count > 0)
			memcpy(list, v->list, v->count * sizeof(*list));
		list[v->count] = text;
		v->list = list;
	}
	v->text = text;
	v->count++;
	snprintf(v->where, sizeof(v->where), "%s", where);
	return true;
}

static unsigned allowed(const struct options *o)
{
	return o->command == COMMAND_COUNT ? COMMAND_BITS_ALL : COMMAND_BIT(o->command);
}

/* The first command that knows an option, for the hint. */
static const char *owner_of(const struct option *row)
{
	for (unsigned id = 0; id < COMMAND_COUNT; id++) {
		if (row->commands & COMMAND_BIT(id))
			return command_row((enum command_id)id)->name;
	}
	return "";
}

static bool unknown_option(const struct options *o, const char *given, size_t len, struct err *e)
{
	struct nearest near = NEAREST_INIT;
	char name[65];

	snprintf(name, sizeof(name), "%.*s", (int)utf8_fit(given, len, 64), given);
	err_set(e, ERR_USAGE, "unknown option \"--%s\"", name);
	for (unsigned id = 0; id < OPTION_COUNT; id++) {
		if (option_row((enum option_id)id)->commands & allowed(o))
			nearest_offer(&near, name, option_row((enum option_id)id)->name);
	}
	if (near.word)
		return err_hint(e, "did you mean --%s?", near.word);
	if (o->command != COMMAND_COUNT)
		return err_hint(e, "see: drtool help %s", command_row(o->command)->name);
	return err_hint(e, "see: drtool help");
}

static bool unknown_command(const char *given, struct err *e)
{
	struct nearest near = NEAREST_INIT;
	struct buf names = BUF_INIT;

	err_set(e, ERR_USAGE, "unknown command \"%s\"", given);
	for (unsigned id = 0; id < COMMAND_COUNT; id++) {
		const char *name = command_row((enum command_id)id)->name;

		nearest_offer(&near, given, name);
		buf_addf(&names, "%s%s", names.len ? ", " : "", name);
	}
	if (near.word)
		err_hint(e, "did you mean: drtool %s", near.word);
	else
		err_hint(e, "commands: %s", buf_str(&names));
	buf_release(&names);
	return false;
}

struct cursor {
	char *const *at; /* next word */
	char *const *end;
	bool words_only; /* after "--" */
};

/* A value in the next word; something that looks like an option is not one (but a negative number is). */
static const char *next_value(struct cursor *c)
{
	const char *word = c->at < c->end ? *c->at : NULL;

	if (!word || (word[0] == '-' && word[1] != '\0' && !(word[1] >= '0' && word[1] <= '9')))
		return NULL;
	c->at++;
	return word;
}

static bool take_argument(struct options *o, enum option_id id, const char *attached, struct cursor *c,
        const char *spelled, struct err *e)
{
	const struct option *row = option_row(id);

	if (!row->argument) {
		if (attached)
			return err_set(e, ERR_USAGE, "%s takes no value", spelled);
		return take(o, id, NULL, spelled, e);
	}
	if (!attached)
		attached = next_value(c);
	if (!attached) {
		err_set(e, ERR_USAGE, "%s needs a value", spelled);
		return err_hint(e, "%s %s: %s", spelled, row->argument, row->help);
	}
	return take(o, id, attached, spelled, e);
}

static bool long_option(struct options *o, const char *word, struct cursor *c, struct err *e)
{
	const char *name = word + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	char spelled[64];
	enum option_id id;

	snprintf(spelled, sizeof(spelled), "%.*s", (int)utf8_fit(word, len + 2, 63), word);
	id = option_find(spelled + 2, allowed(o));
	if (id == OPTION_COUNT) /* of another command? That is said when everything has been read. */
		id = option_find(spelled + 2, COMMAND_BITS_ALL);
	if (id == OPTION_COUNT)
		return unknown_option(o, name, len, e);
	return take_argument(o, id, equals ? equals + 1 : NULL, c, spelled, e);
}

/* "-j4", "-j 4", or switches together: "-qn". */
static bool short_options(struct options *o, const char *word, struct cursor *c, struct err *e)
{
	for (const char *letter = word + 1; *letter; letter++) {
		enum option_id id = option_find_letter(*letter, allowed(o));
		char spelled[3] = { '-', *letter, '\0' };

		if (id == OPTION_COUNT)
			id = option_find_letter(*letter, COMMAND_BITS_ALL);
		if (id == OPTION_COUNT) {
			err_set(e, ERR_USAGE, "unknown option \"-%c\"",
			        *letter >= ' ' && *letter < 0x7f ? *letter : '?');
			return err_hint(e, "see: drtool help");
		}
		if (option_row(id)->argument)
			return take_argument(o, id, letter[1] ? letter + 1 : NULL, c, spelled, e);
		if (!take_argument(o, id, NULL, c, spelled, e))
			return false;
	}
	return true;
}

static bool word_argument(struct options *o, const char *word, struct err *e)
{
	const struct command *row;

	if (o->command == COMMAND_COUNT) {
		o->command = command_find(word);
		return o->command != COMMAND_COUNT || unknown_command(word, e);
	}
	row = command_row(o->command);
	if (o->argument_count >= row->max_arguments) {
		err_set(e, ERR_USAGE, "unexpected argument \"%s\"", word);
		return err_hint(e, "usage: drtool %s%s%s", row->name, *row->arguments ? " " : "", row->arguments);
	}
	o->arguments[o->argument_count++] = word;
	return true;
}

/* Options may stand before the command, so only now is it known which ones are its own. */
static bool check_owners(const struct options *o, struct err *e)
{
	for (unsigned id = 0; id < OPTION_COUNT; id++) {
		const struct option *row = option_row((enum option_id)id);

		if (!options_set(o, (enum option_id)id) || (row->commands & allowed(o)))
			continue;
		err_set(e, ERR_USAGE, "\"drtool %s\" has no option \"%s\"", command_row(o->command)->name,
		        o->values[id].where);
		return err_hint(e, "it belongs to \"drtool %s\"; see: drtool help %s", owner_of(row),
		        command_row(o->command)->name);
	}
	return true;
}

static bool check_arguments(const struct options *o, struct err *e)
{
	const struct command *row;

	if (options_set(o, OPTION_HELP) || options_set(o, OPTION_VERSION))
		return true;
	if (o->command == COMMAND_COUNT) {
		err_set(e, ERR_USAGE, "no command given");
		return err_hint(e, "see: drtool help");
	}
	row = command_row(o->command);
	if (o->argument_count >= row->min_arguments)
		return true;
	err_set(e, ERR_USAGE, "\"drtool %s\" needs %s", row->name, row->arguments);
	return err_hint(e, "usage: drtool %s %s; see: drtool help %s", row->name, row->arguments, row->name);
}

bool options_parse(struct options *o, int argc, char *const *argv, struct err *e)
{
	struct cursor c = { .at = argv + (argc > 0), .end = argv + argc };

	*o = (struct options){ .command = COMMAND_COUNT };
	while (c.at < c.end) {
		const char *word = *c.at++;
		bool ok;

		if (!c.words_only && strcmp(word, "--") == 0) {
			c.words_only = true;
			continue;
		}
		if (c.words_only || word[0] != '-' || word[1] == '\0')
			ok = word_argument(o, word, e);
		else if (word[1] == '-')
			ok = long_option(o, word, &c, e);
		else
			ok = short_options(o, word, &c, e);
		if (!ok)
			return false;
	}
	return check_owners(o, e) && check_arguments(o, e);
}

/* Not given yet, and of interest to the command: a mistake in a setting for snapshots must not stop a restore at night.
 */
static bool is_open(const struct options *o, enum option_id id)
{
	return !options_set(o, id) && (option_row(id)->commands & allowed(o));
}

bool options_apply_environment(struct options *o, struct err *e)
{
	for (unsigned id = 0; id < OPTION_COUNT; id++) {
		const struct option *row = option_row((enum option_id)id);
		const char *text = row->environment ? getenv(row->environment) : NULL;

		if (text && *text && is_open(o, (enum option_id)id) &&
		        !take(o, (enum option_id)id, arena_strdup(&o->arena, text), row->environment, e))
			return false;
	}
	return true;
}

static bool take_from_config(
        struct options *o, enum option_id id, const char *raw, const struct config *c, struct err *e)
{
	const struct option *row = option_row(id);
	struct buf text = BUF_INIT_MAX(TEXT_MAX);
	char where[256], named[320];
	char *path = NULL;
	bool ok = false;

	config_where(where, c, row->yaml);
	snprintf(named, sizeof(named), "%s: %s", where, row->yaml);
	if (!config_expand(&text, raw, named, e))
		goto done;
	path = row->type == OPTION_PATH ? config_path(c, buf_str(&text)) : xstrdup(buf_str(&text));
	ok = take(o, id, arena_strdup(&o->arena, path), named, e);
done:
	free(path);
	buf_release(&text);
	return ok;
}

bool options_apply_config(struct options *o, const struct config *c, struct err *e)
{
	for (unsigned id = 0; id < OPTION_COUNT; id++) {
		const struct option *row = option_row((enum option_id)id);
		const char *raw = row->yaml ? config_text(c, row->yaml) : NULL;

		if (raw && is_open(o, (enum option_id)id) && !take_from_config(o, (enum option_id)id, raw, c, e))
			return false;
	}
	return true;
}

void options_release(struct options *o)
{
	arena_release(&o->arena);
}
