/*
 * Listing: pages of 1000 keys, one after the other; chunks, of which there may be a million, below several prefixes at
 * once.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/backend/s3_store.h"

#define PAGE_MAX        ((size_t)16 << 20)
#define EMPTY_PAGES_MAX 1000 /* in a row; a store may give some while it looks past removed keys */
#define BAD_PAGES_MAX   3
#define FEW_PAGES       3 /* asked for one after the other */
#define SOME_PAGES      100
#define SPLIT_MAX       256

/* Where a listing stands. */
struct cursor {
	struct s3_client *c;
	const char *start; /* what keys begin with, without the repository's prefix */
	unsigned max;      /* keys of a page; 0: as many as the store gives */
	char *after;       /* whole key; NULL at the beginning */
	char *token;       /* of version 2; NULL: go by after */
	bool more;
	unsigned empty; /* pages in a row */
};

static void cursor_release(struct cursor *at)
{
	free(at->after);
	free(at->token);
}

static void replace(char **to, const char *text)
{
	char *copy = text ? xstrdup(text) : NULL;

	free(*to);
	*to = copy;
}

/* A page that would be asked for again and again is a store's fault. */
static bool goes_nowhere(const struct cursor *at, const struct s3_list_page *page, bool v1)
{
	if (!page->truncated)
		return false;
	if (!page->last_key && (v1 || !page->token))
		return true;
	if (page->last_key && at->after && strcmp(page->last_key, at->after) <= 0)
		return true;
	if (!v1 && page->token && at->token && strcmp(page->token, at->token) == 0)
		return true;
	return !page->count && at->empty >= EMPTY_PAGES_MAX;
}

static bool advance(struct cursor *at, const struct s3_list_page *page, bool v1, struct err *e)
{
	if (goes_nowhere(at, page, v1))
		return err_set(e, ERR_FAILED, "the store's listing of \"s3://%s/%s%s\" does not come to an end",
		        at->c->place.bucket, at->c->place.prefix, at->start);
	at->empty = page->count ? 0 : at->empty + 1;
	at->more = page->truncated;
	if (page->last_key)
		replace(&at->after, page->last_key);
	replace(&at->token, v1 ? NULL : page->token);
	return true;
}

/* A store that answers version 2 with version 1 gives no token, or names a marker and counts no keys. */
static bool shows_v1(const struct s3_list_page *page, const struct buf *body)
{
	size_t start = body->len < 2048 ? body->len : 2048;
	const char *text = buf_str(body);

	if (!page->truncated)
		return false;
	return !page->token || (memmem(text, start, "<Marker", 7) && !memmem(text, body->len, "<KeyCount", 9));
}

static bool knows_no_v2(const struct s3_reply *reply)
{
	static const char *const codes[] = { "NotImplemented", "InvalidArgument", "InvalidRequest", "InvalidURI",
		"UnsupportedParameter", NULL };
	const char *const *code = codes;

	if (reply->http.status == 501)
		return true;
	while (*code && strcmp(*code, reply->error.code) != 0)
		code++;
	return reply->http.status == 400 && *code;
}

static bool request_page(
        struct s3_reply *reply, struct s3_request *request, const struct cursor *at, bool v1, struct err *e)
{
	struct s3_query query[5];
	size_t n = 0;
	char *prefix = xasprintf("%s%s", at->c->place.prefix, at->start), max[16];
	bool ok;

	snprintf(max, sizeof(max), "%u", at->max);
	query[n++] = (struct s3_query){ "prefix", prefix };
	query[n++] = (struct s3_query){ "encoding-type", "url" };
	if (at->max)
		query[n++] = (struct s3_query){ "max-keys", max };
	if (!v1)
		query[n++] = (struct s3_query){ "list-type", "2" };
	if (!v1 && at->token)
		query[n++] = (struct s3_query){ "continuation-token", at->token };
	else if (at->after)
		query[n++] = (struct s3_query){ v1 ? "marker" : "start-after", at->after };
	*request = (struct s3_request){
		.method = HTTP_GET,
		.query = query,
		.query_count = n,
		.doing = "list",
		.permission = "s3:ListBucket",
	};
	ok = s3_request_send(reply, at->c, request, e);
	request->query = NULL;
	request->query_count = 0;
	free(prefix);
	return ok;
}

struct sink {
	s3_listed_fn *each;
	void *cookie;
	const char *after; /* no key up to this one; NULL: all */
	bool called, stopped;
};

