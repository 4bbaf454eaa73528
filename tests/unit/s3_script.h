/*
 * tests/unit/s3_script.h - a store that gives the answers of a script, one after the other, and keeps what it was asked
 */
#ifndef DRTOOL_TESTS_S3_SCRIPT_H
#define DRTOOL_TESTS_S3_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "storage/backend/s3.h"
#include "storage/backend/s3_request.h"
#include "tests/unit/http_server.h"

#define ASKED_MAX 64

enum script_how { ANSWER, RESET, CUT_SHORT, HANG_UP };
struct script_answer {
	int status;
	const char *body;    /* NULL: none */
	const char *headers; /* "A: b\r\n"; NULL: none */
	enum script_how how;
};

struct script_asked {
	char line[600]; /* "GET /bucket/key" */
	char *headers, *body;
};

struct script {
	struct server server;
	struct storage *s;
	struct cancel cancel;
	struct observer observer;
	char notes[1024]; /* all, one after the other */
	const struct script_answer *answers;
	unsigned count, next; /* past the end: 200, empty */
	struct script_asked asked[ASKED_MAX];
	unsigned asked_count;
	unsigned listings;   /* for a handler of the test's own */
	unsigned keys_given; /* by the credentials service at /keys */
};

static inline void script_give_keys(struct script *x, struct server_request *r)
{
	char body[300];

	x->keys_given++;
	snprintf(body, sizeof(body),
	        "{\"AccessKeyId\":\"KEY%u\",\"SecretAccessKey\":\"hidden%u\",\"Token\":\"ticket%u\",\"Expiration\":\"2099-01-01T00:00:00Z\"}",
	        x->keys_given, x->keys_given, x->keys_given);
	server_say(r, 200, "Content-Type: application/json\r\n", body);
}

static inline void script_answer(struct server *server, struct server_request *r)
{
	static const struct script_answer fine = { .status = 200 };
	struct script *x = server->cookie;

	if (strcmp(r->target, "/keys") == 0) {
		script_give_keys(x, r);
		return;
	}
	const struct script_answer *a = x->next < x->count ? &x->answers[x->next++] : &fine;
	if (x->asked_count < ASKED_MAX) {
		struct script_asked *asked = &x->asked[x->asked_count++];

		snprintf(asked->line, sizeof(asked->line), "%s %.500s", r->method, r->target);
		asked->headers = xstrdup(buf_str(&r->headers));
		asked->body = xstrdup(buf_str(&r->body));
	}
	if (a->how == RESET)
		server_reset(r);
	else if (a->how == CUT_SHORT)
		server_write(r->fd, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", 43);
	else if (a->how == ANSWER)
		server_say(r, a->status, a->headers ? a->headers : "", a->body ? a->body : "");
	r->close = r->close || a->how != ANSWER;
}

static inline void script_note(void *cookie, enum note_level level, const char *text)
{
	struct script *x = cookie;
	size_t used = strlen(x->notes);

	(void)level;
	snprintf(x->notes + used, sizeof(x->notes) - used, "%s\n", text);
}

static inline struct s3_client *script_client(struct script *x)
{
	return x->s->impl;
}

/* Delays of a millisecond, and two seconds in all. */
static inline void script_hurry(struct script *x)
{
	script_client(x)->policy = (struct retry_policy){ .first_ms = 1, .most_ms = 1, .total_ms = 2000 };
}

static inline int script_start(void **state)
{
	struct script *x = xcalloc(1, sizeof(*x));
	struct s3_options o = { .region = "home-1", .cancel = &x->cancel, .observer = &x->observer };
	struct err e = ERR_INIT;

	unsetenv("AWS_PROFILE");
	unsetenv("AWS_SESSION_TOKEN");
	unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	setenv("AWS_CONFIG_FILE", "/nonexistent/config", 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials", 1);
	setenv("AWS_ACCESS_KEY_ID", "MYKEYID", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "mysecret", 1);
	server_start(&x->server, script_answer, x);
	x->observer.note = script_note;
	x->observer.cookie = x;
	o.endpoint = x->server.url;
	if (!storage_open_s3(&x->s, "s3://bucket/p", &o, &e))
		fail_msg("%s", e.msg);
	script_hurry(x);
	*state = x;
	return 0;
}

static inline int script_stop(void **state)
{
	struct script *x = *state;

	storage_close(x->s);
	server_stop(&x->server);
	for (unsigned i = 0; i < x->asked_count; i++) {
		free(x->asked[i].headers);
		free(x->asked[i].body);
	}
	free(x);
	return 0;
}

/* From here on the store answers with these; what was asked so far is forgotten. */
static inline void script_set(struct script *x, const struct script_answer *answers, unsigned count)
{
	pthread_mutex_lock(&x->server.mutex);
	x->answers = answers;
	x->count = count;
	x->next = 0;
	for (unsigned i = 0; i < x->asked_count; i++) {
		free(x->asked[i].headers);
		free(x->asked[i].body);
	}
	x->asked_count = 0;
	pthread_mutex_unlock(&x->server.mutex);
}
#define SCRIPT(x, ...)                                                 \
	script_set((x), (const struct script_answer[]){ __VA_ARGS__ }, \
	        sizeof((const struct script_answer[]){ __VA_ARGS__ }) / sizeof(struct script_answer))

static inline void assert_asked(struct script *x, const char *lines)
{
	struct buf all = BUF_INIT;

	pthread_mutex_lock(&x->server.mutex);
	for (unsigned i = 0; i < x->asked_count; i++)
		buf_addf(&all, "%s%s", i ? "; " : "", x->asked[i].line);
	pthread_mutex_unlock(&x->server.mutex);
	assert_string_equal(buf_str(&all), lines);
	buf_release(&all);
}

static inline bool asked_with(struct script *x, unsigned n, const char *text)
{
	pthread_mutex_lock(&x->server.mutex);
	bool found = n < x->asked_count && strstr(x->asked[n].headers, text);
	pthread_mutex_unlock(&x->server.mutex);
	return found;
}

static inline void assert_says(const struct err *e, const char *message, const char *hint)
{
	if (!strstr(e->msg, message))
		fail_msg("not \"%s\" in: %s", message, e->msg);
	if (!strstr(e->hint, hint))
		fail_msg("not \"%s\" in: %s", hint, e->hint);
	assert_null(strstr(e->msg, "MYKEYID"));
	assert_null(strstr(e->msg, "mysecret"));
	assert_null(strstr(e->hint, "MYKEYID"));
	assert_null(strstr(e->hint, "mysecret"));
}

#endif
