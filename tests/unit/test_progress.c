/* tests/unit/test_progress.c - the progress line, numbers as people read them, tables */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "src/base/file.h"
#include "src/cmd/progress.h"
#include "src/cmd/say.h"
#include "src/cmd/table.h"
#include "src/cmd/text.h"

#define MIB ((uint64_t)1 << 20)

static void assert_line(const struct progress_sample *s, unsigned width, const char *expected)
{
	struct buf out = BUF_INIT;

	progress_line(&out, s, width);
	assert_string_equal(buf_str(&out), expected);
	buf_release(&out);
}

static void a_line_shows_rate_and_time_left(void **state)
{
	struct progress_sample s = { .phase = "copying",
		.bytes_total = 400 * MIB,
		.bytes_done = 100 * MIB,
		.items_total = 17,
		.items_done = 3,
		.elapsed_us = 4000000,
		.rate = 25.0 * (double)MIB };

	(void)state;
	assert_line(&s, 80, "copying  25 %  ETA 0:12  100.0 MiB of 400.0 MiB  25.0 MiB/s  3/17");
}

static void a_narrow_terminal_gets_what_matters(void **state)
{
	struct progress_sample s = { .phase = "copying",
		.bytes_total = 400 * MIB,
		.bytes_done = 100 * MIB,
		.items_total = 17,
		.items_done = 3,
		.elapsed_us = 4000000,
		.rate = 25.0 * (double)MIB };

	(void)state;
	for (unsigned width = 1; width < 100; width++) {
		struct buf out = BUF_INIT;

		progress_line(&out, &s, width);
		if (width > 10)
			assert_true(out.len < width);
		assert_true(strncmp(buf_str(&out), "copying", 7) == 0);
		buf_release(&out);
	}
	assert_line(&s, 26, "copying  25 %  ETA 0:12");
	assert_line(&s, 16, "copying  25 %");
}

static void nothing_is_invented(void **state)
{
	struct progress_sample s = { .phase = "locking" };

	(void)state;
	assert_line(&s, 80, "locking");
	s = (struct progress_sample){ .phase = "copying", .bytes_done = 5, .elapsed_us = 100000, .rate = 50 };
	assert_line(&s, 80, "copying  5 B"); /* too early for a rate */
	/* the total was an estimate and has been passed */
	s = (struct progress_sample){
		.phase = "copying", .bytes_total = 5, .bytes_done = 10, .elapsed_us = 1000000, .rate = 10
	};
	assert_line(&s, 80, "copying  10 B  10 B/s");
	s = (struct progress_sample){ .phase = "indexes", .items_total = 10, .items_done = 5, .elapsed_us = 10000000 };
	assert_line(&s, 80, "indexes  50 %  ETA 0:10  5/10");
	s.items_done = 0;
	assert_int_equal(progress_left_us(&s), -1);
	s.items_done = 11;
	assert_int_equal(progress_left_us(&s), -1);
}

static void the_rate_follows_what_happens(void **state)
{
	double rate = 0;

	(void)state;
	rate = progress_rate(rate, 100, 1000000);
	assert_true(rate > 99 && rate < 101);
	assert_true(progress_rate(rate, 100, 0) == rate);
	for (int i = 0; i < 100; i++)
		rate = progress_rate(rate, 200, 1000000);
	assert_true(rate > 199 && rate < 201);
	for (int i = 0; i < 100; i++)
		rate = progress_rate(rate, 0, 1000000);
	assert_true(rate < 1);
}

static void numbers_read_well(void **state)
{
	char t[TEXT_SIZE];

	(void)state;
	assert_string_equal(text_bytes(t, 0), "0 B");
	assert_string_equal(text_bytes(t, 1023), "1023 B");
	assert_string_equal(text_bytes(t, 1024), "1.0 KiB");
	assert_string_equal(text_bytes(t, 1024 * 1024 - 1), "1.0 MiB");
	assert_string_equal(text_bytes(t, UINT64_MAX), "16.0 EiB");
	assert_string_equal(text_count(t, 0), "0");
	assert_string_equal(text_count(t, 999), "999");
	assert_string_equal(text_count(t, 1000), "1,000");
	assert_string_equal(text_count(t, UINT64_MAX), "18,446,744,073,709,551,615");
	assert_string_equal(text_duration(t, 420000), "0.42 s");
	assert_string_equal(text_duration(t, 12340000), "12.3 s");
	assert_string_equal(text_duration(t, 252000000), "4 min 12 s");
	assert_string_equal(text_duration(t, INT64_C(7500000000)), "2 h 5 min");
	assert_string_equal(text_age(t, 40000000), "40 s");
	assert_string_equal(text_age(t, -1), "0 s");
	assert_string_equal(text_age(t, INT64_C(3) * 86400 * 1000000), "3 days");
	assert_string_equal(text_clock(t, 7000000), "0:07");
	assert_string_equal(text_clock(t, INT64_C(3723000000)), "1:02:03");
	assert_string_equal(text_version(t, 150020), "15.20");
	assert_string_equal(text_version(t, 180006), "18.6");
}

