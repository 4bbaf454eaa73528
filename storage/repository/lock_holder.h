/*
 * storage/repository/lock_holder.h - who holds a lock, as its object says, and whether that process still runs
 */
#ifndef DRTOOL_STORAGE_REPOSITORY_LOCK_HOLDER_H
#define DRTOOL_STORAGE_REPOSITORY_LOCK_HOLDER_H

#include <stdint.h>

#include "src/base/arena.h"
#include "src/base/buf.h"

#define LOCK_TOKEN_SIZE 33

struct lock_holder {
	char token[LOCK_TOKEN_SIZE]; /* random: tells this lock from any other of the same name */
	const char *host, *boot_id, *pid_namespace;
	int pid;
	uint64_t process_start;       /* clock ticks after boot, field 22 of /proc/<pid>/stat */
	int64_t taken_us, renewed_us; /* UTC, by the holder's clock */
	struct arena arena;
};

void lock_holder_self(struct lock_holder *out); /* with a new token, taken now */
void lock_holder_write(struct buf *out, const struct lock_holder *h);
bool lock_holder_parse(struct lock_holder *out, struct view text, struct err *e);
void lock_holder_release(struct lock_holder *h);

/*
 * It was a process of this very host that runs no more. When in doubt (another host, another boot, another container)
 * it lives.
 */
bool lock_holder_ended(const struct lock_holder *h);

#endif
