/* src/base/err.c - see err.h */
#include "src/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/utf8.h"

static void format(char *out, size_t size, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

static void format(char *out, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(out, size, fmt, ap);

	if (n < 0)
		out[0] = '\0';
	else if ((size_t)n >= size)
		out[utf8_fit(out, size, size - 1)] = '\0';
	utf8_repair(out); /* names come in any encoding, and a precision may have cut one */
}

static void format_args(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void format_args(char *out, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format(out, size, fmt, ap);
	va_end(ap);
}

bool err_setv(struct err *e, enum err_kind kind, const char *fmt, va_list ap)
{
	char text[sizeof(e->msg)]; /* an argument may point into e */

	format(text, sizeof(text), fmt, ap);
	e->kind = kind;
	e->sys = 0;
	e->hint[0] = '\0';
	memcpy(e->msg, text, sizeof(text));
	return false;
}

bool err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_setv(e, kind, fmt, ap);
	va_end(ap);
	return false;
}

bool err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	char buffer[128];
	const char *reason = strerror_r(errnum, buffer, sizeof(buffer));
	char what[sizeof(e->msg) -
	          sizeof(buffer)]; /* leaves room for the reason, which matters more than the end of what */
	va_list ap;

	va_start(ap, fmt);
	format(what, sizeof(what), fmt, ap);
	va_end(ap);
	err_set(e, ERR_FAILED, "%s: %s", what, reason);
	e->sys = errnum;
	if (errnum == ENOSPC)
		err_hint(e, "free some space there, then run the same command again");
	else if (errnum == EDQUOT)
		err_hint(e, "the disk quota is used up: free some space or raise it, then run the same command again");
	return false;
}

bool err_hint(struct err *e, const char *fmt, ...)
{
	char text[sizeof(e->hint)];
	va_list ap;

	va_start(ap, fmt);
	format(text, sizeof(text), fmt, ap);
	va_end(ap);
	memcpy(e->hint, text, sizeof(text));
	return false;
}

bool err_wrap(struct err *e, const char *fmt, ...)
{
	char what[sizeof(e->msg)], text[sizeof(e->msg)];
	va_list ap;

	va_start(ap, fmt);
	format(what, sizeof(what), fmt, ap);
	va_end(ap);
	format_args(text, sizeof(text), "%s: %s", what, e->msg);
	memcpy(e->msg, text, sizeof(text));
	return false;
}

int err_exit_status(const struct err *e)
{
	switch (e->kind) {
	case ERR_NONE:
		return 0;
	case ERR_FAILED:
	case ERR_TRANSIENT:
	case ERR_CONFLICT:
	case ERR_NOT_FOUND:
	case ERR_EXISTS:
		return 1;
	case ERR_USAGE:
		return 2;
	case ERR_REFUSED:
		return 3;
	case ERR_DAMAGED:
	case ERR_DIFFERS:
		return 6;
	case ERR_CANCELLED:
		return e->sys > 0 ? 128 + e->sys : 1;
	}
	return 1;
}
