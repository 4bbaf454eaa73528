/*
 * src/base/file.h - whole files and descriptors, with errors that name the path
 */
#ifndef DRTOOL_BASE_FILE_H
#define DRTOOL_BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/buf.h"

/* Appends the whole file to out, whose ceiling bounds it. A missing file is ERR_NOT_FOUND. */
bool file_read(struct buf *out, const char *path, struct err *e);
bool file_write_all(int fd, struct view data, const char *what, struct err *e); /* handles short writes and EINTR */
/* Read fd to its end into out (ceiling applies). */
bool file_read_fd(struct buf *out, int fd, const char *what, struct err *e);
/* Bytes an unprivileged process can still write below dir. */
bool file_free_space(uint64_t *out, const char *dir, struct err *e);

#endif
