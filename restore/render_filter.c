/*
 * The lexical rules are those of psql and the server: quoted strings and names, E'' strings, dollar quotes, nested
 * block comments. Inside a routine's BEGIN ATOMIC body pieces between semicolons look like statements too; they are
 * never SET or ALTER, so they stay.
 */
#include <ctype.h>

#include "restore/render.h"

struct lexer {
	const char *p, *end;
};

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static const char *skip_quoted(const char *p, const char *end, char quote, bool escapes)
{
	for (p++; p < end; p++) {
		if (escapes && *p == '\\' && p + 1 < end)
			p++;
		else if (*p == quote)
			return p + 1; /* a doubled quote starts the next string at once, which comes to the same */
	}
	return end;
}

static const char *skip_line(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));

	return nl ? nl + 1 : end;
}

static const char *skip_block_comment(const char *p, const char *end)
{
	unsigned depth = 0;

	while (p < end) {
		if (end - p >= 2 && p[0] == '/' && p[1] == '*') {
			depth++;
			p += 2;
		} else if (end - p >= 2 && p[0] == '*' && p[1] == '/') {
			p += 2;
			if (--depth == 0)
				return p;
		} else {
			p++;
		}
	}
	return end;
}

/* p is at a '$'. Past the closing tag, or past the '$' alone when it opens no dollar quote. */
static const char *skip_dollar(const char *p, const char *end)
{
	const char *tag_end = p + 1, *hit;
	size_t len;

	while (tag_end < end && *tag_end != '$' && is_name_byte(*tag_end))
		tag_end++;
	if (tag_end >= end || *tag_end != '$' || isdigit((unsigned char)p[1]))
		return p + 1;
	len = (size_t)(tag_end + 1 - p);
	hit = memmem(tag_end + 1, (size_t)(end - tag_end - 1), p, len);
	return hit ? hit + len : end;
}

static bool at_comment(const char *p, const char *end, char second)
{
	return end - p >= 2 && p[0] == (second == '-' ? '-' : '/') && p[1] == second;
}

/* One lexical element; names and numbers as a whole, everything else byte by byte. */
static const char *skip_element(const char *p, const char *end)
{
	if (at_comment(p, end, '-'))
		return skip_line(p, end);
	if (at_comment(p, end, '*'))
		return skip_block_comment(p, end);
	if (*p == '\'' || *p == '"')
		return skip_quoted(p, end, *p, false);
	if (*p == '$')
		return skip_dollar(p, end);
	if ((*p == 'e' || *p == 'E') && end - p >= 2 && p[1] == '\'')
		return skip_quoted(p + 1, end, '\'', true);
	if (!is_name_byte(*p))
		return p + 1;
	while (p < end && is_name_byte(*p))
		p++;
	return p;
}

/* White space, comments and psql commands between statements. */
static const char *skip_between(const char *p, const char *end)
{
	while (p < end) {
		if (isspace((unsigned char)*p))
			p++;
		else if (at_comment(p, end, '-') || *p == '\\')
			p = skip_line(p, end);
		else if (at_comment(p, end, '*'))
			p = skip_block_comment(p, end);
		else
			break;
	}
	return p;
}

static const char *skip_statement(const char *p, const char *end)
{
	while (p < end) {
		if (*p == ';')
			return p + 1;
		p = skip_element(p, end);
	}
	return end;
}

static void skip_space(struct lexer *l)
{
	while (l->p < l->end && isspace((unsigned char)*l->p))
		l->p++;
}

static bool take_word(struct lexer *l, const char *word)
{
	size_t n = strlen(word);

	skip_space(l);
	if ((size_t)(l->end - l->p) < n || strncasecmp(l->p, word, n) != 0)
		return false;
	if (is_name_byte(word[n - 1]) && l->p + n < l->end && is_name_byte(l->p[n]))
		return false;
	l->p += n;
	return true;
}

/* A name, quoted or not, with any number of qualifiers. */
static bool take_name(struct lexer *l)
{
	skip_space(l);
	for (;;) {
		const char *start = l->p;

		if (l->p < l->end && *l->p == '"') {
			while (l->p < l->end && *l->p == '"')
				l->p = skip_quoted(l->p, l->end, '"', false);
		} else {
			while (l->p < l->end && is_name_byte(*l->p))
				l->p++;
		}
		if (l->p == start)
			return false;
		if (l->p >= l->end || *l->p != '.')
			return true;
		l->p++;
	}
}

/* ALTER [FOREIGN] TABLE [ONLY] name ALTER COLUMN name SET ( : leaves l behind the parenthesis. */
static bool take_column_options(struct lexer *l)
{
	if (!take_word(l, "ALTER"))
		return false;
	take_word(l, "FOREIGN");
	if (!take_word(l, "TABLE"))
		return false;
	take_word(l, "ONLY");
	return take_name(l) && take_word(l, "ALTER") && take_word(l, "COLUMN") && take_name(l) && take_word(l, "SET") &&
	       take_word(l, "(");
}

static const char *option_end(const char *p, const char *end)
{
	while (p < end && *p != ',' && *p != ')')
		p = skip_element(p, end);
	return p;
}

/*
 * The statement without its pg_attver options appended to out; true when it was a statement setting column options with
 * one among them. Nothing is left of it when there was no other option.
 */
static bool without_attver(struct buf *out, const char *start, const char *end)
{
	struct lexer l = { start, end };
	struct buf kept = BUF_INIT;
	const char *head;
	bool found = false;

	if (!take_column_options(&l))
		return false;
	head = l.p;
	while (l.p < l.end && *l.p != ')') {
		struct lexer option;
		const char *stop;

		skip_space(&l);
		stop = option_end(l.p, l.end);
		option = (struct lexer){ l.p, stop };
		if (take_word(&option, "pg_attver"))
			found = true;
		else
			buf_addf(&kept, "%s%.*s", kept.len ? ", " : "", (int)(stop - l.p), l.p);
		l.p = stop < l.end && *stop == ',' ? stop + 1 : stop;
	}
	if (found && kept.len) {
		buf_addn(out, start, (size_t)(head - start));
		buf_addn(out, kept.data, kept.len);
		buf_addn(out, l.p, (size_t)(end - l.p));
	}
	buf_release(&kept);
	return found;
}

static bool unknown_setting(const char *start, const char *end, int server_version)
{
	static const struct {
		const char *name;
		int since;
	} settings[] = { { "transaction_timeout", 170000 } };

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		struct lexer l = { start, end };

		if (server_version < settings[i].since && take_word(&l, "SET") && take_word(&l, settings[i].name))
			return true;
	}
	return false;
}

bool render_filter(struct buf *out, struct view script, int server_version, struct err *e)
{
	const char *p = (const char *)script.data, *end = p + script.len;

	while (p < end) {
		const char *start = skip_between(p, end), *stop = skip_statement(start, end);
		struct buf changed = BUF_INIT;
		bool drop = start < stop && unknown_setting(start, stop, server_version);
		bool ok = buf_append(out, p, (size_t)(start - p), e);

		if (ok && start < stop && !drop) {
			drop = without_attver(&changed, start, stop);
			ok = drop ? buf_append(out, changed.data, changed.len, e)
			          : buf_append(out, start, (size_t)(stop - start), e);
		}
		if (drop && !changed.len && stop < end && *stop == '\n')
			stop++;
		buf_release(&changed);
		if (!ok)
			return false;
		p = stop;
	}
	return true;
}
