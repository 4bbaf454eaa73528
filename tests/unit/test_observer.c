/* tests/unit/test_observer.c - counters and notes */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/observer.h"

struct notebook {
	bool busy; /* only ever true inside note(): two at once would see it */
	int count, overlaps;
	enum note_level level;
	char *last;
};

static void note(void *cookie, enum note_level level, const char *text)
{
	struct notebook *book = cookie;

	book->overlaps += book->busy;
	book->busy = true;
	book->count++;
	book->level = level;
	free(book->last);
	book->last = strdup(text);
	book->busy = false;
}

static void nobody_listens(void **state)
{
	struct observer silent = { 0 };

	(void)state;
	observer_note(NULL, NOTE_WARN, "x");
	observer_phase(NULL, "copying", 1, 1);
	observer_bytes(NULL, 1);
	observer_item(NULL);
	observer_note(&silent, NOTE_WARN, "x");
}

static void counters_restart_with_a_phase(void **state)
{
	struct observer o = { 0 };

	(void)state;
	observer_phase(&o, "copying", 100, 10);
	observer_bytes(&o, 30);
	observer_bytes(&o, 12);
	observer_item(&o);
	assert_string_equal(atomic_load(&o.phase), "copying");
	assert_int_equal(atomic_load(&o.bytes_total), 100);
	assert_int_equal(atomic_load(&o.items_total), 10);
	assert_int_equal(atomic_load(&o.bytes_done), 42);
	assert_int_equal(atomic_load(&o.items_done), 1);
	observer_phase(&o, "indexes", 0, 3);
	assert_int_equal(atomic_load(&o.bytes_done), 0);
	assert_int_equal(atomic_load(&o.items_done), 0);
	assert_int_equal(atomic_load(&o.bytes_total), 0);
}

struct begun {
	struct observer o;
	char phases[64];
};

static void append_phase(void *cookie)
{
	struct begun *b = cookie;
	size_t used = strlen(b->phases);

	snprintf(b->phases + used, sizeof(b->phases) - used, "%s %d;", atomic_load(&b->o.phase),
	        (int)atomic_load(&b->o.items_total));
}

static void every_phase_is_told_when_it_begins(void **state)
{
	struct begun b = { .o = { .phase_begun = append_phase, .cookie = &b } };

	(void)state;
	observer_phase(&b.o, "schema", 0, 1);
	observer_phase(&b.o, "data", 10, 2);
	observer_item(&b.o);
	assert_string_equal(b.phases, "schema 1;data 2;");
}

static void *work(void *cookie)
{
	for (int i = 0; i < 2000; i++) {
		observer_bytes(cookie, 3);
		observer_item(cookie);
		observer_note(cookie, NOTE_INFO, "item %d", i);
	}
	return NULL;
}

static void workers_share_one(void **state)
{
	struct notebook book = { 0 };
	struct observer o = { .note = note, .cookie = &book };
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &o), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&o.bytes_done), 24000);
	assert_int_equal(atomic_load(&o.items_done), 8000);
	assert_int_equal(book.count, 8000);
	assert_int_equal(book.overlaps, 0);
	assert_int_equal(book.level, NOTE_INFO);
	assert_string_equal(book.last, "item 1999");
	free(book.last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(counters_restart_with_a_phase),
		cmocka_unit_test(every_phase_is_told_when_it_begins),
		cmocka_unit_test(workers_share_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
