/* tests/unit/test_copy.c - COPY in both directions, ended well, early, by us, by the server and by the network */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "tests/unit/server.h"

#define MEGABYTE (1u << 20)

struct rows {
	struct buf text;
	size_t count;
};

static void read_all(struct rows *out, struct pg_session *s, const char *sql)
{
	struct err e = ERR_INIT;
	size_t len;
	char *row;
	int n;

	*out = (struct rows){ 0 };
	ok_or_fail(pg_copy_out_start(s, sql, &e), &e);
	while ((n = pg_copy_out_next(s, &row, &len, &e)) > 0) {
		assert_int_equal(row[len - 1], '\n');
		buf_addn(&out->text, row, len);
		out->count++;
		PQfreemem(row);
	}
	ok_or_fail(n == 0, &e);
}

static uint64_t write_all(struct pg_session *s, const char *sql, struct view data, size_t piece)
{
	struct err e = ERR_INIT;
	uint64_t rows = 0;

	ok_or_fail(pg_copy_in_start(s, sql, &e), &e);
	while (data.len) {
		size_t n = data.len < piece ? data.len : piece;

		ok_or_fail(pg_copy_in_put(s, (struct view){ data.data, n }, &e), &e);
		data = (struct view){ data.data + n, data.len - n };
	}
	ok_or_fail(pg_copy_in_end(s, &rows, &e), &e);
	return rows;
}

/* Out, in again cut into pieces, out again: the same bytes. */
static void round_trip(const char *create, const char *fill, size_t expected, size_t piece)
{
	struct pg_session *s = open_with(PG_SESSION_LOAD, NULL, NULL);
	struct rows first, second;

	run(s, "DROP TABLE IF EXISTS pg_temp.a, pg_temp.b");
	run(s, create);
	run(s, fill);
	run(s, "CREATE TEMP TABLE b (LIKE a)");
	read_all(&first, s, "COPY a TO STDOUT");
	assert_int_equal(first.count, expected);
	assert_int_equal(write_all(s, "COPY b FROM STDIN", buf_view(&first.text), piece), expected);
	read_all(&second, s, "COPY b TO STDOUT");
	assert_true(view_eq(buf_view(&first.text), buf_view(&second.text)));
	buf_release(&first.text);
	buf_release(&second.text);
	pg_session_close(s);
}

static void copy_round_trips(void **state)
{
	(void)state;
	NEED_SERVER();
	round_trip("CREATE TEMP TABLE a (t text, b bytea, f float8, d date, n numeric, i int[])",
	        "INSERT INTO a VALUES (E'tab\\there', '\\x00ff', 'infinity', '-infinity', 'NaN', '{1,NULL}'), "
	        "(E'new\\nline\\r', '', "
	        "'-0', '4713-01-01 BC', 1e-100, NULL), (E'\\\\N', NULL, 'NaN', 'infinity', 0, '{}'), (E'\\\\.', "
	        "'\\x5c2e', 0.1, "
	        "'2026-01-01', 1, NULL), ('', '', 0, NULL, NULL, NULL), (NULL, NULL, NULL, NULL, NULL, NULL), ('ä€😀', "
	        "NULL, NULL, "
	        "NULL, NULL, NULL)",
	        7, 1);
	round_trip("CREATE TEMP TABLE a ()", "INSERT INTO a SELECT FROM generate_series(1, 1000)", 1000, 7);
	round_trip("CREATE TEMP TABLE a (x int)", "SELECT 1", 0, 1);
	round_trip("CREATE TEMP TABLE a (x int, t text)",
	        "INSERT INTO a SELECT i, repeat('x', i % 300) FROM "
	        "generate_series(1, 200000) i",
	        200000, 100000);
	round_trip("CREATE TEMP TABLE a (t text)",
	        "INSERT INTO a SELECT repeat(chr(64 + i), 20000000) FROM generate_series(1, 3) i", 3, 30 * MEGABYTE);
}

