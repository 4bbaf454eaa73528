/*
 * restore/kept.h - the databases that a swap has put aside: what they are called, and how they are found again
 *
 * A kept database is called "<db>__before_<UTC time>", with <db> cut at a character when the whole would be too long.
 * What it was is said in the first line of its comment, so that it is found whatever its name had to become; the
 * comment it had follows. Without such a comment (somebody wrote another one) the name alone tells.
 */
#ifndef DRTOOL_RESTORE_KEPT_H
#define DRTOOL_RESTORE_KEPT_H

#include "src/pg/session.h"

#define KEPT_NAME_SIZE 64

struct kept {
	const char *name;
	uint32_t oid;
	int64_t until_us;    /* when it lost the name, UTC */
	const char *by;      /* id of the snapshot that took its place, or "undo"; "" when not known */
	const char *comment; /* the one it had; NULL when none */
	int64_t size;        /* bytes; -1 when it may not be read */
	unsigned sessions;
	bool refuses; /* connections */
	bool broken; /* dropping it was begun and not completed: the server lets nobody in, and nothing but that be done
	              */
};
struct kept_list {
	struct kept *items; /* newest first */
	size_t count;
};

/* "<db>__before_20261120_100851", or a second later when that is taken. */
bool kept_name(char out[KEPT_NAME_SIZE], struct pg_session *s, const char *live, int64_t utc_us, struct err *e);
/* The comment of a database that is put aside. comment: the one it has, or NULL. */
char *kept_comment(struct arena *a, const char *live, int64_t utc_us, const char *by, const char *comment);
/* s: any session on the server. */
bool kept_find(struct kept_list *out, struct pg_session *s, const char *live, struct arena *a, struct err *e);

/* For tests: what a comment says of a database put aside. False when it is none of ours. */
bool kept_parse(struct kept *out, const char *live, const char *comment, struct arena *a);

#endif
