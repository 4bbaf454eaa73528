/* Requests to a server that answers badly or not at all, and to one that is not there or not to be had. */
#include "tests/unit/http_fixture.h"

static void cut_short(struct server *s, struct server_request *r)
{
	static const char announced[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfifty";
	static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nfifty";

	if (s->requests % 2)
		server_write(r->fd, announced, strlen(announced));
	else
		server_write(r->fd, chunked, strlen(chunked));
	r->close = true;
}

static void test_a_body_cut_short_is_a_failure(void **state)
{
	struct fixture *f = start(cut_short, NULL);

	(void)state;
	assert_fails(f, ERR_TRANSIENT, "was cut short");
	assert_fails(f, ERR_TRANSIENT, "was cut short");
	stop(f);
}

static void reset(struct server *s, struct server_request *r)
{
	(void)s;
	server_reset(r);
}

static void hang_up(struct server *s, struct server_request *r)
{
	(void)s;
	r->close = true;
}

static void test_resets_and_hanging_up(void **state)
{
	struct http_response r = HTTP_RESPONSE_INIT_MAX(MIB);
	struct fixture *f = start(reset, NULL);
	struct err e;

	(void)state;
	assert_fails(f, ERR_TRANSIENT, "talk to 127.0.0.1:");
	assert_false(get(&r, f, "/", &e));
	assert_true(r.sent);
	stop(f);
	f = start(hang_up, NULL);
	assert_fails(f, ERR_TRANSIENT, "without an answer");
	stop(f);
	http_response_release(&r);
}

static void test_nobody_there(void **state)
{
	struct http_response r = HTTP_RESPONSE_INIT_MAX(MIB);
	struct fixture *f = start(fine, NULL);
	struct server gone;
	struct err e;

	(void)state;
	server_start(&gone, fine, NULL);
	server_stop(&gone);
	snprintf(f->server.url, sizeof(f->server.url), "%s", gone.url);
	assert_false(get(&r, f, "/", &e));
	assert_int_equal(e.kind, ERR_TRANSIENT);
	assert_non_null(strstr(e.msg, "Connection refused"));
	assert_false(r.sent);
	assert_true(e.hint[0]);
	snprintf(f->server.url, sizeof(f->server.url), "http://no-such-host.invalid:80");
	assert_false(get(&r, f, "/", &e));
	assert_int_equal(e.kind, ERR_TRANSIENT);
	assert_non_null(strstr(e.msg, "no-such-host.invalid:80 is not known"));
	assert_false(r.sent);
	snprintf(f->server.url, sizeof(f->server.url), "ftp://user:secret@127.0.0.1");
	assert_false(get(&r, f, "/", &e));
	assert_int_equal(e.kind, ERR_USAGE);
	assert_null(strstr(e.msg, "secret"));
	http_response_release(&r);
	stop(f);
}

static void test_silence_is_a_stall(void **state)
{
	static const char *const paths[] = { "/", "/half" };
	struct fixture *f = start_with(silent, NULL, 400);
	struct buf large = BUF_INIT;
	struct err e;

	(void)state;
	for (size_t i = 0; i < 4 * MIB; i += 16)
		buf_add(&large, "sixteen letters.");
	for (size_t i = 0; i < 3; i++) {
		struct http_response r = HTTP_RESPONSE_INIT_MAX(MIB);
		int64_t before = clock_monotonic_us();

		if (i < 2)
			assert_false(get(&r, f, paths[i], &e));
		else /* the store thinks about what it has got */
			assert_false(ask(&r, f, HTTP_PUT, "/", buf_view(&large), &e));
		assert_in_range(since_ms(before), 350, 5000);
		assert_int_equal(e.kind, ERR_TRANSIENT);
		assert_non_null(strstr(e.msg, "has stalled"));
		assert_true(r.sent);
		http_response_release(&r);
	}
	buf_release(&large);
	stop(f);
}

static void trickle(struct server *s, struct server_request *r)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";

	server_write(r->fd, head, strlen(head));
	for (int i = 0; i < 10; i++) {
		wait_without(s, 120);
		server_write(r->fd, "x", 1);
	}
}

