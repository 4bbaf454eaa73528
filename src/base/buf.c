/* src/base/buf.c - see buf.h */
#include "src/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY ((size_t)64)

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "drtool: %s\n", what);
	abort();
}

static size_t ceiling(const struct buf *b)
{
	size_t max = b->max ? b->max : BUF_DEFAULT_MAX;

	return max < SIZE_MAX ? max : SIZE_MAX - 1; /* the NUL needs one more */
}

static bool grow(struct buf *b, size_t extra)
{
	size_t max = ceiling(b), need, cap;

	if (b->len > max || extra > max - b->len)
		return false;
	need = b->len + extra + 1;
	if (need > b->cap) {
		cap = b->cap > max / 2 ? max + 1 : b->cap * 2;
		if (cap < FIRST_CAPACITY)
			cap = FIRST_CAPACITY;
		if (cap < need)
			cap = need;
		b->data = xrealloc(b->data, cap);
		b->cap = cap;
	}
	b->data[b->len] = '\0';
	return true;
}

static void put(struct buf *b, const void *data, size_t len)
{
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

bool buf_reserve(struct buf *b, size_t extra, struct err *e)
{
	return grow(b, extra) || err_set(e, ERR_FAILED, "more than %zu bytes", ceiling(b));
}

bool buf_append(struct buf *b, const void *data, size_t len, struct err *e)
{
	if (!buf_reserve(b, len, e))
		return false;
	put(b, data, len);
	return true;
}

void buf_addn(struct buf *b, const void *data, size_t len)
{
	if (!grow(b, len))
		die("a text grew past the ceiling of its buffer");
	put(b, data, len);
}

void buf_add(struct buf *b, const char *text)
{
	buf_addn(b, text, strlen(text));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !grow(b, (size_t)n))
		die("a text grew past the ceiling of its buffer");
	va_start(ap, fmt);
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

void buf_release(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
}

char *buf_detach(struct buf *b)
{
	char *text = b->data ? (char *)b->data : xstrdup("");

	b->data = NULL;
	b->len = b->cap = 0;
	return text;
}

const char *buf_str(const struct buf *b)
{
	return b->data ? (const char *)b->data : "";
}

struct view view_str(const char *s)
{
	return (struct view){ (const uint8_t *)s, strlen(s) };
}

bool view_eq(struct view a, struct view b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static void *checked(void *p)
{
	if (!p)
		die("out of memory");
	return p;
}

void *xmalloc(size_t n)
{
	return checked(malloc(n ? n : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return n && size ? checked(calloc(n, size)) : checked(calloc(1, 1));
}

void *xrealloc(void *p, size_t n)
{
	return checked(realloc(p, n ? n : 1));
}

char *xstrdup(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(xmalloc(size), s, size);
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return checked(n < 0 ? NULL : text);
}
