/* src/cmd/target.c - see target.h */
#include "src/cmd/target.h"

#include "src/base/file.h"
#include "src/base/nearest.h"
#include "src/cmd/say.h"
#include "src/cmd/text.h"

#define PASSWORD_MAX 1000
#define URL_MAX      ((size_t)64 << 10)

/* Variables under which frameworks and hosts keep the URL that does not lead to a pooler. */
static const char *const direct_variables[] = { "DIRECT_URL", "DIRECT_DATABASE_URL", "DATABASE_URL_UNPOOLED",
	"POSTGRES_URL_NON_POOLING" };

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static const char *setting(const struct conninfo *conn, const char *keyword, const char *name, const char *otherwise)
{
	const char *value = conninfo_get(conn, keyword);

	if (!value)
		value = variable(name);
	return value ? value : otherwise;
}

void target_server(struct buf *out, const struct conninfo *conn)
{
	const char *host = setting(conn, "host", "PGHOST", conninfo_get(conn, "hostaddr"));

	buf_addf(out, "%s:%s", host ? host : "local socket", setting(conn, "port", "PGPORT", "5432"));
}

void target_describe(struct buf *out, const struct conninfo *conn)
{
	const char *user = setting(conn, "user", "PGUSER", "its user's database");
	const char *dbname = setting(conn, "dbname", "PGDATABASE", user);

	buf_addf(out, "%s at ", dbname);
	target_server(out, conn);
}

static bool refuse_pooler(const char *what, struct err *e)
{
	err_set(e, ERR_REFUSED, "%s leads to a connection pooler, through which no consistent snapshot can be taken",
	        what);
	for (size_t i = 0; i < sizeof(direct_variables) / sizeof(direct_variables[0]); i++) {
		struct buf dropped = BUF_INIT, shown = BUF_INIT;
		struct err ignored = ERR_INIT;
		struct conninfo *direct = NULL;
		bool pooler = false, usable;

		if (!variable(direct_variables[i]))
			continue;
		usable = conninfo_parse(&direct, variable(direct_variables[i]), &dropped, &pooler, &ignored) && !pooler;
		if (usable) {
			target_describe(&shown, direct);
			err_hint(e, "%s leads to %s without a pooler: give \"$%s\" as the database",
			        direct_variables[i], buf_str(&shown), direct_variables[i]);
		}
		conninfo_free(direct);
		buf_release(&dropped);
		buf_release(&shown);
		if (usable)
			return false;
	}
	return err_hint(e, "give the server's own address in place of the pooler's, often known as DIRECT_URL");
}

/* what: "DATABASE_URL", "--into", "drtool.yml:4"; it stands in messages in place of the text, which may hold a
 * password. */
static bool parse(struct conninfo **out, struct buf *notes, const char *text, const char *what, struct err *e)
{
	struct buf dropped = BUF_INIT;
	bool pooler = false, ok;

	ok = conninfo_parse(out, text, &dropped, &pooler, e);
	if (!ok)
		err_wrap(e, "%s", what);
	if (ok && dropped.len > 0)
		buf_addf(notes, "%s: parameters for other clients are ignored: %s\n", what, buf_str(&dropped));
	if (ok && pooler) {
		conninfo_free(*out);
		*out = NULL;
		ok = refuse_pooler(what, e);
	}
	buf_release(&dropped);
	return ok;
}

static bool read_password(struct conninfo *conn, const char *path, const char *where, struct err *e)
{
	struct buf text = BUF_INIT_MAX(PASSWORD_MAX);
	bool ok = file_read(&text, path, e);

	if (ok) {
		char *password = xstrdup(buf_str(&text));

		password[strcspn(password, "\r\n")] = '\0';
		ok = *password != '\0' || err_set(e, ERR_USAGE, "\"%s\" is empty", path);
		if (ok)
			conninfo_set(conn, "password", password);
		explicit_bzero(password, strlen(password));
		free(password);
		if (text.data)
			explicit_bzero(text.data, text.len);
	} else {
		e->kind = ERR_USAGE;
	}
	if (!ok)
		err_wrap(e, "%s: password_file", where);
	buf_release(&text);
	return ok;
}

