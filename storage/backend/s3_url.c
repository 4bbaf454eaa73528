#include "storage/backend/s3_url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "storage/backend/s3_credentials.h"

#define SCHEME         "s3://"
#define PREFIX_MAX     400 /* a key has 1024 bytes at most, of which ours take up to 550 */
#define BUCKET_MIN     3
#define BUCKET_MAX     255 /* 63 at AWS now, more in old buckets and elsewhere */
#define BUCKET_DNS_MAX 63
#define DEFAULT_REGION "us-east-1"

bool s3_is_url(const char *where)
{
	return strncmp(where, SCHEME, strlen(SCHEME)) == 0;
}

static bool bad_url(struct err *e, const char *what)
{
	err_set(e, ERR_USAGE, "%s", what);
	return err_hint(
	        e, "write s3://bucket or s3://bucket/prefix; the endpoint and the keys are settings of their own");
}

static bool parse_bucket(char **out, const char *start, size_t len, struct err *e)
{
	/* Not even part of what looks like a password is shown. */
	if (memchr(start, '@', len) || memchr(start, ':', len))
		return bad_url(e, "the S3 URL holds a user, a password or a port");
	if (len < BUCKET_MIN || len > BUCKET_MAX)
		return bad_url(e, "the S3 URL has no bucket name of 3 to 255 characters");
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)start[i]) && !strchr("-._", start[i]))
			return bad_url(e,
			        "the bucket name in the S3 URL holds a character other than letters, digits, '-', '.' and '_'");
	}
	*out = strndup(start, len);
	return true;
}

/* Slashes at both ends do not matter; a component of a kind that clients and proxies fold away is refused. */
static bool parse_prefix(char **out, const char *text, struct err *e)
{
	struct buf prefix = BUF_INIT_MAX(1024);

	while (*text == '/')
		text++;
	if (strlen(text) > PREFIX_MAX)
		return bad_url(e, "the prefix in the S3 URL is longer than 400 bytes");
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f || strchr("?#\\", *p))
			return bad_url(e, "the prefix in the S3 URL holds '?', '#', '\\' or a control character");
	}
	while (*text) {
		size_t len = strcspn(text, "/");

		if (len == 0 || (len <= 2 && strspn(text, ".") == len)) {
			if (text[strspn(text, "/")] == '\0')
				break;
			buf_release(&prefix);
			return bad_url(e, "the prefix in the S3 URL holds an empty, '.' or '..' component");
		}
		buf_addn(&prefix, text, len);
		buf_add(&prefix, "/");
		text += len + (text[len] == '/');
	}
	*out = buf_detach(&prefix);
	return true;
}

static bool parse_url(struct s3_place *p, const char *url, struct err *e)
{
	if (!s3_is_url(url))
		return bad_url(e, "an S3 URL begins with s3://");
	url += strlen(SCHEME);
	size_t len = strcspn(url, "/");
	if (memchr(url, '?', len) || memchr(url, '#', len))
		return bad_url(e, "the S3 URL holds a query");
	return parse_bucket(&p->bucket, url, len, e) && parse_prefix(&p->prefix, url + len, e);
}

char *s3_setting(const char *value, const char *env1, const char *env2, const char *profile, const char *name)
{
	const char *names[] = { env1, env2 };
	char *found;

	if (value && *value)
		return xstrdup(value);
	for (size_t i = 0; i < 2; i++) {
		const char *text = names[i] ? getenv(names[i]) : NULL;

		if (text && *text)
			return xstrdup(text);
	}
	found = s3_profile_setting(profile, name);
	if (found && !*found) {
		free(found);
		found = NULL;
	}
	return found;
}

static bool bad_endpoint(struct err *e, const char *what)
{
	err_set(e, ERR_USAGE, "the S3 endpoint %s", what);
	return err_hint(
	        e, "write it like https://s3.example.com or http://127.0.0.1:7480 (--s3-endpoint, AWS_ENDPOINT_URL)");
}

/* Is host[0..len) a name or address, "[...]" for IPv6, with a port or without (0)? *name_len: without the port. */
static bool check_host(size_t *name_len, long *port, const char *host, size_t len)
{
	size_t end = 0;

	*port = 0;
	if (len > 0 && host[0] == '[') {
		while (end < len && host[end] != ']')
			end++;
		if (end++ == len)
			return false;
	} else {
		while (end < len && (isalnum((unsigned char)host[end]) || strchr("-._", host[end])))
			end++;
	}
	*name_len = end;
	if (end == 0 || (end < len && host[end] != ':') || len - end > 6)
		return false;
	if (end == len)
		return true;
	for (size_t i = end + 1; i < len; i++) {
		if (!isdigit((unsigned char)host[i]))
			return false;
		*port = *port * 10 + (host[i] - '0');
	}
	return *port > 0 && *port < 65536;
}

