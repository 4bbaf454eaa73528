/* What is sent again, what is put right first, and what is an error at once. */
#include "tests/unit/s3_script.h"

#include "src/base/clock.h"

#define ERROR(code)                                   \
	"<?xml version=\"1.0\"?>\n<Error><Code>" code \
	"</Code><Message>because</Message><RequestId>r1</RequestId></Error>"
#define EMPTY_LIST "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"

static const struct object_key lock = { OBJECT_LOCK, "a" };

static bool put(struct script *x, struct err *e)
{
	*e = (struct err)ERR_INIT;
	return storage_put(x->s, lock, view_str("text"), PUT_REPLACE, e);
}

static bool get(struct script *x, struct buf *out, struct err *e)
{
	*e = (struct err)ERR_INIT;
	buf_clear(out);
	return storage_get(x->s, lock, out, e);
}

static bool ignore(void *cookie, const struct object_info *info, struct err *e)
{
	(void)cookie;
	(void)info;
	(void)e;
	return true;
}

static bool list(struct script *x, struct err *e)
{
	*e = (struct err)ERR_INIT;
	return storage_list(x->s, OBJECT_LOCK, "", ignore, NULL, e);
}

static void test_what_a_request_is_made_of(void **state)
{
	struct script *x = *state;
	char hash[SHA256_HEX_SIZE], *expected;
	struct err e;

	assert_true(put(x, &e));
	assert_asked(x, "PUT /bucket/p/locks/a");
	assert_string_equal(x->asked[0].body, "text");
	hash_sha256_hex(hash, view_str("text"));
	expected = xasprintf("x-amz-content-sha256: %s\r\n", hash);
	assert_true(asked_with(x, 0, expected));
	assert_true(asked_with(x, 0, "Authorization: AWS4-HMAC-SHA256 Credential=MYKEYID/"));
	assert_true(asked_with(x, 0, "/home-1/s3/aws4_request"));
	assert_false(asked_with(x, 0, "mysecret"));
	free(expected);
}

static void test_what_can_succeed_later_is_sent_again(void **state)
{
	static const struct script_answer passing[] = {
		{ 500, ERROR("InternalError"), NULL, 0 },
		{ 500, NULL, NULL, 0 },
		{ 502, "<html>Bad Gateway</html>", NULL, 0 },
		{ 503, ERROR("SlowDown"), NULL, 0 },
		{ 503, NULL, NULL, 0 },
		{ 504, NULL, NULL, 0 },
		{ 429, NULL, NULL, 0 },
		{ 408, NULL, NULL, 0 },
		{ 400, ERROR("RequestTimeout"), NULL, 0 },
		{ 400, ERROR("SlowDown"), NULL, 0 },
		{ 200, ERROR("InternalError"), NULL, 0 },
		{ 400, ERROR("XAmzContentSHA256Mismatch"), NULL, 0 },
		{ 400, ERROR("BadDigest"), NULL, 0 },
		{ 520, NULL, NULL, 0 },
		{ 525, "<html>SSL handshake failed</html>", NULL, 0 },
		{ 530, "error code: 1016", NULL, 0 },
		{ .how = RESET },
		{ .how = CUT_SHORT },
		{ .how = HANG_UP },
	};
	struct script *x = *state;
	struct err e;

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		struct script_answer three[] = { passing[i], passing[i], { 200, "", NULL, 0 } };

		script_set(x, three, 3);
		if (!put(x, &e))
			fail_msg("%zu: %s", i, e.msg);
		assert_asked(x, "PUT /bucket/p/locks/a; PUT /bucket/p/locks/a; PUT /bucket/p/locks/a");
	}
	assert_string_equal(x->notes, ""); /* too short to tell anybody */
}

