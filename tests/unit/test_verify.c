/*
 * A test restore from start to proof: good, damaged, with a source at fault; in a cluster of its own and on a named
 * server.
 */
#include "tests/unit/taken.h"

#include <dirent.h>
#include <sys/stat.h>

#include "restore/restore.h"
#include "src/base/path.h"
#include "storage/repository/proof.h"

#define DATABASE "drtool_test_verify"

static const char *const source_sql =
        "CREATE TABLE a (id int PRIMARY KEY, t text); INSERT INTO a SELECT i, md5(i::text) FROM generate_series(1, 1000) i;"
        "CREATE TABLE b (a int REFERENCES a); INSERT INTO b SELECT i FROM generate_series(1, 500) i; CREATE SEQUENCE s; SELECT nextval('s');"
        "CREATE MATERIALIZED VIEW m AS SELECT count(*) AS n FROM a; SELECT lo_from_bytea(7001, 'abc');";

static struct taken taken;
static char base[] = "/tmp/drtool-test-verify-XXXXXX";

static bool verify(
        struct proof **out, struct repository *r, const struct conninfo *on, const struct cancel *cancel, struct err *e)
{
	const struct verify_options o = { .jobs = 2, .scratch_dir = base, .scratch_server = on };

	return verify_snapshot(out, r, taken.m, &o, NULL, cancel, e);
}

static void print(const struct proof *p)
{
	for (size_t i = 0; i < p->difference_count; i++)
		print_error("  %s: %s\n", p->differences[i].object, p->differences[i].what);
}

static unsigned leftovers(void)
{
	DIR *entries = opendir(base);
	unsigned n = 0;

	assert_non_null(entries);
	for (struct dirent *entry; (entry = readdir(entries));)
		n += entry->d_name[0] != '.';
	closedir(entries);
	return n;
}

static void is_good(const struct proof *p)
{
	print(p);
	assert_int_equal(p->outcome, PROOF_GOOD);
	assert_int_equal(p->rows, 1501); /* and the large object's page */
	assert_int_equal(p->tables, 2);
	assert_int_equal(p->sequences, 1);
	assert_int_equal(p->large_objects, 1);
	assert_true(p->phase_count > 2);
}

static void good_in_a_cluster_of_its_own(void **state)
{
	struct proof *p = NULL, *saved = NULL;
	struct err e = ERR_INIT;

	(void)state;
	NEED_SERVER();
	ok_or_fail(verify(&p, taken.r, NULL, NULL, &e), &e);
	is_good(p);
	assert_string_equal(p->where, "private cluster");
	ok_or_fail(proof_load_newest(&saved, taken.r, taken.m->database, taken.m->id, &e), &e);
	assert_int_equal(saved->finished_us, p->finished_us);
	assert_int_equal(saved->outcome, PROOF_GOOD);
	assert_int_equal(leftovers(), 0);
	proof_free(saved);
	proof_free(p);
}

static void good_on_a_named_server(void **state)
{
	struct conninfo *on;
	struct pg_session *s;
	struct proof *p = NULL;
	struct err e = ERR_INIT;

	(void)state;
	NEED_SERVER();
	on = server();
	taken_sql("postgres", "CREATE DATABASE drtool_verify_left00"); /* of a run that died */
	ok_or_fail(verify(&p, taken.r, on, NULL, &e), &e);
	is_good(p);
	s = open_plain();
	is_value(s,
	        "SELECT count(*) FROM pg_catalog.pg_database WHERE datname LIKE 'drtool%verify%' AND datname <> '" DATABASE
	        "'",
	        "0");
	pg_session_close(s);
	proof_free(p);
	conninfo_free(on);
}

/* While another run has the lock, its database is neither dropped nor used. */
static void busy_on_a_named_server(void **state)
{
	struct conninfo *on;
	struct pg_session *s;
	struct proof *p = NULL;
	struct err e = ERR_INIT;
	char sql[160];

	(void)state;
	NEED_SERVER();
	on = server();
	s = open_plain();
	snprintf(sql, sizeof sql,
	        "SELECT pg_catalog.pg_advisory_lock(1685222518, pg_catalog.hashtext('drtool_verify_%s'))",
	        strrchr(taken.m->id, '-') + 1);
	run(s, sql);
	assert_false(verify(&p, taken.r, on, NULL, &e));
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_null(p);
	pg_session_close(s);
	conninfo_free(on);
}