static bool pour(void *cookie, const struct s3_listed *object, struct err *e)
{
	struct sink *sink = cookie;

	sink->called = true;
	if (sink->after && strcmp(object->key, sink->after) <= 0)
		return true;
	sink->stopped = !sink->each(sink->cookie, object, e);
	return !sink->stopped;
}

/* The next page, its keys into each. */
static bool next_page(struct cursor *at, s3_listed_fn *each, void *cookie, struct err *e)
{
	struct s3_client *c = at->c;
	struct s3_reply reply = S3_REPLY_INIT_MAX(PAGE_MAX);
	struct s3_list_page page = { 0 };
	struct s3_request request;
	struct sink sink = { .each = each, .cookie = cookie, .after = at->after };
	bool v1, ok = false;

	for (unsigned bad = 0;;) {
		struct err why = ERR_INIT;

		v1 = atomic_load(&c->list_v1);
		if (!request_page(&reply, &request, at, v1, e))
			goto done;
		if (!v1 && knows_no_v2(&reply)) {
			atomic_store(&c->list_v1, true);
			replace(&at->token, NULL);
			continue;
		}
		if (reply.http.status != 200) {
			s3_error_set(e, c, &request, &reply);
			goto done;
		}
		if (s3_xml_list(&page, buf_view(&reply.http.body), pour, &sink, &why))
			break;
		s3_list_page_release(&page);
		if (sink.called || ++bad == BAD_PAGES_MAX) {
			*e = why;
			if (!sink.stopped)
				s3_error_wrap(e, c, &request);
			goto done;
		}
	}
	if (!v1 && shows_v1(&page, &reply.http.body)) {
		atomic_store(&c->list_v1, true);
		v1 = true;
	}
	ok = advance(at, &page, v1, e);
done:
	s3_list_page_release(&page);
	s3_reply_release(&reply);
	return ok;
}

bool s3_list_some(struct s3_client *c, const char *start, unsigned max, s3_listed_fn *each, void *cookie, struct err *e)
{
	struct cursor at = { .c = c, .start = start, .max = max };
	bool ok = next_page(&at, each, cookie, e);

	cursor_release(&at);
	return ok;
}

struct lookout {
	const char *key;
	bool seen;
};

static bool look_out(void *cookie, const struct s3_listed *object, struct err *e)
{
	struct lookout *l = cookie;

	(void)e;
	l->seen = l->seen || strcmp(object->key, l->key) == 0;
	return true;
}

bool s3_is_listed(bool *listed, struct s3_client *c, const char *key, struct err *e)
{
	struct cursor at = { .c = c, .start = key };
	char *whole = xasprintf("%s%s", c->place.prefix, key);
	struct lookout l = { .key = whole };
	bool ok;

	do
		ok = next_page(&at, look_out, &l, e);
	while (ok && !l.seen && at.more);
	*listed = l.seen;
	cursor_release(&at);
	free(whole);
	return ok;
}

/* One listing, which several threads may work on. */
struct listing {
	struct s3_client *c;
	enum object_class cls;
	const char *prefix; /* of names */
	char *root;         /* of keys: the repository's prefix and the class's directory */

	pthread_mutex_t mutex; /* held while each is called; guards what follows */
	object_fn *each;
	void *cookie;
	bool failed;
	struct err e; /* the first failure */

	/* Below several prefixes. */
	char *starts[SPLIT_MAX];
	const char *after; /* keys up to this one have been seen */
	size_t count, next;
};

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static bool on_key(void *cookie, const struct s3_listed *object, struct err *e)
{
	struct listing *l = cookie;
	struct buf name = BUF_INIT;
	bool ok = true;

	if (!starts_with(object->key, l->root) || !storage_object_name(&name, l->cls, object->key + strlen(l->root)) ||
	        !starts_with(buf_str(&name), l->prefix))
		goto done; /* nothing of ours */
	struct object_info info = { buf_str(&name), object->size, object->modified_us };
	pthread_mutex_lock(&l->mutex);
	if (l->failed)
		ok = err_set(e, ERR_CANCELLED, "stopped");
	else
		ok = l->each(l->cookie, &info, e);
	if (!ok && !l->failed) {
		l->failed = true;
		l->e = *e;
	}
	pthread_mutex_unlock(&l->mutex);
done:
	buf_release(&name);
	return ok;
}

/* What every key of the class begins with that may have a name with this prefix. */
static char *class_start(enum object_class cls, const char *prefix)
{
	const char *dir = storage_class_dir(cls);

	if (cls == OBJECT_CONFIG)
		return xstrdup("drtool.json");
	if (cls == OBJECT_CHUNK && strlen(prefix) > 2)
		return xasprintf("%s/%.2s/%s", dir, prefix, prefix);
	return xasprintf("%s/%s", dir, prefix);
}

