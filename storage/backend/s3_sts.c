/* Keys for a role, from AWS's Security Token Service or one that speaks as it does (Ceph, MinIO). */
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "storage/backend/s3_credentials_internal.h"
#include "storage/backend/s3_sign.h"
#include "storage/backend/s3_xml.h"

#define BODY_MAX       ((size_t)64 << 10)
#define FORM_ROOM      ((size_t)64 << 10) /* three times the longest token, so that growing leaves no copy of it behind */
#define TRIES          3
#define TIMEOUT_MS     15000
#define LINES_MAX      15
#define PARAMETERS_MAX 8
#define SECRET_START   12 /* so many characters of a secret are not there by chance */
#define SKEW_US        (5 * 60 * INT64_C(1000000))
#define FORM_TYPE      "Content-Type: application/x-www-form-urlencoded"

struct service {
	char *url, *host, *region;
};

/* "eu-west-1"; "auto", "garage" and "default" of other stores are none of AWS's. */
static bool aws_region(const char *region)
{
	size_t len = region ? strlen(region) : 0;

	return len >= 6 && strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == len && strchr(region, '-') &&
	       region[len - 1] >= '0' && region[len - 1] <= '9';
}

/* It is shown in messages. */
static bool plain_url(const char *url)
{
	size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;

	return scheme && url[scheme] && url[scheme] != '/' && !strpbrk(url, "@?#");
}

/* Without the port the scheme has anyway. */
static char *host_of(const char *url)
{
	bool tls = strncmp(url, "https://", 8) == 0;
	const char *start = strstr(url, "://"), *usual = tls ? ":443" : ":80";
	size_t len, port = strlen(usual);

	start = start ? start + 3 : url;
	len = strcspn(start, "/?#");
	if (len > port && memcmp(start + len - port, usual, port) == 0)
		len -= port;
	return xasprintf("%.*s", (int)len, start);
}

static bool service_init(struct service *s, const struct s3_lookup *l, struct err *e)
{
	const char *named = s3_env("AWS_ENDPOINT_URL_STS");
	bool regional = aws_region(l->region);

	*s = (struct service){ 0 };
	if (named && !plain_url(named)) {
		err_set(e, ERR_USAGE, "AWS_ENDPOINT_URL_STS is no http or https URL, or holds a user or a query");
		return err_hint(e, "set it to https://HOST, or unset it for AWS");
	}
	s->region = xstrdup(l->region && (regional || named) ? l->region : "us-east-1");
	if (named)
		s->url = xstrdup(named);
	else if (regional)
		s->url = xasprintf(
		        "https://sts.%s.amazonaws.com%s", l->region, strncmp(l->region, "cn-", 3) == 0 ? ".cn" : "");
	else
		s->url = xstrdup("https://sts.amazonaws.com");
	while (*s->url && s->url[strlen(s->url) - 1] == '/')
		s->url[strlen(s->url) - 1] = '\0';
	s->host = host_of(s->url);
	return true;
}

static void service_release(struct service *s)
{
	free(s->url);
	free(s->host);
	free(s->region);
}

/* The parameters of a form are encoded as those of a URL. */
static void write_form(struct buf *out, const struct s3_query *parameters, size_t count)
{
	struct buf target = BUF_INIT;
	struct err e = ERR_INIT;

	(void)buf_reserve(&target, FORM_ROOM, &e);
	s3_encode_target(&target, "/", parameters, count);
	buf_addn(out, target.data + 2, target.len - 2); /* behind "/?" */
	s3_wipe_buf(&target);
}

/* What both actions have: name, version, role. */
static size_t common(struct s3_query *parameters, const char *action, const struct s3_role *role, char seconds[16])
{
	size_t n = 0;

	parameters[n++] = (struct s3_query){ "Action", action };
	parameters[n++] = (struct s3_query){ "Version", "2011-06-15" };
	parameters[n++] = (struct s3_query){ "RoleArn", role->arn };
	parameters[n++] = (struct s3_query){ "RoleSessionName", role->session ? role->session : "drtool" };
	if (role->external_id)
		parameters[n++] = (struct s3_query){ "ExternalId", role->external_id };
	if (role->seconds) {
		snprintf(seconds, 16, "%u", role->seconds);
		parameters[n++] = (struct s3_query){ "DurationSeconds", seconds };
	}
	return n;
}

/* The four parts of <Credentials>. */
static bool read_keys(struct s3_keys *out, struct view body, struct err *e)
{
	static const char *const names[] = { "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration" };
	char *values[4] = { NULL };
	bool ok = true;

	for (size_t i = 0; i < 4; i++) {
		values[i] = xcalloc(1, S3_TOKEN_MAX);
		ok = ok && s3_xml_text(values[i], S3_TOKEN_MAX, body, names[i], e);
	}
	ok = ok && s3_keys_set(out, values[0], values[1], values[2], values[3], e);
	for (size_t i = 0; i < 4; i++)
		s3_wipe(values[i]);
	return ok;
}

/* What is sent to a service, and to whom. */
struct call {
	const struct s3_lookup *lookup;
	struct service service;
	struct buf form;
	const char
	        *secret; /* part of it: not even a service that repeats it carries it into a message; NULL for none */
};

