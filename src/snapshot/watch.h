/*
 * src/snapshot/watch.h - never be the outage: look every second who waits for whom
 *
 * PostgreSQL sees no deadlock between our idle coordinator, a queued ALTER and our reader behind it; this does. A
 * session of ours that waits for a lock, or anybody else who waits for us longer than allowed, ends the attempt.
 */
#ifndef DRTOOL_SNAPSHOT_WATCH_H
#define DRTOOL_SNAPSHOT_WATCH_H

#include "src/snapshot/attempt.h"

struct watch; /* opaque: a session and a thread */

/*
 * From before the first lock until the last is gone. stop is tripped when the attempt has to be given up; then every
 * other session that carries the attempt's name has been ended on the server, so that nobody waits until we have
 * tidied up. The reason comes out of watch_stop().
 */
bool watch_start(struct watch **out, const struct attempt_context *c, struct cancel *stop, struct err *e);
/* End it. False (ERR_CONFLICT naming the session, its query and its age) when it was what tripped stop. NULL is fine.
 */
bool watch_stop(struct watch *w, struct err *e);

/*
 * Who holds or awaits a conflicting lock on a relation of the attempt? True: *e is now an ERR_CONFLICT that names it,
 * `pid 4711 (psql) for 12 s: ALTER TABLE ...`. False: nobody is found, *e is as before.
 */
bool watch_blame(struct err *e, const struct attempt *a, const struct attempt_context *c);

#endif
