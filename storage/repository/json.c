#include "storage/repository/json.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "storage/repository/piece.h"

static const void *at(const void *base, const struct json_member *m)
{
	return (const char *)base + m->offset;
}

static void write_pieces(struct buf *out, const struct piece_list *l)
{
	buf_add(out, "[");
	for (size_t i = 0; i < l->count; i++) {
		const struct piece *p = &l->items[i];
		char hex[SHA256_HEX_SIZE];

		hash_hex(hex, p->chunk.bytes, SHA256_SIZE);
		buf_addf(out, "%s[\"%s\",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]", i ? "," : "", hex, p->stored, p->offset,
		        p->length);
	}
	buf_add(out, "]");
}

static void write_u64(struct buf *out, uint64_t value)
{
	assert(value <= INT64_MAX);
	buf_addf(out, "%" PRIu64, value);
}

static const char *enum_name(const struct json_member *m, unsigned value)
{
	for (unsigned i = 0; m->names[i]; i++)
		if (i == value)
			return m->names[i];
	assert(false); /* an enum without a name */
	return "";
}

static void write_value(struct buf *out, const struct json_member *m, const void *p)
{
	const struct hash128 *hash = p;
	const char *text;

	switch (m->kind) {
	case JSON_KIND_TEXT:
	case JSON_KIND_OPTIONAL:
		text = *(const char *const *)p;
		assert(text || m->kind == JSON_KIND_OPTIONAL);
		if (text || m->kind == JSON_KIND_TEXT)
			json_write_text(out, text ? text : "");
		else
			buf_add(out, "null");
		return;
	case JSON_KIND_CHARS:
		json_write_text(out, p);
		return;
	case JSON_KIND_BOOL:
		buf_add(out, *(const bool *)p ? "true" : "false");
		return;
	case JSON_KIND_INT:
		buf_addf(out, "%d", *(const int *)p);
		return;
	case JSON_KIND_U32:
		buf_addf(out, "%" PRIu32, *(const uint32_t *)p);
		return;
	case JSON_KIND_U64:
		write_u64(out, *(const uint64_t *)p);
		return;
	case JSON_KIND_I64:
		buf_addf(out, "%" PRId64, *(const int64_t *)p);
		return;
	case JSON_KIND_I64_TEXT:
		buf_addf(out, "\"%" PRId64 "\"", *(const int64_t *)p);
		return;
	case JSON_KIND_HEX64:
		buf_addf(out, "\"%016" PRIx64 "\"", *(const uint64_t *)p);
		return;
	case JSON_KIND_HEX128:
		buf_addf(out, "\"%016" PRIx64 "%016" PRIx64 "\"", hash->high, hash->low);
		return;
	case JSON_KIND_ENUM:
		json_write_text(out, enum_name(m, *(const unsigned *)p));
		return;
	case JSON_KIND_PIECES:
		write_pieces(out, p);
		return;
	}
	assert(false); /* a kind of member nobody writes */
}

void json_write_members(
        struct buf *out, const struct json_member *members, size_t n, const void *base, const char *separator)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add(out, separator);
		json_write_text(out, members[i].name);
		buf_add(out, ":");
		write_value(out, &members[i], at(base, &members[i]));
	}
}

/* Readers of one value: true, or false with what was expected. */

static bool read_integer(int64_t *out, const json_t *v, int64_t min, int64_t max)
{
	if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
		return false;
	*out = json_integer_value(v);
	return true;
}

static bool read_i64_text(int64_t *out, const json_t *v)
{
	const char *text = json_string_value(v);
	char again[24];
	char *end;

	if (!text)
		return false;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	/* Only the one spelling of each number that is written. */
	snprintf(again, sizeof(again), "%lld", value);
	if (errno != 0 || strcmp(again, text) != 0)
		return false;
	*out = value;
	return true;
}

