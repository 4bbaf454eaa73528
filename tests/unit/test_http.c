/* Requests against a server in this process: what goes out, what comes back, what ends it. */
#include "tests/unit/http_fixture.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>

struct seen {
	char method[16], target[256];
	struct buf headers, body;
};

static void note(struct server *s, struct server_request *r)
{
	struct seen *seen = s->cookie;

	snprintf(seen->method, sizeof(seen->method), "%s", r->method);
	snprintf(seen->target, sizeof(seen->target), "%.255s", r->target);
	buf_clear(&seen->headers);
	buf_addn(&seen->headers, r->headers.data, r->headers.len);
	buf_clear(&seen->body);
	buf_addn(&seen->body, r->body.data, r->body.len);
	server_say(r, 200, "ETag: \"x\"\r\nX-Two:  words here \r\n", "answer");
}

static void test_goes_on_the_wire_as_given(void **state)
{
	static const char *const headers[] = { "X-One: 1", "Authorization: secret", NULL };
	static const enum http_method methods[] = { HTTP_GET, HTTP_PUT, HTTP_POST, HTTP_DELETE, HTTP_HEAD };
	static const char *const names[] = { "GET", "PUT", "POST", "DELETE", "HEAD" };
	struct seen seen = { 0 };
	struct fixture *f = start(note, &seen);

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		char *url = xasprintf("%s/b/../a%%2Fb//.?x=%%20&y=", f->server.url);
		bool has_body = methods[i] == HTTP_PUT || methods[i] == HTTP_POST;
		struct http_request r = { .method = methods[i], .url = url, .headers = headers };
		struct http_response out = HTTP_RESPONSE_INIT_MAX(100);
		struct err e = ERR_INIT;

		r.body = has_body ? view_str("body") : nothing;
		assert_true(http_perform(&out, f->client, &r, &e));
		assert_int_equal(out.status, 200);
		assert_string_equal(buf_str(&out.body), methods[i] == HTTP_HEAD ? "" : "answer");
		assert_string_equal(seen.method, names[i]);
		assert_string_equal(seen.target, "/b/../a%2Fb//.?x=%20&y=");
		assert_string_equal(buf_str(&seen.body), has_body ? "body" : "");
		assert_non_null(strstr(buf_str(&seen.headers), "\r\nX-One: 1\r\n"));
		assert_non_null(strstr(buf_str(&seen.headers), "\r\nAuthorization: secret\r\n"));
		assert_null(strcasestr(buf_str(&seen.headers), "\r\nExpect:"));
		assert_null(strcasestr(buf_str(&seen.headers), "\r\nTransfer-Encoding:"));
		http_response_release(&out);
		free(url);
	}
	assert_int_equal(server_count(&f->server, &f->server.connections), 1);
	stop(f);
	buf_release(&seen.headers);
	buf_release(&seen.body);
}

static void test_headers_of_an_answer(void **state)
{
	struct seen seen = { 0 };
	struct fixture *f = start(note, &seen);
	struct http_response r = HTTP_RESPONSE_INIT_MAX(100);
	struct err e;
	char value[8];

	(void)state;
	assert_true(get(&r, f, "/", &e));
	assert_true(http_response_header(value, sizeof(value), &r, "etag"));
	assert_string_equal(value, "\"x\"");
	assert_true(http_response_header(value, sizeof(value), &r, "x-two"));
	assert_string_equal(value, "words h"); /* cut, not overrun */
	assert_false(http_response_header(value, sizeof(value), &r, "x-tw"));
	assert_string_equal(value, "");
	http_response_release(&r);
	stop(f);
	buf_release(&seen.headers);
	buf_release(&seen.body);
}

static void informational(struct server *s, struct server_request *r)
{
	static const char first[] =
	        "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";

	(void)s;
	server_write(r->fd, first, strlen(first));
	server_say(r, 307, "Location: /elsewhere\r\n", "moved");
}

static void test_informational_answers_pass_and_redirects_stay(void **state)
{
	struct fixture *f = start(informational, NULL);
	struct http_response r = HTTP_RESPONSE_INIT_MAX(100);
	struct err e;
	char value[16];

	(void)state;
	assert_true(get(&r, f, "/", &e));
	assert_int_equal(r.status, 307);
	assert_string_equal(buf_str(&r.body), "moved");
	assert_false(http_response_header(value, sizeof(value), &r, "x-early"));
	assert_int_equal(server_count(&f->server, &f->server.requests), 1);
	http_response_release(&r);
	stop(f);
}

