#include "storage/repository/lock.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/clock.h"
#include "storage/repository/lock_holder.h"
#include "storage/repository/names.h"

#define LOCK_TEXT_MAX ((size_t)64 << 10)
#define TAKE_ATTEMPTS 5

struct repository_lock {
	struct repository *r;
	char *name;
	pthread_t renewer;
	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t wake;   /* stop is set */
	bool stop;
	struct lock_holder self;
	int64_t confirmed_us; /* monotonic: when the store last had our lock for certain */
	bool lost;
};

static struct object_key key_of(const char *name)
{
	return (struct object_key){ OBJECT_LOCK, name };
}

static bool put_self(
        struct repository *r, const char *name, const struct lock_holder *self, enum put_mode mode, struct err *e)
{
	struct buf text = BUF_INIT;

	lock_holder_write(&text, self);
	bool ok = storage_put(r->storage, key_of(name), buf_view(&text), mode, e);
	buf_release(&text);
	return ok;
}

static bool get_holder(struct lock_holder *out, struct repository *r, const char *name, struct err *e)
{
	struct buf text = BUF_INIT_MAX(LOCK_TEXT_MAX);
	bool ok = storage_get(r->storage, key_of(name), &text, e) && lock_holder_parse(out, buf_view(&text), e);

	buf_release(&text);
	return ok;
}

/* Renewing */

static bool lost(struct repository_lock *l, const char *how, struct err *e)
{
	l->lost = true;
	err_set(e, ERR_CONFLICT, "lock \"%s\" of repository \"%s\" is lost: %s", l->name, l->r->storage->where, how);
	return err_hint(e, "run it again");
}

/* Is what stands in the store ours? Under the mutex. Any other error than ERR_CONFLICT: could not find out. */
static bool confirm(struct repository_lock *l, struct err *e)
{
	struct lock_holder now;

	if (!get_holder(&now, l->r, l->name, e)) {
		if (e->kind == ERR_NOT_FOUND)
			return lost(l, "somebody removed it", e);
		return false;
	}
	bool same = strcmp(now.token, l->self.token) == 0;
	lock_holder_release(&now);
	if (!same)
		return lost(l, "somebody else took it over", e);
	l->confirmed_us = clock_monotonic_us();
	return true;
}

/* A store that does not answer is forgiven until others may believe us dead. Under the mutex. */
static bool forgive(struct repository_lock *l, const struct err *why, struct err *e)
{
	if (why->kind != ERR_CONFLICT && clock_monotonic_us() - l->confirmed_us < (int64_t)LOCK_EXPIRES_S * 1000000)
		return true;
	if (why->kind == ERR_CONFLICT) {
		*e = *why;
		return false;
	}
	return lost(l, "it could not be renewed for too long", e);
}

static bool renew(struct repository_lock *l, struct err *e)
{
	struct err why = ERR_INIT;

	if (l->lost)
		return lost(l, "it was lost before", e);
	if (!confirm(l, &why))
		return forgive(l, &why, e);
	l->self.renewed_us = clock_utc_us();
	if (!put_self(l->r, l->name, &l->self, PUT_REPLACE, &why))
		return forgive(l, &why, e);
	l->confirmed_us = clock_monotonic_us();
	return true;
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
	struct err why = ERR_INIT;

	pthread_mutex_lock(&l->mutex);
	bool ok = l->lost ? lost(l, "it was lost before", e) : confirm(l, &why) || forgive(l, &why, e);
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

static struct repository_lock *lock_new(struct repository *r, const char *name)
{
	struct repository_lock *l = xcalloc(1, sizeof(*l));
	pthread_condattr_t attributes;

	l->r = r;
	l->name = xstrdup(name);
	lock_holder_self(&l->self);
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
	free(l);
}

void repository_lock_release(struct repository_lock *l)
{
	struct err ignored = ERR_INIT;

	if (!l)
		return;
	pthread_mutex_lock(&l->mutex);
	l->stop = true;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->mutex);
	pthread_join(l->renewer, NULL);
	/* Never another's. What cannot be removed expires. */
	if (!l->lost && confirm(l, &ignored))
		storage_remove(l->r->storage, key_of(l->name), &ignored);
	lock_free(l);
}

