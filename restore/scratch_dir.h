/*
 * restore/scratch_dir.h - the directory a private throw-away cluster lives in
 *
 * <scratch.dir>/drtool-scratch-<name>/ holds owner.lock (flock by the process that made it, so that its end shows),
 * data/ and, when the path is short enough for a socket, socket/; else the socket lies in /tmp/drtool-socket-<name>.
 */
#ifndef DRTOOL_RESTORE_SCRATCH_DIR_H
#define DRTOOL_RESTORE_SCRATCH_DIR_H

#include <stdint.h>
#include <sys/types.h>

#include "src/base/arena.h"
#include "src/base/err.h"

struct scratch_dir {
	char *path;       /* malloc'ed, as are the others */
	char *data;       /* the cluster's own directory, 0700 */
	char *socket_dir; /* 0700 */
	int lock_fd;      /* holds the flock */
};

#define SCRATCH_DIR_INIT      \
	{                     \
		.lock_fd = -1 \
	}

struct scratch_user {     /* who the server's programs run as */
	const char *name; /* for child_spec.run_as; NULL: as we are */
	uid_t uid;
	gid_t gid;
};

/* As root: "postgres", else "nobody" (the server refuses to run as root). Otherwise ourselves. */
bool scratch_dir_user(struct scratch_user *out, struct err *e);
/*
 * The directory to use when asked for dir (NULL: the default); made when missing, traversable for the user. In the
 * arena; NULL with e.
 */
const char *scratch_dir_base(struct arena *a, const char *dir, const struct scratch_user *user, struct err *e);
/* What a scratch for a database of this size needs in base: ERR_REFUSED with both numbers when it is short. */
bool scratch_dir_space(const char *base, uint64_t database_size, struct err *e);
bool scratch_dir_make(struct scratch_dir *out, const char *base, const struct scratch_user *user, struct err *e);
/*
 * Remove everything and let go; problems are not errors: the next clean finds what is left. Fine on SCRATCH_DIR_INIT.
 */
void scratch_dir_remove(struct scratch_dir *d);
/* Remove directories below base whose owner is gone, ending servers that still run there. A missing base is fine. */
bool scratch_dir_clean(unsigned *removed, const char *base, struct err *e);

#endif
