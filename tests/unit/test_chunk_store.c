#include "tests/unit/storage_fixture.h"

#include <errno.h>
#include <pthread.h>

#include "src/base/clock.h"
#include "src/codec/chunker.h"
#include "storage/repository/chunk_store.h"
#include "storage/repository/pruning.h"

struct fixture {
	struct repository *r;
	struct chunk_store *s;
	struct compressor *c;
	struct decompressor *d;
	struct buf scratch, plain, frame;
};

static void open_writer(struct fixture *f)
{
	struct err e = ERR_INIT;

	if (!chunk_store_open_write(&f->s, f->r, &e))
		fail_msg("open: %s", e.msg);
}

static struct fixture fixture_over(struct storage *storage)
{
	struct fixture f = { .r = fixture_repository_over(storage) };

	f.c = compressor_new(1);
	f.d = decompressor_new();
	open_writer(&f);
	return f;
}

static void reopen(struct fixture *f)
{
	chunk_store_close(f->s);
	open_writer(f);
}

static void release(struct fixture *f)
{
	chunk_store_close(f->s);
	compressor_free(f->c);
	decompressor_free(f->d);
	buf_release(&f->scratch);
	buf_release(&f->plain);
	buf_release(&f->frame);
	repository_close(f->r);
}

static bool put(struct piece *out, struct fixture *f, const char *text, struct err *e)
{
	return chunk_store_put(out, f->s, view_str(text), f->c, &f->scratch, e);
}

static struct piece must_put(struct fixture *f, const char *text)
{
	struct err e = ERR_INIT;
	struct piece p = { 0 };

	if (!put(&p, f, text, &e))
		fail_msg("put: %s", e.msg);
	return p;
}

static bool get(struct fixture *f, const struct piece *p, struct err *e)
{
	return chunk_store_get(&f->plain, f->s, p, f->d, &f->frame, e);
}

static struct chunk_store_totals totals(struct fixture *f)
{
	struct chunk_store_totals t;

	chunk_store_totals(&t, f->s);
	return t;
}

struct key_of {
	char hex[SHA256_HEX_SIZE];
};

static struct key_of hex_of(const struct piece *p)
{
	struct key_of k;

	hash_hex(k.hex, p->chunk.bytes, SHA256_SIZE);
	return k;
}

static bool exists(struct fixture *f, enum object_class cls, const struct piece *p)
{
	struct key_of k = hex_of(p);
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	bool found = storage_get(f->r->storage, (struct object_key){ cls, k.hex }, &out, &e);

	buf_release(&out);
	return found;
}

static void replace(struct fixture *f, const struct piece *p, struct view body)
{
	struct key_of k = hex_of(p);
	struct err e = ERR_INIT;

	assert_true(storage_put(f->r->storage, (struct object_key){ OBJECT_CHUNK, k.hex }, body, PUT_REPLACE, &e));
}

static struct buf stored(struct fixture *f, const struct piece *p)
{
	struct key_of k = hex_of(p);
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	assert_true(storage_get(f->r->storage, (struct object_key){ OBJECT_CHUNK, k.hex }, &out, &e));
	return out;
}

static void test_a_chunk_is_named_by_its_bytes_and_comes_back(void **state)
{
	struct fixture f = fixture_over(storage_new_memory());
	struct piece p = must_put(&f, "1\tone\n2\ttwo\n");
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(p.offset, 0);
	assert_int_equal(p.length, 12);
	assert_string_equal(hex_of(&p).hex, "2aea860edf2a80612508fe114c77f1c9ede1d14ef8167844a4aa78baad5f9d1f");
	assert_true(get(&f, &p, &e));
	assert_string_equal(buf_str(&f.plain), "1\tone\n2\ttwo\n");
	assert_int_equal(f.frame.len, p.stored);
	release(&f);
}

