/*
 * src/cmd/record.h - what this command did, for the journal
 */
#ifndef DRTOOL_CMD_RECORD_H
#define DRTOOL_CMD_RECORD_H

#include "src/cmd/cmd.h"
#include "src/pg/session.h"
#include "storage/repository/journal.h"
#include "storage/repository/manifest.h"

/* Begin an event: its time starts now. name is the command's word, database its name in the repository. */
struct journal_event record_start(const char *name, const char *database);
/* "db1:5432" of a session's or connection string's server, in v's arena. */
void record_server(struct journal_event *v, const struct conninfo *conn);
void record_detail(struct journal_event *v, const char *name, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
/*
 * End it, write it, release it. why: the command's error, NULL when it did what it should. Nothing is written for a dry
 * run or when it was refused: then nothing was changed. A journal that cannot be written is a warning, for what was
 * done is done.
 */
void record_finish(
        struct journal_event *v, const struct cmd *c, struct repository *r, bool differs, const struct err *why);

#endif
