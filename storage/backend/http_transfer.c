/* One request in terms of libcurl: its options, its callbacks, and what its end means. */
#include "storage/backend/http_transfer.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define HEADERS_MAX          ((size_t)64 << 10)
#define DOWNLOAD_BUFFER      (256L << 10)
#define UPLOAD_BUFFER_MIN    (16L << 10) /* libcurl's own least */
#define UPLOAD_BUFFER_MAX    (512L << 10)
#define UNSENT_MAX           (128 << 10)
#define KEEPALIVE_IDLE_S     30L
#define KEEPALIVE_INTERVAL_S 10L

static size_t on_read(char *to, size_t size, size_t count, void *cookie)
{
	struct http_transfer *t = cookie;
	size_t left = t->request->body.len - t->taken, n = size * count;

	if (n > left)
		n = left;
	if (n > 0)
		memcpy(to, t->request->body.data + t->taken, n);
	t->taken += n;
	return n;
}

/* The announced length is reserved at once, so that a body is not copied as its buffer grows. */
static bool reserve_announced(struct http_transfer *t, struct err *e)
{
	curl_off_t length = -1;

	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	return length <= 0 || buf_reserve(&t->out->body, (size_t)length, e);
}

static size_t on_write(char *data, size_t size, size_t count, void *cookie)
{
	struct http_transfer *t = cookie;
	struct err ignored = ERR_INIT;

	if (t->out->body.len == 0 && !reserve_announced(t, &ignored))
		t->body_too_long = true;
	else if (!buf_append(&t->out->body, data, size * count, &ignored))
		t->body_too_long = true;
	return t->body_too_long ? 0 : size * count;
}

/* "Name: value\r\n" as it came; a new status line drops what an informational answer brought. */
static size_t on_header(char *line, size_t size, size_t count, void *cookie)
{
	struct http_transfer *t = cookie;
	struct buf *headers = &t->out->headers;
	size_t len = size * count, n = len;

	while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == '\n'))
		n--;
	const char *colon = memchr(line, ':', n);
	if (n >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		buf_clear(headers);
		return len;
	}
	if (!colon)
		return len;
	if (headers->len + n + 1 > HEADERS_MAX) {
		t->headers_too_long = true;
		return 0;
	}
	size_t at = headers->len;
	buf_addn(headers, line, n);
	buf_add(headers, "\n");
	for (size_t i = 0; i < (size_t)(colon - line); i++)
		headers->data[at + i] = (uint8_t)tolower(headers->data[at + i]);
	return len;
}

/*
 * The kernel takes no more than UNSENT_MAX beyond what is on its way. Else a whole object would fit into its buffer,
 * and over a slow line not a byte would seem to move while that empties.
 */
static curl_socket_t on_socket(void *cookie, curlsocktype purpose, struct curl_sockaddr *address)
{
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol), unsent = UNSENT_MAX;

	(void)cookie;
	(void)purpose;
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	return fd;
}

static void set_method(struct http_transfer *t)
{
	const struct http_request *r = t->request;
	curl_off_t len = (curl_off_t)r->body.len;
	long buffer = len > UPLOAD_BUFFER_MAX ? UPLOAD_BUFFER_MAX : (long)len;

	switch (r->method) {
	case HTTP_GET:
		curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L);
		break;
	case HTTP_HEAD:
		curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
		break;
	case HTTP_PUT:
		curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, len);
		curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
		curl_easy_setopt(
		        t->easy, CURLOPT_UPLOAD_BUFFERSIZE, buffer < UPLOAD_BUFFER_MIN ? UPLOAD_BUFFER_MIN : buffer);
		/*
		 * No seek function: a body that was sent in part on a connection the server had just closed is not sent
		 * again behind our back. The caller decides, who knows that the first try may have taken effect.
		 */
		break;
	case HTTP_POST:
		curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, len);
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, len ? (const char *)r->body.data : "");
		break;
	case HTTP_DELETE:
		curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, "DELETE");
		break;
	}
}

static void set_headers(struct http_transfer *t)
{
	const char *const *h = t->request->headers;

	t->headers = curl_slist_append(NULL, "Expect:"); /* a round trip saved; nothing waits for a 100 */
	for (; h && *h; h++)
		t->headers = curl_slist_append(t->headers, *h);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "drtool/" DRTOOL_VERSION);
}