static bool entry_conninfo(struct conninfo **out, struct buf *notes, const struct config *config,
        const struct config_database *entry, struct err *e)
{
	struct buf url = BUF_INIT_MAX(URL_MAX);
	char path[128], where[256];
	char *password_file = NULL;
	struct conninfo *conn = NULL;
	bool ok = false;

	snprintf(path, sizeof(path), "databases.%s.url", entry->name);
	config_where(where, config, path);
	if (entry->url) {
		if (!config_expand(&url, entry->url, where, e) || !parse(&conn, notes, buf_str(&url), where, e))
			goto done;
	} else {
		conn = conninfo_new();
		conninfo_set(conn, "dbname", entry->name);
	}
	if (entry->password_file) {
		snprintf(path, sizeof(path), "databases.%s.password_file", entry->name);
		config_where(where, config, path);
		password_file = config_path(config, entry->password_file);
		if (!read_password(conn, password_file, where, e))
			goto done;
	}
	*out = conn;
	conn = NULL;
	ok = true;
done:
	if (url.data)
		explicit_bzero(url.data, url.len);
	buf_release(&url);
	conninfo_free(conn);
	free(password_file);
	return ok;
}

static bool use_entry(struct target *t, const struct cmd *c, const struct config_database *entry, struct err *e)
{
	if (!entry_conninfo(&t->conn, &t->notes, c->config, entry, e))
		return false;
	t->entry = entry;
	t->repository_name = entry->as ? entry->as : entry->name;
	return true;
}

/* The entry of drtool.yml that means the same database as conn; NULL when none does. Entries that cannot be read now
 * are passed over. */
static const struct config_database *same_entry(const struct cmd *c, const struct conninfo *conn)
{
	const struct config_database *found = NULL;
	struct buf notes = BUF_INIT;

	for (size_t i = 0; i < config_database_count(c->config) && !found; i++) {
		struct conninfo *other = NULL;
		struct err ignored = ERR_INIT;

		if (entry_conninfo(&other, &notes, c->config, config_database(c->config, i), &ignored) &&
		        conninfo_same_database(conn, other))
			found = config_database(c->config, i);
		conninfo_free(other);
	}
	buf_release(&notes);
	return found;
}

/* A connection string that leads to a database of drtool.yml is that database, under the name it has there. */
static bool use_string(struct target *t, const struct cmd *c, const char *text, const char *what, struct err *e)
{
	if (!parse(&t->conn, &t->notes, text, what, e))
		return false;
	t->entry = same_entry(c, t->conn);
	if (t->entry)
		t->repository_name = t->entry->as ? t->entry->as : t->entry->name;
	return true;
}

static void entry_names(struct buf *out, const struct config *c)
{
	for (size_t i = 0; i < config_database_count(c); i++)
		buf_addf(out, "%s%s", i ? ", " : "", config_database(c, i)->name);
}

static bool unknown_name(const struct cmd *c, const char *text, const char *what, struct err *e)
{
	struct nearest near = NEAREST_INIT;
	struct buf names = BUF_INIT;
	const char *option = strncmp(what, "--", 2) == 0 ? what : "";

	for (size_t i = 0; i < config_database_count(c->config); i++)
		nearest_offer(&near, text, config_database(c->config, i)->name);
	entry_names(&names, c->config);
	if (config_file(c->config))
		err_set(e, ERR_USAGE, "no database \"%s\" in %s", text, config_file(c->config));
	else
		err_set(e, ERR_USAGE, "unknown database \"%s\": there is no drtool.yml", text);
	if (near.word)
		err_hint(e, "did you mean \"%s\"? A database's own name is given as %s%s\"dbname=%s\"", near.word,
		        option, *option ? " " : "", text);
	else if (names.len > 0)
		err_hint(e, "known: %s; a database's own name is given as %s%s\"dbname=%s\"", buf_str(&names), option,
		        *option ? " " : "", text);
	else
		err_hint(e, "a database's own name is given as %s%s\"dbname=%s\"", option, *option ? " " : "", text);
	buf_release(&names);
	return false;
}

/* drtool.yml and DATABASE_URL name different databases. */
static bool two_candidates(const struct target *from_file, const struct conninfo *from_url, struct err *e)
{
	struct buf file = BUF_INIT, url = BUF_INIT;

	target_describe(&file, from_file->conn);
	target_describe(&url, from_url);
	err_set(e, ERR_USAGE, "two databases could be meant: \"%s\" of drtool.yml (%s), and DATABASE_URL (%s)",
	        from_file->entry->name, buf_str(&file), buf_str(&url));
	err_hint(e, "name one: %s, or \"$DATABASE_URL\"", from_file->entry->name);
	buf_release(&file);
	buf_release(&url);
	return false;
}