static void lent_close(void *impl)
{
	(void)impl;
}

/* The repository once more, over a storage in which the nth read goes wrong. */
static struct repository *with_bad_read(
        unsigned nth, enum fault_how how, struct storage_ops *ops, struct storage **fault)
{
	struct storage *lent = xcalloc(1, sizeof *lent);
	struct repository *r = NULL;
	struct err e = ERR_INIT;

	*ops = *taken.r->storage->ops;
	ops->close = lent_close;
	*lent = (struct storage){ .ops = ops, .impl = taken.r->storage->impl, .where = xstrdup("lent") };
	*fault = storage_new_fault(lent, FAULT_GET, nth, how);
	ok_or_fail(repository_open_storage(&r, *fault, false, &e), &e);
	return r;
}

/* Whatever read brings damaged bytes: a proof that says so, or nothing but that fault; never a good proof. */
static void damage_is_a_difference(void **state)
{
	bool fired = true;

	(void)state;
	NEED_SERVER();
	for (unsigned nth = 2; fired && nth < 40; nth++) { /* the first is drtool.json */
		struct storage_ops ops;
		struct storage *fault;
		struct repository *r = with_bad_read(nth, FAULT_CORRUPT, &ops, &fault);
		struct proof *p = NULL;
		struct err e = ERR_INIT;
		bool ok = verify(&p, r, NULL, NULL, &e);

		fired = storage_fault_fired(fault);
		if (!ok)
			fail_msg("read %u: %s", nth, e.msg);
		if (fired) {
			assert_int_equal(p->outcome, PROOF_DIFFERS);
			assert_true(p->difference_count > 0);
		} else {
			is_good(p);
		}
		proof_free(p);
		repository_close(r);
		assert_int_equal(leftovers(), 0);
	}
	assert_false(fired);
}

/* A read that fails says nothing about the snapshot: no proof. */
static void a_failed_read_is_no_proof(void **state)
{
	struct storage_ops ops;
	struct storage *fault;
	struct repository *r;
	struct proof *p = NULL;
	struct err e = ERR_INIT;

	(void)state;
	NEED_SERVER();
	r = with_bad_read(3, FAULT_BEFORE, &ops, &fault);
	assert_false(verify(&p, r, NULL, NULL, &e));
	assert_true(storage_fault_fired(fault));
	assert_null(p);
	assert_int_equal(e.kind == ERR_DAMAGED, false);
	repository_close(r);
	assert_int_equal(leftovers(), 0);
}

static void interrupted(void **state)
{
	struct cancel stop = CANCEL_INIT(NULL);
	struct late_trip trip;
	struct proof *p = NULL;
	struct err e = ERR_INIT;

	(void)state;
	NEED_SERVER();
	trip_later(&trip, &stop, 300); /* while the cluster is made */
	assert_false(verify(&p, taken.r, NULL, &stop, &e));
	pthread_join(trip.thread, NULL);
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_int_equal(leftovers(), 0);
}

static void dry_run_makes_nothing(void **state)
{
	const struct verify_options o = { .scratch_dir = base, .dry_run = true };
	struct proof *p = NULL;
	struct err e = ERR_INIT;

	(void)state;
	NEED_SERVER();
	ok_or_fail(verify_snapshot(&p, taken.r, taken.m, &o, NULL, NULL, &e), &e);
	assert_null(p);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(base) || chmod(base, 0711) != 0)
		return -1;
	if (getenv("DRTOOL_TEST_SERVER"))
		taken_make(&taken, DATABASE, source_sql);
	return 0;
}

static int tear_down(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	if (getenv("DRTOOL_TEST_SERVER"))
		taken_drop(&taken);
	return path_remove_tree(base, &e) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dry_run_makes_nothing),
		cmocka_unit_test(good_in_a_cluster_of_its_own),
		cmocka_unit_test(good_on_a_named_server),
		cmocka_unit_test(busy_on_a_named_server),
		cmocka_unit_test(damage_is_a_difference),
		cmocka_unit_test(a_failed_read_is_no_proof),
		cmocka_unit_test(interrupted),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
