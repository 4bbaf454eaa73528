/*
 * restore/objects.h - what a schema archive does not carry: sequence values, large objects themselves, contents of
 * materialized views
 */
#ifndef DRTOOL_RESTORE_OBJECTS_H
#define DRTOOL_RESTORE_OBJECTS_H

#include "restore/findings.h"
#include "src/pg/session.h"
#include "storage/repository/contents.h"

bool objects_set_sequences(struct pg_session *s, const struct contents *c, struct findings *f, struct err *e);
/* Empty large objects with their numbers; their pages are loaded like a table's rows. */
bool objects_create_large(struct pg_session *s, const struct contents *c, struct err *e);
/* Owners (unless no_owner), privileges, comments and labels of large objects. */
bool objects_finish_large(
        struct pg_session *s, const struct contents *c, bool no_owner, struct findings *f, struct err *e);
/*
 * Refresh the materialized views that had rows, and ANALYZE them. The recorded order comes first; a view that fails
 * because it reads another through a function is tried again as long as others succeed.
 */
bool objects_refresh_views(struct pg_session *s, const struct contents *c, struct findings *f, struct err *e);

#endif
