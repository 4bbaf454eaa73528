/*
 * storage/backend/http_transfer.h - one request on its way through libcurl; shared by the files of http.h alone
 */
#ifndef DRTOOL_STORAGE_BACKEND_HTTP_TRANSFER_H
#define DRTOOL_STORAGE_BACKEND_HTTP_TRANSFER_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdint.h>

#include "storage/backend/http.h"

/*
 * Larger uploads go over HTTP/1.1: sent as frames of one HTTP/2 connection, 4 MiB objects took five times the processor
 * time and arrived at half the speed (libcurl 7.88).
 */
#define HTTP_LARGE_BODY ((size_t)64 << 10)

enum http_ending {
	HTTP_ENDED,     /* by libcurl, with code */
	HTTP_STALLED,   /* not a byte for too long */
	HTTP_CANCELLED, /* the client's cancel has tripped */
};

/* On the stack of the caller, who waits for done; in between it belongs to its lane's thread. */
struct http_transfer {
	CURL *easy;
	const struct http_request *request;
	struct http_response *out;
	struct curl_slist *headers;
	size_t taken; /* bytes of the body libcurl has taken */
	bool body_too_long, headers_too_long;
	char message[CURL_ERROR_SIZE];

	curl_off_t moved;             /* bytes either way when last looked at */
	int64_t started_us, moved_us; /* monotonic: handed over; when moved last grew */
	struct http_transfer *next;   /* in its lane's list of those to start, or under way */
	enum http_ending ending;
	CURLcode code;
	bool done; /* guarded by its lane's mutex, as cond */
	pthread_cond_t cond;
};

/* Set every option for the request on t->easy, which is new or reset. */
void http_transfer_prepare(struct http_transfer *t, const struct http_options *o);
/* Look at how far it is: false when nothing has moved for stall_ms. */
bool http_transfer_moves(struct http_transfer *t, unsigned stall_ms, int64_t now_us);
/* After the end: fill out->status and sent, or say what went wrong. */
bool http_transfer_outcome(struct http_transfer *t, const struct http_options *o, struct err *e);

#endif
