/*
 * Rows of the source can break its own CHECK and NOT NULL constraints: one whose function has changed since, one put
 * into the catalogue by hand. pg_restore leaves such a table empty; here the rows come back, and the constraint stays
 * for new ones where that can be said. Rules that a table has from its parents are taken off and put back there, with
 * those of all their children.
 */
#include "restore/load_internal.h"

#define LEVELS         16     /* constraints of one name at several levels of inheritance: one level after the other */
#define NAMED_NOT_NULL 180000 /* before it NOT NULL has no name and cannot be NOT VALID */

/*
 * $1: the table, or the root its rows go through; $2: 'own', 'up' for its parents too, 'down' for its children; $3: not
 * ours alone: the types are others' as well.
 */
#define KIN_SQL                                                                                                       \
	"WITH RECURSIVE kin (t) AS (SELECT $1::pg_catalog.regclass::oid"                                              \
	" UNION SELECT CASE $2 WHEN 'up' THEN i.inhparent ELSE i.inhrelid END FROM kin JOIN pg_catalog.pg_inherits i" \
	" ON t = CASE $2 WHEN 'up' THEN i.inhrelid WHEN 'down' THEN i.inhparent END)"
/* All types in the columns, however deep. */
#define USED_SQL                                                                                                           \
	", used (t) AS (SELECT a.atttypid FROM kin JOIN pg_catalog.pg_attribute a ON a.attrelid = kin.t"                   \
	" AND a.attnum > 0 AND NOT a.attisdropped UNION SELECT n.t FROM used JOIN pg_catalog.pg_type y ON y.oid = used.t," \
	" LATERAL (SELECT y.typbasetype UNION ALL SELECT y.typelem UNION ALL SELECT g.rngsubtype"                          \
	" FROM pg_catalog.pg_range g WHERE g.rngtypid = y.oid UNION ALL SELECT f.atttypid FROM pg_catalog.pg_attribute f"  \
	" WHERE f.attrelid = y.typrelid AND f.attnum > 0 AND NOT f.attisdropped) n (t) WHERE n.t <> 0)"
/* NOT NULL stands in each table of a family; the topmost is to go first, and to come back last. */
#define FALL_SQL                                                                                                             \
	", fall (t, attname, depth) AS (SELECT a.attrelid, a.attname, 0 FROM kin JOIN pg_catalog.pg_attribute a"             \
	" ON a.attrelid = kin.t AND attnum > 0 AND NOT attisdropped AND attnotnull AND attidentity = ''"                     \
	" AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_attribute p ON p.attrelid = i.inhparent"   \
	" WHERE i.inhrelid = kin.t AND p.attname = a.attname AND p.attnotnull)"                                              \
	" UNION ALL SELECT a.attrelid, a.attname, depth + 1 FROM fall JOIN pg_catalog.pg_inherits i ON i.inhparent = fall.t" \
	" JOIN pg_catalog.pg_attribute a ON a.attrelid = i.inhrelid AND a.attname = fall.attname AND a.attnotnull"           \
	" WHERE $2 <> 'own')"

/*
 * Statements: take it off; put it back; put it back without looking at the rows (NULL: no way); its comment; what
 * pg_dump calls it when it prints it by itself; what is left when it cannot be put back; in which order.
 */
#define CHECK_SQL                                                                                                               \
	" SELECT pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', r.q, conname),"                                         \
	" pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', r.q, conname, r.def),"                                       \
	" pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', r.q, conname, r.def),"                             \
	" pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', conname, r.q, r.comment),"                                  \
	" CASE contype WHEN 'c' THEN 'CHECK ' ELSE '' END || 'CONSTRAINT ' || r.named || ' ' || conname,"                       \
	" 'it was made NOT VALID', 0"                                                                                           \
	" FROM kin JOIN pg_catalog.pg_constraint c ON conrelid = kin.t, LATERAL (SELECT kin.t::pg_catalog.regclass::text AS q," \
	" pg_catalog.pg_get_constraintdef(c.oid) AS def, pg_catalog.obj_description(c.oid, 'pg_constraint') AS comment,"        \
	" n.nspname || '.' || k.relname AS named FROM pg_catalog.pg_class k"                                                    \
	" JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace WHERE k.oid = kin.t) r"                                      \
	" WHERE contype IN ('c', 'n') AND coninhcount = 0 AND ($2 <> 'own' OR connoinherit"                                     \
	" OR NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = conrelid))"
