/* tests/unit/test_s3_credentials_http.c - keys that services give out: STS, container, instance metadata; refreshing by
 * many threads */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "src/base/child.h"
#include "src/base/clock.h"
#include "tests/unit/credentials_fixture.h"

#define THREADS 8

static struct child server = CHILD_INIT;
static char base[64]; /* its URL */

static int server_start(void **state)
{
	const struct child_spec spec = { .argv = (const char *const[]){ DRTOOL_UNIT_DIR "/credential_server.py", NULL },
		.want_stdin = true,
		.want_stdout = true };
	struct err e = ERR_INIT;
	char line[16] = "";

	if (fixture_start(state) != 0)
		return 1;
	if (!child_start(&server, &spec, &e) || read(server.out, line, sizeof(line) - 1) <= 0) {
		print_error("%s\n%s\n", e.msg, child_stderr(&server));
		return 1;
	}
	snprintf(base, sizeof(base), "http://127.0.0.1:%ld", strtol(line, NULL, 10));
	return 0;
}

static int server_stop(void **state)
{
	child_abort(&server);
	return fixture_stop(state);
}

/* name=<server><path> */
static void point(const char *name, const char *path)
{
	char url[200];

	snprintf(url, sizeof(url), "%s%s", base, path);
	setenv(name, url, 1);
}

/* What the server says about itself; the caller frees. */
static char *told(const char *path)
{
	struct http_response answer = HTTP_RESPONSE_INIT_MAX(65536);
	char url[200];
	const struct http_request request = { .method = HTTP_GET, .url = url, .no_proxy = true };
	struct err e = ERR_INIT;
	char *text;

	snprintf(url, sizeof(url), "%s%s", base, path);
	if (!http_perform(&answer, http, &request, &e))
		fail_msg("%s", e.msg);
	assert_int_equal(answer.status, 200);
	text = xstrdup(buf_str(&answer.body));
	http_response_release(&answer);
	return text;
}

static void last_request_was(const char *expected)
{
	char *last = told("/last");

	assert_string_equal(last, expected);
	free(last);
}

static long given_out(void)
{
	char *count = told("/count");
	long n = strtol(count, NULL, 10);

	free(count);
	return n;
}

/* --- STS --- */