static void test_a_known_chunk_is_not_stored_again(void **state)
{
	struct fixture f = fixture_over(storage_new_memory());
	struct piece a = must_put(&f, "a\n"), b;

	(void)state;
	b = must_put(&f, "a\n");
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(totals(&f).chunks_new, 1);
	assert_int_equal(totals(&f).chunks_known, 1);
	assert_int_equal(totals(&f).plain_bytes, 4);
	assert_int_equal(totals(&f).stored_new_bytes, a.stored);
	reopen(&f);
	b = must_put(&f, "a\n");
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(totals(&f).chunks_new, 0);
	assert_int_equal(totals(&f).stored_new_bytes, 0);
	release(&f);
}

static void test_nothing_and_too_much_are_no_chunks(void **state)
{
	struct fixture f = fixture_over(storage_new_memory());
	struct err e = ERR_INIT;
	struct piece p;

	(void)state;
	assert_false(put(&p, &f, "", &e));
	assert_int_equal(e.kind, ERR_FAILED);
	assert_false(chunk_store_put(
	        &p, f.s, (struct view){ (const uint8_t *)"", CHUNK_PLAIN_MAX + 1 }, f.c, &f.scratch, &e));
	release(&f);
}

/* What a broken disk may do to a chunk. */
static void cut(struct fixture *f, const struct piece *p)
{
	struct buf frame = stored(f, p);

	replace(f, p, (struct view){ frame.data, frame.len / 2 });
	buf_release(&frame);
}

static void empty(struct fixture *f, const struct piece *p)
{
	replace(f, p, view_str(""));
}

static void flip(struct fixture *f, const struct piece *p)
{
	struct buf frame = stored(f, p);

	frame.data[frame.len / 2] ^= 4;
	replace(f, p, buf_view(&frame));
	buf_release(&frame);
}

static void lose(struct fixture *f, const struct piece *p)
{
	struct key_of k = hex_of(p);
	struct err e = ERR_INIT;

	assert_true(storage_remove(f->r->storage, (struct object_key){ OBJECT_CHUNK, k.hex }, &e));
}

static void swap(struct fixture *f, const struct piece *p)
{
	struct piece other = must_put(f, "another chunk\n");
	struct buf frame = stored(f, &other);

	replace(f, p, buf_view(&frame));
	buf_release(&frame);
}

static void test_damage_is_noticed_recorded_and_healed(void **state)
{
	static void (*const harms[])(struct fixture *, const struct piece *) = { cut, empty, flip, lose, swap };

	(void)state;
	for (size_t i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
		struct fixture f = fixture_over(storage_new_memory());
		struct piece p = must_put(&f, "some rows\nof a table\n"), again;
		struct err e = ERR_INIT;

		harms[i](&f, &p);
		assert_false(get(&f, &p, &e));
		assert_int_equal(e.kind, ERR_DAMAGED);
		assert_non_null(strstr(e.msg, hex_of(&p).hex));
		assert_int_not_equal(e.hint[0], 0);
		assert_true(exists(&f, OBJECT_DAMAGED, &p));
		/* the next snapshot, and also the one that met it */
		if (i % 2)
			reopen(&f);
		again = must_put(&f, "some rows\nof a table\n");
		assert_memory_equal(&again, &p, sizeof(p));
		assert_false(exists(&f, OBJECT_DAMAGED, &p));
		e = (struct err)ERR_INIT;
		assert_true(get(&f, &p, &e));
		assert_string_equal(buf_str(&f.plain), "some rows\nof a table\n");
		assert_true(chunk_store_sync(f.s, &e));
		release(&f);
	}
}

static void test_damage_recorded_by_another_is_not_relied_on(void **state)
{
	struct fixture f = fixture_over(storage_new_memory());
	struct piece p = must_put(&f, "rows\n");
	struct key_of k = hex_of(&p);
	struct err e = ERR_INIT;

	(void)state;
	reopen(&f);
	must_put(&f, "rows\n");
	assert_true(storage_put(f.r->storage, (struct object_key){ OBJECT_DAMAGED, k.hex },
	        view_str("found by a reader"), PUT_REPLACE, &e));
	assert_false(chunk_store_sync(f.s, &e));
	assert_int_equal(e.kind, ERR_CONFLICT);
	/* starting over heals it */
	reopen(&f);
	must_put(&f, "rows\n");
	assert_int_equal(totals(&f).chunks_new, 1);
	assert_false(exists(&f, OBJECT_DAMAGED, &p));
	assert_true(chunk_store_sync(f.s, &e));
	release(&f);
}

