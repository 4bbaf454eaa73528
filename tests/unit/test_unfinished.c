/* tests/unit/test_unfinished.c - which database is it that is not finished, and is it still not? */
#include "src/monitor/unfinished.h"
#include "tests/unit/storage_fixture.h"

#define ID "20260501-120000-aaaaaa"
#define S  ((int64_t)1000000)

struct written {
	const char *event, *oid, *identifier, *server, *indexes, *foreign_keys;
};

static void record(struct repository *r, int64_t at_us, const struct written *w)
{
	struct journal_detail details[5];
	struct journal_event v = { .event = w->event,
		.database = "shop",
		.started_us = at_us,
		.finished_us = at_us,
		.server = w->server,
		.snapshot_id = ID,
		.details = details };
	struct err e = ERR_INIT;

	details[v.detail_count++] = (struct journal_detail){ UNFINISHED_OID, w->oid };
	details[v.detail_count++] = (struct journal_detail){ UNFINISHED_SOURCE, "origin" };
	if (w->identifier)
		details[v.detail_count++] = (struct journal_detail){ UNFINISHED_IDENTIFIER, w->identifier };
	if (w->indexes)
		details[v.detail_count++] = (struct journal_detail){ UNFINISHED_INDEXES, w->indexes };
	if (w->foreign_keys)
		details[v.detail_count++] = (struct journal_detail){ UNFINISHED_FOREIGN_KEYS, w->foreign_keys };
	assert_true(journal_record(r, &v, &e));
}

static struct unfinished find(struct repository *r, uint32_t oid, const char *identifier, const char *server)
{
	const struct unfinished_database d = { .oid = oid, .identifier = identifier, .server = server };
	struct unfinished u;
	struct err e = ERR_INIT;

	if (!unfinished_find(&u, r, NULL, &d, &e))
		fail_msg("%s", e.msg);
	return u;
}

static bool left(struct repository *r, uint32_t oid, const char *identifier, const char *server)
{
	struct unfinished u = find(r, oid, identifier, server);
	bool any = unfinished_left(&u);

	unfinished_release(&u);
	return any;
}

static void test_it_is_told_by_oid_and_server(void **state)
{
	struct repository *r = fixture_repository();

	(void)state;
	record(r, 1 * S, &(struct written){ "usable", "16400", "777", "db1:5432", "3", "2" });
	assert_true(left(r, 16400, "777", "elsewhere:1")); /* the same server by another address */
	assert_false(left(r, 16400, "778", "db1:5432"));
	assert_true(left(r, 16400, "", "db1:5432")); /* who may not read the identifier knows the address */
	assert_false(left(r, 16400, NULL, "db2:5432"));
	assert_false(left(r, 16401, "777", "db1:5432"));
	assert_false(left(r, 0, "777", "db1:5432"));
	repository_close(r);
}

static void test_the_newest_count_is_what_is_left(void **state)
{
	struct repository *r = fixture_repository();
	struct unfinished u;

	(void)state;
	record(r, 1 * S, &(struct written){ "usable", "16400", "777", "db1:5432", "3", "2" });
	record(r, 2 * S, &(struct written){ "finish", "16400", "777", "db1:5432", "1", "2" });
	record(r, 3 * S,
	        &(struct written){ "finish", "16400", "777", "db1:5432", NULL, NULL }); /* killed: it does not know */
	record(r, 4 * S, &(struct written){ "usable", "16500", "777", "db1:5432", "7", "7" });
	u = find(r, 16400, "777", "db1:5432");
	assert_true(u.begun);
	assert_int_equal(u.indexes, 1);
	assert_int_equal(u.foreign_keys, 2);
	assert_int_equal(u.all, 5);
	assert_string_equal(u.snapshot_id, ID);
	assert_string_equal(u.source, "origin");
	unfinished_release(&u);
	record(r, 5 * S, &(struct written){ "finish", "16400", "777", "db1:5432", "0", "0" });
	u = find(r, 16400, "777", "db1:5432");
	assert_true(u.begun);
	assert_false(unfinished_left(&u));
	unfinished_release(&u);
	assert_true(left(r, 16500, "777", "db1:5432"));
	repository_close(r);
}

static void test_a_snapshot_of_it_is_told_by_its_id(void **state)
{
	struct repository *r = fixture_repository();
	struct journal_detail details[] = { { UNFINISHED_INDEXES, "3" }, { UNFINISHED_FOREIGN_KEYS, "2" },
		{ UNFINISHED_FROM, "shop/20260101-120000-bbbbbb" } };
	const struct journal_event v = { .event = UNFINISHED_SNAPSHOT,
		.database = "shop",
		.started_us = S,
		.finished_us = S,
		.snapshot_id = ID,
		.details = details,
		.detail_count = 3 };
	struct unfinished_snapshot found;
	struct err e = ERR_INIT;

	(void)state;
	record(r, 2 * S, &(struct written){ "usable", "16400", "777", "db1:5432", "7", "7" });
	assert_false(unfinished_find_snapshot(&found, r, "shop", ID, &e)); /* it was only restored */
	assert_true(journal_record(r, &v, &e));
	assert_true(unfinished_find_snapshot(&found, r, "shop", ID, &e));
	assert_int_equal(found.indexes, 3);
	assert_int_equal(found.foreign_keys, 2);
	assert_string_equal(found.from, "shop/20260101-120000-bbbbbb");
	assert_false(unfinished_find_snapshot(&found, r, "shop", "20260501-120000-cccccc", &e));
	assert_false(unfinished_find_snapshot(&found, r, "other", ID, &e));
	assert_int_equal(e.kind, ERR_NONE);
	repository_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_told_by_oid_and_server),
		cmocka_unit_test(test_the_newest_count_is_what_is_left),
		cmocka_unit_test(test_a_snapshot_of_it_is_told_by_its_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
