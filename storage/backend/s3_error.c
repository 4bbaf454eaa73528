/* What an answer of the store means for the person at the other end: one line and a hint each. */
#include <stdlib.h>
#include <string.h>

#include "storage/backend/s3_request.h"

enum hint {
	HINT_NONE,
	HINT_SECRET,
	HINT_KEY,
	HINT_CREDENTIAL,
	HINT_EXPIRED,
	HINT_BUCKET,
	HINT_PERMISSION,
	HINT_CLOCK,
	HINT_REGION,
	HINT_ENDPOINT,
	HINT_ROOM,
	HINT_LATER,
	HINT_PROXY,
	HINT_GARBLED,
	HINT_LOCKED,
};

/* By code where the store gives one, else by status. */
static const struct meaning {
	const char *code; /* "": any */
	int status;       /* 0: any */
	enum err_kind kind;
	const char *text;
	enum hint hint;
} meanings[] = {
	{ "SignatureDoesNotMatch", 0, ERR_USAGE, "the secret key is not the one of this access key", HINT_SECRET },
	{ "InvalidAccessKeyId", 0, ERR_USAGE, "the store does not know the access key", HINT_KEY },
	{ "ExpiredToken", 0, ERR_USAGE, "the session token has expired", HINT_EXPIRED },
	{ "ExpiredTokenException", 0, ERR_USAGE, "the session token has expired", HINT_EXPIRED },
	{ "TokenRefreshRequired", 0, ERR_USAGE, "the session token has expired", HINT_EXPIRED },
	{ "InvalidToken", 0, ERR_USAGE, "the session token is not valid", HINT_EXPIRED },
	{ "RequestTimeTooSkewed", 0, ERR_FAILED, "this machine's clock is off", HINT_CLOCK },
	{ "NoSuchBucket", 0, ERR_USAGE, "there is no such bucket", HINT_BUCKET },
	{ "InvalidBucketName", 0, ERR_USAGE, "the store allows no such bucket name", HINT_BUCKET },
	{ "NoSuchKey", 0, ERR_NOT_FOUND, "there is no such object", HINT_NONE },
	{ "AuthorizationHeaderMalformed", 0, ERR_USAGE, "the store can make nothing of the access key",
	        HINT_CREDENTIAL },
	{ "PermanentRedirect", 0, ERR_USAGE, "the bucket is in another region or at another endpoint", HINT_REGION },
	{ "TemporaryRedirect", 0, ERR_USAGE, "the bucket is in another region or at another endpoint", HINT_REGION },
	{ "AccessDenied", 0, ERR_FAILED, "access denied", HINT_PERMISSION },
	{ "AllAccessDisabled", 0, ERR_FAILED, "access denied", HINT_PERMISSION },
	{ "AccountProblem", 0, ERR_FAILED, "the store has closed this account", HINT_NONE },
	{ "ObjectLocked", 0, ERR_FAILED, "the object is locked", HINT_LOCKED },
	{ "QuotaExceeded", 0, ERR_FAILED, "the quota is used up", HINT_ROOM },
	{ "EntityTooLarge", 0, ERR_FAILED, "the object is too large for the store", HINT_NONE },
	{ "XAmzContentSHA256Mismatch", 0, ERR_FAILED, "other bytes have arrived than were sent", HINT_GARBLED },
	{ "BadDigest", 0, ERR_FAILED, "other bytes have arrived than were sent", HINT_GARBLED },
	{ "SlowDown", 0, ERR_TRANSIENT, "the store wants fewer requests", HINT_LATER },
	{ "", 301, ERR_USAGE, "the bucket is in another region or at another endpoint", HINT_REGION },
	{ "", 307, ERR_USAGE, "the bucket is in another region or at another endpoint", HINT_REGION },
	{ "", 308, ERR_USAGE, "the bucket is in another region or at another endpoint", HINT_REGION },
	{ "", 401, ERR_USAGE, "the store does not accept the keys", HINT_KEY },
	{ "", 403, ERR_FAILED, "access denied", HINT_PERMISSION },
	{ "", 404, ERR_FAILED, "nothing there", HINT_ENDPOINT },
	{ "", 405, ERR_FAILED, "the store does not do that", HINT_ENDPOINT },
	{ "", 407, ERR_FAILED, "a proxy on the way wants a user and a password", HINT_PROXY },
	{ "", 429, ERR_TRANSIENT, "the store wants fewer requests", HINT_LATER },
	{ "", 500, ERR_TRANSIENT, "the store has failed", HINT_LATER },
	{ "", 502, ERR_TRANSIENT, "the gateway cannot reach the store", HINT_LATER },
	{ "", 503, ERR_TRANSIENT, "the store is not available", HINT_LATER },
	{ "", 504, ERR_TRANSIENT, "the gateway gets no answer from the store", HINT_LATER },
	{ "", 507, ERR_FAILED, "the store is full", HINT_ROOM },
	{ "", 0, ERR_FAILED, "the store refuses", HINT_NONE },
};

/* The same code stands for a malformed access key and for a wrong region, which is then named. */
static const struct meaning elsewhere = {
	"AuthorizationHeaderMalformed",
	0,
	ERR_USAGE,
	"the bucket is in another region",
	HINT_REGION,
};

static bool is_elsewhere(struct s3_client *c, const struct s3_reply *reply)
{
	bool other;

	pthread_mutex_lock(&c->mutex);
	other = reply->error.region[0] && strcmp(reply->error.region, c->place.region) != 0;
	pthread_mutex_unlock(&c->mutex);
	return other && strcmp(reply->error.code, elsewhere.code) == 0;
}

