/*
 * tests/fuzz/document.h - any bytes as a document; and as what follows a document's first line, with the checksum made
 * right, so that the parser behind it is reached. What is accepted must be written and read again without change.
 */
#ifndef DRTOOL_TESTS_FUZZ_DOCUMENT_H
#define DRTOOL_TESTS_FUZZ_DOCUMENT_H

#include <stdlib.h>

#include "src/base/buf.h"
#include "src/codec/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Parse text and write it anew into out; false when the parser refuses it. */
typedef bool document_rewrite_fn(struct buf *out, struct view text);

static inline void document_check(document_rewrite_fn *rewrite, struct view text)
{
	struct buf first = BUF_INIT, second = BUF_INIT;

	if (rewrite(&first, text) &&
	        (!rewrite(&second, buf_view(&first)) || !view_eq(buf_view(&first), buf_view(&second))))
		abort();
	buf_release(&first);
	buf_release(&second);
}

static inline int document_check_both(document_rewrite_fn *rewrite, const uint8_t *data, size_t size)
{
	struct view rest = { data, size };
	struct buf text = BUF_INIT;
	char hex[SHA256_HEX_SIZE];

	document_check(rewrite, rest);
	hash_sha256_hex(hex, rest);
	buf_addf(&text, "{\"sha256\":\"%s\",\n", hex);
	buf_addn(&text, data, size);
	document_check(rewrite, buf_view(&text));
	buf_release(&text);
	return 0;
}

#endif