static bool walk(struct listing *l, struct cursor *at, struct err *e)
{
	while (at->more) {
		bool failed;

		pthread_mutex_lock(&l->mutex);
		failed = l->failed;
		pthread_mutex_unlock(&l->mutex);
		if (failed)
			return err_set(e, ERR_CANCELLED, "stopped"); /* the error that counts is l->e */
		if (!next_page(at, on_key, l, e))
			return false;
	}
	return true;
}

static char *take_start(struct listing *l)
{
	char *start = NULL;

	pthread_mutex_lock(&l->mutex);
	if (!l->failed && l->next < l->count)
		start = l->starts[l->next++];
	pthread_mutex_unlock(&l->mutex);
	return start;
}

/* A thread's share: one prefix after the other. */
static void *list_starts(void *arg)
{
	struct listing *l = arg;
	const char *start;

	while ((start = take_start(l))) {
		struct cursor at = { .c = l->c, .start = start, .more = true };
		struct err e = ERR_INIT;

		if (starts_with(l->after + strlen(l->c->place.prefix), start))
			at.after = xstrdup(l->after);
		if (!walk(l, &at, &e)) {
			pthread_mutex_lock(&l->mutex);
			if (!l->failed)
				l->e = e;
			l->failed = true;
			pthread_mutex_unlock(&l->mutex);
		}
		cursor_release(&at);
	}
	return NULL;
}

/* In as many threads as requests may be in flight, this one included. */
static bool list_in_parallel(struct listing *l, struct err *e)
{
	pthread_t threads[SPLIT_MAX];
	size_t wanted = l->c->in_flight < l->count ? l->c->in_flight : l->count, started = 0;

	while (started + 1 < wanted && pthread_create(&threads[started], NULL, list_starts, l) == 0)
		started++;
	list_starts(l);
	while (started > 0)
		pthread_join(threads[--started], NULL);
	if (l->failed)
		*e = l->e;
	return !l->failed;
}

/*
 * Into how many prefixes the rest is split: names are hashes, so the first page's share of their range tells how many
 * pages there are. 0: not worth it.
 */
static unsigned split_into(const struct listing *l)
{
	const char *slash = strrchr(l->after, '/');
	char digits[4] = { 0 };
	unsigned long pages;

	if (l->cls != OBJECT_CHUNK || strlen(l->prefix) > 1)
		return 0;
	if (l->prefix[0])
		return 16;
	snprintf(digits, sizeof(digits), "%s", slash ? slash + 1 : "");
	pages = 0x1000 / (strtoul(digits, NULL, 16) + 1);
	return pages <= FEW_PAGES ? 0 : pages <= SOME_PAGES ? 16 : 256;
}

/* The prefixes of which not all has been seen yet. */
static void make_starts(struct listing *l, unsigned parts)
{
	const char *seen = l->after + strlen(l->c->place.prefix);

	for (unsigned i = 0; i < parts; i++) {
		char *start = xasprintf("%s/%s%0*x", storage_class_dir(l->cls), l->prefix, parts == 256 ? 2 : 1, i);

		if (strncmp(start, seen, strlen(start)) < 0)
			free(start);
		else
			l->starts[l->count++] = start;
	}
}

static bool list_all(struct listing *l, const char *start, struct err *e)
{
	struct cursor at = { .c = l->c, .start = start, .more = true };
	unsigned parts;
	bool ok = next_page(&at, on_key, l, e);

	if (ok && at.more && at.after) {
		l->after = at.after;
		parts = split_into(l);
		if (parts > 0) {
			make_starts(l, parts);
			ok = list_in_parallel(l, e);
			at.more = false;
		}
	}
	ok = ok && walk(l, &at, e);
	cursor_release(&at);
	return ok;
}

bool s3_list(void *impl, enum object_class cls, const char *prefix, object_fn *each, void *cookie, struct err *e)
{
	struct listing l = { .c = impl, .cls = cls, .prefix = prefix, .each = each, .cookie = cookie };
	char *start = class_start(cls, prefix);
	const char *dir = storage_class_dir(cls);
	bool ok;

	l.root = xasprintf("%s%s%s", l.c->place.prefix, dir, dir[0] ? "/" : "");
	pthread_mutex_init(&l.mutex, NULL);
	ok = list_all(&l, start, e);
	for (size_t i = 0; i < l.count; i++)
		free(l.starts[i]);
	pthread_mutex_destroy(&l.mutex);
	free(l.root);
	free(start);
	return ok;
}
