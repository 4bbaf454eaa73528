/*
 * src/snapshot/repeatable.h - what pg_dump and pg_dumpall print, without what differs from run to run
 *
 * The same schema and roles are then the same chunks every time: a second snapshot stores none of them, and heals them
 * when they were damaged.
 */
#ifndef DRTOOL_SNAPSHOT_REPEATABLE_H
#define DRTOOL_SNAPSHOT_REPEATABLE_H

#include "src/base/buf.h"

/* An archive in custom format (versions 1.12 to 1.16): it was made at 2000-01-01 00:00:00. Anything else stays. */
void repeatable_archive(struct buf *archive);
/* A script: the line \restrict before its first statement and the \unrestrict with the same random key go. */
void repeatable_script(struct buf *script);

#endif
