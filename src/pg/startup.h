/*
 * src/pg/startup.h - the "options" a connection starts with, so that no timeout ends it before its first statement
 *
 * A database or role may carry a statement_timeout of a millisecond (ALTER DATABASE ... SET): a SET in a statement
 * comes too late then, for us and for pg_dump. What is said when connecting comes before such settings.
 */
#ifndef DRTOOL_PG_STARTUP_H
#define DRTOOL_PG_STARTUP_H

#include "src/pg/conninfo.h"

/*
 * The user's own options (of the connection string, the service or PGOPTIONS) and, behind them so that they win, every
 * timeout that a server of this version knows set to 0; of an unknown version (0), those that all know. In the arena.
 */
char *startup_options(const struct conninfo *c, int server_version, struct arena *a);
/* Does a service file have a say? Its options go before PGOPTIONS, so a child must get them in its connection string.
 */
bool startup_has_service(const struct conninfo *c);

#endif
