#include "storage/repository/journal.h"

#include <assert.h>
#include <jansson.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/path.h"
#include "storage/repository/document.h"
#include "storage/repository/fetch.h"
#include "storage/repository/json.h"
#include "storage/repository/names.h"
#include "storage/repository/new_object.h"

#define TIME_LEN (sizeof("20260501-120000-000000-") - 1) /* in front of the word in an object's name */

static const char *const outcomes[] = { "done", "failed", "refused", "differs", NULL };

static const struct json_member members[] = {
	JSON_MEMBER(journal_event, TEXT, event),
	JSON_MEMBER(journal_event, TEXT, database),
	{ "outcome", JSON_KIND_ENUM, offsetof(struct journal_event, outcome), 0, outcomes },
	JSON_MEMBER(journal_event, I64, started_us),
	JSON_MEMBER(journal_event, I64, finished_us),
	JSON_MEMBER(journal_event, TEXT, host),
	JSON_MEMBER(journal_event, TEXT, user),
	JSON_MEMBER(journal_event, OPTIONAL, server),
	JSON_MEMBER(journal_event, OPTIONAL, dbname),
	JSON_MEMBER(journal_event, OPTIONAL, snapshot_id),
	JSON_MEMBER(journal_event, U64, rows),
	JSON_MEMBER(journal_event, U64, plain_bytes),
	JSON_MEMBER(journal_event, I64, predicted_us),
	JSON_MEMBER(journal_event, OPTIONAL, message),
};

static const struct json_member detail_members[] = {
	JSON_MEMBER(journal_detail, TEXT, name),
	JSON_MEMBER(journal_detail, TEXT, value),
};

static const struct json_array details_array = { "details", detail_members, JSON_COUNT(detail_members),
	sizeof(struct journal_detail), 1000 };

void journal_write(struct buf *out, const struct journal_event *v)
{
	struct buf text = BUF_INIT_MAX(DOCUMENT_MAX);

	json_write_members(&text, members, JSON_COUNT(members), v, ",\n");
	json_write_array(&text, &proof_phases_array, v->phases, v->phase_count);
	json_write_array(&text, &details_array, v->details, v->detail_count);
	document_write(out, buf_view(&text));
	buf_release(&text);
}

bool journal_parse(struct journal_event **out, struct view text, struct err *e)
{
	struct journal_event *v;
	void *phases = NULL, *details = NULL;
	json_t *object = NULL;

	if (!document_parse(&object, text, "journal event", e))
		return false;
	v = xcalloc(1, sizeof(*v));
	bool ok = json_read_array(&phases, &v->phase_count, &proof_phases_array, object, &v->arena, e) &&
	          json_read_array(&details, &v->detail_count, &details_array, object, &v->arena, e) &&
	          json_read_members(v, members, JSON_COUNT(members), object, &v->arena, e);
	v->phases = phases;
	v->details = details;
	json_decref(object);
	if (!ok) {
		journal_event_free(v);
		return err_wrap(e, "journal event");
	}
	*out = v;
	return true;
}

void journal_event_free(struct journal_event *v)
{
	if (!v)
		return;
	arena_release(&v->arena);
	free(v);
}

const char *journal_detail(const struct journal_event *v, const char *name)
{
	for (size_t i = 0; i < v->detail_count; i++)
		if (strcmp(v->details[i].name, name) == 0)
			return v->details[i].value;
	return NULL;
}

/* "<database>/<time>-<event>": sorts by time within a database. */
bool journal_record(struct repository *r, const struct journal_event *v, struct err *e)
{
	const struct passwd *user = getpwuid(geteuid());
	struct journal_event whole = *v;
	struct buf text = BUF_INIT_MAX(DOCUMENT_MAX), before = BUF_INIT, after = BUF_INIT;
	char host[256] = "";

	assert(strspn(v->event, "abcdefghijklmnopqrstuvwxyz-") == strlen(v->event));
	gethostname(host, sizeof(host) - 1);
	whole.host = host;
	whole.user = user ? user->pw_name : "";
	journal_write(&text, &whole);
	path_encode(&before, v->database);
	buf_add(&before, "/");
	buf_addf(&after, "-%s", v->event);
	bool ok = new_object_put_at(
	        r->storage, OBJECT_JOURNAL, buf_str(&before), v->finished_us, buf_str(&after), buf_view(&text), e);
	buf_release(&text);
	buf_release(&before);
	buf_release(&after);
	return ok || err_wrap(e, "write the journal of \"%s\"", v->database);
}

/* Loading */

static void note_damage(struct journal *j, const struct err *why)
{
	if (!j->damaged++)
		j->example = *why;
}