static void set_connection(struct http_transfer *t, const struct http_options *o)
{
	CURL *easy = t->easy;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
	        t->request->body.len > HTTP_LARGE_BODY ? (long)CURL_HTTP_VERSION_1_1 : (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_ms);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)t->request->total_ms);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	if (t->request->no_proxy)
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
	if (o->ca_file) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* only this file; and parsed once, not per connection */
	}
}

void http_transfer_prepare(struct http_transfer *t, const struct http_options *o)
{
	CURL *easy = t->easy;

	curl_easy_setopt(easy, CURLOPT_URL, t->request->url);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, DOWNLOAD_BUFFER);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->message);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	set_method(t);
	set_headers(t);
	set_connection(t, o);
}

static bool is_connected(const struct http_transfer *t)
{
	curl_off_t ready_us = 0;

	curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
	return ready_us > 0;
}

bool http_transfer_moves(struct http_transfer *t, unsigned stall_ms, int64_t now_us)
{
	curl_off_t up = 0, down = 0, moved;
	long headers = 0;

	curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &up);
	curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
	curl_easy_getinfo(t->easy, CURLINFO_HEADER_SIZE, &headers);
	moved = up + down + headers;
	/* Until it is connected the limit on connecting holds. */
	if (!is_connected(t) || moved != t->moved) {
		t->moved = moved;
		t->moved_us = now_us;
	}
	return now_us - t->moved_us < (int64_t)stall_ms * 1000;
}

/* "host:port" of the URL, without user, path or query. */
static void authority(char *out, size_t size, const char *url)
{
	const char *start = strstr(url, "://");
	size_t len;

	start = start ? start + 3 : url;
	len = strcspn(start, "/?#");
	for (size_t i = 0; i < len; i++) {
		if (start[i] == '@') {
			len -= i + 1;
			start += i + 1;
			i = 0;
		}
	}
	snprintf(out, size, "%.*s", (int)(len < 255 ? len : 255), start);
}

static bool untrusted(struct http_transfer *t, const char *host, struct err *e)
{
	err_set(e, ERR_FAILED, "the TLS certificate of %s cannot be trusted: %s", host,
	        t->message[0] ? t->message : curl_easy_strerror(t->code));
	if (strstr(t->message, "match") && strstr(t->message, "host name"))
		return err_hint(
		        e, "the certificate is for another host: use the name it was made for, or have the name added");
	return err_hint(e,
	        "if the store has a certificate authority of its own, name its PEM file: --s3-ca-file or AWS_CA_BUNDLE");
}

/* A server that speaks no TLS will not learn it by the next try; one that is being stopped will be there again. */
static bool no_handshake(struct http_transfer *t, const char *host, struct err *e)
{
	if (!strstr(t->message, "wrong version number"))
		return err_set(e, ERR_TRANSIENT, "the TLS handshake with %s failed", host);
	err_set(e, ERR_FAILED, "%s does not speak TLS", host);
	return err_hint(e, "does the endpoint begin with http:// instead of https://, or has it another port for TLS?");
}

static bool not_connected(struct http_transfer *t, const char *host, struct err *e)
{
	long errnum = 0;

	curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &errnum);
	if (errnum > 0)
		err_sys(e, (int)errnum, "connect to %s", host);
	else
		err_set(e, ERR_TRANSIENT, "connect to %s: %s", host, curl_easy_strerror(t->code));
	e->kind = ERR_TRANSIENT;
	return err_hint(e, "check that the endpoint is right and its server runs; is a proxy needed (https_proxy)?");
}

static bool unresolved(struct http_transfer *t, const char *host, struct err *e)
{
	if (t->code == CURLE_COULDNT_RESOLVE_PROXY)
		return err_set(e, ERR_TRANSIENT, "the name of the proxy on the way to %s is not known", host) ||
		       err_hint(e, "check https_proxy, http_proxy and all_proxy in the environment");
	err_set(e, ERR_TRANSIENT, "the name of host %s is not known", host);
	return err_hint(e, "check the endpoint's name and this machine's name service (DNS)");
}

/* The limit on the whole request ends its connecting, too. */
static unsigned connect_limit_ms(const struct http_transfer *t, const struct http_options *o)
{
	unsigned total_ms = t->request->total_ms;

	return total_ms && total_ms < o->connect_ms ? total_ms : o->connect_ms;
}

