/* Keys printed by a program: credential_process of a profile. */
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
	if (!read_output(&text, &c, e) || !child_wait(&c, NULL, e))
		goto done;
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
