/* Any bytes as a list of candidates; and as what follows its first line, with the checksum made right. */
#include <stdlib.h>
#include <string.h>

#include "src/base/buf.h"
#include "src/codec/hash.h"
#include "storage/repository/pruning.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool gather(void *cookie, const struct chunk_name *name, struct err *e)
{
	struct buf *names = cookie;

	(void)e;
	buf_addn(names, name->bytes, sizeof(name->bytes));
	return true;
}

/* What is accepted is, written again, the same bytes. */
static void check(struct view text)
{
	struct buf names = BUF_INIT, again = BUF_INIT;
	struct err e = ERR_INIT;

	if (pruning_parse(text, gather, &names, &e) && names.len / SHA256_SIZE <= PRUNING_NAMES_MAX) {
		pruning_write(&again, (const struct chunk_name *)names.data, names.len / SHA256_SIZE);
		if (!view_eq(text, buf_view(&again)))
			abort();
	}
	buf_release(&names);
	buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view rest = { data, size };
	struct buf text = BUF_INIT;
	char hex[SHA256_HEX_SIZE];

	check(rest);
	hash_sha256_hex(hex, rest);
	buf_addf(&text, "{\"sha256\":\"%s\",\"format\":1}\n", hex);
	buf_addn(&text, data, size);
	check(buf_view(&text));
	buf_release(&text);
	return 0;
}
