/*
 * src/config/config.h - drtool.yml
 *
 * Described for users in docs/configuration.md. Values are kept as written: ${VAR} is expanded only when a value is
 * used, so that a variable missing for one database does not stop work on another.
 */
#ifndef DRTOOL_CONFIG_CONFIG_H
#define DRTOOL_CONFIG_CONFIG_H

#include "src/base/buf.h"

#define CONFIG_VERSION  1
#define CONFIG_FILE_MAX ((size_t)1 << 20)

struct config_database {
	char *name;          /* never NULL */
	char *url;           /* as written; NULL when it is put together from PG* variables */
	char *password_file; /* NULL when not given; see config_path() */
	char *protect;       /* "protected": text of a boolean; NULL means false */
	char *as;            /* name in the repository; NULL means name */
	char **exclude_table_data;
	unsigned exclude_count;
};

struct config; /* opaque */

/*
 * Load a file, or the text of one (name is for messages and for relative paths). ERR_USAGE with file and line for what
 * is not YAML, unknown or repeated keys (nearest known one as hint), values of the wrong shape, two databases of one
 * name.
 */
bool config_load(struct config **out, const char *path, struct err *e);
bool config_parse(struct config **out, struct view text, const char *name, struct err *e);
struct config *config_new_empty(void); /* for when there is no file */
void config_free(struct config *c);    /* NULL is fine */

const char *config_file(const struct config *c); /* path; NULL when there is no file */
size_t config_database_count(const struct config *c);
const struct config_database *config_database(const struct config *c, size_t i);
const struct config_database *config_database_find(
        const struct config *c, const char *name); /* NULL when there is none */
/* The raw text at a path such as "scratch.dir"; NULL when not set. */
const char *config_text(const struct config *c, const char *path);
/* "drtool.yml:12" for messages about the value at a path ("databases.shop.url"); the file alone where the path is not
 * in it. */
void config_where(char out[256], const struct config *c, const char *path);

/* Replace each ${VAR} by the environment's value; "$$" gives "$". An unset variable is ERR_USAGE naming it; where is
 * for the message. */
bool config_expand(struct buf *out, const char *text, const char *where, struct err *e);
/* A path written in the file, which starts from the file's directory when relative; malloc'ed. */
char *config_path(const struct config *c, const char *path);

/*
 * The file to load: DRTOOL_CONFIG, ./drtool.yml, the directories above up to the root of the git repository,
 * $XDG_CONFIG_HOME or ~/.config /drtool/drtool.yml, /etc/drtool/drtool.yml. malloc'ed; NULL when there is none.
 * (--config comes before all this and is the caller's.)
 */
char *config_find(void);

#endif
