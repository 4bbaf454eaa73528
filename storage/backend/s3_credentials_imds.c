/* Keys of the role of a virtual machine: instance metadata service, version 2 alone. */
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "storage/backend/s3_credentials_internal.h"

#define USUAL      "http://169.254.169.254"
#define USUAL_IPV6 "http://[fd00:ec2::254]"
#define ROLES      "/latest/meta-data/iam/security-credentials/"
#define TRY_MS     1000
#define TRIES      2
#define TOTAL_US   INT64_C(2800000) /* a laptop, where nobody answers, waits no longer than this */
#define BODY_MAX   ((size_t)64 << 10)
#define HEADERS(h)            \
	(const char *const[]) \
	{                     \
		h, NULL       \
	}

struct session {
	struct http_client *http;
	const char *endpoint;
	size_t endpoint_len; /* without slashes at its end */
	int64_t deadline_us;
	char *token; /* "X-aws-ec2-metadata-token: ..." */
};

static unsigned left_ms(const struct session *s)
{
	int64_t ms = (s->deadline_us - clock_monotonic_us()) / 1000;

	return ms < 1 ? 1 : ms > TRY_MS ? TRY_MS : (unsigned)ms;
}

/* One answer, whatever its status, from a service that has at most TRIES chances and never longer than the deadline. */
static bool ask(struct http_response *out, const struct session *s, enum http_method method, const char *path,
        const char *header, struct err *e)
{
	char *url = xasprintf("%.*s%s", (int)s->endpoint_len, s->endpoint, path);
	struct http_request request = { .method = method, .url = url, .headers = HEADERS(header), .no_proxy = true };
	bool answered = false;

	for (unsigned n = 0; n < TRIES && !answered; n++) {
		struct err why = ERR_INIT;

		request.total_ms = left_ms(s);
		answered = http_perform(out, s->http, &request, &why);
		if (answered && out->status >= 500 && n + 1 < TRIES)
			answered = false;
		else if (!answered && (why.kind != ERR_TRANSIENT || n + 1 == TRIES || left_ms(s) == 1)) {
			*e = why;
			break;
		}
	}
	free(url);
	return answered;
}

static bool status_error(const struct http_response *answer, const char *what, struct err *e)
{
	return err_set(
	        e, answer->status >= 500 ? ERR_TRANSIENT : ERR_FAILED, "%s is answered with %d", what, answer->status);
}

/* Text of one line, as a header value or part of a path. */
static char *one_line(struct http_response *answer)
{
	char *text = (char *)answer->body.data;
	size_t len = text ? strcspn(text, "\r\n") : 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] == 0x7f)
			return NULL;
	}
	return len ? xasprintf("%.*s", (int)len, text) : NULL;
}

/* Nobody there, or somebody who does not know version 2, is no error: most machines have no such service. */
static enum s3_found open_session(struct session *s, struct s3_provided *out, struct err *e)
{
	struct http_response answer = HTTP_RESPONSE_INIT_MAX(BODY_MAX);
	struct err why = ERR_INIT;
	enum s3_found found = S3_FOUND;
	char *token = NULL;

	(void)buf_reserve(&answer.body, BODY_MAX, &why);
	if (!ask(&answer, s, HTTP_PUT, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 21600", &why)) {
		found = s3_absent(out, "%s", why.msg);
		if (why.kind == ERR_CANCELLED) {
			*e = why;
			found = S3_BROKEN;
		}
	} else if (answer.status != 200)
		found = s3_absent(out, "the request for a token is answered with %d", answer.status);
	else if (!(token = one_line(&answer)))
		found = s3_absent(out, "the token of the service is not one");
	else
		s->token = xasprintf("X-aws-ec2-metadata-token: %s", token);
	s3_wipe(token);
	s3_wipe_body(&answer);
	return found;
}

static enum s3_found find_role(char **role, const struct session *s, struct s3_provided *out, struct err *e)
{
	struct http_response answer = HTTP_RESPONSE_INIT_MAX(BODY_MAX);
	enum s3_found found = S3_BROKEN;

	if (!ask(&answer, s, HTTP_GET, ROLES, s->token, e))
		goto done;
	if (answer.status == 200)
		*role = one_line(&answer);
	if (answer.status == 404 || (answer.status == 200 && answer.body.len == 0))
		found = s3_absent(out, "the machine has no role");
	else if (answer.status != 200)
		status_error(&answer, "the question for the role", e);
	else if (!*role || strpbrk(*role, "/?#%"))
		err_set(e, ERR_FAILED, "the name of the role is not one");
	else
		found = S3_FOUND;
done:
	http_response_release(&answer);
	return found;
}

static bool fetch(struct s3_keys *out, const struct session *s, const char *role, struct err *e)
{
	struct http_response answer = HTTP_RESPONSE_INIT_MAX(BODY_MAX);
	char *path = xasprintf("%s%s", ROLES, role);
	bool ok = false;

	(void)buf_reserve(&answer.body, BODY_MAX, e);
	if (ask(&answer, s, HTTP_GET, path, s->token, e))
		ok = answer.status == 200 ? s3_keys_from_answer(out, &answer, e)
		                          : status_error(&answer, "the question for the keys", e);
	s3_wipe_body(&answer);
	free(path);
	return ok;
}

static bool disabled(void)
{
	const char *value = s3_env("AWS_EC2_METADATA_DISABLED");

	return value && strcasecmp(value, "true") == 0;
}

static const char *endpoint(void)
{
	const char *named = s3_env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *mode = s3_env("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");

	if (named)
		return named;
	return mode && strcasecmp(mode, "IPv6") == 0 ? USUAL_IPV6 : USUAL;
}

enum s3_found s3_from_imds(struct s3_provided *out, const struct s3_lookup *l, struct err *e)
{
	struct session s = { .http = l->http, .endpoint = endpoint(), .deadline_us = clock_monotonic_us() + TOTAL_US };
	char *role = NULL;
	enum s3_found found;

	if (disabled())
		return s3_absent(out, "AWS_EC2_METADATA_DISABLED is true");
	s.endpoint_len = strlen(s.endpoint);
	while (s.endpoint_len > 0 && s.endpoint[s.endpoint_len - 1] == '/')
		s.endpoint_len--;
	found = open_session(&s, out, e);
	if (found == S3_FOUND)
		found = find_role(&role, &s, out, e);
	if (found == S3_FOUND && !fetch(&out->keys, &s, role, e))
		found = S3_BROKEN;
	if (found == S3_FOUND)
		out->source = xasprintf("instance metadata, role \"%s\"", role);
	free(role);
	s3_wipe(s.token);
	return found;
}
