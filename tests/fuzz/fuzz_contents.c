/* Any bytes as the contents of a snapshot. */
#include <stdlib.h>

#include "storage/repository/contents.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct contents c, again;
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct err e = ERR_INIT;

	if (!contents_parse(&c, (struct view){ data, size }, &e))
		return 0;
	/* What is accepted must be written and read again without change. */
	contents_write(&first, &c);
	if (!contents_parse(&again, buf_view(&first), &e))
		abort();
	contents_write(&second, &again);
	if (!view_eq(buf_view(&first), buf_view(&second)))
		abort();
	contents_release(&c);
	contents_release(&again);
	buf_release(&first);
	buf_release(&second);
	return 0;
}
