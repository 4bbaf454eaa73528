/* tests/unit/test_s3_credentials.c - keys that need no service: environment, profiles, programs; what is said when
 * there are none */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "storage/backend/s3_credentials_internal.h"
#include "tests/unit/credentials_fixture.h"

/* --- environment --- */

static void keys_of_the_environment(void **state)
{
	(void)state;
	setenv("AWS_ACCESS_KEY_ID", "user:sub", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "hush/+=", 1);
	has_keys(NULL, "user:sub", "hush/+=", NULL, "environment");
	setenv("AWS_SESSION_TOKEN", "hushToken", 1);
	has_keys(NULL, "user:sub", "hush/+=", "hushToken", "environment");
}

static void half_of_the_environment(void **state)
{
	(void)state;
	setenv("AWS_SECRET_ACCESS_KEY", "hush", 1);
	has_none(NULL, ERR_USAGE, "AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not");
	setenv("AWS_SECRET_ACCESS_KEY", "", 1);
	setenv("AWS_ACCESS_KEY_ID", "A", 1);
	has_none(NULL, ERR_USAGE, "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not");
	setenv("AWS_SECRET_ACCESS_KEY", "hush\n", 1);
	has_none(NULL, ERR_USAGE, "the secret key holds a character that no key has");
	setenv("AWS_SECRET_ACCESS_KEY", "hush", 1);
	setenv("AWS_SESSION_TOKEN", "hush\r\nX: y", 1);
	has_none(NULL, ERR_USAGE, "the session token holds a character that no key has");
}

static void keys_that_cannot_change_are_not_asked_for_again(void **state)
{
	struct s3_credentials *c = s3_credentials_new(http, NULL, NULL);
	struct s3_keys keys;
	struct err e = ERR_INIT;

	(void)state;
	setenv("AWS_ACCESS_KEY_ID", "A", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "hush", 1);
	assert_true(s3_credentials_get(&keys, c, &e));
	assert_false(s3_credentials_refused(c, keys.generation));
	s3_keys_release(&keys);
	assert_true(s3_credentials_get(&keys, c, &e));
	s3_keys_release(&keys);
	s3_credentials_free(c);
	s3_credentials_free(NULL);
}

/* --- profiles --- */

static void profiles_of_both_files(void **state)
{
	(void)state;
	home_file(".aws/credentials",
	        "[default]\naws_access_key_id=D\naws_secret_access_key=hushD\n"
	        "[x]\naws_access_key_id=X\naws_secret_access_key=hushX\naws_session_token=hushToken\n");
	home_file(".aws/config",
	        "[default]\nregion=r1\n[profile x]\nregion=r2\naws_access_key_id=other\n"
	        "aws_secret_access_key=hushOther\n[profile y]\naws_access_key_id=Y\naws_secret_access_key=hushY\n"
	        "s3 =\n  addressing_style = path\n");
	has_keys(NULL, "D", "hushD", NULL, "profile \"default\" of ~/.aws/credentials");
	has_keys("x", "X", "hushX", "hushToken", "profile \"x\" of ~/.aws/credentials");
	has_keys("y", "Y", "hushY", NULL, "profile \"y\" of ~/.aws/config");
	setenv("AWS_PROFILE", "y", 1);
	has_keys(NULL, "Y", "hushY", NULL, "profile \"y\"");
}

static void setting_is(const char *profile, const char *name, const char *expected)
{
	char *value = s3_profile_setting(profile, name);

	if (expected && value)
		assert_string_equal(value, expected);
	else
		assert_true(!expected && !value);
	free(value);
}

static void settings_of_a_profile(void **state)
{
	(void)state;
	setting_is(NULL, "region", "r1");
	setting_is("x", "region", "r2");
	setting_is("y", "region", NULL);
	setting_is("y", "s3.addressing_style", "path");
	setting_is("nobody", "region", NULL);
	setenv("AWS_PROFILE", "x", 1);
	setting_is(NULL, "region", "r2");
	setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
	setting_is(NULL, "region", NULL);
}

static void what_comes_first(void **state)
{
	(void)state;
	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "hushE", 1);
	has_keys(NULL, "E", "hushE", NULL, "environment");
	has_keys("x", "X", "hushX", NULL, "profile \"x\"");
	setenv("AWS_PROFILE", "x", 1);
	has_keys(NULL, "E", "hushE", NULL, "environment");
}

