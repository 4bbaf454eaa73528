/* "s3://bucket/prefix" and the settings around it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/backend/s3_url.h"

/* Nothing of this machine's settings. */
static int clean(void **state)
{
	static const char *const names[] = { "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION",
		"AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	setenv("AWS_CONFIG_FILE", "/nonexistent/config", 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials", 1);
	return 0;
}

/* Where the key "k" and the bucket itself are: "host path | path". */
static void assert_target(const char *url, const struct s3_options *o, const char *expected)
{
	struct buf host = BUF_INIT, path = BUF_INIT, text = BUF_INIT;
	struct s3_place p;
	struct err e = ERR_INIT;

	if (!s3_place_resolve(&p, url, o, &e))
		fail_msg("%s: %s", url, e.msg);
	s3_place_target(&host, &path, &p, "k");
	buf_addf(&text, "%s://%s %s", p.tls ? "https" : "http", buf_str(&host), buf_str(&path));
	s3_place_target(&host, &path, &p, NULL);
	buf_addf(&text, " | %s", buf_str(&path));
	assert_string_equal(buf_str(&text), expected);
	buf_release(&host);
	buf_release(&path);
	buf_release(&text);
	s3_place_release(&p);
}

static void assert_refused(const char *url, const struct s3_options *o, const char *why)
{
	struct s3_place p;
	struct err e = ERR_INIT;

	if (s3_place_resolve(&p, url, o, &e))
		fail_msg("%s is taken", url);
	assert_int_equal(e.kind, ERR_USAGE);
	if (!strstr(e.msg, why))
		fail_msg("%s: %s", url, e.msg);
	assert_null(strstr(e.msg, "hunter2"));
	assert_null(strstr(e.hint, "hunter2"));
}

static const struct s3_options plain = { .endpoint = "http://127.0.0.1:7480" };

static void test_bucket_and_prefix(void **state)
{
	(void)state;
	assert_target("s3://bucket", &plain, "http://127.0.0.1:7480 /bucket/k | /bucket");
	assert_target("s3://bucket/", &plain, "http://127.0.0.1:7480 /bucket/k | /bucket");
	assert_target("s3://bucket/a/b", &plain, "http://127.0.0.1:7480 /bucket/a/b/k | /bucket");
	assert_target("s3://bucket//a/b//", &plain, "http://127.0.0.1:7480 /bucket/a/b/k | /bucket");
	assert_target("s3://Old_Bucket.x/Pr\xc3\xa4 fix+(1)", &plain,
	        "http://127.0.0.1:7480 /Old_Bucket.x/Pr\xc3\xa4 fix+(1)/k | /Old_Bucket.x");
	assert_true(s3_is_url("s3://x"));
	assert_false(s3_is_url("/s3://x"));
	assert_false(s3_is_url("S3:/x"));
}

static void test_what_is_no_s3_url(void **state)
{
	char longest[600] = "s3://bucket/";

	(void)state;
	assert_refused("s3:/bucket", &plain, "begins with s3://");
	assert_refused("s3://", &plain, "no bucket name");
	assert_refused("s3:///prefix", &plain, "no bucket name");
	assert_refused("s3://ab", &plain, "no bucket name");
	assert_refused("s3://key:hunter2@bucket/x", &plain, "a password");
	assert_refused("s3://bucket:9000/x", &plain, "a port");
	assert_refused("s3://bucket?region=x", &plain, "query");
	assert_refused("s3://bucket/a?x=hunter2", &plain, "'?'");
	assert_refused("s3://bucket/a/../b", &plain, "'..'");
	assert_refused("s3://bucket/./b", &plain, "'.'");
	assert_refused("s3://bucket/a//b", &plain, "empty");
	assert_refused("s3://bucket/a\nb", &plain, "control character");
	assert_refused("s3://buck et/a", &plain, "character other than");
	memset(longest + 12, 'a', 401);
	assert_refused(longest, &plain, "longer than 400");
}

static void test_endpoints(void **state)
{
	(void)state;
	assert_target("s3://bucket", &(struct s3_options){ .endpoint = "https://s3.example.com:443/" },
	        "https://s3.example.com /bucket/k | /bucket");
	assert_target("s3://bucket", &(struct s3_options){ .endpoint = "http://h:80" }, "http://h /bucket/k | /bucket");
	assert_target("s3://bucket", &(struct s3_options){ .endpoint = "https://h:80/base/" },
	        "https://h:80 /base/bucket/k | /base/bucket");
	assert_target("s3://bucket", &(struct s3_options){ .endpoint = "http://[::1]:7480" },
	        "http://[::1]:7480 /bucket/k | /bucket");
	/* As libcurl writes them, for they are signed. */
	assert_target("s3://bucket", &(struct s3_options){ .endpoint = "http://h:07480" },
	        "http://h:7480 /bucket/k | /bucket");
	assert_target("s3://bucket", &(struct s3_options){ .endpoint = "http://[::1]:00081/b" },
	        "http://[::1]:81 /b/bucket/k | /b/bucket");
	assert_target(
	        "s3://bucket", &(struct s3_options){ .endpoint = "https://h:0443" }, "https://h /bucket/k | /bucket");
	assert_target(
	        "s3://bucket", &(struct s3_options){ .endpoint = "http://h:443" }, "http://h:443 /bucket/k | /bucket");
	assert_refused("s3://bucket", &(struct s3_options){ .endpoint = "http://h:0" }, "valid host");
	assert_refused("s3://bucket", &(struct s3_options){ .endpoint = "h:7480" }, "does not begin with https://");
	assert_refused("s3://bucket", &(struct s3_options){ .endpoint = "http://u:hunter2@h" }, "a user or a password");
	assert_refused("s3://bucket", &(struct s3_options){ .endpoint = "http://h:70000" }, "valid host");
	assert_refused("s3://bucket", &(struct s3_options){ .endpoint = "http://h:" }, "valid host");
	assert_refused("s3://bucket", &(struct s3_options){ .endpoint = "http://" }, "valid host");
	assert_refused("s3://bucket", &(struct s3_options){ .endpoint = "http://h\r\nX: y" }, "valid host");
	assert_refused("s3://bucket", &(struct s3_options){ .endpoint = "http://h/?x" }, "query");
}