static void keys_of_a_web_identity(void **state)
{
	(void)state;
	point("AWS_ENDPOINT_URL_STS", "/sts/good/");
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", home_file("jwt", "hush.jwt+/=\n"), 1);
	has_none(NULL, ERR_USAGE, "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
	setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r", 1);
	has_keys(NULL, NULL, NULL, NULL, "web identity");
	last_request_was("Action=AssumeRoleWithWebIdentity RoleArn=arn:aws:iam::1:role/r RoleSessionName=drtool "
	                 "WebIdentityToken=hush.jwt+/=");
	setenv("AWS_ROLE_SESSION_NAME", "me", 1);
	point("AWS_ENDPOINT_URL_STS", "/sts/busy/2");
	has_keys(NULL, NULL, NULL, NULL, "web identity"); /* the third try */
	last_request_was("Action=AssumeRoleWithWebIdentity RoleArn=arn:aws:iam::1:role/r RoleSessionName=me "
	                 "WebIdentityToken=hush.jwt+/=");
}

static void web_identities_that_do_not_work(void **state)
{
	(void)state;
	setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r", 1);
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", home_file("jwt", NULL), 1);
	has_none(NULL, ERR_USAGE, "/jwt");
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", home_file("jwt", " \n"), 1);
	has_none(NULL, ERR_USAGE, "there is no token");
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", home_file("jwt", "hush\nhush"), 1);
	has_none(NULL, ERR_USAGE, "the token holds a character that no key has");
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", home_file("jwt", "hush.jwt"), 1);
	setenv("AWS_ENDPOINT_URL_STS", "sts.example.com", 1);
	has_none(NULL, ERR_USAGE, "AWS_ENDPOINT_URL_STS is no http or https URL");
	setenv("AWS_ENDPOINT_URL_STS", "https://user:hush@sts.example.com", 1);
	has_none(NULL, ERR_USAGE, "AWS_ENDPOINT_URL_STS is no http or https URL, or holds a user or a query");
	point("AWS_ENDPOINT_URL_STS", "/sts/denied");
	has_none(NULL, ERR_FAILED, "it answers 403 AccessDenied: not you");
	has_none(NULL, ERR_FAILED, "(before that: environment: AWS_ACCESS_KEY_ID is not set; profile: ");
	point("AWS_ENDPOINT_URL_STS", "/sts/repeat");
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", home_file("jwt", "hush.hush.hush.jwt"), 1);
	has_none(NULL, ERR_FAILED, "it answers 400");
	point("AWS_ENDPOINT_URL_STS", "/sts/busy/1000");
	has_none(NULL, ERR_TRANSIENT, "it answers 503 ServiceUnavailable");
	setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1", 1);
	has_none(NULL, ERR_TRANSIENT, "127.0.0.1:1");
}

static void config(const char *text)
{
	setenv("AWS_CONFIG_FILE", home_file("config", text), 1);
}

#define BASE "[profile base]\naws_access_key_id=AKIABASE\naws_secret_access_key=hushBase\n"
#define ROLE "role_arn=arn:aws:iam::1:role/r\n"

static void keys_of_a_role(void **state)
{
	(void)state;
	point("AWS_ENDPOINT_URL_STS", "/sts/good");
	config(BASE "[profile r]\n" ROLE
	            "source_profile=base\nexternal_id=a b\nduration_seconds=900\nrole_session_name=s\n");
	has_keys("r", NULL, NULL, NULL, "role \"arn:aws:iam::1:role/r\" of profile \"r\"");
	last_request_was(
	        "Action=AssumeRole DurationSeconds=900 ExternalId=a b RoleArn=arn:aws:iam::1:role/r RoleSessionName=s");
	/* the keys of the first role, with their token, open the second */
	config(BASE "[profile one]\n" ROLE "source_profile=base\n[profile two]\nrole_arn=two\nsource_profile=one\n");
	has_keys("two", NULL, NULL, NULL, "role \"two\"");
	config("[profile self]\naws_access_key_id=AKIABASE\naws_secret_access_key=hushBase\n" ROLE
	       "source_profile=self\n");
	has_keys("self", NULL, NULL, NULL, "role");
	setenv("AWS_ACCESS_KEY_ID", "AKIABASE", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "hushBase", 1);
	config("[profile e]\n" ROLE "credential_source=Environment\n");
	has_keys("e", NULL, NULL, NULL, "role");
	point("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container/life/3600");
	config("[profile c]\n" ROLE "credential_source=EcsContainer\n");
	has_keys("c", NULL, NULL, NULL, "role");
	{
		char text[300];

		snprintf(text, sizeof(text), "[profile w]\n" ROLE "web_identity_token_file=%s\n",
		        home_file("jwt", "hush.jwt"));
		config(text);
	}
	has_keys("w", NULL, NULL, NULL, "role");
}

static void a_role_when_our_clock_is_wrong(void **state)
{
	(void)state;
	point("AWS_ENDPOINT_URL_STS", "/sts/skew");
	config(BASE "[profile r]\n" ROLE "source_profile=base\n");
	has_keys("r", NULL, NULL, NULL, "role");
}

static void roles_that_do_not_work(void **state)
{
	(void)state;
	point("AWS_ENDPOINT_URL_STS", "/sts/good");
	config("[profile r]\n" ROLE
	       "source_profile=wrong\n[profile wrong]\naws_access_key_id=AKIABASE\naws_secret_access_key=hushNo\n");
	has_none("r", ERR_FAILED, "it answers 403 SignatureDoesNotMatch");
	config("[profile r]\n" ROLE);
	has_none("r", ERR_USAGE, "profile \"r\": it has role_arn without source_profile");
	config("[profile r]\n" ROLE "source_profile=gone\n");
	has_none("r", ERR_USAGE, "its source_profile \"gone\" is in neither");
	config("[profile r]\n" ROLE "source_profile=s\n[profile s]\n" ROLE "source_profile=r\n");
	has_none("r", ERR_USAGE, "lead to each other through source_profile");
	config("[profile r]\n" ROLE "source_profile=r\n");
	has_none("r", ERR_USAGE, "there are no keys to take on the role");
	config("[profile r]\n" ROLE "credential_source=Environment\n");
	has_none("r", ERR_USAGE, "AWS_ACCESS_KEY_ID is not set");
	config("[profile r]\n" ROLE "credential_source=Elsewhere\n");
	has_none("r", ERR_USAGE, "its credential_source is not");
	config(BASE "[profile r]\n" ROLE "source_profile=base\nmfa_serial=arn:x\n");
	has_none("r", ERR_USAGE, "needs a code of an MFA device");
	config(BASE "[profile r]\n" ROLE "source_profile=base\nduration_seconds=1h\n");
	has_none("r", ERR_USAGE, "duration_seconds is not 1 to 43200");
}

/* --- container --- */

static void keys_of_a_container(void **state)
{
	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1); /* nobody there: it is not to be used */
	setenv("all_proxy", "http://127.0.0.1:1", 1);
	point("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container/life/3600");
	has_keys(NULL, NULL, NULL, NULL, "container");
	point("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container/auth/Basic%20hush");
	has_none(NULL, ERR_FAILED, "container: it answers 401");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic hush", 1);
	has_keys(NULL, NULL, NULL, NULL, "container");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hush\r\nx", 1);
	has_none(NULL, ERR_USAGE, "AWS_CONTAINER_AUTHORIZATION_TOKEN holds a line break");
	point("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container/auth/hushFile");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", home_file("token", "hushFile\n"), 1);
	has_keys(NULL, NULL, NULL, NULL, "container");
	point("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container/busy/2");
	has_keys(NULL, NULL, NULL, NULL, "container");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nonexistent/token", 1);
	has_none(NULL, ERR_USAGE, "/nonexistent/token");
}

