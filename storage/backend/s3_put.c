/* Storing an object, in place of another or only where there is none. */
#include <string.h>

#include "storage/backend/s3_store.h"

#define ANSWER_MAX ((size_t)1 << 20)

static const char *const only_new[] = { "If-None-Match: *", NULL };

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

bool s3_put_key(struct s3_client *c, const char *key, struct view body, struct err *e)
{
	struct s3_request request = put_request(key, body);
	struct s3_reply reply = S3_REPLY_INIT_MAX(ANSWER_MAX);
	bool ok = s3_request_do(&reply, c, &request, e);

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

	request.headers = only_new;
	*refused = false;
	ok = s3_request_send(&reply, c, &request, e);
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
	} else if (reply.http.status < 200 || reply.http.status > 299) {
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
