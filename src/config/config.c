/* src/config/config.c - see config.h */
#include "src/config/config.h"

#include <cyaml/cyaml.h>

#include "src/base/file.h"
#include "src/base/path.h"
#include "src/config/config_document.h"
#include "src/config/value.h"

#define TEXT_MAX      4096
#define DATABASES_MAX 1000

struct config_objectives {
	char *rto, *rpo;
};

struct config_scratch {
	char *dir, *server;
};

struct config_s3 {
	char *endpoint, *region, *addressing, *ca_file, *profile, *in_flight;
};

struct config_hooks {
	char *before, *before_swap, *after_swap, *after;
};

struct config_swap {
	char *with, *back;
};

/* Every leaf is text as written: one set of readers (value.h) serves argv, environment and file. */
struct config_data {
	char *version, *repository, *pg_bin, *jobs, *level, *yield_after, *lock_wait;
	struct config_objectives objectives;
	struct config_scratch scratch;
	struct config_s3 s3;
	struct config_hooks hooks;
	struct config_swap swap;
	struct config_database *databases;
	unsigned databases_count;
};

struct config {
	struct config_data *data; /* NULL for an empty file */
	struct config_lines lines;
	char *file;
};

#define TEXT(key, type, member) \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 0, TEXT_MAX)
#define NESTED(key, member, rows) CYAML_FIELD_MAPPING(key, CYAML_FLAG_OPTIONAL, struct config_data, member, rows)

static const cyaml_schema_value_t pattern_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, TEXT_MAX),
};

static const cyaml_schema_field_t database_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct config_database, name, 1, 63),
	TEXT("url", struct config_database, url),
	TEXT("password_file", struct config_database, password_file),
	TEXT("as", struct config_database, as),
	TEXT("protected", struct config_database, protect),
	CYAML_FIELD_SEQUENCE_COUNT("exclude_table_data", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
	        struct config_database, exclude_table_data, exclude_count, &pattern_schema, 0, 1000),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t database_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_database, database_fields),
};