static void test_an_empty_object_is_unknown(void **state)
{
	struct fixture f = fixture_over(storage_new_memory());
	struct piece p = must_put(&f, "rows\n");
	struct err e = ERR_INIT;

	(void)state;
	empty(&f, &p);
	reopen(&f);
	must_put(&f, "rows\n");
	assert_int_equal(totals(&f).chunks_new, 1);
	assert_true(get(&f, &p, &e));
	release(&f);
}

static void test_a_cut_chunk_nobody_read_is_not_relied_on(void **state)
{
	struct fixture f = fixture_over(storage_new_memory());
	struct piece p = must_put(&f, "some rows that compress to more than a few bytes\n"),
	             q = must_put(&f, "others\n");
	struct piece_list earlier = PIECE_LIST_INIT;
	struct err e = ERR_INIT;

	(void)state;
	cut(&f, &p);
	reopen(&f);
	piece_list_add(&earlier, p);
	piece_list_add(&earlier, q);
	chunk_store_expect(f.s, &earlier);
	must_put(&f, "others\n");
	assert_int_equal(totals(&f).chunks_new, 0);
	must_put(&f, "some rows that compress to more than a few bytes\n");
	assert_int_equal(totals(&f).chunks_new, 1);
	assert_true(get(&f, &p, &e));
	piece_list_release(&earlier);
	release(&f);
}

static void test_a_chunk_stored_again_at_another_level_is_good(void **state)
{
	struct fixture f = fixture_over(storage_new_memory());
	struct compressor *other = compressor_new(19);
	struct buf text = BUF_INIT, frame = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		buf_addf(&text, "%u\tsome text %u\n", i, i * i);
	struct piece p = must_put(&f, buf_str(&text));
	assert_true(compressor_run(&frame, other, buf_view(&text), &e));
	assert_int_not_equal(frame.len, p.stored);
	replace(&f, &p, buf_view(&frame));
	assert_true(get(&f, &p, &e));
	assert_true(view_eq(buf_view(&f.plain), buf_view(&text)));
	assert_false(exists(&f, OBJECT_DAMAGED, &p));
	compressor_free(other);
	buf_release(&text);
	buf_release(&frame);
	release(&f);
}

static void test_a_piece_past_the_end_is_the_lists_fault(void **state)
{
	struct fixture f = fixture_over(storage_new_memory());
	struct piece p = must_put(&f, "rows\n");
	struct err e = ERR_INIT;

	(void)state;
	p.offset = 3;
	assert_false(get(&f, &p, &e));
	assert_int_equal(e.kind, ERR_DAMAGED);
	p.offset = UINT64_MAX;
	assert_false(get(&f, &p, &e));
	assert_false(exists(&f, OBJECT_DAMAGED, &p));
	release(&f);
}

static void write_candidates(struct fixture *f, const char *name, const struct piece *p)
{
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	pruning_write(&text, &p->chunk, 1);
	assert_true(storage_put(
	        f->r->storage, (struct object_key){ OBJECT_PRUNING, name }, buf_view(&text), PUT_CREATE, &e));
	buf_release(&text);
}

