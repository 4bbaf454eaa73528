#include "storage/repository/uploader.h"

#include <pthread.h>
#include <stdlib.h>

struct upload {
	struct piece piece;
	struct buf frame;
	struct upload *next;
};

struct uploader {
	uploader_fn *send;
	void *cookie;
	size_t bytes_max;
	pthread_t *threads;
	unsigned thread_count;

	pthread_mutex_t mutex;        /* guards all below */
	pthread_cond_t work;          /* there is something to send, or nothing will come any more */
	pthread_cond_t room;          /* something has been sent, or it was somebody's turn, or it has failed */
	struct upload *first, **last; /* not taken by a thread yet */
	size_t bytes;                 /* handed over and not stored yet, the running ones included */
	uint64_t tickets, turn;       /* of those who want to hand over: a large frame is not overtaken for ever */
	bool closed;
	struct err failure; /* ERR_NONE while all is well */
};

static void upload_free(struct upload *up)
{
	buf_release(&up->frame);
	free(up);
}

/* Under the mutex. */
static void fail(struct uploader *u, const struct err *why)
{
	if (u->failure.kind == ERR_NONE)
		u->failure = *why;
	while (u->first) {
		struct upload *up = u->first;

		u->first = up->next;
		u->bytes -= up->frame.len;
		upload_free(up);
	}
	u->last = &u->first;
	pthread_cond_broadcast(&u->room);
}

/* Under the mutex. NULL when nothing will come any more. */
static struct upload *take(struct uploader *u)
{
	struct upload *up;

	while (!u->first && !u->closed)
		pthread_cond_wait(&u->work, &u->mutex);
	up = u->first;
	if (up) {
		u->first = up->next;
		if (!u->first)
			u->last = &u->first;
	}
	return up;
}

static void *send_all(void *arg)
{
	struct uploader *u = arg;
	struct upload *up;

	pthread_mutex_lock(&u->mutex);
	while ((up = take(u))) {
		struct err e = ERR_INIT;

		pthread_mutex_unlock(&u->mutex);
		bool ok = u->send(u->cookie, &up->piece, buf_view(&up->frame), &e);
		size_t len = up->frame.len;
		upload_free(up);
		pthread_mutex_lock(&u->mutex);
		u->bytes -= len;
		if (!ok)
			fail(u, &e);
		pthread_cond_broadcast(&u->room);
	}
	pthread_mutex_unlock(&u->mutex);
	return NULL;
}

bool uploader_start(
        struct uploader **out, unsigned threads, size_t bytes_max, uploader_fn *send, void *cookie, struct err *e)
{
	struct uploader *u = xcalloc(1, sizeof(*u));

	u->send = send;
	u->cookie = cookie;
	u->bytes_max = bytes_max;
	u->last = &u->first;
	u->threads = xcalloc(threads, sizeof(*u->threads));
	pthread_mutex_init(&u->mutex, NULL);
	pthread_cond_init(&u->work, NULL);
	pthread_cond_init(&u->room, NULL);
	for (; u->thread_count < threads; u->thread_count++) {
		int rc = pthread_create(&u->threads[u->thread_count], NULL, send_all, u);

		if (rc != 0) {
			uploader_close(u);
			return err_sys(e, rc, "start an uploading thread");
		}
	}
	*out = u;
	return true;
}

/* Under the mutex. */
static bool well(const struct uploader *u, struct err *e)
{
	if (u->failure.kind == ERR_NONE)
		return true;
	*e = u->failure;
	return false;
}

static struct upload *upload_new(const struct piece *p, struct buf *frame)
{
	struct upload *up = xcalloc(1, sizeof(*up));

	up->piece = *p;
	up->frame = *frame;
	/* It was made for the worst that compression can do; what is on its way counts by what it holds. */
	up->frame.cap = up->frame.len + 1;
	up->frame.data = xrealloc(up->frame.data, up->frame.cap);
	*frame = (struct buf)BUF_INIT_MAX(frame->max);
	return up;
}

bool uploader_add(struct uploader *u, const struct piece *p, struct buf *frame, struct err *e)
{
	struct upload *up = upload_new(p, frame);
	size_t len = up->frame.len;
	bool ok;

	pthread_mutex_lock(&u->mutex);
	uint64_t ticket = u->tickets++;
	while (u->failure.kind == ERR_NONE && (ticket != u->turn || (u->bytes && u->bytes + len > u->bytes_max)))
		pthread_cond_wait(&u->room, &u->mutex);
	ok = well(u, e);
	if (ok) {
		u->turn++;
		u->bytes += len;
		*u->last = up;
		u->last = &up->next;
		up = NULL;
		pthread_cond_signal(&u->work);
		pthread_cond_broadcast(&u->room);
	}
	pthread_mutex_unlock(&u->mutex);
	if (up)
		upload_free(up);
	return ok;
}

bool uploader_check(struct uploader *u, struct err *e)
{
	pthread_mutex_lock(&u->mutex);
	bool ok = well(u, e);
	pthread_mutex_unlock(&u->mutex);
	return ok;
}

bool uploader_wait(struct uploader *u, struct err *e)
{
	pthread_mutex_lock(&u->mutex);
	while (u->bytes && u->failure.kind == ERR_NONE)
		pthread_cond_wait(&u->room, &u->mutex);
	bool ok = well(u, e);
	pthread_mutex_unlock(&u->mutex);
	return ok;
}

void uploader_stop(struct uploader *u, const struct err *why)
{
	pthread_mutex_lock(&u->mutex);
	fail(u, why);
	pthread_mutex_unlock(&u->mutex);
}

void uploader_close(struct uploader *u)
{
	if (!u)
		return;
	pthread_mutex_lock(&u->mutex);
	u->closed = true;
	pthread_cond_broadcast(&u->work);
	pthread_mutex_unlock(&u->mutex);
	for (unsigned i = 0; i < u->thread_count; i++)
		pthread_join(u->threads[i], NULL);
	pthread_cond_destroy(&u->work);
	pthread_cond_destroy(&u->room);
	pthread_mutex_destroy(&u->mutex);
	free(u->threads);
	free(u);
}
