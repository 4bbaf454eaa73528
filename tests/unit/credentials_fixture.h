/*
 * tests/unit/credentials_fixture.h - an environment without credentials, a home of its own, and what tests ask for
 *
 * Every secret of these tests holds "hush"; no message may.
 */
#ifndef DRTOOL_TESTS_CREDENTIALS_FIXTURE_H
#define DRTOOL_TESTS_CREDENTIALS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/file.h"
#include "src/base/path.h"
#include "storage/backend/s3_credentials.h"

extern char **environ;

static char *home;
static struct http_client *http;

/* No variable of AWS is set; instance metadata is off. */
static int clean_environment(void **state)
{
	(void)state;
	for (char **variable = environ; *variable;) {
		char *name = strndup(*variable, strcspn(*variable, "="));
		bool ours = strncmp(name, "AWS_", 4) == 0 || strcasestr(name, "_proxy");

		if (ours)
			unsetenv(name);
		free(name);
		variable = ours ? environ : variable + 1;
	}
	setenv("HOME", home, 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	return 0;
}

static int fixture_start(void **state)
{
	const struct http_options options = { .connect_ms = 1000 };
	char template[] = "/tmp/drtool-credentials-XXXXXX";
	struct err e = ERR_INIT;
	char *aws;

	(void)state;
	home = xstrdup(mkdtemp(template));
	aws = path_join(home, ".aws");
	if (mkdir(aws, 0700) != 0 || !http_client_new(&http, &options, &e))
		return 1;
	free(aws);
	return 0;
}

static int fixture_stop(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	http_client_free(http);
	if (!path_remove_tree(home, &e))
		return 1;
	free(home);
	return 0;
}

/* A file below the home directory; NULL text removes it. The path stays valid until the next call. */
static inline const char *home_file(const char *name, const char *text)
{
	static char path[200];
	struct err e = ERR_INIT;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", home, name);
	unlink(path);
	if (!text)
		return path;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_true(file_write_all(fd, view_str(text), path, &e));
	close(fd);
	return path;
}

/* Keys from a new chain, which must say where they come from. */
static inline void has_keys(
        const char *profile, const char *access, const char *secret, const char *token, const char *source)
{
	struct s3_credentials *c = s3_credentials_new(http, profile, "eu-west-1");
	struct s3_keys keys = { 0 };
	struct err e = ERR_INIT;

	if (!s3_credentials_get(&keys, c, &e))
		fail_msg("%s", e.msg);
	if (access)
		assert_string_equal(keys.access_key, access);
	if (secret)
		assert_string_equal(keys.secret_key, secret);
	if (token)
		assert_string_equal(keys.session_token, token);
	if (!strstr(s3_credentials_source(c), source))
		fail_msg("\"%s\" is not in \"%s\"", source, s3_credentials_source(c));
	s3_keys_release(&keys);
	s3_credentials_free(c);
}

static inline void contains(const char *text, const char *expected)
{
	if (!strstr(text, expected))
		fail_msg("\"%s\" is not in \"%s\"", expected, text);
}

/* No keys; the message holds what is expected and no secret. */
static inline void has_none(const char *profile, enum err_kind kind, const char *expected)
{
	struct s3_credentials *c = s3_credentials_new(http, profile, "eu-west-1");
	struct s3_keys keys = { 0 };
	struct err e = ERR_INIT;

	assert_false(s3_credentials_get(&keys, c, &e));
	contains(e.msg, expected);
	assert_null(strstr(e.msg, "hush"));
	assert_null(strstr(e.hint, "hush"));
	assert_int_equal(e.kind, kind);
	assert_null(keys.access_key);
	s3_credentials_free(c);
}

#endif
