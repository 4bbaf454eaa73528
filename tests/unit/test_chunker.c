/* tests/unit/test_chunker.c - limits, means, locality of edits, and golden boundaries */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/codec/chunker.h"

#define MIB       ((size_t)1 << 20)
#define MOST      4096 /* boundaries a test may collect */
#define STREAM    (64 * MIB)
#define EDIT_ROWS 600000 /* of 200 bytes: 114 MiB */

static uint64_t next_random(uint64_t *x)
{
	uint64_t z = *x += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

struct cuts {
	size_t at[MOST]; /* bytes before each boundary */
	size_t n;
};

static void add_cut(struct cuts *cuts, size_t at)
{
	assert_true(cuts->n < MOST);
	assert_true(cuts->n == 0 || at > cuts->at[cuts->n - 1]);
	cuts->at[cuts->n++] = at;
}

/* Run one row through, the way a writer does; *total counts the bytes written so far. */
static void offer(struct cuts *cuts, struct row_chunker *c, size_t *total, size_t len, struct hash128 hash)
{
	size_t start = cuts->n ? cuts->at[cuts->n - 1] : 0;
	enum row_cut cut;

	assert_int_equal(c->len, *total - start);
	cut = row_chunker_next(c, len, hash);
	if (cut == ROW_CUT_FIRST) {
		assert_true(*total > start && *total - start + len > CHUNK_MAX);
		add_cut(cuts, *total);
		start = *total;
		cut = row_chunker_next(c, len, hash);
		assert_int_not_equal(cut, ROW_CUT_FIRST);
	}
	*total += len;
	if (cut == ROW_ALONE)
		assert_true(len > CHUNK_MAX && *total - start == len);
	else
		assert_true(*total - start <= CHUNK_MAX);
	if (cut == ROW_APPEND_CUT)
		assert_true(*total - start >= CHUNK_MIN);
	if (cut != ROW_APPEND)
		add_cut(cuts, *total);
}

static struct hash128 random_hash(uint64_t *x)
{
	struct hash128 h;

	h.low = next_random(x);
	h.high = next_random(x);
	return h;
}

static double mean_of_rows(size_t row_len, size_t bytes, uint64_t seed)
{
	struct row_chunker c = ROW_CHUNKER_INIT(seed);
	struct cuts *cuts = calloc(1, sizeof(*cuts));
	uint64_t x = row_len;
	size_t total = 0, n;
	double mean;

	while (total < bytes)
		offer(cuts, &c, &total, row_len, random_hash(&x));
	n = cuts->n;
	mean = (double)cuts->at[n - 1] / (double)n;
	free(cuts);
	return mean;
}

static void mean_does_not_depend_on_row_length(void **state)
{
	static const size_t lengths[] = { 20, 200, 5000, 100000 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		double mean = mean_of_rows(lengths[i], lengths[i] < 100 ? 400 * MIB : 1200 * MIB, 0);

		if (mean < 0.88 * (double)CHUNK_TYPICAL || mean > 1.12 * (double)CHUNK_TYPICAL)
			fail_msg("rows of %zu bytes: mean %.2f MiB", lengths[i], mean / (double)MIB);
	}
}

static void limits_hold_for_any_rows(void **state)
{
	struct cuts *cuts = calloc(1, sizeof(*cuts));
	struct row_chunker c = ROW_CHUNKER_INIT(7);
	uint64_t x = 42;
	size_t total = 0;

	(void)state;
	/* Row lengths over six orders of magnitude, some longer than a chunk may be. */
	for (int i = 0; i < 3000; i++) {
		size_t len = 1 + (size_t)(next_random(&x) >> (38 + next_random(&x) % 26));

		offer(cuts, &c, &total, len, random_hash(&x));
	}
	assert_true(cuts->n > 10);
	free(cuts);
}

static void the_ends_of_the_limits(void **state)
{
	struct row_chunker c = ROW_CHUNKER_INIT(0);
	const struct hash128 h = { 1, 2 };

	(void)state;
	assert_int_equal(row_chunker_next(&c, CHUNK_MAX + 1, h), ROW_ALONE);
	assert_int_equal(c.len, 0);
	assert_int_equal(row_chunker_next(&c, SIZE_MAX, h), ROW_ALONE);
	assert_int_equal(row_chunker_next(&c, CHUNK_MAX, h), ROW_APPEND_CUT);
	assert_int_equal(row_chunker_next(&c, CHUNK_MIN - 1, h), ROW_APPEND);
	assert_int_equal(c.len, CHUNK_MIN - 1);
	assert_int_equal(row_chunker_next(&c, CHUNK_MAX - CHUNK_MIN + 2, h), ROW_CUT_FIRST);
	assert_int_equal(c.len, 0);
	row_chunker_next(&c, 10, h);
	assert_int_equal(c.len, 10);
	assert_int_equal(row_chunker_next(&c, SIZE_MAX, h), ROW_CUT_FIRST);
	row_chunker_next(&c, 10, h);
	row_chunker_reset(&c);
	assert_int_equal(c.len, 0);
}

/* All rows equal, as in a table of one constant: no content to cut at, or a cut everywhere. */
static void equal_rows_stay_within_limits(void **state)
{
	uint64_t x = 1;

	(void)state;
	for (int round = 0; round < 5; round++) {
		struct cuts *cuts = calloc(1, sizeof(*cuts));
		struct row_chunker c = ROW_CHUNKER_INIT(0);
		struct hash128 h = random_hash(&x);
		size_t total = 0;

		while (total < 50 * MIB)
			offer(cuts, &c, &total, 100, h);
		assert_true(cuts->n >= 3);
		free(cuts);
	}
}

static void cut_rows(struct cuts *cuts, const uint64_t *hashes, size_t n, uint64_t seed)
{
	struct row_chunker c = ROW_CHUNKER_INIT(seed);
	size_t total = 0;

	cuts->n = 0;
	for (size_t i = 0; i < n; i++)
		offer(cuts, &c, &total, 200, (struct hash128){ hashes[i], 0 });
}

/* Boundaries of a that b, whose bytes from edit on are moved by shift, does not have. */
static size_t lost(const struct cuts *a, const struct cuts *b, size_t edit, long shift)
{
	size_t missing = 0, k = 0;

	for (size_t i = 0; i < a->n; i++) {
		size_t want = a->at[i] <= edit ? a->at[i] : (size_t)((long)a->at[i] + shift);

		while (k < b->n && b->at[k] < want)
			k++;
		if (k == b->n || b->at[k] != want) {
			assert_true(a->at[i] > edit); /* nothing before an edit moves */
			missing++;
		}
	}
	return missing;
}

static void an_edited_row_moves_only_boundaries_near_it(void **state)
{
	struct cuts *before = calloc(1, sizeof(*before)), *after = calloc(1, sizeof(*after));
	uint64_t *hashes = calloc(EDIT_ROWS, sizeof(*hashes)), *edited = calloc(EDIT_ROWS + 1, sizeof(*edited)), x = 3;
	size_t sum = 0, rounds = 60;

	(void)state;
	for (size_t i = 0; i < EDIT_ROWS; i++)
		hashes[i] = next_random(&x);
	cut_rows(before, hashes, EDIT_ROWS, 0);
	assert_in_range(before->n, 20, 40);
	for (size_t round = 0; round < rounds; round++) {
		size_t row = next_random(&x) % (EDIT_ROWS / 2), inserted = round % 3 == 0, removed = round % 3 == 1;

		memcpy(edited, hashes, row * sizeof(*edited));
		memcpy(edited + row + inserted, hashes + row + removed, (EDIT_ROWS - row - removed) * sizeof(*edited));
		if (!removed)
			edited[row] = next_random(&x);
		cut_rows(after, edited, EDIT_ROWS + inserted - removed, 0);
		sum += lost(before, after, row * 200, 200 * ((long)inserted - (long)removed));
	}
	/* Most edits move nothing; one near a boundary moves a few until both find the same row to cut at. */
	if (sum > rounds)
		fail_msg("%zu boundaries moved by %zu edits", sum, rounds);
	free(before);
	free(after);
	free(hashes);
	free(edited);
}

static void the_seed_decides_where(void **state)
{
	struct cuts *one = calloc(1, sizeof(*one)), *other = calloc(1, sizeof(*other));
	uint64_t *hashes = calloc(EDIT_ROWS, sizeof(*hashes)), x = 9;

	(void)state;
	for (size_t i = 0; i < EDIT_ROWS; i++)
		hashes[i] = next_random(&x);
	cut_rows(one, hashes, EDIT_ROWS, 1);
	cut_rows(other, hashes, EDIT_ROWS, 2);
	assert_true(lost(one, other, 0, 0) >= one->n - 1);
	cut_rows(other, hashes, EDIT_ROWS, 1);
	assert_int_equal(lost(one, other, 0, 0), 0);
	free(one);
	free(other);
	free(hashes);
}

static void golden_rows(void **state)
{
	static const size_t golden[][6] = {
		{ 7818670, 13949410, 24882780, 29832243, 31130436, 33018625 },
		{ 3530380, 5387368, 22164573, 25244700, 26791020, 32674999 },
	};
	char row[64];

	(void)state;
	for (uint64_t seed = 0; seed < 2; seed++) {
		struct cuts *cuts = calloc(1, sizeof(*cuts));
		struct row_chunker c = ROW_CHUNKER_INIT(seed * UINT64_C(0x0123456789abcdef));
		size_t total = 0;

		for (int i = 0; cuts->n < 6; i++) {
			int n = snprintf(row, sizeof(row), "%d\tcustomer %d\t\\N\t%d.50\n", i, i % 977, i % 1000);

			offer(cuts, &c, &total, (size_t)n, hash_row((struct view){ (uint8_t *)row, (size_t)n }));
		}
		for (int i = 0; i < 6; i++) {
			if (cuts->at[i] != golden[seed][i])
				fail_msg("seed %d, boundary %d: %zu", (int)seed, i, cuts->at[i]);
		}
		free(cuts);
	}
}

static uint8_t *random_bytes(size_t n, uint64_t seed)
{
	uint8_t *bytes = malloc(n);

	for (size_t i = 0; i < n; i += 8) {
		uint64_t r = next_random(&seed);

		memcpy(bytes + i, &r, n - i < 8 ? n - i : 8);
	}
	return bytes;
}

static void cut_bytes(struct cuts *cuts, const uint8_t *data, size_t len, uint64_t seed)
{
	size_t at = 0;

	cuts->n = 0;
	while (at < len) {
		size_t n = byte_chunker_cut((struct view){ data + at, len - at }, seed, true);

		assert_in_range(n, 1, CHUNK_MAX);
		assert_true(n >= CHUNK_MIN || at + n == len);
		at += n;
		add_cut(cuts, at);
	}
	assert_int_equal(at, len);
}

static void bytes_limits_and_mean(void **state)
{
	struct cuts *cuts = calloc(1, sizeof(*cuts));
	uint8_t *data = random_bytes(STREAM, 5);
	size_t chunks = 0;
	double mean;

	(void)state;
	for (uint64_t seed = 0; seed < 6; seed++) {
		cut_bytes(cuts, data, STREAM, seed);
		chunks += cuts->n;
	}
	mean = 6.0 * (double)STREAM / (double)chunks;
	if (mean < 0.8 * (double)CHUNK_TYPICAL || mean > 1.2 * (double)CHUNK_TYPICAL)
		fail_msg("mean %.2f MiB", mean / (double)MIB);
	memset(data, 0, STREAM);
	cut_bytes(cuts, data, STREAM, 0);
	assert_int_equal(cuts->n, STREAM / CHUNK_MAX);
	free(cuts);
	free(data);
}

static void bytes_may_come_in_pieces(void **state)
{
	uint8_t *data = random_bytes(CHUNK_MAX + 100, 6);

	(void)state;
	for (uint64_t seed = 0; seed < 4; seed++) {
		size_t cut = byte_chunker_cut((struct view){ data, CHUNK_MAX + 100 }, seed, false);

		assert_true(cut > CHUNK_MIN && cut < CHUNK_MAX);
		for (size_t have = 0; have < cut; have += MIB / 2 + 1) {
			assert_int_equal(byte_chunker_cut((struct view){ data, have }, seed, false), 0);
			assert_int_equal(byte_chunker_cut((struct view){ data, have }, seed, true), have);
		}
		assert_int_equal(byte_chunker_cut((struct view){ data, cut - 1 }, seed, false), 0);
		assert_int_equal(byte_chunker_cut((struct view){ data, cut }, seed, false), cut);
		assert_int_equal(byte_chunker_cut((struct view){ data, cut + 1 }, seed, true), cut);
	}
	memset(data, 0, CHUNK_MAX + 100);
	assert_int_equal(byte_chunker_cut((struct view){ data, CHUNK_MAX - 1 }, 0, false), 0);
	assert_int_equal(byte_chunker_cut((struct view){ data, CHUNK_MAX }, 0, false), CHUNK_MAX);
	assert_int_equal(byte_chunker_cut((struct view){ data, CHUNK_MAX + 100 }, 0, true), CHUNK_MAX);
	assert_int_equal(byte_chunker_cut((struct view){ NULL, 0 }, 0, true), 0);
	free(data);
}

/* Where a chunk began must not show in where it ends, not even just after CHUNK_MIN. */
static void bytes_cut_by_content_alone(void **state)
{
	uint8_t *data = random_bytes(CHUNK_MAX, 6);
	size_t cut = byte_chunker_cut((struct view){ data, CHUNK_MAX }, 0, true);

	(void)state;
	assert_true(cut > CHUNK_MIN + 70 && cut < CHUNK_MAX);
	for (size_t past = 1; past < 70; past++) {
		size_t start = cut - CHUNK_MIN - past;

		assert_int_equal(
		        byte_chunker_cut((struct view){ data + start, CHUNK_MAX - start }, 0, true), CHUNK_MIN + past);
	}
	free(data);
}

static void an_inserted_byte_moves_only_boundaries_near_it(void **state)
{
	struct cuts *before = calloc(1, sizeof(*before)), *after = calloc(1, sizeof(*after));
	uint8_t *data = random_bytes(STREAM, 8), *edited = malloc(STREAM + 1);
	uint64_t x = 4;
	size_t sum = 0, rounds = 8;

	(void)state;
	cut_bytes(before, data, STREAM, 0);
	before->n--; /* the end is no content boundary */
	for (size_t round = 0; round < rounds; round++) {
		size_t at = next_random(&x) % (STREAM / 2);

		memcpy(edited, data, at);
		edited[at] = (uint8_t)~data[at];
		memcpy(edited + at + 1, data + at, STREAM - at);
		cut_bytes(after, edited, STREAM + 1, 0);
		sum += lost(before, after, at, 1);
	}
	if (sum > rounds)
		fail_msg("%zu boundaries moved by %zu edits", sum, rounds);
	free(before);
	free(after);
	free(data);
	free(edited);
}

static void golden_bytes(void **state)
{
	static const size_t golden[][4] = {
		{ 9743098, 10903360, 12864359, 21795548 },
		{ 10267657, 16209088, 18256634, 24180842 },
	};
	struct cuts *cuts = calloc(1, sizeof(*cuts));
	uint8_t *data = random_bytes(STREAM, 1);

	(void)state;
	for (uint64_t seed = 0; seed < 2; seed++) {
		cut_bytes(cuts, data, STREAM, seed * UINT64_C(0x0123456789abcdef));
		for (int i = 0; i < 4; i++) {
			if (cuts->at[i] != golden[seed][i])
				fail_msg("seed %d, boundary %d: %zu", (int)seed, i, cuts->at[i]);
		}
	}
	free(cuts);
	free(data);
}

static void packs_end_after_one_name_in_128(void **state)
{
	static const int golden[] = { 48, 123, 254, 315, 320 };
	char name[64];
	size_t n = 0, other = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "public.t%d", i);
		if (pack_ends_after(name, 0)) {
			if (n < sizeof(golden) / sizeof(golden[0]) && i != golden[n])
				fail_msg("name %zu: %d", n, i);
			n++;
			other += pack_ends_after(name, 1);
		}
	}
	assert_in_range(n, 700, 860);
	assert_in_range(other, 0, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mean_does_not_depend_on_row_length),
		cmocka_unit_test(limits_hold_for_any_rows),
		cmocka_unit_test(the_ends_of_the_limits),
		cmocka_unit_test(equal_rows_stay_within_limits),
		cmocka_unit_test(an_edited_row_moves_only_boundaries_near_it),
		cmocka_unit_test(the_seed_decides_where),
		cmocka_unit_test(golden_rows),
		cmocka_unit_test(bytes_limits_and_mean),
		cmocka_unit_test(bytes_may_come_in_pieces),
		cmocka_unit_test(bytes_cut_by_content_alone),
		cmocka_unit_test(an_inserted_byte_moves_only_boundaries_near_it),
		cmocka_unit_test(golden_bytes),
		cmocka_unit_test(packs_end_after_one_name_in_128),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
