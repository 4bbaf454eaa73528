/*
 * src/base/buf.h - a growing byte buffer with a ceiling, and a borrowed view of bytes
 */
#ifndef DRTOOL_BASE_BUF_H
#define DRTOOL_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

struct view {
	const uint8_t *data;
	size_t len;
};

/*
 * Always NUL-terminated one byte past len once it holds anything, so data can be used as a C string.
 * max is the ceiling in bytes; 0 means BUF_DEFAULT_MAX.
 */
struct buf {
	uint8_t *data;
	size_t len, cap, max;
};

#define BUF_DEFAULT_MAX ((size_t)1 << 30)
#define BUF_INIT  \
	{         \
		0 \
	}
#define BUF_INIT_MAX(m)    \
	{                  \
		.max = (m) \
	}

/* Append; false (ERR_FAILED) when the ceiling would be passed. Running out of memory aborts the program. */
bool buf_append(struct buf *b, const void *data, size_t len, struct err *e);
bool buf_reserve(struct buf *b, size_t extra, struct err *e); /* room for extra more bytes */
/* For text built by drtool itself: passing the ceiling is a broken invariant (assert). */
void buf_add(struct buf *b, const char *text);
void buf_addn(struct buf *b, const void *data, size_t len);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_clear(struct buf *b);   /* len = 0, memory kept */
void buf_release(struct buf *b); /* memory freed, buffer usable again; ceiling kept */
char *buf_detach(struct buf *b); /* the bytes as a malloc'ed C string ("" when empty); the buffer is empty then */
const char *buf_str(const struct buf *b); /* never NULL */

static inline struct view buf_view(const struct buf *b)
{
	return (struct view){ b->data, b->len };
}
struct view view_str(const char *s);
bool view_eq(struct view a, struct view b);

/* malloc and friends that abort with one line on stderr when memory is out. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
