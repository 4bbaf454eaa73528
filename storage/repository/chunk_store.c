#include "storage/repository/chunk_store.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/codec/chunker.h"
#include "storage/repository/chunk_index.h"
#include "storage/repository/fetch.h"
#include "storage/repository/pruning.h"
#include "storage/repository/uploader.h"

/* The largest frame zstd makes of CHUNK_PLAIN_MAX bytes that do not compress, with room to spare. */
#define FRAME_MAX (CHUNK_PLAIN_MAX + CHUNK_PLAIN_MAX / 128)
/* Compressed chunks on their way: 16 of any but the largest. Part of the 256 MiB of a run. */
#define UPLOADS_MAX ((size_t)48 << 20)
/* The same for those of a stream that is read to memory. */
#define DOWNLOADS_MAX ((uint64_t)48 << 20)
#define BATCH         32

struct chunk_store {
	struct repository *r;
	struct uploader *uploader;     /* NULL when chunks are stored by whoever puts them */
	pthread_mutex_t mutex;         /* guards all below */
	struct chunk_index known;      /* what need not be stored again; flagged: this writer relies on it */
	struct chunk_index damaged;    /* recorded under damaged/ */
	struct chunk_index candidates; /* of prunes, at any time since the store was opened */
	bool prefixes[256];            /* chunks/xx directories that relied-on names lie in */
	bool endangered; /* a relied-on name was a candidate: its prune may delete it before it looks again */
	struct chunk_store_totals totals;
};

static struct chunk_store *store_new(struct repository *r)
{
	struct chunk_store *s = xcalloc(1, sizeof(*s));

	s->r = r;
	pthread_mutex_init(&s->mutex, NULL);
	return s;
}

bool chunk_store_open_read(struct chunk_store **out, struct repository *r, struct err *e)
{
	(void)e;
	*out = store_new(r);
	return true;
}

static bool add_known(void *cookie, const struct object_info *info, struct err *e)
{
	struct chunk_store *s = cookie;
	struct chunk_name name;

	(void)e;
	/* An object of an impossible size is not one to rely on. */
	if (info->size == 0 || info->size > CHUNK_INDEX_SIZE_MAX || !hash_unhex(name.bytes, SHA256_SIZE, info->name))
		return true;
	chunk_index_set(&s->known, &name, info->size);
	return true;
}

static bool add_damaged(void *cookie, const struct object_info *info, struct err *e)
{
	struct chunk_store *s = cookie;
	struct chunk_name name;

	(void)e;
	if (hash_unhex(name.bytes, SHA256_SIZE, info->name)) {
		chunk_index_set(&s->damaged, &name, 1);
		chunk_index_forget(&s->known, &name);
	}
	return true;
}

static bool add_candidate(void *cookie, const struct chunk_name *name, struct err *e)
{
	struct chunk_store *s = cookie;

	(void)e;
	chunk_index_set(&s->candidates, name, 1);
	chunk_index_forget(&s->known, name);
	return true;
}

static uploader_fn upload;

bool chunk_store_open_write(struct chunk_store **out, struct repository *r, struct err *e)
{
	struct chunk_store *s = store_new(r);
	unsigned in_flight = r->storage->in_flight;

	/* chunks/ first: what is recorded or chosen by a prune meanwhile is then still seen. */
	if (!storage_list(r->storage, OBJECT_CHUNK, "", add_known, s, e) ||
	        !storage_list(r->storage, OBJECT_DAMAGED, "", add_damaged, s, e) ||
	        !pruning_each_candidate(r, add_candidate, s, e)) {
		chunk_store_close(s);
		return err_wrap(e, "list the chunks of repository \"%s\"", r->storage->where);
	}
	if (in_flight > 1 && !uploader_start(&s->uploader, in_flight, UPLOADS_MAX, upload, s, e)) {
		chunk_store_close(s);
		return false;
	}
	*out = s;
	return true;
}

