/*
 * restore/recode.h - names between UTF-8, as catalogues are read, and the database's own encoding, as archives and
 * scripts are written
 */
#ifndef DRTOOL_RESTORE_RECODE_H
#define DRTOOL_RESTORE_RECODE_H

#include "src/base/arena.h"
#include "src/base/err.h"

struct recode; /* opaque; one direction, one thread */

/*
 * encoding as PostgreSQL spells it (LATIN1, EUC_JP). *out is NULL, which all calls below take for "nothing to do", for
 * UTF8 and SQL_ASCII. ERR_FAILED when this machine does not know the encoding.
 */
bool recode_open(struct recode **out, const char *encoding, bool to_utf8, struct err *e);
/*
 * Into the arena; text itself when there is nothing to do; NULL stays NULL. A character that cannot be expressed is
 * ERR_FAILED.
 */
bool recode_text(const char **text, struct recode *r, struct arena *a, struct err *e);
void recode_close(struct recode *r);

/* For people: text as it is when it is UTF-8, else from the encoding, and what is still no UTF-8 as '?'. */
const char *recode_readable(const char *text, const char *encoding, struct arena *a);

#endif
