/* The thread that drives libcurl, and the callers that wait for it. */
#include "storage/backend/http.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "storage/backend/http_transfer.h"

#define DEFAULT_CONNECT_MS 10000
#define DEFAULT_STALL_MS   30000
#define TICK_MS            100 /* how often stalls and the cancel are looked at */
#define IDLE_MS            10000
#define KEPT_HANDLES       64
#define KEPT_CONNECTIONS   64L

/* A multi handle and its thread. */
struct lane {
	const struct http_options *o;
	CURLM *multi;
	pthread_t thread;
	bool started;

	pthread_mutex_t mutex;          /* guards what follows, and done of each transfer */
	struct http_transfer *incoming; /* to be started, newest first */
	CURL *kept[KEPT_HANDLES];       /* easy handles to use again */
	size_t kept_count;
	bool stopping;

	/* The thread's own. */
	struct http_transfer *active;
	int64_t tripped_us; /* when the cancel was first seen tripped; 0: it is not */
};

/*
 * Large uploads have connections of their own, which are HTTP/1.1: libcurl 7.88 may send HTTP/1.1 on an HTTP/2
 * connection where both kinds lie in one pool and many are made at once.
 */
enum { LANE_ANY, LANE_LARGE, LANES };

struct http_client {
	struct http_options o;
	char *ca_file;
	struct lane lanes[LANES];
};

static void finish(struct lane *l, struct http_transfer *t, enum http_ending ending, CURLcode code)
{
	struct http_transfer **at = &l->active;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	curl_multi_remove_handle(l->multi, t->easy);
	pthread_mutex_lock(&l->mutex);
	t->ending = ending;
	t->code = code;
	t->done = true;
	pthread_cond_signal(&t->cond);
	pthread_mutex_unlock(&l->mutex);
}

/* False when the client is to end. */
static bool take_incoming(struct lane *l)
{
	pthread_mutex_lock(&l->mutex);
	struct http_transfer *t = l->incoming;
	bool go_on = !l->stopping;
	l->incoming = NULL;
	pthread_mutex_unlock(&l->mutex);
	while (t) {
		struct http_transfer *next = t->next;
		CURLMcode code;

		t->started_us = t->moved_us = clock_monotonic_us();
		t->next = l->active;
		l->active = t;
		code = curl_multi_add_handle(l->multi, t->easy);
		if (code != CURLM_OK)
			finish(l, t, HTTP_ENDED, CURLE_FAILED_INIT);
		t = next;
	}
	return go_on;
}

static void take_finished(struct lane *l)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(l->multi, &left))) {
		struct http_transfer *t = NULL;
		CURLcode code = m->data.result; /* m is gone once the handle is removed */

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		finish(l, t, HTTP_ENDED, code);
	}
}

/* Is it still within what it may take after the cancel? */
static bool has_grace(const struct lane *l, const struct http_transfer *t, int64_t now)
{
	int64_t since = t->started_us > l->tripped_us ? t->started_us : l->tripped_us;

	return now - since < (int64_t)t->request->grace_ms * 1000;
}

static void look_after(struct lane *l)
{
	int64_t now = clock_monotonic_us();

	if (!l->tripped_us && cancel_tripped(l->o->cancel))
		l->tripped_us = now;
	for (struct http_transfer *t = l->active, *next; t; t = next) {
		next = t->next;
		if (l->tripped_us && !has_grace(l, t, now))
			finish(l, t, HTTP_CANCELLED, CURLE_OK);
		else if (!http_transfer_moves(t, l->o->stall_ms, now))
			finish(l, t, HTTP_STALLED, CURLE_OK);
	}
}

static void *drive(void *arg)
{
	struct lane *l = arg;
	int64_t looked_us = 0;

	while (take_incoming(l) || l->active) {
		int running;

		curl_multi_perform(l->multi, &running);
		take_finished(l);
		if (clock_monotonic_us() - looked_us >= TICK_MS * 1000) {
			look_after(l);
			looked_us = clock_monotonic_us();
		}
		curl_multi_poll(l->multi, NULL, 0, l->active ? TICK_MS : IDLE_MS, NULL);
	}
	return NULL;
}

