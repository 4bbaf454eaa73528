/* tests/unit/test_queue.c - order, back-pressure, close and abort with several threads */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "src/base/queue.h"

#define PRODUCERS 3
#define CONSUMERS 4
#define EACH      20000

static int numbers[PRODUCERS * EACH];
static atomic_int seen[PRODUCERS * EACH];

static void pause_ms(long ms)
{
	struct timespec t = { .tv_nsec = ms * 1000000 };

	nanosleep(&t, NULL);
}

static void first_in_first_out(void **state)
{
	struct queue *q = queue_new(3);

	(void)state;
	for (int round = 0; round < 10; round++) {
		assert_null(queue_try_pop(q));
		for (int i = 0; i < 3; i++)
			assert_true(queue_push(q, &numbers[i]));
		assert_ptr_equal(queue_pop(q), &numbers[0]);
		assert_ptr_equal(queue_try_pop(q), &numbers[1]);
		assert_ptr_equal(queue_pop(q), &numbers[2]);
	}
	queue_free(q);
	queue_free(NULL);
}

static void close_drains(void **state)
{
	struct queue *q = queue_new(4);

	(void)state;
	queue_push(q, &numbers[0]);
	queue_push(q, &numbers[1]);
	queue_close(q);
	assert_false(queue_push(q, &numbers[2]));
	assert_ptr_equal(queue_pop(q), &numbers[0]);
	assert_ptr_equal(queue_try_pop(q), &numbers[1]);
	assert_null(queue_pop(q));
	assert_null(queue_try_pop(q));
	queue_free(q);
}

static void abort_stops_at_once_and_drain_gives_the_rest(void **state)
{
	struct queue *q = queue_new(4);

	(void)state;
	queue_push(q, &numbers[0]);
	queue_push(q, &numbers[1]);
	queue_abort(q);
	assert_false(queue_push(q, &numbers[2]));
	assert_null(queue_pop(q));
	assert_null(queue_try_pop(q));
	assert_ptr_equal(queue_drain(q), &numbers[0]);
	assert_ptr_equal(queue_drain(q), &numbers[1]);
	assert_null(queue_drain(q));
	queue_free(q);
}

static void *produce(void *cookie)
{
	struct queue *q = ((void **)cookie)[0];
	int *first = ((void **)cookie)[1];

	for (int i = 0; i < EACH; i++) {
		if (!queue_push(q, first + i))
			return first + i;
	}
	return NULL;
}

static void *consume(void *cookie)
{
	struct queue *q = cookie;
	int *item;

	while ((item = queue_pop(q)))
		atomic_fetch_add(&seen[item - numbers], 1);
	return NULL;
}

static void every_item_arrives_once(void **state)
{
	struct queue *q = queue_new(8);
	pthread_t producers[PRODUCERS], consumers[CONSUMERS];
	void *jobs[PRODUCERS][2], *refused;

	(void)state;
	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < CONSUMERS; i++)
		assert_int_equal(pthread_create(&consumers[i], NULL, consume, q), 0);
	for (int i = 0; i < PRODUCERS; i++) {
		jobs[i][0] = q;
		jobs[i][1] = &numbers[i * EACH];
		assert_int_equal(pthread_create(&producers[i], NULL, produce, jobs[i]), 0);
	}
	for (int i = 0; i < PRODUCERS; i++) {
		pthread_join(producers[i], &refused);
		assert_null(refused);
	}
	queue_close(q);
	for (int i = 0; i < CONSUMERS; i++)
		pthread_join(consumers[i], NULL);
	for (int i = 0; i < PRODUCERS * EACH; i++)
		assert_int_equal(atomic_load(&seen[i]), 1);
	queue_free(q);
}

static void push_blocks_while_full(void **state)
{
	struct queue *q = queue_new(2);
	void *job[2] = { q, &numbers[0] }, *refused;
	pthread_t producer;

	(void)state;
	assert_int_equal(pthread_create(&producer, NULL, produce, job), 0);
	pause_ms(50);
	/* Two inside, the producer waits with the third. */
	queue_close(q);
	pthread_join(producer, &refused);
	assert_ptr_equal(refused, &numbers[2]);
	assert_ptr_equal(queue_pop(q), &numbers[0]);
	assert_ptr_equal(queue_pop(q), &numbers[1]);
	assert_null(queue_pop(q));
	queue_free(q);
}

static void abort_wakes_everybody(void **state)
{
	struct queue *full = queue_new(1), *empty = queue_new(1);
	void *job[2] = { full, &numbers[0] }, *refused;
	pthread_t producers[2], consumers[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&producers[i], NULL, produce, job), 0);
		assert_int_equal(pthread_create(&consumers[i], NULL, consume, empty), 0);
	}
	pause_ms(50);
	queue_abort(full);
	queue_abort(empty);
	for (int i = 0; i < 2; i++) {
		pthread_join(producers[i], &refused);
		assert_non_null(refused);
		pthread_join(consumers[i], NULL);
	}
	assert_non_null(queue_drain(full));
	assert_null(queue_drain(full));
	assert_null(queue_drain(empty));
	queue_free(full);
	queue_free(empty);
}

/* What is pushed and not popped is drained: nothing is lost, whenever the abort comes. */
static void abort_in_the_middle_loses_nothing(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		struct queue *q = queue_new(16);
		void *job[2] = { q, &numbers[0] }, *refused;
		pthread_t producer, consumer;
		int *item, pushed;

		memset(seen, 0, sizeof(seen));
		assert_int_equal(pthread_create(&consumer, NULL, consume, q), 0);
		assert_int_equal(pthread_create(&producer, NULL, produce, job), 0);
		pause_ms(round % 4);
		queue_abort(q);
		pthread_join(producer, &refused);
		pthread_join(consumer, NULL);
		while ((item = queue_drain(q)))
			atomic_fetch_add(&seen[item - numbers], 1);
		pushed = refused ? (int)((int *)refused - numbers) : EACH;
		for (int i = 0; i < EACH; i++)
			assert_int_equal(atomic_load(&seen[i]), i < pushed);
		queue_free(q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_in_first_out),
		cmocka_unit_test(close_drains),
		cmocka_unit_test(abort_stops_at_once_and_drain_gives_the_rest),
		cmocka_unit_test(every_item_arrives_once),
		cmocka_unit_test(push_blocks_while_full),
		cmocka_unit_test(abort_wakes_everybody),
		cmocka_unit_test(abort_in_the_middle_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