static void where_a_container_asks(void **state)
{
	static const char *const bad[] = { "http://example.com/x", "http://169.254.169.254/x",
		"http://localhost.example.com/", "http://127.0.0.1.example.com/", "http://10.0.0.1/", "http://[::2]/",
		"http://user@127.0.0.1/", "http://127.0.0.1@example.com/", "ftp://127.0.0.1/", "file:///etc/passwd",
		"127.0.0.1/x", "/x" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", bad[i], 1);
		has_none(NULL, ERR_USAGE, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
	}
	/* let through, and nobody there */
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://127.0.0.1:1/", 1);
	has_none(NULL, ERR_TRANSIENT, "127.0.0.1");
	setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "x", 1);
	has_none(NULL, ERR_USAGE, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not start with /");
}

/* --- instance metadata --- */

static void metadata(const char *path)
{
	unsetenv("AWS_EC2_METADATA_DISABLED");
	point("AWS_EC2_METADATA_SERVICE_ENDPOINT", path);
}

static void keys_of_a_machine(void **state)
{
	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	metadata("/imds/good");
	has_keys(NULL, NULL, NULL, NULL, "instance metadata, role \"my-role\"");
	metadata("/imds/good/");
	has_keys(NULL, NULL, NULL, NULL, "instance metadata");
	metadata("/imds/refused");
	has_none(NULL, ERR_FAILED, "instance metadata: it answers \"AssumeRoleUnauthorizedAccess\"");
	metadata("/imds/norole");
	has_none(NULL, ERR_USAGE, "instance metadata: the machine has no role)");
	metadata("/imds/old"); /* version 1 alone is never used */
	has_none(NULL, ERR_USAGE, "instance metadata: the request for a token is answered with 404)");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1", 1);
	has_none(NULL, ERR_USAGE, "instance metadata: ");
}

static void a_machine_that_hangs_is_not_waited_for_long(void **state)
{
	static const char *const paths[] = { "/imds/hang", "/imds/hanglater" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		int64_t start_us = clock_monotonic_us();

		metadata(paths[i]);
		has_none(NULL, i ? ERR_TRANSIENT : ERR_USAGE, "instance metadata: ");
		assert_true(clock_monotonic_us() - start_us < 3000000);
	}
}

/* --- answers of an enemy --- */

static void hostile_answers(void **state)
{
	char *sizes = told("/sizes"), *end;
	long json = strtol(sizes, &end, 10), xml = strtol(end, NULL, 10);
	char path[64];

	(void)state;
	assert_true(json > 10 && xml > 5);
	for (long i = 0; i < json; i++) {
		snprintf(path, sizeof(path), "/container/hostile/%ld", i);
		point("AWS_CONTAINER_CREDENTIALS_FULL_URI", path);
		has_none(NULL, ERR_FAILED, "container: ");
	}
	setenv("AWS_ROLE_ARN", "r", 1);
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", home_file("jwt", "hush.jwt"), 1);
	for (long i = 0; i < xml; i++) {
		snprintf(path, sizeof(path), "/sts/hostile/%ld", i);
		point("AWS_ENDPOINT_URL_STS", path);
		has_none(NULL, ERR_FAILED, "STS at 127.0.0.1");
	}
	free(sizes);
}

/* --- the cache --- */

static void keys_are_kept(void **state)
{
	struct s3_credentials *c = s3_credentials_new(http, NULL, NULL);
	struct s3_keys one, two;
	struct err e = ERR_INIT;
	long before = given_out();

	(void)state;
	point("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container/life/3600");
	assert_true(s3_credentials_get(&one, c, &e));
	assert_true(s3_credentials_get(&two, c, &e));
	assert_string_equal(one.access_key, two.access_key);
	assert_int_equal(given_out(), before + 1);
	s3_keys_release(&two);
	/* refused by the store: others */
	assert_true(s3_credentials_refused(c, one.generation));
	assert_true(s3_credentials_get(&two, c, &e));
	assert_string_not_equal(one.access_key, two.access_key);
	assert_true(two.generation > one.generation);
	assert_int_equal(given_out(), before + 2);
	s3_keys_release(&one);
	s3_keys_release(&two);
	s3_credentials_free(c);
}

static void a_source_that_gives_the_same_again(void **state)
{
	struct s3_credentials *c = s3_credentials_new(http, NULL, NULL);
	struct s3_keys keys;
	struct err e = ERR_INIT;

	(void)state;
	point("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container/same/x");
	assert_true(s3_credentials_get(&keys, c, &e));
	assert_true(s3_credentials_refused(c, keys.generation));
	s3_keys_release(&keys);
	assert_true(s3_credentials_get(&keys, c, &e));
	assert_false(s3_credentials_refused(c, keys.generation));
	s3_keys_release(&keys);
	s3_credentials_free(c);
}

/* By our clock they are over when they come: the store decides, it may be our clock that is wrong. */
static void keys_that_seem_over_are_tried(void **state)
{
	(void)state;
	point("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container/life/-3600");
	has_keys(NULL, NULL, NULL, NULL, "container");
}

static void keys_expire_by_the_clock_of_who_gave_them(void **state)
{
	struct s3_credentials *c = s3_credentials_new(http, NULL, NULL);
	struct s3_keys one, two;
	struct err e = ERR_INIT;

	(void)state;
	point("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container/skew/4"); /* an hour and 4 seconds by ours */
	assert_true(s3_credentials_get(&one, c, &e));
	assert_true(one.expires_us < clock_utc_us() + 10000000);
	usleep(3000000);
	assert_true(s3_credentials_get(&two, c, &e));
	assert_true(two.generation > one.generation);
	s3_keys_release(&one);
	s3_keys_release(&two);
	s3_credentials_free(c);
}

static void old_keys_serve_while_a_refresh_fails(void **state)
{
	struct s3_credentials *c = s3_credentials_new(http, NULL, NULL);
	struct s3_keys keys;
	struct err e = ERR_INIT;

	(void)state;
	point("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container/once/4");
	assert_true(s3_credentials_get(&keys, c, &e));
	s3_keys_release(&keys);
	usleep(2200000); /* past half of their life */
	assert_true(s3_credentials_get(&keys, c, &e));
	s3_keys_release(&keys);
	usleep(2000000);
	assert_false(s3_credentials_get(&keys, c, &e));
	assert_int_equal(e.kind, ERR_TRANSIENT);
	contains(e.msg, "container: it answers 500");
	s3_credentials_free(c);
}

struct crowd {
	struct s3_credentials *credentials;
	int64_t until_us;
	enum err_kind expected; /* ERR_NONE: keys */
	pthread_t threads[THREADS];
};

/* cmocka's checks belong to its own thread: a wrong turn ends the program. */
static void *use(void *cookie)
{
	struct crowd *crowd = cookie;

	do {
		struct s3_keys keys;
		struct err e = ERR_INIT;

		if (!s3_credentials_get(&keys, crowd->credentials, &e)) {
			if (e.kind != crowd->expected)
				abort();
			return NULL;
		}
		if (crowd->expected != ERR_NONE || keys.expires_us + 100000 < clock_utc_us())
			abort();
		if (strcmp(keys.access_key + 4, keys.secret_key + 10) != 0 ||
		        strcmp(keys.access_key + 4, keys.session_token + 9) != 0)
			abort(); /* parts of two sets */
		s3_keys_release(&keys);
		usleep(1000);
	} while (clock_monotonic_us() < crowd->until_us);
	return NULL;
}

static void crowd_runs(struct crowd *crowd, unsigned ms)
{
	crowd->credentials = s3_credentials_new(http, NULL, NULL);
	crowd->until_us = clock_monotonic_us() + (int64_t)ms * 1000;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&crowd->threads[i], NULL, use, crowd), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(crowd->threads[i], NULL);
	s3_credentials_free(crowd->credentials);
}

