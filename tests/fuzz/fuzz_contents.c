/* Any bytes as the contents of a snapshot. */
#include "storage/repository/contents.h"
#include "tests/fuzz/document.h"

static bool rewrite(struct buf *out, struct view text)
{
	struct contents parsed;
	struct err e = ERR_INIT;

	if (!contents_parse(&parsed, text, &e))
		return false;
	contents_write(out, &parsed);
	contents_release(&parsed);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	document_check(rewrite, (struct view){ data, size });
	return 0;
}
