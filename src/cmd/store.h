/*
 * src/cmd/store.h - the repository of a command, and the snapshot it means
 */
#ifndef DRTOOL_CMD_STORE_H
#define DRTOOL_CMD_STORE_H

#include "src/cmd/cmd.h"
#include "storage/repository/manifest.h"
#include "storage/repository/repository.h"

/* Where --repo, DRTOOL_REPO or drtool.yml say; ERR_USAGE when nothing does. */
bool store_open(struct repository **out, const struct cmd *c, struct err *e);
/*
 * For taking a snapshot: a missing or empty directory, an empty prefix, becomes a repository. In a dry run nothing is
 * made: an empty repository in memory stands in for the missing one.
 */
bool store_open_or_create(struct repository **out, const struct cmd *c, struct err *e);
/* The name in the repository of a database of drtool.yml; any other word stands for itself. */
const char *store_database_name(const struct cmd *c, const char *word);
/* The reverse: the name in drtool.yml of a database of the repository; NULL when there is none. */
const char *store_database_entry(const struct cmd *c, const char *database);
/* How to reach a bucket, from --s3-* and their like; fills and returns out, which borrows from c. */
const struct s3_options *store_s3(struct s3_options *out, const struct cmd *c);
/* The location as configured; NULL with ERR_USAGE when there is none. */
const char *store_where(const struct cmd *c, struct err *e);

/*
 * The snapshot a person means. When drtool.yml names one database, that one is looked at first; "latest" and "verified"
 * never mean another one's. Says which snapshot it is.
 */
bool store_find(struct manifest **out, struct repository *r, const struct cmd *c, const char *text, struct err *e);

#endif
