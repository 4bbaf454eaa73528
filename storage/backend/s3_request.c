#include "storage/backend/s3_request.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/observer.h"
#include "src/base/utf8.h"

#define NOTE_AFTER_US 3000000  /* trouble that passes sooner is nobody's business */
#define NOTE_EVERY_US 30000000 /* of all threads together */
#define HEADERS_MAX   16
#define TELLING       12 /* so much of a secret is too much to show */
#define TELLING_MIN   4  /* of one that is cut off */
#define UTF8_LONGEST  4  /* what is cut may be shorter by the rest of a character */

static const char *method_name(enum http_method method)
{
	static const char *const names[] = {
		[HTTP_GET] = "GET",
		[HTTP_HEAD] = "HEAD",
		[HTTP_PUT] = "PUT",
		[HTTP_POST] = "POST",
		[HTTP_DELETE] = "DELETE",
	};

	return names[method];
}

/* The lines of headers, cut apart in place. */
static void split_lines(const char *lines[HEADERS_MAX + 1], struct buf *headers)
{
	char *at = (char *)headers->data;
	size_t n = 0;

	while (at && *at && n < HEADERS_MAX) {
		char *end = strchr(at, '\n');

		lines[n++] = at;
		if (!end)
			break;
		*end = '\0';
		at = end + 1;
	}
	lines[n] = NULL;
}

struct parts {
	struct buf host, path, target, url, headers;
};

static void parts_release(struct parts *p)
{
	if (p->headers.data)
		explicit_bzero(p->headers.data, p->headers.cap); /* a session token */
	buf_release(&p->host);
	buf_release(&p->path);
	buf_release(&p->target);
	buf_release(&p->url);
	buf_release(&p->headers);
}

/* Everything that goes on the wire for this try. */
static void sign(struct parts *p, struct s3_try *t, struct s3_client *c, const struct s3_request *r,
        const struct s3_keys *keys, const char *payload_sha256)
{
	struct s3_sign_input in = {
		.access_key = keys->access_key,
		.secret_key = keys->secret_key,
		.session_token = keys->session_token,
		.region = t->region,
		.service = "s3",
		.method = method_name(r->method),
		.query = r->query,
		.query_count = r->query_count,
		.headers = r->headers,
	};
	bool tls;

	t->generation = keys->generation;
	t->has_token = keys->session_token;
	t->clock_ahead_us = atomic_load(&c->clock_ahead_us);
	pthread_mutex_lock(&c->mutex);
	tls = c->place.tls;
	snprintf(t->region, sizeof(t->region), "%s", c->place.region);
	s3_place_target(&p->host, &p->path, &c->place, r->key);
	pthread_mutex_unlock(&c->mutex);
	in.host = buf_str(&p->host);
	in.path = buf_str(&p->path);
	in.now_us = clock_utc_us() - t->clock_ahead_us;
	memcpy(in.payload_sha256, payload_sha256, sizeof(in.payload_sha256));
	s3_sign(&p->headers, &in);
	s3_encode_target(&p->target, in.path, r->query, r->query_count);
	buf_addf(&p->url, "%s://%s%s", tls ? "https" : "http", in.host, buf_str(&p->target));
}

/* Does text hold the beginning of secret? Where text may have been cut, a few characters at its end are one, too. */
static bool shows(const char *text, size_t size, const char *secret)
{
	size_t len = strlen(text), n = strlen(secret);
	char start[TELLING + 1];

	n = n < TELLING ? n : TELLING;
	snprintf(start, sizeof(start), "%.*s", (int)n, secret);
	if (strstr(text, start))
		return true;
	for (; n >= TELLING_MIN && len + UTF8_LONGEST >= size; n--) {
		if (len >= n && memcmp(text + len - n, start, n) == 0)
			return true;
	}
	return false;
}

/* A store that repeats what it was sent must not carry it into our messages; a cut token would still be one. */
static void scrub(char *text, size_t size, const struct s3_keys *keys)
{
	const char *const secrets[] = { keys->access_key, keys->secret_key, keys->session_token };

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		if (secrets[i] && *secrets[i] && shows(text, size, secrets[i]))
			text[0] = '\0';
	}
	(void)utf8_repair(text);
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = ' ';
		else if ((unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0) /* U+0080 to U+009F */
			text[0] = text[1] = ' ';
	}
}

/* Not every answer has a document, and of a region the header knows better. */
static void read_headers(struct s3_error_document *out, const struct http_response *r)
{
	char region[sizeof(out->region)];

	if (http_response_header(region, sizeof(region), r, "x-amz-bucket-region"))
		snprintf(out->region, sizeof(out->region), "%s", region);
	if (!out->request_id[0])
		http_response_header(out->request_id, sizeof(out->request_id), r, "x-amz-request-id");
}

