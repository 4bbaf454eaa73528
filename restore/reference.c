/* restore/reference.c - see reference.h */
#include "restore/reference.h"

#include <stdlib.h>
#include <string.h>

#include "restore/target.h"
#include "src/base/child.h"
#include "src/base/file.h"

#define ARCHIVE_MAX ((size_t)512 << 20)

static bool find_tools(
        struct pg_tools *out, const struct compare *c, int server_version, struct arena *a, struct err *e)
{
	const char *warning;

	return pg_tools_for_server(out, &warning, server_version, PG_TOOLS_CLIENT, c->pg_bin, a, c->cancel, e);
}

bool reference_dump(
        struct toc **out, const struct compare *c, const struct conninfo *database, int server_version, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct buf archive = BUF_INIT_MAX(ARCHIVE_MAX);
	struct conninfo_child child;
	struct pg_tools tools;
	bool ok = false;

	if (!find_tools(&tools, c, server_version, &a, e))
		goto done;
	conninfo_for_child(&child, database, server_version, &a);
	const char *argv[] = { tools.pg_dump, "--format=custom", "--schema-only", "--compress=0",
		arena_printf(&a, "--encoding=%s", c->contents->database.encoding), /* as the snapshot's was */
		arena_printf(&a, "--dbname=%s", child.dbname), NULL };
	const struct child_spec spec = { .argv = argv, .env = child.env };

	ok = child_capture(&archive, &spec, c->cancel, e) && toc_parse(out, buf_view(&archive), e);
	if (!ok && e->kind == ERR_DAMAGED)
		e->kind = ERR_FAILED; /* this archive is not the snapshot's */
	if (!ok)
		err_wrap(e, "dump the schema that came back");
done:
	buf_release(&archive);
	arena_release(&a);
	return ok;
}

static bool make_database(struct pg_session *s, const struct compare *c, struct arena *a, struct err *e)
{
	const struct pg_database *d = &c->contents->database;

	return pg_execf(s, e, "CREATE DATABASE %s TEMPLATE template0 ENCODING %s LC_COLLATE %s LC_CTYPE %s",
	        pg_quote_ident(a, c->reference), pg_quote_literal(a, d->encoding), pg_quote_literal(a, d->collate),
	        pg_quote_literal(a, d->ctype));
}

/* All entries but subscriptions, which would connect to their publishers. */
static bool whole_script(struct buf *out, const struct compare *c, int server_version, struct err *e)
{
	const struct toc *toc = c->archive->toc;
	int *ids = xcalloc(toc->count + 1, sizeof(*ids));
	const struct render_options o = { .no_owner = c->no_owner };
	struct buf raw = BUF_INIT;
	size_t n = 0;
	bool ok;

	for (size_t i = 0; i < toc->count; i++) {
		if (strcmp(toc->entries[i].desc, "SUBSCRIPTION") != 0 &&
		        strcmp(toc->entries[i].desc, "SUBSCRIPTION TABLE") != 0)
			ids[n++] = toc->entries[i].dump_id;
	}
	ok = render_entries(&raw, c->archive, ids, n, &o, c->cancel, e) &&
	     render_filter(out, buf_view(&raw), server_version, e);
	buf_release(&raw);
	free(ids);
	return ok;
}

/* Some of a database's own settings show in what pg_dump prints (an extension's); one that is refused here was
 * refused there too. */
static void apply_settings(struct pg_session *s, const struct compare *c, struct arena *a)
{
	const struct pg_text_list *settings = &c->contents->database.settings;
	const char *name = pg_quote_ident(a, c->reference);

	for (size_t i = 0; i < settings->count; i++) {
		struct err ignored = ERR_INIT;

		if (strncmp(settings->items[i], "ALTER DATABASE", strlen("ALTER DATABASE")) == 0)
			pg_exec(s, target_setting(settings->items[i], name, a), &ignored);
	}
}

/* Errors of single statements do not stop psql; they are its business to report and ours to remember. */
static bool run_script(bool *had_errors, const struct compare *c, const struct conninfo *database, int server_version,
        struct view script, struct arena *a, struct err *e)
{
	struct conninfo_child connect;
	struct child psql = CHILD_INIT;
	struct err broken = ERR_INIT;
	int status = 0;
	bool ok;

	conninfo_for_child(&connect, database, server_version, a);
	const char *argv[] = { c->archive->tools.psql, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=0",
		arena_printf(a, "--dbname=%s", connect.dbname), NULL };
	const struct child_spec spec = { .argv = argv, .env = connect.env, .want_stdin = true };

	ok = child_start(&psql, &spec, e);
	if (ok) {
		bool written = file_write_all(psql.in, script, "psql", &broken);

		ok = child_wait_status(&status, &psql, c->cancel, e);
		if (ok && (status != 0 || !written))
			ok = err_set(e, ERR_FAILED, "psql failed with status %d: %.300s", status, child_stderr(&psql));
		if (ok)
			*had_errors = strstr(child_stderr(&psql), "ERROR:") != NULL;
	}
	child_abort(&psql);
	return ok;
}

bool reference_make(struct reference *out, const struct compare *c, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct buf script = BUF_INIT;
	struct conninfo *database = conninfo_copy(c->target);
	struct pg_session *s = NULL;
	struct pg_tools tools;
	bool made = false, ok = false;

	conninfo_set(database, "dbname", c->reference);
	if (!pg_session_open(&s, c->target, PG_SESSION_PLAIN, "reference", c->cancel, e) ||
	        !find_tools(&tools, c, pg_session_version(s), &a, e))
		goto done;
	made = make_database(s, c, &a, e);
	ok = made && whole_script(&script, c, pg_session_version(s), e) &&
	     run_script(&out->had_errors, c, database, pg_session_version(s), buf_view(&script), &a, e);
	if (ok)
		apply_settings(s, c, &a);
	ok = ok && reference_dump(&out->toc, c, database, pg_session_version(s), e);
	out->dump_version = tools.version;
done:
	if (!ok)
		err_wrap(e, "restore the schema once more with stock tools");
	if (made) {
		/* On a session without the cancel: an interrupted run cleans up too. */
		struct pg_session *cleaner = NULL;
		struct err ignored = ERR_INIT;

		if (pg_session_open(&cleaner, c->target, PG_SESSION_PLAIN, "reference", NULL, &ignored))
			pg_execf(cleaner, &ignored, "DROP DATABASE IF EXISTS %s WITH (FORCE)",
			        pg_quote_ident(&a, c->reference));
		pg_session_close(cleaner);
	}
	pg_session_close(s);
	conninfo_free(database);
	buf_release(&script);
	arena_release(&a);
	return ok;
}

void reference_release(struct reference *r)
{
	toc_free(r->toc);
	*r = (struct reference)REFERENCE_INIT;
}