static void *get_once(void *cookie)
{
	struct s3_keys keys;
	struct err e = ERR_INIT;

	if (!s3_credentials_get(&keys, cookie, &e))
		abort();
	s3_keys_release(&keys);
	return NULL;
}

static void nobody_waits_for_a_refresh_while_the_old_keys_are_valid(void **state)
{
	struct s3_credentials *c = s3_credentials_new(http, NULL, NULL);
	struct s3_keys keys;
	struct err e = ERR_INIT;
	pthread_t refreshing;
	int64_t start_us;

	(void)state;
	point("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container/slow/6");
	assert_true(s3_credentials_get(&keys, c, &e));
	s3_keys_release(&keys);
	usleep(3200000); /* past half of their life */
	assert_int_equal(pthread_create(&refreshing, NULL, get_once, c), 0);
	usleep(300000);
	start_us = clock_monotonic_us();
	assert_true(s3_credentials_get(&keys, c, &e));
	assert_true(clock_monotonic_us() - start_us < 500000);
	s3_keys_release(&keys);
	pthread_join(refreshing, NULL);
	s3_credentials_free(c);
}

static void many_threads_refresh_once(void **state)
{
	struct crowd crowd = { .expected = ERR_NONE };
	long before = given_out(), fetched;

	(void)state;
	point("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container/life/1"); /* fetched anew every half second */
	crowd_runs(&crowd, 3000);
	fetched = given_out() - before;
	if (fetched < 4 || fetched > 8)
		fail_msg("fetched %ld times", fetched);
}

