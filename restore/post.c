#include "restore/post.h"

#include "restore/definition.h"

#define DEADLOCK_TRIES 5

static bool set_parallel(struct post *p, unsigned parallel, struct err *e)
{
	if (p->parallel == parallel)
		return true;
	p->parallel = parallel;
	return pg_execf(p->session, e, "SET max_parallel_maintenance_workers = %u", parallel);
}

static bool set_tablespace(struct post *p, const char *tablespace, struct err *e)
{
	struct arena a = ARENA_INIT;
	bool ok;

	if (p->no_tablespaces)
		tablespace = "";
	if (p->tablespace && strcmp(p->tablespace, tablespace) == 0)
		return true;
	p->tablespace = tablespace;
	ok = pg_execf(
	        p->session, e, "SET default_tablespace = %s", *tablespace ? pg_quote_ident(&a, tablespace) : "''");
	arena_release(&a);
	return ok;
}

/*
 * With all three off, what remains without a penalty is a merge of two indexes; where there are none, all others carry
 * the same one and the planner chooses as usual.
 */
static bool set_merging(struct post *p, bool merging, struct err *e)
{
	if (p->merging == merging)
		return true;
	p->merging = merging;
	return pg_execf(p->session, e, "SET enable_hashjoin = %1$s; SET enable_nestloop = %1$s; SET enable_sort = %1$s",
	        merging ? "off" : "on");
}

/* Triggers of tables rest, too, with the setting that older servers have: not while rows come in. */
static bool set_silent(struct post *p, bool silent, struct err *e)
{
	if (!p->silence || p->silent == silent)
		return true;
	p->silent = silent;
	if (silent)
		return pg_execf(p->session, e, "SET %s", p->silence);
	return pg_execf(p->session, e, "RESET %.*s", (int)strcspn(p->silence, " "), p->silence);
}

static bool set_encoding(struct post *p, const char *encoding, struct err *e)
{
	struct arena a = ARENA_INIT;
	bool ok;

	if (!p->encoding || strcmp(p->now, encoding) == 0)
		return true;
	p->now = encoding;
	ok = pg_execf(p->session, e, "SET client_encoding = %s", pg_quote_literal(&a, encoding));
	arena_release(&a);
	return ok;
}

bool post_speak_utf8(struct post *p, struct err *e)
{
	return set_encoding(p, "UTF8", e) && set_silent(p, false, e);
}

/* What pg_restore would run: the definition, and the owner of what has one. */
static const char *statement(const struct post *p, const struct graph_task *task, struct arena *a)
{
	const struct toc_entry *t = task->entry;

	if (task->unchecked)
		return definition_unchecked(t->defn, a);
	if (strcmp(t->desc, "STATISTICS") != 0 || p->no_owner || !*t->owner)
		return arena_strdup(a, t->defn);
	return arena_printf(a, "%s\nALTER STATISTICS %s.%s OWNER TO %s", t->defn, pg_quote_ident(a, t->schema),
	        pg_quote_ident(a, t->tag), pg_quote_ident(a, t->owner));
}

static bool run(struct post *p, const char *sql, struct err *e)
{
	for (unsigned attempt = 1;; attempt++) {
		struct err now = ERR_INIT;

		if (pg_exec(p->session, sql, &now))
			return true;
		if (now.kind != ERR_CONFLICT || attempt == DEADLOCK_TRIES) {
			*e = now;
			return false;
		}
	}
}

bool post_build(struct post *p, const struct graph_task *t, unsigned parallel, struct err *e)
{
	struct arena a = ARENA_INIT;
	bool ok = (!p->encoding || set_encoding(p, p->encoding, e)) && set_parallel(p, parallel, e) &&
	          set_tablespace(p, t->entry->tablespace, e) && set_merging(p, t->visible, e) &&
	          set_silent(p, true, e) && run(p, statement(p, t, &a), e);

	arena_release(&a);
	return ok;
}

bool post_analyze(struct post *p, const struct graph_task *t, size_t first, size_t count, struct err *e)
{
	struct buf sql = BUF_INIT;
	bool ok;

	buf_add(&sql, t->only ? "ANALYZE ONLY " : "ANALYZE ");
	for (size_t i = first; i < first + count; i++)
		buf_addf(&sql, "%s%s", i > first ? ", " : "", t->names[i]);
	ok = post_speak_utf8(p, e) && run(p, buf_str(&sql), e);
	buf_release(&sql);
	return ok;
}

bool post_violates(const struct pg_session *s)
{
	return strncmp(pg_session_sqlstate(s), "23", 2) == 0;
}

/* pg_dump writes in the encoding of its database. */
const char *post_encoding(const struct contents *c)
{
	const char *encoding = c->database.encoding;

	return strcmp(encoding, "UTF8") && strcmp(encoding, "SQL_ASCII") ? encoding : NULL;
}

/* A source that keeps standard_conforming_strings off has written backslashes twice; the archive says so itself. */
bool post_read_strings(struct pg_session *s, const struct toc *toc, struct err *e)
{
	for (size_t i = 0; i < toc->count; i++)
		if (strcmp(toc->entries[i].desc, "STDSTRINGS") == 0)
			return pg_exec(s, toc->entries[i].defn, e);
	return true;
}
