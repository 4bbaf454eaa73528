#include "tests/unit/storage_fixture.h"

#define S1 "20260501-120000-aaaaaa"
#define S2 "20260502-120000-bbbbbb"
#define S3 "20260503-120000-zzzzzz"
#define S4 "20260503-120000-cccccc" /* within the same second, and later */
#define B1 "20260504-120000-dddddd"

static struct repository *sample(void)
{
	struct repository *r = fixture_repository();

	fixture_save(r, "shop", S1, 1, "v1");
	fixture_save(r, "shop", S2, 2, "twice");
	fixture_save(r, "shop", S3, 3, "twice");
	fixture_save(r, "shop", S4, 4, "");
	fixture_save(r, "a/b", B1, 5, "v1");
	return r;
}

static void damage(struct repository *r, const char *name)
{
	struct err e = ERR_INIT;

	assert_true(
	        storage_put(r->storage, (struct object_key){ OBJECT_SNAPSHOT, name }, view_str("{"), PUT_REPLACE, &e));
}

static void assert_finds(struct repository *r, const char *database, const char *text, const char *id)
{
	struct manifest *m = NULL;
	struct err e = ERR_INIT;

	if (!manifest_resolve(&m, r, database, text, &e))
		fail_msg("%s: %s", text, e.msg);
	assert_string_equal(m->id, id);
	manifest_free(m);
}

static void assert_fails(struct repository *r, const char *database, const char *text, enum err_kind kind,
        const char *message, const char *hint)
{
	struct manifest *m = NULL;
	struct err e = ERR_INIT;

	assert_false(manifest_resolve(&m, r, database, text, &e));
	assert_int_equal(e.kind, kind);
	if (!strstr(e.msg, message) || !strstr(e.hint, hint))
		fail_msg("%s: \"%s\", hint \"%s\"", text, e.msg, e.hint);
}

static void test_what_names_one_snapshot(void **state)
{
	struct repository *r = sample();

	(void)state;
	assert_finds(r, NULL, S1, S1);
	assert_finds(r, NULL, "20260502", S2);
	assert_finds(r, "shop", "20260503-120000-c", S4);
	assert_finds(r, NULL, "shop/" S1, S1);
	assert_finds(r, "shop", "v1", S1);
	assert_finds(r, NULL, "shop/v1", S1);
	assert_finds(r, NULL, "a/b/v1", B1);
	assert_finds(r, "a/b", "latest", B1);
	assert_finds(r, NULL, "a/b/latest", B1);
	assert_finds(r, "shop", "latest", S4);
	repository_close(r);
}

static void test_what_names_none_or_several(void **state)
{
	struct repository *r = sample();

	(void)state;
	assert_fails(r, NULL, "2025", ERR_USAGE, "there is no snapshot \"2025\"", S4);
	assert_fails(r, "shop", "v9", ERR_USAGE, "there is no snapshot \"v9\"", "shop/" S4);
	assert_fails(r, "nowhere", "latest", ERR_USAGE, "there is no snapshot", "drtool snapshot");
	assert_fails(r, NULL, "20260503", ERR_USAGE, "means 2 snapshots", "shop/" S3);
	assert_fails(r, NULL, "2", ERR_USAGE, "means 5 snapshots", "...");
	assert_fails(r, "shop", "twice", ERR_USAGE, "means 2 snapshots", S2);
	assert_fails(r, NULL, "v1", ERR_USAGE, "means 2 snapshots", "a/b/" B1);
	assert_fails(r, NULL, "latest", ERR_USAGE, "which database", "shop/latest");
	assert_fails(r, NULL, "verified", ERR_USAGE, "which database", "a/b/verified");
	assert_fails(r, "shop", "other/latest", ERR_USAGE, "of \"other\"", "leave one");
	assert_fails(r, "shop", "", ERR_USAGE, "names no snapshot", "latest");
	assert_fails(r, NULL, "shop/", ERR_USAGE, "names no snapshot", "latest");
	repository_close(r);
}

static void test_verified_follows_the_newest_proof(void **state)
{
	struct repository *r = sample();

	(void)state;
	assert_fails(r, "shop", "verified", ERR_USAGE, "no snapshot of \"shop\" is verified", "drtool verify");
	fixture_prove(r, "shop", S1, 1000000, PROOF_GOOD);
	assert_finds(r, "shop", "verified", S1);
	fixture_prove(r, "shop", S2, 2000000, PROOF_SOURCE_FAULTS);
	assert_finds(r, "shop", "verified", S2);
	fixture_prove(r, "shop", S2, 2000001, PROOF_DIFFERS);
	assert_finds(r, "shop", "verified", S1);
	fixture_prove(r, "shop", S2, 2500000, PROOF_GOOD);
	assert_finds(r, "shop", "verified", S2);
	/* Another database's proofs are its own. */
	assert_fails(r, "a/b", "verified", ERR_USAGE, "no snapshot", "drtool verify");
	repository_close(r);
}

static void test_a_damaged_manifest_is_told_where_it_matters(void **state)
{
	struct repository *r = sample();

	(void)state;
	damage(r, "shop/" S2);
	assert_fails(r, NULL, S2, ERR_DAMAGED, S2, "another snapshot");
	assert_finds(r, "shop", "latest", S4);
	assert_finds(r, "shop", "v1", S1);
	assert_fails(r, "shop", "v9", ERR_USAGE, "there is no snapshot", "damaged");
	damage(r, "shop/" S4);
	assert_fails(r, "shop", "latest", ERR_DAMAGED, S4, "another snapshot");
	repository_close(r);
}

static void test_identity(void **state)
{
	struct repository *r = sample();
	struct err e = ERR_INIT;

	(void)state;
	assert_true(manifest_check_identity(r, "new", "anything", "1", &e));
	assert_true(manifest_check_identity(r, "shop", "shop_production", "7300000000000000001", &e));
	assert_true(manifest_check_identity(r, "shop", "shop_production", "", &e));
	assert_false(manifest_check_identity(r, "shop", "shop_staging", "7300000000000000001", &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_non_null(strstr(e.hint, "as:"));
	e = (struct err)ERR_INIT;
	assert_false(manifest_check_identity(r, "shop", "shop_production", "7300000000000000002", &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	/* The newest being damaged opens nothing. */
	damage(r, "shop/" S3);
	e = (struct err)ERR_INIT;
	assert_false(manifest_check_identity(r, "shop", "shop_production", "7300000000000000002", &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	repository_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_names_one_snapshot),
		cmocka_unit_test(test_what_names_none_or_several),
		cmocka_unit_test(test_verified_follows_the_newest_proof),
		cmocka_unit_test(test_a_damaged_manifest_is_told_where_it_matters),
		cmocka_unit_test(test_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