/* Taking */

struct listed_lock {
	const char *wanted; /* NULL: whichever comes */
	int64_t modified_us;
	bool found;
};

static bool note_modified(void *cookie, const struct object_info *info, struct err *e)
{
	struct listed_lock *l = cookie;

	(void)e;
	if (strcmp(info->name, l->wanted) == 0) {
		l->modified_us = info->modified_us;
		l->found = true;
	}
	return true;
}

static bool modified(int64_t *out, struct repository *r, const char *name, struct err *e)
{
	struct listed_lock l = { .wanted = name };

	if (!storage_list(r->storage, OBJECT_LOCK, name, note_modified, &l, e))
		return false;
	*out = l.modified_us;
	return l.found || err_set(e, ERR_NOT_FOUND, "lock \"%s\" has gone", name);
}

/*
 * A damaged lock tells only its age. *holder is filled when the lock lives and can be read; release it.
 */
static bool is_dead(bool *dead, struct lock_holder *holder, struct repository *r, const char *name, struct err *e)
{
	struct err unreadable = ERR_INIT;
	int64_t modified_us;

	*holder = (struct lock_holder){ 0 };
	if (!modified(&modified_us, r, name, e))
		return false;
	if (!get_holder(holder, r, name, &unreadable)) {
		if (unreadable.kind != ERR_DAMAGED && unreadable.kind != ERR_USAGE) {
			*e = unreadable;
			return false;
		}
		*dead = clock_utc_us() - modified_us > (int64_t)LOCK_EXPIRES_S * 1000000;
		return true;
	}
	*dead = lock_holder_dead(holder, modified_us, clock_utc_us(), LOCK_EXPIRES_S);
	return true;
}

/* Best effort: what stays hinders nobody who asks whether it is dead. */
static void sweep(struct repository *r)
{
	struct names names = NAMES_INIT;
	struct err ignored = ERR_INIT;

	if (names_list(&names, r->storage, OBJECT_LOCK, "", &ignored)) {
		for (size_t i = 0; i < names.count; i++) {
			struct lock_holder holder;
			bool dead = false;

			if (is_dead(&dead, &holder, r, names.items[i], &ignored) && dead)
				storage_remove(r->storage, key_of(names.items[i]), &ignored);
			lock_holder_release(&holder);
		}
	}
	names_release(&names);
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

/* The lock of this name stands: true when it was dead and has been removed, or has gone. */
static bool make_way(struct repository *r, const char *name, struct err *e)
{
	struct lock_holder holder;
	struct err why = ERR_INIT;
	bool dead = false, ok = false;

	if (!is_dead(&dead, &holder, r, name, &why)) {
		if (why.kind != ERR_NOT_FOUND)
			*e = why;
		return why.kind == ERR_NOT_FOUND;
	}
	if (dead)
		ok = storage_remove(r->storage, key_of(name), e);
	else
		conflict(name, &holder, e);
	lock_holder_release(&holder);
	return ok;
}

static bool take(struct repository_lock *l, struct err *e)
{
	for (int attempt = 0; attempt < TAKE_ATTEMPTS; attempt++) {
		struct err why = ERR_INIT;

		if (put_self(l->r, l->name, &l->self, PUT_CREATE, &why))
			/* Another who found the same dead lock may have removed ours instead: look again. */
			return confirm(l, e);
		if (why.kind != ERR_EXISTS) {
			*e = why;
			return err_wrap(e, "lock repository \"%s\"", l->r->storage->where);
		}
		if (!make_way(l->r, l->name, e))
			return false;
	}
	return err_set(e, ERR_CONFLICT, "lock \"%s\" changes hands too quickly", l->name);
}

bool repository_lock_take_exclusive(struct repository_lock **out, struct repository *r, const char *name, struct err *e)
{
	struct repository_lock *l = lock_new(r, name);

	if (!take(l, e)) {
		lock_free(l);
		return false;
	}
	start_renewer(l);
	*out = l;
	return true;
}

bool repository_lock_take(struct repository_lock **out, struct repository *r, const char *name, struct err *e)
{
	sweep(r);
	return repository_lock_take_exclusive(out, r, name, e);
}