static bool parse_endpoint(struct s3_place *p, const char *url, struct err *e)
{
	const char *rest;
	size_t len, name_len, base_len;
	long port;

	if (strncasecmp(url, "https://", 8) == 0)
		p->tls = true;
	else if (strncasecmp(url, "http://", 7) != 0)
		return bad_endpoint(e, "does not begin with https:// or http://");
	url += p->tls ? 8 : 7;
	len = strcspn(url, "/?#");
	rest = url + len;
	if (memchr(url, '@', len))
		return bad_endpoint(e, "holds a user or a password");
	if (strpbrk(rest, "?#"))
		return bad_endpoint(e, "holds a query");
	if (!check_host(&name_len, &port, url, len))
		return bad_endpoint(e, "has no valid host and port");
	for (base_len = strlen(rest); base_len > 0 && rest[base_len - 1] == '/'; base_len--)
		;
	/* The Host header, which is signed, goes without the scheme's own port, and without zeros before another. */
	if (port == 0 || port == (p->tls ? 443 : 80))
		p->host = strndup(url, name_len);
	else
		p->host = xasprintf("%.*s:%ld", (int)name_len, url, port);
	p->base = strndup(rest, base_len);
	return true;
}

static void set_aws_host(struct s3_place *p)
{
	free(p->host);
	p->host = xasprintf("s3.%s.amazonaws.com%s", p->region, strncmp(p->region, "cn-", 3) == 0 ? ".cn" : "");
}

static bool is_true(const char *env)
{
	const char *text = getenv(env);

	return text && strcasecmp(text, "true") == 0;
}

static bool resolve_endpoint(struct s3_place *p, const struct s3_options *o, struct err *e)
{
	char *url = NULL;
	bool ok = true;

	if (o->endpoint && *o->endpoint)
		url = xstrdup(o->endpoint);
	else if (!is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))
		url = s3_setting(NULL, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", o->profile, "endpoint_url");
	if (url) {
		ok = parse_endpoint(p, url, e);
	} else {
		p->aws = p->tls = true;
		p->base = xstrdup("");
		set_aws_host(p);
	}
	free(url);
	return ok;
}

static bool resolve_region(struct s3_place *p, const struct s3_options *o, struct err *e)
{
	p->region = s3_setting(o->region, "AWS_REGION", "AWS_DEFAULT_REGION", o->profile, "region");
	if (!p->region)
		p->region = xstrdup(DEFAULT_REGION);
	size_t len = strlen(p->region);
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)p->region[i]) && !strchr("-_", p->region[i]))
			len = 0;
	}
	if (len > 0 && len < 64)
		return true;
	err_set(e, ERR_USAGE, "the S3 region is not a word of letters, digits, '-' and '_'");
	return err_hint(e, "set it like eu-central-1 (--s3-region, AWS_REGION)");
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcasecmp(text + len - end_len, end) == 0;
}

/* Can the name be a label of a host name? With dots it can, but no wildcard certificate covers that. */
static bool fits_host(const char *bucket, bool tls)
{
	size_t len = strlen(bucket);

	if (len > BUCKET_DNS_MAX || (tls && strchr(bucket, '.')) || strstr(bucket, "..") || bucket[0] == '.' ||
	        bucket[0] == '-' || bucket[len - 1] == '.' || bucket[len - 1] == '-')
		return false;
	return strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789-.") == len;
}

static bool resolve_addressing(struct s3_place *p, const char *addressing, struct err *e)
{
	bool at_aws = ends_with(p->host, ".amazonaws.com") || ends_with(p->host, ".amazonaws.com.cn");

	if (!addressing || !*addressing || strcmp(addressing, "auto") == 0) {
		p->virtual_host = at_aws && fits_host(p->bucket, p->tls);
		return true;
	}
	if (strcmp(addressing, "path") == 0)
		return true;
	if (strcmp(addressing, "virtual") != 0)
		return err_set(
		        e, ERR_USAGE, "S3 addressing is \"path\", \"virtual\" or \"auto\", not \"%s\"", addressing);
	p->virtual_host = true;
	if (p->host[0] == '[' || p->host[strspn(p->host, "0123456789.:")] == '\0')
		return err_set(e, ERR_USAGE, "virtual addressing needs an endpoint with a name, not an address");
	if (!fits_host(p->bucket, false))
		return err_set(e, ERR_USAGE, "bucket name \"%s\" cannot be part of a host name: use path addressing",
		        p->bucket);
	return true;
}

bool s3_place_resolve(struct s3_place *out, const char *url, const struct s3_options *o, struct err *e)
{
	struct s3_place p = { 0 };

	if (parse_url(&p, url, e) && resolve_region(&p, o, e) && resolve_endpoint(&p, o, e) &&
	        resolve_addressing(&p, o->addressing, e)) {
		*out = p;
		return true;
	}
	s3_place_release(&p);
	return false;
}

void s3_place_release(struct s3_place *p)
{
	free(p->bucket);
	free(p->prefix);
	free(p->host);
	free(p->base);
	free(p->region);
	*p = (struct s3_place){ 0 };
}

void s3_place_move(struct s3_place *p, const char *region)
{
	free(p->region);
	p->region = xstrdup(region);
	if (p->aws)
		set_aws_host(p);
}

void s3_place_target(struct buf *host, struct buf *path, const struct s3_place *p, const char *key)
{
	buf_clear(host);
	buf_clear(path);
	buf_addf(host, "%s%s%s", p->virtual_host ? p->bucket : "", p->virtual_host ? "." : "", p->host);
	buf_add(path, p->base);
	if (!p->virtual_host)
		buf_addf(path, "/%s", p->bucket);
	if (key)
		buf_addf(path, "/%s%s", p->prefix, key);
	else if (p->virtual_host)
		buf_add(path, "/");
}
