/* storage/backend/s3_sign.c - see s3_sign.h */
#include "storage/backend/s3_sign.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALGORITHM     "AWS4-HMAC-SHA256"
#define TERMINATOR    "aws4_request"
#define AMZ_DATE_SIZE 24
/* Room from the start, so that growing leaves no copy of a token behind; tokens have some 1500 bytes. */
#define ROOM 8192

/* A header or query parameter as it is signed. */
struct pair {
	char *name, *value;
};

struct pairs {
	struct pair *items;
	size_t count;
};

static void encode(struct buf *out, const char *text, bool keep_slash)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
		             c == '.' || c == '_' || c == '~' || (c == '/' && keep_slash);

		if (plain)
			buf_addn(out, text, 1);
		else
			buf_addn(out, (const char[3]){ '%', digits[c >> 4], digits[c & 15] }, 3);
	}
}

static char *encoded(const char *text)
{
	struct buf out = BUF_INIT;

	encode(&out, text, false);
	return buf_detach(&out);
}

/* By name, then value: not as "name=value", where "a=" would come behind "a-b=". */
static int compare(const void *left, const void *right)
{
	const struct pair *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	return order ? order : strcmp(a->value, b->value);
}

static void pairs_sort(struct pairs *p)
{
	if (p->count > 1)
		qsort(p->items, p->count, sizeof(p->items[0]), compare);
}

static void pairs_release(struct pairs *p)
{
	for (size_t i = 0; i < p->count; i++) {
		OPENSSL_cleanse(p->items[i].value, strlen(p->items[i].value));
		free(p->items[i].name);
		free(p->items[i].value);
	}
	free(p->items);
}

static void wipe(struct buf *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->cap);
	buf_release(b);
}

static void add_query(struct buf *out, const struct s3_query *query, size_t count)
{
	struct pairs sorted = { .items = xcalloc(count + 1, sizeof(struct pair)), .count = count };

	for (size_t i = 0; i < count; i++)
		sorted.items[i] = (struct pair){ encoded(query[i].name), encoded(query[i].value) };
	pairs_sort(&sorted);
	for (size_t i = 0; i < count; i++)
		buf_addf(out, "%s%s=%s", i ? "&" : "", sorted.items[i].name, sorted.items[i].value);
	pairs_release(&sorted);
}

static void add_path(struct buf *out, const char *path)
{
	if (*path != '/')
		buf_add(out, "/");
	encode(out, path, true);
}

void s3_encode_target(struct buf *out, const char *path, const struct s3_query *query, size_t query_count)
{
	buf_clear(out);
	add_path(out, path);
	if (query_count > 0) {
		buf_add(out, "?");
		add_query(out, query, query_count);
	}
}

