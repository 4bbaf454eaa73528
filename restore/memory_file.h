/*
 * restore/memory_file.h - anonymous files in memory for PostgreSQL's programs, which take only paths
 *
 * A child that keeps the descriptor opens "/dev/fd/N", which is a fresh read position at the start.
 */
#ifndef DRTOOL_RESTORE_MEMORY_FILE_H
#define DRTOOL_RESTORE_MEMORY_FILE_H

#include "src/base/buf.h"

/* A descriptor (O_CLOEXEC) of a file that holds content, or -1 with e. name is for diagnosis only. */
int memory_file(const char *name, struct view content, struct err *e);
/* "/dev/fd/N" */
void memory_file_path(char out[32], int fd);

#endif
