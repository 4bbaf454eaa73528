/*
 * src/cmd/say.h - stderr for people, stdout for results
 *
 * Safe from several threads: a line is written as a whole, and a progress line on the terminal is taken away before it.
 */
#ifndef DRTOOL_CMD_SAY_H
#define DRTOOL_CMD_SAY_H

#include <jansson.h>

#include "src/base/observer.h"
#include "src/cmd/cmd.h"

/* Once, before anything is said. */
void say_configure(bool quiet, bool verbose, bool color);
bool say_is_quiet(void);

/* One line on stderr; control characters and what is no UTF-8 are replaced. info is dropped with --quiet, detail is
 * shown with --verbose only. */
void say_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_detail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* "warning: ..." */
void say_hint(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* "hint: ..."; always */
/* "drtool: message" and "hint: ..." lines; always. */
void say_error(const struct err *e);

/* A note as observer.h delivers it. */
void say_note(void *cookie, enum note_level level, const char *text);

/* A line that the next say_*() or progress text replaces; "" takes it away. Only for a terminal. */
void say_status(const char *line);

/* The color codes for stdout, "" where there are none: 'r'ed, 'g'reen, 'y'ellow, '0' end. */
const char *say_color(char which);

/* Results: text, or one JSON document with a newline (takes the reference). False when stdout does not take it. */
bool say_result(struct view text, struct err *e);
bool say_result_json(json_t *document, struct err *e);
/* {"error":{"kind":...,"message":...,"hint":...,"exit":n}} */
json_t *say_error_json(const struct err *e);

#endif
