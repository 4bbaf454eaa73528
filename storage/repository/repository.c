#include "storage/repository/repository.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "src/base/path.h"
#include "src/codec/chunker.h"
#include "storage/backend/local.h"
#include "storage/repository/document.h"
#include "storage/repository/json.h"
#include "storage/repository/new_object.h"

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

static const struct json_member members[] = {
	{ "id", JSON_KIND_CHARS, offsetof(struct config, id), sizeof(((struct config *)0)->id), NULL },
	JSON_MEMBER(config, U64, chunk_min),
	JSON_MEMBER(config, U64, chunk_typical),
	JSON_MEMBER(config, U64, chunk_max),
	JSON_MEMBER(config, HEX64, chunk_seed),
	JSON_MEMBER(config, BOOL, sealed),
};

#define CONFIG_MAX ((size_t)1 << 20)

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
	json_write_members(&text, members, JSON_COUNT(members), &c, ",\n");
	document_write(&document, buf_view(&text));
	bool ok = new_object_put(s, config_key, buf_view(&document), e);
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

/* All that differs between those of two repositories of format 1 is an id that nothing refers to. */
static bool hint_config(struct err *e)
{
	return err_hint(e,
	        "the drtool.json of any other repository that is not sealed fits: drtool init --repo /tmp/new makes "
	        "one, copy it here");
}

static bool read_config(struct config *out, struct storage *s, struct err *e)
{
	struct buf text = BUF_INIT_MAX(CONFIG_MAX);
	struct arena arena = ARENA_INIT;
	json_t *object = NULL;

	if (!storage_get(s, config_key, &text, e)) {
		buf_release(&text);
		return false;
	}
	bool ok = document_parse(&object, buf_view(&text), "repository", e) &&
	          json_read_members(out, members, JSON_COUNT(members), object, &arena, e) && check_config(out, e);
	json_decref(object);
	arena_release(&arena);
	buf_release(&text);
	if (!ok && e->kind == ERR_DAMAGED)
		hint_config(e);
	return ok || err_wrap(e, "read drtool.json of \"%s\"", s->where);
}

static bool hint_init(struct err *e, const char *what, const char *where)
{
	char *quoted = path_shell_quote(where);

	err_hint(e, "%s: drtool init --repo %s", what, quoted);
	free(quoted);
	return false;
}

static bool note_there(void *cookie, const struct object_info *info, struct err *e)
{
	bool *there = cookie;

	(void)info;
	(void)e;
	*there = true;
	return true;
}

static bool explain_missing(struct storage *s, struct err *e)
{
	struct err ignored = ERR_INIT;
	bool snapshots = false;

	if (storage_list(s, OBJECT_SNAPSHOT, "", note_there, &snapshots, &ignored) && snapshots) {
		err_set(e, ERR_DAMAGED, "\"%s\" holds snapshots, and its drtool.json is missing", s->where);
		return hint_config(e);
	}
	err_set(e, ERR_USAGE, "\"%s\" is not a repository: it has no drtool.json", s->where);
	return hint_init(e, "make one", s->where);
}

