/* restore/standby.c - see standby.h */
#include "restore/standby.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "restore/live.h"
#include "restore/mark.h"
#include "restore/standby_internal.h"
#include "src/base/clock.h"
#include "src/base/utf8.h"

#define NAME_MAX_BYTES 63
#define SUFFIX         "__standby"
#define NAMES_TRIED    9
#define FIRST          "drtool: standby copy of "
#define SECOND         ", snapshot "
#define THIRD          ", since "
#define LAST           "; drtool restore --replace uses it"

/* --- what it is called --- */

static void make_name(char out[STANDBY_NAME_SIZE], const char *live, unsigned number)
{
	char digit[2] = { number > 1 ? (char)('0' + number) : '\0', '\0' };
	size_t room = NAME_MAX_BYTES - strlen(SUFFIX) - strlen(digit);

	snprintf(out, STANDBY_NAME_SIZE, "%.*s" SUFFIX "%s", (int)utf8_fit(live, strlen(live), room), live, digit);
}

bool standby_name(
        char out[STANDBY_NAME_SIZE], struct pg_session *s, const char *live, const struct standby *old, struct err *e)
{
	if (old->name) {
		snprintf(out, STANDBY_NAME_SIZE, "%s", old->name);
		return true;
	}
	for (unsigned i = 1; i <= NAMES_TRIED; i++) {
		bool taken;

		make_name(out, live, i);
		if (!pg_catalog_database_exists(&taken, s, out, e))
			return false;
		if (!taken)
			return true;
	}
	err_set(e, ERR_REFUSED, "every name like \"%s\" is taken by databases that are not drtool's", out);
	return err_hint(e, "rename one of them");
}

bool standby_lock(struct pg_session *s, const char *live, struct err *e)
{
	char name[STANDBY_NAME_SIZE];

	make_name(name, live, 1);
	return live_lock(s, name, e);
}

/* --- its comment --- */

char *standby_comment(struct arena *a, const char *live, const char *snapshot_id, int64_t utc_us)
{
	char time[CLOCK_TEXT_SIZE];

	clock_rfc3339(time, utc_us);
	return arena_printf(a, FIRST "%s" SECOND "%s" THIRD "%s" LAST, mark_name(a, live), snapshot_id, time);
}

bool standby_parse(struct standby *out, const char *live, const char *comment, struct arena *a)
{
	const char *p = comment, *name, *id, *time;

	if (strncmp(p, FIRST, strlen(FIRST)) != 0)
		return false;
	p += strlen(FIRST);
	if (!(name = mark_up_to(&p, SECOND, a)) || !(id = mark_up_to(&p, THIRD, a)) ||
	        !(time = mark_up_to(&p, LAST, a)))
		return false;
	if (strcmp(name, mark_name(a, live)) != 0 || !manifest_id_valid(id) || clock_parse_rfc3339(time) < 0)
		return false;
	out->snapshot_id = id;
	out->since_us = clock_parse_rfc3339(time);
	return true;
}

/* --- finding it --- */

static bool read_row(struct standby *out, const PGresult *r, int row, const struct pg_database *live, struct arena *a)
{
	struct standby found = { .name = arena_strdup(a, PQgetvalue(r, row, 0)) };

	if (!standby_parse(&found, live->name, PQgetvalue(r, row, 1), a))
		return false;
	found.size = strtoll(PQgetvalue(r, row, 2), NULL, 10);
	found.sessions = (unsigned)strtoul(PQgetvalue(r, row, 3), NULL, 10);
	found.refuses = PQgetvalue(r, row, 4)[0] == 'f';
	found.broken = PQgetvalue(r, row, 9)[0] == 't';
	found.marks = (struct proof_standby){ .name = found.name,
		.system_identifier = live->system_identifier,
		.oid = (uint32_t)strtoul(PQgetvalue(r, row, 5), NULL, 10),
		.xmin = (uint32_t)strtoul(PQgetvalue(r, row, 6), NULL, 10),
		.sessions = strtoll(PQgetvalue(r, row, 7), NULL, 10),
		.stats_reset_us = strtoll(PQgetvalue(r, row, 8), NULL, 10) };
	*out = found;
	return true;
}

/* The time of a reset as a number: its text would follow the session's settings. */
bool standby_find(
        struct standby *out, struct pg_session *s, const struct pg_database *live, struct arena *a, struct err *e)
{
	const char *sql = arena_printf(a,
	        "SELECT d.datname, pg_catalog.shobj_description(d.oid, 'pg_database'),"
	        " CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT') OR pg_catalog.pg_has_role("
	        "'pg_read_all_stats', 'USAGE') THEN pg_catalog.pg_database_size(d.oid) ELSE -1 END,"
	        " (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity p WHERE p.datid = d.oid"
	        " AND p.usesysid IS NOT NULL), d.datallowconn, d.oid, d.xmin, COALESCE(t.%s, 0),"
	        " COALESCE((EXTRACT(EPOCH FROM t.stats_reset) * 1000000)::bigint, 0), d.datconnlimit = -2"
	        " FROM pg_catalog.pg_database d LEFT JOIN pg_catalog.pg_stat_database t ON t.datid = d.oid"
	        " WHERE pg_catalog.starts_with(pg_catalog.shobj_description(d.oid, 'pg_database'), '" FIRST "')",
	        pg_session_version(s) >= 140000 ? "sessions" : "xact_commit");
	PGresult *r = NULL;

	*out = (struct standby){ 0 };
	if (!pg_query(&r, s, sql, 0, NULL, e))
		return err_wrap(e, "look for a standby copy");
	for (int i = 0; i < PQntuples(r); i++) {
		struct standby found;

		if (read_row(&found, r, i, live, a) && (!out->name || found.since_us > out->since_us))
			*out = found;
	}
	PQclear(r);
	return true;
}

const char *standby_doubt(const struct standby *now, const struct proof *proof)
{
	const struct proof_standby *is = &now->marks, *was = proof ? proof->standby : NULL;

	if (now->broken) /* in place: its row is the same version */
		return "dropping it was begun and not completed";
	if (!was || was->oid != is->oid || strcmp(was->system_identifier, is->system_identifier) != 0)
		return "no proof of it is recorded";
	if (!now->refuses)
		return "connections to it are allowed";
	if (now->sessions)
		return "somebody is connected to it";
	if (is->xmin != was->xmin)
		return "it was altered, and connections may have been allowed for a while";
	if (is->stats_reset_us != was->stats_reset_us || is->sessions < was->sessions)
		return "the server's statistics about it are gone: it crashed, or they were reset";
	if (is->sessions > was->sessions)
		return "somebody has been connected to it";
	return NULL;
}

/* --- changing it --- */

bool standby_allow(struct pg_session *s, const char *name, bool allow, struct err *e)
{
	struct arena a = ARENA_INIT;
	bool ok = pg_execf(s, e, "ALTER DATABASE %s ALLOW_CONNECTIONS %s", pg_quote_ident(&a, name),
	                  allow ? "true" : "false") ||
	          err_wrap(e, "%s connections to the standby copy", allow ? "allow" : "refuse");

	arena_release(&a);
	return ok;
}