static void copy_fails_to_start(void **state)
{
	struct err e = ERR_INIT;
	struct pg_session *s;

	(void)state;
	NEED_SERVER();
	s = open_plain();
	assert_false(pg_copy_out_start(s, "COPY nowhere TO STDOUT", &e));
	assert_string_equal(pg_session_sqlstate(s), "42P01");
	assert_false(pg_copy_in_start(s, "COPY nowhere FROM STDIN", &e));
	assert_string_equal(pg_session_sqlstate(s), "42P01");
	assert_false(pg_copy_out_start(s, "SELECT 1", &e));
	run(s, "SELECT 1");
	pg_session_close(s);
}

static void copy_out_fails_in_the_middle(void **state)
{
	struct err e = ERR_INIT;
	struct pg_session *s;
	size_t len, rows = 0;
	char *row;
	int n;

	(void)state;
	NEED_SERVER();
	s = open_plain();
	ok_or_fail(
	        pg_copy_out_start(s, "COPY (SELECT 1 / (5000 - i) FROM generate_series(1, 9999) i) TO STDOUT", &e), &e);
	while ((n = pg_copy_out_next(s, &row, &len, &e)) > 0) {
		PQfreemem(row);
		rows++;
	}
	assert_int_equal(n, -1);
	assert_int_equal(rows, 4999);
	assert_string_equal(pg_session_sqlstate(s), "22012");
	pg_copy_out_abort(s); /* nothing to do */
	run(s, "SELECT 1");
	pg_session_close(s);
}

static void copy_out_is_abandoned(void **state)
{
	int64_t start;
	struct err e = ERR_INIT;
	struct pg_session *s;
	size_t len;
	char *row;

	(void)state;
	NEED_SERVER();
	s = open_plain();
	run(s, "BEGIN");
	ok_or_fail(pg_copy_out_start(s,
	                   "COPY (SELECT i, pg_sleep(CASE WHEN i > 100000 THEN 30 ELSE 0 END) FROM generate_series(1, "
	                   "1000000) i) TO STDOUT",
	                   &e),
	        &e);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(pg_copy_out_next(s, &row, &len, &e), 1);
		PQfreemem(row);
	}
	start = clock_monotonic_us();
	pg_copy_out_abort(s);
	assert_true(clock_monotonic_us() - start < 10000000);
	refused(s, "SELECT 1", ERR_FAILED, "25P02", "aborted");
	run(s, "ROLLBACK");
	is_value(s, "SELECT 'again'", "again");
	pg_session_close(s);
}

static void copy_in_is_abandoned(void **state)
{
	struct view line = view_str("some row\n");
	struct err e = ERR_INIT;
	struct pg_session *s;

	(void)state;
	NEED_SERVER();
	s = open_plain();
	run(s, "CREATE TEMP TABLE t (x text)");
	run(s, "BEGIN");
	ok_or_fail(pg_copy_in_start(s, "COPY t FROM STDIN", &e), &e);
	for (int i = 0; i < 100000; i++)
		ok_or_fail(pg_copy_in_put(s, line, &e), &e);
	pg_copy_in_abort(s);
	refused(s, "SELECT 1", ERR_FAILED, "25P02", "aborted");
	run(s, "ROLLBACK");
	is_value(s, "SELECT count(*) FROM t", "0");
	assert_int_equal(write_all(s, "COPY t FROM STDIN", line, 3), 1);
	pg_session_close(s);
}

