#include "src/snapshot/packer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/queue.h"
#include "src/codec/chunker.h"

/* A chunk on its way: whole rows of one range, or of several small tables. */
struct packer_job {
	uint8_t *data; /* CHUNK_MAX bytes, touched only as far as used */
	size_t len;
	struct row_chunker chunker;
	struct plan_piece **pieces; /* the runs inside it, in order */
	size_t count, cap;
	struct plan_range *open; /* range whose run is the last piece; NULL when a new run must be started */
	char *row;               /* instead of data: one row too long for it */
};

struct packer {
	struct chunk_store *store;
	struct cancel *cancel;
	int level;
	struct queue *empty, *full;
	atomic_flag long_row; /* set while one is handed over: the bound on memory for them */
	struct packer_job *jobs;
	size_t job_count;
	pthread_t *threads;
	size_t thread_count;
	pthread_mutex_t lock; /* guards error */
	struct err error;
};

static void packer_fail(struct packer *p, const struct err *e)
{
	pthread_mutex_lock(&p->lock);
	if (p->error.kind == ERR_NONE)
		p->error = *e;
	pthread_mutex_unlock(&p->lock);
	cancel_trip(p->cancel, -1);
	queue_abort(p->empty);
	queue_abort(p->full);
}

static bool store_job(
        struct packer *p, struct packer_job *job, struct compressor *c, struct buf *scratch, struct err *e)
{
	const uint8_t *data = job->row ? (const uint8_t *)job->row : job->data;
	struct piece whole;

	if (!p->store)
		return true;
	if (!chunk_store_put(&whole, p->store, (struct view){ data, job->len }, c, scratch, e))
		return false;
	for (size_t i = 0; i < job->count; i++) {
		job->pieces[i]->piece.chunk = whole.chunk;
		job->pieces[i]->piece.stored = whole.stored;
	}
	return true;
}

/* One long row must not hold its size for the rest of the run. */
static void let_go(struct packer *p, struct packer_job *job, struct buf *scratch)
{
	if (!job->row)
		return;
	free(job->row);
	job->row = NULL;
	buf_release(scratch);
	atomic_flag_clear(&p->long_row);
}

static void *store_chunks(void *arg)
{
	struct packer *p = arg;
	struct compressor *c = compressor_new(p->level);
	struct buf scratch = BUF_INIT;
	struct packer_job *job;
	struct err e = ERR_INIT;

	while ((job = queue_pop(p->full)) != NULL) {
		if (!store_job(p, job, c, &scratch, &e)) {
			packer_fail(p, &e);
			break;
		}
		let_go(p, job, &scratch);
		queue_push(p->empty, job);
	}
	buf_release(&scratch);
	compressor_free(c);
	return NULL;
}

bool packer_start(struct packer **out, struct chunk_store *store, unsigned readers, int level, struct cancel *cancel,
        struct err *e)
{
	struct packer *p = xcalloc(1, sizeof *p);

	p->store = store;
	p->cancel = cancel;
	p->level = level;
	atomic_flag_clear(&p->long_row);
	/* One open per reader, one being stored per thread, and two in between. */
	p->job_count = 2 * (size_t)readers + 2;
	p->jobs = xcalloc(p->job_count, sizeof *p->jobs);
	p->threads = xcalloc(readers, sizeof *p->threads);
	p->empty = queue_new(p->job_count);
	p->full = queue_new(p->job_count);
	pthread_mutex_init(&p->lock, NULL);
	for (size_t i = 0; i < p->job_count; i++) {
		p->jobs[i].data = xmalloc(CHUNK_MAX);
		queue_push(p->empty, &p->jobs[i]);
	}
	for (; p->thread_count < readers; p->thread_count++) {
		int rc = pthread_create(&p->threads[p->thread_count], NULL, store_chunks, p);

		if (rc != 0) {
			struct err ignored = ERR_INIT;

			packer_finish(p, &ignored);
			return err_sys(e, rc, "start a storing thread");
		}
	}
	*out = p;
	return true;
}

bool packer_finish(struct packer *p, struct err *e)
{
	bool ok;

	queue_close(p->full);
	for (size_t i = 0; i < p->thread_count; i++)
		pthread_join(p->threads[i], NULL);
	ok = p->error.kind == ERR_NONE;
	if (!ok)
		*e = p->error;
	for (size_t i = 0; i < p->job_count; i++) {
		free(p->jobs[i].data);
		free(p->jobs[i].row);
		free(p->jobs[i].pieces);
	}
	queue_free(p->empty);
	queue_free(p->full);
	pthread_mutex_destroy(&p->lock);
	free(p->jobs);
	free(p->threads);
	free(p);
	return ok;
}

void packer_stream_init(struct packer_stream *s, struct packer *p, uint64_t seed)
{
	*s = (struct packer_stream){ .packer = p, .seed = seed };
}