static bool read_hex(uint64_t *out, const char *text, size_t digits)
{
	uint8_t bytes[8];
	char part[17];

	memcpy(part, text, digits);
	part[digits] = 0;
	if (!hash_unhex(bytes, digits / 2, part))
		return false;
	*out = 0;
	for (size_t i = 0; i < digits / 2; i++)
		*out = *out << 8 | bytes[i];
	return true;
}

static bool read_hex64(uint64_t *out, const json_t *v)
{
	return json_is_string(v) && json_string_length(v) == 16 && read_hex(out, json_string_value(v), 16);
}

static bool read_hex128(struct hash128 *out, const json_t *v)
{
	return json_is_string(v) && json_string_length(v) == 32 && read_hex(&out->high, json_string_value(v), 16) &&
	       read_hex(&out->low, json_string_value(v) + 16, 16);
}

static bool read_enum(unsigned *out, const json_t *v, const char *const *names)
{
	const char *text = json_string_value(v);

	for (unsigned i = 0; text && names[i]; i++) {
		if (strcmp(names[i], text) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

static bool read_text(const char **out, const json_t *v, struct arena *a)
{
	const json_t *hex = json_is_object(v) && json_object_size(v) == 1 ? json_object_get(v, "hex") : NULL;

	if (json_is_string(v)) {
		*out = arena_strndup(a, json_string_value(v), json_string_length(v));
		return true;
	}
	if (!json_is_string(hex) || json_string_length(hex) % 2 != 0)
		return false;
	size_t len = json_string_length(hex) / 2;
	char *bytes = arena_alloc(a, len + 1);
	/* A NUL inside would end the text early: such a value was never written. */
	if (!hash_unhex((uint8_t *)bytes, len, json_string_value(hex)) || strlen(bytes) != len)
		return false;
	*out = bytes;
	return true;
}

static bool read_piece(struct piece *out, const json_t *v)
{
	int64_t stored, offset, length;

	if (json_array_size(v) != 4)
		return false;
	const json_t *name = json_array_get(v, 0);
	if (!json_is_string(name) || !hash_unhex(out->chunk.bytes, SHA256_SIZE, json_string_value(name)))
		return false;
	if (!read_integer(&stored, json_array_get(v, 1), 1, UINT32_MAX) ||
	        !read_integer(&offset, json_array_get(v, 2), 0, UINT32_MAX) ||
	        !read_integer(&length, json_array_get(v, 3), 0, UINT32_MAX))
		return false;
	out->stored = (uint64_t)stored;
	out->offset = (uint64_t)offset;
	out->length = (uint64_t)length;
	return true;
}

static bool read_pieces(struct piece_list *out, const json_t *v)
{
	if (!json_is_array(v))
		return false;
	for (size_t i = 0; i < json_array_size(v); i++) {
		struct piece p;

		if (!read_piece(&p, json_array_get(v, i)))
			return false;
		piece_list_add(out, p);
	}
	return true;
}

static bool read_number(void *p, enum json_kind kind, const json_t *v)
{
	int64_t value = 0;

	switch (kind) {
	case JSON_KIND_INT:
		if (!read_integer(&value, v, INT32_MIN, INT32_MAX))
			return false;
		*(int *)p = (int)value;
		return true;
	case JSON_KIND_U32:
		if (!read_integer(&value, v, 0, UINT32_MAX))
			return false;
		*(uint32_t *)p = (uint32_t)value;
		return true;
	case JSON_KIND_U64:
		if (!read_integer(&value, v, 0, INT64_MAX))
			return false;
		*(uint64_t *)p = (uint64_t)value;
		return true;
	default:
		return read_integer(p, v, INT64_MIN, INT64_MAX);
	}
}

static bool read_chars(char *out, size_t size, const json_t *v)
{
	if (!json_is_string(v) || json_string_length(v) >= size)
		return false;
	memcpy(out, json_string_value(v), json_string_length(v) + 1);
	return true;
}

static bool read_value(void *p, const struct json_member *m, const json_t *v, struct arena *a)
{
	switch (m->kind) {
	case JSON_KIND_OPTIONAL:
		if (json_is_null(v)) {
			*(const char **)p = NULL;
			return true;
		}
		return read_text(p, v, a);
	case JSON_KIND_TEXT:
		return read_text(p, v, a);
	case JSON_KIND_CHARS:
		return read_chars(p, m->size, v);
	case JSON_KIND_BOOL:
		*(bool *)p = json_is_true(v);
		return json_is_boolean(v);
	case JSON_KIND_INT:
	case JSON_KIND_U32:
	case JSON_KIND_U64:
	case JSON_KIND_I64:
		return read_number(p, m->kind, v);
	case JSON_KIND_I64_TEXT:
		return read_i64_text(p, v);
	case JSON_KIND_HEX64:
		return read_hex64(p, v);
	case JSON_KIND_HEX128:
		return read_hex128(p, v);
	case JSON_KIND_ENUM:
		return read_enum(p, v, m->names);
	case JSON_KIND_PIECES:
		return read_pieces(p, v);
	}
	return false;
}

static bool is_member(const char *name, const struct json_member *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(members[i].name, name) == 0)
			return true;
	return false;
}

bool json_read_members(void *base, const struct json_member *members, size_t n, const struct json_t *object,
        struct arena *a, struct err *e)
{
	const char *name;
	json_t *value;

	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_object_get(object, members[i].name);

		if (!v)
			return err_set(e, ERR_DAMAGED, "member \"%s\" is missing", members[i].name);
		if (!read_value((char *)base + members[i].offset, &members[i], v, a))
			return err_set(e, ERR_DAMAGED, "member \"%s\" has a value that cannot be", members[i].name);
	}
	if (json_object_size(object) == n)
		return true;
	json_object_foreach((json_t *)object, name, value) if (!is_member(name, members, n)) return err_set(
	        e, ERR_DAMAGED, "member \"%.64s\" is not known", name);
	return err_set(e, ERR_DAMAGED, "a member is not known");
}

bool json_parse_object(struct json_t **out, struct view text, struct err *e)
{
	json_error_t error;
	json_t *root = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &error);

	if (!root)
		return err_set(e, ERR_DAMAGED, "not valid JSON at byte %d: %s", error.position, error.text);
	if (!json_is_object(root)) {
		json_decref(root);
		return err_set(e, ERR_DAMAGED, "not a JSON object");
	}
	*out = root;
	return true;
}

