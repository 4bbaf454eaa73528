#include "src/monitor/status.h"
#include "tests/unit/storage_fixture.h"

#define ID1 "20260501-120000-aaaaaa"
#define ID2 "20260502-120000-bbbbbb"
#define S   ((int64_t)1000000)

static struct proof_phase phases[] = { { "schema", 1 * S }, { "data", 9 * S } };

static struct status read_status(struct repository *r, const struct status_objectives *o, uint64_t size, int64_t now_us)
{
	struct status_live live = { .size = size, .server = "db1:5432" };
	struct status s;
	struct err e = ERR_INIT;

	if (!status_read(&s, r, "shop", o, &live, now_us, &e))
		fail_msg("%s", e.msg);
	return s;
}

static void record(struct repository *r, const char *event, uint64_t plain_bytes)
{
	struct journal_event v = { .event = event,
		.database = "shop",
		.started_us = S,
		.finished_us = 11 * S,
		.server = "db1:5432",
		.plain_bytes = plain_bytes,
		.phases = phases,
		.phase_count = 2 };
	struct err e = ERR_INIT;

	assert_true(journal_record(r, &v, &e));
}

static void test_an_empty_repository_misses_the_rpo(void **state)
{
	struct repository *r = fixture_repository();
	struct status s = read_status(r, &(struct status_objectives){ .rpo_us = S, .rto_us = S }, 0, 0);

	(void)state;
	assert_null(s.newest);
	assert_true(s.rpo_missed && s.rto_unknown && !s.rto_missed);
	status_release(&s);
	s = read_status(r, &(struct status_objectives){ 0 }, 0, 0);
	assert_true(!s.rpo_missed && !s.rto_unknown);
	status_release(&s);
	repository_close(r);
}

static void test_objectives_are_compared_with_the_newest(void **state)
{
	struct repository *r = fixture_repository();
	int64_t taken = 1777723200 * S;

	(void)state;
	fixture_save(r, "shop", ID1, taken - 86400 * S, "");
	fixture_save(r, "shop", ID2, taken, "");
	fixture_save(r, "other", ID2, taken + 60 * S, "");
	struct status s = read_status(r, &(struct status_objectives){ .rpo_us = 3600 * S }, 0, taken + 7200 * S);
	assert_int_equal(s.snapshots, 2);
	assert_string_equal(s.newest->id, ID2);
	assert_true(s.rpo_missed);
	assert_null(s.proved);
	uint64_t bytes = s.newest->plain_bytes, size = s.newest->database_size;
	status_release(&s);

	record(r, "restore", bytes);
	s = read_status(
	        r, &(struct status_objectives){ .rto_us = 11 * S, .rpo_us = 10800 * S }, size, taken + 7200 * S);
	assert_false(s.rpo_missed || s.rto_missed || s.rto_unknown);
	assert_true(s.prediction.duration_us == 10 * S);
	assert_string_equal(s.restored->event, "restore");
	status_release(&s);

	/* Twice as large now: 1 s of schema, and 18 s of rows. */
	s = read_status(r, &(struct status_objectives){ .rto_us = 11 * S }, size * 2, taken);
	assert_true(s.rto_missed);
	assert_true(s.prediction.duration_us == 19 * S);
	status_release(&s);
	repository_close(r);
}

static void predicted(struct repository *r, const char *event, int64_t finished_us, int64_t predicted_us)
{
	struct journal_event v = { .event = event,
		.database = "shop",
		.started_us = finished_us - 14 * S,
		.finished_us = finished_us,
		.predicted_us = predicted_us,
		.phases = phases,
		.phase_count = 2 };
	struct err e = ERR_INIT;

	assert_true(journal_record(r, &v, &e));
}

/* However long ago the last restore was. */
static void test_how_the_last_prediction_turned_out(void **state)
{
	struct repository *r = fixture_repository();
	struct status s;

	(void)state;
	predicted(r, "verify", 100 * S, 11 * S);
	s = read_status(r, &(struct status_objectives){ 0 }, 0, 900 * S);
	assert_string_equal(s.predicted->event, "verify");
	status_release(&s);
	predicted(r, "restore", 200 * S, 12 * S);
	predicted(r, "replace", 210 * S, 0);
	for (int i = 0; i < 60; i++)
		predicted(r, i % 2 ? "verify" : "snapshot", (300 + i) * S, i % 2 ? 13 * S : 0);
	s = read_status(r, &(struct status_objectives){ 0 }, 0, 900 * S);
	assert_string_equal(s.predicted->event, "restore");
	assert_true(s.predicted->predicted_us == 12 * S);
	assert_string_equal(s.restored->event, "replace");
	status_release(&s);
	repository_close(r);
}

static void test_the_newest_good_proof(void **state)
{
	struct repository *r = fixture_repository();

	(void)state;
	fixture_save(r, "shop", ID1, 1, "");
	fixture_save(r, "shop", ID2, 2, "");
	fixture_prove(r, "shop", ID1, 10, PROOF_GOOD);
	fixture_prove(r, "shop", ID2, 11, PROOF_DIFFERS);
	struct status s = read_status(r, &(struct status_objectives){ 0 }, 0, 100);
	assert_string_equal(s.proved->id, ID1);
	assert_string_equal(s.proof->snapshot_id, ID1);
	status_release(&s);
	repository_close(r);
}

/* One that is known not to come back is none to go back to. */
static void test_one_that_differs_does_not_count(void **state)
{
	struct repository *r = fixture_repository();
	const struct status_objectives o = { .rpo_us = 3600 * S };
	int64_t taken = 1777723200 * S;
	struct status s;

	(void)state;
	fixture_save(r, "shop", ID1, taken - 7200 * S, "");
	fixture_save(r, "shop", ID2, taken, "");
	s = read_status(r, &o, 0, taken + 60 * S);
	assert_true(!s.refuted && !s.rpo_missed && s.good_age_us == s.age_us);
	status_release(&s);
	fixture_prove(r, "shop", ID2, 10, PROOF_DIFFERS);
	s = read_status(r, &o, 0, taken + 60 * S);
	assert_true(s.refuted == 1 && s.rpo_missed);
	assert_true(s.good_age_us == s.age_us + 7200 * S);
	assert_string_equal(s.newest->id, ID2);
	status_release(&s);
	fixture_prove(r, "shop", ID1, 11, PROOF_DIFFERS);
	s = read_status(r, &o, 0, taken + 60 * S);
	assert_true(s.refuted == 2 && s.rpo_missed && s.good_age_us < 0);
	status_release(&s);
	fixture_prove(r, "shop", ID2, 12, PROOF_SOURCE_FAULTS);
	s = read_status(r, &o, 0, taken + 60 * S);
	assert_true(!s.refuted && !s.rpo_missed);
	status_release(&s);
	repository_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_repository_misses_the_rpo),
		cmocka_unit_test(test_objectives_are_compared_with_the_newest),
		cmocka_unit_test(test_how_the_last_prediction_turned_out),
		cmocka_unit_test(test_the_newest_good_proof),
		cmocka_unit_test(test_one_that_differs_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
