/*
 * restore/preflight.h - can this server take this snapshot? Asked before anything changes
 */
#ifndef DRTOOL_RESTORE_PREFLIGHT_H
#define DRTOOL_RESTORE_PREFLIGHT_H

#include "restore/restore.h"
#include "src/pg/session.h"

/* ERR_REFUSED when the server's major version is older than the snapshot's. */
bool preflight_version(struct pg_session *maintenance, const struct manifest *m, struct err *e);

struct preflight {
	bool no_tablespaces;               /* some are missing: everything goes to the default one */
	struct pg_text_list missing_roles; /* to be created, when that was asked for */
	struct arena arena;
};

/*
 * maintenance is any session on the server. tablespaces: those the schema archive names. creates: the database is to be
 * made. ERR_REFUSED names the obstacle: missing extensions (with the package that has them where that can be guessed),
 * missing roles, no right to create a database. What is only a pity goes to obs as a note.
 */
bool preflight_check(struct preflight *out, struct pg_session *maintenance, const struct contents *c,
        const struct pg_text_list *tablespaces, const struct restore_options *o, bool creates, struct observer *obs,
        struct err *e);
void preflight_release(struct preflight *p);
/* CREATE ROLE ... NOLOGIN for the missing ones. */
bool preflight_create_roles(const struct preflight *p, struct pg_session *maintenance, struct err *e);

/* The Debian package that has this extension for this server version; malloc'ed. contrib modules come with the server
 * itself. */
char *preflight_package(const char *extension, int server_version);

#endif