static bool refused(const struct http_response *r, const char *secret, struct err *e)
{
	struct s3_error_document d;
	char start[SECRET_START + 1];

	s3_xml_error(&d, buf_view(&r->body));
	snprintf(start, sizeof(start), "%s", secret ? secret : "");
	if (start[0] && (strstr(d.message, start) || strstr(d.code, start)))
		d.message[0] = d.code[0] = '\0';
	return err_set(e, r->status >= 500 || r->status == 429 ? ERR_TRANSIENT : ERR_FAILED,
	        "it answers %d%s%s%s%.200s", r->status, d.code[0] ? " " : "", d.code, d.message[0] ? ": " : "",
	        d.message);
}

/* headers: NULL-terminated. *ahead_us: how far our clock is ahead of the service's, by its answer. */
static bool post(
        struct s3_keys *out, const struct call *call, const char *const *headers, int64_t *ahead_us, struct err *e)
{
	struct http_response answer = HTTP_RESPONSE_INIT_MAX(BODY_MAX);
	char *url = xasprintf("%s/", call->service.url);
	const struct http_request request = {
		.method = HTTP_POST,
		.url = url,
		.headers = headers,
		.body = buf_view(&call->form),
		.total_ms = TIMEOUT_MS,
	};
	bool ok = false;

	*ahead_us = 0;
	(void)buf_reserve(&answer.body, BODY_MAX, e);
	if (s3_ask(&answer, call->lookup->http, &request, TRIES, e)) {
		*ahead_us = s3_answer_ahead_us(&answer);
		if (answer.status == 200)
			ok = read_keys(out, buf_view(&answer.body), e);
		else
			refused(&answer, call->secret, e);
	}
	if (ok)
		s3_keys_by_our_clock(out, &answer);
	else
		err_wrap(e, "STS at %s", call->service.host);
	s3_wipe_body(&answer);
	free(url);
	return ok;
}

static void call_release(struct call *call)
{
	s3_wipe_buf(&call->form);
	service_release(&call->service);
}

/* "Name: value\n" lines as a list of strings, in place. */
static void split_lines(const char *lines[LINES_MAX + 1], struct buf *text)
{
	size_t n = 0;

	for (char *line = (char *)text->data, *end; n < LINES_MAX && (end = strchr(line, '\n')) != NULL;
	        line = end + 1) {
		*end = '\0';
		lines[n++] = line;
	}
	lines[n] = NULL;
}

/* Signed for a clock that ours is *ahead_us ahead of; then *ahead_us is what the answer says. */
static bool post_signed(
        struct s3_keys *out, const struct call *call, const struct s3_keys *with, int64_t *ahead_us, struct err *e)
{
	const char *after_scheme = strstr(call->service.url, "://") + 3;
	char *path = xasprintf("%s/", after_scheme + strcspn(after_scheme, "/"));
	struct s3_sign_input in = {
		.access_key = with->access_key,
		.secret_key = with->secret_key,
		.session_token = with->session_token,
		.region = call->service.region,
		.service = "sts",
		.method = "POST",
		.host = call->service.host,
		.path = path,
		.headers = (const char *const[]){ FORM_TYPE, NULL },
		.now_us = clock_utc_us() - *ahead_us,
	};
	const char *lines[LINES_MAX + 1];
	struct buf headers = BUF_INIT;
	bool ok;

	hash_sha256_hex(in.payload_sha256, buf_view(&call->form));
	s3_sign(&headers, &in);
	split_lines(lines, &headers);
	ok = post(out, call, lines, ahead_us, e);
	s3_wipe_buf(&headers);
	free(path);
	return ok;
}

bool s3_assume_role(struct s3_keys *out, const struct s3_lookup *l, const struct s3_keys *with,
        const struct s3_role *role, struct err *e)
{
	struct call call = { .lookup = l, .secret = with->session_token };
	struct s3_query parameters[PARAMETERS_MAX];
	int64_t ahead_us = 0;
	char seconds[16];
	bool ok;

	if (!service_init(&call.service, l, e))
		return false;
	write_form(&call.form, parameters, common(parameters, "AssumeRole", role, seconds));
	ok = post_signed(out, &call, with, &ahead_us, e);
	if (!ok && llabs(ahead_us) > SKEW_US) /* then by the service's clock, once */
		ok = post_signed(out, &call, with, &ahead_us, e);
	call_release(&call);
	return ok;
}

bool s3_assume_role_with_web_identity(struct s3_keys *out, const struct s3_lookup *l, const char *token_file,
        const struct s3_role *role, struct err *e)
{
	struct call call = { .lookup = l };
	struct s3_query parameters[PARAMETERS_MAX];
	char seconds[16], *token = NULL;
	int64_t ahead_us;
	size_t n;
	bool ok = false;

	if (!s3_token_file(&token, token_file, e) || !service_init(&call.service, l, e))
		goto done;
	call.secret = token;
	n = common(parameters, "AssumeRoleWithWebIdentity", role, seconds);
	parameters[n++] = (struct s3_query){ "WebIdentityToken", token };
	(void)buf_reserve(&call.form, FORM_ROOM, e);
	write_form(&call.form, parameters, n);
	ok = post(out, &call, (const char *const[]){ FORM_TYPE, NULL }, &ahead_us, e);
done:
	call_release(&call);
	s3_wipe(token);
	return ok;
}
