/* Keys printed by a program: credential_process of a profile. */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/child.h"
#include "src/base/clock.h"
#include "storage/backend/s3_credentials_internal.h"

#define OUTPUT_MAX ((size_t)64 << 10)
#define TIMEOUT_US INT64_C(60000000) /* it may open a browser, but not wait for somebody who is asleep */

/* --- words --- */

struct words {
	char **items;
	size_t count;
	struct buf word;
	bool open; /* a word has begun, perhaps an empty one */
};

static void end_word(struct words *w)
{
	if (!w->open)
		return;
	w->items = xrealloc(w->items, (w->count + 2) * sizeof(w->items[0]));
	w->items[w->count++] = buf_detach(&w->word);
	w->items[w->count] = NULL;
	w->open = false;
}

/* Past a quoted part that begins at *at; false when it does not end. Within "" a backslash quotes only '"' and itself.
 */
static bool quoted(struct words *w, const char **at)
{
	char quote = **at;
	const char *c = *at + 1;

	for (; *c && *c != quote; c++) {
		if (quote == '"' && *c == '\\' && (c[1] == '"' || c[1] == '\\'))
			c++;
		buf_addn(&w->word, c, 1);
	}
	*at = c;
	return *c == quote;
}

bool s3_words_split(char ***out, const char *command, struct err *e)
{
	struct words w = { .items = xcalloc(1, sizeof(char *)) };
	bool ok = true;

	for (const char *c = command; ok && *c; c += *c != '\0') {
		if (strchr(" \t\r\n", *c)) {
			end_word(&w);
			continue;
		}
		w.open = true;
		if (*c == '\'' || *c == '"') {
			ok = quoted(&w, &c);
			continue;
		}
		if (*c == '\\')
			c++;
		buf_addn(&w.word, c, 1);
		ok = *c != '\0';
	}
	end_word(&w);
	buf_release(&w.word);
	if (ok && w.count > 0) {
		*out = w.items;
		return true;
	}
	s3_words_free(w.items);
	return err_set(e, ERR_USAGE, ok ? "the command is empty" : "a quote in the command does not end");
}

void s3_words_free(char **words)
{
	for (char **word = words; word && *word; word++)
		free(*word);
	free(words);
}

/* --- what it says when it fails --- */

#define SECRET_LEN 20 /* keys and tokens made by machines are longer */
#define BETWEEN    " \t\"',;()[]{}<>"

/* Long, and letters of both cases and digits: no word of a sentence. */
static bool looks_made(const char *text, size_t len)
{
	bool upper = false, lower = false, digit = false;

	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)text[i]) && !strchr("+/=_-", text[i]))
			return false;
		upper |= isupper((unsigned char)text[i]) != 0;
		lower |= islower((unsigned char)text[i]) != 0;
		digit |= isdigit((unsigned char)text[i]) != 0;
	}
	return len >= SECRET_LEN && upper && lower && digit;
}

static bool announces_secret(const char *name, size_t len)
{
	static const char *const words[] = { "secret", "token", "password", "passwd" };

	for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
		for (size_t i = 0; i + strlen(words[w]) <= len; i++)
			if (strncasecmp(name + i, words[w], strlen(words[w])) == 0)
				return true;
	return false;
}

/* Where the value begins: behind "name=". Base64 may end in "=", so what ends in it is a name only when it sounds like
 * one. */
static size_t value_in(const char *word, size_t name, size_t len, bool announced)
{
	size_t value = name + strspn(word + name, "=:");

	if (name == len || looks_made(word, name))
		return 0;
	if (value < len)
		return value;
	return name == 0 || (!announced && announces_secret(word, name)) ? len : 0;
}

static bool is_separator(char c)
{
	return c == '=' || c == ':';
}

/* It may print what it should not, and from an error that would get into logs: "secret=...", "token": "...". */
static void hide_secrets(char *text, size_t size)
{
	struct buf out = BUF_INIT;
	bool announced = false; /* a value follows that is not to be seen */

	for (const char *at = text; *at;) {
		size_t gap = strspn(at, BETWEEN), len = strcspn(at + gap, BETWEEN);
		const char *word = at + gap, *end = word + len;
		size_t to_separator = strcspn(word, "=:"), name = to_separator < len ? to_separator : len;
		size_t value = value_in(word, name, len, announced);

		announced |= announces_secret(word, value);
		buf_addn(&out, at, gap + value);
		if (value < len && (announced || looks_made(word + value, len - value) || looks_made(word, name)))
			buf_add(&out, "***");
		else
			buf_addn(&out, word + value, len - value);
		if (value < len)
			announced = announces_secret(word, len) &&
			            ((value == 0 && is_separator(end[-1])) || is_separator(end[strspn(end, "\"' ")]));
		at = end;
	}
	snprintf(text, size, "%s", buf_str(&out));
	buf_release(&out);
}

/* --- running --- */

static bool read_output(struct buf *out, struct child *c, struct err *e)
{
	int64_t deadline_us = clock_monotonic_us() + TIMEOUT_US;
	struct pollfd ready = { .fd = c->out, .events = POLLIN };
	char data[4096];
	ssize_t n = 1;

	while (n != 0) {
		int64_t left_us = deadline_us - clock_monotonic_us();

		if (left_us <= 0)
			return err_set(e, ERR_FAILED, "\"%s\" has not answered for %d s", c->name,
			        (int)(TIMEOUT_US / 1000000));
		if (poll(&ready, 1, (int)(left_us / 1000) + 1) <= 0)
			continue;
		n = read(c->out, data, sizeof(data));
		if (n > 0 && !buf_append(out, data, (size_t)n, e))
			return err_wrap(e, "output of \"%s\"", c->name);
		if (n < 0 && errno != EINTR)
			return err_sys(e, errno, "output of \"%s\"", c->name);
	}
	explicit_bzero(data, sizeof(data));
	return true;
}

bool s3_keys_from_process(struct s3_keys *out, const char *command, struct err *e)
{
	struct buf text = BUF_INIT_MAX(OUTPUT_MAX);
	struct child_spec spec = { .want_stdout = true };
	struct child c = CHILD_INIT;
	char **words;
	bool ok = false;

	if (!s3_words_split(&words, command, e))
		return false;
	spec.argv = (const char *const *)words;
	(void)buf_reserve(&text, OUTPUT_MAX, e); /* never moved: it holds a secret */
	if (!child_start(&c, &spec, e)) {
		e->kind = ERR_USAGE;
		goto done;
	}
	if (!read_output(&text, &c, e))
		goto done;
	if (!child_wait(&c, NULL, e)) {
		hide_secrets(e->msg, sizeof(e->msg));
		err_hint(e, "run \"%s\" by hand as the user that runs drtool: it must print the keys and end with 0",
		        words[0]);
		goto done;
	}
	ok = s3_keys_from_json(out, buf_view(&text), "SessionToken", 1, e);
	if (!ok) {
		e->kind = ERR_USAGE; /* the next time it would print the same */
		err_wrap(e, "output of \"%s\"", words[0]);
		err_hint(e, "it must print {\"Version\": 1, \"AccessKeyId\": ..., \"SecretAccessKey\": ...}");
	}
done:
	child_abort(&c);
	s3_wipe_buf(&text);
	s3_words_free(words);
	return ok;
}
