/*
 * storage/backend/s3_request.h - one signed request to the store, sent again while that may help
 *
 * Shared by the files of s3.h alone. A client is safe from several threads.
 */
#ifndef DRTOOL_STORAGE_BACKEND_S3_REQUEST_H
#define DRTOOL_STORAGE_BACKEND_S3_REQUEST_H

#include <pthread.h>
#include <stdatomic.h>

#include "storage/backend/retry.h"
#include "storage/backend/s3_credentials.h"
#include "storage/backend/s3_sign.h"
#include "storage/backend/s3_url.h"
#include "storage/backend/s3_xml.h"

/* What a store makes of "If-None-Match: *". */
enum s3_condition { S3_CONDITION_UNKNOWN, S3_CONDITION_KNOWN, S3_CONDITION_REFUSED };

struct s3_client {
	struct http_client *http;
	struct s3_credentials *credentials;
	struct retry_policy policy;
	const struct cancel *cancel;
	struct observer *observer; /* NULL for none */
	unsigned in_flight;

	pthread_mutex_t mutex; /* guards region and host of place, and what follows until the empty line */
	struct s3_place place;
	bool corrected;              /* the region, by what the store said */
	int64_t noted_us;            /* when trouble was last told */
	uint64_t doubted_generation; /* keys that were denied access, and may only have expired */
	int64_t doubted_us;

	/* Learnt from answers. */
	atomic_bool answered;                /* it has, once */
	atomic_bool list_v1;                 /* it knows only the first version of listing */
	atomic_bool clock_corrected;         /* requests go by the store's clock */
	atomic_int_least64_t clock_ahead_us; /* of ours against the store's */
	atomic_int condition;                /* enum s3_condition */
	atomic_bool wants_md5;               /* it takes no object without (object lock) */
};

bool s3_client_new(struct s3_client **out, const char *url, const struct s3_options *o, struct err *e);
void s3_client_free(struct s3_client *c); /* NULL is fine */

struct s3_request {
	enum http_method method;
	const char *key; /* below the prefix; NULL: the bucket */
	const struct s3_query *query;
	size_t query_count;
	const char *const *headers; /* to send and sign; NULL for none */
	struct view body;
	const char *doing;      /* "put", for messages */
	const char *permission; /* "s3:PutObject": what it needs, for messages */
	unsigned grace_ms;      /* may go on after a cancel for so long, in one try */
};

struct s3_reply {
	struct http_response http;
	struct s3_error_document error; /* code "" when there is none; with what headers say; fit to be shown */
	bool unsure; /* an earlier try had no answer, or none that says what it did: it may have taken effect */
};
#define S3_REPLY_INIT_MAX(m)                      \
	{                                         \
		.http = HTTP_RESPONSE_INIT_MAX(m) \
	}

/*
 * True: the store has answered, and asking again would change nothing: look at http.status and error. False: there is
 * no such answer; e names the operation, host and cause.
 */
bool s3_request_send(struct s3_reply *out, struct s3_client *c, const struct s3_request *r, struct err *e);
/* As s3_request_send(), and every status but 2xx is an error. */
bool s3_request_do(struct s3_reply *out, struct s3_client *c, const struct s3_request *r, struct err *e);
void s3_reply_release(struct s3_reply *r);

/* The error for an answer that is not what was wanted (s3_error.c); always false. */
bool s3_error_set(struct err *e, struct s3_client *c, const struct s3_request *r, const struct s3_reply *reply);
/* Put 'put "locks/a" in bucket "b"' before what is there; always false. */
bool s3_error_wrap(struct err *e, struct s3_client *c, const struct s3_request *r);

/* What to do about an answer (s3_verdict.c). */
enum s3_verdict {
	S3_FINAL, /* asking again would change nothing */
	S3_AGAIN, /* something was put right: at once */
	S3_LATER, /* after a while */
};
/* How far our clock is ahead of the store's, by this answer; false when it does not tell. */
bool s3_clock_ahead(int64_t *ahead_us, const struct s3_reply *reply);
struct s3_try {
	char region[64];                            /* the request was signed for */
	int64_t clock_ahead_us;                     /* it was signed with */
	uint64_t generation;                        /* of the keys */
	bool has_token;                             /* they are temporary */
	enum retry_kind kind;                       /* of S3_LATER */
	unsigned asked_ms;                          /* Retry-After */
	unsigned garbled;                           /* tries whose bytes changed on the way */
	bool region_tried, clock_tried, keys_tried; /* each correction is tried once in a request */
};
enum s3_verdict s3_verdict(struct s3_try *t, struct s3_client *c, const struct s3_reply *reply);

#endif
