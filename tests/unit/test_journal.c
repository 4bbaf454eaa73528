#include "src/base/clock.h"
#include "storage/repository/journal.h"
#include "tests/unit/storage_fixture.h"

static struct proof_phase phases[] = { { "data", 5000000 }, { "swap", 250000 } };
static struct journal_detail details[] = { { "kept", "shop__before_20261120-101500" }, { "rows_written", "12" } };

static struct journal_event sample(const char *event, int64_t finished_us)
{
	return (struct journal_event){
		.event = event,
		.database = "a/b",
		.outcome = JOURNAL_DONE,
		.started_us = finished_us - 7000000,
		.finished_us = finished_us,
		.server = "db1:5432",
		.dbname = "shop",
		.snapshot_id = "20260501-120000-k3f9xq",
		.rows = 3000000,
		.plain_bytes = 862000000,
		.predicted_us = 6000000,
		.phases = phases,
		.phase_count = 2,
		.details = details,
		.detail_count = 2,
	};
}

static void record(struct repository *r, const struct journal_event *v)
{
	struct err e = ERR_INIT;

	if (!journal_record(r, v, &e))
		fail_msg("%s", e.msg);
}

static struct journal load(struct repository *r, const char *database, size_t max)
{
	struct journal j;
	struct err e = ERR_INIT;

	if (!journal_load(&j, r, database, max, &e))
		fail_msg("%s", e.msg);
	return j;
}

static void test_an_event_comes_back(void **state)
{
	struct repository *r = fixture_repository();
	struct journal_event v = sample("replace", 1777636800000001);
	const struct journal_event *back;

	(void)state;
	record(r, &v);
	struct journal j = load(r, "a/b", 10);
	assert_int_equal(j.count, 1);
	back = j.events[0];
	assert_string_equal(back->event, "replace");
	assert_string_equal(back->server, "db1:5432");
	assert_true(back->predicted_us == 6000000);
	assert_true(*back->host && *back->user);
	assert_string_equal(back->phases[1].name, "swap");
	assert_string_equal(journal_detail(back, "kept"), "shop__before_20261120-101500");
	assert_null(journal_detail(back, "nothing"));
	assert_null(back->message);
	journal_release(&j);
	repository_close(r);
}

static void test_the_newest_of_all_databases_in_order_of_time(void **state)
{
	struct repository *r = fixture_repository();

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct journal_event v = sample("snapshot", 1777636800000000 + i * 1000000);

		v.database = i % 2 ? "b" : "a";
		v.rows = (uint64_t)i;
		record(r, &v);
	}
	struct journal all = load(r, NULL, 4), one = load(r, "b", 10);
	assert_int_equal(all.count, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_true(all.events[i]->rows == i + 2);
	assert_int_equal(one.count, 3);
	assert_true(one.events[0]->rows == 1);
	journal_release(&all);
	journal_release(&one);
	repository_close(r);
}

static void test_two_of_one_moment_are_two(void **state)
{
	struct repository *r = fixture_repository();
	struct journal_event v = sample("undo", 1777636800999999);

	(void)state;
	record(r, &v);
	record(r, &v); /* the very same: the answer to the first may have been lost */
	v.rows++;
	record(r, &v);
	struct journal j = load(r, "a/b", 10);
	assert_int_equal(j.count, 2);
	journal_release(&j);
	repository_close(r);
}

static void test_damage_hides_one_event_only(void **state)
{
	struct repository *r = fixture_repository();
	struct journal_event v = sample("undo", 1777636800000000);
	struct err e = ERR_INIT;

	(void)state;
	record(r, &v);
	assert_true(storage_put(r->storage, (struct object_key){ OBJECT_JOURNAL, "a%2fb/20260501-120001-000000-undo" },
	        view_str("{\"sha256\":"), PUT_REPLACE, &e));
	struct journal j = load(r, NULL, 10);
	assert_int_equal(j.count, 1);
	assert_int_equal(j.damaged, 1);
	assert_int_equal(j.example.kind, ERR_DAMAGED);
	assert_non_null(strstr(j.example.msg, "20260501-120001"));
	journal_release(&j);
	repository_close(r);
}

