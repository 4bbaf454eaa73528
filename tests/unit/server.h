/*
 * tests/unit/server.h - sessions of the throw-away server named by DRTOOL_TEST_SERVER, a superuser's connection string
 */
#ifndef DRTOOL_TESTS_UNIT_SERVER_H
#define DRTOOL_TESTS_UNIT_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/pg/session.h"

#define NEED_SERVER()                                                                                  \
	do {                                                                                           \
		if (!getenv("DRTOOL_TEST_SERVER")) {                                                   \
			print_message("skipped: DRTOOL_TEST_SERVER names no server to try this on\n"); \
			skip();                                                                        \
		}                                                                                      \
	} while (0)

static inline void ok_or_fail(bool ok, const struct err *e)
{
	if (!ok)
		fail_msg("%s (%s)", e->msg, e->hint);
}

static inline struct conninfo *server(void)
{
	struct buf dropped = BUF_INIT;
	struct err e = ERR_INIT;
	struct conninfo *c;
	bool pooler;

	ok_or_fail(conninfo_parse(&c, getenv("DRTOOL_TEST_SERVER"), &dropped, &pooler, &e), &e);
	buf_release(&dropped);
	return c;
}

static inline struct pg_session *open_with(enum pg_session_kind kind, const char *role, const struct cancel *cancel)
{
	struct conninfo *c = server();
	struct err e = ERR_INIT;
	struct pg_session *s;

	ok_or_fail(pg_session_open(&s, c, kind, role, cancel, &e), &e);
	conninfo_free(c);
	return s;
}

static inline struct pg_session *open_plain(void)
{
	return open_with(PG_SESSION_PLAIN, NULL, NULL);
}

static inline void run(struct pg_session *s, const char *sql)
{
	struct err e = ERR_INIT;

	ok_or_fail(pg_exec(s, sql, &e), &e);
}

static inline void is_value(struct pg_session *s, const char *sql, const char *expected)
{
	struct err e = ERR_INIT;
	char *value;

	ok_or_fail(pg_query_value(&value, s, sql, 0, NULL, &e), &e);
	assert_non_null(value);
	assert_string_equal(value, expected);
	free(value);
}

static inline void refused(
        struct pg_session *s, const char *sql, enum err_kind kind, const char *sqlstate, const char *word)
{
	struct err e = ERR_INIT;

	assert_false(pg_exec(s, sql, &e));
	assert_int_equal(e.kind, kind);
	assert_string_equal(pg_session_sqlstate(s), sqlstate);
	if (!strstr(e.msg, word))
		fail_msg("\"%s\" is not in \"%s\"", word, e.msg);
	assert_null(strchr(e.msg, '\n'));
}

struct late_trip {
	struct cancel *cancel;
	unsigned after_ms;
	pthread_t thread;
};

static inline void *trip_main(void *arg)
{
	struct late_trip *t = arg;

	usleep(t->after_ms * 1000);
	cancel_trip(t->cancel, 15);
	return NULL;
}

static inline void trip_later(struct late_trip *t, struct cancel *cancel, unsigned ms)
{
	*t = (struct late_trip){ .cancel = cancel, .after_ms = ms };
	assert_int_equal(pthread_create(&t->thread, NULL, trip_main, t), 0);
}

#endif
