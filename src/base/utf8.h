/*
 * src/base/utf8.h - UTF-8 (RFC 3629) in text that may be something else
 */
#ifndef DRTOOL_BASE_UTF8_H
#define DRTOOL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

size_t utf8_length(const char *p, size_t len); /* bytes of the character p[0..len) starts with; 0 when it is none */
bool utf8_is_valid(const char *text, size_t len);
/* How much of text[0..len) fits into max bytes without the beginning of a character whose end does not. */
size_t utf8_fit(const char *text, size_t len, size_t max);
/* Every byte that is no part of a character becomes a "?"; false when there were any. */
bool utf8_repair(char *text);

#endif