void packer_stream_release(struct packer_stream *s)
{
	if (s->job != NULL)
		queue_push(s->packer->empty, s->job);
	s->job = NULL;
	compressor_free(s->compressor);
	s->compressor = NULL;
	buf_release(&s->scratch);
}

static bool stopped(struct packer_stream *s, struct err *e)
{
	if (cancel_check(s->packer->cancel, e))
		err_set(e, ERR_CANCELLED, "stopped");
	return false;
}

static bool open_chunk(struct packer_stream *s, struct err *e)
{
	s->job = queue_pop(s->packer->empty);
	if (s->job == NULL)
		return stopped(s, e);
	s->job->len = 0;
	s->job->count = 0;
	s->job->open = NULL;
	s->job->chunker = (struct row_chunker)ROW_CHUNKER_INIT(s->seed);
	return true;
}

static bool hand_over(struct packer_stream *s, struct err *e)
{
	struct packer_job *job = s->job;

	s->job = NULL;
	if (job == NULL)
		return true;
	if (job->len == 0) {
		queue_push(s->packer->empty, job);
		return true;
	}
	return queue_push(s->packer->full, job) || stopped(s, e);
}

static struct plan_piece *new_piece(struct plan_range *range, uint64_t offset)
{
	struct plan_piece *piece = xcalloc(1, sizeof *piece);

	piece->piece.offset = offset;
	*range->last = piece;
	range->last = &piece->next;
	return piece;
}

static void begin_run(struct packer_job *job, struct plan_range *range)
{
	if (job->count == job->cap) {
		job->cap = job->cap == 0 ? 1 : job->cap * 2;
		job->pieces = xrealloc(job->pieces, job->cap * sizeof(struct plan_piece *));
	}
	job->pieces[job->count++] = new_piece(range, job->len);
	job->open = range;
}

static void append_row(struct packer_job *job, struct plan_range *range, struct view row)
{
	if (job->open != range)
		begin_run(job, range);
	memcpy(job->data + job->len, row.data, row.len);
	job->len += row.len;
	job->pieces[job->count - 1]->piece.length += row.len;
}

/* Longer than any buffer, and another such row is being stored: stored from where libpq has it, by the reader itself.
 */
static bool store_here(struct packer_stream *s, struct plan_range *range, struct view row, struct err *e)
{
	struct packer *p = s->packer;
	struct plan_piece *piece = new_piece(range, 0);
	struct err own = ERR_INIT;

	if (s->compressor == NULL)
		s->compressor = compressor_new(p->level);
	if (!chunk_store_put(&piece->piece, p->store, row, s->compressor, &s->scratch, &own)) {
		packer_fail(p, &own);
		return stopped(s, e);
	}
	buf_release(&s->scratch);
	return true;
}

/* A storing thread takes the row over, while the next one is read. */
static bool hand_over_row(struct packer_stream *s, struct plan_range *range, char **row, size_t len, struct err *e)
{
	if (!open_chunk(s, e)) {
		atomic_flag_clear(&s->packer->long_row);
		return false;
	}
	begin_run(s->job, range);
	s->job->pieces[0]->piece.length = len;
	s->job->row = *row;
	s->job->len = len;
	*row = NULL;
	return hand_over(s, e);
}

static bool store_alone(struct packer_stream *s, struct plan_range *range, char **row, size_t len, struct err *e)
{
	if (!hand_over(s, e))
		return false;
	if (!s->packer->store)
		return true;
	if (!atomic_flag_test_and_set(&s->packer->long_row))
		return hand_over_row(s, range, row, len, e);
	return store_here(s, range, (struct view){ (const uint8_t *)*row, len }, e);
}

bool packer_add_row(struct packer_stream *s, struct plan_range *range, char **text, size_t len, struct err *e)
{
	const struct view row = { (const uint8_t *)*text, len };
	struct hash128 hash = hash_row(row);

	fingerprint_add_hash(&range->fingerprint, hash);
	range->bytes += row.len;
	if (row.len > CHUNK_MAX)
		return store_alone(s, range, text, len, e);
	for (;;) {
		if (s->job == NULL && !open_chunk(s, e))
			return false;
		switch (row_chunker_next(&s->job->chunker, row.len, hash)) {
		case ROW_APPEND:
			append_row(s->job, range, row);
			return true;
		case ROW_APPEND_CUT:
			append_row(s->job, range, row);
			return hand_over(s, e);
		case ROW_CUT_FIRST:
			if (!hand_over(s, e))
				return false;
			continue;
		case ROW_ALONE:
			return store_alone(s, range, text, len, e);
		}
	}
}

bool packer_end_range(struct packer_stream *s, bool keep_open, struct err *e)
{
	if (keep_open && s->job != NULL && s->job->len < CHUNK_TYPICAL) {
		s->job->open = NULL;
		return true;
	}
	return hand_over(s, e);
}
