/*
 * restore/post.h - indexes, keys, statistics objects and ANALYZE: one statement on one connection each
 */
#ifndef DRTOOL_RESTORE_POST_H
#define DRTOOL_RESTORE_POST_H

#include "restore/graph.h"
#include "src/pg/session.h"

/* One connection's state, so that settings are sent only when they change. */
struct post {
	struct pg_session *session;
	bool no_owner, no_tablespaces;
	unsigned parallel;      /* max_parallel_maintenance_workers now; UINT32_MAX unknown */
	const char *tablespace; /* default_tablespace now; NULL unknown */
	/*
	 * "event_triggers = off", say: what keeps event triggers of the extensions, which are there from the start,
	 * from watching what is built. pg_dump's own come last for the same reason. NULL: there are none, or no right
	 * to it.
	 */
	const char *silence;
	bool silent;          /* it is set now */
	bool merging;         /* the planner is told to join by indexes */
	const char *encoding; /* of the archive's text; NULL: nothing to do, it is UTF-8 or nobody knows */
	const char *now;      /* client_encoding now; used when encoding is not NULL */
};

/* Before anything but the calls below: names and messages in UTF-8 again, and triggers that fire. */
bool post_speak_utf8(struct post *p, struct err *e);

/* parallel: how many workers of the server may help. A deadlock with something else is tried again. */
bool post_build(struct post *p, const struct graph_task *t, unsigned parallel, struct err *e);
/* count of the names of t from first on. */
bool post_analyze(struct post *p, const struct graph_task *t, size_t first, size_t count, struct err *e);
/* Does the failed call say that rows break the rule (SQLSTATE class 23)? */
bool post_violates(const struct pg_session *s);

/* The encoding of the archive's text; NULL when UTF-8 will do. */
const char *post_encoding(const struct contents *c);
/* From now on the session takes strings as the archive writes them. */
bool post_read_strings(struct pg_session *s, const struct toc *toc, struct err *e);

#endif
