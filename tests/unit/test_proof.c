#include "tests/unit/storage_fixture.h"

#define ID "20260501-120000-k3f9xq"

static struct proof_phase phases[] = { { "cluster", 800000 }, { "data", 12345678 } };
static struct proof_difference differences[] = {
	{ "TABLE public.\"Orders\"", "12 rows instead of 13", false },
	{ "FK CONSTRAINT public.o o_fk", "violated\nby the source", true },
};

static struct proof sample(void)
{
	return (struct proof){
		.snapshot_id = ID,
		.database = "a/b",
		.started_us = 1777636800000001,
		.finished_us = 1777636860000002,
		.host = "runner",
		.server_version = 170012,
		.where = "private cluster",
		.outcome = PROOF_DIFFERS,
		.tables = 12,
		.rows = 3000000,
		.plain_bytes = 862000000,
		.large_objects = 3,
		.sequences = 4,
		.phases = phases,
		.phase_count = 2,
		.differences = differences,
		.difference_count = 2,
	};
}

static void test_a_proof_comes_back(void **state)
{
	struct repository *r = fixture_repository();
	struct proof p = sample(), *back = NULL;
	struct buf text = BUF_INIT, again = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(proof_save(r, &p, &e));
	assert_true(proof_load_newest(&back, r, "a/b", ID, &e));
	assert_int_equal(back->outcome, PROOF_DIFFERS);
	assert_int_equal(back->phase_count, 2);
	assert_string_equal(back->phases[1].name, "data");
	assert_true(back->phases[1].duration_us == 12345678);
	assert_int_equal(back->difference_count, 2);
	assert_string_equal(back->differences[1].what, differences[1].what);
	assert_true(back->differences[1].source_fault && !back->differences[0].source_fault);
	proof_write(&text, &p);
	proof_write(&again, back);
	assert_string_equal(buf_str(&text), buf_str(&again));
	proof_free(back);
	buf_release(&text);
	buf_release(&again);
	repository_close(r);
}

static void test_the_newest_is_the_newest_even_within_a_microsecond(void **state)
{
	struct repository *r = fixture_repository();
	struct proof *back = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_false(proof_load_newest(&back, r, "shop", ID, &e));
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	fixture_prove(r, "shop", ID, 1777636860000000, PROOF_DIFFERS);
	fixture_prove(r, "shop", ID, 1777636859999999, PROOF_DIFFERS);
	fixture_prove(r, "shop", ID, 1777636860000000, PROOF_GOOD);
	fixture_prove(r, "shop", "20260501-120000-k3f9xr", 1777636870000000, PROOF_DIFFERS);
	e = (struct err)ERR_INIT;
	assert_true(proof_load_newest(&back, r, "shop", ID, &e));
	assert_int_equal(back->outcome, PROOF_GOOD);
	proof_free(back);
	repository_close(r);
}

static void test_only_a_thousand_differences_are_kept(void **state)
{
	struct proof p = sample(), *back = NULL;
	struct proof_difference *many = xcalloc(1500, sizeof(*many));
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < 1500; i++)
		many[i] = differences[i % 2];
	p.differences = many;
	p.difference_count = 1500;
	proof_write(&text, &p);
	assert_true(proof_parse(&back, buf_view(&text), &e));
	assert_int_equal(back->difference_count, 1000);
	proof_free(back);
	buf_release(&text);
	free(many);
}

static void test_every_flipped_bit_and_every_cut_is_noticed(void **state)
{
	struct proof p = sample(), *back = NULL;
	struct buf text = BUF_INIT;

	(void)state;
	proof_write(&text, &p);
	for (size_t bit = 0; bit < text.len * 8; bit++) {
		struct err e = ERR_INIT;

		text.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(proof_parse(&back, buf_view(&text), &e));
		text.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < text.len; len++) {
		struct err e = ERR_INIT;

		assert_false(proof_parse(&back, (struct view){ text.data, len }, &e));
	}
	buf_release(&text);
}

