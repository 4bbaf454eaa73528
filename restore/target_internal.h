/*
 * restore/target_internal.h - what target*.c share; nobody else includes it
 */
#ifndef DRTOOL_RESTORE_TARGET_INTERNAL_H
#define DRTOOL_RESTORE_TARGET_INTERNAL_H

#include "restore/target.h"

/* target_create.c */
bool target_create(struct target *t, const struct pg_database *d, bool no_owner, bool no_tablespace,
        const struct cancel *cancel, struct err *e);
/* Limits and the final name; without the latter when rename is false. */
bool target_name(struct target *t, const struct pg_database *d, bool rename, struct err *e);
/* On a connection of its own, so that it works after a cancel. */
bool target_drop_working(struct target *t);

/* target_settings.c */
bool target_apply_settings(
        struct target *t, const struct pg_database *d, bool no_owner, bool rename, struct findings *f, struct err *e);

#endif
