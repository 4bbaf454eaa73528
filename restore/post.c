#include "restore/post.h"

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
	ok = pg_execf(p->session, e, "SET default_tablespace = %s",
		*tablespace ? pg_quote_ident(&a, tablespace) : "''");
	arena_release(&a);
	return ok;
}

/* What pg_restore would run: the definition, and the owner of what has one. */
static char *statement(const struct post *p, const struct toc_entry *t, struct arena *a)
{
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

bool post_build(struct post *p, const struct toc_entry *entry, unsigned parallel, struct err *e)
{
	struct arena a = ARENA_INIT;
	bool ok = set_parallel(p, parallel, e) && set_tablespace(p, entry->tablespace, e) &&
		run(p, statement(p, entry, &a), e);

	arena_release(&a);
	return ok;
}

bool post_analyze(struct post *p, const struct graph_task *t, struct err *e)
{
	struct buf sql = BUF_INIT;
	bool ok;

	buf_add(&sql, t->only ? "ANALYZE ONLY " : "ANALYZE ");
	for (size_t i = 0; i < t->name_count; i++)
		buf_addf(&sql, "%s%s", i ? ", " : "", t->names[i]);
	ok = run(p, buf_str(&sql), e);
	buf_release(&sql);
	return ok;
}

bool post_violates(const struct pg_session *s)
{
	return strncmp(pg_session_sqlstate(s), "23", 2) == 0;
}