static void test_what_cannot_is_not(void **state)
{
	static const struct final {
		struct script_answer answer;
		enum err_kind kind;
		const char *message, *hint;
	} finals[] = {
		{ { 403, ERROR("AccessDenied"), NULL, 0 }, ERR_FAILED, "access denied", "s3:PutObject" },
		{ { 403, ERROR("SignatureDoesNotMatch"), NULL, 0 }, ERR_USAGE, "secret key", "environment" },
		{ { 403, ERROR("InvalidAccessKeyId"), NULL, 0 }, ERR_USAGE, "does not know the access key",
		        "environment" },
		{ { 400, ERROR("ExpiredToken"), NULL, 0 }, ERR_USAGE, "expired", "environment" },
		{ { 404, ERROR("NoSuchBucket"), NULL, 0 }, ERR_USAGE, "no such bucket", "\"bucket\"" },
		{ { 301, NULL, NULL, 0 }, ERR_USAGE, "another region", "--s3-region" },
		{ { 307, NULL, NULL, 0 }, ERR_USAGE, "another region", "--s3-region" },
		{ { 400, ERROR("EntityTooLarge"), NULL, 0 }, ERR_FAILED, "too large", "" },
		{ { 412, ERROR("PreconditionFailed"), NULL, 0 }, ERR_FAILED, "412 PreconditionFailed", "" },
		{ { 501, ERROR("NotImplemented"), NULL, 0 }, ERR_FAILED, "501 NotImplemented: because, request r1",
		        "" },
		{ { 404, "<html>nothing here</html>", NULL, 0 }, ERR_FAILED, "404", "endpoint" },
		{ { 407, "<html>Squid</html>", NULL, 0 }, ERR_FAILED, "a proxy on the way wants a user", "http_proxy" },
		{ { 507, NULL, NULL, 0 }, ERR_FAILED, "full", "prune" },
	};
	struct script *x = *state;
	struct err e;

	for (size_t i = 0; i < sizeof(finals) / sizeof(finals[0]); i++) {
		script_set(x, &finals[i].answer, 1);
		assert_false(put(x, &e));
		assert_asked(x, "PUT /bucket/p/locks/a");
		assert_int_equal(e.kind, finals[i].kind);
		assert_says(&e, finals[i].message, finals[i].hint);
		assert_says(&e, "put \"s3://bucket/p/locks/a\"", "");
	}
}

static void test_each_operation_names_its_permission(void **state)
{
	struct script *x = *state;
	struct buf out = BUF_INIT;
	struct err e;

	SCRIPT(x, { 403, ERROR("AccessDenied"), NULL, 0 });
	assert_false(get(x, &out, &e));
	assert_says(&e, "get \"s3://bucket/p/locks/a\": access denied", "s3:GetObject");
	SCRIPT(x, { 403, ERROR("AccessDenied"), NULL, 0 });
	assert_false(list(x, &e));
	assert_says(&e, "list \"s3://bucket/p/\": access denied", "s3:ListBucket");
	SCRIPT(x, { 403, ERROR("AccessDenied"), NULL, 0 });
	assert_false(storage_remove(x->s, lock, &e));
	assert_says(&e, "remove \"s3://bucket/p/locks/a\": access denied", "s3:DeleteObject");
	buf_release(&out);
}

static void test_giving_up_says_what_was_wrong(void **state)
{
	static struct script_answer never[4000], cloudflare[4000];
	struct script *x = *state;
	struct err e;

	for (size_t i = 0; i < 4000; i++)
		never[i] = (struct script_answer){ 503, ERROR("SlowDown"), NULL, 0 };
	script_client(x)->policy = (struct retry_policy){ .first_ms = 5, .most_ms = 5, .total_ms = 300 };
	script_set(x, never, 4000);
	assert_false(put(x, &e));
	assert_int_equal(e.kind, ERR_TRANSIENT);
	assert_says(&e, "the store wants fewer requests", "try again");
	assert_says(&e, "given up after", "");
	for (size_t i = 0; i < 4000; i++)
		cloudflare[i] = (struct script_answer){ 522, NULL, NULL, 0 };
	script_set(x, cloudflare, 4000);
	assert_false(put(x, &e));
	assert_int_equal(e.kind, ERR_TRANSIENT);
	assert_says(&e, "the gateway cannot reach the store", "try again");
}