void chunk_store_close(struct chunk_store *s)
{
	if (!s)
		return;
	uploader_close(s->uploader);
	chunk_index_release(&s->known);
	chunk_index_release(&s->damaged);
	chunk_index_release(&s->candidates);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

void chunk_store_expect(struct chunk_store *s, const struct piece_list *pieces)
{
	pthread_mutex_lock(&s->mutex);
	for (size_t i = 0; i < pieces->count; i++)
		if (chunk_index_size(&s->known, &pieces->items[i].chunk) != pieces->items[i].stored)
			chunk_index_forget(&s->known, &pieces->items[i].chunk);
	pthread_mutex_unlock(&s->mutex);
}

unsigned chunk_store_in_flight(const struct chunk_store *s)
{
	return s->r->storage->in_flight;
}

void chunk_store_totals(struct chunk_store_totals *out, struct chunk_store *s)
{
	pthread_mutex_lock(&s->mutex);
	*out = s->totals;
	pthread_mutex_unlock(&s->mutex);
}

/* Under the mutex. */
static void rely_on(struct chunk_store *s, const struct chunk_name *name)
{
	chunk_index_rely(&s->known, name);
	s->prefixes[name->bytes[0]] = true;
	if (chunk_index_size(&s->candidates, name))
		s->endangered = true;
}

/* True when the repository has the chunk and it may be relied on: then it is. */
static bool take_known(struct chunk_store *s, struct piece *p)
{
	pthread_mutex_lock(&s->mutex);
	p->stored = chunk_index_size(&s->known, &p->chunk);
	s->totals.plain_bytes += p->length;
	if (p->stored) {
		s->totals.chunks_known++;
		rely_on(s, &p->chunk);
	}
	pthread_mutex_unlock(&s->mutex);
	return p->stored != 0;
}

static void take_stored(struct chunk_store *s, const struct piece *p)
{
	pthread_mutex_lock(&s->mutex);
	/* Another thread may have stored the same bytes at the same time. */
	if (chunk_index_size(&s->known, &p->chunk)) {
		s->totals.chunks_known++;
	} else {
		s->totals.chunks_new++;
		s->totals.stored_new_bytes += p->stored;
	}
	chunk_index_set(&s->known, &p->chunk, p->stored);
	chunk_index_forget(&s->damaged, &p->chunk);
	rely_on(s, &p->chunk);
	pthread_mutex_unlock(&s->mutex);
}

static bool is_damaged(struct chunk_store *s, const struct chunk_name *name)
{
	pthread_mutex_lock(&s->mutex);
	bool damaged = chunk_index_size(&s->damaged, name) != 0;
	pthread_mutex_unlock(&s->mutex);
	return damaged;
}

/* A chunk that went bad once is believed only when it reads back, and its record goes only then. */
static bool heal(struct chunk_store *s, const char *hex, struct view frame, struct err *e)
{
	struct buf again = BUF_INIT_MAX(FRAME_MAX);
	struct object_key key = { OBJECT_CHUNK, hex }, record = { OBJECT_DAMAGED, hex };
	bool ok = false;

	if (!storage_get(s->r->storage, key, &again, e)) {
		err_wrap(e, "read back the repaired chunk");
	} else if (!view_eq(buf_view(&again), frame)) {
		err_set(e, ERR_DAMAGED, "chunk %s was stored again and does not read back", hex);
		err_hint(e, "the storage of \"%.120s\" loses data: check the disk, or use another repository",
		        s->r->storage->where);
	} else {
		ok = storage_remove(s->r->storage, record, e);
	}
	buf_release(&again);
	return ok;
}

static bool failed_to_store(const struct chunk_store *s, struct err *e)
{
	return err_wrap(e, "store a chunk in \"%s\"", s->r->storage->where);
}

static bool store_frame(struct chunk_store *s, const struct chunk_name *name, struct view frame, struct err *e)
{
	char hex[SHA256_HEX_SIZE];

	hash_hex(hex, name->bytes, SHA256_SIZE);
	return storage_put(s->r->storage, (struct object_key){ OBJECT_CHUNK, hex }, frame, PUT_DEFER_NAME, e) &&
	       (!is_damaged(s, name) || heal(s, hex, frame, e));
}

/* On an uploading thread. */
static bool upload(void *cookie, const struct piece *p, struct view frame, struct err *e)
{
	struct chunk_store *s = cookie;

	if (!store_frame(s, &p->chunk, frame, e))
		return false;
	pthread_mutex_lock(&s->mutex);
	chunk_index_forget(&s->damaged, &p->chunk);
	chunk_index_set(&s->known, &p->chunk, p->stored);
	pthread_mutex_unlock(&s->mutex);
	return true;
}

/*
 * Known from here on, so that nobody uploads it a second time: should the upload fail, nothing of this store may be
 * relied on any more.
 */
static bool hand_over(struct chunk_store *s, struct piece *p, struct buf *frame, struct err *e)
{
	pthread_mutex_lock(&s->mutex);
	uint64_t known = chunk_index_size(&s->known, &p->chunk);
	if (known) { /* another thread was quicker */
		p->stored = known;
		s->totals.chunks_known++;
	} else {
		chunk_index_set(&s->known, &p->chunk, p->stored);
		s->totals.chunks_new++;
		s->totals.stored_new_bytes += p->stored;
	}
	rely_on(s, &p->chunk);
	pthread_mutex_unlock(&s->mutex);
	return known || uploader_add(s->uploader, p, frame, e);
}

static bool store_new_chunk(struct chunk_store *s, struct piece *p, struct view plain, struct compressor *c,
        struct buf *scratch, struct err *e)
{
	if (!compressor_run(scratch, c, plain, e))
		return false;
	p->stored = scratch->len;
	if (s->uploader)
		return hand_over(s, p, scratch, e);
	if (!store_frame(s, &p->chunk, buf_view(scratch), e))
		return false;
	take_stored(s, p);
	return true;
}

bool chunk_store_put(struct piece *out, struct chunk_store *s, struct view plain, struct compressor *c,
        struct buf *scratch, struct err *e)
{
	struct piece p = { .offset = 0, .length = plain.len };

	if (plain.len == 0 || plain.len > CHUNK_PLAIN_MAX)
		return err_set(e, ERR_FAILED, "a chunk of %zu bytes cannot be stored: at least 1, at most %zu",
		        plain.len, CHUNK_PLAIN_MAX);
	if (!chunk_store_check(s, e))
		return false;
	if (!scratch->max)
		scratch->max = FRAME_MAX;
	hash_sha256(p.chunk.bytes, plain);
	if (!take_known(s, &p) && !store_new_chunk(s, &p, plain, c, scratch, e))
		return failed_to_store(s, e);
	*out = p;
	return true;
}

bool chunk_store_check(struct chunk_store *s, struct err *e)
{
	return !s->uploader || uploader_check(s->uploader, e) || failed_to_store(s, e);
}

void chunk_store_stop(struct chunk_store *s)
{
	struct err why = ERR_INIT;

	if (!s || !s->uploader)
		return;
	err_set(&why, ERR_CANCELLED, "stopped");
	uploader_stop(s->uploader, &why);
}

/* A prune may have begun since the store was opened. */
static bool note_candidate(void *cookie, const struct chunk_name *name, struct err *e)
{
	struct chunk_store *s = cookie;

	(void)e;
	if (chunk_index_relied(&s->known, name))
		s->endangered = true;
	return true;
}

/* Nor may anybody have found one of the chunks damaged that were taken for good. */
static bool check_damaged(void *cookie, const struct object_info *info, struct err *e)
{
	struct chunk_store *s = cookie;
	struct chunk_name name;

	if (!hash_unhex(name.bytes, SHA256_SIZE, info->name) || !chunk_index_relied(&s->known, &name))
		return true;
	err_set(e, ERR_CONFLICT, "chunk %s, which this snapshot needs, has been found damaged meanwhile", info->name);
	return err_hint(e, "take the snapshot again: it will store the chunk anew");
}

static bool check_relied(struct chunk_store *s, struct err *e)
{
	if (!storage_list(s->r->storage, OBJECT_DAMAGED, "", check_damaged, s, e) ||
	        !pruning_each_candidate(s->r, note_candidate, s, e))
		return false;
	if (!s->endangered)
		return true;
	err_set(e, ERR_CONFLICT, "a prune is about to delete chunks that this snapshot needs");
	return err_hint(e, "take the snapshot again once the prune has ended");
}

bool chunk_store_sync(struct chunk_store *s, struct err *e)
{
	bool prefixes[256];

	if (s->uploader && !uploader_wait(s->uploader, e))
		return failed_to_store(s, e);
	pthread_mutex_lock(&s->mutex);
	memcpy(prefixes, s->prefixes, sizeof(prefixes));
	pthread_mutex_unlock(&s->mutex);
	if (!storage_sync(s->r->storage, prefixes, e))
		return false;
	pthread_mutex_lock(&s->mutex);
	bool ok = check_relied(s, e);
	pthread_mutex_unlock(&s->mutex);
	return ok;
}

static void record_damage(struct chunk_store *s, const struct chunk_name *name, const char *hex, const char *why)
{
	struct object_key record = { OBJECT_DAMAGED, hex };
	struct buf body = BUF_INIT;
	struct err ignored = ERR_INIT;
	char now[CLOCK_TEXT_SIZE];

	clock_rfc3339(now, clock_utc_us());
	buf_addf(&body, "found %s: %s\n", now, why);
	storage_put(s->r->storage, record, buf_view(&body), PUT_REPLACE, &ignored);
	buf_release(&body);
	pthread_mutex_lock(&s->mutex);
	chunk_index_forget(&s->known, name);
	chunk_index_set(&s->damaged, name, 1);
	pthread_mutex_unlock(&s->mutex);
}

/* ERR_DAMAGED when the bytes are at fault. */
static bool check_frame(
        struct buf *plain, const struct piece *p, struct decompressor *d, struct view frame, struct err *e)
{
	struct chunk_name found;

	if (!decompressor_run(plain, d, frame, CHUNK_PLAIN_MAX, e)) {
		if (frame.len != p->stored)
			err_set(e, ERR_DAMAGED, "it has %zu bytes instead of %" PRIu64, frame.len, p->stored);
		return false;
	}
	hash_sha256(found.bytes, buf_view(plain));
	if (memcmp(found.bytes, p->chunk.bytes, SHA256_SIZE) != 0)
		return err_set(e, ERR_DAMAGED, "its bytes are not those its name stands for");
	return true;
}

/* Why a chunk could not be read; any kind but the two says that it could not be found out. */
static bool failed_to_read(
        struct chunk_store *s, const struct piece *p, const char *hex, struct err *why, struct err *e)
{
	if (why->kind == ERR_NOT_FOUND)
		err_set(why, ERR_DAMAGED, "it is missing");
	*e = *why;
	err_wrap(e, "read chunk %s", hex);
	if (why->kind != ERR_DAMAGED)
		return false;
	record_damage(s, &p->chunk, hex, why->msg);
	return err_hint(e,
	        "the next snapshot stores it again if the rows are still there; until then restore another snapshot");
}

static bool check_piece(const struct buf *plain, const struct piece *p, const char *hex, struct err *e)
{
	if (p->offset <= plain->len && p->length <= plain->len - p->offset)
		return true;
	return err_set(e, ERR_DAMAGED, "chunk %s has %zu bytes, and a piece of %" PRIu64 " at %" PRIu64 " is asked for",
	        hex, plain->len, p->length, p->offset);
}

bool chunk_store_get(struct buf *plain, struct chunk_store *s, const struct piece *p, struct decompressor *d,
        struct buf *frame, struct err *e)
{
	struct err why = ERR_INIT;
	char hex[SHA256_HEX_SIZE];

	hash_hex(hex, p->chunk.bytes, SHA256_SIZE);
	if (!frame->max)
		frame->max = FRAME_MAX;
	buf_clear(frame);
	if (!storage_get(s->r->storage, (struct object_key){ OBJECT_CHUNK, hex }, frame, &why) ||
	        !check_frame(plain, p, d, buf_view(frame), &why))
		return failed_to_read(s, p, hex, &why, e);
	return check_piece(plain, p, hex, e);
}

bool chunk_store_put_stream(
        struct piece_list *out, struct chunk_store *s, struct view data, struct compressor *c, struct err *e)
{
	struct buf scratch = BUF_INIT_MAX(FRAME_MAX);
	bool ok = true;

	while (ok && data.len) {
		size_t cut = byte_chunker_cut(data, s->r->chunk_seed, true);
		struct piece p;

		assert(cut > 0 && cut <= data.len);
		ok = chunk_store_put(&p, s, (struct view){ data.data, cut }, c, &scratch, e);
		if (ok)
			piece_list_add(out, p);
		data.data += cut;
		data.len -= cut;
	}
	buf_release(&scratch);
	return ok;
}

struct stream {
	struct chunk_store *store;
	const struct piece *pieces; /* of one batch */
	struct decompressor *d;
	struct buf plain, *out;
};

static enum fetch_answer take_frame(void *cookie, const struct fetched *f, struct err *e)
{
	struct stream *t = cookie;
	const struct piece *p = &t->pieces[f->index];
	struct err why = ERR_INIT;

	if (f->why)
		why = *f->why;
	if (f->why || !check_frame(&t->plain, p, t->d, f->body, &why)) {
		failed_to_read(t->store, p, f->name, &why, e);
		return FETCH_FAILED;
	}
	return check_piece(&t->plain, p, f->name, e) && buf_append(t->out, t->plain.data + p->offset, p->length, e)
	               ? FETCH_ON
	               : FETCH_FAILED;
}

/* As many chunks as may be fetched at once: at least one. */
static size_t batch(const struct piece *pieces, size_t count)
{
	uint64_t bytes = pieces[0].stored;
	size_t n = 1;

	while (n < count && n < BATCH && bytes <= DOWNLOADS_MAX && pieces[n].stored <= DOWNLOADS_MAX - bytes)
		bytes += pieces[n++].stored;
	return n;
}

static bool get_batch(struct stream *t, size_t count, struct err *e)
{
	char hexes[BATCH][SHA256_HEX_SIZE];
	const char *names[BATCH];

	for (size_t i = 0; i < count; i++) {
		hash_hex(hexes[i], t->pieces[i].chunk.bytes, SHA256_SIZE);
		names[i] = hexes[i];
	}
	return fetch_each(t->store->r->storage, OBJECT_CHUNK, names, count, FRAME_MAX, take_frame, t, e);
}

bool chunk_store_get_stream(struct buf *out, struct chunk_store *s, const struct piece_list *pieces, struct err *e)
{
	struct stream t = { .store = s, .d = decompressor_new(), .out = out };
	bool ok = true;

	for (size_t first = 0, n; ok && first < pieces->count; first += n) {
		t.pieces = pieces->items + first;
		n = batch(t.pieces, pieces->count - first);
		ok = get_batch(&t, n, e);
	}
	buf_release(&t.plain);
	decompressor_free(t.d);
	return ok;
}
