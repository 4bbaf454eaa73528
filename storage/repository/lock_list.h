/*
 * storage/repository/lock_list.h - the lock objects there are, and which of them are dead
 *
 * An object is named "<name of the lock>.<token of its holder>", so that no two takers ever write the same one; older
 * writers left the token out. Times are the store's: what its clock says now is the time it gave an object just
 * written.
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_LOCK_LIST_H
#define DRTOOL_STORAGE_REPOSITORY_LOCK_LIST_H

#include "src/base/arena.h"
#include "storage/repository/lock_holder.h"
#include "storage/repository/repository.h"

struct lock_object {
	const char *object; /* below locks/ */
	const char *token;  /* "" where the name has none */
	int64_t modified_us;
};

struct lock_list {
	struct lock_object *items; /* without one's own */
	size_t count, cap;
	bool own_listed;
	int64_t now_us; /* the store's clock: when one's own object was written */
	struct arena arena;
};

/* "<name>.<token>", malloc'ed. */
char *lock_list_object(const char *name, const struct lock_holder *h);
/* Objects of the lock of this name (NULL: of all), and one's own. Release it in either case. */
bool lock_list_load(struct lock_list *out, struct repository *r, const char *name, const char *own, struct err *e);
void lock_list_release(struct lock_list *l);
enum lock_state {
	LOCK_LIVES,
	LOCK_DEAD, /* and its object stands: whoever sees it may remove it */
	LOCK_GONE, /* since it was listed; not to be removed, it may have come back */
};

/*
 * *holder is filled when it lives and can be read (its host is NULL otherwise); release it. One that cannot be read is
 * judged by its age alone. False: could not find out.
 */
bool lock_list_judge(enum lock_state *out, struct lock_holder *holder, struct repository *r, const struct lock_list *l,
        const struct lock_object *o, int64_t expires_s, struct err *e);

#endif
