/*
 * storage/backend/s3_ini.h - the shared credentials and config files of AWS tools
 *
 * Sections "[name]", settings "name = value" (names without regard to case, the last one wins, also over sections of
 * the same name), comments on lines that start with '#' or ';' and behind values after a blank. A line indented deeper
 * than the setting before it belongs to that one: behind an empty value it is a setting "outer.inner", else more of the
 * value, after a line break. Blanks in a section's name count as one, quotes in it are dropped.
 */
#ifndef DRTOOL_STORAGE_BACKEND_S3_INI_H
#define DRTOOL_STORAGE_BACKEND_S3_INI_H

#include "src/base/buf.h"

#define S3_INI_MAX ((size_t)1 << 20)

struct s3_ini; /* opaque, never changed after it is made */

/* ERR_USAGE, naming name and line but nothing of the text, which may be a secret. */
bool s3_ini_parse(struct s3_ini **out, struct view text, const char *name, struct err *e);
void s3_ini_free(struct s3_ini *ini); /* NULL is fine; all text is wiped */
/* ini may be NULL: it has nothing then. */
bool s3_ini_has(const struct s3_ini *ini, const char *section);
const char *s3_ini_get(const struct s3_ini *ini, const char *section, const char *name); /* NULL: not set; borrowed */

#endif
