/* src/config/env_file.c - see env_file.h */
#include "src/config/env_file.h"

#include <ctype.h>

#include "src/base/file.h"

#define ENV_FILE_MAX ((size_t)1 << 20)

static bool name_char(char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* In place: the value between quotes, or up to the trailing blanks. False when the quotes do not close. */
static bool unquote(char **value)
{
	char *in = *value, *out = *value, quote = *in;
	size_t len = strlen(in);

	if (quote != '"' && quote != '\'') {
		while (len > 0 && isspace((unsigned char)in[len - 1]))
			in[--len] = '\0';
		return true;
	}
	for (in++; *in && *in != quote; in++) {
		if (quote == '"' && *in == '\\' && (in[1] == '"' || in[1] == '\\'))
			in++;
		*out++ = *in;
	}
	if (*in != quote)
		return false;
	*out = '\0';
	for (in++; isspace((unsigned char)*in); in++)
		;
	return *in == '\0' || *in == '#';
}

/* line is changed. An empty line or a comment is fine. */
static bool assignment(char *line, env_file_set_fn *set, void *cookie)
{
	char *name = line + strspn(line, " \t\r"), *end, *value;

	if (*name == '\0' || *name == '#')
		return true;
	if (strncmp(name, "export ", 7) == 0)
		name += 7 + strspn(name + 7, " \t");
	for (end = name; name_char(*end, end == name); end++)
		;
	if (end == name || *end != '=')
		return false;
	*end = '\0';
	value = end + 1;
	if (!unquote(&value))
		return false;
	if (set)
		set(cookie, name, value);
	return true;
}

bool env_file_parse(struct view text, const char *name, env_file_set_fn *set, void *cookie, struct err *e)
{
	char *copy = xmalloc(text.len + 1), *line = copy, *end;
	unsigned number = 1;
	bool ok = true;

	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	if (strlen(copy) != text.len)
		ok = err_set(e, ERR_USAGE, "%s holds a NUL byte", name);
	for (; ok && line; line = end, number++) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		ok = assignment(line, set, cookie);
		if (!ok) {
			err_set(e, ERR_USAGE, "%s:%u: not a NAME=value line", name, number);
			err_hint(e, "write each variable as NAME=value or NAME='value' on one line");
		}
	}
	explicit_bzero(copy, text.len);
	free(copy);
	return ok;
}

static void set_missing(void *cookie, const char *name, const char *value)
{
	(void)cookie;
	setenv(name, value, 0);
}

bool env_file_load(const char *path, struct err *e)
{
	struct buf text = BUF_INIT_MAX(ENV_FILE_MAX);
	bool ok = false;

	if (!file_read(&text, path, e)) {
		e->kind = ERR_USAGE;
		err_wrap(e, "--env-file");
		goto done;
	}
	ok = env_file_parse(buf_view(&text), path, set_missing, NULL, e);
done:
	buf_release(&text);
	return ok;
}
