/*
 * src/cmd/doctor.h - the checks of drtool doctor
 */
#ifndef DRTOOL_CMD_DOCTOR_H
#define DRTOOL_CMD_DOCTOR_H

#include "src/base/arena.h"
#include "src/cmd/cmd.h"
#include "src/cmd/target.h"
#include "src/pg/catalog.h"

enum doctor_status { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL, DOCTOR_UNKNOWN };

struct doctor_check {
	enum doctor_status status;
	const char *name, *text, *hint; /* hint "" when there is nothing to do */
};

struct doctor {
	const struct cmd *cmd;
	struct target target;
	struct pg_session *session;  /* NULL when the server does not answer */
	struct pg_database database; /* all zero when unknown */
	unsigned jobs;               /* as a snapshot would use */
	struct doctor_check *checks; /* in the arena */
	size_t count, cap;
	struct arena arena;
};

void doctor_add(struct doctor *d, enum doctor_status status, const char *name, const char *hint, const char *fmt, ...)
        __attribute__((format(printf, 5, 6)));
void doctor_add_err(struct doctor *d, enum doctor_status status, const char *name, const struct err *e);

void doctor_replace(
        struct doctor *d);            /* could this database be swapped, and is there room beside it? session is open */
void doctor_server(struct doctor *d); /* what the server allows; session is open */
struct storage;
void doctor_bucket(struct doctor *d, struct storage *s); /* s is one of storage_open_s3() */
struct manifest;
void doctor_scratch(struct doctor *d, const struct manifest *newest); /* newest may be NULL */
void doctor_local(struct doctor *d); /* programs, repository, scratch, disk; session may be NULL */

/* Replace this process by the same command in the environment cron gives. Returns only when that fails. */
bool doctor_as_cron(const struct cmd *c, struct err *e);

#endif
