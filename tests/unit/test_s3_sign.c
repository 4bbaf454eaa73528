/*
 * Signatures against what AWS has published (the four examples of the S3 API reference, and what of the Signature
 * Version 4 test suite applies to a client that sends no header twice), and against another implementation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "src/base/child.h"
#include "storage/backend/s3_sign.h"

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define CASES        2000

#define HEADERS(...)              \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}
#define QUERY(...)                                         \
	.query = (const struct s3_query[]){ __VA_ARGS__ }, \
	.query_count = sizeof((const struct s3_query[]){ __VA_ARGS__ }) / sizeof(struct s3_query)

/* The examples of "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk". */
#define EXAMPLE                                                                                         \
	.access_key = "AKIAIOSFODNN7EXAMPLE", .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", \
	.region = "us-east-1", .service = "s3", .host = "examplebucket.s3.amazonaws.com",               \
	.payload_sha256 = EMPTY_SHA256, .now_us = INT64_C(1369353600000000)

static void ends(const char *expected_end, const struct buf *text)
{
	size_t len = strlen(expected_end);

	if (text->len < len || strcmp(buf_str(text) + text->len - len, expected_end) != 0)
		fail_msg("expected the end %s\nof %s", expected_end, buf_str(text));
}

static void signature(const char *expected, struct s3_sign_input in)
{
	char line[80];
	struct buf out = BUF_INIT;

	snprintf(line, sizeof(line), "Signature=%s\n", expected);
	s3_sign(&out, &in);
	ends(line, &out);
	buf_release(&out);
}

