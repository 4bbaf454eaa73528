/*
 * storage/backend/s3.h - a repository in a bucket of an S3-compatible store
 *
 * Objects are those of the local layout below the prefix. Written with single PUTs (an object is at most 1.1 GiB), read
 * with single GETs, listed with ListObjectsV2 (version 1 where a store knows only that). Plain Signature Version 4 with
 * the real payload hash; nothing newer is asked of a store. Requests that can succeed later are repeated with backoff
 * and jitter, until two minutes have passed (DRTOOL_S3_RETRY_SECONDS), 20 seconds where the store has never answered
 * yet; a connection without a byte either way counts as broken after 30 seconds (DRTOOL_S3_STALL_SECONDS). All are
 * idempotent.
 */
#ifndef DRTOOL_STORAGE_BACKEND_S3_H
#define DRTOOL_STORAGE_BACKEND_S3_H

#include "src/base/cancel.h"
#include "src/base/observer.h"
#include "storage/backend/storage.h"

struct s3_options {
	const char *endpoint;   /* "https://host[:port][/path]"; NULL: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the
	                           profile's endpoint_url, else AWS of the region */
	const char *region;     /* NULL: AWS_REGION, AWS_DEFAULT_REGION, the profile's region, else us-east-1; corrected
	                           once when the store names another */
	const char *addressing; /* "path", "virtual"; NULL or "auto": virtual on amazonaws.com for names fit for it,
	                           else path */
	const char *ca_file;    /* NULL: AWS_CA_BUNDLE, the profile's ca_bundle, else the system's */
	const char *profile;    /* NULL: AWS_PROFILE, else "default" */
	unsigned in_flight;     /* requests at once; 0: 16 */
	const struct cancel *cancel; /* NULL for none */
	struct observer *observer;   /* is told about retries, a wrong clock, another region; NULL for none */
};

bool s3_is_url(const char *where); /* "s3://..." */
/*
 * url is "s3://bucket" or "s3://bucket/prefix" (ERR_USAGE when it is not, or holds user, password or query). Makes no
 * request. o may be NULL. s->where is the URL.
 */
bool storage_open_s3(struct storage **out, const char *url, const struct s3_options *o, struct err *e);
/* Is there anything below the prefix? One listing of one key. */
bool s3_is_vacant(bool *vacant, struct storage *s, struct err *e);

/* What doctor wants to know; each part may be unknown. Makes a few requests, with an object of its own that it removes.
 */
enum s3_answer { S3_UNKNOWN, S3_YES, S3_NO };
struct s3_findings {
	char endpoint[256], region[64], server[128]; /* server: as the store names itself, "" when it does not */
	const char *addressing;                      /* "path" or "virtual" */
	char credentials[256];                       /* where they came from */
	bool clock_known;
	int64_t clock_ahead_us;            /* of this machine against the store */
	enum s3_answer versioning;         /* YES: old versions are kept and cost space */
	enum s3_answer remove_refused;     /* YES: object lock or policy */
	enum s3_answer conditional_put;    /* NO: refused or ignored; locks do not need it */
	struct err put, get, list, remove; /* kind ERR_NONE: it works */
};
/*
 * False, with endpoint, region, addressing, server and clock as far as known: the store cannot be reached or asked at
 * all (keys, bucket).
 */
bool s3_examine(struct s3_findings *out, struct storage *s, struct err *e);

#endif
