#include "tests/unit/storage_fixture.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "storage/repository/lock.h"
#include "storage/repository/lock_holder.h"

static struct object_key key_of(const char *name)
{
	return (struct object_key){ OBJECT_LOCK, name };
}

static bool exists(struct repository *r, const char *name)
{
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	bool found = storage_get(r->storage, key_of(name), &text, &e);

	buf_release(&text);
	return found;
}

static void write_holder(struct repository *r, const char *name, const struct lock_holder *h)
{
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	lock_holder_write(&text, h);
	assert_true(storage_put(r->storage, key_of(name), buf_view(&text), PUT_REPLACE, &e));
	buf_release(&text);
}

static struct lock_holder read_holder(struct repository *r, const char *name)
{
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	struct lock_holder h;

	assert_true(storage_get(r->storage, key_of(name), &text, &e));
	if (!lock_holder_parse(&h, buf_view(&text), &e))
		fail_msg("%s", e.msg);
	buf_release(&text);
	return h;
}

/* A process id of this machine that has just ended. */
static int dead_pid(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	return (int)child;
}

static void test_a_lock_names_its_holder_and_goes_when_released(void **state)
{
	struct repository *r = fixture_repository();
	struct repository_lock *l = NULL;
	struct err e = ERR_INIT;
	char host[256] = "";

	(void)state;
	assert_true(repository_lock_take(&l, r, "snapshot-1", &e));
	struct lock_holder h = read_holder(r, "snapshot-1");
	gethostname(host, sizeof(host) - 1);
	assert_string_equal(h.host, host);
	assert_int_equal(h.pid, getpid());
	assert_true(h.process_start > 0);
	assert_int_not_equal(h.boot_id[0], 0);
	lock_holder_release(&h);
	assert_true(repository_lock_check(l, &e));
	repository_lock_release(l);
	assert_false(exists(r, "snapshot-1"));
	repository_lock_release(NULL);
	repository_close(r);
}

static void test_shared_locks_stand_side_by_side(void **state)
{
	struct repository *r = fixture_repository();
	struct repository_lock *a = NULL, *b = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(repository_lock_take(&a, r, "snapshot-1", &e));
	assert_true(repository_lock_take(&b, r, "snapshot-2", &e));
	repository_lock_release(a);
	assert_true(exists(r, "snapshot-2"));
	repository_lock_release(b);
	repository_close(r);
}

static void test_an_exclusive_lock_excludes_and_says_whom(void **state)
{
	struct repository *r = fixture_repository();
	struct repository_lock *a = NULL, *b = NULL;
	struct err e = ERR_INIT;
	char pid[32];

	(void)state;
	assert_true(repository_lock_take_exclusive(&a, r, "database-5", &e));
	assert_false(repository_lock_take_exclusive(&b, r, "database-5", &e));
	assert_int_equal(e.kind, ERR_CONFLICT);
	snprintf(pid, sizeof(pid), "process %d on", (int)getpid());
	assert_non_null(strstr(e.msg, pid));
	assert_int_not_equal(e.hint[0], 0);
	e = (struct err)ERR_INIT;
	assert_true(repository_lock_take_exclusive(&b, r, "database-6", &e));
	repository_lock_release(a);
	assert_true(repository_lock_take_exclusive(&a, r, "database-5", &e));
	repository_lock_release(a);
	repository_lock_release(b);
	repository_close(r);
}

static void test_a_dead_holder_of_this_host_is_known_at_once(void **state)
{
	struct repository *r = fixture_repository();
	struct repository_lock *l = NULL;
	struct lock_holder h;
	struct err e = ERR_INIT;

	(void)state;
	lock_holder_self(&h);
	h.pid = dead_pid();
	write_holder(r, "database-5", &h);
	assert_true(repository_lock_take_exclusive(&l, r, "database-5", &e));
	repository_lock_release(l);
	/* the process id has been given to another program */
	h.pid = (int)getpid();
	h.process_start--;
	write_holder(r, "database-5", &h);
	assert_true(repository_lock_take_exclusive(&l, r, "database-5", &e));
	repository_lock_release(l);
	lock_holder_release(&h);
	repository_close(r);
}

