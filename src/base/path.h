/*
 * src/base/path.h - path text: joining, and an encoding that makes any name one safe path component
 */
#ifndef DRTOOL_BASE_PATH_H
#define DRTOOL_BASE_PATH_H

#include <stdbool.h>

#include "src/base/buf.h"

char *path_join(const char *dir, const char *name); /* malloc'ed; exactly one slash between */
/*
 * One path component for any byte string: letters, digits, '_', '-' and '.' stay (but a leading '.'), every other byte
 * becomes %XX (upper-case hex). "" becomes "%". Decoding is strict: only what encoding produces is accepted.
 */
void path_encode(struct buf *out, const char *name);
bool path_decode(struct buf *out, const char *component);
/* For a line that somebody pastes into a shell; malloc'ed. */
char *path_shell_quote(const char *path);
/* Create dir and missing parents with mode; true when it is a directory afterwards. */
bool path_make_dirs(const char *dir, unsigned mode, struct err *e);
/* Remove a directory tree; missing is fine. Symbolic links are removed, not followed. */
bool path_remove_tree(const char *dir, struct err *e);

#endif
