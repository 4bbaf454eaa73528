#include "restore/feed.h"

#include <assert.h>
#include <pthread.h>

#define CHUNKS_MAX   16
#define CHUNKS_LOCAL 4 /* one thread reads: more would only hold memory */
/* Of one feed: a restore has several, and what they may hold in bytes is what they share. */
#define FETCHERS_MAX 8
#define KEEP_BYTES   ((size_t)6 << 20) /* a buffer that had to grow past this is given back after use */

enum chunk_state { CHUNK_FETCHING, CHUNK_THERE, CHUNK_FAILED };

struct chunk {
	enum chunk_state state;
	size_t bytes; /* counted for it: what is expected, then what it has */
	struct buf plain;
	size_t first, count;              /* items that lie in it */
	struct fingerprint *fingerprints; /* one per item */
	size_t cap;
	struct err err; /* CHUNK_FAILED */
};

struct fetcher {
	struct feed *feed;
	struct decompressor *decompressor;
	struct buf frame;
	pthread_t thread;
};

struct feed {
	struct chunk_store *store;
	size_t ahead, keep;
	bool fingerprints;
	struct fetcher fetchers[FETCHERS_MAX];
	unsigned fetcher_count, running; /* that there may be, whose threads exist */
	size_t place_count;              /* of the ring, used */
	const struct feed_item *items;
	size_t count;
	size_t at; /* item of the oldest chunk that is next; the consumer's alone */

	pthread_mutex_t mutex; /* guards what follows; a chunk belongs to its fetcher while CHUNK_FETCHING */
	pthread_cond_t changed;
	struct chunk ring[CHUNKS_MAX];
	size_t head, taken; /* the oldest chunk; how many have been taken up since */
	size_t next;        /* item nobody has taken up */
	size_t bytes;       /* of all taken */
	bool stop;          /* no more are taken up: told to, or one has failed */
};

struct feed *feed_new(struct chunk_store *chunks, size_t ahead_bytes, bool fingerprints)
{
	struct feed *f = xcalloc(1, sizeof(*f));
	unsigned in_flight = chunk_store_in_flight(chunks);
	bool several = in_flight > 1;

	f->store = chunks;
	f->ahead = ahead_bytes;
	f->fingerprints = fingerprints;
	f->fetcher_count = !several ? 1 : in_flight < FETCHERS_MAX ? in_flight : FETCHERS_MAX;
	f->place_count = several ? CHUNKS_MAX : CHUNKS_LOCAL;
	f->keep = several ? 0 : KEEP_BYTES; /* idle buffers of many would outweigh those in use */
	for (unsigned i = 0; i < f->fetcher_count; i++) {
		f->fetchers[i].feed = f;
		f->fetchers[i].decompressor = decompressor_new();
		f->fetchers[i].frame.max = CHUNK_PLAIN_MAX;
	}
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
	for (unsigned i = 0; i < f->fetcher_count; i++) {
		buf_release(&f->fetchers[i].frame);
		decompressor_free(f->fetchers[i].decompressor);
	}
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

static bool check_item(
        struct fingerprint *out, const struct feed *f, const struct chunk *c, const struct piece *p, struct err *e)
{
	char name[SHA256_HEX_SIZE];

