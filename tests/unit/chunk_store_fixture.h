/*
 * tests/unit/chunk_store_fixture.h - a chunk store over any storage, with what one writer and one reader need
 */
#ifndef DRTOOL_TESTS_UNIT_CHUNK_STORE_FIXTURE_H
#define DRTOOL_TESTS_UNIT_CHUNK_STORE_FIXTURE_H

#include "tests/unit/storage_fixture.h"

#include "storage/repository/chunk_store.h"

/* The same tests run over memory and over a store that takes its time and many requests. */
static bool far_away;

static inline struct storage *new_storage(void)
{
	struct storage *memory = storage_new_memory();

	return far_away ? storage_new_slow(memory, 1) : memory;
}

struct fixture {
	struct repository *r;
	struct chunk_store *s;
	struct compressor *c;
	struct decompressor *d;
	struct buf scratch, plain, frame;
};

static inline void open_writer(struct fixture *f)
{
	struct err e = ERR_INIT;

	if (!chunk_store_open_write(&f->s, f->r, &e))
		fail_msg("open: %s", e.msg);
}

static inline struct fixture fixture_over(struct storage *storage)
{
	struct fixture f = { .r = fixture_repository_over(storage) };

	f.c = compressor_new(1);
	f.d = decompressor_new();
	open_writer(&f);
	return f;
}

static inline void reopen(struct fixture *f)
{
	chunk_store_close(f->s);
	open_writer(f);
}

static inline void release(struct fixture *f)
{
	chunk_store_close(f->s);
	compressor_free(f->c);
	decompressor_free(f->d);
	buf_release(&f->scratch);
	buf_release(&f->plain);
	buf_release(&f->frame);
	repository_close(f->r);
}

/* Tests look at the objects themselves: what is on its way to a slow store is waited for. */
static inline bool put(struct piece *out, struct fixture *f, const char *text, struct err *e)
{
	struct err ignored = ERR_INIT;

	if (!chunk_store_put(out, f->s, view_str(text), f->c, &f->scratch, e))
		return false;
	if (f->r->storage->in_flight > 1)
		chunk_store_sync(f->s, &ignored);
	return chunk_store_check(f->s, e);
}

static inline struct piece must_put(struct fixture *f, const char *text)
{
	struct err e = ERR_INIT;
	struct piece p = { 0 };

	if (!put(&p, f, text, &e))
		fail_msg("put: %s", e.msg);
	return p;
}

static inline bool get(struct fixture *f, const struct piece *p, struct err *e)
{
	return chunk_store_get(&f->plain, f->s, p, f->d, &f->frame, e);
}

static inline struct chunk_store_totals totals(struct fixture *f)
{
	struct chunk_store_totals t;

	chunk_store_totals(&t, f->s);
	return t;
}

struct key_of {
	char hex[SHA256_HEX_SIZE];
};

static inline struct key_of hex_of(const struct piece *p)
{
	struct key_of k;

	hash_hex(k.hex, p->chunk.bytes, SHA256_SIZE);
	return k;
}

static inline bool exists(struct fixture *f, enum object_class cls, const struct piece *p)
{
	struct key_of k = hex_of(p);
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	bool found = storage_get(f->r->storage, (struct object_key){ cls, k.hex }, &out, &e);

	buf_release(&out);
	return found;
}

static inline void replace(struct fixture *f, const struct piece *p, struct view body)
{
	struct key_of k = hex_of(p);
	struct err e = ERR_INIT;

	assert_true(storage_put(f->r->storage, (struct object_key){ OBJECT_CHUNK, k.hex }, body, PUT_REPLACE, &e));
}

static inline struct buf stored(struct fixture *f, const struct piece *p)
{
	struct key_of k = hex_of(p);
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	assert_true(storage_get(f->r->storage, (struct object_key){ OBJECT_CHUNK, k.hex }, &out, &e));
	return out;
}

static inline void flip(struct fixture *f, const struct piece *p)
{
	struct buf frame = stored(f, p);

	frame.data[frame.len / 2] ^= 4;
	replace(f, p, buf_view(&frame));
	buf_release(&frame);
}

#endif
