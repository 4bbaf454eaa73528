#include "tests/unit/storage_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/path.h"

struct fixture {
	char dir[64];
	char *repo, *file, *full;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/drtool-repository-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->repo = path_join(f->dir, "repo");
	f->full = path_join(f->dir, "full");
	f->file = path_join(f->full, "somebody's file");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	assert_true(path_remove_tree(f->dir, &e));
	free(f->repo);
	free(f->file);
	free(f->full);
	free(f);
	return 0;
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void test_created_once_opened_often(void **state)
{
	struct fixture *f = *state;
	struct repository *r = NULL, *again = NULL;
	struct err e = ERR_INIT;
	struct stat st;

	assert_false(repository_open(&r, f->repo, NULL, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	assert_non_null(strstr(e.hint, "drtool init --repo"));
	e = (struct err)ERR_INIT;
	assert_true(repository_create(&r, f->repo, NULL, &e));
	assert_int_equal(strlen(r->id), 36);
	assert_int_equal(r->id[14], '4');
	assert_int_equal(r->chunk_seed, 0);
	assert_int_equal(stat(f->repo, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_true(repository_open(&again, f->repo, NULL, &e));
	assert_string_equal(again->id, r->id);
	repository_close(again);
	repository_close(r);
	repository_close(NULL);
	assert_false(repository_create(&r, f->repo, NULL, &e));
	assert_int_equal(e.kind, ERR_EXISTS);
}

static void test_open_or_create(void **state)
{
	struct fixture *f = *state;
	struct repository *r = NULL;
	struct err e = ERR_INIT;
	bool created = false;

	assert_true(repository_open_or_create(&r, f->repo, NULL, &created, &e));
	assert_true(created);
	repository_close(r);
	assert_true(repository_open_or_create(&r, f->repo, NULL, &created, &e));
	assert_false(created);
	repository_close(r);
	assert_true(repository_open_or_create(&r, f->repo, NULL, NULL, &e));
	repository_close(r);
}

static void test_a_foreign_directory_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct repository *r = NULL;
	struct err e = ERR_INIT;
	bool created = true;

	assert_int_equal(mkdir(f->full, 0700), 0);
	touch(f->file);
	assert_false(repository_create(&r, f->full, NULL, &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	e = (struct err)ERR_INIT;
	assert_false(repository_open_or_create(&r, f->full, NULL, &created, &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_false(created);
	e = (struct err)ERR_INIT;
	assert_false(repository_open(&r, f->full, NULL, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	assert_non_null(strstr(e.hint, "drtool init --repo"));
	e = (struct err)ERR_INIT;
	assert_false(repository_open(&r, f->file, NULL, &e));
	assert_non_null(strstr(e.msg, f->file));
	e = (struct err)ERR_INIT;
	assert_false(repository_create(&r, f->file, NULL, &e));
	assert_int_not_equal(e.hint[0], 0);
}

static void test_an_unfinished_try_and_lost_and_found_do_not_count(void **state)
{
	struct fixture *f = *state;
	char *tmp = path_join(f->full, ".tmp-1-0123456789abcdef"), *lost = path_join(f->full, "lost+found");
	struct repository *r = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(mkdir(f->full, 0700), 0);
	assert_int_equal(mkdir(lost, 0700), 0);
	touch(tmp);
	assert_true(repository_create(&r, f->full, NULL, &e));
	repository_close(r);
	free(tmp);
	free(lost);
}

static void test_urls_are_refused_without_their_secrets(void **state)
{
	struct repository *r = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_false(repository_open(&r, "s3://key:secret@bucket/prefix", NULL, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	assert_null(strstr(e.msg, "secret"));
	assert_non_null(strstr(e.msg, "S3"));
	e = (struct err)ERR_INIT;
	assert_false(repository_open_or_create(&r, "ftp://me:secret@host/dir", NULL, NULL, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	assert_null(strstr(e.msg, "secret"));
}

/* A repository in memory whose drtool.json is this text. */
static void open_text(const char *text, struct err *e)
{
	struct storage *s = storage_new_memory();
	struct repository *r = NULL;

	assert_true(storage_put(s, (struct object_key){ OBJECT_CONFIG, "" }, view_str(text), PUT_REPLACE, e));
	assert_false(repository_open_storage(&r, s, false, e));
}

static void open_altered(const char *part, const char *replacement, struct err *e)
{
	struct repository *r = fixture_repository();
	struct buf text = BUF_INIT, rest = BUF_INIT, altered = BUF_INIT;
	char hex[SHA256_HEX_SIZE];

	assert_true(storage_get(r->storage, (struct object_key){ OBJECT_CONFIG, "" }, &text, e));
	const char *old = strchr(buf_str(&text), '\n') + 1, *at = strstr(old, part);
	assert_non_null(at);
	buf_addn(&rest, old, (size_t)(at - old));
	buf_addf(&rest, "%s%s", replacement, at + strlen(part));
	hash_sha256_hex(hex, buf_view(&rest));
	buf_addf(&altered, "{\"sha256\":\"%s\",\n%s", hex, buf_str(&rest));
	open_text(buf_str(&altered), e);
	buf_release(&text);
	buf_release(&rest);
	buf_release(&altered);
	repository_close(r);
}

static void test_what_drtool_json_may_not_be(void **state)
{
	static const struct {
		const char *part, *replacement;
		enum err_kind kind;
		const char *message;
	} cases[] = {
		{ "\"format\":1", "\"format\":9", ERR_USAGE, "has format 9, this drtool reads up to 1" },
		{ "\"sealed\":false", "\"sealed\":true", ERR_USAGE, "sealed" },
		{ "\"sealed\":false", "\"sealed\":0", ERR_DAMAGED, "sealed" },
		{ "\"chunk_max\":16777216", "\"chunk_max\":1", ERR_DAMAGED, "limits" },
		{ "\"id\":\"", "\"id\":\"x", ERR_DAMAGED, "id" },
		{ "\"id\":\"", "\"name\":\"", ERR_DAMAGED, "\"id\" is missing" },
	};
	struct err e = ERR_INIT;

	(void)state;
	open_text("", &e);
	assert_int_equal(e.kind, ERR_DAMAGED);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		e = (struct err)ERR_INIT;
		open_altered(cases[i].part, cases[i].replacement, &e);
		assert_int_equal(e.kind, cases[i].kind);
		if (!strstr(e.msg, cases[i].message))
			fail_msg("\"%s\" does not say \"%s\"", e.msg, cases[i].message);
	}
}

static void test_a_store_that_cannot_be_read_is_not_called_foreign(void **state)
{
	struct storage *s = storage_new_fault(storage_new_memory(), FAULT_GET, 1, FAULT_BEFORE);
	struct repository *r = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_false(repository_open_storage(&r, s, false, &e));
	assert_int_equal(e.kind, ERR_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_created_once_opened_often, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_or_create, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_foreign_directory_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(
		        test_an_unfinished_try_and_lost_and_found_do_not_count, setup, teardown),
		cmocka_unit_test(test_urls_are_refused_without_their_secrets),
		cmocka_unit_test(test_what_drtool_json_may_not_be),
		cmocka_unit_test(test_a_store_that_cannot_be_read_is_not_called_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
