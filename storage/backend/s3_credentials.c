/* storage/backend/s3_credentials.c - see s3_credentials.h; the cache, the sources are in files of their own */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "storage/backend/s3_credentials_internal.h"

#define SECOND          INT64_C(1000000)
#define EARLY_US        (300 * SECOND) /* before they expire; short-lived ones: half of their life */
#define ALREADY_OVER_US (60 * SECOND)  /* expired by our clock when they came: it may be our clock that is wrong */
#define AFTER_FAILURE   (30 * SECOND)  /* between attempts while the old ones are valid */
#define NEVER           INT64_MAX

/* Names handed out stay until the end. */
struct source_name {
	struct source_name *next;
	char name[];
};

struct s3_credentials {
	struct s3_lookup lookup;
	char *profile, *region; /* what lookup points to */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t done;  /* an attempt has ended */
	bool fetching;        /* by one thread, without the lock */
	uint64_t attempts;    /* that have ended */
	struct err failure;   /* of the last one; ERR_NONE when it succeeded */

	struct s3_keys keys; /* access_key NULL: none so far */
	bool fixed;          /* their source can give no others */
	bool refused;        /* by the store: they serve nobody any more */
	bool same_again;     /* refused before, and the source gave them again */
	int64_t refresh_us;  /* from then on another attempt is made */
	int64_t until_us;    /* from then on they serve nobody */
	struct source_name *names;
};

struct s3_credentials *s3_credentials_new(struct http_client *http, const char *profile, const char *region)
{
	struct s3_credentials *c = xcalloc(1, sizeof(*c));

	c->profile = profile ? xstrdup(profile) : NULL;
	c->region = region ? xstrdup(region) : NULL;
	c->lookup = (struct s3_lookup){ .http = http, .profile = c->profile, .region = c->region };
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->done, NULL);
	return c;
}

void s3_credentials_free(struct s3_credentials *c)
{
	if (!c)
		return;
	for (struct source_name *name = c->names, *next; name; name = next) {
		next = name->next;
		free(name);
	}
	s3_keys_release(&c->keys);
	pthread_cond_destroy(&c->done);
	pthread_mutex_destroy(&c->lock);
	free(c->profile);
	free(c->region);
	free(c);
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void give(struct s3_keys *out, const struct s3_credentials *c)
{
	*out = (struct s3_keys){ .access_key = copy(c->keys.access_key),
		.secret_key = copy(c->keys.secret_key),
		.session_token = copy(c->keys.session_token),
		.expires_us = c->keys.expires_us,
		.generation = c->keys.generation };
}

static bool equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_keys(const struct s3_keys *a, const struct s3_keys *b)
{
	return equal(a->access_key, b->access_key) && equal(a->secret_key, b->secret_key) &&
	       equal(a->session_token, b->session_token);
}

static void plan_refresh(struct s3_credentials *c, int64_t now_us)
{
	int64_t expires_us = c->keys.expires_us, life_us = expires_us - now_us;

	if (expires_us == 0)
		c->refresh_us = c->until_us = NEVER;
	else if (life_us <= 0)
		c->refresh_us = c->until_us = now_us + ALREADY_OVER_US;
	else {
		c->refresh_us = expires_us - (life_us / 2 < EARLY_US ? life_us / 2 : EARLY_US);
		c->until_us = expires_us;
	}
}

static void remember_source(struct s3_credentials *c, const char *name)
{
	struct source_name *entry;

	if (c->names && strcmp(c->names->name, name) == 0)
		return;
	entry = xmalloc(sizeof(*entry) + strlen(name) + 1);
	memcpy(entry->name, name, strlen(name) + 1);
	entry->next = c->names;
	c->names = entry;
}

/* What an attempt has brought becomes current. */
static void accept(struct s3_credentials *c, struct s3_provided *got, int64_t now_us)
{
	bool same = c->keys.access_key && same_keys(&c->keys, &got->keys);

	got->keys.generation = c->keys.generation + (same ? 0 : 1);
	c->same_again = same && c->refused;
	s3_keys_release(&c->keys);
	c->keys = got->keys;
	got->keys = (struct s3_keys){ 0 };
	c->fixed = got->fixed;
	c->refused = false;
	plan_refresh(c, now_us);
	remember_source(c, got->source);
}

/* The lock is held before and after. */
static void attempt(struct s3_credentials *c)
{
	struct s3_provided got;
	struct err why = ERR_INIT;
	int64_t now_us;
	bool ok;

	c->fetching = true;
	pthread_mutex_unlock(&c->lock);
	ok = s3_sources_ask(&got, &c->lookup, &why);
	now_us = clock_utc_us();
	pthread_mutex_lock(&c->lock);
	if (ok) {
		accept(c, &got, now_us);
	} else {
		if (c->keys.access_key && why.kind == ERR_USAGE)
			why.kind = ERR_TRANSIENT; /* it was all right before */
		c->refresh_us = now_us + AFTER_FAILURE;
	}
	c->failure = why;
	s3_provided_release(&got);
	c->fetching = false;
	c->attempts++;
	pthread_cond_broadcast(&c->done);
}

static bool usable(const struct s3_credentials *c, int64_t now_us)
{
	return c->keys.access_key && !c->refused && now_us < c->until_us;
}

bool s3_credentials_get(struct s3_keys *out, struct s3_credentials *c, struct err *e)
{
	bool ok = false, tried = false;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		int64_t now_us = clock_utc_us();
		bool good = usable(c, now_us);

		if (good && (tried || c->fetching || now_us < c->refresh_us)) {
			give(out, c);
			ok = true;
			break;
		}
		if (tried && c->failure.kind != ERR_NONE) {
			*e = c->failure;
			break;
		}
		if (c->fetching) {
			for (uint64_t seen = c->attempts; c->attempts == seen;)
				pthread_cond_wait(&c->done, &c->lock);
		} else {
			attempt(c);
		}
		tried = true;
	}
	pthread_mutex_unlock(&c->lock);
	return ok;
}

bool s3_credentials_refused(struct s3_credentials *c, uint64_t generation)
{
	bool others = true;

	pthread_mutex_lock(&c->lock);
	if (generation == c->keys.generation) {
		others = !c->fixed && !c->same_again;
		if (others)
			c->refused = true;
	}
	pthread_mutex_unlock(&c->lock);
	return others;
}

const char *s3_credentials_source(struct s3_credentials *c)
{
	const char *name;

	pthread_mutex_lock(&c->lock);
	name = c->names ? c->names->name : "";
	pthread_mutex_unlock(&c->lock);
	return name;
}