static bool is_success(const struct s3_reply *reply)
{
	return reply->http.status >= 200 && reply->http.status < 300;
}

/*
 * An error may come with a 200, once a slow operation has begun to answer. No object of ours begins like one, so what
 * comes instead of an object is seen as well.
 */
static void read_error(struct s3_reply *reply, const struct s3_keys *keys)
{
	const char *text = buf_str(&reply->http.body);
	bool xml = strncmp(text, "<?xml", 5) == 0 || strncmp(text, "<Error", 6) == 0;

	reply->error = (struct s3_error_document){ 0 };
	if (is_success(reply) && !(xml && strstr(text, "<Error")))
		return;
	s3_xml_error(&reply->error, buf_view(&reply->http.body));
	read_headers(&reply->error, &reply->http);
	struct s3_error_document *d = &reply->error;
	scrub(d->code, sizeof(d->code), keys);
	scrub(d->message, sizeof(d->message), keys);
	scrub(d->region, sizeof(d->region), keys);
	scrub(d->endpoint, sizeof(d->endpoint), keys);
	scrub(d->request_id, sizeof(d->request_id), keys);
}

/* One try. On S3_LATER e says what was wrong with it. */
static bool attempt(enum s3_verdict *verdict, struct s3_reply *out, struct s3_try *t, struct s3_client *c,
        const struct s3_request *r, const char *payload_sha256, struct err *e)
{
	struct parts p = { 0 };
	struct s3_keys keys = { 0 };
	const char *lines[HEADERS_MAX + 1];
	bool ok = false;

	t->kind = atomic_load(&c->answered) ? RETRY_BROKEN : RETRY_UNREACHABLE;
	t->asked_ms = 0;
	*verdict = S3_LATER;
	if (!s3_credentials_get(&keys, c->credentials, e))
		goto done;
	sign(&p, t, c, r, &keys, payload_sha256);
	split_lines(lines, &p.headers);
	struct http_request request = {
		.method = r->method,
		.url = buf_str(&p.url),
		.headers = lines,
		.body = r->body,
		.grace_ms = r->grace_ms,
	};
	if (!http_perform(&out->http, c->http, &request, e)) {
		s3_error_wrap(e, c, r);
		out->unsure = out->unsure || out->http.sent;
		goto done;
	}
	atomic_store(&c->answered, true);
	read_error(out, &keys);
	*verdict = s3_verdict(t, c, out);
	if (*verdict == S3_LATER) {
		out->unsure = true;
		s3_error_set(e, c, r, out);
		e->kind = ERR_TRANSIENT;
		goto done;
	}
	ok = true;
done:
	s3_keys_release(&keys);
	parts_release(&p);
	return ok;
}

/* Whoever waits is told why, but not by each of many threads. */
static void tell_trouble(struct s3_client *c, const struct retry *tries, const struct err *e)
{
	int64_t now = clock_monotonic_us();
	bool tell;

	if (now - tries->started_us < NOTE_AFTER_US)
		return;
	pthread_mutex_lock(&c->mutex);
	tell = c->noted_us == 0 || now - c->noted_us > NOTE_EVERY_US;
	if (tell)
		c->noted_us = now;
	pthread_mutex_unlock(&c->mutex);
	if (tell)
		observer_note(c->observer, NOTE_WARN, "%s; trying again", e->msg);
}

bool s3_request_send(struct s3_reply *out, struct s3_client *c, const struct s3_request *r, struct err *e)
{
	char payload_sha256[SHA256_HEX_SIZE];
	struct s3_try t = { 0 };
	struct retry tries;

	out->unsure = false;
	hash_sha256_hex(payload_sha256, r->body);
	retry_start(&tries, &c->policy, c->cancel);
	for (;;) {
		struct err why = ERR_INIT;
		enum s3_verdict verdict;

		if (attempt(&verdict, out, &t, c, r, payload_sha256, &why)) {
			if (verdict == S3_FINAL)
				return true;
			continue;
		}
		if (why.kind == ERR_TRANSIENT) {
			tell_trouble(c, &tries, &why);
			if (retry_wait(&tries, t.kind, t.asked_ms, &why))
				continue;
		}
		*e = why;
		return false;
	}
}

bool s3_request_do(struct s3_reply *out, struct s3_client *c, const struct s3_request *r, struct err *e)
{
	return s3_request_send(out, c, r, e) && (is_success(out) || s3_error_set(e, c, r, out));
}

void s3_reply_release(struct s3_reply *r)
{
	http_response_release(&r->http);
}
