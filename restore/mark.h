/*
 * restore/mark.h - the first line of a comment by which drtool knows a database again: words, and between them what is
 * to be kept in mind
 */
#ifndef DRTOOL_RESTORE_MARK_H
#define DRTOOL_RESTORE_MARK_H

#include "src/base/arena.h"

/* The text up to the word that ends it, which *p is moved past; NULL when that does not come in this line. */
char *mark_up_to(const char **p, const char *word, struct arena *a);

/* The name of a database as it stands in a mark: without anything that could be taken for a word or an end of line. */
char *mark_name(struct arena *a, const char *database);

#endif
