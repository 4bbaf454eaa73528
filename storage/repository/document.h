/*
 * storage/repository/document.h - a JSON object that carries its own hash and its format version
 *
 *     {"sha256":"<SHA-256 of every byte after this line's newline, lower-case hex>",
 *     "format":1,
 *     ...}
 *
 * The first two lines keep this shape in every later format, so that damage is never mistaken for a newer version nor
 * the other way round.
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_DOCUMENT_H
#define DRTOOL_STORAGE_REPOSITORY_DOCUMENT_H

#include "src/base/buf.h"

struct json_t;

#define DOCUMENT_FORMAT 1
#define DOCUMENT_MAX \
	((size_t)64 << 20) /* bytes; the largest is a proof with 1000 differences, or a manifest with a huge schema */

/* Append a document whose further members are members: "a":1,... without braces. */
void document_write(struct buf *out, struct view members);
/*
 * Check hash and format; *out then holds the further members (free with json_decref()). kind is for messages:
 * "snapshot", "proof", "repository". A wrong hash is ERR_DAMAGED, a newer format ERR_USAGE.
 */
bool document_parse(struct json_t **out, struct view text, const char *kind, struct err *e);

#endif