static void test_what_is_changed_on_the_way_each_time_is_given_up(void **state)
{
	static const struct script_answer garbled = { 400, ERROR("BadDigest"), NULL, 0 };
	struct script *x = *state;
	struct err e;

	SCRIPT(x, garbled, garbled, garbled, garbled);
	assert_false(put(x, &e));
	assert_int_equal(e.kind, ERR_FAILED);
	assert_says(&e, "other bytes have arrived than were sent", "a proxy?");
	assert_asked(x, "PUT /bucket/p/locks/a; PUT /bucket/p/locks/a; PUT /bucket/p/locks/a");
}

static void test_the_store_may_name_the_delay(void **state)
{
	struct script *x = *state;
	int64_t before = clock_monotonic_us();
	struct err e;

	SCRIPT(x, { 503, NULL, "Retry-After: 1\r\n", 0 });
	assert_true(put(x, &e));
	assert_true(clock_monotonic_us() - before >= 1000000);
}

static void test_a_cancel_ends_the_retries_but_not_the_tidying_up(void **state)
{
	static struct script_answer never[100];
	struct script *x = *state;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < 100; i++)
		never[i] = (struct script_answer){ 503, NULL, NULL, 0 };
	script_set(x, never, 100);
	cancel_trip(&x->cancel, 15);
	assert_false(put(x, &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_asked(x, "");
	script_set(x, NULL, 0);
	e = (struct err)ERR_INIT;
	assert_true(storage_remove(x->s, lock, &e));
	assert_asked(x, "DELETE /bucket/p/locks/a");
	script_set(x, never, 100);
	assert_false(storage_remove(x->s, lock, &e));
	assert_asked(x, "DELETE /bucket/p/locks/a");
}

static void test_a_wrong_clock_is_put_right_once(void **state)
{
	struct script *x = *state;
	char then[64], day[32], now[32];
	time_t yesterday = time(NULL) - 86400, today = time(NULL);
	struct tm tm;
	struct err e;

	strftime(then, sizeof(then), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime_r(&yesterday, &tm));
	strftime(day, sizeof(day), "x-amz-date: %Y%m%d", &tm);
	strftime(now, sizeof(now), "x-amz-date: %Y%m%d", gmtime_r(&today, &tm));
	SCRIPT(x, { 403, ERROR("RequestTimeTooSkewed"), then, 0 });
	assert_true(put(x, &e));
	assert_asked(x, "PUT /bucket/p/locks/a; PUT /bucket/p/locks/a");
	assert_true(asked_with(x, 0, now));
	assert_true(asked_with(x, 1, day));
	assert_non_null(strstr(x->notes, "clock is 8"));
	assert_non_null(strstr(x->notes, " s ahead of the store's"));
	/* kept, and told once */
	x->notes[0] = '\0';
	SCRIPT(x, { 200, "", then, 0 });
	assert_true(put(x, &e));
	assert_true(asked_with(x, 0, day));
	assert_string_equal(x->notes, "");
	/* A store that is never content is not asked for ever. */
	SCRIPT(x, { 403, ERROR("RequestTimeTooSkewed"), then, 0 }, { 403, ERROR("RequestTimeTooSkewed"), then, 0 });
	assert_false(put(x, &e));
	assert_says(&e, "clock is off", "1440 minutes ahead");
}

static void test_another_region_is_found_once(void **state)
{
	static const char elsewhere[] =
	        "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'home-1' is wrong; "
	        "expecting 'away-2'</Message><Region>away-2</Region></Error>";
	struct script *x = *state;
	struct err e;

	SCRIPT(x, { 400, elsewhere, NULL, 0 });
	assert_true(put(x, &e));
	assert_true(asked_with(x, 0, "/home-1/s3/aws4_request"));
	assert_true(asked_with(x, 1, "/away-2/s3/aws4_request"));
	assert_non_null(strstr(x->notes, "in region away-2, not home-1"));
	SCRIPT(x, { 200, NULL, NULL, 0 });
	assert_true(put(x, &e));
	assert_true(asked_with(x, 0, "/away-2/s3/aws4_request"));
	/* No second time. */
	SCRIPT(x, { 301, NULL, "x-amz-bucket-region: third-3\r\n", 0 });
	assert_false(put(x, &e));
	assert_says(&e, "another region", "\"third-3\"");
}

static void test_a_region_by_header_and_one_that_is_none(void **state)
{
	struct script *x = *state;
	struct err e;

	SCRIPT(x, { 301, ERROR("PermanentRedirect"), "x-amz-bucket-region: a/../../b\r\n", 0 });
	assert_false(put(x, &e));
	assert_asked(x, "PUT /bucket/p/locks/a");
	SCRIPT(x, { 301, ERROR("PermanentRedirect"), "x-amz-bucket-region: away-2\r\n", 0 });
	assert_true(put(x, &e));
	assert_true(asked_with(x, 1, "/away-2/s3/aws4_request"));
}

/* The code for a wrong region is also that for an access key that is none. */
static void test_another_region_is_told_only_where_one_is_named(void **state)
{
	static const char here[] =
	        "<Error><Code>AuthorizationHeaderMalformed</Code><Message>odd</Message><Region>home-1</Region></Error>";
	static const char there[] =
	        "<Error><Code>AuthorizationHeaderMalformed</Code><Message>odd</Message><Region>a/b</Region></Error>";
	struct script *x = *state;
	struct err e;

	SCRIPT(x, { 400, ERROR("AuthorizationHeaderMalformed"), NULL, 0 });
	assert_false(put(x, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	assert_says(&e, "can make nothing of the access key", "environment: check the access key");
	SCRIPT(x, { 400, here, NULL, 0 });
	assert_false(put(x, &e));
	assert_says(&e, "can make nothing of the access key", "environment: check the access key");
	SCRIPT(x, { 400, there, NULL, 0 });
	assert_false(put(x, &e));
	assert_says(&e, "in another region", "in region \"a/b\"");
}

/* Keys from a service that gives others each time. */
static int start_with_service(void **state)
{
	struct script *x;
	char *url;

	script_start(state);
	x = *state;
	storage_close(x->s);
	url = xasprintf("%s/keys", x->server.url);
	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
	free(url);
	struct s3_options o = { .endpoint = x->server.url, .region = "home-1" };
	assert_true(storage_open_s3(&x->s, "s3://bucket/p", &o, &(struct err)ERR_INIT));
	script_hurry(x);
	return 0;
}

static void test_expired_keys_are_replaced(void **state)
{
	struct script *x = *state;
	struct err e;

	SCRIPT(x, { 400, ERROR("ExpiredToken"), NULL, 0 });
	if (!put(x, &e))
		fail_msg("%s", e.msg);
	assert_true(asked_with(x, 0, "Credential=KEY1/"));
	assert_true(asked_with(x, 0, "x-amz-security-token: ticket1\r\n"));
	assert_true(asked_with(x, 1, "Credential=KEY2/"));
	assert_true(asked_with(x, 1, "x-amz-security-token: ticket2\r\n"));
	/* New ones that are refused as well end it. */
	SCRIPT(x, { 400, ERROR("ExpiredToken"), NULL, 0 }, { 400, ERROR("ExpiredToken"), NULL, 0 },
	        { 400, ERROR("ExpiredToken"), NULL, 0 });
	assert_false(put(x, &e));
	assert_says(&e, "session token has expired", "container");
	assert_null(strstr(e.msg, "ticket"));
}

/* That is how Ceph refuses a token that has expired; mostly it means what it says, and fetching keys has its price. */
static void test_denied_access_may_be_an_expired_token(void **state)
{
	static const struct script_answer denied = { 403, ERROR("AccessDenied"), NULL, 0 };
	struct script *x = *state;
	struct err e;

	SCRIPT(x, denied);
	if (!put(x, &e))
		fail_msg("%s", e.msg);
	assert_asked(x, "PUT /bucket/p/locks/a; PUT /bucket/p/locks/a");
	assert_true(asked_with(x, 0, "Credential=KEY1/"));
	assert_true(asked_with(x, 1, "Credential=KEY2/"));
	/* So soon again it is believed, */
	SCRIPT(x, denied, denied);
	assert_false(put(x, &e));
	assert_says(&e, "access denied", "s3:PutObject");
	assert_asked(x, "PUT /bucket/p/locks/a");
	assert_int_equal(x->keys_given, 2);
	/* later it is doubted once. */
	script_client(x)->doubted_us -= 3600 * (int64_t)1000000;
	SCRIPT(x, denied, denied, denied);
	assert_false(put(x, &e));
	assert_says(&e, "access denied", "s3:PutObject");
	assert_asked(x, "PUT /bucket/p/locks/a; PUT /bucket/p/locks/a");
	assert_int_equal(x->keys_given, 3);
}

static void *put_in_thread(void *x)
{
	struct err e;

	return put(x, &e) ? x : NULL;
}

/* Each of several threads meets the refusal with the same old keys, and each goes on with the new ones. */
static void deny_first_keys(struct server *server, struct server_request *r)
{
	struct script *x = server->cookie;

	if (strcmp(r->target, "/keys") == 0)
		script_give_keys(x, r);
	else if (strstr(buf_str(&r->headers), "Credential=KEY1/"))
		server_say(r, 403, "", ERROR("AccessDenied"));
	else
		server_say(r, 200, "", "");
}

static void test_all_who_are_denied_get_other_keys(void **state)
{
	struct script *x = *state;
	pthread_t threads[8];
	void *ok;

	pthread_mutex_lock(&x->server.mutex);
	x->server.handle = deny_first_keys;
	pthread_mutex_unlock(&x->server.mutex);
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, put_in_thread, x), 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &ok);
		assert_non_null(ok);
	}
	assert_int_equal(x->keys_given, 2);
}

