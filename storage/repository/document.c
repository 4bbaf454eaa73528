#include "storage/repository/document.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "src/codec/hash.h"
#include "storage/repository/json.h"

#define HEAD       "{\"sha256\":\""
#define HEAD_END   "\",\n"
#define HEAD_BYTES (sizeof(HEAD) - 1 + SHA256_HEX_SIZE - 1 + sizeof(HEAD_END) - 1)

void document_write(struct buf *out, struct view members)
{
	struct buf rest = BUF_INIT_MAX(DOCUMENT_MAX);
	char hex[SHA256_HEX_SIZE];

	buf_addf(&rest, "\"format\":%d,\n", DOCUMENT_FORMAT);
	buf_addn(&rest, members.data, members.len);
	buf_add(&rest, "\n}\n");
	hash_sha256_hex(hex, buf_view(&rest));
	buf_addf(out, HEAD "%s" HEAD_END, hex);
	buf_addn(out, rest.data, rest.len);
	buf_release(&rest);
}

static bool head_is_ours(struct view text)
{
	return text.len > HEAD_BYTES && memcmp(text.data, HEAD, sizeof(HEAD) - 1) == 0 &&
	       memcmp(text.data + HEAD_BYTES - (sizeof(HEAD_END) - 1), HEAD_END, sizeof(HEAD_END) - 1) == 0;
}

static bool check_hash(struct view text, const char *kind, struct err *e)
{
	char hex[SHA256_HEX_SIZE];

	if (!head_is_ours(text))
		return err_set(e, ERR_DAMAGED, "%s: the first line is not its checksum", kind);
	hash_sha256_hex(hex, (struct view){ text.data + HEAD_BYTES, text.len - HEAD_BYTES });
	if (memcmp(text.data + sizeof(HEAD) - 1, hex, SHA256_HEX_SIZE - 1) != 0)
		return err_set(e, ERR_DAMAGED, "%s: the checksum in its first line does not match the rest", kind);
	return true;
}

static bool check_format(const json_t *root, const char *kind, struct err *e)
{
	const json_t *format = json_object_get(root, "format"), *id = json_object_get(root, "id");
	json_int_t version = json_integer_value(format);

	if (!json_is_integer(format) || version < 1)
		return err_set(e, ERR_DAMAGED, "%s: member \"format\" is missing or not a version", kind);
	if (version <= DOCUMENT_FORMAT)
		return true;
	if (json_is_string(id))
		err_set(e, ERR_USAGE, "%s \"%.64s\" has format %" JSON_INTEGER_FORMAT ", this drtool reads up to %d",
		        kind, json_string_value(id), version, DOCUMENT_FORMAT);
	else
		err_set(e, ERR_USAGE, "%s has format %" JSON_INTEGER_FORMAT ", this drtool reads up to %d", kind,
		        version, DOCUMENT_FORMAT);
	return err_hint(e, "upgrade drtool to the version that wrote it");
}

bool document_parse(struct json_t **out, struct view text, const char *kind, struct err *e)
{
	json_t *root = NULL;

	if (text.len > DOCUMENT_MAX)
		return err_set(e, ERR_DAMAGED, "%s: %zu bytes are more than it can have", kind, text.len);
	if (!check_hash(text, kind, e))
		return false;
	if (!json_parse_object(&root, text, e))
		return err_wrap(e, "%s", kind);
	if (!check_format(root, kind, e)) {
		json_decref(root);
		return false;
	}
	json_object_del(root, "sha256");
	json_object_del(root, "format");
	*out = root;
	return true;
}