static void test_the_newest_of_each_word(void **state)
{
	struct repository *r = fixture_repository();
	struct err e = ERR_INIT;
	struct journal j;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		struct journal_event v = sample(i == 3 || i == 5 ? "restore" : "snapshot", 1777636800000000 + i);

		v.rows = i;
		record(r, &v);
	}
	assert_true(journal_load_each(&j, r, "a/b", 3, &e));
	assert_int_equal(j.count, 5);
	assert_true(
	        j.events[0]->rows == 3 && j.events[1]->rows == 5 && j.events[2]->rows == 37 && j.events[4]->rows == 39);
	journal_release(&j);
	assert_true(journal_load_each(&j, r, "a/b", 1, &e));
	assert_int_equal(j.count, 2);
	assert_string_equal(j.events[0]->event, "restore");
	journal_release(&j);
	assert_true(journal_load_each(&j, r, "c", 1, &e));
	assert_int_equal(j.count, 0);
	journal_release(&j);
	repository_close(r);
}

struct seen {
	uint64_t rows[8];
	size_t count, damaged, enough;
};

static enum fetch_answer see(void *cookie, const struct journal_event *v, const struct err *why, struct err *e)
{
	struct seen *s = cookie;

	(void)e;
	assert_true((v == NULL) == (why != NULL));
	if (v)
		s->rows[s->count++] = v->rows;
	else
		s->damaged++;
	return s->count == s->enough ? FETCH_ENOUGH : FETCH_ON;
}

static void test_the_newest_of_some_words_between_any_number_of_others(void **state)
{
	static const char *const words[] = { "migrate", "undo", NULL };
	struct repository *r = fixture_repository();
	struct err e = ERR_INIT;

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		struct journal_event v = sample(i == 1   ? "undo"
		                                : i == 2 ? "migrate"
		                                         : "drop-undo",
		        1777636800000000 + i);

		v.rows = i;
		record(r, &v);
	}
	struct journal_event other = sample("undo", 1777636900000000);
	other.database = "b";
	record(r, &other);
	struct seen all = { .enough = 8 }, first = { .enough = 1 };
	assert_true(journal_each_newest(r, "a/b", words, see, &all, &e));
	assert_int_equal(all.count, 2);
	assert_true(all.rows[0] == 2 && all.rows[1] == 1);
	assert_true(journal_each_newest(r, "a/b", words, see, &first, &e));
	assert_int_equal(first.count, 1);
	assert_true(storage_put(r->storage, (struct object_key){ OBJECT_JOURNAL, "a%2Fb/20270501-120001-000000-undo" },
	        view_str("x"), PUT_REPLACE, &e));
	first = (struct seen){ .enough = 1 };
	assert_true(journal_each_newest(r, "a/b", words, see, &first, &e));
	assert_int_equal(first.damaged, 1);
	assert_true(first.rows[0] == 2);
	repository_close(r);
}

static void test_a_store_that_fails_is_an_error(void **state)
{
	struct journal_event v = sample("undo", 1777636800000000);
	struct journal j;

	(void)state;
	for (enum fault_op op = FAULT_PUT; op <= FAULT_LIST; op++) {
		struct storage *memory = storage_new_memory(), *broken;
		struct repository *r = NULL;
		struct err e = ERR_INIT;

		/* The first put and get are those of drtool.json. */
		broken = storage_new_fault(
		        memory, op, op == FAULT_LIST ? 1 : 2, op == FAULT_PUT ? FAULT_NO_SPACE : FAULT_BEFORE);
		assert_true(repository_open_storage(&r, broken, true, &e));
		bool recorded = journal_record(r, &v, &e), loaded = journal_load(&j, r, NULL, 10, &e);
		assert_int_equal(recorded, op != FAULT_PUT);
		assert_int_equal(loaded, op == FAULT_PUT);
		journal_release(&j);
		repository_close(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_event_comes_back),
		cmocka_unit_test(test_the_newest_of_all_databases_in_order_of_time),
		cmocka_unit_test(test_two_of_one_moment_are_two),
		cmocka_unit_test(test_damage_hides_one_event_only),
		cmocka_unit_test(test_the_newest_of_each_word),
		cmocka_unit_test(test_the_newest_of_some_words_between_any_number_of_others),
		cmocka_unit_test(test_a_store_that_fails_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
