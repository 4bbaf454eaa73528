/* What a bucket lets us do: tried out with an object of its own. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "src/base/clock.h"
#include "storage/backend/s3_store.h"

#define ANSWER_MAX ((size_t)1 << 20)
#define PROBE      "doctor-"
#define SOME       10
#define TEXT       "drtool looks whether it can write here\n"

static struct s3_client *client_of(struct storage *s)
{
	return s->impl;
}

struct vacancy {
	const char *prefix;
	bool vacant;
};

/* A "directory" that a console has made is nothing, and so is what an examination could not take away again. */
static bool see_key(void *cookie, const struct s3_listed *object, struct err *e)
{
	struct vacancy *v = cookie;
	size_t len = strlen(v->prefix);

	(void)e;
	if (strncmp(object->key, v->prefix, len) == 0 && object->key[len] &&
	        strncmp(object->key + len, PROBE, strlen(PROBE)) != 0)
		v->vacant = false;
	return true;
}

bool s3_is_vacant(bool *vacant, struct storage *s, struct err *e)
{
	struct s3_client *c = client_of(s);
	struct vacancy v = { c->place.prefix, true };

	if (!s3_list_some(c, "", SOME, see_key, &v, e))
		return false;
	*vacant = v.vacant;
	return true;
}

static void read_reply(struct s3_findings *out, const struct s3_reply *reply)
{
	int64_t ahead;

	if (!out->server[0])
		http_response_header(out->server, sizeof(out->server), &reply->http, "server");
	for (char *p = out->server; *p; p++) {
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
			*p = '?';
	}
	if (!out->clock_known && s3_clock_ahead(&ahead, reply)) {
		out->clock_known = true;
		out->clock_ahead_us = ahead;
	}
}

static bool count_key(void *cookie, const struct s3_listed *object, struct err *e)
{
	bool *seen = cookie;

	(void)object;
	(void)e;
	*seen = true;
	return true;
}

static void examine_put(struct s3_findings *out, struct s3_client *c, const char *key)
{
	struct s3_request request = {
		.method = HTTP_PUT,
		.key = key,
		.body = view_str(TEXT),
		.doing = "put",
		.permission = "s3:PutObject",
	};
	struct s3_reply reply = S3_REPLY_INIT_MAX(ANSWER_MAX);

	s3_request_do(&reply, c, &request, &out->put);
	if (reply.http.status)
		read_reply(out, &reply);
	s3_reply_release(&reply);
}

/* The object is there now: does a store that is told to write only a new one refuse? */
static void examine_condition(struct s3_findings *out, struct s3_client *c, const char *key)
{
	static const char *const only_new[] = { "If-None-Match: *", NULL };
	struct s3_request request = {
		.method = HTTP_PUT,
		.key = key,
		.headers = only_new,
		.body = view_str(TEXT),
		.doing = "put",
		.permission = "s3:PutObject",
	};
	struct s3_reply reply = S3_REPLY_INIT_MAX(ANSWER_MAX);
	struct err ignored = ERR_INIT;

	if (s3_request_send(&reply, c, &request, &ignored)) {
		if (reply.http.status == 412 || reply.http.status == 409)
			out->conditional_put = S3_YES;
		else if (reply.http.status == 501 || reply.http.status == 400 || reply.http.status == 200)
			out->conditional_put = S3_NO;
	}
	s3_reply_release(&reply);
}

static void examine_get(struct s3_findings *out, struct s3_client *c, const char *key)
{
	struct buf body = BUF_INIT_MAX(4096);
	bool damaged = false;

	if (s3_get_key(c, key, &body, &out->get) && strcmp(buf_str(&body), TEXT) != 0)
		damaged = !err_set(&out->get, ERR_DAMAGED, "the store gives back other bytes than it was given");
	if (damaged)
		err_hint(&out->get, "no snapshot in it can be relied on: see what lies between here and the store");
	buf_release(&body);
}

static void examine_list(struct s3_findings *out, struct s3_client *c, const char *key)
{
	bool seen = false;

	if (s3_list_some(c, key, SOME, count_key, &seen, &out->list) && !seen && out->put.kind == ERR_NONE) {
		err_set(&out->list, ERR_FAILED, "the store does not list an object it has just been given");
		err_hint(&out->list, "its listings are not consistent: drtool cannot rely on it");
	}
}

static void examine_remove(struct s3_findings *out, struct s3_client *c, const char *key)
{
	if (s3_remove_key(c, key, &out->remove))
		out->remove_refused = S3_NO;
	else if (out->remove.kind == ERR_FAILED)
		out->remove_refused = S3_YES;
}

static void examine_versioning(struct s3_findings *out, struct s3_client *c)
{
	static const struct s3_query query = { "versioning", "" };
	struct s3_request request = {
		.method = HTTP_GET,
		.query = &query,
		.query_count = 1,
		.doing = "ask for versioning of",
		.permission = "s3:GetBucketVersioning",
	};
	struct s3_reply reply = S3_REPLY_INIT_MAX(ANSWER_MAX);
	struct err ignored = ERR_INIT;
	char status[64];

	if (s3_request_do(&reply, c, &request, &ignored) &&
	        s3_xml_text(status, sizeof(status), buf_view(&reply.http.body), "Status", &ignored))
		out->versioning = strcmp(status, "Enabled") == 0 ? S3_YES : S3_NO;
	s3_reply_release(&reply);
}

static void describe(struct s3_findings *out, struct s3_client *c)
{
	out->addressing = c->place.virtual_host ? "virtual" : "path";
	snprintf(out->credentials, sizeof(out->credentials), "%s", s3_credentials_source(c->credentials));
	pthread_mutex_lock(&c->mutex);
	snprintf(out->endpoint, sizeof(out->endpoint), "%s://%s%s", c->place.tls ? "https" : "http", c->place.host,
	        c->place.base);
	snprintf(out->region, sizeof(out->region), "%s", c->place.region);
	pthread_mutex_unlock(&c->mutex);
}

/* Not reached, keys not accepted, no such bucket: every further request would end the same way. */
static bool is_hopeless(const struct err *put)
{
	return put->kind == ERR_TRANSIENT || put->kind == ERR_USAGE || put->kind == ERR_CANCELLED;
}

bool s3_examine(struct s3_findings *out, struct storage *s, struct err *e)
{
	struct s3_client *c = client_of(s);
	uint64_t random = (uint64_t)clock_utc_us();
	char key[64];

	*out = (struct s3_findings){ 0 };
	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	snprintf(key, sizeof(key), PROBE "%016llx", (unsigned long long)random);
	examine_put(out, c, key);
	describe(out, c);
	if (is_hopeless(&out->put) || !atomic_load(&c->answered)) {
		*e = out->put;
		return false;
	}
	if (out->put.kind == ERR_NONE) {
		examine_condition(out, c, key);
		examine_get(out, c, key);
	}
	examine_list(out, c, out->put.kind == ERR_NONE ? key : "");
	examine_remove(out, c, key);
	examine_versioning(out, c);
	return true;
}