static const struct meaning *find(struct s3_client *c, const struct s3_reply *reply)
{
	const struct meaning *m = meanings;
	int status = reply->http.status;

	if (status >= 520 && status <= 530) /* Cloudflare's own */
		status = 502;
	if (is_elsewhere(c, reply))
		return &elsewhere;
	for (;; m++) {
		bool code = m->code[0] ? strcmp(m->code, reply->error.code) == 0 : true;

		if (code && (m->status == 0 || m->status == status))
			return m;
	}
}

static void hint_permission(struct err *e, struct s3_client *c, const struct s3_request *r)
{
	const char *also = "";

	/* Without the right to list, a store answers 403 for an object that is not there, too. */
	if (r->method == HTTP_GET && r->key)
		also = " (and s3:ListBucket, without which a missing object looks like this)";
	else if (r->method == HTTP_DELETE)
		also = "; or the bucket has object lock";
	err_hint(e, "the keys (from %.80s) need the permission %s%s", s3_credentials_source(c->credentials),
	        r->permission, also);
}

static void hint_clock(struct err *e, const struct s3_reply *reply)
{
	int64_t ahead;

	if (s3_clock_ahead(&ahead, reply))
		err_hint(e, "set it: it is %lld minutes %s the store's", (long long)(llabs(ahead) / 60000000),
		        ahead > 0 ? "ahead of" : "behind");
	else
		err_hint(e, "set it: more than 15 minutes off, no store accepts a signature");
}

static void hint_region(struct err *e, const struct s3_reply *reply)
{
	if (reply->error.region[0])
		err_hint(e, "it is in region \"%s\": --s3-region or AWS_REGION", reply->error.region);
	else
		err_hint(e, "set the bucket's region (--s3-region, AWS_REGION) and its endpoint (--s3-endpoint)");
}

static void set_hint(
        struct err *e, struct s3_client *c, const struct s3_request *r, const struct s3_reply *reply, enum hint hint)
{
	const char *source = s3_credentials_source(c->credentials);

	switch (hint) {
	case HINT_NONE:
		break;
	case HINT_SECRET:
		err_hint(e,
		        "the keys come from %.100s: check the secret key; is a proxy in between that changes requests?",
		        source);
		break;
	case HINT_KEY:
		err_hint(e, "the keys come from %.100s: are they meant for this endpoint?", source);
		break;
	case HINT_CREDENTIAL:
		err_hint(e, "the keys come from %.100s: check the access key, and the region (--s3-region, AWS_REGION)",
		        source);
		break;
	case HINT_EXPIRED:
		err_hint(e, "the keys come from %.100s: get new ones", source);
		break;
	case HINT_BUCKET:
		err_hint(e, "check name and endpoint, or create \"%.100s\" there: drtool creates no buckets",
		        c->place.bucket);
		break;
	case HINT_PERMISSION:
		hint_permission(e, c, r);
		break;
	case HINT_CLOCK:
		hint_clock(e, reply);
		break;
	case HINT_REGION:
		hint_region(e, reply);
		break;
	case HINT_ENDPOINT:
		err_hint(e, "is the endpoint that of an S3 store?");
		break;
	case HINT_ROOM:
		err_hint(e, "remove old snapshots (drtool prune) or have more room given");
		break;
	case HINT_LATER:
		err_hint(e, "see how the store is, and try again");
		break;
	case HINT_PROXY:
		err_hint(e, "check http_proxy in the environment, or name the host in no_proxy if it needs no proxy");
		break;
	case HINT_GARBLED:
		err_hint(e,
		        "see what lies between here and the store (a proxy?), and whether this machine's memory is good");
		break;
	case HINT_LOCKED:
		err_hint(e, "object lock keeps it for a time: nothing to be done but wait");
		break;
	}
}

/* "403 AccessDenied: text, request tx1" */
static void describe(struct buf *out, const struct s3_reply *reply)
{
	buf_addf(out, "%d", reply->http.status);
	if (reply->error.code[0])
		buf_addf(out, " %.60s", reply->error.code);
	if (reply->error.message[0] && strcmp(reply->error.message, reply->error.code) != 0)
		buf_addf(out, ": %.160s", reply->error.message);
	while (out->len > 0 && out->data[out->len - 1] == '.')
		out->data[--out->len] = '\0';
	if (reply->error.request_id[0])
		buf_addf(out, ", request %.64s", reply->error.request_id);
}

bool s3_error_set(struct err *e, struct s3_client *c, const struct s3_request *r, const struct s3_reply *reply)
{
	const struct meaning *m = find(c, reply);
	struct buf answer = BUF_INIT_MAX(1024), host = BUF_INIT_MAX(1024), path = BUF_INIT_MAX(4096);

	describe(&answer, reply);
	pthread_mutex_lock(&c->mutex);
	s3_place_target(&host, &path, &c->place, NULL);
	pthread_mutex_unlock(&c->mutex);
	err_set(e, m->kind, "%s (%s answers %s)", m->text, buf_str(&host), buf_str(&answer));
	e->hint[0] = '\0';
	set_hint(e, c, r, reply, m->hint);
	buf_release(&answer);
	buf_release(&host);
	buf_release(&path);
	return s3_error_wrap(e, c, r);
}

bool s3_error_wrap(struct err *e, struct s3_client *c, const struct s3_request *r)
{
	const char *bucket = c->place.bucket, *prefix = c->place.prefix; /* never change */

	if (e->kind == ERR_CANCELLED)
		return false;
	if (r->key)
		return err_wrap(e, "%s \"s3://%s/%s%s\"", r->doing, bucket, prefix, r->key);
	return err_wrap(e, "%s \"s3://%s/%s\"", r->doing, bucket, prefix);
}