/* False: why says what is wrong with it. */
static bool parse_fetched(struct journal_event **out, const struct fetched *f, struct err *why)
{
	if (f->why)
		*why = *f->why;
	else if (journal_parse(out, f->body, why))
		return true;
	return err_wrap(why, "journal/%s", f->name);
}

static enum fetch_answer load_one(void *cookie, const struct fetched *f, struct err *e)
{
	struct journal *j = cookie;
	struct journal_event *v = NULL;
	struct err why = ERR_INIT;

	if (parse_fetched(&v, f, &why)) {
		j->events[j->count++] = v;
	} else if (f->why && f->why->kind != ERR_NOT_FOUND) {
		*e = *f->why;
		return FETCH_FAILED;
	} else {
		note_damage(j, &why);
	}
	return FETCH_ON;
}

static const char *time_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

static int by_time(const void *a, const void *b)
{
	return strcmp(time_of(*(const char *const *)a), time_of(*(const char *const *)b));
}

static bool list_by_time(struct names *out, struct repository *r, const char *database, struct err *e)
{
	bool ok = names_list_of(out, r->storage, OBJECT_JOURNAL, database, e);

	if (out->count)
		qsort(out->items, out->count, sizeof(*out->items), by_time);
	return ok;
}

/* names: all that are wanted, in order. */
static bool load_names(struct journal *out, struct repository *r, const char **names, size_t count, struct err *e)
{
	out->events = xcalloc(count + 1, sizeof(struct journal_event *));
	return count == 0 || fetch_each(r->storage, OBJECT_JOURNAL, names, count, DOCUMENT_MAX, load_one, out, e);
}

bool journal_load(struct journal *out, struct repository *r, const char *database, size_t max, struct err *e)
{
	struct names names = NAMES_INIT;

	*out = (struct journal){ 0 };
	bool ok = list_by_time(&names, r, database, e);
	size_t first = names.count > max ? names.count - max : 0;
	ok = ok && load_names(out, r, names.items + first, names.count - first, e);
	names_release(&names);
	return ok || err_wrap(e, "read the journal");
}

static const char *word_of(const char *name)
{
	const char *time = time_of(name);

	return strlen(time) > TIME_LEN ? time + TIME_LEN : "";
}

/* Keeps the order; how many are left. */
static size_t keep_newest_of_each(const char **names, size_t count, size_t max)
{
	size_t first = count;

	for (size_t i = count; i-- > 0;) {
		size_t same = 0;

		for (size_t k = first; k < count && same < max; k++)
			same += strcmp(word_of(names[k]), word_of(names[i])) == 0;
		if (same < max)
			names[--first] = names[i];
	}
	if (first)
		memmove(names, names + first, (count - first) * sizeof(*names));
	return count - first;
}

bool journal_load_each(struct journal *out, struct repository *r, const char *database, size_t max, struct err *e)
{
	struct names names = NAMES_INIT;

	*out = (struct journal){ 0 };
	bool ok = list_by_time(&names, r, database, e);
	size_t count = keep_newest_of_each(names.items, names.count, max);
	ok = ok && load_names(out, r, names.items, count, e);
	names_release(&names);
	return ok || err_wrap(e, "read the journal");
}

void journal_release(struct journal *j)
{
	for (size_t i = 0; i < j->count; i++)
		journal_event_free(j->events[i]);
	free(j->events);
	*j = (struct journal){ 0 };
}

struct telling {
	journal_fn *each;
	void *cookie;
};

static enum fetch_answer tell(void *cookie, const struct fetched *f, struct err *e)
{
	struct telling *t = cookie;
	struct journal_event *v = NULL;
	struct err why = ERR_INIT;
	bool ok = parse_fetched(&v, f, &why);
	enum fetch_answer answer = t->each(t->cookie, v, ok ? NULL : &why, e);

	journal_event_free(v);
	return answer;
}

static bool has_word(const char *name, const char *const *words)
{
	while (*words && strcmp(*words, word_of(name)) != 0)
		words++;
	return *words != NULL;
}

bool journal_each_newest(struct repository *r, const char *database, const char *const *words, journal_fn *each,
        void *cookie, struct err *e)
{
	struct names names = NAMES_INIT;
	struct telling t = { each, cookie };
	bool ok = list_by_time(&names, r, database, e);
	const char **wanted = xcalloc(names.count + 1, sizeof(*wanted));
	size_t count = 0;

	for (size_t i = names.count; i-- > 0;)
		if (has_word(names.items[i], words))
			wanted[count++] = names.items[i];
	ok = ok && fetch_each(r->storage, OBJECT_JOURNAL, wanted, count, DOCUMENT_MAX, tell, &t, e);
	free(wanted);
	names_release(&names);
	return ok || err_wrap(e, "read the journal");
}
