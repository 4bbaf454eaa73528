/*
 * Rows of the source can break its own CHECK constraints: one added NOT VALID, one whose function has changed since. pg_restore leaves such a table
 * empty; here the rows come back and the constraint stays for new ones.
 */
#include "restore/load_internal.h"

#define CHECKS_SQL \
	"SELECT pg_catalog.quote_ident(conname), pg_catalog.pg_get_constraintdef(oid), convalidated," \
	" pg_catalog.quote_literal(pg_catalog.obj_description(oid, 'pg_constraint')), conname" \
	" FROM pg_catalog.pg_constraint WHERE conrelid = $1::pg_catalog.regclass AND contype = 'c' ORDER BY conname"

struct check {
	PGresult *rows;
	const char *qualified;
};

static const char *column(const struct check *c, int row, int field)
{
	return PQgetvalue(c->rows, row, field);
}

static bool drop_all(struct pg_session *s, const struct check *c, struct err *e)
{
	for (int i = 0; i < PQntuples(c->rows); i++)
		if (!pg_execf(s, e, "ALTER TABLE ONLY %s DROP CONSTRAINT %s", c->qualified, column(c, i, 0)))
			return false;
	return true;
}

static bool add_not_valid(struct load *l, struct pg_session *s, const struct check *c, int i, const struct err *why, struct err *e)
{
	struct arena a = ARENA_INIT;
	bool ok = pg_exec(s, "ROLLBACK TO SAVEPOINT drtool_check", e) &&
		pg_execf(s, e, "ALTER TABLE ONLY %s ADD CONSTRAINT %s %s NOT VALID", c->qualified, column(c, i, 0), column(c, i, 1));

	if (ok)
		findings_add(l->findings, arena_printf(&a, "CHECK CONSTRAINT %s %s", c->qualified, column(c, i, 4)),
			arena_printf(&a, "%s; it was made NOT VALID", why->msg), true);
	arena_release(&a);
	return ok;
}

static bool add_all(struct load *l, struct pg_session *s, const struct check *c, struct err *e)
{
	for (int i = 0; i < PQntuples(c->rows); i++) {
		struct err why = ERR_INIT;
		bool ok = pg_exec(s, "SAVEPOINT drtool_check", e);

		if (!ok)
			return false;
		/* The definition says NOT VALID itself when it was. */
		if (!pg_execf(s, &why, "ALTER TABLE ONLY %s ADD CONSTRAINT %s %s", c->qualified, column(c, i, 0), column(c, i, 1))) {
			if (strcmp(pg_session_sqlstate(s), "23514") != 0) {
				*e = why;
				return false;
			}
			if (!add_not_valid(l, s, c, i, &why, e))
				return false;
		}
		if (!PQgetisnull(c->rows, i, 3) && !pg_execf(s, e, "COMMENT ON CONSTRAINT %s ON %s IS %s", column(c, i, 0),
							   c->qualified, column(c, i, 3)))
			return false;
	}
	return true;
}

bool load_without_checks(struct loader *l, size_t table, struct err *e)
{
	const struct content_table *t = &l->load->contents->tables[table];
	struct load_run run = { .loader = l, .tables = &table, .table_count = 1, .whole = true };
	bool alone = t->table.kind == PG_TABLE_PLAIN && !t->table.partition && !t->table.inherits && !t->table.load_root;
	struct check checks = { .qualified = t->table.qualified };
	bool ok;

	ok = !alone || pg_query(&checks.rows, l->session, CHECKS_SQL, 1, &t->table.qualified, e);
	ok = ok && load_run_feed(&run, e) && load_run_begin(&run, e) && drop_all(l->session, &checks, e) &&
		load_run_copy(&run, e) && add_all(l->load, l->session, &checks, e);
	ok = load_run_end(&run, ok, e);
	PQclear(checks.rows);
	return ok;
}
