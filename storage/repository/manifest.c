#include "storage/repository/manifest.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "src/base/clock.h"
#include "src/base/path.h"
#include "storage/repository/document.h"
#include "storage/repository/json.h"
#include "storage/repository/names.h"
#include "storage/repository/new_object.h"

static const struct json_member members[] = {
	{ "id", JSON_KIND_CHARS, offsetof(struct manifest, id), SNAPSHOT_ID_SIZE, NULL },
	JSON_MEMBER(manifest, TEXT, database),
	JSON_MEMBER(manifest, TEXT, dbname),
	JSON_MEMBER(manifest, TEXT, system_identifier),
	JSON_MEMBER(manifest, U32, database_oid),
	JSON_MEMBER(manifest, TEXT, tag),
	JSON_MEMBER(manifest, TEXT, host),
	JSON_MEMBER(manifest, TEXT, server),
	JSON_MEMBER(manifest, I64, started_us),
	JSON_MEMBER(manifest, I64, finished_us),
	JSON_MEMBER(manifest, I64, instant_us),
	JSON_MEMBER(manifest, INT, server_version),
	JSON_MEMBER(manifest, TEXT, server_encoding),
	JSON_MEMBER(manifest, INT, dump_version),
	JSON_MEMBER(manifest, TEXT, drtool_version),
	JSON_MEMBER(manifest, TEXT, timezone),
	JSON_MEMBER(manifest, TEXT, lc_monetary),
	JSON_MEMBER(manifest, U64, tables),
	JSON_MEMBER(manifest, U64, rows),
	JSON_MEMBER(manifest, U64, plain_bytes),
	JSON_MEMBER(manifest, U64, stored_new_bytes),
	JSON_MEMBER(manifest, U64, database_size),
	JSON_MEMBER(manifest, BOOL, on_standby),
	JSON_MEMBER(manifest, TEXT, wal_lsn),
	JSON_MEMBER(manifest, TEXT, safe_wal_lsn),
	JSON_MEMBER(manifest, TEXT, snapshot_xmin),
	JSON_MEMBER(manifest, U32, timeline),
	JSON_MEMBER(manifest, PIECES, contents),
	JSON_MEMBER(manifest, PIECES, schema),
	JSON_MEMBER(manifest, PIECES, globals),
	JSON_MEMBER(manifest, BOOL, globals_passwords),
};

/* "20260501-120000-k3f9xq": d a digit, x a digit or lower-case letter. */
static const char id_shape[] = "dddddddd-dddddd-xxxxxx";
#define ID_LEN       (sizeof(id_shape) - 1)
#define ID_RANDOM_AT 16

/* How many characters of text fit the shape of an id from its start. */
static size_t id_prefix_length(const char *text)
{
	size_t n = 0;

	for (; n < ID_LEN && text[n]; n++) {
		bool digit = text[n] >= '0' && text[n] <= '9', letter = text[n] >= 'a' && text[n] <= 'z';

		if (id_shape[n] == 'd' ? !digit : id_shape[n] == 'x' ? !digit && !letter : text[n] != id_shape[n])
			break;
	}
	return n;
}

bool manifest_id_valid(const char *id)
{
	return strlen(id) == ID_LEN && id_prefix_length(id) == ID_LEN;
}

bool manifest_id_prefix(const char *text)
{
	return text[0] && id_prefix_length(text) == strlen(text);
}

void manifest_new_id(char out[SNAPSHOT_ID_SIZE], int64_t utc_us)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	char time[CLOCK_TEXT_SIZE];

	clock_compact(time, utc_us);
	snprintf(out, SNAPSHOT_ID_SIZE, "%.15s-", time);
	for (size_t n = ID_RANDOM_AT; n < ID_LEN;) {
		uint8_t byte;

		/* 252 is the largest multiple of 36 a byte holds: every character is as likely as any. */
		if (getrandom(&byte, 1, 0) == 1 && byte < 252)
			out[n++] = alphabet[byte % 36];
	}
	out[ID_LEN] = 0;
}

void manifest_write(struct buf *out, const struct manifest *m)
{
	struct buf text = BUF_INIT_MAX(DOCUMENT_MAX);

	assert(manifest_id_valid(m->id));
	json_write_members(&text, members, JSON_COUNT(members), m, ",\n");
	document_write(out, buf_view(&text));
	buf_release(&text);
}

bool manifest_parse(struct manifest **out, struct view text, struct err *e)
{
	struct manifest *m = NULL;
	json_t *object = NULL;
	bool ok = false;

	if (!document_parse(&object, text, "snapshot", e))
		return false;
	m = xcalloc(1, sizeof(*m));
	if (!json_read_members(m, members, JSON_COUNT(members), object, &m->arena, e)) {
		err_wrap(e, "manifest");
		goto done;
	}
	if (!manifest_id_valid(m->id) || !m->database[0]) {
		err_set(e, ERR_DAMAGED, "manifest: member \"%s\" is not one", m->database[0] ? "id" : "database");
		goto done;
	}
	*out = m;
	m = NULL;
	ok = true;
done:
	json_decref(object);
	manifest_free(m);
	return ok;
}

void manifest_free(struct manifest *m)
{
	if (!m)
		return;
	piece_list_release(&m->contents);
	piece_list_release(&m->schema);
	piece_list_release(&m->globals);
	arena_release(&m->arena);
	free(m);
}

/* "<database>/<id>" as objects are named. */
static void object_name(struct buf *out, const char *database, const char *id)
{
	path_encode(out, database);
	buf_addf(out, "/%s", id);
}