static bool use_only_entry(struct target *t, const struct cmd *c, struct err *e)
{
	const char *url = variable("DATABASE_URL");
	struct conninfo *other = NULL;
	struct buf dropped = BUF_INIT;
	struct err ignored = ERR_INIT;
	bool pooler, ok;

	ok = use_entry(t, c, config_database(c->config, 0), e);
	if (ok && url && conninfo_parse(&other, url, &dropped, &pooler, &ignored) &&
	        !conninfo_same_database(t->conn, other))
		ok = two_candidates(t, other, e);
	conninfo_free(other);
	buf_release(&dropped);
	return ok;
}

static bool use_one_of_several(struct target *t, const struct cmd *c, struct err *e)
{
	const char *url = variable("DATABASE_URL");
	struct buf names = BUF_INIT;

	if (url && !use_string(t, c, url, "DATABASE_URL", e))
		return false;
	if (url && t->entry)
		return true;
	entry_names(&names, c->config);
	err_set(e, ERR_USAGE, "which database? %s lists several%s", config_file(c->config),
	        url ? ", and DATABASE_URL leads to none of them" : "");
	err_hint(e, "name one: %s", buf_str(&names));
	buf_release(&names);
	return false;
}

static bool use_default(struct target *t, const struct cmd *c, struct err *e)
{
	size_t count = config_database_count(c->config);

	if (count == 1)
		return use_only_entry(t, c, e);
	if (count > 1)
		return use_one_of_several(t, c, e);
	if (variable("DATABASE_URL"))
		return use_string(t, c, variable("DATABASE_URL"), "DATABASE_URL", e);
	if (variable("PGDATABASE") || variable("PGSERVICE") || variable("PGHOST")) {
		t->conn = conninfo_new();
		return true;
	}
	err_set(e, ERR_USAGE, "which database? Neither drtool.yml nor DATABASE_URL names one");
	return err_hint(
	        e, "give a connection string such as \"dbname=shop host=db1\", or write drtool.yml with: drtool init");
}

bool target_find(struct target *out, const struct cmd *c, const char *text, const char *what, struct err *e)
{
	const struct config_database *entry;
	bool ok;

	if (!text) {
		ok = use_default(out, c, e);
	} else if (conninfo_is_connection_string(text)) {
		ok = use_string(out, c, text, what, e);
	} else {
		entry = config_database_find(c->config, text);
		ok = entry ? use_entry(out, c, entry, e) : unknown_name(c, text, what, e);
	}
	if (!ok)
		target_release(out);
	return ok;
}

void target_release(struct target *t)
{
	conninfo_free(t->conn);
	t->conn = NULL;
	buf_release(&t->notes);
}

/* "$${" and the like apart, each ${VAR} becomes one DEL character, which no password written by hand holds. */
static void blank_variables(struct buf *out, const char *text)
{
	while (*text) {
		size_t len = strncmp(text, "${", 2) == 0 ? strcspn(text, "}") : 0;

		if (len > 0 && text[len] == '}') {
			buf_add(out, "\x7f");
			text += len + 1;
		} else {
			buf_addn(out, text++, 1);
		}
	}
}

static bool has_literal_password(const char *url)
{
	static const char *const keywords[] = { "password", "sslpassword" };
	struct buf blanked = BUF_INIT, dropped = BUF_INIT;
	struct err ignored = ERR_INIT;
	struct conninfo *conn = NULL;
	bool pooler, found = false;

	blank_variables(&blanked, url);
	if (conninfo_is_connection_string(buf_str(&blanked)) &&
	        conninfo_parse(&conn, buf_str(&blanked), &dropped, &pooler, &ignored)) {
		for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]) && !found; i++) {
			const char *value = conninfo_get(conn, keywords[i]);

			found = value && value[strspn(value, "\x7f")] != '\0';
		}
	}
	conninfo_free(conn);
	buf_release(&blanked);
	buf_release(&dropped);
	return found;
}

static bool check_secret(const struct config *c, const char *text, const char *path, struct err *e)
{
	char where[256];

	if (!text || !has_literal_password(text))
		return true;
	config_where(where, c, path);
	err_set(e, ERR_USAGE, "%s: a password stands in the file", where);
	return err_hint(e,
	        "write ${DB_PASSWORD} in its place and set that in the environment or --env-file, or use password_file or .pgpass");
}

bool target_check_secrets(const struct config *c, struct err *e)
{
	char path[128];

	for (size_t i = 0; i < config_database_count(c); i++) {
		const struct config_database *d = config_database(c, i);

		snprintf(path, sizeof(path), "databases.%s.url", d->name);
		if (!check_secret(c, d->url, path, e))
			return false;
	}
	return check_secret(c, config_text(c, "scratch.server"), "scratch.server", e);
}