static char *lower(const char *name, size_t len)
{
	char *out = xmalloc(len + 1);

	for (size_t i = 0; i < len; i++)
		out[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
	out[len] = '\0';
	return out;
}

/* Without blanks at both ends, runs of blanks within as one. */
static char *trimmed(const char *value)
{
	char *out = xmalloc(strlen(value) + 1), *end = out;

	for (; *value; value++) {
		bool blank = *value == ' ' || *value == '\t';

		if (!blank)
			*end++ = *value;
		else if (end > out && end[-1] != ' ')
			*end++ = ' ';
	}
	if (end > out && end[-1] == ' ')
		end--;
	*end = '\0';
	return out;
}

static void add_header(struct pairs *p, const char *name, size_t name_len, const char *value)
{
	assert(!strpbrk(value, "\r\n")); /* would be two headers */
	p->items[p->count++] = (struct pair){ lower(name, name_len), trimmed(value) };
}

static void amz_date(char out[AMZ_DATE_SIZE], int64_t now_us)
{
	time_t seconds = (time_t)(now_us / 1000000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(out, AMZ_DATE_SIZE, "%Y%m%dT%H%M%SZ", &tm);
}

/* S3 alone wants the payload hash as a header; the other services know it from the canonical request. */
static bool names_payload(const struct s3_sign_input *in)
{
	return strcmp(in->service, "s3") == 0;
}

static struct pairs headers_to_sign(const struct s3_sign_input *in)
{
	struct pairs p = { 0 };
	char date[AMZ_DATE_SIZE];
	size_t given = 0;

	while (in->headers && in->headers[given])
		given++;
	p.items = xcalloc(given + 4, sizeof(struct pair));
	for (size_t i = 0; i < given; i++) {
		const char *colon = strchr(in->headers[i], ':');

		assert(colon);
		add_header(&p, in->headers[i], (size_t)(colon - in->headers[i]), colon + 1);
	}
	amz_date(date, in->now_us);
	add_header(&p, "host", 4, in->host);
	add_header(&p, "x-amz-date", 10, date);
	if (names_payload(in))
		add_header(&p, "x-amz-content-sha256", 20, in->payload_sha256);
	if (in->session_token)
		add_header(&p, "x-amz-security-token", 20, in->session_token);
	pairs_sort(&p);
	return p;
}

static void add_names(struct buf *out, const struct pairs *headers)
{
	for (size_t i = 0; i < headers->count; i++)
		buf_addf(out, "%s%s", i ? ";" : "", headers->items[i].name);
}

void s3_canonical_request(struct buf *out, const struct s3_sign_input *in)
{
	struct pairs headers = headers_to_sign(in);

	buf_clear(out);
	buf_addf(out, "%s\n", in->method);
	add_path(out, in->path);
	buf_add(out, "\n");
	add_query(out, in->query, in->query_count);
	buf_add(out, "\n");
	for (size_t i = 0; i < headers.count; i++)
		buf_addf(out, "%s:%s\n", headers.items[i].name, headers.items[i].value);
	buf_add(out, "\n");
	add_names(out, &headers);
	buf_addf(out, "\n%s", in->payload_sha256);
	pairs_release(&headers);
}

static void add_scope(struct buf *out, const struct s3_sign_input *in, const char *date)
{
	buf_addf(out, "%.8s/%s/%s/%s", date, in->region, in->service, TERMINATOR);
}

void s3_string_to_sign(struct buf *out, const struct s3_sign_input *in)
{
	struct buf request = BUF_INIT;
	char date[AMZ_DATE_SIZE], hex[SHA256_HEX_SIZE];
	struct err e = ERR_INIT;

	(void)buf_reserve(&request, ROOM, &e);
	s3_canonical_request(&request, in);
	hash_sha256_hex(hex, buf_view(&request));
	wipe(&request);
	amz_date(date, in->now_us);
	buf_clear(out);
	buf_addf(out, "%s\n%s\n", ALGORITHM, date);
	add_scope(out, in, date);
	buf_addf(out, "\n%s", hex);
}

/* The key of a day, region and service: each step's HMAC is the key of the next. */
static void signing_key(uint8_t key[SHA256_SIZE], const struct s3_sign_input *in, const char *date)
{
	struct buf first = BUF_INIT;
	struct view step = { key, SHA256_SIZE };
	struct err e = ERR_INIT;

	(void)buf_reserve(&first, strlen(in->secret_key) + 4, &e);
	buf_addf(&first, "AWS4%s", in->secret_key);
	hash_hmac_sha256(key, buf_view(&first), (struct view){ (const uint8_t *)date, 8 });
	hash_hmac_sha256(key, step, view_str(in->region));
	hash_hmac_sha256(key, step, view_str(in->service));
	hash_hmac_sha256(key, step, view_str(TERMINATOR));
	wipe(&first);
}

static void add_signature(struct buf *out, const struct s3_sign_input *in, const char *date)
{
	struct buf text = BUF_INIT;
	uint8_t key[SHA256_SIZE], sum[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];

	s3_string_to_sign(&text, in);
	signing_key(key, in, date);
	hash_hmac_sha256(sum, (struct view){ key, sizeof(key) }, buf_view(&text));
	hash_hex(hex, sum, sizeof(sum));
	buf_add(out, hex);
	OPENSSL_cleanse(key, sizeof(key));
	buf_release(&text);
}

void s3_sign(struct buf *out, const struct s3_sign_input *in)
{
	struct pairs headers = headers_to_sign(in);
	char date[AMZ_DATE_SIZE];
	struct err e = ERR_INIT;

	amz_date(date, in->now_us);
	buf_clear(out);
	(void)buf_reserve(out, ROOM, &e);
	for (const char *const *header = in->headers; header && *header; header++)
		buf_addf(out, "%s\n", *header);
	buf_addf(out, "x-amz-date: %s\n", date);
	if (names_payload(in))
		buf_addf(out, "x-amz-content-sha256: %s\n", in->payload_sha256);
	if (in->session_token)
		buf_addf(out, "x-amz-security-token: %s\n", in->session_token);
	buf_addf(out, "Authorization: %s Credential=%s/", ALGORITHM, in->access_key);
	add_scope(out, in, date);
	buf_add(out, ", SignedHeaders=");
	add_names(out, &headers);
	buf_add(out, ", Signature=");
	add_signature(out, in, date);
	buf_add(out, "\n");
	pairs_release(&headers);
}
