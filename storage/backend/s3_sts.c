/* Keys for a role, from AWS's Security Token Service or one that speaks as it does (Ceph, MinIO). */
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "storage/backend/s3_credentials_internal.h"
#include "storage/backend/s3_sign.h"
#include "storage/backend/s3_xml.h"

#define BODY_MAX   ((size_t)64 << 10)
#define FORM_ROOM  ((size_t)64 << 10) /* three times the longest token, so that growing leaves no copy of it behind */
#define TRIES      3
#define TIMEOUT_MS 15000
#define FORM_TYPE  "Content-Type: application/x-www-form-urlencoded"

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
	if (named && strncmp(named, "https://", 8) != 0 && strncmp(named, "http://", 7) != 0) {
		err_set(e, ERR_USAGE, "AWS_ENDPOINT_URL_STS is no http or https URL");
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

static bool refused(const struct http_response *r, struct err *e)
{
	struct s3_error_document d;

	s3_xml_error(&d, buf_view(&r->body));
	err_set(e, r->status >= 500 || r->status == 429 ? ERR_TRANSIENT : ERR_FAILED, "it answers %d%s%s%s%.200s",
	        r->status, d.code[0] ? " " : "", d.code, d.message[0] ? ": " : "", d.message);
	return false;
}

/* headers: NULL-terminated */
static bool post(struct s3_keys *out, const struct s3_lookup *l, const struct service *s, const char *const *headers,
        struct view form, struct err *e)
{
	struct http_response answer = HTTP_RESPONSE_INIT_MAX(BODY_MAX);
	char *url = xasprintf("%s/", s->url);
	const struct http_request request = {
		.method = HTTP_POST, .url = url, .headers = headers, .body = form, .total_ms = TIMEOUT_MS
	};
	bool ok = false;

	(void)buf_reserve(&answer.body, BODY_MAX, e);
	if (s3_ask(&answer, l->http, &request, TRIES, e))
		ok = answer.status == 200 ? read_keys(out, buf_view(&answer.body), e) : refused(&answer, e);
	if (!ok)
		err_wrap(e, "STS at %s", s->host);
	s3_wipe_body(&answer);
	free(url);
	return ok;
}

/* "Name: value\n" lines as a list of strings, in place; names and values stay where they are. */
static void split_lines(const char *lines[16], struct buf *text)
{
	size_t n = 0;

	for (char *line = (char *)text->data, *end; n < 15 && (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		lines[n++] = line;
	}
	lines[n] = NULL;
}

static char *path_of(const struct service *s)
{
	const char *start = strstr(s->url, "://") + 3;

	return xasprintf("%s/", start + strcspn(start, "/"));
}

bool s3_assume_role(struct s3_keys *out, const struct s3_lookup *l, const struct s3_keys *with,
        const struct s3_role *role, struct err *e)
{
	struct s3_query parameters[8];
	struct buf form = BUF_INIT, signature = BUF_INIT;
	const char *lines[16];
	char seconds[16], *path;
	struct service s;
	struct s3_sign_input in = { .access_key = with->access_key,
		.secret_key = with->secret_key,
		.session_token = with->session_token,
		.service = "sts",
		.method = "POST",
		.headers = (const char *const[]){ FORM_TYPE, NULL },
		.now_us = clock_utc_us() };
	bool ok;

	if (!service_init(&s, l, e))
		return false;
	write_form(&form, parameters, common(parameters, "AssumeRole", role, seconds));
	path = path_of(&s);
	in.path = path;
	in.host = s.host;
	in.region = s.region;
	hash_sha256_hex(in.payload_sha256, buf_view(&form));
	s3_sign(&signature, &in);
	split_lines(lines, &signature);
	ok = post(out, l, &s, lines, buf_view(&form), e);
	s3_wipe_buf(&signature);
	buf_release(&form);
	free(path);
	service_release(&s);
	return ok;
}

bool s3_assume_role_with_web_identity(struct s3_keys *out, const struct s3_lookup *l, const char *token_file,
        const struct s3_role *role, struct err *e)
{
	struct s3_query parameters[8];
	struct buf form = BUF_INIT;
	char seconds[16], *token;
	struct service s;
	size_t n;
	bool ok;

	if (!s3_token_file(&token, token_file, e))
		return false;
	if (!service_init(&s, l, e)) {
		s3_wipe(token);
		return false;
	}
	n = common(parameters, "AssumeRoleWithWebIdentity", role, seconds);
	parameters[n++] = (struct s3_query){ "WebIdentityToken", token };
	(void)buf_reserve(&form, FORM_ROOM, e);
	write_form(&form, parameters, n);
	ok = post(out, l, &s, (const char *const[]){ FORM_TYPE, NULL }, buf_view(&form), e);
	s3_wipe_buf(&form);
	s3_wipe(token);
	service_release(&s);
	return ok;
}