static void names_cannot_steer_a_terminal(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	text_printable(&out, "a\033[31m\n\x7f\xc2\x9b"
	                     "b\xc3\xbc");
	assert_string_equal(buf_str(&out), "a?[31m???b\xc3\xbc");
	assert_int_equal(text_width("b\xc3\xbc"), 2);
	buf_release(&out);
}

static void columns_line_up(void **state)
{
	struct table t = { 0 };
	struct buf out = BUF_INIT;
	static const char *const cells[] = { "\xc3\xbc", "1", "x", "long name", "1,000", "y" };

	(void)state;
	table_start(&t, "id|>rows|end");
	for (size_t i = 0; i < 6; i++)
		table_cell(&t, cells[i]);
	table_write(&out, &t);
	assert_string_equal(buf_str(&out), "id          rows  end\n"
	                                   "\xc3\xbc              1  x\n"
	                                   "long name  1,000  y\n");
	table_release(&t);
	buf_release(&out);
}

/* What is written to stderr while work runs, as a file's text. */
static char *stderr_of(void (*work)(void))
{
	char path[] = "/tmp/drtool-test-XXXXXX";
	int file = mkstemp(path), before = dup(STDERR_FILENO);
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	assert_true(file >= 0 && before >= 0);
	dup2(file, STDERR_FILENO);
	work();
	dup2(before, STDERR_FILENO);
	close(before);
	close(file);
	assert_true(file_read(&out, path, &e));
	unlink(path);
	return buf_detach(&out);
}

static void *count(void *cookie)
{
	struct observer *o = cookie;

	for (int i = 0; i < 1000; i++)
		observer_bytes(o, 1000);
	observer_note(o, NOTE_WARN, "half of it\nis done");
	observer_note(o, NOTE_DETAIL, "not for everybody");
	return NULL;
}

static void some_work(void)
{
	struct progress *p = progress_start();
	pthread_t threads[2];

	observer_phase(progress_observer(p), "copying", 2000000, 2);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, count, progress_observer(p));
	usleep(300000);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	observer_phase(progress_observer(p), "finishing", 0, 0);
	usleep(300000);
	progress_stop(p);
}

static void phases_and_notes_are_plain_lines_in_a_file(void **state)
{
	char *text;

	(void)state;
	say_configure(false, false, true);
	text = stderr_of(some_work);
	assert_non_null(strstr(text, "copying: 1.9 MiB, 2 items\n"));
	assert_non_null(strstr(text, "warning: half of it?is done\n"));
	assert_non_null(strstr(text, "finishing\n"));
	assert_null(strstr(text, "everybody"));
	assert_null(strchr(text, '\033'));
	free(text);
}

static void quiet_leaves_warnings_only(void **state)
{
	char *text;

	(void)state;
	say_configure(true, true, true);
	text = stderr_of(some_work);
	assert_string_equal(text, "warning: half of it?is done\nwarning: half of it?is done\n");
	free(text);
}

static void stopping_nothing_is_fine(void **state)
{
	(void)state;
	progress_stop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_shows_rate_and_time_left),
		cmocka_unit_test(a_narrow_terminal_gets_what_matters),
		cmocka_unit_test(nothing_is_invented),
		cmocka_unit_test(the_rate_follows_what_happens),
		cmocka_unit_test(numbers_read_well),
		cmocka_unit_test(names_cannot_steer_a_terminal),
		cmocka_unit_test(columns_line_up),
		cmocka_unit_test(phases_and_notes_are_plain_lines_in_a_file),
		cmocka_unit_test(quiet_leaves_warnings_only),
		cmocka_unit_test(stopping_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
