/*
 * Any bytes as a manifest; and as what follows a manifest's first line, with the checksum made right, so that the
 * parser behind it is reached.
 */
#include <stdlib.h>

#include "src/codec/hash.h"
#include "storage/repository/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted must be written and read again without change. */
static void check(struct view text)
{
	struct manifest *m = NULL, *again = NULL;
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct err e = ERR_INIT;

	if (manifest_parse(&m, text, &e)) {
		manifest_write(&first, m);
		if (!manifest_parse(&again, buf_view(&first), &e))
			abort();
		manifest_write(&second, again);
		if (!view_eq(buf_view(&first), buf_view(&second)))
			abort();
	}
	manifest_free(m);
	manifest_free(again);
	buf_release(&first);
	buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT;
	char hex[SHA256_HEX_SIZE];

	check((struct view){ data, size });
	hash_sha256_hex(hex, (struct view){ data, size });
	buf_addf(&text, "{\"sha256\":\"%s\",\n", hex);
	buf_addn(&text, data, size);
	check(buf_view(&text));
	buf_release(&text);
	return 0;
}