bool repository_open_storage(struct repository **out, struct storage *storage, bool create, struct err *e)
{
	struct config config;
	struct err why = ERR_INIT;

	if ((create && !write_config(storage, &why)) || !read_config(&config, storage, &why)) {
		if (why.kind == ERR_NOT_FOUND) {
			explain_missing(storage, e);
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

/* A directory, or a bucket; create: the directory may be made. */
static bool open_place(struct storage **out, const char *where, const struct s3_options *s3, bool create, struct err *e)
{
	const char *scheme_end = strstr(where, "://");

	if (s3_is_url(where))
		return storage_open_s3(out, where, s3, e);
	if (!scheme_end)
		return storage_open_local(out, where, create, e);
	/* No more of it: URLs may hold passwords. */
	err_set(e, ERR_USAGE, "repository \"%.*s://...\" is neither a directory nor s3://bucket/prefix",
	        (int)(scheme_end - where > 20 ? 20 : scheme_end - where), where);
	return err_hint(e, "name a directory, or s3://bucket/prefix and the store with --s3-endpoint");
}

bool repository_open(struct repository **out, const char *where, const struct s3_options *s3, struct err *e)
{
	struct storage *s = NULL;

	if (!open_place(&s, where, s3, false, e)) {
		if (e->kind != ERR_NOT_FOUND)
			return false;
		e->kind = ERR_USAGE;
		return hint_init(e, "make a repository there", where);
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

static bool look_at_directory(enum repository_place *out, const char *where, struct err *e)
{
	DIR *dir = opendir(where);
	const struct dirent *entry;

	*out = REPOSITORY_NONE;
	if (!dir && errno == ENOENT)
		return true;
	if (!dir) {
		int why = errno;

		err_sys(e, why, "open directory \"%s\"", where);
		if (why == ENOTDIR)
			e->kind = ERR_USAGE;
		return why == EACCES ? local_owner_hint(e, where)
		                     : err_hint(e, "a repository is a directory that this user can read and write");
	}
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, "drtool.json") == 0) {
			*out = REPOSITORY_HERE;
			break;
		}
		if (!may_stay(entry->d_name))
			*out = REPOSITORY_FOREIGN;
	}
	closedir(dir);
	return true;
}

static bool look_at_bucket(enum repository_place *out, const char *where, const struct s3_options *s3, struct err *e)
{
	struct buf text = BUF_INIT_MAX(CONFIG_MAX);
	struct err why = ERR_INIT;
	struct storage *s = NULL;
	bool vacant, ok;

	if (!open_place(&s, where, s3, false, e))
		return false;
	*out = REPOSITORY_HERE;
	ok = storage_get(s, config_key, &text, &why);
	if (!ok && why.kind == ERR_NOT_FOUND) {
		ok = s3_is_vacant(&vacant, s, e);
		*out = ok && vacant ? REPOSITORY_NONE : REPOSITORY_FOREIGN;
	} else if (!ok) {
		*e = why;
	}
	buf_release(&text);
	storage_close(s);
	return ok;
}

bool repository_look(enum repository_place *out, const char *where, const struct s3_options *s3, struct err *e)
{
	if (strstr(where, "://"))
		return look_at_bucket(out, where, s3, e);
	return look_at_directory(out, where, e);
}

bool repository_create(struct repository **out, const char *where, const struct s3_options *s3, struct err *e)
{
	enum repository_place place;
	struct storage *s = NULL;

	if (!repository_look(&place, where, s3, e))
		return false;
	if (place == REPOSITORY_HERE)
		return err_set(e, ERR_EXISTS, "\"%s\" is a repository already", where);
	if (place == REPOSITORY_FOREIGN) {
		struct repository *opened = NULL;
		struct err why = ERR_INIT;

		if (repository_open(&opened, where, s3, &why)) { /* somebody has mended it just now */
			repository_close(opened);
			return err_set(e, ERR_EXISTS, "\"%s\" is a repository already", where);
		}
		if (why.kind == ERR_DAMAGED) {
			*e = why;
			return false;
		}
		err_set(e, ERR_REFUSED, "\"%s\" is not empty, and not a repository", where);
		return err_hint(e, s3_is_url(where) ? "name a prefix of its own: s3://bucket/drtool"
		                                    : "name an empty or a new directory");
	}
	return open_place(&s, where, s3, true, e) && repository_open_storage(out, s, true, e);
}

bool repository_open_or_create(
        struct repository **out, const char *where, const struct s3_options *s3, bool *created, struct err *e)
{
	struct err why = ERR_INIT;
	bool made = repository_create(out, where, s3, &why);

	if (created)
		*created = made;
	if (made)
		return true;
	/* Somebody else may have been quicker. */
	if (why.kind == ERR_EXISTS)
		return repository_open(out, where, s3, e);
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
