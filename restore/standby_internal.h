/*
 * restore/standby_internal.h - what standby*.c share; nobody else includes it
 */
#ifndef DRTOOL_RESTORE_STANDBY_INTERNAL_H
#define DRTOOL_RESTORE_STANDBY_INTERNAL_H

#include "restore/standby.h"

char *standby_comment(struct arena *a, const char *live, const char *snapshot_id, int64_t utc_us);

#endif