static void test_a_snapshot_and_a_prune_do_not_meet_over_a_chunk(void **state)
{
	struct fixture f = fixture_over(storage_new_memory());
	struct piece p = must_put(&f, "rows\n"), q = must_put(&f, "other rows\n");
	struct err e = ERR_INIT;

	(void)state;
	/* the prune begins after the chunk was taken for known */
	reopen(&f);
	must_put(&f, "rows\n");
	write_candidates(&f, "20260501-120000", &q);
	assert_true(chunk_store_sync(f.s, &e));
	write_candidates(&f, "20260501-120001", &p);
	assert_false(chunk_store_sync(f.s, &e));
	assert_int_equal(e.kind, ERR_CONFLICT);
	/* it was under way before: the chunk is stored again, yet may still be deleted */
	reopen(&f);
	must_put(&f, "rows\n");
	assert_int_equal(totals(&f).chunks_new, 1);
	assert_true(storage_remove(f.r->storage, (struct object_key){ OBJECT_PRUNING, "20260501-120001" }, &e));
	e = (struct err)ERR_INIT;
	assert_false(chunk_store_sync(f.s, &e));
	assert_int_equal(e.kind, ERR_CONFLICT);
	/* after it all is well */
	reopen(&f);
	must_put(&f, "rows\n");
	e = (struct err)ERR_INIT;
	assert_true(chunk_store_sync(f.s, &e));
	release(&f);
}

static bool count_candidate(void *cookie, const struct chunk_name *name, struct err *e)
{
	(void)name;
	(void)e;
	++*(unsigned *)cookie;
	return true;
}

static void test_a_damaged_list_of_candidates_stops(void **state)
{
	struct piece p = fixture_piece(1);
	struct buf text = BUF_INIT;
	unsigned count = 0;

	(void)state;
	pruning_write(&text, &p.chunk, 1);
	for (size_t bit = 0; bit < text.len * 8; bit++) {
		struct err e = ERR_INIT;

		text.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(pruning_parse(buf_view(&text), count_candidate, &count, &e));
		assert_int_equal(e.kind, ERR_DAMAGED);
		text.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < text.len; len++) {
		struct err e = ERR_INIT;

		assert_false(pruning_parse((struct view){ text.data, len }, count_candidate, &count, &e));
	}
	struct err e = ERR_INIT;
	assert_int_equal(count, 0);
	assert_true(pruning_parse(buf_view(&text), count_candidate, &count, &e));
	assert_int_equal(count, 1);
	buf_release(&text);
}

/* Bytes that do not repeat, and compress a little. */
static struct buf stream_of(size_t len, uint32_t seed)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	assert_true(buf_reserve(&out, len, &e));
	while (out.len < len) {
		seed = seed * 1664525 + 1013904223;
		buf_addf(&out, "%08x\n", seed);
	}
	return out;
}

static void test_streams_come_back_and_share_chunks(void **state)
{
	struct fixture f = fixture_over(storage_new_memory());
	struct buf data = stream_of(20u << 20, 7), out = BUF_INIT, small = BUF_INIT_MAX(1000);
	struct piece_list first = PIECE_LIST_INIT, second = PIECE_LIST_INIT, none = PIECE_LIST_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(chunk_store_put_stream(&first, f.s, buf_view(&data), f.c, &e));
	assert_true(first.count > 1);
	assert_int_equal(first.bytes, data.len);
	data.data[100] ^= 1;
	assert_true(chunk_store_put_stream(&second, f.s, buf_view(&data), f.c, &e));
	assert_int_equal(totals(&f).chunks_known, second.count - 1);
	assert_true(chunk_store_get_stream(&out, f.s, &second, &e));
	assert_true(view_eq(buf_view(&out), buf_view(&data)));
	assert_false(chunk_store_get_stream(&small, f.s, &second, &e));
	assert_int_equal(e.kind, ERR_FAILED);
	assert_true(chunk_store_put_stream(&none, f.s, view_str(""), f.c, &e));
	assert_int_equal(none.count, 0);
	piece_list_release(&first);
	piece_list_release(&second);
	buf_release(&data);
	buf_release(&out);
	buf_release(&small);
	release(&f);
}

#define THREADS 4
#define SHARED  40

struct worker {
	pthread_t thread;
	struct fixture *f;
	bool failed;
};