static void test_whose_life_cannot_be_seen_is_believed_until_it_expires(void **state)
{
	int64_t now = clock_utc_us(), second = 1000000;
	struct lock_holder h;

	(void)state;
	lock_holder_self(&h);
	assert_false(lock_holder_dead(&h, 0, now, 600));
	assert_false(lock_holder_dead(&h, 0, now + 599 * second, 600));
	assert_true(lock_holder_dead(&h, 0, h.renewed_us + 601 * second, 600));
	assert_false(
	        lock_holder_dead(&h, now + 10 * second, h.renewed_us + 601 * second, 600)); /* the store saw it later */
	h.pid = dead_pid();
	assert_true(lock_holder_dead(&h, 0, now, 600));
	const char *host = h.host, *boot_id = h.boot_id, *pid_namespace = h.pid_namespace;
	h.host = "elsewhere";
	assert_false(lock_holder_dead(&h, 0, now, 600));
	h.host = host;
	h.boot_id = "another boot";
	assert_false(lock_holder_dead(&h, 0, now, 600));
	h.boot_id = boot_id;
	h.pid_namespace = "pid:[1]";
	assert_false(lock_holder_dead(&h, 0, now, 600));
	h.pid_namespace = pid_namespace;
	assert_true(lock_holder_dead(&h, 0, now, 600));
	lock_holder_release(&h);
}

static void test_dead_locks_met_on_the_way_are_removed(void **state)
{
	struct repository *r = fixture_repository();
	struct repository_lock *l = NULL;
	struct lock_holder h;
	struct err e = ERR_INIT;

	(void)state;
	lock_holder_self(&h);
	write_holder(r, "snapshot-live", &h);
	h.pid = dead_pid();
	write_holder(r, "snapshot-dead", &h);
	h.host = "elsewhere";
	write_holder(r, "snapshot-elsewhere", &h);
	assert_true(storage_put(r->storage, key_of("snapshot-torn"), view_str("{"), PUT_REPLACE, &e));
	assert_true(repository_lock_take(&l, r, "snapshot-1", &e));
	assert_true(exists(r, "snapshot-live"));
	assert_false(exists(r, "snapshot-dead"));
	assert_true(exists(r, "snapshot-elsewhere"));
	assert_true(exists(r, "snapshot-torn")); /* too young to be judged */
	repository_lock_release(l);
	lock_holder_release(&h);
	repository_close(r);
}

static void test_an_unreadable_lock_is_respected_while_young(void **state)
{
	struct repository *r = fixture_repository();
	struct repository_lock *l = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(storage_put(r->storage, key_of("database-5"), view_str("{"), PUT_REPLACE, &e));
	assert_false(repository_lock_take_exclusive(&l, r, "database-5", &e));
	assert_int_equal(e.kind, ERR_CONFLICT);
	repository_close(r);
}

static void test_renewing_moves_the_time(void **state)
{
	struct repository *r = fixture_repository();
	struct repository_lock *l = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(repository_lock_take(&l, r, "snapshot-1", &e));
	struct lock_holder before = read_holder(r, "snapshot-1");
	assert_true(repository_lock_renew(l, &e));
	struct lock_holder after = read_holder(r, "snapshot-1");
	assert_true(after.renewed_us > before.renewed_us && after.taken_us == before.taken_us);
	assert_string_equal(after.token, before.token);
	lock_holder_release(&before);
	lock_holder_release(&after);
	repository_lock_release(l);
	repository_close(r);
}

