#include "tests/unit/odd_storage.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
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

struct found {
	const char *name;
	size_t count;
	char object[128]; /* of one */
};

static bool find_object(void *cookie, const struct object_info *info, struct err *e)
{
	struct found *f = cookie;
	size_t len = strlen(f->name);

	(void)e;
	if (strncmp(info->name, f->name, len) == 0 && info->name[len] == '.' && strlen(info->name) == len + 33) {
		f->count++;
		snprintf(f->object, sizeof(f->object), "%s", info->name);
	}
	return true;
}

/* What the takers of this lock have written. */
static struct found objects_of(struct repository *r, const char *name)
{
	struct found f = { .name = name };
	struct err e = ERR_INIT;

	assert_true(storage_list(r->storage, OBJECT_LOCK, name, find_object, &f, &e));
	return f;
}

static bool is_locked(struct repository *r, const char *name)
{
	return objects_of(r, name).count > 0;
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
	struct lock_holder h = read_holder(r, objects_of(r, "snapshot-1").object);
	gethostname(host, sizeof(host) - 1);
	assert_string_equal(h.host, host);
	assert_int_equal(h.pid, getpid());
	assert_true(h.process_start > 0);
	assert_int_not_equal(h.boot_id[0], 0);
	lock_holder_release(&h);
	assert_true(repository_lock_check(l, &e));
	repository_lock_release(l);
	assert_false(is_locked(r, "snapshot-1"));
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
	assert_false(is_locked(r, "snapshot-1"));
	assert_true(is_locked(r, "snapshot-2"));
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

static void test_whose_life_cannot_be_seen_is_believed(void **state)
{
	struct lock_holder h;

	(void)state;
	lock_holder_self(&h);
	assert_false(lock_holder_ended(&h));
	h.pid = dead_pid();
	assert_true(lock_holder_ended(&h));
	const char *host = h.host, *boot_id = h.boot_id, *pid_namespace = h.pid_namespace;
	h.host = "elsewhere";
	assert_false(lock_holder_ended(&h));
	h.host = host;
	h.boot_id = "another boot";
	assert_false(lock_holder_ended(&h));
	h.boot_id = boot_id;
	h.pid_namespace = "pid:[1]";
	assert_false(lock_holder_ended(&h));
	h.pid_namespace = pid_namespace;
	assert_true(lock_holder_ended(&h));
	lock_holder_release(&h);
}

static void test_the_clock_of_the_store_decides(void **state)
{
	static const int64_t hour = (int64_t)3600 * 1000000, second = 1000000;

	(void)state;
	for (int sign = -1; sign <= 1; sign++) {
		struct odd *o;
		struct repository *r = fixture_repository_over(odd_storage(&o, storage_new_memory(), CREATES));
		struct repository_lock *l = NULL;
		struct lock_holder h;
		struct err e = ERR_INIT;

		o->ahead_us = sign * hour;
		lock_holder_self(&h);
		h.host = "elsewhere";
		/* whatever its holder's clock said */
		h.taken_us = h.renewed_us = clock_utc_us() + sign * 2 * hour;
		write_holder(r, "database-5.0123456789abcdef0123456789abcdef", &h);
		o->aged = "database-5.0123456789abcdef0123456789abcdef";
		o->age_us = 590 * second;
		assert_false(repository_lock_take_exclusive(&l, r, "database-5", &e));
		assert_int_equal(e.kind, ERR_CONFLICT);
		assert_true(repository_lock_take(&l, r, "snapshot-1", &e));
		repository_lock_release(l);
		assert_true(is_locked(r, "database-5"));
		o->age_us = 601 * second;
		e = (struct err)ERR_INIT;
		assert_true(repository_lock_take_exclusive(&l, r, "database-5", &e));
		assert_int_equal(objects_of(r, "database-5").count, 1);
		repository_lock_release(l);
		lock_holder_release(&h);
		repository_close(r);
	}
}

static void test_a_lock_without_a_token_is_respected(void **state)
{
	struct odd *o;
	struct repository *r = fixture_repository_over(odd_storage(&o, storage_new_memory(), CREATES));
	struct repository_lock *l = NULL;
	struct lock_holder h;
	struct err e = ERR_INIT;

	(void)state;
	lock_holder_self(&h);
	h.host = "elsewhere";
	write_holder(r, "database-5", &h);
	assert_false(repository_lock_take_exclusive(&l, r, "database-5", &e));
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_non_null(strstr(e.msg, "\"elsewhere\""));
	assert_false(is_locked(r, "database-5")); /* nothing of ours is left */
	/* names that only begin alike are others */
	e = (struct err)ERR_INIT;
	assert_true(repository_lock_take_exclusive(&l, r, "database", &e));
	repository_lock_release(l);
	write_holder(r, "database-6.b", &h);
	assert_true(repository_lock_take_exclusive(&l, r, "database-6", &e));
	repository_lock_release(l);
	o->aged = "database-5";
	o->age_us = (int64_t)601 * 1000000;
	assert_true(repository_lock_take_exclusive(&l, r, "database-5", &e));
	assert_false(exists(r, "database-5"));
	repository_lock_release(l);
	lock_holder_release(&h);
	repository_close(r);
}

static void test_an_old_lock_is_a_holders_and_not_waited_for(void **state)
{
	struct odd *o;
	struct repository *r = fixture_repository_over(odd_storage(&o, storage_new_memory(), CREATES));
	struct repository_lock *a = NULL, *b = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(repository_lock_take_exclusive(&a, r, "database-5", &e));
	struct found f = objects_of(r, "database-5");
	o->aged = f.object;
	o->age_us = 10000000;
	int64_t quickest = INT64_MAX; /* of some: another program may get in between */
	for (int i = 0; i < 5 && quickest >= 50000; i++) {
		int64_t start = clock_monotonic_us();

		assert_false(repository_lock_take_exclusive(&b, r, "database-5", &e));
		quickest = clock_monotonic_us() - start;
	}
	assert_true(quickest < 50000);
	repository_lock_release(a);
	repository_close(r);
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
	struct found f = objects_of(r, "snapshot-1");
	struct lock_holder before = read_holder(r, f.object);
	assert_true(repository_lock_renew(l, &e));
	struct lock_holder after = read_holder(r, f.object);
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
	struct found f = objects_of(r, "snapshot-1");
	assert_true(storage_remove(r->storage, key_of(f.object), &e));
	assert_false(repository_lock_check(l, &e));
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_false(repository_lock_renew(l, &e));
	assert_false(is_locked(r, "snapshot-1"));
	repository_lock_release(l);

	e = (struct err)ERR_INIT;
	assert_true(repository_lock_take(&l, r, "snapshot-1", &e));
	f = objects_of(r, "snapshot-1");
	lock_holder_self(&other);
	write_holder(r, f.object, &other);
	assert_false(repository_lock_renew(l, &e));
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_false(repository_lock_check(l, &e));
	repository_lock_release(l);
	lock_holder_release(&other);
	repository_close(r);
}

static void test_a_store_that_hiccups_is_forgiven(void **state)
{
	static const enum fault_op ops[] = { FAULT_GET, FAULT_PUT };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		/* 1: drtool.json; put 2: taking; then renewing */
		struct repository *r = fixture_repository_over(
		        storage_new_fault(storage_new_memory(), ops[i], ops[i] == FAULT_PUT ? 3 : 2, FAULT_BEFORE));
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

/* The machine sleeps: only the clock that goes on meanwhile jumps. */
static atomic_int asleep_s;

int __real_clock_gettime(clockid_t id, struct timespec *out);
int __wrap_clock_gettime(clockid_t id, struct timespec *out);

int __wrap_clock_gettime(clockid_t id, struct timespec *out)
{
	int result = __real_clock_gettime(id, out);

	if (id == CLOCK_BOOTTIME)
		out->tv_sec += asleep_s;
	return result;
}

static void test_who_did_not_renew_for_too_long_has_lost_it(void **state)
{
	(void)state;
	for (int sleep_s = 560; sleep_s <= 575; sleep_s += 15) {
		for (int renew = 0; renew < 2; renew++) {
			struct repository *r = fixture_repository();
			struct repository_lock *l = NULL;
			struct err e = ERR_INIT;

			asleep_s = 0;
			assert_true(repository_lock_take_exclusive(&l, r, "database-5", &e));
			asleep_s = sleep_s;
			/* its object is still there: others may be about to remove it */
			assert_true(is_locked(r, "database-5"));
			bool ok = renew ? repository_lock_renew(l, &e) : repository_lock_check(l, &e);
			assert_int_equal(ok, sleep_s < 570);
			if (!ok)
				assert_int_equal(e.kind, ERR_CONFLICT);
			/* and what is lost stays lost, what was renewed lasts */
			asleep_s = renew && ok ? sleep_s + 500 : 0;
			assert_int_equal(repository_lock_check(l, &e), ok);
			repository_lock_release(l);
			repository_close(r);
		}
	}
	asleep_s = 0;
}

/* Puts take as long as the machine sleeps. */
static void test_a_renewal_that_took_too_long_is_taken_back(void **state)
{
	struct odd *o;
	struct repository *r = fixture_repository_over(odd_storage(&o, storage_new_memory(), CREATES));
	struct repository_lock *l = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(repository_lock_take_exclusive(&l, r, "database-5", &e));
	o->put_sleeps = &asleep_s;
	assert_false(repository_lock_renew(l, &e));
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_false(is_locked(r, "database-5"));
	repository_lock_release(l);
	asleep_s = 0;
	repository_close(r);
}

#define THREADS 8
#define ROUNDS  6

/* What several takers see of each other. */
struct contest {
	struct repository *r;
	atomic_int holders, most, won;
	atomic_bool wrong;
};

static void pause_ms(long ms)
{
	struct timespec t = { .tv_nsec = ms * 1000000 };

	nanosleep(&t, NULL);
}

static void *take_and_release(void *arg)
{
	struct contest *c = arg;

	for (int round = 0; round < ROUNDS; round++) {
		struct repository_lock *l = NULL;
		struct err e = ERR_INIT;

		if (!repository_lock_take_exclusive(&l, c->r, "database-5", &e)) {
			c->wrong = c->wrong || e.kind != ERR_CONFLICT;
			continue;
		}
		int now = atomic_fetch_add(&c->holders, 1) + 1;
		if (now > c->most)
			c->most = now;
		c->won++;
		c->wrong = c->wrong || !repository_lock_check(l, &e);
		pause_ms(3);
		atomic_fetch_sub(&c->holders, 1);
		repository_lock_release(l);
	}
	return NULL;
}

static void test_never_two_holders_whatever_the_store_does_with_creating(void **state)
{
	(void)state;
	for (int create = CREATES; create <= REFUSES; create++) {
		struct odd *o;
		struct storage *slow = storage_new_slow(storage_new_memory(), 1);
		struct contest c = { .r = fixture_repository_over(odd_storage(&o, slow, (enum create)create)) };
		pthread_t threads[THREADS];
		struct lock_holder h;

		/* a dead one for all to find */
		lock_holder_self(&h);
		h.pid = dead_pid();
		write_holder(c.r, "database-5", &h);
		lock_holder_release(&h);
		for (unsigned i = 0; i < THREADS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, take_and_release, &c), 0);
		for (unsigned i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		assert_int_equal(c.most, 1);
		assert_false(c.wrong);
		assert_true(c.won > 0); /* somebody gets it */
		assert_false(is_locked(c.r, "database-5"));
		assert_false(exists(c.r, "database-5"));
		repository_close(c.r);
	}
}

/* Whatever fails while taking: an error or the lock, and nothing left behind that is nobody's. */
static void test_break_every_operation_of_taking_once(void **state)
{
	static const enum fault_op ops[] = { FAULT_PUT, FAULT_GET, FAULT_LIST, FAULT_REMOVE };

	(void)state;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		for (int how = FAULT_BEFORE; how <= FAULT_AFTER; how++) {
			for (unsigned nth = 1;; nth++) {
				struct storage *memory = storage_new_memory();
				struct repository *r = fixture_repository_over(memory), faulty;
				struct storage *fault;
				struct repository_lock *l = NULL;
				struct lock_holder h;
				struct err e = ERR_INIT;

				/* a dead one stands in the way */
				lock_holder_self(&h);
				h.pid = dead_pid();
				write_holder(r, "database-5", &h);
				lock_holder_release(&h);
				fault = storage_new_fault(memory, ops[i], nth, (enum fault_how)how);
				faulty = *r;
				faulty.storage = fault;
				bool ok = repository_lock_take_exclusive(&l, &faulty, "database-5", &e);
				bool fired = storage_fault_fired(fault);
				assert_int_equal(objects_of(r, "database-5").count, ok);
				/* a dead one that cannot be removed hinders nobody */
				assert_int_equal(ok, !fired || ops[i] == FAULT_REMOVE);
				repository_lock_release(l);
				r->storage = fault;
				repository_close(r);
				if (!fired)
					break;
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_lock_names_its_holder_and_goes_when_released),
		cmocka_unit_test(test_shared_locks_stand_side_by_side),
		cmocka_unit_test(test_an_exclusive_lock_excludes_and_says_whom),
		cmocka_unit_test(test_a_dead_holder_of_this_host_is_known_at_once),
		cmocka_unit_test(test_whose_life_cannot_be_seen_is_believed),
		cmocka_unit_test(test_the_clock_of_the_store_decides),
		cmocka_unit_test(test_a_lock_without_a_token_is_respected),
		cmocka_unit_test(test_an_old_lock_is_a_holders_and_not_waited_for),
		cmocka_unit_test(test_dead_locks_met_on_the_way_are_removed),
		cmocka_unit_test(test_an_unreadable_lock_is_respected_while_young),
		cmocka_unit_test(test_renewing_moves_the_time),
		cmocka_unit_test(test_a_lost_lock_is_noticed_and_not_taken_back),
		cmocka_unit_test(test_a_store_that_hiccups_is_forgiven),
		cmocka_unit_test(test_who_did_not_renew_for_too_long_has_lost_it),
		cmocka_unit_test(test_a_renewal_that_took_too_long_is_taken_back),
		cmocka_unit_test(test_never_two_holders_whatever_the_store_does_with_creating),
		cmocka_unit_test(test_break_every_operation_of_taking_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