static void test_endpoints_from_the_environment(void **state)
{
	(void)state;
	setenv("AWS_ENDPOINT_URL", "http://general", 1);
	assert_target("s3://bucket", &(struct s3_options){ 0 }, "http://general /bucket/k | /bucket");
	setenv("AWS_ENDPOINT_URL_S3", "http://special", 1);
	assert_target("s3://bucket", &(struct s3_options){ 0 }, "http://special /bucket/k | /bucket");
	assert_target("s3://bucket", &plain, "http://127.0.0.1:7480 /bucket/k | /bucket");
	setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
	assert_target("s3://bucket", &(struct s3_options){ 0 }, "https://bucket.s3.us-east-1.amazonaws.com /k | /");
	assert_target("s3://bucket", &plain, "http://127.0.0.1:7480 /bucket/k | /bucket");
}

static void test_aws_by_region(void **state)
{
	(void)state;
	setenv("AWS_DEFAULT_REGION", "eu-west-3", 1);
	assert_target("s3://bucket/p", &(struct s3_options){ 0 }, "https://bucket.s3.eu-west-3.amazonaws.com /p/k | /");
	setenv("AWS_REGION", "eu-central-1", 1);
	assert_target("s3://bucket", &(struct s3_options){ 0 }, "https://bucket.s3.eu-central-1.amazonaws.com /k | /");
	assert_target("s3://bucket", &(struct s3_options){ .region = "cn-north-1" },
	        "https://bucket.s3.cn-north-1.amazonaws.com.cn /k | /");
	/* No certificate covers a dot, and a host name knows no capitals. */
	assert_target("s3://a.bucket", &(struct s3_options){ 0 },
	        "https://s3.eu-central-1.amazonaws.com /a.bucket/k | /a.bucket");
	assert_target(
	        "s3://Bucket", &(struct s3_options){ 0 }, "https://s3.eu-central-1.amazonaws.com /Bucket/k | /Bucket");
	assert_target("s3://bucket", &(struct s3_options){ .addressing = "path" },
	        "https://s3.eu-central-1.amazonaws.com /bucket/k | /bucket");
	assert_refused("s3://bucket", &(struct s3_options){ .region = "a/../b" }, "region");
}

static void test_addressing(void **state)
{
	struct s3_options o = { .endpoint = "http://store:1/b", .addressing = "virtual" };

	(void)state;
	assert_target("s3://bucket/p", &o, "http://bucket.store:1 /b/p/k | /b/");
	assert_refused("s3://Bucket", &o, "cannot be part of a host name");
	o.endpoint = "http://127.0.0.1:7480";
	assert_refused("s3://bucket", &o, "not an address");
	o.addressing = "vhost";
	assert_refused("s3://bucket", &o, "\"vhost\"");
	o.endpoint = "https://s3.eu-west-1.amazonaws.com";
	o.addressing = "auto";
	assert_target("s3://bucket", &o, "https://bucket.s3.eu-west-1.amazonaws.com /k | /");
}

static void test_moving_to_another_region(void **state)
{
	struct buf host = BUF_INIT, path = BUF_INIT;
	struct s3_place p;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(s3_place_resolve(&p, "s3://bucket", &(struct s3_options){ 0 }, &e));
	s3_place_move(&p, "eu-north-1");
	s3_place_target(&host, &path, &p, "k");
	assert_string_equal(buf_str(&host), "bucket.s3.eu-north-1.amazonaws.com");
	s3_place_release(&p);
	assert_true(s3_place_resolve(&p, "s3://bucket", &plain, &e));
	s3_place_move(&p, "eu-north-1");
	s3_place_target(&host, &path, &p, "k");
	assert_string_equal(buf_str(&host), "127.0.0.1:7480");
	assert_string_equal(p.region, "eu-north-1");
	s3_place_release(&p);
	buf_release(&host);
	buf_release(&path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_bucket_and_prefix, clean),
		cmocka_unit_test_setup(test_what_is_no_s3_url, clean),
		cmocka_unit_test_setup(test_endpoints, clean),
		cmocka_unit_test_setup(test_endpoints_from_the_environment, clean),
		cmocka_unit_test_setup(test_aws_by_region, clean),
		cmocka_unit_test_setup(test_addressing, clean),
		cmocka_unit_test_setup(test_moving_to_another_region, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
