/* tests/unit/test_path.c - joining, the name encoding, directories */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/path.h"

static void joins_with_one_slash(void **state)
{
	static const char *const rows[][3] = {
		{ "a", "b", "a/b" },
		{ "a/", "b", "a/b" },
		{ "a//", "/b", "a/b" },
		{ "/", "b", "/b" },
		{ "", "b", "b" },
		{ "a/b", "c/d", "a/b/c/d" },
		{ "a", "", "a/" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *joined = path_join(rows[i][0], rows[i][1]);

		assert_string_equal(joined, rows[i][2]);
		free(joined);
	}
}

static void known_encodings(void **state)
{
	static const char *const rows[][2] = {
		{ "", "%" },
		{ "shop", "shop" },
		{ "Shop_1-b.c", "Shop_1-b.c" },
		{ ".", "%2E" },
		{ "..", "%2E." },
		{ "a/b", "a%2Fb" },
		{ "/", "%2F" },
		{ "%", "%25" },
		{ "a b\n", "a%20b%0A" },
		{ "\xC3\xA9", "%C3%A9" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf encoded = BUF_INIT, decoded = BUF_INIT;

		path_encode(&encoded, rows[i][0]);
		assert_string_equal(buf_str(&encoded), rows[i][1]);
		assert_true(path_decode(&decoded, rows[i][1]));
		assert_string_equal(buf_str(&decoded), rows[i][0]);
		buf_release(&encoded);
		buf_release(&decoded);
	}
}

static void every_byte_comes_back(void **state)
{
	struct buf encoded = BUF_INIT, decoded = BUF_INIT;

	(void)state;
	for (int a = 1; a < 256; a++) {
		for (int b = 0; b < 256; b++) {
			char name[3] = { (char)a, (char)b, '\0' };

			buf_clear(&encoded);
			buf_clear(&decoded);
			path_encode(&encoded, name);
			assert_null(strchr(buf_str(&encoded), '/'));
			assert_true(buf_str(&encoded)[0] != '.' && encoded.len > 0);
			assert_true(path_decode(&decoded, buf_str(&encoded)));
			assert_string_equal(buf_str(&decoded), name);
		}
	}
	buf_release(&encoded);
	buf_release(&decoded);
}

static void decoding_is_strict(void **state)
{
	static const char *const wrong[] = { "", ".", "..", ".a", "a/b", "a b", "%%", "%2", "a%", "a%2", "%2f", "%c3",
		"%41", "%2D", "a%2E", "%00", "%G0", "\xC3\xA9", "a%", "x%5F" };
	struct buf out = BUF_INIT;

	(void)state;
	buf_add(&out, "kept");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_false(path_decode(&out, wrong[i]));
		assert_string_equal(buf_str(&out), "kept");
		assert_int_equal(out.len, 4);
	}
	buf_release(&out);
}

static void make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void directories_are_made_and_removed(void **state)
{
	char top[] = "/tmp/drtool-path-XXXXXX";
	struct err e = ERR_INIT;
	struct stat st;
	char *deep, *file, *link, *other;

	(void)state;
	assert_non_null(mkdtemp(top));
	deep = path_join(top, "t/a//b/c/");
	assert_true(path_make_dirs(deep, 0700, &e));
	assert_true(path_make_dirs(deep, 0700, &e));
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);

	/* A link out of the tree goes; what it points to stays. */
	other = path_join(top, "other");
	assert_true(path_make_dirs(other, 0700, &e));
	file = path_join(other, "kept");
	make_file(file);
	link = path_join(deep, "link");
	assert_int_equal(symlink(other, link), 0);
	free(link);
	link = path_join(top, "t/.hidden");
	make_file(link);
	free(link);
	link = path_join(top, "t");
	assert_true(path_remove_tree(link, &e));
	assert_int_equal(access(link, F_OK), -1);
	assert_int_equal(access(file, F_OK), 0);
	assert_true(path_remove_tree(link, &e));
	assert_int_equal(e.kind, ERR_NONE);

	/* A link as the tree itself, a plain file. */
	assert_int_equal(symlink(other, link), 0);
	assert_true(path_remove_tree(link, &e));
	assert_int_equal(access(file, F_OK), 0);
	assert_true(path_remove_tree(file, &e));
	assert_int_equal(access(file, F_OK), -1);
	assert_true(path_remove_tree(top, &e));
	assert_int_equal(access(top, F_OK), -1);
	free(deep);
	free(file);
	free(link);
	free(other);
}

static void a_file_in_the_way_is_an_error(void **state)
{
	char top[] = "/tmp/drtool-path-XXXXXX";
	struct err e = ERR_INIT;
	char *file, *below;

	(void)state;
	assert_non_null(mkdtemp(top));
	file = path_join(top, "f");
	below = path_join(file, "d");
	make_file(file);
	assert_false(path_make_dirs(file, 0700, &e));
	assert_int_equal(e.sys, ENOTDIR);
	assert_non_null(strstr(e.msg, file));
	assert_false(path_make_dirs(below, 0700, &e));
	assert_int_equal(e.sys, ENOTDIR);
	assert_false(path_make_dirs("", 0700, &e));
	assert_false(path_remove_tree("/proc/self/status", &e));
	assert_non_null(strstr(e.msg, "remove \"/proc/self/status\""));
	assert_true(path_remove_tree(top, &e));
	free(file);
	free(below);
}

static void one_word_for_a_shell(void **state)
{
	static const char *const pairs[][2] = {
		{ "/srv/drtool", "'/srv/drtool'" },
		{ "it's", "'it'\\''s'" },
		{ "", "''" },
		{ "a $b `c` \"d\" \\", "'a $b `c` \"d\" \\'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char *quoted = path_shell_quote(pairs[i][0]);

		assert_string_equal(quoted, pairs[i][1]);
		free(quoted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins_with_one_slash),
		cmocka_unit_test(known_encodings),
		cmocka_unit_test(every_byte_comes_back),
		cmocka_unit_test(decoding_is_strict),
		cmocka_unit_test(one_word_for_a_shell),
		cmocka_unit_test(directories_are_made_and_removed),
		cmocka_unit_test(a_file_in_the_way_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