/* The server refuses an early row: what follows must not be pushed over the wire for ever. */
static void copy_in_hears_an_early_error(void **state)
{
	struct buf good = BUF_INIT;
	struct err e = ERR_INIT;
	struct pg_session *s;
	size_t sent = 0;

	(void)state;
	NEED_SERVER();
	for (int i = 0; i < 20000; i++)
		buf_add(&good, "12345\n");
	s = open_plain();
	run(s, "CREATE TEMP TABLE t (x int)");
	ok_or_fail(pg_copy_in_start(s, "COPY t FROM STDIN", &e), &e);
	ok_or_fail(pg_copy_in_put(s, view_str("one\n"), &e), &e);
	while (pg_copy_in_put(s, buf_view(&good), &e) && sent < 2000 * MEGABYTE)
		sent += good.len;
	assert_true(sent < 64 * MEGABYTE);
	assert_string_equal(pg_session_sqlstate(s), "22P02");
	assert_non_null(strstr(e.msg, "invalid input syntax"));
	pg_copy_in_abort(s); /* nothing to do */
	is_value(s, "SELECT count(*) FROM t", "0");

	ok_or_fail(pg_copy_in_start(s, "COPY t FROM STDIN", &e), &e);
	ok_or_fail(pg_copy_in_put(s, view_str("two\n"), &e), &e);
	assert_false(pg_copy_in_end(s, NULL, &e));
	assert_string_equal(pg_session_sqlstate(s), "22P02");
	run(s, "SELECT 1");
	pg_session_close(s);
	buf_release(&good);
}

/* Notices in the middle of our data are not taken for an error. */
static void copy_in_survives_notices(void **state)
{
	struct buf rows = BUF_INIT;
	struct pg_session *s;

	(void)state;
	NEED_SERVER();
	for (int i = 0; i < 300000; i++)
		buf_addf(&rows, "%d\n", i);
	s = open_plain();
	run(s, "CREATE FUNCTION pg_temp.loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.x % 1000 = 0 THEN "
	       "RAISE INFO "
	       "'row %', repeat('long ', 2000); END IF; RETURN new; END $$");
	run(s, "CREATE TEMP TABLE t (x int); CREATE TRIGGER loud BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION "
	       "pg_temp.loud()");
	assert_int_equal(write_all(s, "COPY t FROM STDIN", buf_view(&rows), MEGABYTE), 300000);
	is_value(s, "SELECT count(DISTINCT x) FROM t", "300000");
	pg_session_close(s);
	buf_release(&rows);
}

static void a_trip_ends_a_copy(void **state)
{
	struct buf rows = BUF_INIT;
	struct err e = ERR_INIT;
	struct pg_session *s;
	size_t len;
	char *row;

	(void)state;
	NEED_SERVER();
	for (int out = 0; out < 2; out++) {
		struct cancel cancel = CANCEL_INIT(NULL);
		struct late_trip trip;
		int64_t start;

		s = open_with(PG_SESSION_PLAIN, NULL, &cancel);
		run(s, "CREATE TEMP TABLE t (x text)");
		buf_clear(&rows);
		for (int i = 0; i < 100000; i++)
			buf_add(&rows, "x\n");
		if (out)
			ok_or_fail(
			        pg_copy_out_start(s, "COPY (SELECT generate_series(1, 2000000000)) TO STDOUT", &e), &e);
		else
			ok_or_fail(pg_copy_in_start(s, "COPY t FROM STDIN", &e), &e);
		trip_later(&trip, &cancel, 200);
		start = clock_monotonic_us();
		if (out)
			while (pg_copy_out_next(s, &row, &len, &e) > 0)
				PQfreemem(row);
		else
			while (pg_copy_in_put(s, buf_view(&rows), &e))
				;
		assert_int_equal(e.kind, ERR_CANCELLED);
		assert_true(clock_monotonic_us() - start < 10000000);
		pthread_join(trip.thread, NULL);
		pg_session_close(s);
	}
	buf_release(&rows);
}

/* --- the server goes away --- */

static void *terminate_main(void *arg)
{
	struct pg_session *killer = arg;
	struct err e = ERR_INIT;

	usleep(100000);
	return pg_exec(killer,
	               "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'drtool "
	               "victim'",
	               &e)
	               ? arg
	               : NULL;
}

enum victim { IN_QUERY, IN_COPY_OUT, IN_COPY_IN, VICTIMS };

/* What is to go well first: the network may be gone before the next line. */
static void prepare(struct pg_session *s, struct buf *rows)
{
	run(s, "CREATE TEMP TABLE t (x text)");
	for (int i = 0; i < 100000; i++)
		buf_add(rows, "x\n");
}

