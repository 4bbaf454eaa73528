#include "storage/repository/lock.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "src/base/clock.h"
#include "storage/repository/lock_list.h"

#define LOCK_TEXT_MAX ((size_t)64 << 10)
/* Half a minute before others may take it for dead: clocks run differently, and stores tell whole seconds. */
#define LEASE_US ((int64_t)(LOCK_EXPIRES_S - 30) * 1000000)
/* Takers that met look again a few times; a lock older than any of them can be is a holder's. */
#define TAKE_ATTEMPTS  5
#define ESTABLISHED_US ((int64_t)5 * 1000000)
#define PAUSE_MS       50

struct repository_lock {
	struct repository *r;
	char *name;   /* what it is about */
	char *object; /* below locks/; nobody else writes this one */
	pthread_t renewer;
	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t wake;   /* stop is set */
	bool stop;
	struct lock_holder self;
	int64_t renewed_us; /* uptime() before the last write that succeeded: the store's time of it is later */
	bool lost;
};

/* Goes on while the machine sleeps. */
static int64_t uptime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static struct object_key key_of(const struct repository_lock *l)
{
	return (struct object_key){ OBJECT_LOCK, l->object };
}

static bool write_self(struct repository_lock *l, struct err *e)
{
	struct buf text = BUF_INIT;
	int64_t start = uptime();

	lock_holder_write(&text, &l->self);
	bool ok = storage_put(l->r->storage, key_of(l), buf_view(&text), PUT_REPLACE, e);
	if (ok)
		l->renewed_us = start;
	buf_release(&text);
	return ok;
}

static void remove_self(struct repository_lock *l)
{
	struct err ignored = ERR_INIT;

	storage_remove(l->r->storage, key_of(l), &ignored); /* what cannot be removed expires */
}

/* Renewing */

static bool lost(struct repository_lock *l, const char *how, struct err *e)
{
	l->lost = true;
	err_set(e, ERR_CONFLICT, "lock \"%s\" of repository \"%s\" is lost: %s", l->name, l->r->storage->where, how);
	return err_hint(e, "run it again");
}

/*
 * Not renewed for so long that others may believe us dead? Then they may have looked already, and writing it again
 * would not bring it back.
 */
static bool check_lease(struct repository_lock *l, struct err *e)
{
	return uptime() - l->renewed_us < LEASE_US || lost(l, "it could not be renewed for too long", e);
}

/* Is ours still in the store? Under the mutex. Any other error than ERR_CONFLICT: could not find out. */
static bool confirm(struct repository_lock *l, struct err *e)
{
	struct buf text = BUF_INIT_MAX(LOCK_TEXT_MAX);
	struct lock_holder now = { 0 };
	bool ok = storage_get(l->r->storage, key_of(l), &text, e) && lock_holder_parse(&now, buf_view(&text), e);

	if (ok && strcmp(now.token, l->self.token) != 0)
		ok = lost(l, "somebody else took it over", e);
	else if (!ok && e->kind == ERR_NOT_FOUND)
		lost(l, "somebody removed it", e);
	lock_holder_release(&now);
	buf_release(&text);
	return ok;
}

/* A store that does not answer is forgiven until others may believe us dead. Under the mutex. */
static bool forgive(struct repository_lock *l, const struct err *why, struct err *e)
{
	if (why->kind != ERR_CONFLICT)
		return check_lease(l, e);
	*e = *why;
	return false;
}

static bool still_held(struct repository_lock *l, struct err *e)
{
	struct err why = ERR_INIT;

	if (l->lost)
		return lost(l, "it was lost before", e);
	return check_lease(l, e) && (confirm(l, &why) || forgive(l, &why, e));
}

