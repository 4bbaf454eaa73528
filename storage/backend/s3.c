/* Objects as keys of a bucket: the verbs of storage.h. */
#include "storage/backend/s3.h"

#include <stdlib.h>
#include <string.h>

#include "storage/backend/s3_store.h"

#define ANSWER_MAX      ((size_t)1 << 20) /* of a request whose answer is small */
#define REMOVE_GRACE_MS 3000              /* a lock is given back even after Ctrl-C */

static char *key_of(struct object_key key)
{
	struct buf path = BUF_INIT;

	storage_object_path(&path, key);
	return buf_detach(&path);
}

/*
 * Anything on the way may answer 404, and a chunk that is taken for missing is recorded as damaged: only NoSuchKey is
 * believed, which stores say to GET and DELETE. Else the listing is asked; but not after the page of a web server that
 * is no store, nor without a bucket. False: e is set.
 */
static bool is_absent(
        bool *absent, struct s3_client *c, const struct s3_request *r, const struct s3_reply *reply, struct err *e)
{
	const char *code = reply->error.code;
	bool listed = true;

	*absent = reply->http.status == 404 && strcmp(code, "NoSuchKey") == 0;
	if (*absent || reply->http.status != 404 || strcmp(code, "NoSuchBucket") == 0 ||
	        (!*code && reply->http.body.len > 0))
		return true;
	if (!s3_is_listed(&listed, c, r->key, e))
		return false;
	*absent = !listed;
	return true;
}

/* Swapped in, so that the object arrives in the caller's buffer; an error document has room whatever the ceiling is. */
bool s3_get_key(struct s3_client *c, const char *key, struct buf *out, struct err *e)
{
	struct s3_request request = {
		.method = HTTP_GET,
		.key = key,
		.doing = "get",
		.permission = "s3:GetObject",
	};
	size_t max = out->max ? out->max : BUF_DEFAULT_MAX, before = out->len, wanted = max - before;
	struct s3_reply reply = S3_REPLY_INIT_MAX(wanted < ANSWER_MAX ? ANSWER_MAX : wanted);
	bool swap = before == 0, absent = false, ok = false;

	if (swap) {
		reply.http.body.data = out->data;
		reply.http.body.cap = out->cap;
		out->data = NULL;
		out->cap = 0;
	}
	if (!s3_request_send(&reply, c, &request, e) || !is_absent(&absent, c, &request, &reply, e))
		goto done;
	if (absent) {
		err_set(e, ERR_NOT_FOUND, "there is no \"s3://%s/%s%s\"", c->place.bucket, c->place.prefix, key);
		goto done;
	}
	if (reply.http.status != 200) {
		s3_error_set(e, c, &request, &reply);
		goto done;
	}
	if (reply.http.body.len > wanted)
		err_set(e, ERR_FAILED, "\"s3://%s/%s%s\" is longer than %zu bytes", c->place.bucket, c->place.prefix,
		        key, wanted);
	else if (swap)
		ok = true;
	else
		ok = buf_append(out, reply.http.body.data, reply.http.body.len, e);
done:
	if (swap) {
		out->data = reply.http.body.data;
		out->cap = reply.http.body.cap;
		out->len = ok ? reply.http.body.len : 0;
		if (out->data)
			out->data[out->len] = '\0';
		reply.http.body.data = NULL;
	}
	s3_reply_release(&reply);
	return ok;
}

bool s3_remove_key(struct s3_client *c, const char *key, struct err *e)
{
	struct s3_request request = {
		.method = HTTP_DELETE,
		.key = key,
		.doing = "remove",
		.permission = "s3:DeleteObject",
		.grace_ms = REMOVE_GRACE_MS,
	};
	struct s3_reply reply = S3_REPLY_INIT_MAX(ANSWER_MAX);
	bool absent = false, ok = s3_request_send(&reply, c, &request, e) && is_absent(&absent, c, &request, &reply, e);

	if (ok && !absent && (reply.http.status < 200 || reply.http.status > 299))
		ok = s3_error_set(e, c, &request, &reply);
	s3_reply_release(&reply);
	return ok;
}

static bool s3_get(void *impl, struct object_key key, struct buf *out, struct err *e)
{
	char *path = key_of(key);
	bool ok = s3_get_key(impl, path, out, e);

	free(path);
	return ok;
}

static bool s3_put(void *impl, struct object_key key, struct view body, enum put_mode mode, struct err *e)
{
	char *path = key_of(key);
	bool ok = mode == PUT_CREATE ? s3_create_key(impl, path, body, e) : s3_put_key(impl, path, body, e);

	free(path);
	return ok;
}

static bool s3_remove(void *impl, struct object_key key, struct err *e)
{
	char *path = key_of(key);
	bool ok = s3_remove_key(impl, path, e);

	free(path);
	return ok;
}

/* What was acknowledged is durable, name and bytes. */
static bool s3_sync(void *impl, const bool prefixes[256], struct err *e)
{
	(void)impl;
	(void)prefixes;
	(void)e;
	return true;
}

static void s3_close(void *impl)
{
	s3_client_free(impl);
}

bool storage_open_s3(struct storage **out, const char *url, const struct s3_options *o, struct err *e)
{
	static const struct storage_ops ops = {
		.put = s3_put,
		.get = s3_get,
		.list = s3_list,
		.remove = s3_remove,
		.sync = s3_sync,
		.close = s3_close,
	};
	static const struct s3_options defaults = { 0 };
	struct s3_client *c;

	if (!s3_client_new(&c, url, o ? o : &defaults, e))
		return false;
	struct storage *s = xcalloc(1, sizeof(*s));
	*s = (struct storage){ .ops = &ops, .impl = c, .where = xstrdup(url), .in_flight = c->in_flight };
	*out = s;
	return true;
}
