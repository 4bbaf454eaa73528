/*
 * restore/space.h - how much room a server has for another database, where that can be seen
 */
#ifndef DRTOOL_RESTORE_SPACE_H
#define DRTOOL_RESTORE_SPACE_H

#include "src/pg/session.h"

/*
 * SQL does not tell. On this machine (a Unix socket) and with a role that may know where the data lies, the file system
 * does. False: it cannot be known from here, which is not an error. tablespace NULL or "pg_default": the data
 * directory's.
 */
bool space_free(uint64_t *bytes, struct pg_session *s, const char *tablespace);

#endif
