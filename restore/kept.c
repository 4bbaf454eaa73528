/* restore/kept.c - see kept.h */
#include "restore/kept.h"

#include <stdlib.h>
#include <string.h>

#include "restore/mark.h"
#include "src/base/clock.h"
#include "src/base/utf8.h"
#include "src/pg/catalog.h"

#define NAME_MAX_BYTES 63
#define INFIX          "__before_"
#define SECOND_US      1000000
#define TRIES          60
#define FIRST          "drtool: kept "
#define SECOND         ", replaced "
#define THIRD          " by "
#define LAST           "; drtool undo swaps back"

/* --- names --- */

static void make_name(char out[KEPT_NAME_SIZE], const char *live, int64_t utc_us)
{
	char time[CLOCK_TEXT_SIZE];

	clock_compact(time, utc_us);
	time[strcspn(time, "-")] = '_'; /* a name that psql takes without quotes */
	snprintf(out, KEPT_NAME_SIZE, "%.*s" INFIX "%s",
	        (int)utf8_fit(live, strlen(live), NAME_MAX_BYTES - strlen(INFIX) - strlen(time)), live, time);
}

bool kept_name(char out[KEPT_NAME_SIZE], struct pg_session *s, const char *live, int64_t utc_us, struct err *e)
{
	for (unsigned i = 0; i < TRIES; i++) {
		bool taken;

		make_name(out, live, utc_us + (int64_t)i * SECOND_US);
		if (!pg_catalog_database_exists(&taken, s, out, e))
			return false;
		if (!taken)
			return true;
	}
	return err_set(e, ERR_FAILED, "every name like \"%s\" is taken", out);
}

/* --- comments --- */

char *kept_comment(struct arena *a, const char *live, int64_t utc_us, const char *by, const char *comment)
{
	char time[CLOCK_TEXT_SIZE];

	clock_rfc3339(time, utc_us);
	return arena_printf(a, FIRST "%s" SECOND "%s" THIRD "%s" LAST "%s%s", mark_name(a, live), time, by,
	        comment ? "\n" : "", comment ? comment : "");
}

bool kept_parse(struct kept *out, const char *live, const char *comment, struct arena *a)
{
	const char *p = comment, *name, *time, *by;

	if (strncmp(p, FIRST, strlen(FIRST)) != 0)
		return false;
	p += strlen(FIRST);
	if (!(name = mark_up_to(&p, SECOND, a)) || !(time = mark_up_to(&p, THIRD, a)) ||
	        !(by = mark_up_to(&p, LAST, a)))
		return false;
	if (strcmp(name, mark_name(a, live)) != 0 || clock_parse_rfc3339(time) < 0 || (*p && *p != '\n'))
		return false;
	out->until_us = clock_parse_rfc3339(time);
	out->by = by;
	out->comment = *p ? p + 1 : NULL;
	return true;
}

/* "20261120_100851" */
static int64_t time_of(const char *text)
{
	char rfc[CLOCK_TEXT_SIZE];

	if (strlen(text) != 15 || text[8] != '_' || strspn(text, "0123456789") != 8 ||
	        strspn(text + 9, "0123456789") != 6)
		return -1;
	snprintf(rfc, sizeof(rfc), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s.000Z", text, text + 4, text + 6, text + 9, text + 11,
	        text + 13);
	return clock_parse_rfc3339(rfc);
}

static bool by_name(struct kept *out, const char *live, const char *name)
{
	size_t len = strlen(live);

	if (strncmp(name, live, len) != 0 || strncmp(name + len, INFIX, strlen(INFIX)) != 0)
		return false;
	out->until_us = time_of(name + len + strlen(INFIX));
	out->by = "";
	return out->until_us >= 0;
}

/* --- finding them --- */

static int newest_first(const void *a, const void *b)
{
	const struct kept *left = a, *right = b;

	return left->until_us == right->until_us
	               ? strcmp(right->name, left->name)
	               : (left->until_us < right->until_us) - (left->until_us > right->until_us);
}

bool kept_find(struct kept_list *out, struct pg_session *s, const char *live, struct arena *a, struct err *e)
{
	PGresult *r = NULL;

	*out = (struct kept_list){ 0 };
	if (!pg_query(&r, s,
	            "SELECT datname, oid, pg_catalog.shobj_description(oid, 'pg_database'),"
	            " CASE WHEN pg_catalog.has_database_privilege(oid, 'CONNECT') OR pg_catalog.pg_has_role("
	            "'pg_read_all_stats', 'USAGE') THEN pg_catalog.pg_database_size(oid) ELSE -1 END,"
	            " (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid"
	            " AND a.usesysid IS NOT NULL), datallowconn, datconnlimit = -2"
	            " FROM pg_catalog.pg_database d WHERE datname <> $1 AND (pg_catalog.strpos(datname, '" INFIX
	            "') > 0"
	            " OR pg_catalog.starts_with(pg_catalog.shobj_description(oid, 'pg_database'), '" FIRST "'))",
	            1, &live, e))
		return err_wrap(e, "list the kept databases");
	out->items = arena_alloc(a, ((size_t)PQntuples(r) + 1) * sizeof(*out->items));
	for (int i = 0; i < PQntuples(r); i++) {
		struct kept *k = &out->items[out->count];
		const char *comment = PQgetisnull(r, i, 2) ? NULL : arena_strdup(a, PQgetvalue(r, i, 2));
		bool marked = comment && strncmp(comment, FIRST, strlen(FIRST)) == 0;

		*k = (struct kept){ .name = arena_strdup(a, PQgetvalue(r, i, 0)), .comment = comment };
		if (marked ? !kept_parse(k, live, comment, a) : !by_name(k, live, k->name))
			continue;
		k->oid = (uint32_t)strtoul(PQgetvalue(r, i, 1), NULL, 10);
		k->size = strtoll(PQgetvalue(r, i, 3), NULL, 10);
		k->sessions = (unsigned)strtoul(PQgetvalue(r, i, 4), NULL, 10);
		k->refuses = PQgetvalue(r, i, 5)[0] == 'f';
		k->broken = PQgetvalue(r, i, 6)[0] == 't';
		out->count++;
	}
	PQclear(r);
	qsort(out->items, out->count, sizeof(*out->items), newest_first);
	return true;
}