static void test_connections_are_used_again(void **state)
{
	struct fixture *f = start(fine, NULL);
	struct http_response r = HTTP_RESPONSE_INIT_MAX(100);
	struct err e;

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_true(get(&r, f, "/", &e));
	assert_int_equal(server_count(&f->server, &f->server.requests), 20);
	assert_int_equal(server_count(&f->server, &f->server.connections), 1);
	/* A connection the server has closed meanwhile is nobody's trouble. */
	server_drop_connections(&f->server);
	usleep(50000);
	assert_true(get(&r, f, "/", &e));
	assert_int_equal(server_count(&f->server, &f->server.connections), 2);
	http_response_release(&r);
	stop(f);
}

static void test_sockets_are_not_inherited(void **state)
{
	struct fixture *f = start(fine, NULL);
	struct http_response r = HTTP_RESPONSE_INIT_MAX(100);
	unsigned found = 0;
	struct err e;

	(void)state;
	assert_true(get(&r, f, "/", &e));
	for (int fd = 3; fd < 256; fd++) {
		struct sockaddr_in peer;
		socklen_t size = sizeof(peer);

		if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && peer.sin_family == AF_INET &&
		        ntohs(peer.sin_port) == f->server.port) {
			assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
			found++;
		}
	}
	assert_int_equal(found, 1);
	http_response_release(&r);
	stop(f);
}

static void too_much(struct server *s, struct server_request *r)
{
	struct buf large = BUF_INIT;
	char head[64];

	(void)s;
	for (size_t i = 0; i < 100000; i += 10)
		buf_add(&large, strstr(r->target, "headers") && i % 1000 == 0 ? "\r\nHead: v" : "ten bytes.");
	if (strstr(r->target, "headers")) {
		server_write(r->fd, "HTTP/1.1 200 OK\r\nA: ", 20);
		server_write(r->fd, large.data, large.len);
		server_write(r->fd, "\r\n\r\n", 4);
	} else if (strstr(r->target, "chunked")) {
		server_write(r->fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 47);
		snprintf(head, sizeof(head), "%zx\r\n", large.len);
		server_write(r->fd, head, strlen(head));
		server_write(r->fd, large.data, large.len);
		server_write(r->fd, "\r\n0\r\n\r\n", 7);
	} else {
		server_answer(r, 200, "", large.data, large.len);
	}
	buf_release(&large);
	r->close = true;
}

static void test_ceilings(void **state)
{
	struct fixture *f = start(too_much, NULL);
	struct http_response small = HTTP_RESPONSE_INIT_MAX(99999), large = HTTP_RESPONSE_INIT_MAX(100000);
	struct err e;

	(void)state;
	assert_false(get(&small, f, "/", &e));
	assert_int_equal(e.kind, ERR_FAILED);
	assert_non_null(strstr(e.msg, "longer than 99999 bytes"));
	assert_false(get(&small, f, "/chunked", &e));
	assert_int_equal(e.kind, ERR_FAILED);
	assert_true(get(&large, f, "/", &e));
	assert_int_equal(large.body.len, 100000);
	assert_true(get(&large, f, "/chunked", &e));
	assert_int_equal(large.body.len, 100000);
	assert_false(get(&large, f, "/headers", &e));
	assert_int_equal(e.kind, ERR_FAILED);
	http_response_release(&small);
	http_response_release(&large);
	stop(f);
}

struct tripper {
	struct cancel *cancel;
	unsigned after_ms;
};

static void *trip(void *arg)
{
	struct tripper *t = arg;

	usleep(t->after_ms * 1000);
	cancel_trip(t->cancel, SIGINT);
	return NULL;
}

