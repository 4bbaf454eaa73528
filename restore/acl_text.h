/*
 * restore/acl_text.h - privilege lists as pg_class, pg_largeobject_metadata and pg_database show them, understood
 * without a server
 *
 * Format: PostgreSQL's array output around aclitemout(): {=r/owner,"\"Odd Name\"=rw/owner"}.
 */
#ifndef DRTOOL_RESTORE_ACL_TEXT_H
#define DRTOOL_RESTORE_ACL_TEXT_H

#include "src/base/arena.h"
#include "src/base/err.h"

struct acl_text_item {
	const char *grantee, *grantor; /* names without quotes; grantee "" is PUBLIC */
	const char *privileges;        /* letters, each followed by '*' when it may be granted on */
	const char *text;              /* the item as it stood */
};
struct acl_text {
	struct acl_text_item *items;
	size_t count;
};

/* ERR_DAMAGED when the text is not such a list. NULL text is an empty list. */
bool acl_text_parse(struct acl_text *out, const char *text, struct arena *a, struct err *e);
/*
 * The list as one line that does not depend on the order of its items, for comparing. NULL text stands for the built-in
 * default: items with the owner as both grantee and grantor (owner_privileges), and PUBLIC (public_privileges, "" for
 * none).
 */
const char *acl_text_canonical(const char *text, const char *owner, const char *owner_privileges,
        const char *public_privileges, struct arena *a);

#endif