static void test_slow_is_not_stalled(void **state)
{
	struct fixture *f = start_with(trickle, NULL, 800);
	struct http_response r = HTTP_RESPONSE_INIT_MAX(100);
	struct err e;

	(void)state;
	assert_true(get(&r, f, "/", &e));
	assert_string_equal(buf_str(&r.body), "xxxxxxxxxx");
	/* but a request may be given a limit of its own */
	char *url = xasprintf("%s/", f->server.url);
	struct http_request limited = { .method = HTTP_GET, .url = url, .total_ms = 300 };
	assert_false(http_perform(&r, f->client, &limited, &e));
	assert_int_equal(e.kind, ERR_TRANSIENT);
	assert_non_null(strstr(e.msg, "has not answered within 1 s"));
	free(url);
	http_response_release(&r);
	stop(f);
}

/* The handshake is part of connecting, and a request's own limit may be the shorter one. */
static void test_connecting_names_the_limit_that_ended_it(void **state)
{
	struct fixture *f = start(silent, NULL);
	struct http_response r = HTTP_RESPONSE_INIT_MAX(100);
	char *url = xasprintf("https://127.0.0.1:%d/", f->server.port);
	struct http_request limited = { .method = HTTP_GET, .url = url, .total_ms = 300 };
	int64_t before = clock_monotonic_us();
	struct err e = ERR_INIT;

	(void)state;
	assert_false(http_perform(&r, f->client, &limited, &e));
	assert_true(since_ms(before) < 5000);
	assert_int_equal(e.kind, ERR_TRANSIENT);
	if (!strstr(e.msg, "connect to 127.0.0.1:") || !strstr(e.msg, "no answer within 1 s"))
		fail_msg("%s", e.msg);
	free(url);
	http_response_release(&r);
	stop(f);
}

static void refuse_tunnel(struct server *s, struct server_request *r)
{
	const int *status = s->cookie;

	assert_string_equal(r->method, "CONNECT");
	assert_string_equal(r->target, "store.invalid:443");
	server_say(r, *status, "Proxy-Authenticate: Basic realm=\"x\"\r\n", "");
}

static void test_a_proxy_that_lets_nothing_through(void **state)
{
	static const struct refusal {
		int status;
		enum err_kind kind;
		const char *why;
	} refusals[] = {
		{ 407, ERR_FAILED, "the proxy on the way to store.invalid wants a user and a password" },
		{ 403, ERR_FAILED, "the proxy on the way to store.invalid refuses (it answers 403)" },
		{ 503, ERR_TRANSIENT, "the proxy on the way to store.invalid answers 503" },
	};
	struct http_request request = { .method = HTTP_GET, .url = "https://store.invalid/secret" };

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		int status = refusals[i].status;
		struct fixture *f = start(refuse_tunnel, &status);
		struct http_response r = HTTP_RESPONSE_INIT_MAX(100);
		struct err e = ERR_INIT;

		unsetenv("no_proxy");
		unsetenv("NO_PROXY");
		setenv("https_proxy", f->server.url, 1);
		assert_false(http_perform(&r, f->client, &request, &e));
		unsetenv("https_proxy");
		if (e.kind != refusals[i].kind || !strstr(e.msg, refusals[i].why))
			fail_msg("%d: %s", e.kind, e.msg);
		assert_non_null(strstr(e.hint, "https_proxy"));
		assert_null(strstr(e.msg, "secret"));
		http_response_release(&r);
		stop(f);
	}
}

/* The last bytes have left us for the kernel's buffer long before they reach a server that is slow to take them. */
static void test_a_slow_upload_is_not_stalled(void **state)
{
	struct fixture *f = start_with(fine, NULL, 600);
	struct http_response r = HTTP_RESPONSE_INIT_MAX(100);
	struct buf body = BUF_INIT;
	int64_t before = clock_monotonic_us();
	int size = 16384;
	struct err e;

	(void)state;
	f->server.body_pause_ms = 20;
	assert_int_equal(setsockopt(f->server.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	for (size_t i = 0; i < MIB; i += 16)
		buf_add(&body, "sixteen letters.");
	if (!ask(&r, f, HTTP_PUT, "/", buf_view(&body), &e))
		fail_msg("after %d ms: %s", (int)since_ms(before), e.msg);
	assert_true(since_ms(before) > 900);
	buf_release(&body);
	http_response_release(&r);
	stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_body_cut_short_is_a_failure),
		cmocka_unit_test(test_resets_and_hanging_up),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_silence_is_a_stall),
		cmocka_unit_test(test_slow_is_not_stalled),
		cmocka_unit_test(test_connecting_names_the_limit_that_ended_it),
		cmocka_unit_test(test_a_proxy_that_lets_nothing_through),
		cmocka_unit_test(test_a_slow_upload_is_not_stalled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