static void suffer(struct pg_session *s, enum victim what, struct view rows, struct err *e)
{
	size_t len;
	char *row;

	if (what == IN_QUERY) {
		pg_exec(s, "SELECT pg_sleep(20)", e);
	} else if (what == IN_COPY_OUT) {
		if (pg_copy_out_start(s, "COPY (SELECT generate_series(1, 2000000000)) TO STDOUT", e))
			while (pg_copy_out_next(s, &row, &len, e) > 0)
				PQfreemem(row);
	} else {
		if (pg_copy_in_start(s, "COPY t FROM STDIN", e))
			while (pg_copy_in_put(s, rows, e))
				;
	}
}

static void the_server_ends_the_session(void **state)
{
	(void)state;
	NEED_SERVER();
	for (enum victim what = IN_QUERY; what < VICTIMS; what++) {
		struct pg_session *killer = open_plain(), *s = open_with(PG_SESSION_PLAIN, "victim", NULL);
		struct err e = ERR_INIT, after = ERR_INIT;
		struct buf rows = BUF_INIT;
		pthread_t thread;
		void *killed;

		prepare(s, &rows);
		assert_int_equal(pthread_create(&thread, NULL, terminate_main, killer), 0);
		suffer(s, what, buf_view(&rows), &e);
		pthread_join(thread, &killed);
		assert_non_null(killed);
		if (e.kind != ERR_TRANSIENT)
			fail_msg("%d: %d %s", what, e.kind, e.msg);
		if (strcmp(pg_session_sqlstate(s), "57P01") && strcmp(pg_session_sqlstate(s), "08006"))
			fail_msg("%d: %s %s", what, pg_session_sqlstate(s), e.msg);
		pg_copy_out_abort(s);
		pg_copy_in_abort(s);
		assert_false(pg_exec(s, "SELECT 1", &after));
		assert_int_equal(after.kind, ERR_TRANSIENT);
		pg_session_close(s);
		pg_session_close(killer);
		buf_release(&rows);
	}
}

/*
 * A socket without a peer takes the place of the session's, which is reset: a backend left alone with a full TCP window
 * would keep the server busy with it for minutes (and every DROP DATABASE waiting, as a backend that writes answers no
 * barrier).
 */
static void *cut_main(void *arg)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	int fd = PQsocket(pg_session_conn(arg)), pair[2];

	usleep(100000);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		return NULL;
	close(pair[1]);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	dup2(pair[0], fd);
	close(pair[0]);
	return NULL;
}

static void the_network_is_cut(void **state)
{
	(void)state;
	NEED_SERVER();
	for (enum victim what = IN_QUERY; what < VICTIMS; what++) {
		struct pg_session *s = open_with(PG_SESSION_PLAIN, "victim", NULL);
		struct buf rows = BUF_INIT;
		struct err e = ERR_INIT;
		pthread_t thread;
		int64_t start;

		prepare(s, &rows);
		start = clock_monotonic_us();
		assert_int_equal(pthread_create(&thread, NULL, cut_main, s), 0);
		suffer(s, what, buf_view(&rows), &e);
		pthread_join(thread, NULL);
		if (e.kind != ERR_TRANSIENT || !strstr(e.msg, "the server closed the connection"))
			fail_msg("%d: %d %s", what, e.kind, e.msg);
		assert_string_equal(pg_session_sqlstate(s), "08006");
		assert_true(clock_monotonic_us() - start < 5000000);
		pg_session_close(s);
		buf_release(&rows);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copy_round_trips),
		cmocka_unit_test(copy_fails_to_start),
		cmocka_unit_test(copy_out_fails_in_the_middle),
		cmocka_unit_test(copy_out_is_abandoned),
		cmocka_unit_test(copy_in_is_abandoned),
		cmocka_unit_test(copy_in_hears_an_early_error),
		cmocka_unit_test(copy_in_survives_notices),
		cmocka_unit_test(a_trip_ends_a_copy),
		cmocka_unit_test(the_server_ends_the_session),
		cmocka_unit_test(the_network_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
