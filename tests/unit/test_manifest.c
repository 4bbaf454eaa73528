#include "tests/unit/storage_fixture.h"

#include "src/base/clock.h"
#include "src/codec/hash.h"

#define ID "20260501-120000-k3f9xq"

static void assert_same_pieces(const struct piece_list *a, const struct piece_list *b)
{
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->bytes, b->bytes);
	if (a->count)
		assert_memory_equal(a->items, b->items, a->count * sizeof(*a->items));
}

static void test_a_manifest_comes_back(void **state)
{
	struct manifest m = fixture_manifest("shop", ID, 1777636800000001), *back = NULL;
	struct buf text = BUF_INIT, again = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	m.tag = "before \"v2\"";
	m.dbname = "caf\xe9"; /* not UTF-8 */
	m.on_standby = true;
	manifest_write(&text, &m);
	if (!manifest_parse(&back, buf_view(&text), &e))
		fail_msg("%s", e.msg);
	assert_string_equal(back->id, ID);
	assert_string_equal(back->tag, m.tag);
	assert_string_equal(back->dbname, m.dbname);
	assert_true(back->started_us == m.started_us && back->instant_us == m.instant_us);
	assert_true(back->on_standby && back->globals_passwords);
	assert_int_equal(back->plain_bytes, m.plain_bytes);
	assert_same_pieces(&back->contents, &m.contents);
	assert_same_pieces(&back->schema, &m.schema);
	assert_same_pieces(&back->globals, &m.globals);
	/* The rest by its text. */
	manifest_write(&again, back);
	assert_string_equal(buf_str(&again), buf_str(&text));
	manifest_free(back);
	fixture_manifest_release(&m);
	buf_release(&text);
	buf_release(&again);
}

static void test_the_first_line_is_the_hash_of_the_rest(void **state)
{
	struct manifest m = fixture_manifest("shop", ID, 0);
	struct buf text = BUF_INIT;
	char hex[SHA256_HEX_SIZE];

	(void)state;
	manifest_write(&text, &m);
	const char *rest = strchr(buf_str(&text), '\n') + 1;
	hash_sha256_hex(hex, view_str(rest));
	assert_memory_equal(text.data, "{\"sha256\":\"", 11);
	assert_memory_equal(text.data + 11, hex, 64);
	assert_memory_equal(rest, "\"format\":1,\n", 12);
	fixture_manifest_release(&m);
	buf_release(&text);
}

static void test_every_flipped_bit_and_every_cut_is_noticed(void **state)
{
	struct manifest m = fixture_manifest("shop", ID, 0), *back = NULL;
	struct buf text = BUF_INIT;

	(void)state;
	manifest_write(&text, &m);
	for (size_t bit = 0; bit < text.len * 8; bit++) {
		struct err e = ERR_INIT;

		text.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(manifest_parse(&back, buf_view(&text), &e));
		assert_int_equal(e.kind, ERR_DAMAGED);
		text.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < text.len; len++) {
		struct err e = ERR_INIT;

		assert_false(manifest_parse(&back, (struct view){ text.data, len }, &e));
		assert_int_equal(e.kind, ERR_DAMAGED);
	}
	fixture_manifest_release(&m);
	buf_release(&text);
}

/* A manifest whose text is changed and whose hash is made right again: what is parsed after the hash. */
static void assert_altered(const char *part, const char *replacement, enum err_kind kind, const char *message)
{
	struct manifest m = fixture_manifest("shop", ID, 0), *back = NULL;
	struct buf text = BUF_INIT, rest = BUF_INIT, altered = BUF_INIT;
	struct err e = ERR_INIT;
	char hex[SHA256_HEX_SIZE];

	manifest_write(&text, &m);
	const char *old = strchr(buf_str(&text), '\n') + 1, *at = strstr(old, part);
	assert_non_null(at);
	buf_addn(&rest, old, (size_t)(at - old));
	buf_addf(&rest, "%s%s", replacement, at + strlen(part));
	hash_sha256_hex(hex, buf_view(&rest));
	buf_addf(&altered, "{\"sha256\":\"%s\",\n%s", hex, buf_str(&rest));
	assert_false(manifest_parse(&back, buf_view(&altered), &e));
	assert_int_equal(e.kind, kind);
	if (!strstr(e.msg, message))
		fail_msg("\"%s\" does not say \"%s\"", e.msg, message);
	fixture_manifest_release(&m);
	buf_release(&text);
	buf_release(&rest);
	buf_release(&altered);
}

