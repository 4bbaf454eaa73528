#include "restore/built.h"

#include <stdlib.h>

#include "restore/scratch.h"
#include "src/base/child.h"
#include "src/pg/session.h"
#include "storage/repository/chunk_store.h"

#define CONTENTS_MAX ((size_t)1 << 30)
#define OUTPUT_MAX   ((size_t)64 << 20)

struct built {
	struct contents contents;
	bool have_contents;
	struct scratch *scratch;
	struct conninfo *conn;
	struct arena arena;
};

static bool read_contents(struct built *b, struct repository *r, const struct manifest *m, struct err *e)
{
	struct buf text = BUF_INIT_MAX(CONTENTS_MAX);
	struct chunk_store *chunks = NULL;

	b->have_contents = chunk_store_open_read(&chunks, r, e) &&
	                   chunk_store_get_stream(&text, chunks, &m->contents, e) &&
	                   contents_parse(&b->contents, buf_view(&text), e);
	chunk_store_close(chunks);
	buf_release(&text);
	return b->have_contents || err_wrap(e, "read the contents of snapshot \"%s\"", m->id);
}

/* The database, and whom it may name as owner. */
static bool make_database(struct built *b, const struct manifest *m, const struct cancel *cancel, struct err *e)
{
	const struct pg_database *d = &b->contents.database;
	const struct pg_text_list *roles = &b->contents.roles;
	struct err ignored = ERR_INIT; /* a role of the cluster's own */
	struct pg_session *s = NULL;

	if (!pg_session_open(&s, scratch_conninfo(b->scratch), PG_SESSION_PLAIN, "diff", cancel, e))
		return false;
	for (size_t i = 0; i < roles->count; i++)
		pg_execf(s, &ignored, "CREATE ROLE %s NOLOGIN", pg_quote_ident(&b->arena, roles->items[i]));
	bool ok = pg_execf(s, e, "CREATE DATABASE %s TEMPLATE template0 ENCODING %s LC_COLLATE %s LC_CTYPE %s",
	        pg_quote_ident(&b->arena, m->dbname), pg_quote_literal(&b->arena, d->encoding),
	        pg_quote_literal(&b->arena, d->collate), pg_quote_literal(&b->arena, d->ctype));
	pg_session_close(s);
	b->conn = conninfo_copy(scratch_conninfo(b->scratch));
	conninfo_set(b->conn, "dbname", m->dbname);
	return ok;
}

static bool run_sql(
        struct built *b, const char *file, const struct verify_options *o, const struct cancel *cancel, struct err *e)
{
	int version = scratch_version(b->scratch);
	const char *warning = NULL;
	struct conninfo_child connect;
	struct buf output = BUF_INIT_MAX(OUTPUT_MAX);
	struct pg_tools tools;

	if (!pg_tools_for_server(&tools, &warning, version, PG_TOOLS_CLIENT, o->pg_bin, &b->arena, cancel, e))
		return false;
	conninfo_for_child(&connect, b->conn, version, &b->arena);
	const char *argv[] = { tools.psql, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1",
		arena_printf(&b->arena, "--file=%s", file), arena_printf(&b->arena, "--dbname=%s", connect.dbname),
		NULL };
	bool ok = child_capture(&output, &(struct child_spec){ .argv = argv, .env = connect.env }, cancel, e);
	buf_release(&output);
	if (ok)
		return true;
	err_wrap(e, "run \"%s\"", file);
	return err_hint(e, "it must load into an empty database: psql -v ON_ERROR_STOP=1 -f '%.120s'", file);
}

static void add_encoded(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("-._~", *text) || (*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'z') ||
		        (*text >= 'A' && *text <= 'Z'))
			buf_addn(out, text, 1);
		else
			buf_addf(out, "%%%02X", (unsigned char)*text);
	}
}

/* "NAME=value" entries that lead any client to the database over its socket. */
static const char **environment(struct built *b)
{
	static const char *const keywords[] = { "host", "port", "user", "dbname" };
	static const char *const names[] = { "PGHOST", "PGPORT", "PGUSER", "PGDATABASE" };
	const char **env = arena_alloc(&b->arena, 7 * sizeof(*env)), *port = conninfo_get(b->conn, "port");
	struct buf url = BUF_INIT;
	size_t n = 0;

	buf_add(&url, "DATABASE_URL=postgresql://");
	add_encoded(&url, conninfo_get(b->conn, "user"));
	buf_add(&url, "@/");
	add_encoded(&url, conninfo_get(b->conn, "dbname"));
	buf_add(&url, "?host=");
	add_encoded(&url, conninfo_get(b->conn, "host"));
	if (port)
		buf_addf(&url, "&port=%s", port);
	env[n++] = arena_strdup(&b->arena, buf_str(&url));
	for (size_t i = 0; i < 4; i++)
		if (conninfo_get(b->conn, keywords[i]))
			env[n++] = arena_printf(&b->arena, "%s=%s", names[i], conninfo_get(b->conn, keywords[i]));
	env[n] = NULL;
	buf_release(&url);
	return env;
}

static bool run_command(struct built *b, const char *command, const struct cancel *cancel, struct err *e)
{
	const char *argv[] = { "/bin/sh", "-c", command, NULL };
	const struct child_spec spec = { .argv = argv, .env = environment(b) };
	struct buf output = BUF_INIT_MAX(OUTPUT_MAX);
	bool ok = child_capture(&output, &spec, cancel, e);

	buf_release(&output);
	if (ok)
		return true;
	err_wrap(e, "run \"%.200s\"", command);
	return err_hint(
	        e, "it finds its database in DATABASE_URL and PGHOST, PGPORT, PGUSER, PGDATABASE: a Unix socket");
}

bool built_start(struct built **out, struct repository *r, const struct manifest *m, const struct built_from *from,
        const struct verify_options *o, struct observer *obs, const struct cancel *cancel, struct err *e)
{
	struct built *b = xcalloc(1, sizeof(*b));
	unsigned removed;
	struct err ignored = ERR_INIT;
	bool ok;

	scratch_clean(&removed, o, &ignored);
	observer_phase(obs, "making a scratch cluster", 0, 0);
	ok = read_contents(b, r, m, e) && scratch_start(&b->scratch, m, &b->contents, m->dbname, o, obs, cancel, e) &&
	     make_database(b, m, cancel, e);
	if (ok)
		observer_phase(obs, "building the other side", 0, 0);
	ok = ok && (from->sql ? run_sql(b, from->sql, o, cancel, e) : run_command(b, from->command, cancel, e));
	if (!ok) {
		built_stop(b);
		return false;
	}
	*out = b;
	return true;
}

const struct conninfo *built_conninfo(const struct built *b)
{
	return b->conn;
}

void built_stop(struct built *b)
{
	if (!b)
		return;
	scratch_stop(b->scratch);
	conninfo_free(b->conn);
	if (b->have_contents)
		contents_release(&b->contents);
	arena_release(&b->arena);
	free(b);
}
