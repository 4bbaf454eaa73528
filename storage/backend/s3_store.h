/*
 * storage/backend/s3_store.h - the verbs of s3.h by key below the prefix; shared by the files of s3.h alone
 */
#ifndef DRTOOL_STORAGE_BACKEND_S3_STORE_H
#define DRTOOL_STORAGE_BACKEND_S3_STORE_H

#include "storage/backend/s3.h"
#include "storage/backend/s3_request.h"

bool s3_get_key(struct s3_client *c, const char *key, struct buf *out, struct err *e);
bool s3_remove_key(struct s3_client *c, const char *key, struct err *e);

/* s3_put.c */
bool s3_put_key(struct s3_client *c, const char *key, struct view body, struct err *e);
/* ERR_EXISTS when there is one: as far as the store can say, and never for what an earlier try of ours has left. */
bool s3_create_key(struct s3_client *c, const char *key, struct view body, struct err *e);

/* s3_list.c */
bool s3_list(void *impl, enum object_class cls, const char *prefix, object_fn *each, void *cookie, struct err *e);
/* One page of at most max keys that begin with start, below the prefix as everywhere; each gets whole keys. */
bool s3_list_some(
        struct s3_client *c, const char *start, unsigned max, s3_listed_fn *each, void *cookie, struct err *e);
bool s3_is_listed(bool *listed, struct s3_client *c, const char *key, struct err *e);

#endif
