/*
 * storage/backend/s3_sign.h - AWS Signature Version 4 in the Authorization header
 *
 * Pure. Follows "Signature Version 4 signing process" and "Authenticating Requests (AWS Signature Version 4)" of the S3
 * API reference: UriEncode of every byte but A-Za-z0-9-._~ (and '/' in the path), single encoding of the path as S3
 * wants it, query sorted by encoded name then value, the real payload hash in x-amz-content-sha256.
 */
#ifndef DRTOOL_STORAGE_BACKEND_S3_SIGN_H
#define DRTOOL_STORAGE_BACKEND_S3_SIGN_H

#include <stdint.h>

#include "src/base/buf.h"
#include "src/codec/hash.h"

struct s3_query {
	const char *name, *value; /* plain, not encoded; value "" for "?uploads" (sent as "uploads=") */
};

struct s3_sign_input {
	const char *access_key, *secret_key;
	const char *session_token;    /* NULL for none */
	const char *region, *service; /* "us-east-1", "s3" */
	const char *method;           /* "GET" */
	const char *host;             /* as in the Host header: with the port unless it is the scheme's own */
	const char *path;             /* plain, absolute, "/bucket/key"; its bytes are encoded here */
	const struct s3_query *query; /* in any order */
	size_t query_count;
	const char *const *headers; /* further headers to sign, "Name: value", NULL-terminated; NULL for none */
	char payload_sha256[SHA256_HEX_SIZE];
	int64_t now_us; /* UTC, as the store sees it */
};

/*
 * Headers to send, one "Name: value\n" each: those given, x-amz-date, x-amz-content-sha256 (service "s3"),
 * x-amz-security-token when there is a token, Authorization. out is cleared first; a token makes it a secret to wipe.
 * No header may be given twice, none may hold a line break.
 */
void s3_sign(struct buf *out, const struct s3_sign_input *in);
/* Path and query as they go on the wire, "/a%20b?list-type=2&prefix=x%2F"; out is cleared first. */
void s3_encode_target(struct buf *out, const char *path, const struct s3_query *query, size_t query_count);
/* The steps, for tests against the published vectors. */
void s3_canonical_request(struct buf *out, const struct s3_sign_input *in);
void s3_string_to_sign(struct buf *out, const struct s3_sign_input *in);

#endif
