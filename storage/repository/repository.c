#include "storage/repository/repository.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "src/codec/chunker.h"
#include "storage/repository/document.h"
#include "storage/repository/json.h"

_Static_assert(REPOSITORY_FORMAT == DOCUMENT_FORMAT, "all documents of a repository have its format");

/*
 * drtool.json. The limits are written down so that a reader can see them; a repository with others is not one of
 * format 1.
 */
struct config {
	char id[37];
	uint64_t chunk_min, chunk_typical, chunk_max, chunk_seed;
	bool sealed;
};

#define FIELD(kind_, member)                                                                          \
	{                                                                                             \
		.name = #member, .kind = JSON_KIND_##kind_, .offset = offsetof(struct config, member) \
	}

static const struct json_member members[] = {
	{ "id", JSON_KIND_CHARS, offsetof(struct config, id), sizeof(((struct config *)0)->id), NULL },
	FIELD(U64, chunk_min),
	FIELD(U64, chunk_typical),
	FIELD(U64, chunk_max),
	FIELD(HEX64, chunk_seed),
	FIELD(BOOL, sealed),
};
#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

static const struct object_key config_key = { OBJECT_CONFIG, "" };

static void random_uuid(char out[37])
{
	uint8_t b[16];
	char hex[33];
	ssize_t n = getrandom(b, sizeof(b), 0);

	assert(n == sizeof(b)); /* never short for so few bytes */
	(void)n;
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	hash_hex(hex, b, sizeof(b));
	snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static bool uuid_valid(const char *id)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t n = 0;

	while (id[n] && shape[n] && (shape[n] == '-' ? id[n] == '-' : strchr("0123456789abcdef", id[n]) != NULL))
		n++;
	return !id[n] && !shape[n];
}

static bool write_config(struct storage *s, struct err *e)
{
	struct config c = {
		.chunk_min = CHUNK_MIN,
		.chunk_typical = CHUNK_TYPICAL,
		.chunk_max = CHUNK_MAX,
	};
	struct buf text = BUF_INIT, document = BUF_INIT;

	random_uuid(c.id);
	json_write_members(&text, members, MEMBER_COUNT, &c, ",\n");
	document_write(&document, buf_view(&text));
	bool ok = storage_put(s, config_key, buf_view(&document), PUT_CREATE, e);
	buf_release(&text);
	buf_release(&document);
	return ok;
}

static bool check_config(const struct config *c, struct err *e)
{
	if (!uuid_valid(c->id))
		return err_set(e, ERR_DAMAGED, "member \"id\" is not a UUID");
	if (c->chunk_min != CHUNK_MIN || c->chunk_typical != CHUNK_TYPICAL || c->chunk_max != CHUNK_MAX)
		return err_set(e, ERR_DAMAGED, "the limits of chunks are not those of format %d", REPOSITORY_FORMAT);
	if (!c->sealed)
		return true;
	err_set(e, ERR_USAGE, "the repository is sealed, and this drtool cannot open sealed ones");
	return err_hint(e, "upgrade drtool");
}

static bool read_config(struct config *out, struct storage *s, struct err *e)
{
	struct buf text = BUF_INIT_MAX((size_t)1 << 20);
	struct arena arena = ARENA_INIT;
	json_t *object = NULL;

	if (!storage_get(s, config_key, &text, e)) {
		buf_release(&text);
		return false;
	}
	bool ok = document_parse(&object, buf_view(&text), "repository", e) &&
	          json_read_members(out, members, MEMBER_COUNT, object, &arena, e) && check_config(out, e);
	json_decref(object);
	arena_release(&arena);
	buf_release(&text);
	return ok || err_wrap(e, "read drtool.json of \"%s\"", s->where);
}

static bool explain_missing(const char *where, struct err *e)
{
	err_set(e, ERR_USAGE, "\"%s\" is not a repository: it has no drtool.json", where);
	return err_hint(e, "make one: drtool init --repo '%.180s'", where);
}

