#include "restore/feed.h"

#include <assert.h>
#include <pthread.h>

#define CHUNKS_MAX 4
#define KEEP_BYTES ((size_t)6 << 20) /* a buffer that had to grow past this is given back after use */

struct chunk {
	struct buf plain;
	size_t first, count;              /* items that lie in it */
	struct fingerprint *fingerprints; /* one per item */
	size_t cap;
};

struct feed {
	struct chunk_store *store;
	size_t ahead;
	struct decompressor *decompressor;
	struct buf frame;
	pthread_t thread;
	bool running; /* the thread exists */
	const struct feed_item *items;
	size_t count;
	size_t at; /* item of the oldest chunk that is next; the consumer's alone */

	pthread_mutex_t mutex; /* guards what follows; a chunk belongs to the thread until it is counted as filled */
	pthread_cond_t changed;
	struct chunk ring[CHUNKS_MAX];
	size_t head, filled;
	size_t bytes; /* in filled chunks */
	bool ended, stop;
	bool failed;
	struct err err;
};

struct feed *feed_new(struct chunk_store *chunks, size_t ahead_bytes)
{
	struct feed *f = xcalloc(1, sizeof(*f));

	f->store = chunks;
	f->ahead = ahead_bytes;
	f->decompressor = decompressor_new();
	f->frame.max = CHUNK_PLAIN_MAX;
	for (size_t i = 0; i < CHUNKS_MAX; i++)
		f->ring[i].plain.max = CHUNK_PLAIN_MAX;
	pthread_mutex_init(&f->mutex, NULL);
	pthread_cond_init(&f->changed, NULL);
	return f;
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	feed_stop(f);
	for (size_t i = 0; i < CHUNKS_MAX; i++) {
		buf_release(&f->ring[i].plain);
		free(f->ring[i].fingerprints);
	}
	buf_release(&f->frame);
	decompressor_free(f->decompressor);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->mutex);
	free(f);
}

static bool same_chunk(const struct piece *a, const struct piece *b)
{
	return memcmp(a->chunk.bytes, b->chunk.bytes, SHA256_SIZE) == 0;
}

static struct view part_of(const struct chunk *c, const struct piece *p)
{
	return (struct view){ c->plain.data + p->offset, (size_t)p->length };
}

static bool check_item(struct fingerprint *out, const struct chunk *c, const struct piece *p, struct err *e)
{
	char name[SHA256_HEX_SIZE];

	*out = (struct fingerprint){ 0 };
	if (p->offset <= c->plain.len && p->length <= c->plain.len - p->offset &&
	        (!p->length || fingerprint_add_text(out, part_of(c, p))))
		return true;
	hash_hex(name, p->chunk.bytes, SHA256_SIZE);
	return err_set(e, ERR_DAMAGED, "chunk \"%s\" does not hold the rows the snapshot says", name);
}

/* Fetch the chunk of items[first] and take all the items that follow in it. */
static bool fetch(struct feed *f, struct chunk *c, size_t first, struct err *e)
{
	c->first = first;
	c->count = 0;
	if (!chunk_store_get(&c->plain, f->store, f->items[first].piece, f->decompressor, &f->frame, e))
		return false;
	if (f->frame.cap > KEEP_BYTES)
		buf_release(&f->frame);
	while (first + c->count < f->count && same_chunk(f->items[first].piece, f->items[first + c->count].piece)) {
		if (c->count == c->cap) {
			c->cap = c->cap ? c->cap * 2 : 4;
			c->fingerprints = xrealloc(c->fingerprints, c->cap * sizeof(*c->fingerprints));
		}
		if (!check_item(&c->fingerprints[c->count], c, f->items[first + c->count].piece, e))
			return false;
		c->count++;
	}
	return true;
}

/* Wait for room for the next chunk: a free place, and not too many bytes ahead. NULL when told to stop. */
static struct chunk *wait_for_room(struct feed *f, uint64_t next_bytes)
{
	struct chunk *c = NULL;

	pthread_mutex_lock(&f->mutex);
	while (!f->stop && (f->filled == CHUNKS_MAX || (f->filled && f->bytes + next_bytes > f->ahead)))
		pthread_cond_wait(&f->changed, &f->mutex);
	if (!f->stop)
		c = &f->ring[(f->head + f->filled) % CHUNKS_MAX];
	pthread_mutex_unlock(&f->mutex);
	return c;
}

static void *feed_main(void *arg)
{
	struct feed *f = arg;
	struct err e = ERR_INIT;
	bool ok = true;

	for (size_t next = 0; ok && next < f->count;) {
		const struct piece *p = f->items[next].piece;
		struct chunk *c = wait_for_room(f, p->offset + p->length);

		if (!c)
			break;
		ok = fetch(f, c, next, &e);
		next += c->count;
		if (!ok)
			break;
		pthread_mutex_lock(&f->mutex);
		f->filled++;
		f->bytes += c->plain.len;
		pthread_cond_signal(&f->changed);
		pthread_mutex_unlock(&f->mutex);
	}
	pthread_mutex_lock(&f->mutex);
	f->ended = true;
	f->failed = !ok;
	f->err = e;
	pthread_cond_signal(&f->changed);
	pthread_mutex_unlock(&f->mutex);
	return NULL;
}

bool feed_start(struct feed *f, const struct feed_item *items, size_t count, struct err *e)
{
	int errnum;

	feed_stop(f);
	f->items = items;
	f->count = count;
	f->at = 0;
	f->head = f->filled = f->bytes = 0;
	f->ended = f->stop = f->failed = false;
	errnum = pthread_create(&f->thread, NULL, feed_main, f);
	if (errnum)
		return err_sys(e, errnum, "start a thread");
	f->running = true;
	return true;
}

static void drop_head(struct feed *f)
{
	struct chunk *c = &f->ring[f->head];

	pthread_mutex_lock(&f->mutex);
	f->bytes -= c->plain.len;
	if (c->plain.cap > KEEP_BYTES)
		buf_release(&c->plain);
	f->head = (f->head + 1) % CHUNKS_MAX;
	f->filled--;
	f->at = 0;
	pthread_cond_signal(&f->changed);
	pthread_mutex_unlock(&f->mutex);
}

/* True: the oldest chunk is there. */
static bool wait_for_chunk(struct feed *f)
{
	bool there;

	pthread_mutex_lock(&f->mutex);
	while (!f->filled && !f->ended)
		pthread_cond_wait(&f->changed, &f->mutex);
	there = f->filled > 0;
	pthread_mutex_unlock(&f->mutex);
	return there;
}

int feed_next(struct feed_part *out, struct feed *f, struct err *e)
{
	struct chunk *c = &f->ring[f->head];

	if (f->at && f->at == c->count) {
		drop_head(f);
		c = &f->ring[f->head];
	}
	if (!f->at && !wait_for_chunk(f)) {
		if (f->failed)
			*e = f->err;
		return f->failed ? -1 : 0;
	}
	out->slot = f->items[c->first + f->at].slot;
	out->data = part_of(c, f->items[c->first + f->at].piece);
	out->fingerprint = c->fingerprints[f->at];
	f->at++;
	return 1;
}

void feed_stop(struct feed *f)
{
	if (!f->running)
		return;
	pthread_mutex_lock(&f->mutex);
	f->stop = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->mutex);
	pthread_join(f->thread, NULL);
	f->running = false;
}
