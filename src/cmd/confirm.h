/*
 * src/cmd/confirm.h - --confirm: what must be typed before a live database changes, and the line to type
 */
#ifndef DRTOOL_CMD_CONFIRM_H
#define DRTOOL_CMD_CONFIRM_H

#include "src/cmd/cmd.h"

#define CONFIRM_SIZE 320

/* protected: in drtool.yml. entry may be NULL. */
bool confirm_is_protected(const struct config_database *entry);
/* The database's own name; host/name when it is protected. host as libpq knows it, may be NULL. */
void confirm_word(char out[CONFIRM_SIZE], const struct config_database *entry, const char *host, const char *name);
/*
 * Does --confirm say this word? ERR_REFUSED when it is missing, ERR_USAGE when it says something else. Shows the whole
 * line to type.
 */
bool confirm_given(const struct cmd *c, const char *word, const char *name, struct err *e);

/* For lines that a person may paste into a shell: a word, quoted where it must be; "--confirm NAME". Appended. */
void confirm_add_word(struct buf *out, const char *word);
void confirm_add_option(struct buf *out, const char *word);
/* Should it rather not be printed? */
bool confirm_may_be_secret(const char *word);

#endif