static void test_a_lost_lock_is_noticed_and_not_taken_back(void **state)
{
	struct repository *r = fixture_repository();
	struct repository_lock *l = NULL;
	struct lock_holder other;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(repository_lock_take(&l, r, "snapshot-1", &e));
	assert_true(storage_remove(r->storage, key_of("snapshot-1"), &e));
	assert_false(repository_lock_check(l, &e));
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_false(repository_lock_renew(l, &e));
	assert_false(exists(r, "snapshot-1"));
	repository_lock_release(l);

	e = (struct err)ERR_INIT;
	assert_true(repository_lock_take(&l, r, "snapshot-1", &e));
	lock_holder_self(&other);
	write_holder(r, "snapshot-1", &other);
	assert_false(repository_lock_renew(l, &e));
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_false(repository_lock_check(l, &e));
	repository_lock_release(l);
	assert_true(exists(r, "snapshot-1")); /* the other's */
	lock_holder_release(&other);
	repository_close(r);
}

static void test_a_store_that_hiccups_is_forgiven(void **state)
{
	static const enum fault_op ops[] = { FAULT_GET, FAULT_PUT };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		/* 1: drtool.json; 2: taking; 3: renewing */
		struct repository *r = fixture_repository_over(
		        storage_new_fault(storage_new_memory(), ops[i], 3, FAULT_BEFORE));
		struct repository_lock *l = NULL;
		struct err e = ERR_INIT;

		assert_true(repository_lock_take(&l, r, "snapshot-1", &e));
		assert_false(storage_fault_fired(r->storage));
		assert_true(repository_lock_renew(l, &e));
		assert_true(storage_fault_fired(r->storage));
		assert_true(repository_lock_check(l, &e));
		repository_lock_release(l);
		repository_close(r);
	}
}

#define THREADS 6

struct taker {
	pthread_t thread;
	struct repository *r;
	struct repository_lock *lock;
	struct err e;
};

static void *try_to_take(void *arg)
{
	struct taker *t = arg;

	repository_lock_take_exclusive(&t->lock, t->r, "database-5", &t->e);
	return NULL;
}

static void test_of_many_takers_of_a_dead_lock_at_most_one_keeps_it(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		struct repository *r = fixture_repository();
		struct taker takers[THREADS];
		struct lock_holder h;
		unsigned holders = 0;

		lock_holder_self(&h);
		h.pid = dead_pid();
		write_holder(r, "database-5", &h);
		lock_holder_release(&h);
		for (unsigned i = 0; i < THREADS; i++) {
			takers[i] = (struct taker){ .r = r };
			assert_int_equal(pthread_create(&takers[i].thread, NULL, try_to_take, &takers[i]), 0);
		}
		for (unsigned i = 0; i < THREADS; i++)
			pthread_join(takers[i].thread, NULL);
		for (unsigned i = 0; i < THREADS; i++) {
			struct err e = ERR_INIT;

			if (takers[i].lock)
				holders += repository_lock_check(takers[i].lock, &e);
			else
				assert_int_equal(takers[i].e.kind, ERR_CONFLICT);
		}
		assert_in_range(holders, 0, 1);
		for (unsigned i = 0; i < THREADS; i++)
			repository_lock_release(takers[i].lock);
		repository_close(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_lock_names_its_holder_and_goes_when_released),
		cmocka_unit_test(test_shared_locks_stand_side_by_side),
		cmocka_unit_test(test_an_exclusive_lock_excludes_and_says_whom),
		cmocka_unit_test(test_a_dead_holder_of_this_host_is_known_at_once),
		cmocka_unit_test(test_whose_life_cannot_be_seen_is_believed_until_it_expires),
		cmocka_unit_test(test_dead_locks_met_on_the_way_are_removed),
		cmocka_unit_test(test_an_unreadable_lock_is_respected_while_young),
		cmocka_unit_test(test_renewing_moves_the_time),
		cmocka_unit_test(test_a_lost_lock_is_noticed_and_not_taken_back),
		cmocka_unit_test(test_a_store_that_hiccups_is_forgiven),
		cmocka_unit_test(test_of_many_takers_of_a_dead_lock_at_most_one_keeps_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