static void *put_the_same(void *arg)
{
	struct worker *w = arg;
	struct compressor *c = compressor_new(1);
	struct buf scratch = BUF_INIT;

	for (unsigned i = 0; i < SHARED && !w->failed; i++) {
		struct err e = ERR_INIT;
		struct piece p;
		char text[32];

		snprintf(text, sizeof(text), "row %u\n", i);
		w->failed = !chunk_store_put(&p, w->f->s, view_str(text), c, &scratch, &e);
	}
	buf_release(&scratch);
	compressor_free(c);
	return NULL;
}

static void test_threads_may_put_the_same_chunk_at_once(void **state)
{
	struct fixture f = fixture_over(storage_new_memory());
	struct worker workers[THREADS];

	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .f = &f };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, put_the_same, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_false(workers[i].failed);
	}
	assert_int_equal(totals(&f).chunks_new, SHARED);
	assert_int_equal(totals(&f).chunks_known, SHARED * (THREADS - 1));
	release(&f);
}

/* What a snapshot does with the repository, over whatever storage. True: its manifest has been written. */
static bool snapshot_once(struct repository *r, const char *id, struct err *e)
{
	struct manifest m = fixture_manifest("shop", id, 1);
	struct compressor *c = compressor_new(1);
	struct chunk_store *s = NULL;
	struct piece_list rows = PIECE_LIST_INIT;
	bool ok = false;

	if (!chunk_store_open_write(&s, r, e))
		goto done;
	for (unsigned i = 0; i < 6; i++) {
		char text[32];

		snprintf(text, sizeof(text), "rows of table %u\n", i);
		if (!chunk_store_put_stream(&rows, s, view_str(text), c, e))
			goto done;
	}
	fixture_manifest_release(&m);
	piece_list_append(&m.contents, &rows);
	ok = chunk_store_sync(s, e) && manifest_save(r, &m, e);
done:
	fixture_manifest_release(&m);
	piece_list_release(&rows);
	chunk_store_close(s);
	compressor_free(c);
	return ok;
}

/* Every snapshot listed must be whole; returns how many there are. */
static size_t count_whole(struct repository *r)
{
	struct manifest_list l;
	struct chunk_store *s = NULL;
	struct err e = ERR_INIT;

	assert_true(manifest_list_load(&l, r, NULL, &e));
	assert_int_equal(l.damaged, 0);
	assert_true(chunk_store_open_read(&s, r, &e));
	for (size_t i = 0; i < l.count; i++) {
		struct buf out = BUF_INIT;

		if (!chunk_store_get_stream(&out, s, &l.items[i]->contents, &e))
			fail_msg("a listed snapshot is not whole: %s", e.msg);
		assert_int_equal(out.len, 6 * strlen("rows of table 0\n"));
		buf_release(&out);
	}
	size_t count = l.count;
	manifest_list_release(&l);
	chunk_store_close(s);
	return count;
}

/* Break every list or sync once; returns how many there were to break. */
static unsigned break_each(enum fault_op op, enum fault_how how)
{
	for (unsigned nth = 1;; nth++) {
		struct storage *memory = storage_new_memory();
		struct repository *r = fixture_repository_over(storage_new_fault(memory, op, nth, how));
		struct err e = ERR_INIT;

		bool ok = snapshot_once(r, "20260501-120000-aaaaaa", &e);
		bool fired = storage_fault_fired(r->storage);
		if (ok == fired)
			fail_msg("fault %u of operation %d: ok %d, fired %d, %s", nth, (int)op, ok, fired, e.msg);
		if (!fired) {
			repository_close(r);
			return nth - 1;
		}
		assert_int_equal(count_whole(r), 0);
		/* And the next run works. */
		e = (struct err)ERR_INIT;
		if (!snapshot_once(r, "20260502-120000-bbbbbb", &e))
			fail_msg("after fault %u: %s", nth, e.msg);
		assert_int_equal(count_whole(r), 1);
		repository_close(r);
	}
}