static void test_a_proof_of_another_snapshot_proves_nothing(void **state)
{
	struct repository *r = fixture_repository();
	struct proof p = sample(), *back = NULL;
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	proof_write(&text, &p);
	assert_true(storage_put(r->storage, (struct object_key){ OBJECT_PROOF, "shop/" ID "/20260501-120000-000000" },
	        buf_view(&text), PUT_CREATE, &e));
	assert_false(proof_load_newest(&back, r, "shop", ID, &e));
	assert_int_equal(e.kind, ERR_DAMAGED);
	buf_release(&text);
	repository_close(r);
}

/* The text of the sample with one part replaced and its checksum made right again. */
static void assert_altered(const char *part, const char *replacement)
{
	struct proof p = sample(), *back = NULL;
	struct buf text = BUF_INIT, rest = BUF_INIT, altered = BUF_INIT;
	struct err e = ERR_INIT;
	char hex[SHA256_HEX_SIZE];

	proof_write(&text, &p);
	const char *old = strchr(buf_str(&text), '\n') + 1, *at = strstr(old, part);
	assert_non_null(at);
	buf_addn(&rest, old, (size_t)(at - old));
	buf_addf(&rest, "%s%s", replacement, at + strlen(part));
	hash_sha256_hex(hex, buf_view(&rest));
	buf_addf(&altered, "{\"sha256\":\"%s\",\n%s", hex, buf_str(&rest));
	assert_false(proof_parse(&back, buf_view(&altered), &e));
	assert_int_equal(e.kind, ERR_DAMAGED);
	buf_release(&text);
	buf_release(&rest);
	buf_release(&altered);
}

static void test_the_standby_copy_s_own_proof_is_found(void **state)
{
	struct repository *r = fixture_repository();
	struct proof_standby marks = { "shop__standby", "7710241745870016403", 16489, 853, 12, -1 };
	struct proof p = sample(), *back = NULL;
	struct err e = ERR_INIT;

	(void)state;
	p.standby = &marks;
	assert_true(proof_save(r, &p, &e));
	p.standby = NULL; /* a later one, of a scratch */
	p.finished_us++;
	assert_true(proof_save(r, &p, &e));
	assert_true(proof_load_newest(&back, r, "a/b", ID, &e));
	assert_null(back->standby);
	proof_free(back);
	assert_true(proof_load_standby(&back, r, "a/b", ID, 16489, &e));
	assert_string_equal(back->standby->name, "shop__standby");
	assert_string_equal(back->standby->system_identifier, "7710241745870016403");
	assert_int_equal(back->standby->xmin, 853);
	assert_true(back->standby->sessions == 12 && back->standby->stats_reset_us == -1);
	proof_free(back);
	assert_false(proof_load_standby(&back, r, "a/b", ID, 16490, &e));
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	repository_close(r);
}

static void test_hostile_proofs_are_refused(void **state)
{
	(void)state;
	assert_altered("\"differs\"", "\"perfect\"");
	assert_altered("\"phases\":[", "\"stages\":[");
	assert_altered("\"phases\":[", "\"phases\":[7,");
	assert_altered("\"duration_us\":800000", "\"duration_us\":\"800000\"");
	assert_altered("\"source_fault\":true", "\"source_fault\":true,\"x\":1");
	assert_altered("\"host\":", "\"guest\":");
	assert_altered("\"host\":", "\"standby\":7,\"host\":");
	assert_altered("\"host\":", "\"standby\":{\"name\":\"x\"},\"host\":");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_proof_comes_back),
		cmocka_unit_test(test_the_newest_is_the_newest_even_within_a_microsecond),
		cmocka_unit_test(test_only_a_thousand_differences_are_kept),
		cmocka_unit_test(test_every_flipped_bit_and_every_cut_is_noticed),
		cmocka_unit_test(test_a_proof_of_another_snapshot_proves_nothing),
		cmocka_unit_test(test_the_standby_copy_s_own_proof_is_found),
		cmocka_unit_test(test_hostile_proofs_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