	*out = (struct fingerprint){ 0 };
	if (p->offset <= c->plain.len && p->length <= c->plain.len - p->offset &&
	        (!p->length || !f->fingerprints || fingerprint_add_text(out, part_of(c, p))))
		return true;
	hash_hex(name, p->chunk.bytes, SHA256_SIZE);
	return err_set(e, ERR_DAMAGED, "chunk \"%s\" does not hold the rows the snapshot says", name);
}

/* Take up the next chunk: all the items that follow in it, and how large it is at least. Under the mutex. */
static void take_up(struct feed *f, struct chunk *c)
{
	const struct piece *first = f->items[f->next].piece;

	c->state = CHUNK_FETCHING;
	c->first = f->next;
	c->bytes = 0;
	for (; f->next < f->count && same_chunk(first, f->items[f->next].piece); f->next++) {
		const struct piece *p = f->items[f->next].piece;

		if (p->offset + p->length > c->bytes)
			c->bytes = (size_t)(p->offset + p->length);
	}
	c->count = f->next - c->first;
	f->bytes += c->bytes;
	f->taken++;
}

/* Under the mutex: wait for a free place, and not too many bytes ahead. NULL when there is nothing more to take up. */
static struct chunk *wait_for_room(struct feed *f)
{
	while (!f->stop && f->next < f->count) {
		const struct piece *p = f->items[f->next].piece;

		if (!f->taken || (f->taken < f->place_count && f->bytes + p->offset + p->length <= f->ahead)) {
			struct chunk *c = &f->ring[(f->head + f->taken) % f->place_count];

			take_up(f, c);
			return c;
		}
		pthread_cond_wait(&f->changed, &f->mutex);
	}
	return NULL;
}

static bool fetch(struct fetcher *by, struct chunk *c, struct err *e)
{
	struct feed *f = by->feed;

	if (!chunk_store_get(&c->plain, f->store, f->items[c->first].piece, by->decompressor, &by->frame, e))
		return false;
	if (by->frame.cap > f->keep)
		buf_release(&by->frame);
	if (c->cap < c->count) {
		c->cap = c->count;
		c->fingerprints = xrealloc(c->fingerprints, c->cap * sizeof(*c->fingerprints));
	}
	for (size_t i = 0; i < c->count; i++)
		if (!check_item(&c->fingerprints[i], f, c, f->items[c->first + i].piece, e))
			return false;
	return true;
}

static void *fetch_all(void *arg)
{
	struct fetcher *by = arg;
	struct feed *f = by->feed;
	struct chunk *c;

	pthread_mutex_lock(&f->mutex);
	while ((c = wait_for_room(f))) {
		struct err e = ERR_INIT;

		pthread_mutex_unlock(&f->mutex);
		bool ok = fetch(by, c, &e);
		pthread_mutex_lock(&f->mutex);
		f->bytes = f->bytes - c->bytes + c->plain.len;
		c->bytes = c->plain.len;
		c->state = ok ? CHUNK_THERE : CHUNK_FAILED;
		if (!ok) {
			c->err = e;
			f->stop = true;
		}
		pthread_cond_broadcast(&f->changed);
	}
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->mutex);
	return NULL;
}

bool feed_start(struct feed *f, const struct feed_item *items, size_t count, struct err *e)
{
	feed_stop(f);
	f->items = items;
	f->count = count;
	f->at = 0;
	f->head = f->taken = f->next = f->bytes = 0;
	f->stop = false;
	for (; f->running < f->fetcher_count && f->running < count; f->running++) {
		struct fetcher *by = &f->fetchers[f->running];
		int errnum = pthread_create(&by->thread, NULL, fetch_all, by);

		if (errnum) {
			feed_stop(f);
			return err_sys(e, errnum, "start a thread");
		}
	}
	return true;
}

static void drop_head(struct feed *f)
{
	struct chunk *c = &f->ring[f->head];

	pthread_mutex_lock(&f->mutex);
	f->bytes -= c->bytes;
	if (c->plain.cap > f->keep)
		buf_release(&c->plain);
	f->head = (f->head + 1) % f->place_count;
	f->taken--;
	f->at = 0;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->mutex);
}

/* The oldest chunk, once it has been fetched; NULL after the last. */
static struct chunk *wait_for_chunk(struct feed *f)
{
	struct chunk *c = &f->ring[f->head];

	pthread_mutex_lock(&f->mutex);
	/* Chunks are taken up in order: where one has failed, those before it come first. */
	while (f->taken ? c->state == CHUNK_FETCHING : f->next < f->count && !f->stop)
		pthread_cond_wait(&f->changed, &f->mutex);
	if (!f->taken)
		c = NULL;
	pthread_mutex_unlock(&f->mutex);
	return c;
}

int feed_next(struct feed_part *out, struct feed *f, struct err *e)
{
	struct chunk *c = &f->ring[f->head];

	if (f->at && f->at == c->count)
		drop_head(f);
	if (!f->at) {
		c = wait_for_chunk(f);
		if (!c)
			return 0;
		if (c->state == CHUNK_FAILED) {
			*e = c->err;
			return -1;
		}
	}
	out->slot = f->items[c->first + f->at].slot;
	out->data = part_of(c, f->items[c->first + f->at].piece);
	out->fingerprint = c->fingerprints[f->at];
	f->at++;
	return 1;
}

void feed_stop(struct feed *f)
{
	pthread_mutex_lock(&f->mutex);
	f->stop = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->mutex);
	while (f->running)
		pthread_join(f->fetchers[--f->running].thread, NULL);
}
