/*
 * src/config/config_document.h - the pass over drtool.yml that knows lines
 *
 * libcyaml loads into structs but reports mistakes without the known keys and, for values changed on the way, without
 * lines. This pass reads the document with libyaml first, checks it against the same cyaml schema, drops empty values,
 * turns short forms into long ones, and writes it out again for libcyaml.
 */
#ifndef DRTOOL_CONFIG_CONFIG_DOCUMENT_H
#define DRTOOL_CONFIG_CONFIG_DOCUMENT_H

#include <cyaml/cyaml.h>

#include "src/base/arena.h"
#include "src/base/buf.h"

struct config_line {
	const char *path; /* "databases.shop.url" */
	unsigned line;    /* from 1 */
};

struct config_lines {
	struct config_line *items; /* in the arena */
	size_t count, cap;
	struct arena arena;
};

/* Check text and write the normal form to out. name is the file's, for messages. An empty document gives an empty out.
 */
bool config_document_normalise(struct buf *out, struct config_lines *lines, const cyaml_schema_value_t *schema,
        struct view text, const char *name, struct err *e);

#endif
