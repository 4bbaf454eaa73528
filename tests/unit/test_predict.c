#include "src/monitor/predict.h"
#include "tests/unit/storage_fixture.h"

#define S ((int64_t)1000000)

static struct proof_phase phases[] = { { "cluster", 3 * S }, { "schema", 1 * S }, { "data", 10 * S },
	{ "indexes", 20 * S }, { "analyze", 2 * S }, { "final", 1 * S }, { "compare", 7 * S } };

static struct journal_event event(const char *name, const char *server, uint64_t bytes)
{
	return (struct journal_event){
		.event = name,
		.database = "shop",
		.server = server,
		.plain_bytes = bytes,
		.phases = phases,
		.phase_count = 7,
	};
}

static struct prediction predict(struct journal_event *events, size_t count, const char *server, uint64_t bytes)
{
	struct journal_event *list[8];
	struct journal j = { .events = list, .count = count };
	struct prediction p;

	for (size_t i = 0; i < count; i++)
		list[i] = &events[i];
	predict_restore(&p, &j, NULL, server, bytes, PREDICT_RESTORE);
	return p;
}

static void test_nothing_measured(void **state)
{
	struct journal_event failed = event("restore", "db1:5432", 100);
	struct prediction p;

	(void)state;
	failed.outcome = JOURNAL_FAILED;
	p = predict(&failed, 1, "db1:5432", 1000);
	assert_int_equal(p.basis, PREDICTION_NONE);
	assert_true(p.duration_us == 0);
}

static void test_what_grows_with_the_bytes_grows(void **state)
{
	struct journal_event one = event("restore", "db1:5432", 100);
	struct prediction p = predict(&one, 1, "db1:5432", 100);

	(void)state;
	assert_int_equal(p.basis, PREDICTION_RESTORE);
	assert_true(p.duration_us == 34 * S && p.measured_us == 34 * S); /* neither cluster nor compare */
	p = predict(&one, 1, "db1:5432", 300);
	assert_true(p.duration_us == 2 * S + 3 * 32 * S);
	assert_non_null(strstr(p.text, "db1:5432"));
}

static void test_the_same_server_then_any_restore_then_a_proof(void **state)
{
	struct journal_event events[] = { event("verify", "private cluster", 100), event("restore", "db1:5432", 200),
		event("replace", "db2:5432", 400) };
	struct prediction p;

	(void)state;
	p = predict(events, 3, "db1:5432", 200);
	assert_true(p.duration_us == 34 * S);
	p = predict(events, 3, "db3:5432", 400);
	assert_true(p.duration_us == 34 * S);
	p = predict(events, 1, "db1:5432", 100);
	assert_int_equal(p.basis, PREDICTION_PROOF);
	assert_true(p.duration_us == 34 * S);
}

static void test_in_the_place_of_a_live_one(void **state)
{
	struct proof_phase around[] = { { "preflight", 1 * S }, { "safety", 50 * S }, { "schema", 1 * S },
		{ "data", 40 * S }, { "check", 3 * S }, { "hooks", 2 * S }, { "swap", 1 * S } };
	struct proof_phase taken_up[] = { { "check", 4 * S }, { "swap", 1 * S } };
	struct journal_event events[] = { event("restore", "db1:5432", 100), event("replace", "db1:5432", 100),
		event("snapshot", "db1:5432", 100), event("replace", "db1:5432", 0) };
	struct journal_event *list[] = { &events[0], &events[1], &events[2], &events[3] };
	struct journal j = { .events = list, .count = 3 };
	struct prediction p;

	(void)state;
	events[1].phases = around;
	events[2].phase_count = 0;
	events[2].finished_us = 10 * S;
	predict_restore(&p, &j, NULL, "db1:5432", 200, PREDICT_RESTORE);
	assert_true(p.duration_us == 1 * S + 2 * 40 * S);
	predict_restore(&p, &j, NULL, "db1:5432", 200, PREDICT_REPLACE);
	assert_true(p.duration_us == 1 * S + 2 * 40 * S + 7 * S);
	predict_restore(&p, &j, NULL, "db1:5432", 200, PREDICT_REPLACE_WITH_SAFETY);
	assert_true(p.duration_us == 1 * S + 2 * 40 * S + 7 * S + 2 * 10 * S);
	/* nothing was loaded by the newest one: the one before it tells how long that takes */
	events[3].phases = taken_up;
	events[3].phase_count = 2;
	j.count = 4;
	predict_restore(&p, &j, NULL, "db1:5432", 200, PREDICT_REPLACE);
	assert_true(p.duration_us == 1 * S + 2 * 40 * S + 5 * S);
}

static void test_a_test_restore_is_predicted_whole_and_by_its_like(void **state)
{
	struct journal_event events[] = { event("verify", "private cluster", 100), event("verify", "db2:5432", 10),
		event("restore", "private cluster", 200) };
	struct journal_event *list[] = { &events[2], &events[0], &events[1] };
	struct journal j = { .events = list, .count = 3 };
	struct prediction p;

	(void)state;
	predict_restore(&p, &j, NULL, "private cluster", 200, PREDICT_VERIFY);
	assert_true(p.duration_us == 5 * S + 2 * 39 * S);
	predict_restore(&p, &j, NULL, "db3:5432", 20, PREDICT_VERIFY); /* the newest, wherever it was */
	assert_true(p.duration_us == 5 * S + 2 * 39 * S);
	j.count = 1;
	predict_restore(&p, &j, NULL, "private cluster", 200, PREDICT_VERIFY);
	assert_int_equal(p.basis, PREDICTION_NONE);
}

