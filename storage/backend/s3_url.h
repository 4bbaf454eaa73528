/*
 * storage/backend/s3_url.h - from "s3://bucket/prefix" and settings to host and path of a key
 *
 * Reads settings (options, environment, profile), makes no request. Rules in s3.h.
 */
#ifndef DRTOOL_STORAGE_BACKEND_S3_URL_H
#define DRTOOL_STORAGE_BACKEND_S3_URL_H

#include "storage/backend/s3.h"

struct s3_place {
	char *bucket;
	char *prefix; /* "" or "a/b/": goes before every key */
	bool tls;
	char *host; /* "host[:port]" of the endpoint, the port only where it is not the scheme's own */
	char *base; /* path of the endpoint: "" or "/path" */
	char *region;
	bool aws; /* no endpoint was given: host follows from the region */
	bool virtual_host;
};

bool s3_place_resolve(struct s3_place *out, const char *url, const struct s3_options *o, struct err *e);
void s3_place_release(struct s3_place *p);
/* The store says that the bucket lies in another region; at AWS that is another host, too. */
void s3_place_move(struct s3_place *p, const char *region);
/* Host header and plain path of a key below the prefix, or of the bucket itself (key NULL); both are cleared first. */
void s3_place_target(struct buf *host, struct buf *path, const struct s3_place *p, const char *key);

/* The first of these that is set and not empty: value, two environment variables (may be NULL), the profile's setting;
 * NULL when none is. malloc'ed. */
char *s3_setting(const char *value, const char *env1, const char *env2, const char *profile, const char *name);

#endif