static void many_threads_share_one_failure(void **state)
{
	struct crowd crowd = { .expected = ERR_USAGE };
	int64_t start_us = clock_monotonic_us();

	(void)state;
	metadata("/imds/hang");
	crowd_runs(&crowd, 1);
	assert_true(clock_monotonic_us() - start_us < 3500000);
}

#define EACH(test) cmocka_unit_test_setup(test, clean_environment)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(keys_of_a_web_identity),
		EACH(web_identities_that_do_not_work),
		EACH(keys_of_a_role),
		EACH(a_role_when_our_clock_is_wrong),
		EACH(roles_that_do_not_work),
		EACH(keys_of_a_container),
		EACH(where_a_container_asks),
		EACH(keys_of_a_machine),
		EACH(a_machine_that_hangs_is_not_waited_for_long),
		EACH(hostile_answers),
		EACH(keys_are_kept),
		EACH(a_source_that_gives_the_same_again),
		EACH(keys_that_seem_over_are_tried),
		EACH(keys_expire_by_the_clock_of_who_gave_them),
		EACH(old_keys_serve_while_a_refresh_fails),
		EACH(nobody_waits_for_a_refresh_while_the_old_keys_are_valid),
		EACH(many_threads_refresh_once),
		EACH(many_threads_share_one_failure),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