static void init_libcurl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* Signals are for the threads that wait for them. */
static int start_thread(struct lane *l)
{
	sigset_t all, before;
	int errnum;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errnum = pthread_create(&l->thread, NULL, drive, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return errnum;
}

static void lane_stop(struct lane *l)
{
	if (l->started) {
		pthread_mutex_lock(&l->mutex);
		l->stopping = true;
		pthread_mutex_unlock(&l->mutex);
		curl_multi_wakeup(l->multi);
		pthread_join(l->thread, NULL);
	}
	assert(!l->active && !l->incoming);
	for (size_t i = 0; i < l->kept_count; i++)
		curl_easy_cleanup(l->kept[i]);
	curl_multi_cleanup(l->multi);
	pthread_mutex_destroy(&l->mutex);
}

static bool lane_start(struct lane *l, const struct http_options *o, struct err *e)
{
	int errnum;

	l->o = o;
	pthread_mutex_init(&l->mutex, NULL);
	l->multi = curl_multi_init();
	assert(l->multi);
	curl_multi_setopt(l->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
	errnum = start_thread(l);
	l->started = errnum == 0;
	return l->started || err_sys(e, errnum, "start a thread");
}

bool http_client_new(struct http_client **out, const struct http_options *o, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http_client *c = xcalloc(1, sizeof(*c));

	pthread_once(&once, init_libcurl);
	c->o = *o;
	c->ca_file = o->ca_file ? xstrdup(o->ca_file) : NULL;
	c->o.ca_file = c->ca_file;
	c->o.connect_ms = o->connect_ms ? o->connect_ms : DEFAULT_CONNECT_MS;
	c->o.stall_ms = o->stall_ms ? o->stall_ms : DEFAULT_STALL_MS;
	for (size_t i = 0; i < LANES; i++) {
		if (!lane_start(&c->lanes[i], &c->o, e)) {
			for (size_t j = 0; j <= i; j++)
				lane_stop(&c->lanes[j]);
			free(c->ca_file);
			free(c);
			return false;
		}
	}
	*out = c;
	return true;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < LANES; i++)
		lane_stop(&c->lanes[i]);
	free(c->ca_file);
	free(c);
}

static CURL *take_handle(struct lane *l)
{
	CURL *easy = NULL;

	pthread_mutex_lock(&l->mutex);
	if (l->kept_count > 0)
		easy = l->kept[--l->kept_count];
	pthread_mutex_unlock(&l->mutex);
	if (!easy)
		easy = curl_easy_init();
	assert(easy);
	return easy;
}

static void keep_handle(struct lane *l, CURL *easy)
{
	curl_easy_reset(easy); /* forgets what it pointed to */
	pthread_mutex_lock(&l->mutex);
	if (l->kept_count < KEPT_HANDLES) {
		l->kept[l->kept_count++] = easy;
		easy = NULL;
	}
	pthread_mutex_unlock(&l->mutex);
	if (easy)
		curl_easy_cleanup(easy);
}

static void wait_for(struct lane *l, struct http_transfer *t)
{
	pthread_mutex_lock(&l->mutex);
	t->next = l->incoming;
	l->incoming = t;
	curl_multi_wakeup(l->multi);
	while (!t->done)
		pthread_cond_wait(&t->cond, &l->mutex);
	pthread_mutex_unlock(&l->mutex);
}

bool http_perform(struct http_response *out, struct http_client *c, const struct http_request *r, struct err *e)
{
	struct lane *l = &c->lanes[r->body.len > HTTP_LARGE_BODY ? LANE_LARGE : LANE_ANY];
	struct http_transfer t = { .request = r, .out = out };
	bool ok;

	out->status = 0;
	out->sent = false;
	buf_clear(&out->body);
	buf_clear(&out->headers);
	if (r->grace_ms == 0 && !cancel_check(c->o.cancel, e))
		return false;
	t.easy = take_handle(l);
	pthread_cond_init(&t.cond, NULL);
	http_transfer_prepare(&t, &c->o);
	wait_for(l, &t);
	ok = http_transfer_outcome(&t, &c->o, e);
	keep_handle(l, t.easy);
	curl_slist_free_all(t.headers);
	pthread_cond_destroy(&t.cond);
	return ok;
}

bool http_response_header(char *value, size_t size, const struct http_response *r, const char *name)
{
	const char *line = buf_str(&r->headers);
	size_t name_len = strlen(name);

	value[0] = '\0';
	while (*line) {
		size_t len = strcspn(line, "\n");

		if (len > name_len && line[name_len] == ':' && memcmp(line, name, name_len) == 0) {
			const char *start = line + name_len + 1, *end = line + len;

			while (start < end && (*start == ' ' || *start == '\t'))
				start++;
			while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
				end--;
			snprintf(value, size, "%.*s", (int)(end - start), start);
			return true;
		}
		line += len + (line[len] == '\n');
	}
	return false;
}

void http_response_release(struct http_response *r)
{
	buf_release(&r->body);
	buf_release(&r->headers);
	r->status = 0;
}
