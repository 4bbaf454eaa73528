#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "src/codec/hash.h"
#include "storage/repository/document.h"
#include "storage/repository/json.h"
#include "storage/repository/piece.h"

enum colour { RED, GREEN };
static const char *const colours[] = { "red", "green", NULL };

struct sample {
	const char *text, *optional;
	char chars[8];
	bool flag;
	int number;
	uint32_t small;
	uint64_t big;
	int64_t any, exact;
	uint64_t hex;
	struct hash128 sum;
	enum colour colour;
	struct piece_list pieces;
};

#define FIELD(kind_, member)                                                                          \
	{                                                                                             \
		.name = #member, .kind = JSON_KIND_##kind_, .offset = offsetof(struct sample, member) \
	}

static const struct json_member members[] = {
	FIELD(TEXT, text),
	FIELD(OPTIONAL, optional),
	{ "chars", JSON_KIND_CHARS, offsetof(struct sample, chars), 8, NULL },
	FIELD(BOOL, flag),
	FIELD(INT, number),
	FIELD(U32, small),
	FIELD(U64, big),
	FIELD(I64, any),
	FIELD(I64_TEXT, exact),
	FIELD(HEX64, hex),
	FIELD(HEX128, sum),
	{ "colour", JSON_KIND_ENUM, offsetof(struct sample, colour), 0, colours },
	FIELD(PIECES, pieces),
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

static const char good[] =
        "{\"text\":\"t\",\"optional\":null,\"chars\":\"c\",\"flag\":true,\"number\":-1,\"small\":4294967295,"
        "\"big\":9223372036854775807,\"any\":-9223372036854775808,\"exact\":\"-9223372036854775808\","
        "\"hex\":\"00000000000000ff\",\"sum\":\"0123456789abcdef00000000000000ff\",\"colour\":\"green\","
        "\"pieces\":[[\"ab00000000000000000000000000000000000000000000000000000000000001\",5,0,7]]}";

static bool read_sample(struct sample *out, struct arena *a, const char *text, struct err *e)
{
	json_t *object = NULL;

	*out = (struct sample){ 0 };
	bool ok = json_parse_object(&object, view_str(text), e) &&
	          json_read_members(out, members, MEMBERS, object, a, e);
	json_decref(object);
	return ok;
}

/* good with one part of it replaced must be refused, with a message that names what is wrong. */
static void assert_refused(const char *part, const char *replacement, const char *message)
{
	const char *at = strstr(good, part);
	struct arena arena = ARENA_INIT;
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	struct sample s;

	assert_non_null(at);
	buf_addn(&text, good, (size_t)(at - good));
	buf_addf(&text, "%s%s", replacement, at + strlen(part));
	if (read_sample(&s, &arena, buf_str(&text), &e))
		fail_msg("accepted: %s", buf_str(&text));
	assert_int_equal(e.kind, ERR_DAMAGED);
	if (!strstr(e.msg, message))
		fail_msg("\"%s\" does not say \"%s\"", e.msg, message);
	piece_list_release(&s.pieces);
	buf_release(&text);
	arena_release(&arena);
}

static void test_a_struct_comes_back(void **state)
{
	struct arena arena = ARENA_INIT;
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	struct sample s;

	(void)state;
	assert_true(read_sample(&s, &arena, good, &e));
	assert_string_equal(s.text, "t");
	assert_null(s.optional);
	assert_string_equal(s.chars, "c");
	assert_true(s.flag);
	assert_int_equal(s.number, -1);
	assert_int_equal(s.small, UINT32_MAX);
	assert_true(s.big == INT64_MAX && s.any == INT64_MIN && s.exact == INT64_MIN && s.hex == 255);
	assert_true(s.sum.high == 0x0123456789abcdef && s.sum.low == 255);
	assert_int_equal(s.colour, GREEN);
	assert_int_equal(s.pieces.count, 1);
	assert_int_equal(s.pieces.bytes, 7);
	buf_add(&text, "{");
	json_write_members(&text, members, MEMBERS, &s, ",");
	buf_add(&text, "}");
	assert_string_equal(buf_str(&text), good);
	piece_list_release(&s.pieces);
	buf_release(&text);
	arena_release(&arena);
}

static void test_what_is_wrong_is_refused_by_name(void **state)
{
	(void)state;
	assert_refused("\"text\":\"t\",", "", "member \"text\" is missing");
	assert_refused("\"text\":\"t\"", "\"text\":null", "\"text\"");
	assert_refused("\"text\":\"t\"", "\"text\":1", "\"text\"");
	assert_refused("\"text\":\"t\"", "\"text\":\"t\",\"more\":1", "member \"more\" is not known");
	assert_refused("\"text\":\"t\"", "\"text\":\"t\",\"text\":\"t\"", "duplicate");
	assert_refused("\"text\":\"t\"", "\"text\":\"\\u0000\"", "JSON");
	assert_refused("\"text\":\"t\"", "\"text\":{\"hex\":\"4\"}", "\"text\"");
	assert_refused("\"text\":\"t\"", "\"text\":{\"hex\":\"4100\"}", "\"text\"");
	assert_refused("\"text\":\"t\"", "\"text\":{\"hex\":\"41\",\"x\":1}", "\"text\"");
	assert_refused("\"chars\":\"c\"", "\"chars\":\"12345678\"", "\"chars\"");
	assert_refused("true", "1", "\"flag\"");
	assert_refused(":-1,", ":2147483648,", "\"number\"");
	assert_refused(":-1,", ":-2147483649,", "\"number\"");
	assert_refused(":-1,", ":1.0,", "\"number\"");
	assert_refused("4294967295", "4294967296", "\"small\"");
	assert_refused("4294967295", "-1", "\"small\"");
	assert_refused("9223372036854775807", "9223372036854775808", "JSON");
	assert_refused("9223372036854775807", "-1", "\"big\"");
	assert_refused("\"-9223372036854775808\"", "\"-9223372036854775809\"", "\"exact\"");
	assert_refused("\"-9223372036854775808\"", "\"007\"", "\"exact\"");
	assert_refused("\"-9223372036854775808\"", "\" 7\"", "\"exact\"");
	assert_refused("\"-9223372036854775808\"", "\"\"", "\"exact\"");
	assert_refused("\"-9223372036854775808\"", "7", "\"exact\"");
	assert_refused("\"00000000000000ff\"", "\"ff\"", "\"hex\"");
	assert_refused("\"00000000000000ff\"", "\"00000000000000FF\"", "\"hex\"");
	assert_refused("0123456789abcdef", "0123456789abcdeg", "\"sum\"");
	assert_refused("\"green\"", "\"blue\"", "\"colour\"");
	assert_refused("\"green\"", "1", "\"colour\"");
	assert_refused(",5,0,7]", ",0,0,7]", "\"pieces\"");
	assert_refused(",5,0,7]", ",5,-1,7]", "\"pieces\"");
	assert_refused(",5,0,7]", ",5,0]", "\"pieces\"");
	assert_refused(",5,0,7]", ",5,0,7,7]", "\"pieces\"");
	assert_refused(",5,0,7]", ",5,0,4294967296]", "\"pieces\"");
	assert_refused("\"ab00", "\"ab0", "\"pieces\"");
	assert_refused("\"ab00", "\"AB00", "\"pieces\"");
}

static void test_only_one_object_is_an_object(void **state)
{
	static const char *const bad[] = { "", "[]", "{", "{}x", "{} {}", "null", "{\"a\":1,}", "{\"a\":\"\xff\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *object = NULL;
		struct err e = ERR_INIT;

		assert_false(json_parse_object(&object, view_str(bad[i]), &e));
		assert_int_equal(e.kind, ERR_DAMAGED);
		assert_null(object);
	}
}

static void assert_text_round_trip(const char *text, const char *json)
{
	struct json_member member = { "x", JSON_KIND_TEXT, 0, 0, NULL };
	struct arena arena = ARENA_INIT;
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	json_t *object = NULL;
	const char *back = NULL;

	buf_add(&out, "{");
	json_write_members(&out, &member, 1, &text, ",");
	buf_add(&out, "}");
	if (json) {
		struct buf expected = BUF_INIT;

		buf_addf(&expected, "{\"x\":%s}", json);
		assert_string_equal(buf_str(&out), buf_str(&expected));
		buf_release(&expected);
	}
	assert_true(json_parse_object(&object, buf_view(&out), &e));
	assert_true(json_read_members(&back, &member, 1, object, &arena, &e));
	assert_string_equal(back, text);
	json_decref(object);
	buf_release(&out);
	arena_release(&arena);
}

static void test_text_of_any_bytes_comes_back(void **state)
{
	(void)state;
	assert_text_round_trip("", "\"\"");
	assert_text_round_trip("plain", "\"plain\"");
	assert_text_round_trip("q\"b\\n\nt\t\x7f", "\"q\\\"b\\\\n\\nt\\u0009\\u007f\"");
	assert_text_round_trip("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
	assert_text_round_trip("caf\xe9", "{\"hex\":\"636166e9\"}");
	/* every sequence of two and a sample of those of three bytes */
	for (unsigned a = 1; a < 256; a++) {
		for (unsigned b = 1; b < 256; b++) {
			char text[5] = { (char)a, (char)b, (char)(a ^ b ? 0x80 | ((a + b) & 0x3f) : 0x80), (char)0x80,
				0 };

			assert_text_round_trip(text, NULL);
			text[2] = 0;
			assert_text_round_trip(text, NULL);
		}
	}
}

static struct buf sealed(const char *members_text)
{
	struct buf out = BUF_INIT;

	document_write(&out, view_str(members_text));
	return out;
}

static void test_a_document_comes_back(void **state)
{
	struct buf text = sealed("\"id\":\"x\"");
	struct err e = ERR_INIT;
	json_t *object = NULL;

	(void)state;
	assert_true(document_parse(&object, buf_view(&text), "thing", &e));
	assert_int_equal(json_object_size(object), 1);
	assert_string_equal(json_string_value(json_object_get(object, "id")), "x");
	json_decref(object);
	buf_release(&text);
}

static void test_a_document_notices_every_bit_and_every_cut(void **state)
{
	struct buf text = sealed("\"id\":\"x\"");

	(void)state;
	for (size_t bit = 0; bit < text.len * 8; bit++) {
		struct err e = ERR_INIT;
		json_t *object = NULL;

		text.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(document_parse(&object, buf_view(&text), "thing", &e));
		assert_int_equal(e.kind, ERR_DAMAGED);
		text.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < text.len; len++) {
		struct err e = ERR_INIT;
		json_t *object = NULL;

		assert_false(document_parse(&object, (struct view){ text.data, len }, "thing", &e));
		assert_int_equal(e.kind, ERR_DAMAGED);
	}
	buf_release(&text);
}

/* A document of another format, with a right checksum. */
static struct buf of_format(const char *format)
{
	struct buf rest = BUF_INIT, out = BUF_INIT;
	char hex[SHA256_HEX_SIZE];

	buf_addf(&rest, "%s\"id\":\"x\"}\n", format);
	hash_sha256_hex(hex, buf_view(&rest));
	buf_addf(&out, "{\"sha256\":\"%s\",\n%s", hex, buf_str(&rest));
	buf_release(&rest);
	return out;
}

static void test_a_newer_document_is_refused_by_name(void **state)
{
	struct buf text = of_format("\"format\":2,\n\"unheard\":[1],");
	struct err e = ERR_INIT;
	json_t *object = NULL;

	(void)state;
	assert_false(document_parse(&object, buf_view(&text), "snapshot", &e));
	assert_int_equal(e.kind, ERR_USAGE);
	assert_string_equal(e.msg, "snapshot \"x\" has format 2, this drtool reads up to 1");
	assert_non_null(strstr(e.hint, "upgrade"));
	buf_release(&text);
}

static void test_a_document_without_a_sound_format_is_damaged(void **state)
{
	static const char *const bad[] = { "", "\"format\":0,", "\"format\":\"1\",", "\"format\":1.0,",
		"\"format\":-1," };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf text = of_format(bad[i]);
		struct err e = ERR_INIT;
		json_t *object = NULL;

		assert_false(document_parse(&object, buf_view(&text), "thing", &e));
		assert_int_equal(e.kind, ERR_DAMAGED);
		buf_release(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_struct_comes_back),
		cmocka_unit_test(test_what_is_wrong_is_refused_by_name),
		cmocka_unit_test(test_only_one_object_is_an_object),
		cmocka_unit_test(test_text_of_any_bytes_comes_back),
		cmocka_unit_test(test_a_document_comes_back),
		cmocka_unit_test(test_a_document_notices_every_bit_and_every_cut),
		cmocka_unit_test(test_a_newer_document_is_refused_by_name),
		cmocka_unit_test(test_a_document_without_a_sound_format_is_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