static void profiles_that_do_not_work(void **state)
{
	(void)state;
	has_none("nobody", ERR_USAGE, "profile \"nobody\" is in neither ~/.aws/credentials nor ~/.aws/config");
	setenv("AWS_PROFILE", "nobody", 1);
	has_none(NULL, ERR_USAGE, "profile \"nobody\" is in neither");
	unsetenv("AWS_PROFILE");
	setenv("AWS_SHARED_CREDENTIALS_FILE", home_file("half", "[default]\naws_access_key_id=A\n"), 1);
	has_none(NULL, ERR_USAGE, "half has aws_access_key_id without aws_secret_access_key");
	setenv("AWS_SHARED_CREDENTIALS_FILE", home_file("torn", "[default]\nhushSecret\n"), 1);
	has_none(NULL, ERR_USAGE, "torn:2: not a section, a setting or a comment");
	setenv("AWS_SHARED_CREDENTIALS_FILE", home, 1); /* a directory */
	has_none(NULL, ERR_USAGE, home);
	unsetenv("AWS_SHARED_CREDENTIALS_FILE");
	setenv("AWS_CONFIG_FILE", home_file("sso", "[profile s]\nsso_session = corp\n"), 1);
	has_none("s", ERR_USAGE, "profile \"s\": its keys come from signing in (SSO)");
}

static void a_file_that_was_changed_after_a_refusal(void **state)
{
	struct s3_credentials *c = s3_credentials_new(http, NULL, NULL);
	struct s3_keys old, now;
	struct err e = ERR_INIT;

	(void)state;
	home_file("f", "[default]\naws_access_key_id=A\naws_secret_access_key=hush1\n");
	setenv("AWS_SHARED_CREDENTIALS_FILE",
	        home_file("f", "[default]\naws_access_key_id=A\naws_secret_access_key=hush1\n"), 1);
	assert_true(s3_credentials_get(&old, c, &e));
	home_file("f", "[default]\naws_access_key_id=A\naws_secret_access_key=hush2\n");
	assert_true(s3_credentials_get(&now, c, &e)); /* from the cache */
	assert_string_equal(now.secret_key, "hush1");
	assert_true(now.generation == old.generation);
	s3_keys_release(&now);
	assert_true(s3_credentials_refused(c, old.generation));
	assert_true(s3_credentials_get(&now, c, &e));
	assert_string_equal(now.secret_key, "hush2");
	assert_true(now.generation != old.generation);
	assert_true(s3_credentials_refused(c, old.generation)); /* long replaced */
	s3_keys_release(&old);
	/* the same ones again: then no more attempt is worth it */
	assert_true(s3_credentials_refused(c, now.generation));
	s3_keys_release(&now);
	assert_true(s3_credentials_get(&now, c, &e));
	assert_false(s3_credentials_refused(c, now.generation));
	s3_keys_release(&now);
	s3_credentials_free(c);
}

/* --- programs --- */

static void words_are(const char *command, const char *joined)
{
	struct buf got = BUF_INIT;
	struct err e = ERR_INIT;
	char **words;

	if (!s3_words_split(&words, command, &e))
		fail_msg("%s", e.msg);
	for (char **word = words; *word; word++)
		buf_addf(&got, "<%s>", *word);
	assert_string_equal(buf_str(&got), joined);
	buf_release(&got);
	s3_words_free(words);
}

static void no_words(const char *command, const char *complaint)
{
	struct err e = ERR_INIT;
	char **words;

	assert_false(s3_words_split(&words, command, &e));
	assert_string_equal(e.msg, complaint);
}

static void words_of_a_command(void **state)
{
	(void)state;
	words_are("a", "<a>");
	words_are("  a\tb\n c  ", "<a><b><c>");
	words_are("a 'b c' \"d e\"", "<a><b c><d e>");
	words_are("a'b'\"c\"d", "<abcd>");
	words_are("'' a \"\"", "<><a><>");
	words_are("a\\ b \\' \\\"", "<a b><'><\">");
	words_are("\"a\\\"b\\\\c\\d\" 'e\\f'", "<a\"b\\c\\d><e\\f>");
	words_are("a$B `c` *.d;e|f", "<a$B><`c`><*.d;e|f>");
	no_words("", "the command is empty");
	no_words(" \t", "the command is empty");
	no_words("a 'b", "a quote in the command does not end");
	no_words("a \"b\\\"", "a quote in the command does not end");
	no_words("a \\", "a quote in the command does not end");
}

/* A profile whose keys come from a script with this text. */
static void with_process(const char *script)
{
	char *path = xstrdup(home_file("process", script)), *text;

	assert_int_equal(chmod(path, 0700), 0);
	text = xasprintf("[profile p]\ncredential_process = %s 'a b'\n", path);
	setenv("AWS_CONFIG_FILE", home_file("process.ini", text), 1);
	free(text);
	free(path);
}

