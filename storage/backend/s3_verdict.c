/* What an answer of the store means for the request: done with, to be put right and sent again, or to be sent later. */
#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/observer.h"
#include "storage/backend/s3_request.h"

#define SKEW_US        (5 * 60 * (int64_t)1000000) /* stores allow 15 minutes; a 403 with more than this is worth a try */
#define DOUBT_EVERY_US (5 * 60 * (int64_t)1000000)
#define GARBLED_MAX    2 /* whatever changes the bytes three times will go on doing so */

static bool one_of(const char *code, const char *const *codes)
{
	while (*codes && strcmp(*codes, code) != 0)
		codes++;
	return *codes;
}

/* By its error document, else by the Date of its answer. */
bool s3_clock_ahead(int64_t *ahead_us, const struct s3_reply *reply)
{
	char date[64];
	time_t seconds;

	if (reply->error.server_time_us) {
		*ahead_us = clock_utc_us() - reply->error.server_time_us;
		return true;
	}
	if (!http_response_header(date, sizeof(date), &reply->http, "date"))
		return false;
	seconds = curl_getdate(date, NULL);
	*ahead_us = clock_utc_us() - (int64_t)seconds * 1000000;
	return seconds > 0;
}

static bool is_skewed(const struct s3_try *t, const struct s3_reply *reply, int64_t ahead_us)
{
	static const char *const codes[] = { "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture", NULL };
	int64_t off = llabs(ahead_us - t->clock_ahead_us);

	return one_of(reply->error.code, codes) || (reply->http.status == 403 && off > SKEW_US);
}

static bool correct_clock(struct s3_try *t, struct s3_client *c, const struct s3_reply *reply)
{
	int64_t ahead_us;

	if (t->clock_tried || reply->http.status < 400 || !s3_clock_ahead(&ahead_us, reply) ||
	        !is_skewed(t, reply, ahead_us))
		return false;
	t->clock_tried = true;
	atomic_store(&c->clock_ahead_us, ahead_us);
	if (!atomic_exchange(&c->clock_corrected, true))
		observer_note(c->observer, NOTE_WARN,
		        "this machine's clock is %lld s %s the store's: requests go by the store's clock",
		        (long long)(llabs(ahead_us) / 1000000), ahead_us > 0 ? "ahead of" : "behind");
	return true;
}

/*
 * Ceph's answer to a session token that has expired, but mostly it is just no permission: other keys are asked for once
 * in a while, and whoever was refused with the same old ones meanwhile gets them, too.
 */
static bool is_doubtful(const struct s3_try *t, struct s3_client *c, const struct s3_reply *reply)
{
	int64_t now = clock_monotonic_us();
	bool doubtful;

	if (!t->has_token || reply->http.status != 403 || strcmp(reply->error.code, "AccessDenied") != 0)
		return false;
	pthread_mutex_lock(&c->mutex);
	doubtful = t->generation == c->doubted_generation;
	if (!doubtful && (c->doubted_us == 0 || now - c->doubted_us > DOUBT_EVERY_US)) {
		c->doubted_generation = t->generation;
		c->doubted_us = now;
		doubtful = true;
	}
	pthread_mutex_unlock(&c->mutex);
	return doubtful;
}

static bool other_keys(struct s3_try *t, struct s3_client *c, const struct s3_reply *reply)
{
	static const char *const codes[] = { "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
		"ExpiredTokenException", "InvalidAccessKeyId", NULL };

	if (t->keys_tried || !(one_of(reply->error.code, codes) || is_doubtful(t, c, reply)))
		return false;
	t->keys_tried = true;
	return s3_credentials_refused(c->credentials, t->generation);
}

/* It becomes part of a host name and of what is signed. */
static bool is_region(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)text[i]) && !strchr("-_", text[i]))
			return false;
	}
	return len > 0 && len < 64;
}

static bool other_region(struct s3_try *t, struct s3_client *c, const struct s3_reply *reply)
{
	static const char *const codes[] = { "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect",
		"IllegalLocationConstraintException", "IncorrectEndpoint", "Redirect", NULL };
	int status = reply->http.status;
	const char *region = reply->error.region;
	bool again = false, moved = false;

	if (t->region_tried || !(one_of(reply->error.code, codes) || status == 301 || status == 307 || status == 308))
		return false;
	t->region_tried = true;
	pthread_mutex_lock(&c->mutex);
	if (strcmp(c->place.region, t->region) != 0) {
		again = true; /* another thread has put it right meanwhile */
	} else if (!c->corrected && is_region(region) && strcmp(region, t->region) != 0) {
		s3_place_move(&c->place, region);
		c->corrected = again = moved = true;
	}
	pthread_mutex_unlock(&c->mutex);
	if (moved)
		observer_note(c->observer, NOTE_INFO, "the bucket is in region %s, not %s: set it to save a request",
		        region, t->region);
	return again;
}

static bool is_broken(const struct s3_reply *reply)
{
	static const char *const codes[] = { "InternalError", "InternalFailure", "RequestTimeout", "OperationAborted",
		"IncompleteBody", NULL };
	int status = reply->http.status;

	return one_of(reply->error.code, codes) || status == 500 || status == 502 || status == 504 || status == 408 ||
	       (status >= 520 && status <= 530); /* Cloudflare, when it does not get through to the store behind it */
}

/* The bytes that came are not those of the checksum: changed on the way, or our memory is bad. */
static bool is_garbled(struct s3_try *t, const struct s3_reply *reply)
{
	static const char *const codes[] = { "XAmzContentSHA256Mismatch", "BadDigest", NULL };

	return one_of(reply->error.code, codes) && t->garbled++ < GARBLED_MAX;
}

static bool can_succeed_later(struct s3_try *t, const struct s3_reply *reply)
{
	static const char *const throttling[] = { "SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable",
		"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestLimitExceeded",
		"TooManyRequests", "BandwidthLimitExceeded", "Busy", NULL };
	int status = reply->http.status;

	t->kind = RETRY_BROKEN;
	if (one_of(reply->error.code, throttling) || status == 429 || status == 503)
		t->kind = RETRY_THROTTLED;
	else if (status >= 200 && status < 300)
		return reply->error.code[0];
	else
		return is_broken(reply) || is_garbled(t, reply);
	return true;
}

static unsigned asked_ms(const struct s3_reply *reply)
{
	char text[32], *end;
	long seconds;

	if (!http_response_header(text, sizeof(text), &reply->http, "retry-after"))
		return 0;
	seconds = strtol(text, &end, 10);
	return *end || seconds < 0 ? 0 : seconds > 3600 ? 3600000 : (unsigned)seconds * 1000;
}

enum s3_verdict s3_verdict(struct s3_try *t, struct s3_client *c, const struct s3_reply *reply)
{
	if (correct_clock(t, c, reply) || other_keys(t, c, reply) || other_region(t, c, reply))
		return S3_AGAIN;
	if (can_succeed_later(t, reply)) {
		t->asked_ms = asked_ms(reply);
		return S3_LATER;
	}
	return S3_FINAL;
}
