/* Any bytes as an event of the journal. */
#include "storage/repository/journal.h"
#include "tests/fuzz/document.h"

static bool rewrite(struct buf *out, struct view text)
{
	struct journal_event *parsed = NULL;
	struct err e = ERR_INIT;
	bool ok = journal_parse(&parsed, text, &e);

	if (ok)
		journal_write(out, parsed);
	journal_event_free(parsed);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return document_check_both(rewrite, data, size);
}