static void test_a_swap_alone(void **state)
{
	struct journal_event events[] = { event("snapshot", NULL, 100), event("replace", "db1:5432", 100) };
	struct proof_phase slow[] = { { "check", 2 * S }, { "hooks", 3 * S }, { "swap", 1 * S } };
	struct journal_event *list[] = { &events[0], &events[1] };
	struct journal j = { .events = list, .count = 0 };
	struct prediction p;

	(void)state;
	predict_swap(&p, &j, 1000, PREDICT_REPLACE_WITH_SAFETY);
	assert_int_equal(p.basis, PREDICTION_STANDBY);
	assert_true(p.duration_us == 1 * S);
	events[0].finished_us = 5 * S;
	events[1].phases = slow;
	events[1].phase_count = 3;
	j.count = 2;
	predict_swap(&p, &j, 1000, PREDICT_REPLACE);
	assert_true(p.duration_us == 6 * S);
	predict_swap(&p, &j, 1000, PREDICT_REPLACE_WITH_SAFETY); /* ten times as much to be read as in 5 s */
	assert_true(p.duration_us == 56 * S);
}

static void test_how_far_off_it_was(void **state)
{
	struct journal_event v = event("restore", "db1:5432", 100);
	double error = 9;

	(void)state;
	v.started_us = 100 * S;
	v.finished_us = 114 * S;
	assert_false(predict_error(&error, &v));
	v.predicted_us = 12 * S;
	assert_true(predict_error(&error, &v));
	assert_true(error > 0.1666 && error < 0.1667);
	v.predicted_us = 28 * S;
	assert_true(predict_error(&error, &v));
	assert_true(error == -0.5);
	v.outcome = JOURNAL_DIFFERS;
	assert_true(predict_error(&error, &v));
	v.outcome = JOURNAL_FAILED;
	assert_false(predict_error(&error, &v));
}

static void test_a_proof_of_an_older_repository_serves(void **state)
{
	struct proof proof = { .where = "private cluster", .plain_bytes = 100, .phases = phases, .phase_count = 7 };
	struct journal none = { 0 };
	struct prediction p;

	(void)state;
	predict_restore(&p, &none, &proof, NULL, 200, PREDICT_RESTORE);
	assert_int_equal(p.basis, PREDICTION_PROOF);
	assert_true(p.duration_us == 66 * S);
}

static void test_usable_first_is_no_measure_of_a_whole_one(void **state)
{
	struct journal_detail usable = { PREDICT_USABLE_FIRST, "yes" }, whole = { PREDICT_WHOLE, "yes" };
	struct proof_phase rest[] = { { "indexes", 6 * S }, { "foreign keys", 2 * S }, { "check", 1 * S } };
	struct journal_event full = event("restore", "db1:5432", 100), first = event("replace", "db1:5432", 100),
	                     finished = event("finish", "db1:5432", 100);
	struct journal_event *list[] = { &full, &first, &finished };
	struct journal j = { .events = list, .count = 3 };
	struct prediction p;

	(void)state;
	first.details = &usable;
	first.detail_count = 1;
	finished.phases = rest;
	finished.phase_count = 3;
	predict_restore(&p, &j, NULL, "db1:5432", 200, PREDICT_RESTORE);
	assert_non_null(strstr(p.text, "a restore"));
	predict_usable(&p, &j, NULL, "db1:5432", 200, PREDICT_RESTORE);
	assert_non_null(strstr(p.text, "usable-first"));
	assert_true(p.duration_us == 66 * S);
	predict_finish(&p, &j, "db1:5432", 200);
	assert_int_equal(p.basis, PREDICTION_NONE); /* it went on with what another had left */
	finished.details = &whole;
	finished.detail_count = 1;
	predict_finish(&p, &j, "db1:5432", 200);
	assert_true(p.duration_us == 17 * S);
	/* Only whole ones are known: without their indexes. */
	first.detail_count = 0;
	predict_usable(&p, &j, NULL, "db1:5432", 200, PREDICT_RESTORE);
	assert_true(p.duration_us == 2 * S + 2 * 12 * S);
	/* Only usable-first ones are known: of a whole one nothing is. */
	full.outcome = JOURNAL_FAILED;
	first.detail_count = 1;
	predict_restore(&p, &j, NULL, "db1:5432", 200, PREDICT_RESTORE);
	assert_int_equal(p.basis, PREDICTION_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_measured),
		cmocka_unit_test(test_what_grows_with_the_bytes_grows),
		cmocka_unit_test(test_the_same_server_then_any_restore_then_a_proof),
		cmocka_unit_test(test_in_the_place_of_a_live_one),
		cmocka_unit_test(test_a_test_restore_is_predicted_whole_and_by_its_like),
		cmocka_unit_test(test_a_swap_alone),
		cmocka_unit_test(test_how_far_off_it_was),
		cmocka_unit_test(test_usable_first_is_no_measure_of_a_whole_one),
		cmocka_unit_test(test_a_proof_of_an_older_repository_serves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