bool repository_open_storage(struct repository **out, struct storage *storage, bool create, struct err *e)
{
	struct config config;
	struct err why = ERR_INIT;

	if ((create && !write_config(storage, &why)) || !read_config(&config, storage, &why)) {
		if (why.kind == ERR_NOT_FOUND) {
			explain_missing(storage->where, e);
		} else {
			*e = why;
		}
		storage_close(storage);
		return false;
	}
	struct repository *r = xcalloc(1, sizeof(*r));
	r->storage = storage;
	r->chunk_seed = config.chunk_seed;
	memcpy(r->id, config.id, sizeof(r->id));
	*out = r;
	return true;
}

static bool refuse_url(const char *where, struct err *e)
{
	const char *scheme_end = strstr(where, "://");

	if (!scheme_end)
		return true;
	/* No more of it: URLs may hold passwords. */
	err_set(e, ERR_USAGE, "repository \"%.*s://...\": this version keeps repositories in directories only",
	        (int)(scheme_end - where > 20 ? 20 : scheme_end - where), where);
	return err_hint(e, "name a directory");
}

bool repository_open(struct repository **out, const char *where, struct err *e)
{
	struct storage *s = NULL;

	if (!refuse_url(where, e))
		return false;
	if (!storage_open_local(&s, where, false, e)) {
		if (e->kind != ERR_NOT_FOUND)
			return false;
		e->kind = ERR_USAGE;
		return err_hint(e, "make a repository there: drtool init --repo '%.150s'", where);
	}
	return repository_open_storage(out, s, false, e);
}

/*
 * What may lie in a directory that a repository is made in: nothing but a file system's own things and an unfinished
 * try of ours.
 */
static bool may_stay(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lost+found") == 0 ||
	       strncmp(name, ".tmp-", 5) == 0;
}

enum place { PLACE_FREE, PLACE_REPOSITORY, PLACE_FOREIGN };

static bool look_at(enum place *out, const char *where, struct err *e)
{
	DIR *dir = opendir(where);
	const struct dirent *entry;

	*out = PLACE_FREE;
	if (!dir && errno == ENOENT)
		return true;
	if (!dir) {
		int why = errno;

		err_sys(e, why, "open directory \"%s\"", where);
		if (why == ENOTDIR)
			e->kind = ERR_USAGE;
		return err_hint(e, "a repository is a directory that this user can read and write");
	}
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, "drtool.json") == 0) {
			*out = PLACE_REPOSITORY;
			break;
		}
		if (!may_stay(entry->d_name))
			*out = PLACE_FOREIGN;
	}
	closedir(dir);
	return true;
}

static bool create_at(struct repository **out, const char *where, struct err *e)
{
	struct storage *s = NULL;

	return storage_open_local(&s, where, true, e) && repository_open_storage(out, s, true, e);
}

bool repository_create(struct repository **out, const char *where, struct err *e)
{
	enum place place;

	if (!refuse_url(where, e) || !look_at(&place, where, e))
		return false;
	if (place == PLACE_REPOSITORY)
		return err_set(e, ERR_EXISTS, "\"%s\" is a repository already", where);
	if (place == PLACE_FOREIGN) {
		err_set(e, ERR_REFUSED, "\"%s\" is not empty, and not a repository", where);
		return err_hint(e, "name an empty or a new directory");
	}
	return create_at(out, where, e);
}

bool repository_open_or_create(struct repository **out, const char *where, bool *created, struct err *e)
{
	struct err why = ERR_INIT;
	bool made = repository_create(out, where, &why);

	if (created)
		*created = made;
	if (made)
		return true;
	/* Somebody else may have been quicker. */
	if (why.kind == ERR_EXISTS)
		return repository_open(out, where, e);
	*e = why;
	return false;
}

void repository_close(struct repository *r)
{
	if (!r)
		return;
	storage_close(r->storage);
	free(r);
}