static void test_a_store_that_repeats_secrets(void **state)
{
	struct script *x = *state;
	struct err e;

	SCRIPT(x, { 403, "<Error><Code>InvalidAccessKeyId</Code><Message>no key MYKEYID</Message></Error>", NULL, 0 });
	assert_false(put(x, &e));
	assert_says(&e, "does not know the access key", "");
	SCRIPT(x,
	        { 400, "<Error><Code>Odd</Code><Message>x mysecret y</Message><RequestId>mysecret</RequestId></Error>",
	                NULL, 0 });
	assert_false(put(x, &e));
	assert_says(&e, "400 Odd", "");
	SCRIPT(x, { 400, "<Error><Code>mysecret</Code><Message>two\nlines</Message></Error>", NULL, 0 });
	assert_false(put(x, &e));
	assert_says(&e, "two lines", "");
}

#define LONG_TOKEN "FwoGZXIvYXdzEHYaDLongerThanAnyMessageThatIsKept"

/* What a document quotes may be cut before the end of the secret, and even in its beginning. */
static void test_a_store_that_repeats_part_of_a_secret(void **state)
{
	struct script *x = *state;
	struct buf body = BUF_INIT;
	struct err e;

	setenv("AWS_SESSION_TOKEN", LONG_TOKEN LONG_TOKEN LONG_TOKEN, 1);
	storage_close(x->s);
	struct s3_options o = { .endpoint = x->server.url, .region = "home-1" };
	assert_true(storage_open_s3(&x->s, "s3://bucket/p", &o, &(struct err)ERR_INIT));
	script_hurry(x);
	SCRIPT(x, { 400, "<Error><Code>Odd</Code><Message>bad: " LONG_TOKEN "</Message></Error>", NULL, 0 });
	assert_false(put(x, &e));
	assert_says(&e, "answers 400 Odd)", "");
	/* 63 characters of a region are kept, and shown. */
	buf_add(&body, "<Error><Code>PermanentRedirect</Code><Region>");
	for (int i = 0; i < 57; i++)
		buf_add(&body, "-");
	buf_add(&body, LONG_TOKEN "</Region></Error>");
	SCRIPT(x, { 301, buf_str(&body), NULL, 0 });
	assert_false(put(x, &e));
	assert_says(&e, "another region", "set the bucket's region");
	assert_null(strstr(e.hint, "FwoG"));
	unsetenv("AWS_SESSION_TOKEN");
	buf_release(&body);
}

