/*
 * restore/standby_internal.h - what standby*.c share; nobody else includes it
 */
#ifndef DRTOOL_RESTORE_STANDBY_INTERNAL_H
#define DRTOOL_RESTORE_STANDBY_INTERNAL_H

#include "restore/standby.h"

/* The name for a new one: the old one's, else one that is free. */
bool standby_name(
        char out[STANDBY_NAME_SIZE], struct pg_session *s, const char *live, const struct standby *old, struct err *e);
char *standby_comment(struct arena *a, const char *live, const char *snapshot_id, int64_t utc_us);

#endif
