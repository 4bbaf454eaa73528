/* What every source does with keys: checking, reading them from JSON and files, wiping them. */
#include <curl/curl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/file.h"
#include "storage/backend/s3_credentials_internal.h"
#include "storage/backend/s3_time.h"

#define KEY_MAX       1024
#define SMALL_SKEW_US (30 * INT64_C(1000000))

void s3_wipe(char *secret)
{
	if (secret)
		OPENSSL_cleanse(secret, strlen(secret));
	free(secret);
}

void s3_wipe_buf(struct buf *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->cap);
	buf_release(b);
}

void s3_wipe_body(struct http_response *r)
{
	s3_wipe_buf(&r->body);
	http_response_release(r);
}

void s3_keys_release(struct s3_keys *k)
{
	s3_wipe(k->access_key);
	s3_wipe(k->secret_key);
	s3_wipe(k->session_token);
	*k = (struct s3_keys){ 0 };
}

void s3_provided_release(struct s3_provided *p)
{
	s3_keys_release(&p->keys);
	free(p->source);
	p->source = NULL;
}

enum s3_found s3_absent(struct s3_provided *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out->why, sizeof(out->why), fmt, ap);
	va_end(ap);
	return S3_ABSENT;
}

/* Printable ASCII without blanks is all that a key or token is made of, and what a header can carry. */
static bool check_part(const char *name, const char *value, size_t max, struct err *e)
{
	size_t len = value ? strlen(value) : 0;

	if (len == 0)
		return err_set(e, ERR_FAILED, "there is no %s", name);
	if (len > max)
		return err_set(e, ERR_FAILED, "the %s has more than %zu characters", name, max);
	for (size_t i = 0; i < len; i++) {
		if (value[i] <= ' ' || value[i] == 0x7f)
			return err_set(e, ERR_FAILED, "the %s holds a character that no key has", name);
	}
	return true;
}

bool s3_keys_set(struct s3_keys *out, const char *access_key, const char *secret_key, const char *token,
        const char *expires, struct err *e)
{
	int64_t expires_us = 0;
	bool has_token = token && *token;

	if (!check_part("access key", access_key, KEY_MAX, e) || !check_part("secret key", secret_key, KEY_MAX, e) ||
	        (has_token && !check_part("session token", token, S3_TOKEN_MAX, e)))
		return false;
	if (expires && *expires && !s3_time_parse(&expires_us, expires))
		return err_set(e, ERR_FAILED, "the time at which the keys expire is not one");
	*out = (struct s3_keys){ .access_key = xstrdup(access_key),
		.secret_key = xstrdup(secret_key),
		.session_token = has_token ? xstrdup(token) : NULL,
		.expires_us = expires_us };
	return true;
}

bool s3_token_file(char **out, const char *path, struct err *e)
{
	struct buf text = BUF_INIT_MAX(S3_TOKEN_MAX);
	char *start, *end;
	bool ok = false;

	(void)buf_reserve(&text, S3_TOKEN_MAX, e);
	if (!file_read(&text, path, e)) {
		e->kind = ERR_USAGE;
		goto done;
	}
	start = (char *)text.data + strspn((char *)text.data, " \t\r\n");
	for (end = start + strlen(start); end > start && strchr(" \t\r\n", end[-1]);)
		*--end = '\0';
	if (!check_part("token", start, S3_TOKEN_MAX, e)) {
		e->kind = ERR_USAGE;
		err_wrap(e, "file \"%s\"", path);
		goto done;
	}
	*out = xstrdup(start);
	ok = true;
done:
	s3_wipe_buf(&text);
	return ok;
}

/* --- JSON --- */

static const char *member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* jansson frees without wiping. Only the members of the outer object are secrets. */
static void wipe_json(json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		if (json_is_string(value))
			OPENSSL_cleanse((char *)json_string_value(value), json_string_length(value));
	}
	json_decref(object);
}

/* Its Code, when it has one that is no success: a word, such as "AssumeRoleUnauthorizedAccess". */
static bool refused(const json_t *object, struct err *e)
{
	const char *code = member(object, "Code");
	bool word = *code && strlen(code) < 64 &&
	            code[strspn(code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';

	if (!*code || strcmp(code, "Success") == 0)
		return false;
	err_set(e, ERR_FAILED, "it answers %s%s%s", word ? "\"" : "", word ? code : "with an error", word ? "\"" : "");
	return true;
}

bool s3_keys_from_json(struct s3_keys *out, struct view text, const char *token_name, int version, struct err *e)
{
	json_error_t where;
	json_t *object = json_loadb(text.data ? (const char *)text.data : "", text.len, JSON_REJECT_DUPLICATES, &where);
	bool ok = false;

	/* where.text would quote what it stumbled over */
	if (!object)
		return err_set(e, ERR_FAILED, "not JSON (line %d)", where.line);
	if (!json_is_object(object))
		err_set(e, ERR_FAILED, "the JSON is no object");
	else if (version && json_integer_value(json_object_get(object, "Version")) != version)
		err_set(e, ERR_FAILED, "the JSON does not say \"Version\": %d", version);
	else if (!refused(object, e))
		ok = s3_keys_set(out, member(object, "AccessKeyId"), member(object, "SecretAccessKey"),
		        member(object, token_name), member(object, "Expiration"), e);
	wipe_json(object);
	return ok;
}

/* --- asking --- */

bool s3_ask(struct http_response *out, struct http_client *http, const struct http_request *r, unsigned tries,
        struct err *e)
{
	unsigned wait_ms = 100;

	for (unsigned n = 1;; n++, wait_ms *= 3) {
		struct err why = ERR_INIT;
		bool answered = http_perform(out, http, r, &why);
		bool again = answered ? out->status == 429 || out->status >= 500 : why.kind == ERR_TRANSIENT;

		if (!again || n >= tries) {
			if (!answered)
				*e = why;
			return answered;
		}
		(void)cancel_sleep(NULL, wait_ms, e);
	}
}

int64_t s3_answer_ahead_us(const struct http_response *answer)
{
	char date[64];
	time_t seconds;
	int64_t ahead_us;

	if (!http_response_header(date, sizeof(date), answer, "date"))
		return 0;
	seconds = curl_getdate(date, NULL);
	ahead_us = clock_utc_us() - (int64_t)seconds * 1000000;
	return seconds <= 0 || llabs(ahead_us) < SMALL_SKEW_US ? 0 : ahead_us;
}

void s3_keys_by_our_clock(struct s3_keys *k, const struct http_response *answer)
{
	if (k->expires_us)
		k->expires_us += s3_answer_ahead_us(answer);
}

bool s3_keys_from_answer(struct s3_keys *out, const struct http_response *answer, struct err *e)
{
	if (!s3_keys_from_json(out, buf_view(&answer->body), "Token", 0, e))
		return false;
	s3_keys_by_our_clock(out, answer);
	return true;
}
