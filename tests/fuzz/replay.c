/* tests/fuzz/replay.c - without libFuzzer: every file of the corpus, the empty input, and cut and flipped forms of each
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/buf.h"
#include "src/base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VARIANTS 16u

/* In memory of exactly this size, so that a read past the end is seen. */
static void once(const uint8_t *data, size_t size)
{
	uint8_t *copy = xmalloc(size ? size : 1);

	if (size)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void variants(uint8_t *data, size_t size)
{
	for (unsigned i = 0; i < VARIANTS && size > 0; i++) {
		size_t at = (size_t)((uint64_t)size * i / VARIANTS);
		uint8_t kept = data[at];

		once(data, at);
		data[at] = (uint8_t)(kept ^ (1u << (i % 8)));
		once(data, size);
		data[at] = kept;
	}
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "";
	DIR *d = opendir(dir);
	unsigned files = 0;

	once(NULL, 0);
	for (struct dirent *entry; d && (entry = readdir(d)) != NULL;) {
		struct buf bytes = BUF_INIT;
		struct err e = ERR_INIT;
		char *path;

		if (entry->d_name[0] == '.')
			continue;
		path = xasprintf("%s/%s", dir, entry->d_name);
		if (!file_read(&bytes, path, &e)) {
			fprintf(stderr, "%s\n", e.msg);
			return 1;
		}
		once(bytes.data, bytes.len);
		variants(bytes.data, bytes.len);
		buf_release(&bytes);
		free(path);
		files++;
	}
	if (d)
		closedir(d);
	printf("%u files of %s\n", files, dir);
	if (files == 0)
		fprintf(stderr, "no corpus in %s\n", dir);
	return files ? 0 : 1;
}