static bool renew(struct repository_lock *l, struct err *e)
{
	struct err why = ERR_INIT;
	int64_t before = l->renewed_us;

	if (!still_held(l, e))
		return false;
	l->self.renewed_us = clock_utc_us();
	if (!write_self(l, &why))
		return forgive(l, &why, e);
	if (uptime() - before < LEASE_US)
		return true;
	/* It took so long that somebody may have removed it before it was written. */
	remove_self(l);
	return lost(l, "it could not be renewed for too long", e);
}

bool repository_lock_renew(struct repository_lock *l, struct err *e)
{
	pthread_mutex_lock(&l->mutex);
	bool ok = renew(l, e);
	pthread_mutex_unlock(&l->mutex);
	return ok;
}

bool repository_lock_check(struct repository_lock *l, struct err *e)
{
	pthread_mutex_lock(&l->mutex);
	bool ok = still_held(l, e);
	pthread_mutex_unlock(&l->mutex);
	return ok;
}

static void *renew_until_stopped(void *arg)
{
	struct repository_lock *l = arg;
	struct err ignored = ERR_INIT;

	pthread_mutex_lock(&l->mutex);
	while (!l->stop && !l->lost) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += LOCK_EXPIRES_S / 3;
		/* Woken early only to stop; a loss shows in repository_lock_check(). */
		if (pthread_cond_timedwait(&l->wake, &l->mutex, &until) != 0 && !l->stop)
			renew(l, &ignored);
	}
	pthread_mutex_unlock(&l->mutex);
	return NULL;
}

static void start_renewer(struct repository_lock *l)
{
	sigset_t all, before;

	/* Signals are for the threads that can act on them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&l->renewer, NULL, renew_until_stopped, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	assert(!failed);
	if (failed)
		abort(); /* out of threads is out of memory */
}

/* A holder nobody has seen yet. */
static void become(struct repository_lock *l)
{
	lock_holder_release(&l->self);
	lock_holder_self(&l->self);
	free(l->object);
	l->object = lock_list_object(l->name, &l->self);
}

static struct repository_lock *lock_new(struct repository *r, const char *name)
{
	struct repository_lock *l = xcalloc(1, sizeof(*l));
	pthread_condattr_t attributes;

	l->r = r;
	l->name = xstrdup(name);
	become(l);
	pthread_mutex_init(&l->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&l->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	return l;
}

static void lock_free(struct repository_lock *l)
{
	lock_holder_release(&l->self);
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->mutex);
	free(l->name);
	free(l->object);
	free(l);
}

void repository_lock_release(struct repository_lock *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->mutex);
	l->stop = true;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->mutex);
	pthread_join(l->renewer, NULL);
	remove_self(l);
	lock_free(l);
}

/* Taking */

/* Best effort: what stays hinders nobody who asks whether it is dead. */
static void remove_dead(struct repository *r, const struct lock_object *o)
{
	struct err ignored = ERR_INIT;

	storage_remove(r->storage, (struct object_key){ OBJECT_LOCK, o->object }, &ignored);
}

static void sweep(struct repository_lock *l)
{
	struct lock_list list;
	struct err ignored = ERR_INIT;
	bool listed = lock_list_load(&list, l->r, NULL, l->object, &ignored) && list.own_listed;

	for (size_t i = 0; listed && i < list.count; i++) {
		struct lock_holder holder;
		enum lock_state state;

		if (lock_list_judge(&state, &holder, l->r, &list, &list.items[i], LOCK_EXPIRES_S, &ignored) &&
		        state == LOCK_DEAD)
			remove_dead(l->r, &list.items[i]);
		lock_holder_release(&holder);
	}
	lock_list_release(&list);
}

static bool conflict(const char *name, const struct lock_holder *holder, struct err *e)
{
	char since[CLOCK_TEXT_SIZE];

	if (!holder->host) {
		err_set(e, ERR_CONFLICT, "lock \"%s\" is held, by whom cannot be read", name);
	} else {
		clock_rfc3339(since, holder->taken_us);
		err_set(e, ERR_CONFLICT, "lock \"%s\" is held by process %d on \"%s\" since %s", name, holder->pid,
		        holder->host, since);
	}
	return err_hint(e,
	        "wait for it to end; a lock whose holder died is ignored %d minutes after its last sign of life",
	        LOCK_EXPIRES_S / 60);
}