static const cyaml_schema_field_t objectives_fields[] = {
	TEXT("rto", struct config_objectives, rto),
	TEXT("rpo", struct config_objectives, rpo),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t scratch_fields[] = {
	TEXT("dir", struct config_scratch, dir),
	TEXT("server", struct config_scratch, server),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t s3_fields[] = {
	TEXT("endpoint", struct config_s3, endpoint),
	TEXT("region", struct config_s3, region),
	TEXT("addressing", struct config_s3, addressing),
	TEXT("ca_file", struct config_s3, ca_file),
	TEXT("profile", struct config_s3, profile),
	TEXT("in_flight", struct config_s3, in_flight),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t hooks_fields[] = {
	TEXT("before", struct config_hooks, before),
	TEXT("before_swap", struct config_hooks, before_swap),
	TEXT("after_swap", struct config_hooks, after_swap),
	TEXT("after", struct config_hooks, after),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t swap_fields[] = {
	TEXT("with", struct config_swap, with),
	TEXT("back", struct config_swap, back),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t top_fields[] = {
	TEXT("version", struct config_data, version),
	TEXT("repository", struct config_data, repository),
	CYAML_FIELD_SEQUENCE_COUNT("databases", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_data, databases,
	        databases_count, &database_schema, 0, DATABASES_MAX),
	NESTED("objectives", objectives, objectives_fields),
	NESTED("scratch", scratch, scratch_fields),
	NESTED("s3", s3, s3_fields),
	NESTED("hooks", hooks, hooks_fields),
	NESTED("swap", swap, swap_fields),
	TEXT("jobs", struct config_data, jobs),
	TEXT("level", struct config_data, level),
	TEXT("yield_after", struct config_data, yield_after),
	TEXT("lock_wait", struct config_data, lock_wait),
	TEXT("pg_bin", struct config_data, pg_bin),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t top_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_data, top_fields),
};

/* Keeps the first message: libcyaml logs the mistake first and then where it stands. */
static void keep_first(cyaml_log_t level, void *cookie, const char *fmt, va_list args)
        __attribute__((format(printf, 3, 0)));

static void keep_first(cyaml_log_t level, void *cookie, const char *fmt, va_list args)
{
	char *out = cookie;

	if (level < CYAML_LOG_ERROR || *out)
		return;
	vsnprintf(out, 200, fmt, args);
	out[strcspn(out, "\n")] = '\0';
}

static cyaml_config_t loader_config(char *message)
{
	return (cyaml_config_t){
		.log_fn = keep_first, .log_ctx = message, .mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR
	};
}

static bool load_structs(struct config *c, struct view normal, struct err *e)
{
	char message[200] = "";
	cyaml_config_t loader = loader_config(message);
	cyaml_err_t code;

	if (normal.len == 0)
		return true;
	code = cyaml_load_data(normal.data, normal.len, &loader, &top_schema, (cyaml_data_t **)&c->data, NULL);
	if (code == CYAML_OK)
		return true;
	c->data = NULL;
	return err_set(e, ERR_USAGE, "%s: %s", c->file, *message ? message : cyaml_strerror(code));
}

static const cyaml_schema_field_t *find_field(const cyaml_schema_field_t *fields, const char *key, size_t len)
{
	for (; fields->key; fields++) {
		if (strlen(fields->key) == len && strncmp(fields->key, key, len) == 0)
			return fields;
	}
	return NULL;
}

const char *config_text(const struct config *c, const char *path)
{
	const cyaml_schema_field_t *fields = top_fields, *field;
	const char *base = (const char *)c->data, *text;

	if (!base)
		return NULL;
	for (;;) {
		size_t len = strcspn(path, ".");

		field = find_field(fields, path, len);
		if (!field)
			return NULL;
		base += field->data_offset;
		path += len;
		if (*path == '\0')
			break;
		if (field->value.type != CYAML_MAPPING)
			return NULL;
		fields = field->value.mapping.fields;
		path++;
	}
	if (field->value.type != CYAML_STRING)
		return NULL;
	memcpy(&text, base, sizeof(text));
	return text;
}

static unsigned find_line(const struct config_lines *lines, const char *path, size_t len)
{
	for (size_t i = 0; i < lines->count; i++) {
		if (strlen(lines->items[i].path) == len && strncmp(lines->items[i].path, path, len) == 0)
			return lines->items[i].line;
	}
	return 0;
}

void config_where(char out[256], const struct config *c, const char *path)
{
	const char *file = c->file ? c->file : "the configuration";
	size_t len = strlen(path);
	unsigned line = find_line(&c->lines, path, len);

	while (line == 0 && len > 0) {
		do
			len--;
		while (len > 0 && path[len] != '.');
		line = find_line(&c->lines, path, len);
	}
	if (line > 0)
		snprintf(out, 256, "%s:%u", file, line);
	else
		snprintf(out, 256, "%s", file);
}

static bool check_version(const struct config *c, struct err *e)
{
	const char *text = config_text(c, "version");
	char where[256];
	int64_t version;

	if (!text)
		return true;
	config_where(where, c, "version");
	if (!value_number(&version, text, 1, INT32_MAX, e))
		return err_wrap(e, "%s: version", where);
	if (version <= CONFIG_VERSION)
		return true;
	err_set(e, ERR_USAGE, "%s: version %s is newer than this drtool understands (%d)", where, text, CONFIG_VERSION);
	return err_hint(e, "install a newer drtool");
}

static bool check_databases(const struct config *c, struct err *e)
{
	char path[128], where[256];
	bool unused;

	for (size_t i = 0; i < config_database_count(c); i++) {
		const struct config_database *d = config_database(c, i);

		snprintf(path, sizeof(path), "databases.%s", d->name);
		config_where(where, c, path);
		if (config_database_find(c, d->name) != d)
			return err_set(e, ERR_USAGE, "%s: database \"%s\" is there twice", c->file, d->name);
		if (strpbrk(d->name, "=") || strstr(d->name, "://")) {
			err_set(e, ERR_USAGE, "%s: \"%s\" cannot be a name", where, d->name);
			return err_hint(e,
			        "a name holds neither \"=\" nor \"://\", or it would be taken for a connection string");
		}
		if (d->protect && !value_bool(&unused, d->protect, e))
			return err_wrap(e, "%s: protected", where);
	}
	return true;
}

bool config_parse(struct config **out, struct view text, const char *name, struct err *e)
{
	struct config *c = config_new_empty();
	struct buf normal = BUF_INIT_MAX(16 * CONFIG_FILE_MAX);
	bool ok;

	c->file = xstrdup(name);
	ok = text.len <= CONFIG_FILE_MAX || err_set(e, ERR_USAGE, "%s is larger than 1 MiB", name);
	ok = ok && config_document_normalise(&normal, &c->lines, &top_schema, text, name, e);
	ok = ok && load_structs(c, buf_view(&normal), e) && check_version(c, e) && check_databases(c, e);
	buf_release(&normal);
	if (ok)
		*out = c;
	else
		config_free(c);
	return ok;
}

bool config_load(struct config **out, const char *path, struct err *e)
{
	struct buf text = BUF_INIT_MAX(CONFIG_FILE_MAX);
	bool ok = file_read(&text, path, e);

	if (ok) {
		ok = config_parse(out, buf_view(&text), path, e);
	} else {
		if (e->kind == ERR_NOT_FOUND)
			err_hint(e, "write one with: drtool init --config %s", path);
		e->kind = ERR_USAGE;
	}
	buf_release(&text);
	return ok;
}

struct config *config_new_empty(void)
{
	return xcalloc(1, sizeof(struct config));
}

void config_free(struct config *c)
{
	char message[200] = "";
	cyaml_config_t loader = loader_config(message);

	if (!c)
		return;
	if (c->data)
		cyaml_free(&loader, &top_schema, c->data, 0);
	arena_release(&c->lines.arena);
	free(c->file);
	free(c);
}

const char *config_file(const struct config *c)
{
	return c->file;
}

size_t config_database_count(const struct config *c)
{
	return c->data ? c->data->databases_count : 0;
}

const struct config_database *config_database(const struct config *c, size_t i)
{
	return &c->data->databases[i];
}

const struct config_database *config_database_find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < config_database_count(c); i++) {
		if (strcmp(c->data->databases[i].name, name) == 0)
			return &c->data->databases[i];
	}
	return NULL;
}

static bool variable_char(char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* at is just past "${"; steps past the "}". */
static bool expand_variable(struct buf *out, const char **at, const char *where, struct err *e)
{
	const char *start = *at, *value;
	char name[128];
	size_t len = 0;

	while (len < sizeof(name) - 1 && variable_char(start[len], len == 0))
		len++;
	if (len == 0 || start[len] != '}') {
		err_set(e, ERR_USAGE, "%s: \"${\" without a variable's name and \"}\"", where);
		return err_hint(e, "write ${NAME}, or $${ for a literal ${");
	}
	memcpy(name, start, len);
	name[len] = '\0';
	*at = start + len + 1;
	value = getenv(name);
	if (!value || !*value) {
		err_set(e, ERR_USAGE, "%s: the variable %s is not set", where, name);
		return err_hint(e, "set %s in the environment, or in a file given with --env-file", name);
	}
	return buf_append(out, value, strlen(value), e);
}

bool config_expand(struct buf *out, const char *text, const char *where, struct err *e)
{
	while (*text) {
		if (text[0] == '$' && text[1] == '{') {
			text += 2;
			if (!expand_variable(out, &text, where, e))
				return false;
			continue;
		}
		if (text[0] == '$' && text[1] == '$')
			text++;
		if (!buf_append(out, text++, 1, e))
			return false;
	}
	return true;
}

char *config_path(const struct config *c, const char *path)
{
	const char *slash = c->file ? strrchr(c->file, '/') : NULL;
	char *dir, *joined;

	if (*path == '/' || strstr(path, "://") || !slash)
		return xstrdup(path);
	dir = xasprintf("%.*s", (int)(slash - c->file) + 1, c->file);
	joined = path_join(dir, path);
	free(dir);
	return joined;
}