#define NOT_NULL_SQL                                                                                                    \
	" UNION ALL SELECT pg_catalog.format('ALTER TABLE %s%s ALTER COLUMN %I DROP NOT NULL',"                         \
	" CASE $2 WHEN 'own' THEN 'ONLY ' ELSE '' END, fall.t::pg_catalog.regclass, attname),"                          \
	" pg_catalog.format('ALTER TABLE ONLY %s ALTER COLUMN %I SET NOT NULL', fall.t::pg_catalog.regclass, attname)," \
	" NULL, NULL, 'NOT NULL ' || n.nspname || '.' || k.relname || ' ' || attname, 'it was left out', depth"         \
	" FROM fall JOIN pg_catalog.pg_class k ON k.oid = fall.t JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace"
/* A domain's constraints are checked wherever it is used. */
#define DOMAIN_SQL                                                                                                    \
	" UNION ALL SELECT pg_catalog.format('ALTER DOMAIN %s DROP CONSTRAINT %I', r.q, conname),"                    \
	" pg_catalog.format('ALTER DOMAIN %s ADD CONSTRAINT %I %s', r.q, conname, r.def),"                            \
	" pg_catalog.format('ALTER DOMAIN %s ADD CONSTRAINT %I %s NOT VALID', r.q, conname, r.def),"                  \
	" pg_catalog.format('COMMENT ON CONSTRAINT %I ON DOMAIN %s IS %L', conname, r.q, r.comment),"                 \
	" 'CHECK CONSTRAINT ' || r.named || ' ' || conname, 'it was made NOT VALID', 0"                               \
	" FROM used JOIN pg_catalog.pg_constraint c ON contypid = used.t, LATERAL (SELECT"                            \
	" pg_catalog.format_type(used.t, NULL) AS q, pg_catalog.pg_get_constraintdef(c.oid) AS def,"                  \
	" pg_catalog.obj_description(c.oid, 'pg_constraint') AS comment, n.nspname || '.' || y.typname AS named"      \
	" FROM pg_catalog.pg_type y JOIN pg_catalog.pg_namespace n ON n.oid = y.typnamespace WHERE y.oid = used.t) r" \
	" WHERE contype = 'c' AND $2 <> 'own' AND NOT $3::bool"
/* Where the domain is not ours to change, the column does without it. */
#define COLUMN_SQL                                                                                                                  \
	" UNION ALL SELECT pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I TYPE %s', r.q, attname, b.base),"                      \
	" pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I TYPE %s', r.q, attname, r.type), NULL, NULL,"                           \
	" 'COLUMN ' || r.named || '.' || attname, 'its type is ' || b.base, 1"                                                      \
	" FROM kin JOIN pg_catalog.pg_attribute a ON a.attrelid = kin.t AND attnum > 0 AND NOT attisdropped"                        \
	" JOIN pg_catalog.pg_type y ON y.oid = a.atttypid AND y.typtype = 'd',"                                                     \
	" LATERAL (SELECT kin.t::pg_catalog.regclass::text AS q, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,"          \
	" n.nspname || '.' || k.relname AS named FROM pg_catalog.pg_class k"                                                        \
	" JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace WHERE k.oid = kin.t) r,"                                         \
	" LATERAL (WITH RECURSIVE down (t, typmod) AS (SELECT y.typbasetype, y.typtypmod UNION ALL"                                 \
	" SELECT d.typbasetype, d.typtypmod FROM down JOIN pg_catalog.pg_type d ON d.oid = down.t AND d.typtype = 'd')"             \
	" SELECT pg_catalog.format_type(t, typmod) FROM down JOIN pg_catalog.pg_type e ON e.oid = t AND e.typtype <> 'd') b (base)" \
	" WHERE $2 <> 'own' AND $3::bool"
#define ORDER_SQL " ORDER BY 7"

enum { DROP, ADD, ADD_NOT_VALID, COMMENT, OBJECT, LEFT };

struct rules {
	PGresult *found[LEVELS];
	size_t count;
};

