/* The verbs of storage.h where the store does not do as one would like. */
#include "tests/unit/s3_script.h"

#define ERROR(code) "<?xml version=\"1.0\"?>\n<Error><Code>" code "</Code><Message>because</Message></Error>"
#define OBJECT(key) \
	"<Contents><Key>" key "</Key><LastModified>2026-05-01T12:00:00.000Z</LastModified><Size>7</Size></Contents>"
#define PAGE(truncated, rest) \
	"<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>" truncated "</IsTruncated>" rest "</ListBucketResult>"
#define TOKEN(token)  "<KeyCount>1</KeyCount><NextContinuationToken>" token "</NextContinuationToken>"
#define ZEROS         "00000000000000000000000000000000000000000000000000000000000000"
#define CHUNK(two)    OBJECT("p/chunks/" two "/" two ZEROS)
#define LIST_LOCKS    "GET /bucket?encoding-type=url&list-type=2&prefix=p%2Flocks%2F"
#define LIST_LOCKS_V1 "GET /bucket?encoding-type=url&prefix=p%2Flocks%2F"
#define CONDITION     "If-None-Match: *\r\n"

static const struct object_key lock = { OBJECT_LOCK, "a" };

static bool create(struct script *x, struct err *e)
{
	*e = (struct err)ERR_INIT;
	return storage_put(x->s, lock, view_str("mine"), PUT_CREATE, e);
}

static void test_create_where_the_store_can_tell(void **state)
{
	struct script *x = *state;
	struct err e;

	SCRIPT(x, { 404, NULL, NULL, 0 }, { 200, NULL, NULL, 0 });
	assert_true(create(x, &e));
	assert_asked(x, "HEAD /bucket/p/locks/a; PUT /bucket/p/locks/a");
	assert_true(asked_with(x, 1, CONDITION));
	SCRIPT(x, { 404, NULL, NULL, 0 }, { 412, ERROR("PreconditionFailed"), NULL, 0 });
	assert_false(create(x, &e));
	assert_int_equal(e.kind, ERR_EXISTS);
	/* Having seen it keep the condition, we need not look first. */
	SCRIPT(x, { 409, ERROR("ConditionalRequestConflict"), NULL, 0 });
	assert_false(create(x, &e));
	assert_int_equal(e.kind, ERR_EXISTS);
	assert_asked(x, "PUT /bucket/p/locks/a");
}

static void test_create_where_the_store_refuses_the_condition(void **state)
{
	struct script *x = *state;
	struct err e;

	SCRIPT(x, { 404, NULL, NULL, 0 }, { 501, ERROR("NotImplemented"), NULL, 0 });
	assert_true(create(x, &e));
	assert_asked(x, "HEAD /bucket/p/locks/a; PUT /bucket/p/locks/a; PUT /bucket/p/locks/a");
	assert_true(asked_with(x, 1, CONDITION));
	assert_false(asked_with(x, 2, CONDITION));
	SCRIPT(x, { 404, NULL, NULL, 0 });
	assert_true(create(x, &e));
	assert_asked(x, "HEAD /bucket/p/locks/a; PUT /bucket/p/locks/a");
	assert_false(asked_with(x, 1, CONDITION));
	SCRIPT(x, { 200, NULL, NULL, 0 });
	assert_false(create(x, &e));
	assert_int_equal(e.kind, ERR_EXISTS);
	assert_asked(x, "HEAD /bucket/p/locks/a");
}

/* A store that takes no notice of the condition would replace it. */
static void test_create_looks_first(void **state)
{
	struct script *x = *state;
	struct err e;

	SCRIPT(x, { 200, NULL, NULL, 0 });
	assert_false(create(x, &e));
	assert_int_equal(e.kind, ERR_EXISTS);
	assert_asked(x, "HEAD /bucket/p/locks/a");
	/* One that does not let us look decides itself. */
	SCRIPT(x, { 403, NULL, NULL, 0 });
	assert_true(create(x, &e));
	assert_asked(x, "HEAD /bucket/p/locks/a; PUT /bucket/p/locks/a");
	assert_true(asked_with(x, 1, CONDITION));
}

