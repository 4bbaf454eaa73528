#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/codec/chunker.h"
#include "src/snapshot/packer.h"

struct fixture {
	struct repository *repository;
	struct chunk_store *store;
	struct packer *packer;
	struct packer_stream stream;
	struct cancel cancel;
	struct plan_range ranges[8];
	struct buf expected[8];
};

static void open_fixture(struct fixture *f, struct storage *storage)
{
	struct err e = ERR_INIT;

	memset(f, 0, sizeof *f);
	assert_true(repository_open_storage(&f->repository, storage, true, &e));
	assert_true(chunk_store_open_write(&f->store, f->repository, &e));
	assert_true(packer_start(&f->packer, f->store, 2, 1, &f->cancel, &e));
	packer_stream_init(&f->stream, f->packer, 0);
	for (size_t i = 0; i < 8; i++)
		f->ranges[i].last = &f->ranges[i].first;
}

static void close_fixture(struct fixture *f)
{
	struct plan p = { .ranges = f->ranges, .range_count = 8 };

	plan_release(&p);
	for (size_t i = 0; i < 8; i++)
		buf_release(&f->expected[i]);
	chunk_store_close(f->store);
	repository_close(f->repository);
}

static bool add_row(struct fixture *f, size_t range, const char *text, size_t len, struct err *e)
{
	char *row = xmalloc(len);
	bool ok;

	memcpy(row, text, len);
	buf_addn(&f->expected[range], text, len);
	ok = packer_add_row(&f->stream, &f->ranges[range], &row, len, e);
	free(row);
	return ok;
}

/* Rows of different lengths that do not repeat. */
static bool add_rows(struct fixture *f, size_t range, size_t bytes, struct err *e)
{
	uint64_t x = range + 1;

	for (size_t done = 0; done < bytes;) {
		char row[300];
		int len;

		x = x * 6364136223846793005u + 1442695040888963407u;
		len = snprintf(row, sizeof row, "%llu\t%0*llu\n", (unsigned long long)x, (int)(x % 200) + 1,
		        (unsigned long long)(x >> 7));
		if (!add_row(f, range, row, (size_t)len, e))
			return false;
		done += (size_t)len;
	}
	return true;
}

static void assert_pieces_give_the_rows_back(struct fixture *f, size_t range)
{
	struct decompressor *d = decompressor_new();
	struct buf all = BUF_INIT, plain = BUF_INIT, frame = BUF_INIT;
	struct fingerprint sum = { 0 };
	struct err e = ERR_INIT;

	for (const struct plan_piece *p = f->ranges[range].first; p != NULL; p = p->next) {
		assert_true(chunk_store_get(&plain, f->store, &p->piece, d, &frame, &e));
		assert_true(p->piece.offset + p->piece.length <= plain.len);
		buf_addn(&all, plain.data + p->piece.offset, p->piece.length);
	}
	assert_int_equal(all.len, f->expected[range].len);
	assert_true(all.len == 0 || memcmp(all.data, f->expected[range].data, all.len) == 0);
	assert_true(fingerprint_add_text(&sum, buf_view(&all)));
	assert_true(fingerprint_equal(&sum, &f->ranges[range].fingerprint));
	buf_release(&all);
	buf_release(&plain);
	buf_release(&frame);
	decompressor_free(d);
}

static void ranges_come_back_from_their_pieces(void **state)
{
	struct fixture f;
	struct err e = ERR_INIT;

	(void)state;
	open_fixture(&f, storage_new_memory());
	assert_true(add_rows(&f, 0, 20 << 20, &e));
	assert_true(packer_end_range(&f.stream, false, &e));
	assert_true(add_rows(&f, 1, 100, &e));
	assert_true(packer_end_range(&f.stream, true, &e)); /* a pack of 1, 2 (empty) and 3 */
	assert_true(packer_end_range(&f.stream, true, &e));
	assert_true(add_rows(&f, 3, 5000, &e));
	assert_true(packer_end_range(&f.stream, false, &e));
	packer_stream_release(&f.stream);
	assert_true(packer_finish(f.packer, &e));
	for (size_t i = 0; i < 4; i++)
		assert_pieces_give_the_rows_back(&f, i);
	assert_null(f.ranges[2].first);
	assert_memory_equal(f.ranges[1].first->piece.chunk.bytes, f.ranges[3].first->piece.chunk.bytes, SHA256_SIZE);
	assert_memory_not_equal(
	        f.ranges[0].first->piece.chunk.bytes, f.ranges[3].first->piece.chunk.bytes, SHA256_SIZE);
	close_fixture(&f);
}

static void a_row_longer_than_a_buffer_is_a_chunk_by_itself(void **state)
{
	struct fixture f;
	struct err e = ERR_INIT;
	size_t len = CHUNK_MAX + 12345;
	char *row = malloc(len);

	(void)state;
	memset(row, 'x', len);
	row[len - 1] = '\n';
	open_fixture(&f, storage_new_memory());
	assert_true(add_row(&f, 0, "first\n", 6, &e));
	assert_true(add_row(&f, 0, row, len, &e));
	assert_true(add_row(&f, 0, "last\n", 5, &e));
	assert_true(packer_end_range(&f.stream, false, &e));
	packer_stream_release(&f.stream);
	assert_true(packer_finish(f.packer, &e));
	assert_int_equal(f.ranges[0].first->next->piece.length, len);
	assert_int_equal(f.ranges[0].first->next->piece.offset, 0);
	assert_pieces_give_the_rows_back(&f, 0);
	close_fixture(&f);
	free(row);
}

/* One is stored by a thread, the others meanwhile by the reader: either way they come back, in their order. */
static void many_long_rows(void **state)
{
	struct fixture f;
	struct err e = ERR_INIT;
	size_t len = CHUNK_MAX + 100;
	char *row = xmalloc(len);

	(void)state;
	open_fixture(&f, storage_new_memory());
	for (int i = 0; i < 8; i++) {
		memset(row, 'a' + i, len);
		row[len - 1] = '\n';
		assert_true(add_row(&f, 0, row, len, &e));
		assert_true(add_row(&f, 0, "short\n", 6, &e));
	}
	assert_true(packer_end_range(&f.stream, false, &e));
	packer_stream_release(&f.stream);
	assert_true(packer_finish(f.packer, &e));
	assert_pieces_give_the_rows_back(&f, 0);
	close_fixture(&f);
	free(row);
}

static void a_failing_store_stops_the_reader_and_names_the_cause(void **state)
{
	struct fixture f;
	struct err e = ERR_INIT;

	(void)state;
	/* The first put makes drtool.json; the third is the second chunk. */
	open_fixture(&f, storage_new_fault(storage_new_memory(), FAULT_PUT, 3, FAULT_NO_SPACE));
	assert_false(add_rows(&f, 0, 200 << 20, &e) && packer_end_range(&f.stream, false, &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
	packer_stream_release(&f.stream);
	e = (struct err)ERR_INIT;
	assert_false(packer_finish(f.packer, &e));
	assert_int_not_equal(e.kind, ERR_CANCELLED);
	assert_int_not_equal(e.kind, ERR_NONE);
	assert_true(cancel_tripped(&f.cancel));
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_come_back_from_their_pieces),
		cmocka_unit_test(a_row_longer_than_a_buffer_is_a_chunk_by_itself),
		cmocka_unit_test(many_long_rows),
		cmocka_unit_test(a_failing_store_stops_the_reader_and_names_the_cause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