static void test_headers_that_would_speak_to_the_terminal(void **state)
{
	struct script *x = *state;
	struct err e;

	SCRIPT(x, { 403, NULL, "x-amz-request-id: r1\x1b]0;title\x07\xc2\x9b\x32J\xff\r\n", 0 });
	assert_false(put(x, &e));
	assert_says(&e, "answers 403, request r1 ]0;title   2J?)", "");
	SCRIPT(x, { 301, NULL, "x-amz-bucket-region: away\x1b[31m\r\n", 0 });
	assert_false(put(x, &e));
	assert_says(&e, "another region", "in region \"away [31m\"");
	assert_asked(x, "PUT /bucket/p/locks/a");
}

static void test_nobody_is_waited_for_long_before_the_first_answer(void **state)
{
	struct script *x = *state;
	struct s3_options o = { .region = "r" };
	struct server gone;
	struct err e = ERR_INIT;
	int64_t before = clock_monotonic_us();

	server_start(&gone, script_answer, x);
	server_stop(&gone);
	storage_close(x->s);
	o.endpoint = gone.url;
	assert_true(storage_open_s3(&x->s, "s3://bucket/p", &o, &e));
	script_client(x)->policy = (struct retry_policy){ .first_ms = 10, .most_ms = 10, .unreachable_ms = 200 };
	assert_false(put(x, &e));
	assert_int_equal(e.kind, ERR_TRANSIENT);
	assert_says(&e, "Connection refused", "endpoint");
	assert_true(clock_monotonic_us() - before < 2000000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, script_start, script_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_a_request_is_made_of),
		TEST(test_what_can_succeed_later_is_sent_again),
		TEST(test_what_cannot_is_not),
		TEST(test_each_operation_names_its_permission),
		TEST(test_giving_up_says_what_was_wrong),
		TEST(test_what_is_changed_on_the_way_each_time_is_given_up),
		TEST(test_the_store_may_name_the_delay),
		TEST(test_a_cancel_ends_the_retries_but_not_the_tidying_up),
		TEST(test_a_wrong_clock_is_put_right_once),
		TEST(test_another_region_is_found_once),
		TEST(test_a_region_by_header_and_one_that_is_none),
		TEST(test_another_region_is_told_only_where_one_is_named),
		cmocka_unit_test_setup_teardown(test_expired_keys_are_replaced, start_with_service, script_stop),
		cmocka_unit_test_setup_teardown(
		        test_denied_access_may_be_an_expired_token, start_with_service, script_stop),
		cmocka_unit_test_setup_teardown(
		        test_all_who_are_denied_get_other_keys, start_with_service, script_stop),
		TEST(test_a_store_that_repeats_secrets),
		TEST(test_a_store_that_repeats_part_of_a_secret),
		TEST(test_headers_that_would_speak_to_the_terminal),
		TEST(test_nobody_is_waited_for_long_before_the_first_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