static void test_break_every_list_and_sync_once(void **state)
{
	(void)state;
	assert_int_equal(break_each(FAULT_LIST, FAULT_BEFORE), 5);
	assert_int_equal(break_each(FAULT_LIST, FAULT_AFTER), 5);
	assert_int_equal(break_each(FAULT_SYNC, FAULT_BEFORE), 1);
	assert_int_equal(break_each(FAULT_SYNC, FAULT_AFTER), 1);
}

/* Puts: 1 for drtool.json, 6 chunks, the manifest. */
static void test_break_every_put_once(void **state)
{
	static const enum fault_how hows[] = { FAULT_BEFORE, FAULT_AFTER, FAULT_NO_SPACE };

	(void)state;
	for (size_t h = 0; h < sizeof(hows) / sizeof(hows[0]); h++) {
		for (unsigned nth = 2; nth <= 8; nth++) {
			struct repository *r = fixture_repository_over(
			        storage_new_fault(storage_new_memory(), FAULT_PUT, nth, hows[h]));
			struct err e = ERR_INIT;

			assert_false(snapshot_once(r, "20260501-120000-aaaaaa", &e));
			assert_true(storage_fault_fired(r->storage));
			if (hows[h] == FAULT_NO_SPACE)
				assert_int_equal(e.sys, ENOSPC);
			/* A manifest whose put took effect and failed nevertheless is there, and then it is whole. */
			size_t listed = count_whole(r);
			assert_int_equal(listed, hows[h] == FAULT_AFTER && nth == 8);
			e = (struct err)ERR_INIT;
			assert_true(snapshot_once(r, "20260502-120000-bbbbbb", &e));
			assert_int_equal(count_whole(r), listed + 1);
			repository_close(r);
		}
	}
}

static void test_a_chunk_cut_while_writing_is_found_and_healed(void **state)
{
	(void)state;
	for (unsigned nth = 2; nth <= 7; nth++) {
		struct repository *r = fixture_repository_over(
		        storage_new_fault(storage_new_memory(), FAULT_PUT, nth, FAULT_CORRUPT));
		struct chunk_store *s = NULL;
		struct manifest *m = NULL;
		struct buf out = BUF_INIT;
		struct err e = ERR_INIT;

		assert_true(snapshot_once(r, "20260501-120000-aaaaaa", &e));
		assert_true(storage_fault_fired(r->storage));
		assert_true(manifest_load(&m, r, "shop", "20260501-120000-aaaaaa", &e));
		assert_true(chunk_store_open_read(&s, r, &e));
		assert_false(chunk_store_get_stream(&out, s, &m->contents, &e));
		assert_int_equal(e.kind, ERR_DAMAGED);
		/* The next snapshot that still has the rows brings both back. */
		e = (struct err)ERR_INIT;
		assert_true(snapshot_once(r, "20260502-120000-bbbbbb", &e));
		assert_int_equal(count_whole(r), 2);
		manifest_free(m);
		chunk_store_close(s);
		buf_release(&out);
		repository_close(r);
	}
}

static void test_a_read_that_fails_or_lies_is_never_believed(void **state)
{
	static const enum fault_how hows[] = { FAULT_BEFORE, FAULT_AFTER, FAULT_CORRUPT };

	(void)state;
	for (size_t h = 0; h < sizeof(hows) / sizeof(hows[0]); h++) {
		/* Gets: 1 for drtool.json, 1 for the manifest, 6 chunks. */
		for (unsigned nth = 2; nth <= 9; nth++) {
			struct repository *r = fixture_repository_over(
			        storage_new_fault(storage_new_memory(), FAULT_GET, nth, hows[h]));
			struct chunk_store *s = NULL;
			struct manifest *m = NULL;
			struct buf out = BUF_INIT;
			struct err e = ERR_INIT;

			assert_true(snapshot_once(r, "20260501-120000-aaaaaa", &e));
			assert_true(chunk_store_open_read(&s, r, &e));
			bool ok = manifest_load(&m, r, "shop", "20260501-120000-aaaaaa", &e) &&
			          chunk_store_get_stream(&out, s, &m->contents, &e);
			assert_int_equal(storage_fault_fired(r->storage), nth <= 8);
			assert_int_equal(ok, nth > 8);
			if (!ok)
				assert_int_equal(e.kind, hows[h] == FAULT_CORRUPT ? ERR_DAMAGED : ERR_FAILED);
			manifest_free(m);
			chunk_store_close(s);
			buf_release(&out);
			repository_close(r);
		}
	}
}