struct json_t *json_take(struct json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	if (value) {
		json_incref(value);
		json_object_del(object, name);
	}
	return value;
}

void json_write_array(struct buf *out, const struct json_array *shape, const void *items, size_t count)
{
	if (count > shape->max)
		count = shape->max;
	buf_addf(out, ",\n\"%s\":[", shape->name);
	for (size_t i = 0; i < count; i++) {
		buf_add(out, i ? ",\n {" : "\n {");
		json_write_members(
		        out, shape->members, shape->member_count, (const char *)items + i * shape->size, ",");
		buf_add(out, "}");
	}
	buf_add(out, "]");
}

bool json_read_array(
        void **items, size_t *count, const struct json_array *shape, json_t *object, struct arena *a, struct err *e)
{
	json_t *array = json_take(object, shape->name);
	size_t n = json_array_size(array);
	bool ok = true;

	if (!json_is_array(array) || n > shape->max) {
		json_decref(array);
		return err_set(e, ERR_DAMAGED, "member \"%s\" is missing or not a list of at most %zu", shape->name,
		        shape->max);
	}
	*items = arena_alloc(a, (n + 1) * shape->size);
	*count = n;
	for (size_t i = 0; ok && i < n; i++) {
		const json_t *item = json_array_get(array, i);

		if (!json_is_object(item))
			ok = err_set(e, ERR_DAMAGED, "member \"%s\" holds something else than objects", shape->name);
		else
			ok = json_read_members(
			        (char *)*items + i * shape->size, shape->members, shape->member_count, item, a, e);
	}
	json_decref(array);
	return ok;
}
