/*
 * src/pg/pattern.h - table name patterns as pg_dump and psql take them
 *
 * "schema.table" or "table": * and ? as wildcards, letters folded to lower case unless in double quotes, a dot outside
 * quotes separates schema and name (PostgreSQL documentation, psql, "Patterns"). A pattern without a schema matches in
 * every schema.
 */
#ifndef DRTOOL_PG_PATTERN_H
#define DRTOOL_PG_PATTERN_H

#include <stdbool.h>

#include "src/base/arena.h"
#include "src/base/err.h"

struct pattern_part {
	const char *bytes;
	const bool *wild; /* by byte: a * or ? there is a wildcard */
};

struct pattern {
	struct pattern_part schema, name; /* schema.bytes NULL: any */
};

/* ERR_USAGE for an empty part, more than one separating dot, or an open quote. */
bool pattern_parse(struct pattern *out, const char *text, struct arena *a, struct err *e);
bool pattern_matches(const struct pattern *p, const char *schema, const char *name);

#endif