static void steps_of_get_object(void **state)
{
	const struct s3_sign_input in = { EXAMPLE, .method = "GET", .path = "/test.txt",
		.headers = HEADERS("Range: bytes=0-9") };
	struct buf out = BUF_INIT;

	(void)state;
	s3_canonical_request(&out, &in);
	assert_string_equal(buf_str(&out), "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\n"
	                                   "x-amz-content-sha256:" EMPTY_SHA256 "\nx-amz-date:20130524T000000Z\n\n"
	                                   "host;range;x-amz-content-sha256;x-amz-date\n" EMPTY_SHA256);
	s3_string_to_sign(&out, &in);
	assert_string_equal(buf_str(&out), "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
	                                   "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972");
	s3_sign(&out, &in);
	assert_string_equal(buf_str(&out),
	        "Range: bytes=0-9\nx-amz-date: 20130524T000000Z\nx-amz-content-sha256: " EMPTY_SHA256 "\n"
	        "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
	        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
	        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41\n");
	buf_release(&out);
}

static void examples_of_the_s3_reference(void **state)
{
	struct s3_sign_input put = { EXAMPLE, .method = "PUT", .path = "/test$file.text",
		.headers = HEADERS("Date: Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class: REDUCED_REDUNDANCY") };

	(void)state;
	hash_sha256_hex(put.payload_sha256, view_str("Welcome to Amazon S3."));
	signature("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd", put);
	signature("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
	        (struct s3_sign_input){ EXAMPLE, .method = "GET", .path = "/", QUERY({ "lifecycle", "" }) });
	signature("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
	        (struct s3_sign_input){
	                EXAMPLE, .method = "GET", .path = "/", QUERY({ "prefix", "J" }, { "max-keys", "2" }) });
}

/* The test suite's own credentials; its requests name no payload hash in a header, which is how services but S3 work.
 */
#define SUITE                                                                                                         \
	.access_key = "AKIDEXAMPLE", .secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", .region = "us-east-1", \
	.service = "service", .host = "example.amazonaws.com", .payload_sha256 = EMPTY_SHA256,                        \
	.now_us = INT64_C(1440938160000000)
#define SUITE_GET(...)  ((struct s3_sign_input){ SUITE, .method = "GET", __VA_ARGS__ })
#define SUITE_POST(...) ((struct s3_sign_input){ SUITE, .method = "POST", .path = "/", __VA_ARGS__ })

static void queries_of_the_test_suite(void **state)
{
	static const char unreserved[] = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	(void)state;
	signature("5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", SUITE_GET(.path = "/"));
	signature("b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
	        SUITE_GET(.path = "/", QUERY({ "Param2", "value2" }, { "Param1", "value1" })));
	signature("eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1",
	        SUITE_GET(.path = "/", QUERY({ "Param1", "value2" }, { "Param1", "Value1" })));
	signature("5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
	        SUITE_GET(.path = "/", QUERY({ "Param1", "value2" }, { "Param1", "value1" })));
	signature("9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
	        SUITE_GET(.path = "/", QUERY({ unreserved, unreserved })));
	signature("2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
	        SUITE_GET(.path = "/", QUERY({ "\xe1\x88\xb4", "bar" })));
	signature("28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
	        SUITE_POST(QUERY({ "Param1", "value1" })));
}

static void paths_of_the_test_suite(void **state)
{
	(void)state;
	signature(
	        "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85", SUITE_GET(.path = "/\xe1\x88\xb4"));
	signature("652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
	        SUITE_GET(.path = "/example space/"));
}

static void headers_of_the_test_suite(void **state)
{
	struct s3_sign_input form = SUITE_POST(.headers = HEADERS("Content-Type: application/x-www-form-urlencoded"));

	(void)state;
	signature("acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
	        SUITE_GET(.path = "/", .headers = HEADERS("My-Header1: value1", "My-Header2: \"a   b   c\"")));
	signature("5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b", SUITE_POST());
	signature("cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
	        SUITE_POST(.headers = HEADERS("My-Header1: VALUE1")));
	signature("c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
	        SUITE_POST(.headers = HEADERS("My-Header1: value1")));
	hash_sha256_hex(form.payload_sha256, view_str("Param1=value1"));
	signature("ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a", form);
	/* post-sts-header-before */
	signature("85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
	        SUITE_POST(.session_token =
	                           "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicR"
	                           "XmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsbu"
	                           "rEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPP"
	                           "kUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="));
}

static void targets(void **state)
{
	const struct s3_query sub[] = { { "uploads", "" } };
	const struct s3_query list[] = { { "prefix", "x/" }, { "list-type", "2" } };
	const struct s3_query close_names[] = { { "a", "2" }, { "a-b", "1" }, { "a", "1" } };
	struct buf out = BUF_INIT;

	(void)state;
	s3_encode_target(&out, "/a b", NULL, 0);
	assert_string_equal(buf_str(&out), "/a%20b");
	s3_encode_target(&out, "", NULL, 0);
	assert_string_equal(buf_str(&out), "/");
	s3_encode_target(&out, "/b/k", sub, 1);
	assert_string_equal(buf_str(&out), "/b/k?uploads=");
	s3_encode_target(&out, "/a b", list, 2);
	assert_string_equal(buf_str(&out), "/a%20b?list-type=2&prefix=x%2F");
	/* '=' is behind '-', yet "a" is before "a-b" */
	s3_encode_target(&out, "/", close_names, 3);
	assert_string_equal(buf_str(&out), "/?a=1&a=2&a-b=1");
	s3_encode_target(&out, "/b/%41/.././/+(!)*':=@~\xff", NULL, 0);
	assert_string_equal(buf_str(&out), "/b/%2541/.././/%2B%28%21%29%2A%27%3A%3D%40~%FF");
	buf_release(&out);
}

static void no_secret_is_in_the_output(void **state)
{
	const struct s3_sign_input in = { EXAMPLE, .method = "GET", .path = "/x", .session_token = "TOKEN" };
	struct buf out = BUF_INIT;

	(void)state;
	s3_sign(&out, &in);
	assert_null(strstr(buf_str(&out), in.secret_key));
	assert_non_null(strstr(buf_str(&out), "\nx-amz-security-token: TOKEN\n"));
	assert_non_null(strstr(buf_str(&out), ";x-amz-security-token,"));
	buf_release(&out);
}

/* --- against sigv4.py --- */

/* The next field of a line of sigv4.py, in place of its hex. */
static char *field(char **at)
{
	char *hex = *at;
	size_t len = strcspn(hex, " \n");

	assert_int_not_equal(len, 0);
	*at = hex + len + 1;
	hex[len] = '\0';
	if (strcmp(hex, "-") == 0)
		len = 0;
	assert_true(len == 0 || hash_unhex((uint8_t *)hex, len / 2, hex));
	hex[len / 2] = '\0';
	return hex;
}

static size_t number(char **at)
{
	return strtoull(field(at), NULL, 10);
}

static void same(const char *what, const char *expected, const struct buf *got)
{
	if (strcmp(expected, buf_str(got)) != 0)
		fail_msg("%s: expected\n%s\ngot\n%s", what, expected, buf_str(got));
}

static void check_case(char **line)
{
	struct s3_query query[8];
	const char *headers[8] = { NULL };
	struct s3_sign_input in = { .query = query, .headers = headers };
	struct buf out = BUF_INIT;
	char *expected;

	in.access_key = field(line);
	in.secret_key = field(line);
	in.session_token = field(line);
	if (!*in.session_token)
		in.session_token = NULL;
	in.region = field(line);
	in.service = field(line);
	in.method = field(line);
	in.host = field(line);
	in.path = field(line);
	in.query_count = number(line);
	assert_true(in.query_count < 8);
	for (size_t i = 0; i < in.query_count; i++) {
		query[i].name = field(line);
		query[i].value = field(line);
	}
	for (size_t i = 0, n = number(line); i < n; i++) {
		assert_true(i < 7);
		headers[i] = field(line);
	}
	memcpy(in.payload_sha256, field(line), SHA256_HEX_SIZE);
	in.now_us = (int64_t)number(line) * 1000000;
	s3_encode_target(&out, in.path, in.query, in.query_count);
	same("target", field(line), &out);
	s3_canonical_request(&out, &in);
	same("canonical request", field(line), &out);
	s3_sign(&out, &in);
	expected = xasprintf("Authorization: %s\n", field(line));
	ends(expected, &out);
	free(expected);
	buf_release(&out);
}

static void awkward_requests_as_another_implementation_signs_them(void **state)
{
	char seed[24], count[24];
	struct child_spec python = { .argv = (const char *const[]){ DRTOOL_UNIT_DIR "/sigv4.py", seed, count, NULL } };
	struct buf lines = BUF_INIT;
	struct err e = ERR_INIT;
	unsigned n = 0;
	char *at;

	(void)state;
	snprintf(seed, sizeof(seed), "%d", (int)getpid()); /* others each time */
	snprintf(count, sizeof(count), "%d", CASES);
	print_message("seed %s\n", seed);
	if (!child_capture(&lines, &python, NULL, &e))
		fail_msg("%s", e.msg);
	for (at = (char *)lines.data; *at; n++)
		check_case(&at);
	assert_int_equal(n, CASES);
	buf_release(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_of_get_object),
		cmocka_unit_test(examples_of_the_s3_reference),
		cmocka_unit_test(queries_of_the_test_suite),
		cmocka_unit_test(paths_of_the_test_suite),
		cmocka_unit_test(headers_of_the_test_suite),
		cmocka_unit_test(targets),
		cmocka_unit_test(no_secret_is_in_the_output),
		cmocka_unit_test(awkward_requests_as_another_implementation_signs_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
