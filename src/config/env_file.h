/*
 * src/config/env_file.h - NAME=value lines of a file, put into the environment of this process
 *
 * One assignment a line, "export " before it allowed, # starts a comment line, values plain or in single or double
 * quotes (in double quotes \" and \\ stand for themselves). Nothing is expanded or executed.
 */
#ifndef DRTOOL_CONFIG_ENV_FILE_H
#define DRTOOL_CONFIG_ENV_FILE_H

#include "src/base/buf.h"

/* Variables that are set already stay as they are. Errors name file and line, never a value. */
bool env_file_load(const char *path, struct err *e);
/* The same from memory; name is for messages. set NULL only checks. */
typedef void env_file_set_fn(void *cookie, const char *name, const char *value);
bool env_file_parse(struct view text, const char *name, env_file_set_fn *set, void *cookie, struct err *e);

#endif
