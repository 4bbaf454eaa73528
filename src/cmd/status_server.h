/*
 * src/cmd/status_server.h - what only the server knows of a database: asked in one session, and never waited for long
 */
#ifndef DRTOOL_CMD_STATUS_SERVER_H
#define DRTOOL_CMD_STATUS_SERVER_H

#include "restore/kept.h"
#include "src/cmd/cmd.h"
#include "src/monitor/status.h"

struct status_server {
	struct status_live live; /* server is there also when nobody answers; size is 0 then */
	bool kept_known, standby_known;
	struct kept_list kept;
	char why[256]; /* why it was not asked or did not answer; "" when it did */
	bool silent;   /* it let us wait, and did not answer */
	struct arena arena;
};

/*
 * Fill all[i]; those before it are filled already, and a server that was silent once is not asked again. text: what
 * leads to the database, a name from drtool.yml or a connection string; NULL: what a command without DB would mean.
 * database: its name in the repository, which that must have.
 */
void status_server_ask(
        struct status_server *all, size_t i, const struct cmd *c, const char *text, const char *database);
void status_server_release(struct status_server *s);

#endif
