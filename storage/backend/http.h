/*
 * storage/backend/http.h - HTTP requests over libcurl, many at a time
 *
 * Two threads drive libcurl, one of them the large uploads: connections are kept, reused and shared by all callers,
 * HTTP/2 streams of one host share a connection (but large uploads take HTTP/1.1, which is faster). Callers block in
 * http_perform(), each in its own thread. Proxies as libcurl reads them from the environment (https_proxy, no_proxy).
 * TLS certificates are always checked.
 */
#ifndef DRTOOL_STORAGE_BACKEND_HTTP_H
#define DRTOOL_STORAGE_BACKEND_HTTP_H

#include <stdbool.h>

#include "src/base/buf.h"
#include "src/base/cancel.h"

struct http_client; /* opaque; safe from several threads */

struct http_options {
	const char *ca_file;         /* PEM bundle instead of the system's; NULL for that */
	unsigned connect_ms;         /* to connect, TLS included; 0: 10 s */
	unsigned stall_ms;           /* without a byte either way; 0: 30 s */
	const struct cancel *cancel; /* a trip ends requests within a fraction of a second; NULL for none */
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_PUT, HTTP_POST, HTTP_DELETE };

struct http_request {
	enum http_method method;
	const char *url; /* as it goes on the wire: already encoded, never normalised */
	const char *const
	        *headers;  /* "Name: value", NULL-terminated; NULL for none; libcurl adds Host, Content-Length */
	struct view body;  /* of PUT and POST; the caller keeps it until the call returns */
	unsigned total_ms; /* the whole request, for small ones; 0: only the stall limit */
	bool no_proxy;     /* metadata services of the machine itself are never reached through a proxy */
	unsigned
	        grace_ms; /* how long it may still take once the client's cancel has tripped: what tidies up; 0: none */
};

/* HTTP_RESPONSE_INIT_MAX gives body its ceiling; release with http_response_release(). */
struct http_response {
	int status; /* of the final answer; 1xx are skipped, redirects are not followed */
	struct buf body;
	struct buf headers; /* "name: value\n" with the name in lower case, one after the other, at most 64 KiB */
	bool sent;          /* set after a failure, too: a server may have seen the request, or a part of it */
};
#define HTTP_RESPONSE_INIT_MAX(m)       \
	{                               \
		.body = BUF_INIT_MAX(m) \
	}

bool http_client_new(struct http_client **out, const struct http_options *o, struct err *e);
void http_client_free(struct http_client *c); /* NULL is fine; no request may be under way */
/*
 * True: a whole answer came, whatever its status; a body shorter than announced is a failure. False: ERR_TRANSIENT when
 * the same request may succeed later (refused, reset, cut short, stalled, name not resolved just now), ERR_CANCELLED,
 * else ERR_FAILED (certificate not trusted or for another host, refused by a proxy, body over the ceiling, malformed
 * URL). Messages name host and port, never the query or a header. out is cleared first.
 */
bool http_perform(struct http_response *out, struct http_client *c, const struct http_request *r, struct err *e);
/* The value of a header (name in lower case) into value, "" when there is none; true when there is one. */
bool http_response_header(char *value, size_t size, const struct http_response *r, const char *name);
void http_response_release(struct http_response *r);

#endif
