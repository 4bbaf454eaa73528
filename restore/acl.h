/*
 * restore/acl.h - privileges recorded as aclitem[] text, given again with GRANT
 */
#ifndef DRTOOL_RESTORE_ACL_H
#define DRTOOL_RESTORE_ACL_H

#include "src/pg/session.h"

/*
 * Append statements (each ended by ";") that make the privileges on object exactly acl. object is SQL ("DATABASE
 * \"shop\"", "LARGE OBJECT 1"); owner is a role's name. The server reads the text, so it must know every role in it.
 * acl NULL appends nothing.
 */
bool acl_statements(
        struct buf *out, struct pg_session *s, const char *object, const char *owner, const char *acl, struct err *e);

#endif
