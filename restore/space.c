/* restore/space.c - see space.h */
#include "restore/space.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

bool space_free(uint64_t *bytes, struct pg_session *s, const char *tablespace)
{
	const char *params[1] = { tablespace ? tablespace : "pg_default" }, *host = PQhost(pg_session_conn(s));
	struct err ignored = ERR_INIT;
	struct statvfs fs;
	char *path = NULL;
	bool ok;

	if (!host || *host != '/')
		return false;
	ok = pg_query_value(&path, s,
	        "SELECT COALESCE((SELECT NULLIF(pg_catalog.pg_tablespace_location(oid), '') FROM pg_catalog.pg_tablespace"
	        " WHERE spcname = $1), (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory'))",
	        1, params, &ignored);
	ok = ok && path && *path == '/' && statvfs(path, &fs) == 0;
	if (ok)
		*bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	free(path);
	return ok;
}