static void test_create_knows_its_own_first_try(void **state)
{
	static const enum script_how ways[] = { RESET, CUT_SHORT, HANG_UP };
	struct script *x = *state;
	struct err e;

	for (size_t i = 0; i < 3; i++) {
		SCRIPT(x, { 404, NULL, NULL, 0 }, { .how = ways[i] }, { 412, NULL, NULL, 0 }, { 200, "mine", NULL, 0 });
		atomic_store(&script_client(x)->condition, S3_CONDITION_UNKNOWN);
		assert_true(create(x, &e));
		assert_asked(x,
		        "HEAD /bucket/p/locks/a; PUT /bucket/p/locks/a; PUT /bucket/p/locks/a; GET /bucket/p/locks/a");
	}
	SCRIPT(x, { 500, NULL, NULL, 0 }, { 412, NULL, NULL, 0 }, { 200, "mine", NULL, 0 });
	assert_true(create(x, &e));
	SCRIPT(x, { 500, NULL, NULL, 0 }, { 412, NULL, NULL, 0 }, { 200, "theirs", NULL, 0 });
	assert_false(create(x, &e));
	assert_int_equal(e.kind, ERR_EXISTS);
	SCRIPT(x, { 500, NULL, NULL, 0 }, { 412, NULL, NULL, 0 }, { 404, ERROR("NoSuchKey"), NULL, 0 });
	assert_false(create(x, &e));
	assert_int_equal(e.kind, ERR_EXISTS);
	/* Not in doubt: not looked at. */
	SCRIPT(x, { 412, NULL, NULL, 0 }, { 200, "mine", NULL, 0 });
	assert_false(create(x, &e));
	assert_asked(x, "PUT /bucket/p/locks/a");
}

#define NEEDS_MD5 "<Error><Code>InvalidRequest</Code><Message>Content-MD5 HTTP header is required</Message></Error>"
#define MD5       "Content-MD5: kYuB216R0DFUi5Y8k4ReWw==\r\n"

static void test_the_md5_is_sent_where_a_store_asks_for_it(void **state)
{
	struct script *x = *state;
	struct err e = ERR_INIT;

	SCRIPT(x, { 404, NULL, NULL, 0 }, { 400, NEEDS_MD5, NULL, 0 });
	assert_true(create(x, &e));
	assert_asked(x, "HEAD /bucket/p/locks/a; PUT /bucket/p/locks/a; PUT /bucket/p/locks/a");
	assert_false(asked_with(x, 1, MD5));
	assert_true(asked_with(x, 2, MD5));
	assert_true(asked_with(x, 2, CONDITION));
	SCRIPT(x, { 200, NULL, NULL, 0 });
	assert_true(storage_put(x->s, lock, view_str("mine"), PUT_REPLACE, &e));
	assert_true(asked_with(x, 0, MD5));
	SCRIPT(x, { 400, NEEDS_MD5, NULL, 0 });
	assert_false(storage_put(x->s, lock, view_str("mine"), PUT_REPLACE, &e));
	assert_asked(x, "PUT /bucket/p/locks/a");
}