/* What stands beside ours. */
struct rivals {
	size_t count;
	bool established; /* one of them is older than somebody who is only trying can be */
	bool first;       /* all have greater tokens than ours */
	struct err who;   /* ERR_CONFLICT naming one of them, an established one if there is one */
};

static bool note_rival(struct rivals *out, struct repository_lock *l, const struct lock_list *list,
        const struct lock_object *o, struct err *e)
{
	struct lock_holder holder;
	enum lock_state state;
	bool established = list->now_us - o->modified_us > ESTABLISHED_US;
	bool ok = lock_list_judge(&state, &holder, l->r, list, o, LOCK_EXPIRES_S, e);

	if (ok && state == LOCK_DEAD) {
		remove_dead(l->r, o);
	} else if (ok && state == LOCK_LIVES) {
		if (!out->count++ || established)
			conflict(l->name, &holder, &out->who);
		out->established = out->established || established;
		out->first = out->first && strcmp(l->self.token, o->token) < 0;
	}
	lock_holder_release(&holder);
	return ok;
}

static bool look(struct rivals *out, struct repository_lock *l, struct err *e)
{
	struct lock_list list;
	bool ok = lock_list_load(&list, l->r, l->name, l->object, e);

	*out = (struct rivals){ .first = true };
	if (ok && !list.own_listed) {
		ok = err_set(e, ERR_FAILED, "lock \"%s\" was written and is not listed", l->object);
		err_hint(e, "a repository needs a store whose listings show what was just written");
	}
	for (size_t i = 0; ok && i < list.count; i++)
		ok = note_rival(out, l, &list, &list.items[i], e);
	lock_list_release(&list);
	return ok;
}

/* Longer from time to time, and never the same for two. */
static void pause_after(int attempt)
{
	uint16_t random = 0;
	struct timespec t = { 0 };

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint16_t)clock_monotonic_us();
	t.tv_nsec = (PAUSE_MS + random % ((unsigned)PAUSE_MS << attempt)) * 1000000L;
	t.tv_sec = t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	nanosleep(&t, NULL);
}

/*
 * Write ours, then list: of two that do so, whoever writes later sees the other. So a listing that shows ours alone is
 * the lock. Any other means stepping back and trying again under another name, for one that was seen may be removed as
 * dead long after; all but the one with the least token, so that somebody gets it.
 */
static bool contend(struct repository_lock *l, struct err *e)
{
	bool written = false;

	for (int attempt = 0;; attempt++) {
		struct rivals rivals;

		if ((!written && !write_self(l, e)) || !look(&rivals, l, e))
			return err_wrap(e, "lock repository \"%s\"", l->r->storage->where);
		if (!rivals.count)
			return check_lease(l, e);
		if (rivals.established || attempt + 1 == TAKE_ATTEMPTS) {
			*e = rivals.who;
			return false;
		}
		written = rivals.first;
		if (!written) {
			remove_self(l);
			become(l);
		}
		pause_after(attempt);
	}
}

bool repository_lock_take_exclusive(struct repository_lock **out, struct repository *r, const char *name, struct err *e)
{
	struct repository_lock *l = lock_new(r, name);

	if (!contend(l, e)) {
		remove_self(l);
		lock_free(l);
		return false;
	}
	start_renewer(l);
	*out = l;
	return true;
}

bool repository_lock_take(struct repository_lock **out, struct repository *r, const char *name, struct err *e)
{
	struct repository_lock *l = lock_new(r, name);

	if (!write_self(l, e)) {
		remove_self(l);
		lock_free(l);
		return err_wrap(e, "lock repository \"%s\"", r->storage->where);
	}
	sweep(l);
	start_renewer(l);
	*out = l;
	return true;
}
