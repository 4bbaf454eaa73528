/*
 * tests/unit/http_server.h - an HTTP/1.1 server in the test's own process, whose answers the test writes
 *
 * One thread for each connection. The handler is called with the server's mutex held, for one request at a time unless
 * it lets go of it.
 */
#ifndef DRTOOL_TESTS_HTTP_SERVER_H
#define DRTOOL_TESTS_HTTP_SERVER_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/buf.h"

#define SERVER_CONNECTIONS 64

struct server_request {
	int fd;
	unsigned connection; /* which one, from 1 */
	unsigned number;     /* of all requests, from 1 */
	char method[16];
	char target[2048];
	struct buf headers; /* as they came */
	struct buf body;
	bool close; /* set by the handler: the connection ends here */
};

struct server;
typedef void server_fn(struct server *s, struct server_request *r);

struct server {
	int fd;
	int port;
	char url[64]; /* "http://127.0.0.1:PORT" */
	pthread_t thread;
	pthread_mutex_t mutex; /* guards all below */
	server_fn *handle;
	void *cookie;
	unsigned requests, connections;
	unsigned body_pause_ms;       /* between two pieces of a body that are read; set before the first request */
	int open[SERVER_CONNECTIONS]; /* 0: none */
	pthread_t threads[SERVER_CONNECTIONS];
	bool stopping;
};

struct server_connection {
	struct server *s;
	unsigned number;
	int fd;
};

static inline void server_write(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		at += n;
		len -= (size_t)n;
	}
}

/* headers: "A: b\r\n" for each, may be "". */
static inline void server_answer(
        struct server_request *r, int status, const char *headers, const void *body, size_t len)
{
	struct buf out = BUF_INIT;

	buf_addf(&out, "HTTP/1.1 %d Whatever\r\n%sContent-Length: %zu\r\n\r\n", status, headers, len);
	if (strcmp(r->method, "HEAD") != 0)
		buf_addn(&out, body, len);
	server_write(r->fd, out.data, out.len);
	buf_release(&out);
}

static inline void server_say(struct server_request *r, int status, const char *headers, const char *text)
{
	server_answer(r, status, headers, text, strlen(text));
}

/* The peer sees ECONNRESET. */
static inline void server_reset(struct server_request *r)
{
	struct linger now = { 1, 0 };

	setsockopt(r->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	r->close = true;
}

/* Until the empty line; what follows it stays in rest. */
static inline bool server_read_head(struct server_request *r, struct buf *rest)
{
	for (;;) {
		char *end = rest->len ? strstr((char *)rest->data, "\r\n\r\n") : NULL;
		char piece[65536];
		ssize_t n;

		if (end) {
			size_t head = (size_t)(end - (char *)rest->data) + 4;

			buf_clear(&r->headers);
			buf_addn(&r->headers, rest->data, head);
			memmove(rest->data, rest->data + head, rest->len - head + 1);
			rest->len -= head;
			return sscanf((char *)r->headers.data, "%15s %2047s", r->method, r->target) == 2;
		}
		n = recv(r->fd, piece, sizeof(piece), 0);
		if (n <= 0)
			return false;
		buf_addn(rest, piece, (size_t)n);
	}
}

static inline bool server_read_body(struct server_request *r, struct buf *rest, unsigned pause_ms)
{
	const char *field = strcasestr((char *)r->headers.data, "\r\ncontent-length:");
	size_t len = field ? strtoul(field + 17, NULL, 10) : 0, n = rest->len < len ? rest->len : len;

	buf_clear(&r->body);
	buf_addn(&r->body, rest->data, n);
	if (n > 0)
		memmove(rest->data, rest->data + n, rest->len - n + 1);
	rest->len -= n;
	while (r->body.len < len) {
		char piece[65536];
		size_t want = len - r->body.len;
		ssize_t got = recv(r->fd, piece, want < sizeof(piece) ? want : sizeof(piece), 0);

		if (got <= 0)
			return false;
		buf_addn(&r->body, piece, (size_t)got);
		usleep(pause_ms * 1000);
	}
	return true;
}

static inline void *server_serve(void *arg)
{
	struct server_connection *c = arg;
	struct server *s = c->s;
	struct server_request r = { .fd = c->fd, .connection = c->number };
	struct buf rest = BUF_INIT;

	while (!r.close && server_read_head(&r, &rest) && server_read_body(&r, &rest, s->body_pause_ms)) {
		pthread_mutex_lock(&s->mutex);
		r.number = ++s->requests;
		s->handle(s, &r);
		pthread_mutex_unlock(&s->mutex);
	}
	pthread_mutex_lock(&s->mutex);
	close(c->fd);
	s->open[c->number - 1] = 0;
	pthread_mutex_unlock(&s->mutex);
	buf_release(&r.headers);
	buf_release(&r.body);
	buf_release(&rest);
	free(c);
	return NULL;
}

static inline void *server_accept(void *arg)
{
	struct server *s = arg;

	for (;;) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
		struct server_connection *c;

		if (fd < 0)
			return NULL;
		pthread_mutex_lock(&s->mutex);
		if (s->stopping || s->connections == SERVER_CONNECTIONS) {
			close(fd);
		} else {
			c = xcalloc(1, sizeof(*c));
			*c = (struct server_connection){ s, s->connections + 1, fd };
			s->open[s->connections] = fd;
			if (pthread_create(&s->threads[s->connections], NULL, server_serve, c) != 0)
				abort();
			s->connections++;
		}
		pthread_mutex_unlock(&s->mutex);
	}
}

static inline void server_start(struct server *s, server_fn *handle, void *cookie)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);

	*s = (struct server){ .handle = handle, .cookie = cookie };
	pthread_mutex_init(&s->mutex, NULL);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s->fd, (struct sockaddr *)&a, size) != 0 || listen(s->fd, 64) != 0 ||
	        getsockname(s->fd, (struct sockaddr *)&a, &size) != 0)
		abort();
	s->port = ntohs(a.sin_port);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d", s->port);
	if (pthread_create(&s->thread, NULL, server_accept, s) != 0)
		abort();
}

/* End the connections there are; new ones are taken. */
static inline void server_drop_connections(struct server *s)
{
	pthread_mutex_lock(&s->mutex);
	for (unsigned i = 0; i < s->connections; i++) {
		if (s->open[i])
			shutdown(s->open[i], SHUT_RDWR);
	}
	pthread_mutex_unlock(&s->mutex);
}

static inline unsigned server_count(struct server *s, const unsigned *counter)
{
	pthread_mutex_lock(&s->mutex);
	unsigned n = *counter;
	pthread_mutex_unlock(&s->mutex);
	return n;
}

static inline void server_stop(struct server *s)
{
	pthread_mutex_lock(&s->mutex);
	s->stopping = true;
	pthread_mutex_unlock(&s->mutex);
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	server_drop_connections(s);
	for (unsigned i = 0; i < s->connections; i++)
		pthread_join(s->threads[i], NULL);
	close(s->fd);
	pthread_mutex_destroy(&s->mutex);
}

#endif
