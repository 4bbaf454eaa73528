/* tests/fuzz/fuzz_chunker.c - whatever the rows and bytes are: the cutters keep their limits, lose nothing, and decide
 * the same again */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/codec/chunker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Three input bytes are a row: its length (up to about 34 MiB) and what its hash is made of. The rows themselves are
 * never needed. */
static void rows(const uint8_t *data, size_t size)
{
	uint64_t seed = size ? data[0] : 0;
	struct row_chunker c = ROW_CHUNKER_INIT(seed), twin = ROW_CHUNKER_INIT(seed);
	size_t open = 0;

	for (size_t i = 0; i + 3 <= size; i += 3) {
		size_t len = 1 + ((size_t)data[i] << (data[i + 1] % 18));
		struct hash128 hash = hash_row((struct view){ data + i, 3 });
		enum row_cut cut = row_chunker_next(&c, len, hash);

		assert(cut == row_chunker_next(&twin, len, hash));
		if (cut == ROW_CUT_FIRST) {
			assert(open > 0);
			open = 0;
			cut = row_chunker_next(&c, len, hash);
			assert(cut == row_chunker_next(&twin, len, hash) && cut != ROW_CUT_FIRST);
		}
		if (cut == ROW_ALONE) {
			assert(open == 0 && len > CHUNK_MAX);
			continue;
		}
		open += len;
		assert(open <= CHUNK_MAX);
		if (cut == ROW_APPEND_CUT) {
			assert(open >= CHUNK_MIN);
			open = 0;
		}
	}
}

/* The input over and over, until there is something to cut. */
static void bytes(const uint8_t *data, size_t size)
{
	static uint8_t *space;
	const size_t total = CHUNK_MAX + CHUNK_MIN;
	size_t at = 0;

	if (!space)
		space = xmalloc(total);
	for (size_t filled = 0; filled < total;) {
		size_t part = size < total - filled ? size : total - filled;

		memcpy(space + filled, data, part);
		filled += part;
	}
	while (at < total) {
		struct view rest = { space + at, total - at };
		size_t cut = byte_chunker_cut(rest, data[0], true);

		assert(cut > 0 && cut <= CHUNK_MAX && cut <= rest.len);
		assert(cut >= CHUNK_MIN || cut == rest.len);
		assert(byte_chunker_cut((struct view){ rest.data, cut }, data[0], true) == cut);
		if (rest.len >= CHUNK_MAX)
			assert(byte_chunker_cut((struct view){ rest.data, CHUNK_MAX }, data[0], false) == cut);
		at += cut;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rows(data, size);
	if (size > 0 && size % 64 == 0) /* slow: not at every input */
		bytes(data, size);
	return 0;
}