static const char *text(const PGresult *r, int row, int field)
{
	return PQgetisnull(r, row, field) ? NULL : PQgetvalue(r, row, field);
}

static bool find_rules(PGresult **out, const struct load_run *r, const char *which, struct err *e)
{
	struct pg_session *s = r->loader->session;
	const struct pg_table *t = &load_run_table(r, 0)->table;
	const char *params[] = { t->load_root ? t->load_root : t->qualified, which,
		r->loader->load->beside ? "true" : "false" };

	return pg_query(out, s,
	        pg_session_version(s) < NAMED_NOT_NULL
	                ? KIN_SQL USED_SQL FALL_SQL CHECK_SQL NOT_NULL_SQL DOMAIN_SQL COLUMN_SQL ORDER_SQL
	                : KIN_SQL USED_SQL CHECK_SQL DOMAIN_SQL COLUMN_SQL ORDER_SQL,
	        3, params, e);
}

static bool drop_found(struct pg_session *s, const PGresult *r, struct err *e)
{
	for (int i = 0; i < PQntuples(r); i++)
		if (!pg_exec(s, text(r, i, DROP), e))
			return false;
	return true;
}

/* What a child has of its own as well shows when its parents' is gone. */
static bool drop_all(struct rules *c, const struct load_run *r, bool family, struct err *e)
{
	const char *which = load_run_table(r, 0)->table.load_root ? "down" : family ? "up" : "own";
	bool more = true;

	while (more && c->count < LEVELS) {
		PGresult **found = &c->found[c->count];

		if (!find_rules(found, r, which, e))
			return false;
		more = PQntuples(*found) > 0 && family;
		c->count++;
		if (!drop_found(r->loader->session, *found, e))
			return false;
	}
	return true;
}

static bool add_unchecked(
        struct load *l, struct pg_session *s, const PGresult *r, int i, const struct err *why, struct err *e)
{
	struct arena a = ARENA_INIT;
	const char *sql = text(r, i, ADD_NOT_VALID);
	bool ok = pg_exec(s, "ROLLBACK TO SAVEPOINT drtool_rule", e) && (!sql || pg_exec(s, sql, e));

	if (ok)
		findings_add(
		        l->findings, text(r, i, OBJECT), arena_printf(&a, "%s; %s", why->msg, text(r, i, LEFT)), true);
	arena_release(&a);
	return ok;
}

/* The rows break it; or one below it, or one that uses it, is there unchecked, and so must this be. */
static bool must_be_unchecked(const char *sqlstate)
{
	return strncmp(sqlstate, "23", 2) == 0 || strcmp(sqlstate, "42P16") == 0 || strcmp(sqlstate, "0A000") == 0;
}

static bool add_one(struct load *l, struct pg_session *s, const PGresult *r, int i, struct err *e)
{
	struct err why = ERR_INIT;

	if (!pg_exec(s, "SAVEPOINT drtool_rule", e))
		return false;
	if (pg_exec(s, text(r, i, ADD), &why))
		return true;
	if (must_be_unchecked(pg_session_sqlstate(s)))
		return add_unchecked(l, s, r, i, &why, e);
	*e = why;
	return false;
}

/* Last taken off, first put back. */
static bool add_all(struct load *l, struct pg_session *s, const struct rules *c, struct err *e)
{
	for (size_t level = c->count; level-- > 0;) {
		const PGresult *r = c->found[level];

		for (int i = PQntuples(r); i-- > 0;)
			if (!add_one(l, s, r, i, e) || (text(r, i, COMMENT) && !pg_exec(s, text(r, i, COMMENT), e)))
				return false;
	}
	return true;
}

bool load_without_rules(struct load_run *r, bool family, struct err *e)
{
	const struct pg_table *t = &load_run_table(r, 0)->table;
	struct pg_session *s = r->loader->session;
	struct rules rules = { .count = 0 };
	bool ok = load_run_feed(r, e) && load_run_begin(r, e);

	ok = ok && (t->kind != PG_TABLE_PLAIN || drop_all(&rules, r, family, e)) && load_run_copy(r, e) &&
	     add_all(r->loader->load, s, &rules, e) && load_run_count(r, e);
	ok = load_run_end(r, ok, e);
	for (size_t i = 0; i < rules.count; i++)
		PQclear(rules.found[i]);
	return ok;
}