static void test_a_cancel_ends_what_is_under_way(void **state)
{
	struct fixture *f = start(silent, NULL);
	struct http_response r = HTTP_RESPONSE_INIT_MAX(100);
	struct tripper t = { &f->cancel, 200 };
	int64_t before = clock_monotonic_us();
	pthread_t thread;
	struct err e;

	(void)state;
	pthread_create(&thread, NULL, trip, &t);
	assert_false(get(&r, f, "/", &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_int_equal(e.sys, SIGINT);
	assert_in_range(since_ms(before), 150, 1200);
	pthread_join(thread, NULL);
	/* Nothing new is begun, */
	assert_false(get(&r, f, "/", &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_int_equal(server_count(&f->server, &f->server.requests), 1);
	http_response_release(&r);
	stop(f);
}

static void test_what_tidies_up_is_given_time(void **state)
{
	struct fixture *f = start(fine, NULL);
	struct http_response r = HTTP_RESPONSE_INIT_MAX(100);
	char *url = xasprintf("%s/", f->server.url);
	struct http_request request = { .method = HTTP_DELETE, .url = url, .grace_ms = 300 };
	struct err e = ERR_INIT;

	(void)state;
	cancel_trip(&f->cancel, SIGTERM);
	assert_true(http_perform(&r, f->client, &request, &e));
	assert_int_equal(r.status, 200);
	pthread_mutex_lock(&f->server.mutex);
	f->server.handle = silent;
	pthread_mutex_unlock(&f->server.mutex);
	int64_t before = clock_monotonic_us();
	assert_false(http_perform(&r, f->client, &request, &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_in_range(since_ms(before), 200, 1500);
	free(url);
	http_response_release(&r);
	stop(f);
}

static void echo(struct server *s, struct server_request *r)
{
	struct buf body = r->body;

	r->body = (struct buf)BUF_INIT;
	pthread_mutex_unlock(&s->mutex); /* many at a time */
	server_answer(r, 200, "", body.data, body.len);
	pthread_mutex_lock(&s->mutex);
	buf_release(&body);
}

static void fill(struct buf *out, size_t len, unsigned seed)
{
	assert_true(buf_reserve(out, len, &(struct err)ERR_INIT));
	for (size_t i = 0; i < len; i++)
		out->data[i] = (uint8_t)((i * 2654435761u + seed) >> 7);
	out->len = len;
}

static void test_large_bodies_both_ways(void **state)
{
	static const size_t lengths[] = { 0, 1, 65536, 16 * MIB + 1 };
	struct fixture *f = start(echo, NULL);
	struct err e;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct http_response r = HTTP_RESPONSE_INIT_MAX(32 * MIB);
		struct buf body = BUF_INIT;

		fill(&body, lengths[i], 1);
		assert_true(ask(&r, f, HTTP_PUT, "/", buf_view(&body), &e));
		assert_true(view_eq(buf_view(&r.body), buf_view(&body)));
		assert_in_range(r.body.cap, 0, lengths[i] + 64); /* announced, so reserved once */
		assert_true(ask(&r, f, HTTP_POST, "/", buf_view(&body), &e));
		assert_true(view_eq(buf_view(&r.body), buf_view(&body)));
		buf_release(&body);
		http_response_release(&r);
	}
	stop(f);
}

#define THREADS 16

struct worker {
	pthread_t thread;
	struct fixture *f;
	unsigned number;
	bool ok;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct http_response r = HTTP_RESPONSE_INIT_MAX(MIB);
	struct buf body = BUF_INIT;
	struct err e;

	w->ok = true;
	for (unsigned i = 0; i < 40 && w->ok; i++) {
		buf_clear(&body);
		fill(&body, 1000 * i, w->number);
		w->ok = ask(&r, w->f, HTTP_PUT, "/", buf_view(&body), &e) && r.status == 200 &&
		        view_eq(buf_view(&r.body), buf_view(&body));
	}
	buf_release(&body);
	http_response_release(&r);
	return NULL;
}

static void test_many_threads(void **state)
{
	struct fixture *f = start(echo, NULL);
	struct worker workers[THREADS];

	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .f = f, .number = i };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_true(workers[i].ok);
	}
	assert_int_equal(server_count(&f->server, &f->server.requests), THREADS * 40);
	assert_in_range(server_count(&f->server, &f->server.connections), 1, THREADS);
	stop(f);
}

static void answer_once(struct server *s, struct server_request *r)
{
	if (s->requests % 2)
		server_say(r, 200, "", "fine");
	else
		r->close = true; /* it has read everything, and nobody knows what it did */
}

/* Whether that can be sent again is for the caller to say, not for the library underneath. */
static void test_a_put_is_never_repeated_behind_our_back(void **state)
{
	struct fixture *f = start(answer_once, NULL);
	struct http_response r = HTTP_RESPONSE_INIT_MAX(100);
	struct err e;

	(void)state;
	assert_true(ask(&r, f, HTTP_PUT, "/", view_str("one"), &e));
	assert_false(ask(&r, f, HTTP_PUT, "/", view_str("two"), &e));
	assert_int_equal(e.kind, ERR_TRANSIENT);
	assert_true(r.sent);
	assert_int_equal(server_count(&f->server, &f->server.requests), 2);
	http_response_release(&r);
	stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_on_the_wire_as_given),
		cmocka_unit_test(test_headers_of_an_answer),
		cmocka_unit_test(test_informational_answers_pass_and_redirects_stay),
		cmocka_unit_test(test_connections_are_used_again),
		cmocka_unit_test(test_sockets_are_not_inherited),
		cmocka_unit_test(test_ceilings),
		cmocka_unit_test(test_a_cancel_ends_what_is_under_way),
		cmocka_unit_test(test_what_tidies_up_is_given_time),
		cmocka_unit_test(test_large_bodies_both_ways),
		cmocka_unit_test(test_many_threads),
		cmocka_unit_test(test_a_put_is_never_repeated_behind_our_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
