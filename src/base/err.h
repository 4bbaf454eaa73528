/*
 * src/base/err.h - the one error a failed call leaves with its caller
 *
 * Functions that can fail return bool and take a caller-owned `struct err *e`, which they leave untouched on success.
 * The kind decides whether a retry makes sense and which exit status the program ends with; the message grows outward
 * (err_wrap); nothing below src/cmd prints. Messages are lower case, quote values with "", and end without a full stop.
 */
#ifndef DRTOOL_BASE_ERR_H
#define DRTOOL_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

enum err_kind {
	ERR_NONE = 0,
	ERR_FAILED,    /* could not do it, or could not find out          exit 1 */
	ERR_TRANSIENT, /* the same call may succeed later                 exit 1 */
	ERR_CONFLICT,  /* somebody holds a lock that is needed            exit 1 */
	ERR_NOT_FOUND, /* no such object in the store                     exit 1 */
	ERR_EXISTS,    /* PUT_CREATE found the object there already       exit 1 */
	ERR_USAGE,     /* usage or configuration                          exit 2 */
	ERR_REFUSED,   /* refused, nothing was changed                    exit 3 */
	ERR_DAMAGED,   /* bytes are not what their name or checksum says  exit 6 */
	ERR_DIFFERS,   /* checked, and it differs                         exit 6 */
	ERR_CANCELLED, /* a signal or the failure of a sibling            exit 128 + signal */
};

struct err {
	enum err_kind kind;
	int sys; /* errno, or the signal for ERR_CANCELLED; 0 when there is none */
	char msg[512];
	char hint[256]; /* what to do next; "" when there is nothing to say */
};

#define ERR_INIT                 \
	{                        \
		.kind = ERR_NONE \
	}

/* All of these cut what is too long at a character boundary and always return false: `return err_set(e, ...)`. */
bool err_set(struct err *e, enum err_kind kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool err_setv(struct err *e, enum err_kind kind, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));
/* As err_set() with ": <strerror(errnum)>" appended and sys set; ENOSPC and EDQUOT bring their own hint. */
bool err_sys(struct err *e, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Replace the hint. */
bool err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "<fmt>: <old message>"; kind, sys and hint stay. */
bool err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The exit status documented in README.md for this error. */
int err_exit_status(const struct err *e);

#endif