static void test_what_is_not_there(void **state)
{
	struct script *x = *state;
	struct buf out = BUF_INIT_MAX(3);
	struct err e = ERR_INIT;

	buf_add(&out, "ab");
	SCRIPT(x, { 404, ERROR("NoSuchKey"), NULL, 0 });
	assert_false(storage_get(x->s, lock, &out, &e));
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	SCRIPT(x, { 404, ERROR("NoSuchBucket"), NULL, 0 });
	assert_false(storage_get(x->s, lock, &out, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	assert_says(&e, "no such bucket", "\"bucket\"");
	SCRIPT(x, { 404, "<html>a web server</html>", NULL, 0 });
	assert_false(storage_get(x->s, lock, &out, &e));
	assert_int_equal(e.kind, ERR_FAILED);
	SCRIPT(x, { 200, "more", NULL, 0 });
	assert_false(storage_get(x->s, lock, &out, &e));
	assert_int_equal(e.kind, ERR_FAILED);
	assert_string_equal(buf_str(&out), "ab"); /* untouched all along */
	SCRIPT(x, { 200, "c", NULL, 0 });
	assert_true(storage_get(x->s, lock, &out, &e));
	assert_string_equal(buf_str(&out), "abc");
	buf_release(&out);
}

#define LIST_ONE "GET /bucket?encoding-type=url&list-type=2&prefix=p%2Flocks%2Fa"

/* Anything on the way may have answered, and for a chunk it would mean damage. */
static void test_a_404_that_does_not_say_what_is_missing(void **state)
{
	static const struct script_answer vague[] = { { 404, NULL, NULL, 0 }, { 404, ERROR("Odd"), NULL, 0 } };
	struct script *x = *state;
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < 2; i++) {
		/* An empty page, and names that only begin like this one. */
		SCRIPT(x, vague[i], { 200, PAGE("true", TOKEN("t")), NULL, 0 },
		        { 200, PAGE("false", OBJECT("p/locks/ab")), NULL, 0 });
		assert_false(storage_get(x->s, lock, &out, &e));
		assert_int_equal(e.kind, ERR_NOT_FOUND);
		assert_asked(x,
		        "GET /bucket/p/locks/a; " LIST_ONE
		        "; GET /bucket?continuation-token=t&encoding-type=url&list-type=2&prefix=p%2Flocks%2Fa");
		SCRIPT(x, vague[i], { 200, PAGE("false", OBJECT("p/locks/a")), NULL, 0 });
		assert_false(storage_get(x->s, lock, &out, &e));
		assert_int_equal(e.kind, ERR_FAILED);
		assert_says(&e, "get \"s3://bucket/p/locks/a\"", "");
		SCRIPT(x, vague[i], vague[i]);
		assert_false(storage_get(x->s, lock, &out, &e));
		assert_int_equal(e.kind, ERR_FAILED);
		SCRIPT(x, vague[i], { 200, PAGE("false", OBJECT("p/locks/a")), NULL, 0 });
		assert_false(storage_remove(x->s, lock, &e));
		assert_int_equal(e.kind, ERR_FAILED);
		SCRIPT(x, vague[i], { 200, PAGE("false", ""), NULL, 0 });
		assert_true(storage_remove(x->s, lock, &e));
		assert_asked(x, "DELETE /bucket/p/locks/a; " LIST_ONE);
	}
	buf_release(&out);
}

static void test_removing_what_is_not_there(void **state)
{
	struct script *x = *state;
	struct err e = ERR_INIT;

	SCRIPT(x, { 204, NULL, NULL, 0 });
	assert_true(storage_remove(x->s, lock, &e));
	SCRIPT(x, { 404, ERROR("NoSuchKey"), NULL, 0 });
	assert_true(storage_remove(x->s, lock, &e));
	SCRIPT(x, { 404, ERROR("NoSuchBucket"), NULL, 0 });
	assert_false(storage_remove(x->s, lock, &e));
	assert_int_equal(e.kind, ERR_USAGE);
}

static bool add_name(void *cookie, const struct object_info *info, struct err *e)
{
	(void)e;
	buf_addf(cookie, "%.6s ", info->name);
	return true;
}

static bool list(struct script *x, enum object_class cls, struct buf *names, struct err *e)
{
	*e = (struct err)ERR_INIT;
	buf_clear(names);
	return storage_list(x->s, cls, "", add_name, names, e);
}

static void test_pages_follow_each_other(void **state)
{
	struct script *x = *state;
	struct buf names = BUF_INIT;
	struct err e;

	SCRIPT(x, { 200, PAGE("true", TOKEN("t1") OBJECT("p/locks/a")), NULL, 0 }, { 503, NULL, NULL, 0 },
	        { 200, PAGE("true", TOKEN("t2+/=")), NULL, 0 }, /* an empty page on the way */
	        { 200, PAGE("false", OBJECT("p/locks/b") OBJECT("p/other/c") OBJECT("p/locks/d/e")), NULL, 0 });
	assert_true(list(x, OBJECT_LOCK, &names, &e));
	assert_string_equal(buf_str(&names), "a b ");
	assert_asked(x, LIST_LOCKS
	        "; GET /bucket?continuation-token=t1&encoding-type=url&list-type=2&prefix=p%2Flocks%2F; "
	        "GET /bucket?continuation-token=t1&encoding-type=url&list-type=2&prefix=p%2Flocks%2F; "
	        "GET /bucket?continuation-token=t2%2B%2F%3D&encoding-type=url&list-type=2&prefix=p%2Flocks%2F");
	buf_release(&names);
}

static void test_a_store_that_knows_only_version_1(void **state)
{
	struct script *x = *state;
	struct buf names = BUF_INIT;
	struct err e;

	SCRIPT(x, { 501, ERROR("NotImplemented"), NULL, 0 }, { 200, PAGE("true", OBJECT("p/locks/a")), NULL, 0 },
	        { 200, PAGE("false", OBJECT("p/locks/b")), NULL, 0 });
	assert_true(list(x, OBJECT_LOCK, &names, &e));
	assert_string_equal(buf_str(&names), "a b ");
	assert_asked(x, LIST_LOCKS "; " LIST_LOCKS_V1
	                           "; GET /bucket?encoding-type=url&marker=p%2Flocks%2Fa&prefix=p%2Flocks%2F");
	/* remembered */
	SCRIPT(x, { 200, PAGE("false", ""), NULL, 0 });
	assert_true(list(x, OBJECT_LOCK, &names, &e));
	assert_asked(x, LIST_LOCKS_V1);
	buf_release(&names);
}

static void test_a_store_that_takes_no_notice_of_the_version(void **state)
{
	struct script *x = *state;
	struct buf names = BUF_INIT;
	struct err e;

	SCRIPT(x,
	        { 200, PAGE("true", "<Marker></Marker><NextMarker>p/locks/a</NextMarker>" OBJECT("p/locks/a")), NULL,
	                0 },
	        { 200, PAGE("false", "<Marker>p/locks/a</Marker>" OBJECT("p/locks/b")), NULL, 0 });
	assert_true(list(x, OBJECT_LOCK, &names, &e));
	assert_string_equal(buf_str(&names), "a b ");
	assert_asked(x, LIST_LOCKS "; GET /bucket?encoding-type=url&marker=p%2Flocks%2Fa&prefix=p%2Flocks%2F");
	buf_release(&names);
}

static void assert_endless(struct script *x, const struct script_answer *pages, unsigned count)
{
	struct buf names = BUF_INIT;
	struct err e;

	script_set(x, pages, count);
	assert_false(list(x, OBJECT_LOCK, &names, &e));
	assert_int_equal(e.kind, ERR_FAILED);
	assert_says(&e, "does not come to an end", "");
	buf_release(&names);
}

static void test_a_listing_that_goes_nowhere_ends(void **state)
{
	static const struct script_answer same_token[] = {
		{ 200, PAGE("true", TOKEN("t") OBJECT("p/locks/a")), NULL, 0 },
		{ 200, PAGE("true", TOKEN("t") OBJECT("p/locks/b")), NULL, 0 },
	};
	static const struct script_answer same_keys[] = {
		{ 200, PAGE("true", TOKEN("t") OBJECT("p/locks/a")), NULL, 0 },
		{ 200, PAGE("true", TOKEN("u") OBJECT("p/locks/a")), NULL, 0 },
	};
	static const struct script_answer no_way_on[] = { { 200, PAGE("true", ""), NULL, 0 } };

	assert_endless(*state, same_token, 2);
	assert_endless(*state, same_keys, 2);
	assert_endless(*state, no_way_on, 1);
}

static void test_a_page_that_is_none(void **state)
{
	struct script *x = *state;
	struct buf names = BUF_INIT;
	struct err e;

	/* Seen once, it may be a proxy's; seen three times, it is what there is. */
	SCRIPT(x, { 200, "<html>log in</html>", NULL, 0 }, { 200, PAGE("false", OBJECT("p/locks/a")), NULL, 0 });
	assert_true(list(x, OBJECT_LOCK, &names, &e));
	assert_string_equal(buf_str(&names), "a ");
	SCRIPT(x, { 200, "<html>1</html>", NULL, 0 }, { 200, "<html>2</html>", NULL, 0 },
	        { 200, "<html>3</html>", NULL, 0 });
	assert_false(list(x, OBJECT_LOCK, &names, &e));
	assert_int_equal(e.kind, ERR_FAILED);
	assert_says(&e, "list \"s3://bucket/p/\"", "");
	buf_release(&names);
}

static int compare_words(const void *a, const void *b)
{
	return memcmp(a, b, 7);
}

/* Answers by what is asked for, as many threads ask at once. */
static void answer_chunks(struct server *server, struct server_request *r)
{
	struct script *x = server->cookie;
	const char *prefix = strstr(r->target, "prefix=p%2Fchunks%2F");
	char two[3], body[2000];

	x->listings++;
	if (!prefix)
		abort();
	prefix += strlen("prefix=p%2Fchunks%2F");
	if (!*prefix) {
		server_say(r, 200, "", PAGE("true", TOKEN("t") CHUNK("00")));
		return;
	}
	snprintf(two, sizeof(two), "%.2s", prefix);
	/* The first prefix holds what the first page has shown, a store may well show it again. */
	snprintf(body, sizeof(body),
	        "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>false</IsTruncated>"
	        "<Contents><Key>p/chunks/%s/%s" ZEROS
	        "</Key><LastModified>2026-05-01T12:00:00.000Z</LastModified><Size>7</Size></Contents>"
	        "</ListBucketResult>",
	        two, two);
	server_say(r, strcmp(two, "77") == 0 && x->keys_given++ == 0 ? 500 : 200, "", body);
}

static void test_many_chunks_are_listed_by_several_at_once(void **state)
{
	struct script *x = *state;
	struct buf names = BUF_INIT;
	struct err e;

	pthread_mutex_lock(&x->server.mutex);
	x->server.handle = answer_chunks;
	pthread_mutex_unlock(&x->server.mutex);
	assert_true(list(x, OBJECT_CHUNK, &names, &e));
	assert_int_equal(names.len, 256 * 7); /* "000000 010000 ...", none twice */
	qsort(names.data, 256, 7, compare_words);
	for (unsigned i = 0; i < 256; i++) {
		char expected[8];

		snprintf(expected, sizeof(expected), "%02x0000 ", i);
		assert_memory_equal(names.data + 7 * i, expected, 7);
	}
	assert_int_equal(x->listings, 1 + 256 + 1); /* and one that failed first */
	assert_in_range(server_count(&x->server, &x->server.connections), 2, 16);
	buf_release(&names);
}

static bool stop_at_40(void *cookie, const struct object_info *info, struct err *e)
{
	unsigned *seen = cookie;

	(void)info;
	return ++*seen < 40 || err_set(e, ERR_CANCELLED, "enough");
}

static void test_one_failure_ends_them_all(void **state)
{
	struct script *x = *state;
	struct err e = ERR_INIT;
	unsigned seen = 0;

	pthread_mutex_lock(&x->server.mutex);
	x->server.handle = answer_chunks;
	pthread_mutex_unlock(&x->server.mutex);
	assert_false(storage_list(x->s, OBJECT_CHUNK, "", stop_at_40, &seen, &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_string_equal(e.msg, "enough");
	assert_int_equal(seen, 40);
}

static void test_vacancy(void **state)
{
	struct script *x = *state;
	struct err e = ERR_INIT;
	bool vacant = false;

	SCRIPT(x, { 200, PAGE("false", OBJECT("p/") OBJECT("p/doctor-0123456789abcdef")), NULL, 0 });
	assert_true(s3_is_vacant(&vacant, x->s, &e));
	assert_true(vacant);
	SCRIPT(x, { 200, PAGE("false", OBJECT("p/") OBJECT("p/x")), NULL, 0 });
	assert_true(s3_is_vacant(&vacant, x->s, &e));
	assert_false(vacant);
	SCRIPT(x, { 403, ERROR("AccessDenied"), NULL, 0 });
	assert_false(s3_is_vacant(&vacant, x->s, &e));
}

static void test_an_examination_tells_all_at_once(void **state)
{
	struct script *x = *state;
	struct s3_findings f;
	struct err e = ERR_INIT;

	SCRIPT(x, { 200, NULL, "Server: Some\x01Store/1\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n", 0 },
	        { 501, ERROR("NotImplemented"), NULL, 0 }, { 200, "other bytes", NULL, 0 },
	        { 403, ERROR("AccessDenied"), NULL, 0 }, { 403, ERROR("AccessDenied"), NULL, 0 },
	        { 200, "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>", NULL, 0 });
	assert_true(s3_examine(&f, x->s, &e));
	assert_string_equal(f.server, "Some?Store/1");
	assert_string_equal(f.region, "home-1");
	assert_string_equal(f.endpoint, x->server.url);
	assert_string_equal(f.addressing, "path");
	assert_string_equal(f.credentials, "environment");
	assert_true(f.clock_known);
	assert_int_equal(f.put.kind, ERR_NONE);
	assert_int_equal(f.get.kind, ERR_DAMAGED);
	assert_int_equal(f.list.kind, ERR_FAILED);
	assert_int_equal(f.remove.kind, ERR_FAILED);
	assert_int_equal(f.remove_refused, S3_YES);
	assert_int_equal(f.conditional_put, S3_NO);
	assert_int_equal(f.versioning, S3_YES);
}

static void test_an_examination_ends_where_nothing_can_be_asked(void **state)
{
	struct script *x = *state;
	struct s3_findings f;
	struct err e = ERR_INIT;

	SCRIPT(x, { 403, ERROR("SignatureDoesNotMatch"), "Server: S\r\n", 0 });
	assert_false(s3_examine(&f, x->s, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	assert_says(&e, "secret key", "environment");
	assert_string_equal(f.server, "S");
	assert_string_equal(f.credentials, "environment");
	assert_int_equal(x->asked_count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, script_start, script_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create_where_the_store_can_tell),
		TEST(test_create_where_the_store_refuses_the_condition),
		TEST(test_create_looks_first),
		TEST(test_create_knows_its_own_first_try),
		TEST(test_the_md5_is_sent_where_a_store_asks_for_it),
		TEST(test_what_is_not_there),
		TEST(test_a_404_that_does_not_say_what_is_missing),
		TEST(test_removing_what_is_not_there),
		TEST(test_pages_follow_each_other),
		TEST(test_a_store_that_knows_only_version_1),
		TEST(test_a_store_that_takes_no_notice_of_the_version),
		TEST(test_a_listing_that_goes_nowhere_ends),
		TEST(test_a_page_that_is_none),
		TEST(test_many_chunks_are_listed_by_several_at_once),
		TEST(test_one_failure_ends_them_all),
		TEST(test_vacancy),
		TEST(test_an_examination_tells_all_at_once),
		TEST(test_an_examination_ends_where_nothing_can_be_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
