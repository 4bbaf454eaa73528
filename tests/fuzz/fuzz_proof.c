/* Any bytes as a proof. */
#include "storage/repository/proof.h"
#include "tests/fuzz/document.h"

static bool rewrite(struct buf *out, struct view text)
{
	struct proof *parsed = NULL;
	struct err e = ERR_INIT;
	bool ok = proof_parse(&parsed, text, &e);

	if (ok)
		proof_write(out, parsed);
	proof_free(parsed);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return document_check_both(rewrite, data, size);
}
