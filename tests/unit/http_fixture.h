/*
 * tests/unit/http_fixture.h - a client of http.h and a server of the test's own for it
 */
#ifndef DRTOOL_TESTS_HTTP_FIXTURE_H
#define DRTOOL_TESTS_HTTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "src/base/clock.h"
#include "storage/backend/http.h"
#include "tests/unit/http_server.h"

#define MIB ((size_t)1 << 20)

struct fixture {
	struct server server;
	struct http_client *client;
	struct cancel cancel;
};

static inline struct fixture *start_with(server_fn *handle, void *cookie, unsigned stall_ms)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct http_options o = { .stall_ms = stall_ms, .cancel = &f->cancel };
	struct err e = ERR_INIT;

	server_start(&f->server, handle, cookie);
	assert_true(http_client_new(&f->client, &o, &e));
	return f;
}

static inline struct fixture *start(server_fn *handle, void *cookie)
{
	return start_with(handle, cookie, 20000);
}

static inline void stop(struct fixture *f)
{
	http_client_free(f->client);
	server_stop(&f->server);
	free(f);
}

static inline bool ask(struct http_response *out, struct fixture *f, enum http_method method, const char *path,
        struct view body, struct err *e)
{
	char *url = xasprintf("%s%s", f->server.url, path);
	struct http_request r = { .method = method, .url = url, .body = body };
	bool ok;

	*e = (struct err)ERR_INIT;
	ok = http_perform(out, f->client, &r, e);
	free(url);
	return ok;
}

static const struct view nothing;

static inline bool get(struct http_response *out, struct fixture *f, const char *path, struct err *e)
{
	return ask(out, f, HTTP_GET, path, nothing, e);
}

static inline void assert_fails(struct fixture *f, enum err_kind kind, const char *why)
{
	struct http_response r = HTTP_RESPONSE_INIT_MAX(MIB);
	struct err e;

	assert_false(get(&r, f, "/secret-path?secret-query", &e));
	assert_int_equal(e.kind, kind);
	if (!strstr(e.msg, why))
		fail_msg("not \"%s\" but: %s", why, e.msg);
	assert_null(strstr(e.msg, "secret"));
	http_response_release(&r);
}

static inline void fine(struct server *s, struct server_request *r)
{
	(void)s;
	server_say(r, 200, "", "fine");
}

/* Lets go of the mutex while it waits, and waits no longer than the test lasts. */
static inline void wait_without(struct server *s, unsigned ms)
{
	for (; ms > 0 && !s->stopping; ms -= 20) {
		pthread_mutex_unlock(&s->mutex);
		usleep(20000);
		pthread_mutex_lock(&s->mutex);
	}
}

static inline void silent(struct server *s, struct server_request *r)
{
	static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfifty";

	if (strstr(r->target, "half"))
		server_write(r->fd, half, strlen(half));
	wait_without(s, 10000);
	r->close = true;
}

static inline int64_t since_ms(int64_t start_us)
{
	return (clock_monotonic_us() - start_us) / 1000;
}

#endif