static void test_hostile_manifests_are_refused(void **state)
{
	(void)state;
	assert_altered("\"format\":1", "\"format\":2", ERR_USAGE,
	        "snapshot \"" ID "\" has format 2, this drtool reads up to 1");
	assert_altered("\"tag\":\"\",\n", "", ERR_DAMAGED, "manifest: member \"tag\" is missing");
	assert_altered("\"tag\":\"\"", "\"tag\":\"\",\"why\":1", ERR_DAMAGED, "manifest: member \"why\" is not known");
	assert_altered("\"tag\":\"\"", "\"tag\":7", ERR_DAMAGED, "manifest: member \"tag\"");
	assert_altered("\"rows\":3000000", "\"rows\":-1", ERR_DAMAGED, "manifest: member \"rows\"");
	assert_altered("\"rows\":3000000", "\"rows\":1e3", ERR_DAMAGED, "manifest: member \"rows\"");
	assert_altered("\"rows\":3000000", "\"rows\":3000000,\n\"rows\":3000000", ERR_DAMAGED, "duplicate");
	assert_altered(ID, "20260501-120000-K3F9XQ", ERR_DAMAGED, "\"id\"");
	assert_altered(ID, "../../etc/passwd", ERR_DAMAGED, "\"id\"");
	assert_altered("\"database\":\"shop\"", "\"database\":\"\"", ERR_DAMAGED, "\"database\"");
	assert_altered("\"contents\":[[\"", "\"contents\":[[\"zz", ERR_DAMAGED, "\"contents\"");
}

static void test_ids(void **state)
{
	char a[SNAPSHOT_ID_SIZE], b[SNAPSHOT_ID_SIZE];

	(void)state;
	manifest_new_id(a, 1777636800000000);
	manifest_new_id(b, 1777636800000000);
	assert_memory_equal(a, "20260501-120000-", 16);
	assert_true(manifest_id_valid(a));
	assert_string_not_equal(a, b);
	assert_true(manifest_id_valid(ID));
	assert_false(manifest_id_valid(""));
	assert_false(manifest_id_valid("20260501-120000-k3f9x"));
	assert_false(manifest_id_valid(ID "q"));
	assert_false(manifest_id_valid("20260501_120000-k3f9xq"));
	assert_true(manifest_id_prefix("2"));
	assert_true(manifest_id_prefix("20260501-"));
	assert_true(manifest_id_prefix(ID));
	assert_false(manifest_id_prefix(""));
	assert_false(manifest_id_prefix("v2"));
	assert_false(manifest_id_prefix("2026-05"));
}

static void test_tags(void **state)
{
	static const char *const good[] = { "v2", "before-deploy", "A.b_c-9", "2026-05-01", "20260501-rc", "latest-1" };
	static const char *const bad[] = { "", "latest", "Latest", "verified", "2", "20260501", "20260501-12", ID,
		"a b", "a/b", "caf\xc3\xa9", "1234567890123456789012345678901234567890123456789012345678901234x" };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!manifest_tag_valid(good[i], &e))
			fail_msg("%s: %s", good[i], e.msg);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		e = (struct err)ERR_INIT;
		if (manifest_tag_valid(bad[i], &e))
			fail_msg("%s is taken for a tag", bad[i]);
		assert_int_equal(e.kind, ERR_USAGE);
		assert_int_not_equal(e.hint[0], 0);
	}
}

