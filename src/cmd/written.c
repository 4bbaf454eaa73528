/* src/cmd/written.c - see written.h */
#include "src/cmd/written.h"

#include <stdlib.h>
#include <string.h>

#include "restore/retrieve.h"
#include "src/cmd/answer.h"
#include "src/cmd/record.h"
#include "src/cmd/text.h"

#define TEXT_MAX_BYTES ((size_t)64 << 10)
#define SHOWN          6

#define DATABASE "oid" /* no table's name: these have a dot */

/* Partitions count for themselves, their roots not at all, nor what restore --table has brought. */
#define COUNTS                                                                                                                  \
	"SELECT '" DATABASE "', oid::bigint FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()"          \
	" UNION ALL SELECT schemaname || '.' || relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_catalog.pg_stat_user_tables" \
	" WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 AND NOT pg_catalog.starts_with("                                          \
	"COALESCE(pg_catalog.obj_description(relid, 'pg_class'), ''), '" RETRIEVE_COMMENT "')"

bool written_read(json_t **out, struct pg_session *s, struct err *e)
{
	PGresult *r = NULL;

	if (!pg_query(&r, s, COUNTS, 0, NULL, e))
		return err_wrap(e, "read the statistics");
	*out = json_object();
	for (int i = 0; i < PQntuples(r); i++) {
		json_t *name = answer_text(PQgetvalue(r, i, 0)); /* bytes that are no UTF-8 are replaced */

		json_object_set_new(
		        *out, json_string_value(name), json_integer(strtoll(PQgetvalue(r, i, 1), NULL, 10)));
		json_decref(name);
	}
	PQclear(r);
	return true;
}

void written_record(struct journal_event *v, const json_t *counts)
{
	char *text = counts ? json_dumps(counts, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	if (text && strlen(text) <= TEXT_MAX_BYTES)
		record_detail(v, "written", "%s", text);
	free(text);
}

static json_t *recorded(const struct journal_event *v)
{
	const char *text = journal_detail(v, "written");
	json_t *counts = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;

	if (counts && json_is_object(counts))
		return counts;
	json_decref(counts);
	return NULL;
}

/* Those of a journal that does not say whose they are are taken for this one's. */
static bool of_another(const json_t *before, const json_t *now)
{
	const json_t *was = json_object_get(before, DATABASE), *is = json_object_get(now, DATABASE);

	return was && is && json_integer_value(was) != json_integer_value(is);
}

struct search {
	const char *detail; /* the name to look for is in this one, or in the snapshot's id when NULL */
	const char *name;
	const json_t *now; /* counts of the database they are to be compared with; NULL: of any */
	int64_t since_us;  /* no event before is it */
	json_t *found;
};

/* An event that cannot be read is not the one. */
static enum fetch_answer look_at(void *cookie, const struct journal_event *v, const struct err *why, struct err *e)
{
	struct search *s = cookie;
	const char *name = !v ? NULL : s->detail ? journal_detail(v, s->detail) : v->snapshot_id;

	(void)why;
	(void)e;
	if (v && v->finished_us < s->since_us)
		return FETCH_ENOUGH;
	if (!name || strcmp(name, s->name) != 0)
		return FETCH_ON;
	s->found = recorded(v);
	if (s->found && (!s->now || !of_another(s->found, s->now)))
		return FETCH_ENOUGH;
	json_decref(s->found);
	s->found = NULL;
	return FETCH_ON;
}

json_t *written_at_snapshot(struct repository *r, const struct manifest *m, const json_t *now)
{
	static const char *const words[] = { "snapshot", "replace", NULL };
	struct search s = { .name = m->id, .now = now, .since_us = m->started_us };
	struct err ignored = ERR_INIT;

	journal_each_newest(r, m->database, words, look_at, &s, &ignored);
	return s.found;
}

json_t *written_at_swap(struct repository *r, const char *database, const char *kept)
{
	static const char *const words[] = { "replace", "undo", NULL };
	struct search s = { .detail = "kept", .name = kept };
	struct err ignored = ERR_INIT;

	journal_each_newest(r, database, words, look_at, &s, &ignored);
	return s.found;
}

static int most_first(const void *a, const void *b)
{
	json_int_t left = json_integer_value(json_object_get(*(json_t *const *)a, "rows"));
	json_int_t right = json_integer_value(json_object_get(*(json_t *const *)b, "rows"));

	return (left < right) - (left > right);
}

static json_t *sorted(json_t *list)
{
	size_t count = json_array_size(list);
	json_t **items = xcalloc(count + 1, sizeof(*items)), *out = json_array();

	for (size_t i = 0; i < count; i++)
		items[i] = json_array_get(list, i);
	qsort(items, count, sizeof(*items), most_first);
	for (size_t i = 0; i < count; i++)
		json_array_append(out, items[i]);
	free(items);
	json_decref(list);
	return out;
}

json_t *written_since(const json_t *before, const json_t *now)
{
	json_t *list, *value;
	const char *table;

	if (!before || !now || of_another(before, now))
		return json_null();
	list = json_array();
	json_object_foreach((json_t *)now, table, value)
	{
		json_int_t more = json_integer_value(value) - json_integer_value(json_object_get(before, table));

		if (strcmp(table, DATABASE) == 0)
			continue;
		if (more < 0) {
			json_decref(list);
			return json_null();
		}
		if (more > 0)
			json_array_append_new(list, json_pack("{s:s, s:I}", "table", table, "rows", more));
	}
	return sorted(list);
}

void written_text(struct buf *out, const json_t *since)
{
	size_t count = json_array_size(since);
	char text[TEXT_SIZE];
	json_int_t total = 0;

	if (!since || !json_is_array(since)) {
		buf_add(out,
		        "unknown: no statistics of that moment and this database are in the journal, or they were reset since");
		return;
	}
	if (count == 0) {
		buf_add(out, "none");
		return;
	}
	for (size_t i = 0; i < count; i++)
		total += json_integer_value(json_object_get(json_array_get(since, i), "rows"));
	buf_addf(out, "%s in %zu table%s:", text_count(text, (uint64_t)total), count, count == 1 ? "" : "s");
	for (size_t i = 0; i < count && i < SHOWN; i++) {
		const json_t *o = json_array_get(since, i);

		buf_add(out, i ? ", " : " ");
		text_printable(out, json_string_value(json_object_get(o, "table")));
		buf_addf(out, " %s", text_count(text, (uint64_t)json_integer_value(json_object_get(o, "rows"))));
	}
	if (count > SHOWN)
		buf_add(out, ", ...");
}