bool manifest_save(struct repository *r, const struct manifest *m, struct err *e)
{
	struct buf text = BUF_INIT_MAX(DOCUMENT_MAX), name = BUF_INIT;

	manifest_write(&text, m);
	object_name(&name, m->database, m->id);
	bool ok = new_object_put(
	        r->storage, (struct object_key){ OBJECT_SNAPSHOT, buf_str(&name) }, buf_view(&text), e);
	buf_release(&text);
	buf_release(&name);
	return ok || err_wrap(e, "write the manifest of snapshot \"%s\"", m->id);
}

/* A manifest under another's name is as bad as none: files were swapped. */
static bool check_name(const struct manifest *m, const char *name, struct err *e)
{
	struct buf own = BUF_INIT;

	object_name(&own, m->database, m->id);
	bool same = strcmp(buf_str(&own), name) == 0;
	buf_release(&own);
	return same || err_set(e, ERR_DAMAGED, "the file holds the manifest of \"%s/%s\"", m->database, m->id);
}

static bool failed_to_load(const char *name, struct err *e)
{
	err_wrap(e, "load snapshot \"%s\"", name);
	if (e->kind == ERR_DAMAGED)
		err_hint(e,
		        "restore another snapshot: `drtool list` shows them; the chunks of this one are not touched");
	return false;
}

/* name is "<database, encoded>/<id>". */
static bool parse_named(struct manifest **out, const char *name, struct view text, struct err *e)
{
	struct manifest *m = NULL;

	if (!manifest_parse(&m, text, e) || !check_name(m, name, e)) {
		manifest_free(m);
		return failed_to_load(name, e);
	}
	*out = m;
	return true;
}

static bool load_named(struct manifest **out, struct repository *r, const char *name, struct err *e)
{
	struct buf text = BUF_INIT_MAX(DOCUMENT_MAX);
	bool ok = storage_get(r->storage, (struct object_key){ OBJECT_SNAPSHOT, name }, &text, e)
	                  ? parse_named(out, name, buf_view(&text), e)
	                  : failed_to_load(name, e);

	buf_release(&text);
	return ok;
}

struct loading {
	manifest_fn *each;
	void *cookie;
};

static enum fetch_answer load_fetched(void *cookie, const struct fetched *f, struct err *e)
{
	struct loading *l = cookie;
	struct manifest *m = NULL;
	struct err why = ERR_INIT;

	if (f->why) {
		why = *f->why;
		failed_to_load(f->name, &why);
	} else {
		parse_named(&m, f->name, f->body, &why);
	}
	return l->each(l->cookie, f->index, m, m ? NULL : &why, e);
}

bool manifest_load_each(
        struct repository *r, const char *const *names, size_t count, manifest_fn *each, void *cookie, struct err *e)
{
	struct loading l = { each, cookie };

	return fetch_each(r->storage, OBJECT_SNAPSHOT, names, count, DOCUMENT_MAX, load_fetched, &l, e);
}

bool manifest_load(struct manifest **out, struct repository *r, const char *database, const char *id, struct err *e)
{
	struct buf name = BUF_INIT;

	if (!manifest_id_valid(id))
		return err_set(e, ERR_USAGE, "\"%s\" is not the id of a snapshot", id);
	object_name(&name, database, id);
	bool ok = load_named(out, r, buf_str(&name), e);
	buf_release(&name);
	return ok;
}

static int by_database_and_time(const void *a, const void *b)
{
	const struct manifest *x = *(struct manifest *const *)a, *y = *(struct manifest *const *)b;
	int order = strcmp(x->database, y->database);

	if (!order)
		order = (x->started_us > y->started_us) - (x->started_us < y->started_us);
	return order ? order : strcmp(x->id, y->id);
}

static enum fetch_answer add_to_list(
        void *cookie, size_t index, struct manifest *m, const struct err *why, struct err *e)
{
	struct manifest_list *l = cookie;

	(void)index;
	(void)e;
	if (m)
		l->items[l->count++] = m;
	else if (why->kind != ERR_NOT_FOUND && !l->damaged++) /* not: removed between listing and reading */
		l->first_error = *why;
	return FETCH_ON;
}

bool manifest_list_load(struct manifest_list *out, struct repository *r, const char *database, struct err *e)
{
	struct names names = NAMES_INIT;

	*out = (struct manifest_list){ .items = NULL };
	bool ok = names_list_of(&names, r->storage, OBJECT_SNAPSHOT, database, e);
	if (ok)
		out->items = xcalloc(names.count + 1, sizeof(*out->items));
	ok = ok && manifest_load_each(r, names.items, names.count, add_to_list, out, e);
	if (out->count)
		qsort(out->items, out->count, sizeof(*out->items), by_database_and_time);
	names_release(&names);
	return ok;
}

void manifest_list_release(struct manifest_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		manifest_free(l->items[i]);
	free(l->items);
	*l = (struct manifest_list){ .items = NULL };
}

static bool is_word(const char *text)
{
	return strcasecmp(text, "latest") == 0 || strcasecmp(text, "verified") == 0;
}

bool manifest_tag_valid(const char *tag, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strlen(tag);

	if (len == 0 || len > 64 || strspn(tag, allowed) != len) {
		err_set(e, ERR_USAGE, "\"%.80s\" cannot be a tag", tag);
		return err_hint(e, "a tag is 1 to 64 letters, digits, dots, hyphens and underscores");
	}
	if (is_word(tag) || manifest_id_prefix(tag)) {
		err_set(e, ERR_USAGE, "\"%s\" cannot be a tag: it %s", tag,
		        is_word(tag) ? "has a meaning already" : "looks like an id");
		return err_hint(e, "begin it with a letter, as in v%.40s", tag);
	}
	return true;
}
