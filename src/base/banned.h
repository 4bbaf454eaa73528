/*
 * src/base/banned.h - functions no file of drtool may name; force-included before everything else
 *
 * The headers that declare them come first, so that only later uses are errors. Instead: buf_addf, xasprintf, snprintf;
 * memcpy with a known length; strtoll with its checks; child_start.
 */
#ifndef DRTOOL_BASE_BANNED_H
#define DRTOOL_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <wchar.h>

/* macros under clang with _FORTIFY_SOURCE */
#undef sprintf
#undef vsprintf

#pragma GCC poison sprintf vsprintf strcpy strcat strncpy strncat
#pragma GCC poison gets tmpnam mktemp
#pragma GCC poison system popen
#pragma GCC poison atoi atol

#endif
