/* Any text as the definition of a table, and of an index: what is made of it says the same of itself. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "restore/definition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct definition_names first = { .table_schema = "public",
	.table = "orders",
	.new_table = "\"a b\".\"n\"",
	.index = "k",
	.new_index = "\"i\"",
	.new_index_qualified = "\"a b\".\"i\"" };
static const struct definition_names again = { .table_schema = "a b",
	.table = "n",
	.new_table = "\"a b\".\"n\"",
	.index = "i",
	.new_index = "\"i\"",
	.new_index_qualified = "\"a b\".\"i\"" };

static void table(const char *text, struct arena *a)
{
	struct definition_table once, twice;
	struct err e = ERR_INIT;

	if (!definition_of_table(&once, text, &first, false, NULL, a, &e))
		return;
	assert(definition_of_table(&twice, once.sql, &again, false, NULL, a, &e));
	assert(strcmp(once.sql, twice.sql) == 0);
	assert(!twice.partitioned && twice.parent_count == 0);
}

static void index_of(const char *text, struct arena *a)
{
	const char *once, *twice;
	struct err e = ERR_INIT;

	if (!definition_of_index(&once, text, &first, a, &e))
		return;
	assert(definition_of_index(&twice, once, &again, a, &e));
	assert(strcmp(once, twice) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT;
	const char *text = arena_strndup(&a, (const char *)data, size);

	table(text, &a);
	index_of(text, &a);
	arena_release(&a);
	return 0;
}