static bool timed_out(struct http_transfer *t, const struct http_options *o, const char *host, struct err *e)
{
	if (t->ending == HTTP_STALLED)
		err_set(e, ERR_TRANSIENT, "%s has stalled: not a byte for %u s", host, (o->stall_ms + 999) / 1000);
	else if (!is_connected(t))
		err_set(e, ERR_TRANSIENT, "connect to %s: no answer within %u s", host,
		        (connect_limit_ms(t, o) + 999) / 1000);
	else
		err_set(e, ERR_TRANSIENT, "%s has not answered within %u s", host, (t->request->total_ms + 999) / 1000);
	e->sys = ETIMEDOUT;
	return err_hint(e, "is the endpoint right, and does a firewall or proxy between here and it let this through?");
}

/* Its answer to CONNECT, where that is why there was no other; 0 when it was none. */
static long proxy_refusal(struct http_transfer *t)
{
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	return status < 300 ? 0 : status;
}

static bool refused_by_proxy(long status, const char *host, struct err *e)
{
	bool passing = status >= 500 || status == 408 || status == 429;

	if (passing)
		err_set(e, ERR_TRANSIENT, "the proxy on the way to %s answers %ld", host, status);
	else if (status == 407)
		err_set(e, ERR_FAILED, "the proxy on the way to %s wants a user and a password (it answers 407)", host);
	else
		err_set(e, ERR_FAILED, "the proxy on the way to %s refuses (it answers %ld)", host, status);
	return err_hint(e, "check https_proxy in the environment, or name the host in no_proxy if it needs no proxy");
}

static bool failed(struct http_transfer *t, const struct http_options *o, struct err *e)
{
	char host[256];

	authority(host, sizeof(host), t->request->url);
	if (t->body_too_long)
		return err_set(e, ERR_FAILED, "the answer of %s is longer than %zu bytes", host,
		        t->out->body.max ? t->out->body.max : BUF_DEFAULT_MAX);
	if (t->headers_too_long)
		return err_set(
		        e, ERR_FAILED, "the headers of an answer of %s are longer than %zu bytes", host, HEADERS_MAX);
	if (proxy_refusal(t))
		return refused_by_proxy(proxy_refusal(t), host, e);
	switch (t->code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
		return untrusted(t, host, e);
	case CURLE_SSL_CACERT_BADFILE:
		err_set(e, ERR_USAGE, "the file of trusted certificates cannot be read%s%s", o->ca_file ? ": " : "",
		        o->ca_file ? o->ca_file : "");
		return err_hint(e,
		        o->ca_file ? "it must hold certificates in PEM form" : "install the package ca-certificates");
	case CURLE_UNSUPPORTED_PROTOCOL:
		/* Also what libcurl makes of an answer with no status line. */
		if (is_connected(t))
			return err_set(e, ERR_TRANSIENT, "the answer of %s is not HTTP", host);
		/* fall through */
	case CURLE_URL_MALFORMAT:
		return err_set(e, ERR_USAGE, "\"%.200s\" is no http or https URL", host);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return unresolved(t, host, e);
	case CURLE_COULDNT_CONNECT:
		return not_connected(t, host, e);
	case CURLE_OPERATION_TIMEDOUT:
		return timed_out(t, o, host, e);
	case CURLE_SSL_CONNECT_ERROR:
		return no_handshake(t, host, e);
	case CURLE_PARTIAL_FILE:
		return err_set(e, ERR_TRANSIENT, "the answer of %s was cut short", host);
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_FAIL_REWIND: /* the same, on a connection used before */
		err_set(e, ERR_TRANSIENT, "%s has closed the connection without an answer", host);
		return err_hint(e, "does the endpoint begin with http:// where its server wants https://?");
	default: /* resets, broken TLS records, HTTP/2 streams given up: another connection may do better */
		return err_set(e, ERR_TRANSIENT, "talk to %s: %s", host, curl_easy_strerror(t->code));
	}
}

bool http_transfer_outcome(struct http_transfer *t, const struct http_options *o, struct err *e)
{
	long status = 0, sent = 0;

	curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent);
	t->out->sent = sent > 0;
	if (t->ending == HTTP_CANCELLED) {
		if (cancel_check(o->cancel, e))
			err_set(e, ERR_CANCELLED, "stopped");
		return false;
	}
	if (t->ending == HTTP_STALLED)
		t->code = CURLE_OPERATION_TIMEDOUT;
	if (t->code != CURLE_OK)
		return failed(t, o, e);
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	t->out->status = (int)status;
	return true;
}