static void test_saved_once_and_loaded(void **state)
{
	struct repository *r = fixture_repository();
	struct manifest m = fixture_manifest("a/b ..", ID, 0), *back = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(manifest_save(r, &m, &e));
	assert_true(manifest_save(r, &m, &e)); /* the very same: the answer to the first may have been lost */
	m.rows++;
	assert_false(manifest_save(r, &m, &e));
	assert_int_equal(e.kind, ERR_EXISTS);
	m.rows--;
	e = (struct err)ERR_INIT;
	assert_true(manifest_load(&back, r, "a/b ..", ID, &e));
	assert_string_equal(back->database, "a/b ..");
	manifest_free(back);
	assert_false(manifest_load(&back, r, "shop", ID, &e));
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	assert_false(manifest_load(&back, r, "shop", "../x", &e));
	assert_int_equal(e.kind, ERR_USAGE);
	fixture_manifest_release(&m);
	repository_close(r);
}

static void test_swapped_files_are_noticed(void **state)
{
	struct repository *r = fixture_repository();
	struct manifest *back = NULL;
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	fixture_save(r, "shop", ID, 0, "");
	assert_true(storage_get(r->storage, (struct object_key){ OBJECT_SNAPSHOT, "shop/" ID }, &text, &e));
	assert_true(storage_put(r->storage, (struct object_key){ OBJECT_SNAPSHOT, "shop/20260501-120000-aaaaaa" },
	        buf_view(&text), PUT_CREATE, &e));
	assert_true(storage_put(
	        r->storage, (struct object_key){ OBJECT_SNAPSHOT, "other/" ID }, buf_view(&text), PUT_CREATE, &e));
	assert_false(manifest_load(&back, r, "shop", "20260501-120000-aaaaaa", &e));
	assert_int_equal(e.kind, ERR_DAMAGED);
	e = (struct err)ERR_INIT;
	assert_false(manifest_load(&back, r, "other", ID, &e));
	assert_int_equal(e.kind, ERR_DAMAGED);
	buf_release(&text);
	repository_close(r);
}

static void test_a_list_is_sorted_and_survives_damage(void **state)
{
	struct repository *r = fixture_repository();
	struct manifest_list l;
	struct err e = ERR_INIT;

	(void)state;
	fixture_save(r, "shop", "20260501-120000-zzzzzz", 1, "");
	fixture_save(r, "shop", "20260501-120000-aaaaaa", 2, "");
	fixture_save(r, "bar", "20270501-120000-aaaaaa", 3, "");
	assert_true(storage_put(r->storage, (struct object_key){ OBJECT_SNAPSHOT, "shop/20260502-120000-aaaaaa" },
	        view_str("{\"sha256\":"), PUT_CREATE, &e));
	assert_true(manifest_list_load(&l, r, NULL, &e));
	assert_int_equal(l.count, 3);
	assert_int_equal(l.damaged, 1);
	assert_int_equal(l.first_error.kind, ERR_DAMAGED);
	assert_non_null(strstr(l.first_error.msg, "20260502-120000-aaaaaa"));
	assert_string_equal(l.items[0]->database, "bar");
	assert_string_equal(l.items[1]->id, "20260501-120000-zzzzzz");
	assert_string_equal(l.items[2]->id, "20260501-120000-aaaaaa");
	manifest_list_release(&l);
	assert_true(manifest_list_load(&l, r, "bar", &e));
	assert_int_equal(l.count, 1);
	assert_int_equal(l.damaged, 0);
	manifest_list_release(&l);
	assert_true(manifest_list_load(&l, r, "none", &e));
	assert_int_equal(l.count, 0);
	manifest_list_release(&l);
	repository_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_manifest_comes_back),
		cmocka_unit_test(test_the_first_line_is_the_hash_of_the_rest),
		cmocka_unit_test(test_every_flipped_bit_and_every_cut_is_noticed),
		cmocka_unit_test(test_hostile_manifests_are_refused),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_saved_once_and_loaded),
		cmocka_unit_test(test_swapped_files_are_noticed),
		cmocka_unit_test(test_a_list_is_sorted_and_survives_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
