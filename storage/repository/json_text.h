/*
 * storage/repository/json_text.h - text as JSON strings
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_JSON_TEXT_H
#define DRTOOL_STORAGE_REPOSITORY_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Well-formed UTF-8 as Unicode 15, table 3-7 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool json_text_is_utf8(const char *text, size_t len);

#endif
