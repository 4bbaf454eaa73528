/* tests/fuzz/fuzz_toc.c - any bytes as an archive: refused or read, and what was read hangs together */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "src/pg/toc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t text_bytes(const struct toc_entry *t)
{
	return strlen(t->tag) + strlen(t->desc) + strlen(t->defn) + strlen(t->drop) + strlen(t->copy) +
	       strlen(t->schema) + strlen(t->tablespace) + strlen(t->table_am) + strlen(t->owner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	size_t bytes = 0;
	struct toc *t;

	if (!toc_parse(&t, (struct view){ data, size }, &e)) {
		assert(e.kind == ERR_DAMAGED || e.kind == ERR_FAILED);
		assert(e.msg[0]);
		return 0;
	}
	for (size_t i = 0; i < t->count; i++) {
		assert(toc_find(t, t->entries[i].dump_id) == &t->entries[i]);
		assert(t->entries[i].section >= TOC_NONE && t->entries[i].section <= TOC_POST_DATA);
		bytes += text_bytes(&t->entries[i]) + t->entries[i].ndeps;
	}
	assert(bytes <= size);
	toc_free(t);
	return 0;
}