#define KEYS "\"AccessKeyId\":\"P\",\"SecretAccessKey\":\"hushP\""

static void keys_of_a_program(void **state)
{
	(void)state;
	with_process("#!/bin/sh\necho '{\"Version\":1," KEYS
	             ",\"SessionToken\":\"hushT\",\"Expiration\":\"2999-01-01T00:00:00Z\"}'\n");
	has_keys("p", "P", "hushP", "hushT", "credential_process of profile \"p\"");
	with_process(
	        "#!/bin/sh\necho noise >&2\n[ \"$1\" = 'a b' ] && [ $# = 1 ] && echo '{\"Version\":1," KEYS "}'\n");
	has_keys("p", "P", "hushP", NULL, "credential_process");
}

static void programs_that_do_not_work(void **state)
{
	(void)state;
	with_process("#!/bin/sh\necho hushP\necho 'log in first' >&2\nexit 3\n");
	has_none("p", ERR_FAILED, "profile \"p\": credential_process: \"process\" failed with status 3: log in first");
	with_process(
	        "#!/bin/sh\necho 'error: denied, token was old; \"SecretKey\" : \"hush2\", password=hush3 (secret: hush4)"
	        " at https://login.example.com/A1 with AbCdEfGh0123/IjKlMnOp+4567' >&2\nexit 3\n");
	has_none("p", ERR_FAILED,
	        "status 3: error: denied, token was old; \"SecretKey\" : \"***\", password=*** (secret: ***)"
	        " at https://login.example.com/A1 with ***");
	with_process(
	        "#!/bin/sh\necho 'token: hushQoJb3XYZ== secret = hush1= password=hush2== token: mytokenhush= IQoJb3JpZ2luX2VjEXYZ=="
	        " IQoJb3JpZ2luX2VjEXYZ=: token= hush6; retry: no' >&2\nexit 3\n");
	has_none("p", ERR_FAILED,
	        "status 3: token: *** secret = *** password=*** token: *** *** *** token= ***; retry: no");
	with_process("#!/bin/sh\necho '{" KEYS "}'\n");
	has_none("p", ERR_USAGE, "the JSON does not say \"Version\": 1");
	with_process("#!/bin/sh\necho '{\"Version\":2," KEYS "}'\n");
	has_none("p", ERR_USAGE, "the JSON does not say \"Version\": 1");
	with_process("#!/bin/sh\necho '{\"Version\":1,\"AccessKeyId\":\"hush\"}'\n");
	has_none("p", ERR_USAGE, "there is no secret key");
	with_process("#!/bin/sh\necho 'AccessKeyId=hushP'\n");
	has_none("p", ERR_USAGE, "not JSON (line 1)");
	with_process("#!/bin/sh\nexec head -c 100000 /dev/zero\n");
	has_none("p", ERR_FAILED, "more than 65536 bytes");
	setenv("AWS_CONFIG_FILE", home_file("process.ini", "[profile p]\ncredential_process = /nonexistent/x\n"), 1);
	has_none("p", ERR_USAGE, "program \"/nonexistent/x\" not found");
}

/* --- nothing --- */

static void every_source_is_named_when_none_has_keys(void **state)
{
	(void)state;
	home_file(".aws/credentials", NULL);
	home_file(".aws/config", NULL);
	has_none(NULL, ERR_USAGE,
	        "no credentials for the store (environment: AWS_ACCESS_KEY_ID is not set; profile: \"default\" is in neither "
	        "~/.aws/credentials nor ~/.aws/config; web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set; container: "
	        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set; instance metadata: "
	        "AWS_EC2_METADATA_DISABLED is true)");
	home_file(".aws/config", "[default]\nregion = x\n");
	has_none(NULL, ERR_USAGE, "profile: \"default\" has no keys;");
	/* a named profile without keys lets the machine's own have their turn, and never the environment's */
	home_file(".aws/config", "[profile bare]\nregion = x\n");
	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "hushE", 1);
	has_none("bare", ERR_USAGE, "(profile: \"bare\" has no keys; web identity:");
}

#define EACH(test) cmocka_unit_test_setup(test, clean_environment)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(keys_of_the_environment),
		EACH(half_of_the_environment),
		EACH(keys_that_cannot_change_are_not_asked_for_again),
		EACH(profiles_of_both_files),
		EACH(settings_of_a_profile),
		EACH(what_comes_first),
		EACH(profiles_that_do_not_work),
		EACH(a_file_that_was_changed_after_a_refusal),
		EACH(words_of_a_command),
		EACH(keys_of_a_program),
		EACH(programs_that_do_not_work),
		EACH(every_source_is_named_when_none_has_keys),
	};

	return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
