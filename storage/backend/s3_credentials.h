/*
 * storage/backend/s3_credentials.h - access key, secret and token, from where AWS tools look for them
 *
 * In this order, the first source that is configured wins: AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY (and
 * AWS_SESSION_TOKEN); the profile (named, AWS_PROFILE or "default") of AWS_SHARED_CREDENTIALS_FILE or
 * ~/.aws/credentials and of AWS_CONFIG_FILE or ~/.aws/config, with its credential_process, role_arn +
 * web_identity_token_file or source_profile + role_arn; web identity (AWS_WEB_IDENTITY_TOKEN_FILE + AWS_ROLE_ARN);
 * container (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, with AWS_CONTAINER_AUTHORIZATION_TOKEN or _FILE);
 * IMDSv2 of the machine unless AWS_EC2_METADATA_DISABLED is true (AWS_EC2_METADATA_SERVICE_ENDPOINT names another
 * address). A profile named by the user comes before the environment. STS is reached at AWS_ENDPOINT_URL_STS, else
 * https://sts.REGION.amazonaws.com.
 */
#ifndef DRTOOL_STORAGE_BACKEND_S3_CREDENTIALS_H
#define DRTOOL_STORAGE_BACKEND_S3_CREDENTIALS_H

#include <stdint.h>

#include "storage/backend/http.h"

struct s3_credentials; /* opaque: the chain with its cache; safe from several threads */

/* One set of keys; release it, which also wipes the memory. */
struct s3_keys {
	char *access_key, *secret_key;
	char *session_token; /* NULL when there is none */
	int64_t expires_us;  /* by this machine's clock, UTC; 0: they do not expire */
	uint64_t generation; /* which set this is, for s3_credentials_refused() */
};

/* profile NULL: AWS_PROFILE, else "default". http stays the caller's. Nothing is read yet. */
struct s3_credentials *s3_credentials_new(struct http_client *http, const char *profile, const char *region);
void s3_credentials_free(struct s3_credentials *c); /* NULL is fine; secrets are wiped */
/*
 * The keys to use now: from the cache until five minutes before they expire (or half of a shorter life), then fetched
 * anew by one thread. The old ones serve meanwhile, and while that fails, as long as they are valid; else all wait.
 * ERR_USAGE when no source has any: the message lists every source tried and why each gave nothing, and never a secret.
 * ERR_TRANSIENT when a source fails for now, or when there were keys before.
 */
bool s3_credentials_get(struct s3_keys *out, struct s3_credentials *c, struct err *e);
/* The store refused this set as expired or unknown: the next get fetches again. True when that can give other keys. */
bool s3_credentials_refused(struct s3_credentials *c, uint64_t generation);
/* "environment", "profile \"x\" of ~/.aws/credentials", "web identity", ...: where the last keys came from; borrowed.
 */
const char *s3_credentials_source(struct s3_credentials *c);
void s3_keys_release(struct s3_keys *k);

/* A setting of the profile in ~/.aws/config or credentials ("region", "endpoint_url", "ca_bundle"); NULL when not set;
 * malloc'ed. */
char *s3_profile_setting(const char *profile, const char *name);

#endif
