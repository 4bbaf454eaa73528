/*
 * storage/repository/json.h - C structs to JSON objects (RFC 8259) and back, by a table of their members
 *
 * Reading is strict: every member of the table must be there with its type and range, and no other may be; anything
 * else is ERR_DAMAGED with the member's name. Text that is not valid UTF-8 is written as {"hex":"<its bytes>"}. Numbers
 * above 2^53 that matter exactly are text, because jq and JavaScript read numbers as doubles.
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_JSON_H
#define DRTOOL_STORAGE_REPOSITORY_JSON_H

#include <stddef.h>

#include "src/base/arena.h"
#include "src/base/buf.h"

struct json_t; /* of jansson */

enum json_kind {
	JSON_KIND_TEXT,     /* const char *, never NULL */
	JSON_KIND_OPTIONAL, /* const char *; NULL is null */
	JSON_KIND_CHARS,    /* char[size], text that fits with its NUL */
	JSON_KIND_BOOL,     /* bool */
	JSON_KIND_INT,      /* int */
	JSON_KIND_U32,      /* uint32_t */
	JSON_KIND_U64,      /* uint64_t, at most INT64_MAX */
	JSON_KIND_I64,      /* int64_t */
	JSON_KIND_I64_TEXT, /* int64_t as decimal text */
	JSON_KIND_HEX64,    /* uint64_t as 16 hex digits */
	JSON_KIND_HEX128,   /* struct hash128 as 32 hex digits, most significant first */
	JSON_KIND_ENUM,     /* an enum, as one of names */
	JSON_KIND_PIECES,   /* struct piece_list as an array of [name, stored, offset, length]; malloc'ed */
};

struct json_member {
	const char *name;
	enum json_kind kind;
	size_t offset;            /* in the struct */
	size_t size;              /* JSON_KIND_CHARS */
	const char *const *names; /* JSON_KIND_ENUM: ended by NULL, in the enum's order */
};

/* The row of a member that is called as it is in struct type. */
#define JSON_MEMBER(type, kind_, member_)                                                             \
	{                                                                                             \
		.name = #member_, .kind = JSON_KIND_##kind_, .offset = offsetof(struct type, member_) \
	}
#define JSON_COUNT(members) (sizeof(members) / sizeof((members)[0]))

/* "name":value pairs with separator between them (none before the first, none after the last). */
void json_write_members(
        struct buf *out, const struct json_member *members, size_t n, const void *base, const char *separator);
void json_write_text(struct buf *out, const char *text);

/* Text goes to a. What was read before a failure stays in base (piece lists are the caller's to release either way). */
bool json_read_members(void *base, const struct json_member *members, size_t n, const struct json_t *object,
        struct arena *a, struct err *e);
/* One JSON object and nothing after it; free with json_decref(). Duplicate members and other types are refused. */
bool json_parse_object(struct json_t **out, struct view text, struct err *e);
/*
 * Take a member out of object: so that what is left can be read strictly. NULL when it is not there; else a new
 * reference.
 */
struct json_t *json_take(struct json_t *object, const char *name);

/* A member that is an array of objects, each a struct of size bytes. */
struct json_array {
	const char *name;
	const struct json_member *members;
	size_t member_count, size;
	size_t max; /* what is past it is left out when writing, refused when reading */
};
/* ",\n" and the member. */
void json_write_array(struct buf *out, const struct json_array *array, const void *items, size_t count);
/* Takes the member out of object; *items is in a, never NULL. */
bool json_read_array(void **items, size_t *count, const struct json_array *array, struct json_t *object,
        struct arena *a, struct err *e);

#endif
