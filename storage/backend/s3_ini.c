/* storage/backend/s3_ini.c - see s3_ini.h */
#include "storage/backend/s3_ini.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t"

struct setting {
	size_t section; /* in sections */
	char *name, *value;
};

struct s3_ini {
	char **sections;
	size_t section_count;
	struct setting *settings;
	size_t setting_count;
};

/* Where the reading of a file is. */
struct state {
	struct s3_ini *ini;
	const char *file;
	unsigned line;
	bool in_setting; /* the last setting of ini may go on in deeper lines */
	size_t indent;   /* its indentation */
	size_t outer;    /* settings with names below it start behind this one */
};

static bool malformed(const struct state *s, const char *what, struct err *e)
{
	err_set(e, ERR_USAGE, "%s:%u: %s", s->file, s->line, what);
	return err_hint(e, "sections are [name], settings are name = value");
}

static void wipe(char *text)
{
	if (text)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}

static char *trim(char *text)
{
	char *end;

	text += strspn(text, BLANKS);
	end = text + strlen(text);
	while (end > text && strchr(BLANKS "\r", end[-1]))
		*--end = '\0';
	return text;
}

/* Up to a '#' or ';' that a blank is before; in place. */
static void cut_comment(char *text)
{
	for (char *at = text; *at; at++) {
		if ((*at == '#' || *at == ';') && at > text && strchr(BLANKS, at[-1])) {
			*at = '\0';
			break;
		}
	}
	trim(text);
}

/* In place: runs of blanks as one, none at the ends, no quotes. */
static void normalise_section(char *name)
{
	char *out = name;
	const char *at = name;

	for (; *at; at++) {
		bool blank = strchr(BLANKS, *at) != NULL;

		if (*at == '"' || *at == '\'' || (blank && (out == name || out[-1] == ' ')))
			continue;
		*out++ = (char)(blank ? ' ' : *at);
	}
	if (out > name && out[-1] == ' ')
		out--;
	*out = '\0';
}

static bool add_section(struct state *s, char *text, struct err *e)
{
	struct s3_ini *ini = s->ini;
	char *end;

	cut_comment(text);
	end = text + strlen(text) - 1;
	if (end == text || *end != ']')
		return malformed(s, "a section's name does not end in ]", e);
	*end = '\0';
	normalise_section(text + 1);
	if (!text[1])
		return malformed(s, "a section without a name", e);
	ini->sections = xrealloc(ini->sections, (ini->section_count + 1) * sizeof(ini->sections[0]));
	ini->sections[ini->section_count++] = xstrdup(text + 1);
	s->in_setting = false;
	return true;
}

static void append(struct s3_ini *ini, char *name, const char *value)
{
	ini->settings = xrealloc(ini->settings, (ini->setting_count + 1) * sizeof(ini->settings[0]));
	ini->settings[ini->setting_count++] = (struct setting){ ini->section_count - 1, name, xstrdup(value) };
}

static void lower(char *text)
{
	for (; *text; text++)
		*text = (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
}

/* outer: the setting it is within; NULL for none */
static bool add_setting(struct state *s, char *text, const char *outer, struct err *e)
{
	char *equals = strchr(text, '='), *name, *value;

	if (!equals || equals == text)
		return malformed(s, "not a section, a setting or a comment", e);
	if (s->ini->section_count == 0)
		return malformed(s, "a setting before the first section", e);
	*equals = '\0';
	cut_comment(equals + 1);
	value = trim(equals + 1);
	name = outer ? xasprintf("%s.%s", outer, trim(text)) : xstrdup(trim(text));
	lower(name);
	append(s->ini, name, value);
	return true;
}

/* A line deeper than the setting before it. */
static bool go_on(struct state *s, char *text, struct err *e)
{
	struct setting *outer = &s->ini->settings[s->outer];
	char *longer;

	if (!outer->value[0])
		return add_setting(s, text, outer->name, e);
	cut_comment(text);
	longer = xasprintf("%s\n%s", outer->value, text);
	wipe(outer->value);
	outer->value = longer;
	return true;
}

/* text is changed */
static bool read_line(struct state *s, char *line, struct err *e)
{
	size_t indent = strspn(line, BLANKS);
	char *text = trim(line);

	if (!*text || *text == '#' || *text == ';')
		return true;
	if (s->in_setting && indent > s->indent)
		return go_on(s, text, e);
	if (*text == '[')
		return add_section(s, text, e);
	if (!add_setting(s, text, NULL, e))
		return false;
	s->in_setting = true;
	s->indent = indent;
	s->outer = s->ini->setting_count - 1;
	return true;
}

bool s3_ini_parse(struct s3_ini **out, struct view text, const char *name, struct err *e)
{
	struct state s = { .ini = xcalloc(1, sizeof(struct s3_ini)), .file = name, .line = 1 };
	char *copy = xmalloc(text.len + 1), *line = copy, *next;
	bool ok = true;

	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	if (strlen(copy) != text.len)
		ok = err_set(e, ERR_USAGE, "%s holds a NUL byte", name);
	if (strncmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3; /* some editors begin UTF-8 with it */
	for (; ok && line; line = next, s.line++) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		ok = read_line(&s, line, e);
	}
	OPENSSL_cleanse(copy, text.len);
	free(copy);
	if (ok)
		*out = s.ini;
	else
		s3_ini_free(s.ini);
	return ok;
}

void s3_ini_free(struct s3_ini *ini)
{
	if (!ini)
		return;
	for (size_t i = 0; i < ini->section_count; i++)
		free(ini->sections[i]);
	for (size_t i = 0; i < ini->setting_count; i++) {
		free(ini->settings[i].name);
		wipe(ini->settings[i].value);
	}
	free(ini->sections);
	free(ini->settings);
	free(ini);
}

bool s3_ini_has(const struct s3_ini *ini, const char *section)
{
	for (size_t i = 0; ini && i < ini->section_count; i++) {
		if (strcmp(ini->sections[i], section) == 0)
			return true;
	}
	return false;
}

const char *s3_ini_get(const struct s3_ini *ini, const char *section, const char *name)
{
	for (size_t i = ini ? ini->setting_count : 0; i-- > 0;) {
		const struct setting *s = &ini->settings[i];

		if (strcmp(ini->sections[s->section], section) == 0 && strcmp(s->name, name) == 0)
			return s->value;
	}
	return NULL;
}
