/* src/cmd/say.c - see say.h */
#include "src/cmd/say.h"

#include <pthread.h>

#include "src/base/file.h"
#include "src/base/utf8.h"
#include "src/cmd/text.h"

#define LINE_MAX_BYTES ((size_t)64 << 10)

static struct {
	pthread_mutex_t lock; /* guards stderr and status_shown */
	bool quiet, verbose, color;
	bool status_shown;
} say = { .lock = PTHREAD_MUTEX_INITIALIZER };

void say_configure(bool quiet, bool verbose, bool color)
{
	say.quiet = quiet;
	say.verbose = verbose && !quiet;
	say.color = color && isatty(STDOUT_FILENO);
}

bool say_is_quiet(void)
{
	return say.quiet;
}

/* There is nobody left to tell when stderr cannot be written. */
static void to_stderr(const struct buf *text)
{
	struct err ignored = ERR_INIT;

	file_write_all(STDERR_FILENO, buf_view(text), "stderr", &ignored);
}

static void take_status_away(struct buf *out)
{
	if (say.status_shown)
		buf_add(out, "\r\033[K");
	say.status_shown = false;
}

static void line(const char *before, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static void line(const char *before, const char *fmt, va_list ap)
{
	struct buf out = BUF_INIT_MAX(2 * LINE_MAX_BYTES);
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		return;
	text[utf8_fit(text, strlen(text), LINE_MAX_BYTES)] = '\0';
	utf8_repair(text);
	pthread_mutex_lock(&say.lock);
	take_status_away(&out);
	buf_add(&out, before);
	text_printable(&out, text);
	buf_add(&out, "\n");
	to_stderr(&out);
	pthread_mutex_unlock(&say.lock);
	buf_release(&out);
	free(text);
}

#define SAY(before, fmt)                   \
	do {                               \
		va_list ap;                \
		va_start(ap, fmt);         \
		line((before), (fmt), ap); \
		va_end(ap);                \
	} while (0)

void say_info(const char *fmt, ...)
{
	if (!say.quiet)
		SAY("", fmt);
}

void say_detail(const char *fmt, ...)
{
	if (say.verbose)
		SAY("", fmt);
}

void say_warn(const char *fmt, ...)
{
	SAY("warning: ", fmt);
}

void say_hint(const char *fmt, ...)
{
	SAY("hint: ", fmt);
}

static void plain_line(const char *before, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void plain_line(const char *before, const char *fmt, ...)
{
	SAY(before, fmt);
}

void say_error(const struct err *e)
{
	const char *hint = e->hint;

	plain_line("drtool: ", "%s", e->msg);
	while (*hint) {
		size_t len = strcspn(hint, "\n");

		plain_line("hint: ", "%.*s", (int)len, hint);
		hint += len + (hint[len] == '\n');
	}
}

void say_status(const char *text)
{
	struct buf out = BUF_INIT;

	pthread_mutex_lock(&say.lock);
	take_status_away(&out);
	if (*text) {
		buf_add(&out, text);
		say.status_shown = true;
	}
	if (out.len > 0)
		to_stderr(&out);
	pthread_mutex_unlock(&say.lock);
	buf_release(&out);
}

const char *say_color(char which)
{
	if (!say.color)
		return "";
	switch (which) {
	case 'r':
		return "\033[31m";
	case 'g':
		return "\033[32m";
	case 'y':
		return "\033[33m";
	default:
		return "\033[0m";
	}
}

bool say_result(struct view text, struct err *e)
{
	say_status("");
	return file_write_all(STDOUT_FILENO, text, "standard output", e);
}

bool say_result_json(json_t *document, struct err *e)
{
	char *text = json_dumps(document, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));
	struct buf out = BUF_INIT;
	bool ok;

	json_decref(document);
	if (!text)
		return err_set(e, ERR_FAILED, "the result cannot be written as JSON");
	buf_add(&out, text);
	buf_add(&out, "\n");
	ok = say_result(buf_view(&out), e);
	buf_release(&out);
	free(text);
	return ok;
}

static const char *kind_name(enum err_kind kind)
{
	static const char *const names[] = {
		[ERR_NONE] = "none",
		[ERR_FAILED] = "failed",
		[ERR_TRANSIENT] = "transient",
		[ERR_CONFLICT] = "conflict",
		[ERR_NOT_FOUND] = "not_found",
		[ERR_EXISTS] = "exists",
		[ERR_USAGE] = "usage",
		[ERR_REFUSED] = "refused",
		[ERR_DAMAGED] = "damaged",
		[ERR_DIFFERS] = "differs",
		[ERR_CANCELLED] = "cancelled",
	};

	return names[kind];
}

json_t *say_error_json(const struct err *e)
{
	json_t *inner = json_pack(
	        "{s:s, s:s+, s:i}", "kind", kind_name(e->kind), "message", e->msg, "", "exit", err_exit_status(e));

	/* a message may carry bytes of a name that is not UTF-8 */
	if (!inner)
		inner = json_pack("{s:s, s:s, s:i}", "kind", kind_name(e->kind), "message", "see stderr", "exit",
		        err_exit_status(e));
	if (*e->hint)
		json_object_set_new(inner, "hint", json_string(e->hint));
	return json_pack("{s:o}", "error", inner);
}

void say_note(void *cookie, enum note_level level, const char *text)
{
	(void)cookie;
	if (level == NOTE_WARN)
		say_warn("%s", text);
	else if (level == NOTE_INFO)
		say_info("%s", text);
	else
		say_detail("%s", text);
}
