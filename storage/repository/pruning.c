#include "storage/repository/pruning.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "storage/repository/fetch.h"
#include "storage/repository/names.h"

#define LINE_BYTES (SHA256_HEX_SIZE) /* a name and a newline */
#define HEAD       "{\"sha256\":\""
#define HEAD_END   "\",\"format\":1}\n"
#define HEAD_BYTES (sizeof(HEAD) - 1 + SHA256_HEX_SIZE - 1 + sizeof(HEAD_END) - 1)
#define TEXT_MAX   (HEAD_BYTES + (size_t)PRUNING_NAMES_MAX * LINE_BYTES)
#define AT_ONCE    8 /* of at most 6.5 MB each */

void pruning_write(struct buf *out, const struct chunk_name *names, size_t count)
{
	struct buf lines = BUF_INIT;
	char hex[SHA256_HEX_SIZE];

	assert(count <= PRUNING_NAMES_MAX);
	for (size_t i = 0; i < count; i++) {
		hash_hex(hex, names[i].bytes, SHA256_SIZE);
		buf_addf(&lines, "%s\n", hex);
	}
	hash_sha256_hex(hex, buf_view(&lines));
	buf_addf(out, HEAD "%s" HEAD_END "%s", hex, buf_str(&lines));
	buf_release(&lines);
}

static bool check_head(struct view text, struct err *e)
{
	char hex[SHA256_HEX_SIZE];

	if (text.len < HEAD_BYTES || memcmp(text.data, HEAD, sizeof(HEAD) - 1) != 0 ||
	        memcmp(text.data + HEAD_BYTES - (sizeof(HEAD_END) - 1), HEAD_END, sizeof(HEAD_END) - 1) != 0) {
		err_set(e, ERR_DAMAGED, "the first line is not that of a list of candidates of format 1");
		return err_hint(e, "if a newer drtool prunes this repository, upgrade this one");
	}
	hash_sha256_hex(hex, (struct view){ text.data + HEAD_BYTES, text.len - HEAD_BYTES });
	if (memcmp(text.data + sizeof(HEAD) - 1, hex, SHA256_HEX_SIZE - 1) != 0)
		return err_set(e, ERR_DAMAGED, "the checksum in its first line does not match the rest");
	return true;
}

bool pruning_parse(struct view text, pruning_fn *each, void *cookie, struct err *e)
{
	if (!check_head(text, e))
		return false;
	if ((text.len - HEAD_BYTES) % LINE_BYTES != 0)
		return err_set(e, ERR_DAMAGED, "the last line is cut");
	for (size_t at = HEAD_BYTES; at < text.len; at += LINE_BYTES) {
		struct chunk_name name;
		char hex[SHA256_HEX_SIZE];

		memcpy(hex, text.data + at, SHA256_HEX_SIZE - 1);
		hex[SHA256_HEX_SIZE - 1] = 0;
		if (text.data[at + LINE_BYTES - 1] != '\n' || !hash_unhex(name.bytes, SHA256_SIZE, hex))
			return err_set(e, ERR_DAMAGED, "byte %zu: not the name of a chunk", at);
		if (!each(cookie, &name, e))
			return false;
	}
	return true;
}

struct candidates {
	pruning_fn *each;
	void *cookie;
};

static enum fetch_answer take(void *cookie, const struct fetched *f, struct err *e)
{
	const struct candidates *c = cookie;
	bool ok = true;

	if (!f->why) {
		ok = pruning_parse(f->body, c->each, c->cookie, e);
	} else if (f->why->kind != ERR_NOT_FOUND) {
		*e = *f->why;
		ok = false;
	}
	if (ok)
		return FETCH_ON;
	err_wrap(e, "read the candidates of a prune, \"pruning/%s\"", f->name);
	return FETCH_FAILED;
}

bool pruning_each_candidate(struct repository *r, pruning_fn *each, void *cookie, struct err *e)
{
	struct candidates c = { each, cookie };
	struct names names = NAMES_INIT;
	bool ok = names_list(&names, r->storage, OBJECT_PRUNING, "", e);

	for (size_t first = 0, n; ok && first < names.count; first += n) {
		n = names.count - first < AT_ONCE ? names.count - first : AT_ONCE;
		ok = fetch_each(r->storage, OBJECT_PRUNING, names.items + first, n, TEXT_MAX, take, &c, e);
	}
	names_release(&names);
	return ok;
}