static void test_a_repair_that_does_not_read_back_is_an_error(void **state)
{
	/* get 1 was drtool.json; 2 is the test's own; 3 finds the damage; 4 reads back */
	struct fixture f = fixture_over(storage_new_fault(storage_new_memory(), FAULT_GET, 4, FAULT_CORRUPT));
	struct piece p = must_put(&f, "rows\n"), q;
	struct err e = ERR_INIT;

	(void)state;
	flip(&f, &p);
	assert_false(get(&f, &p, &e));
	assert_false(put(&q, &f, "rows\n", &e));
	assert_int_equal(e.kind, ERR_DAMAGED);
	assert_non_null(strstr(e.msg, "does not read back"));
	assert_true(storage_fault_fired(f.r->storage));
	assert_true(exists(&f, OBJECT_DAMAGED, &p));
	e = (struct err)ERR_INIT;
	assert_true(put(&q, &f, "rows\n", &e));
	assert_false(exists(&f, OBJECT_DAMAGED, &p));
	release(&f);
}

static void test_a_power_cut_leaves_listed_snapshots_whole(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 64; seed++) {
		struct repository *r = fixture_repository_over(storage_new_volatile(storage_new_memory()));
		struct fixture f = { .r = r, .c = compressor_new(1), .d = decompressor_new() };
		struct err e = ERR_INIT;

		open_writer(&f);
		/* chunks of a snapshot that never got further: some of their names reach the disk */
		for (unsigned i = 0; i < 3; i++) {
			char text[32];

			snprintf(text, sizeof(text), "rows of table %u\n", i);
			must_put(&f, text);
		}
		if (seed % 2)
			storage_power_cut(r->storage, seed);
		/* a second writer finds them, relies on them, and makes their names durable */
		assert_true(snapshot_once(r, "20260501-120000-aaaaaa", &e));
		must_put(&f, "unsynced\n");
		storage_power_cut(r->storage, seed + 1000);
		assert_int_equal(count_whole(r), 1);
		release(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_chunk_is_named_by_its_bytes_and_comes_back),
		cmocka_unit_test(test_a_known_chunk_is_not_stored_again),
		cmocka_unit_test(test_nothing_and_too_much_are_no_chunks),
		cmocka_unit_test(test_damage_is_noticed_recorded_and_healed),
		cmocka_unit_test(test_damage_recorded_by_another_is_not_relied_on),
		cmocka_unit_test(test_an_empty_object_is_unknown),
		cmocka_unit_test(test_a_cut_chunk_nobody_read_is_not_relied_on),
		cmocka_unit_test(test_a_chunk_stored_again_at_another_level_is_good),
		cmocka_unit_test(test_a_piece_past_the_end_is_the_lists_fault),
		cmocka_unit_test(test_a_snapshot_and_a_prune_do_not_meet_over_a_chunk),
		cmocka_unit_test(test_a_damaged_list_of_candidates_stops),
		cmocka_unit_test(test_streams_come_back_and_share_chunks),
		cmocka_unit_test(test_threads_may_put_the_same_chunk_at_once),
		cmocka_unit_test(test_break_every_list_and_sync_once),
		cmocka_unit_test(test_break_every_put_once),
		cmocka_unit_test(test_a_chunk_cut_while_writing_is_found_and_healed),
		cmocka_unit_test(test_a_read_that_fails_or_lies_is_never_believed),
		cmocka_unit_test(test_a_repair_that_does_not_read_back_is_an_error),
		cmocka_unit_test(test_a_power_cut_leaves_listed_snapshots_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
