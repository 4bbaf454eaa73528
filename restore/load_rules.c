/*
 * Rows of the source can break its own CHECK and NOT NULL constraints: one whose function has changed since, one put
 * into the catalogue by hand. pg_restore leaves such a table empty; here the rows come back, and the constraint stays
 * for new ones where that can be said. Not those that a table has from its parents or hands on to its children: they
 * are one with theirs.
 */
#include "restore/load_internal.h"

/*
 * Statements: take it off; put it back; put it back without looking at the rows (NULL: no way); its comment; its name;
 * what pg_dump calls it when it prints it by itself.
 */
#define RULES_SQL                                                                                                                             \
	"SELECT pg_catalog.format('ALTER TABLE ONLY %1$s DROP CONSTRAINT %2$I', r.t, conname),"                                               \
	" pg_catalog.format('ALTER TABLE ONLY %1$s ADD CONSTRAINT %2$I %3$s', r.t, conname, pg_catalog.pg_get_constraintdef(oid)),"           \
	" pg_catalog.format('ALTER TABLE ONLY %1$s ADD CONSTRAINT %2$I %3$s NOT VALID', r.t, conname, pg_catalog.pg_get_constraintdef(oid))," \
	" pg_catalog.format('COMMENT ON CONSTRAINT %2$I ON %1$s IS %3$L', r.t, conname, pg_catalog.obj_description(oid, 'pg_constraint')),"   \
	" conname, CASE contype WHEN 'c' THEN 'CHECK CONSTRAINT' ELSE 'CONSTRAINT' END"                                                       \
	" FROM pg_catalog.pg_constraint, (SELECT $1::text AS t) r"                                                                            \
	" WHERE conrelid = r.t::pg_catalog.regclass AND contype IN ('c', 'n') AND coninhcount = 0"                                            \
	" AND (connoinherit OR NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = conrelid))"
/* Before version 18 NOT NULL has no name and cannot be NOT VALID. */
#define NOT_NULL_SQL                                                                                                                \
	" UNION ALL SELECT pg_catalog.format('ALTER TABLE ONLY %1$s ALTER COLUMN %2$I DROP NOT NULL', r.t, attname),"               \
	" pg_catalog.format('ALTER TABLE ONLY %1$s ALTER COLUMN %2$I SET NOT NULL', r.t, attname), NULL, NULL, attname, 'NOT NULL'" \
	" FROM pg_catalog.pg_attribute a, (SELECT $1::text AS t) r"                                                                 \
	" WHERE attrelid = r.t::pg_catalog.regclass AND attnum > 0 AND NOT attisdropped AND attnotnull AND attidentity = ''"        \
	" AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_attribute p ON p.attrelid = i.inhparent"          \
	" WHERE i.inhrelid = r.t::pg_catalog.regclass AND p.attname = a.attname AND p.attnotnull)"
#define NAMED_NOT_NULL 180000

enum { DROP, ADD, ADD_NOT_VALID, COMMENT, NAME, KIND };

struct rules {
	PGresult *rows;
	const struct pg_table *table;
};

static const char *text(const struct rules *c, int row, int field)
{
	return PQgetisnull(c->rows, row, field) ? NULL : PQgetvalue(c->rows, row, field);
}

static bool find_rules(struct rules *c, struct pg_session *s, struct err *e)
{
	const char *name[] = { c->table->qualified };

	return pg_query(
	        &c->rows, s, pg_session_version(s) < NAMED_NOT_NULL ? RULES_SQL NOT_NULL_SQL : RULES_SQL, 1, name, e);
}

static bool drop_all(struct pg_session *s, const struct rules *c, struct err *e)
{
	for (int i = 0; i < PQntuples(c->rows); i++)
		if (!pg_exec(s, text(c, i, DROP), e))
			return false;
	return true;
}

static bool add_unchecked(
        struct load *l, struct pg_session *s, const struct rules *c, int i, const struct err *why, struct err *e)
{
	struct arena a = ARENA_INIT;
	const char *sql = text(c, i, ADD_NOT_VALID);
	bool ok = pg_exec(s, "ROLLBACK TO SAVEPOINT drtool_rule", e) && (!sql || pg_exec(s, sql, e));

	if (ok)
		findings_add(l->findings,
		        arena_printf(&a, "%s %s.%s %s", text(c, i, KIND), c->table->schema, c->table->name,
		                text(c, i, NAME)),
		        arena_printf(&a, "%s; %s", why->msg, sql ? "it was made NOT VALID" : "it was left out"), true);
	arena_release(&a);
	return ok;
}

static bool add_one(struct load *l, struct pg_session *s, const struct rules *c, int i, struct err *e)
{
	struct err why = ERR_INIT;

	if (!pg_exec(s, "SAVEPOINT drtool_rule", e))
		return false;
	if (pg_exec(s, text(c, i, ADD), &why))
		return true;
	if (strncmp(pg_session_sqlstate(s), "23", 2) == 0)
		return add_unchecked(l, s, c, i, &why, e);
	*e = why;
	return false;
}

static bool add_all(struct load *l, struct pg_session *s, const struct rules *c, struct err *e)
{
	for (int i = 0; i < PQntuples(c->rows); i++)
		if (!add_one(l, s, c, i, e) || (text(c, i, COMMENT) && !pg_exec(s, text(c, i, COMMENT), e)))
			return false;
	return true;
}

bool load_without_rules(struct load_run *r, struct err *e)
{
	const struct content_table *t = load_run_table(r, 0);
	struct pg_session *s = r->loader->session;
	bool alone = t->table.kind == PG_TABLE_PLAIN && !t->table.load_root;
	struct rules rules = { .table = &t->table };
	bool ok;

	ok = !alone || find_rules(&rules, s, e);
	ok = ok && load_run_feed(r, e) && load_run_begin(r, e) && drop_all(s, &rules, e) && load_run_copy(r, e) &&
	     add_all(r->loader->load, s, &rules, e) && load_run_count(r, e);
	ok = load_run_end(r, ok, e);
	PQclear(rules.rows);
	return ok;
}
