/* Storing an object, in place of another or only where there is none. */
#include <openssl/evp.h>
#include <string.h>

#include "storage/backend/s3_store.h"

#define ANSWER_MAX ((size_t)1 << 20)

static struct s3_request put_request(const char *key, struct view body)
{
	return (struct s3_request){
		.method = HTTP_PUT,
		.key = key,
		.body = body,
		.doing = "put",
		.permission = "s3:PutObject",
	};
}

/* "Content-MD5: ..."; "" where a machine's policy leaves no MD5. */
static void md5_header(char out[64], struct view body)
{
	unsigned char digest[EVP_MAX_MD_SIZE], text[32];
	unsigned int len = 0;

	out[0] = '\0';
	if (!EVP_Digest(body.data ? (const void *)body.data : "", body.len, digest, &len, EVP_md5(), NULL) || len != 16)
		return;
	EVP_EncodeBlock(text, digest, 16);
	snprintf(out, 64, "Content-MD5: %s", (const char *)text);
}

static bool asks_for_md5(const struct s3_reply *reply)
{
	return reply->http.status == 400 &&
	       (strstr(reply->error.message, "Content-MD5") || strcmp(reply->error.code, "MissingContentMD5") == 0);
}

/*
 * Buckets with object lock take an object only with its MD5. Everywhere else the SHA-256 of the signature says the
 * same, so it is not made until a store has asked for it.
 */
static bool send_put(
        struct s3_reply *reply, struct s3_client *c, struct s3_request *request, bool only_new, struct err *e)
{
	const char *headers[3];
	char md5[64] = "";
	bool ok, wanted;

	do {
		size_t n = 0;

		wanted = atomic_load(&c->wants_md5);
		if (wanted)
			md5_header(md5, request->body);
		if (only_new)
			headers[n++] = "If-None-Match: *";
		if (md5[0])
			headers[n++] = md5;
		headers[n] = NULL;
		request->headers = headers;
		ok = s3_request_send(reply, c, request, e);
		if (ok && asks_for_md5(reply))
			atomic_store(&c->wants_md5, true);
	} while (ok && !wanted && asks_for_md5(reply));
	request->headers = NULL;
	return ok;
}

static bool is_success(const struct s3_reply *reply)
{
	return reply->http.status >= 200 && reply->http.status < 300;
}

bool s3_put_key(struct s3_client *c, const char *key, struct view body, struct err *e)
{
	struct s3_request request = put_request(key, body);
	struct s3_reply reply = S3_REPLY_INIT_MAX(ANSWER_MAX);
	bool ok = send_put(&reply, c, &request, false, e) &&
	          (is_success(&reply) || s3_error_set(e, c, &request, &reply));

	s3_reply_release(&reply);
	return ok;
}

static bool exists(struct s3_client *c, const char *key, struct err *e)
{
	return err_set(e, ERR_EXISTS, "\"s3://%s/%s%s\" exists already", c->place.bucket, c->place.prefix, key);
}

enum presence { PRESENT, ABSENT, UNKNOWN };

/* A store that does not let us look is asked no more of than it grants. */
static bool look_for(enum presence *out, struct s3_client *c, const char *key, struct err *e)
{
	struct s3_request request = {
		.method = HTTP_HEAD,
		.key = key,
		.doing = "look for",
		.permission = "s3:GetObject",
	};
	struct s3_reply reply = S3_REPLY_INIT_MAX(ANSWER_MAX);
	bool ok = s3_request_send(&reply, c, &request, e);

	*out = reply.http.status == 200 ? PRESENT : reply.http.status == 404 ? ABSENT : UNKNOWN;
	s3_reply_release(&reply);
	return ok;
}

static bool is_refusal(const struct s3_reply *reply)
{
	return reply->http.status == 501 || strcmp(reply->error.code, "NotImplemented") == 0;
}

static bool is_conflict(const struct s3_reply *reply)
{
	return reply->http.status == 412 || strcmp(reply->error.code, "PreconditionFailed") == 0 ||
	       (reply->http.status == 409 && strcmp(reply->error.code, "ConditionalRequestConflict") == 0);
}

/* Is what is there what we have sent? Then it was an earlier try of ours. */
static bool is_ours(bool *ours, struct s3_client *c, const char *key, struct view body, struct err *e)
{
	struct buf there = BUF_INIT_MAX(body.len + 1);
	struct err why = ERR_INIT;
	bool ok = true;

	*ours = false;
	if (s3_get_key(c, key, &there, &why))
		*ours = view_eq(buf_view(&there), body);
	else
		ok = why.kind == ERR_FAILED || why.kind == ERR_NOT_FOUND; /* longer; gone again */
	buf_release(&there);
	if (!ok)
		*e = why;
	return ok;
}

/* The store decides. *refused: it does not know how to, and has stored nothing. */
static bool put_conditionally(bool *refused, struct s3_client *c, const char *key, struct view body, struct err *e)
{
	struct s3_request request = put_request(key, body);
	struct s3_reply reply = S3_REPLY_INIT_MAX(ANSWER_MAX);
	bool ok, ours = false;

	*refused = false;
	ok = send_put(&reply, c, &request, true, e);
	if (!ok)
		goto done;
	if (is_refusal(&reply)) {
		*refused = true;
		atomic_store(&c->condition, S3_CONDITION_REFUSED);
	} else if (is_conflict(&reply)) {
		atomic_store(&c->condition, S3_CONDITION_KNOWN);
		if (reply.unsure)
			ok = is_ours(&ours, c, key, body, e);
		ok = ok && (ours || exists(c, key, e));
	} else if (!is_success(&reply)) {
		ok = s3_error_set(e, c, &request, &reply);
	}
done:
	s3_reply_release(&reply);
	return ok;
}

/*
 * Stores answer 412, or 501, or take no notice of the condition. Until one has been seen to keep it, the object is
 * looked for first: between the look and the write another writer can slip in, which is why nothing may rest on this
 * where the store cannot say.
 */
bool s3_create_key(struct s3_client *c, const char *key, struct view body, struct err *e)
{
	int condition = atomic_load(&c->condition);
	enum presence there = UNKNOWN;
	bool refused = true;

	if (condition != S3_CONDITION_KNOWN && !look_for(&there, c, key, e))
		return false;
	if (there == PRESENT)
		return exists(c, key, e);
	if (condition != S3_CONDITION_REFUSED && !put_conditionally(&refused, c, key, body, e))
		return false;
	return !refused || s3_put_key(c, key, body, e);
}
