/*
 * src/base/stderr_tail.h - keeps the end of what a child writes to a pipe, so that the child never blocks on it
 *
 * A thread of its own reads the pipe: whoever waits for the child is usually busy with its stdout.
 */
#ifndef DRTOOL_BASE_STDERR_TAIL_H
#define DRTOOL_BASE_STDERR_TAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/err.h"

#define STDERR_TAIL_SIZE ((size_t)16 << 10)

struct stderr_tail; /* opaque */

struct stderr_tail *stderr_tail_start(int fd, struct err *e); /* takes fd, also when it fails (NULL) */
/* Take what is in the pipe now and stop; writers that outlived the child are not waited for. Again is fine. */
void stderr_tail_stop(struct stderr_tail *t);
void stderr_tail_free(struct stderr_tail *t);        /* stops first */
const char *stderr_tail_text(struct stderr_tail *t); /* valid until the next call on t */
/* The last line that tells of a full disk, else the last that names an error, else the last; without its end and
 * trailing blanks; "" when there is none. */
void stderr_tail_reason(char *out, size_t size, struct stderr_tail *t);

#endif
