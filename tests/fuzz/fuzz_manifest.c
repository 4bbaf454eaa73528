/* Any bytes as a manifest. */
#include "storage/repository/manifest.h"
#include "tests/fuzz/document.h"

static bool rewrite(struct buf *out, struct view text)
{
	struct manifest *parsed = NULL;
	struct err e = ERR_INIT;
	bool ok = manifest_parse(&parsed, text, &e);

	if (ok)
		manifest_write(out, parsed);
	manifest_free(parsed);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return document_check_both(rewrite, data, size);
}
