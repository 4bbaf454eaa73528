/* restore/retrieve_place.c - making the tables in the database, and taking them back; see retrieve_internal.h */
#include <stdlib.h>
#include <string.h>

#include "restore/render.h"
#include "restore/retrieve_internal.h"
#include "src/base/clock.h"
#include "src/base/utf8.h"
#include "src/codec/hash.h"

#define COMMENT_MARK   ", not complete"
#define PARENTS_MAX    100
#define NAME_BYTES     63
#define NOT_NULL       "_not_null"
#define NAMED_NOT_NULL 180000 /* before it NOT NULL has no name */
#define LOCK_WAIT      "SET LOCAL lock_timeout = '10s'; "

/* --- one at a time --- */

bool retrieve_lock(struct retrieve *r, struct err *e)
{
	for (size_t i = 0; i < r->count; i++) {
		const char *name = r->tables[i].out->new_qualified;
		char *text = xasprintf("drtool restore table %s", name), *got = NULL, key[24];
		uint8_t hash[SHA256_SIZE];
		int64_t number;
		bool ok;

		hash_sha256(hash, view_str(text));
		free(text);
		memcpy(&number, hash, sizeof(number));
		snprintf(key, sizeof(key), "%lld", (long long)number);
		ok = pg_query_value(&got, r->session, "SELECT pg_catalog.pg_try_advisory_lock($1::bigint)", 1,
		        (const char *const[]){ key }, e);
		if (ok && strcmp(got, "t") != 0) {
			ok = err_set(e, ERR_CONFLICT, "another restore of table %s is running", name);
			err_hint(e, "wait for it, or stop it");
		}
		free(got);
		if (!ok)
			return false;
	}
	return true;
}

/* --- what stands in the way --- */

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

static bool is_leftover(const char *kind, const char *comment)
{
	return strcmp(kind, "r") == 0 && strncmp(comment, RETRIEVE_COMMENT, strlen(RETRIEVE_COMMENT)) == 0 &&
	       ends_with(comment, COMMENT_MARK);
}

/* The killed run's own sessions may still be at work in it. */
static bool drop_leftover(struct retrieve *r, const struct retrieved *t, const char *oid, struct err *e)
{
	PGresult *ended = NULL;
	bool ok = pg_query(&ended, r->session,
	        "SELECT pg_catalog.pg_terminate_backend(a.pid, 5000) FROM pg_catalog.pg_stat_activity a"
	        " WHERE a.usename = current_user AND a.application_name = 'drtool restore'"
	        " AND a.pid <> pg_catalog.pg_backend_pid() AND EXISTS (SELECT FROM pg_catalog.pg_locks l"
	        " WHERE l.pid = a.pid AND l.relation = $1::oid)",
	        1, &oid, e);

	PQclear(ended);
	if (ok && !r->options->dry_run)
		observer_note(
		        r->obs, NOTE_INFO, "replacing %s, which an earlier run left incomplete", t->new_qualified);
	return ok && pg_execf(r->session, e, "DROP TABLE %s", t->new_qualified);
}

static bool check_name(struct retrieve *r, const struct retrieved *t, struct err *e)
{
	const char *params[] = { t->new_schema, t->new_name };
	PGresult *found = NULL;
	bool ok = pg_query(&found, r->session,
	        "SELECT c.oid, c.relkind, COALESCE(pg_catalog.obj_description(c.oid, 'pg_class'), '')"
	        " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	        " WHERE n.nspname = $1 AND c.relname = $2 UNION ALL SELECT t.oid, 'type', ''"
	        " FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace"
	        " WHERE n.nspname = $1 AND t.typname = $2 AND t.typrelid = 0 AND t.typelem = 0",
	        2, params, e);

	if (ok && PQntuples(found)) {
		if (is_leftover(PQgetvalue(found, 0, 1), PQgetvalue(found, 0, 2))) {
			ok = drop_leftover(r, t, PQgetvalue(found, 0, 0), e);
		} else {
			ok = err_set(e, ERR_REFUSED, "%s exists already", t->new_qualified);
			if (strncmp(PQgetvalue(found, 0, 2), RETRIEVE_COMMENT, strlen(RETRIEVE_COMMENT)) == 0)
				err_hint(e,
				        "an earlier restore made it and nothing is ever put over it; when it is not needed: DROP TABLE %s",
				        t->new_qualified);
			else
				err_hint(e, "name a schema where the name is free: --schema restored");
		}
	}
	PQclear(found);
	return ok;
}

static bool has_schema(bool *out, struct retrieve *r, const char *schema, struct err *e)
{
	char *got = NULL;
	bool ok = pg_query_value(&got, r->session,
	        "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)", 1, &schema, e);

	*out = ok && strcmp(got, "t") == 0;
	free(got);
	return ok;
}

static bool prepare_schema(struct retrieve *r, const char *schema, struct err *e)
{
	struct arena a = ARENA_INIT;
	bool there, ok = has_schema(&there, r, schema, e);

	if (ok && !there && !r->options->schema) {
		ok = err_set(e, ERR_REFUSED, "there is no schema \"%s\" in this database", schema);
		err_hint(e, "name the one where the table is to go: --schema restored (it is created when missing)");
	} else if (ok && !there) {
		ok = pg_execf(r->session, e, "CREATE SCHEMA %s", pg_quote_ident(&a, schema)) ||
		     err_wrap(e, "create schema \"%s\"", schema);
		r->made_schema = ok;
	}
	arena_release(&a);
	return ok;
}

/* --- the empty tables --- */

static bool speak(struct retrieve *r, const char *encoding, struct err *e)
{
	struct arena a = ARENA_INIT;
	bool ok = strcmp(encoding, "SQL_ASCII") == 0 ||
	          pg_execf(r->session, e, "SET LOCAL client_encoding = %s", pg_quote_literal(&a, encoding));

	arena_release(&a);
	return ok;
}

/* The archive's text, with its own idea of backslashes. */
static bool speak_as_archive(struct retrieve *r, struct err *e)
{
	for (size_t i = 0; i < r->toc->count; i++)
		if (strcmp(r->toc->entries[i].desc, "STDSTRINGS") == 0 &&
		        !pg_exec(r->session, r->toc->entries[i].defn, e))
			return false;
	return speak(r, r->contents.database.encoding, e);
}

static bool speak_utf8(struct retrieve *r, struct err *e)
{
	return pg_exec(r->session, "SET standard_conforming_strings = on", e) && speak(r, "UTF8", e);
}

struct creation {
	struct retrieve *r;
	bool unlogged;
	const char *parents[PARENTS_MAX]; /* tables made only to inherit their columns */
	size_t parent_count;
};

static bool run_definition(struct creation *c, const char *sql, const struct toc_entry *entry, struct err *e)
{
	struct pg_session *s = c->r->session;
	struct buf filtered = BUF_INIT;
	struct arena a = ARENA_INIT;
	const char *space = c->r->no_tablespaces ? "" : entry->tablespace;
	bool ok = render_filter(&filtered, view_str(sql), pg_session_version(s), e) &&
	          pg_execf(s, e, "SET LOCAL default_tablespace = %s", *space ? pg_quote_ident(&a, space) : "''") &&
	          (!*entry->table_am || pg_execf(s, e, "SET LOCAL default_table_access_method = %s",
	                                        pg_quote_ident(&a, entry->table_am))) &&
	          pg_exec(s, buf_str(&filtered), e);

	buf_release(&filtered);
	arena_release(&a);
	return ok;
}

static const struct toc_entry *find_table(const struct toc *toc, const struct definition_parent *p)
{
	for (size_t i = 0; i < toc->count; i++)
		if (strcmp(toc->entries[i].desc, "TABLE") == 0 && strcmp(toc->entries[i].tag, p->name) == 0 &&
		        strcmp(toc->entries[i].schema, p->schema) == 0)
			return &toc->entries[i];
	return NULL;
}

/* What the server calls a NOT NULL by itself: both names shortened until they fit, the longer one first. */
static const char *not_null_name(struct arena *a, const char *table, const char *column)
{
	size_t n = strlen(table), m = strlen(column);

	while (n + m > NAME_BYTES - strlen(NOT_NULL) - 1) {
		if (n > m)
			n--;
		else
			m--;
	}
	return arena_printf(a, "%.*s_%.*s" NOT_NULL, (int)utf8_fit(table, strlen(table), n), table,
	        (int)utf8_fit(column, strlen(column), m), column);
}

/* pg_dump leaves such a name out where it is the server's own for this table; it is to be that, not the new table's. */
static bool name_not_nulls(
        struct creation *c, const struct toc_entry *entry, const char *as, const char *as_name, struct err *e)
{
	struct pg_session *s = c->r->session;
	struct arena *a = &c->r->arena;
	PGresult *found = NULL;
	bool ok = true;

	if (pg_session_version(s) < NAMED_NOT_NULL)
		return true;
	ok = pg_query(&found, s,
	        "SELECT n.conname, a.attname FROM pg_catalog.pg_constraint n JOIN pg_catalog.pg_attribute a"
	        " ON a.attrelid = n.conrelid AND a.attnum = n.conkey[1]"
	        " WHERE n.conrelid = $1::pg_catalog.regclass AND n.contype = 'n' AND n.conislocal",
	        1, &as, e);
	for (int i = 0; ok && i < PQntuples(found); i++) {
		const char *name = PQgetvalue(found, i, 0), *column = PQgetvalue(found, i, 1);
		const char *wanted = not_null_name(a, entry->tag, column);

		/* cut short, the two can be the same */
		if (strcmp(name, not_null_name(a, as_name, column)) == 0 && strcmp(name, wanted) != 0)
			ok = pg_execf(s, e, "ALTER TABLE %s RENAME CONSTRAINT %s TO %s", as, pg_quote_ident(a, name),
			        pg_quote_ident(a, wanted));
	}
	PQclear(found);
	return ok;
}

static bool create_as(
        struct creation *c, const struct toc_entry *entry, const char *schema, const char *name, struct err *e);

/* Inherited columns stand in the definition of the other table: that one is made for a moment, and let go of again. */
static bool create_parents(
        const char ***out, struct creation *c, const struct definition_table *d, const char *schema, struct err *e)
{
	struct arena *a = &c->r->arena;

	*out = d->parent_count ? arena_alloc(a, d->parent_count * sizeof(**out)) : NULL;
	for (size_t i = 0; i < d->parent_count; i++) {
		const struct toc_entry *parent = find_table(c->r->toc, &d->parents[i]);

		if (!parent || c->parent_count == PARENTS_MAX)
			return err_set(e, ERR_FAILED, "it inherits from %s.%s, which cannot be made",
			        d->parents[i].schema, d->parents[i].name);
		const char *name = arena_printf(
		        a, "drtool_parent_%d_%zu", pg_session_pid(c->r->session), c->parent_count);

		(*out)[i] = c->parents[c->parent_count++] = arena_printf(
		        a, "%s.%s", pg_quote_ident(a, schema), pg_quote_ident(a, name));
		if (!create_as(c, parent, schema, name, e))
			return false;
	}
	return true;
}

static bool create_as(
        struct creation *c, const struct toc_entry *entry, const char *schema, const char *name, struct err *e)
{
	struct arena *a = &c->r->arena;
	const char *as = arena_printf(a, "%s.%s", pg_quote_ident(a, schema), pg_quote_ident(a, name));
	const struct definition_names n = { .table_schema = entry->schema, .table = entry->tag, .new_table = as };
	struct definition_table d;
	const char **parents;

	if (!definition_of_table(&d, entry->defn, &n, c->unlogged, NULL, a, e) ||
	        !create_parents(&parents, c, &d, schema, e) ||
	        !definition_of_table(&d, entry->defn, &n, c->unlogged, parents, a, e) ||
	        !run_definition(c, d.sql, entry, e))
		return false;
	for (size_t i = 0; i < d.parent_count; i++)
		if (!pg_execf(c->r->session, e, "ALTER TABLE %s NO INHERIT %s", as, parents[i]))
			return false;
	return d.typed || name_not_nulls(c, entry, as, name, e); /* which the server does not let rename */
}

/* In the archive's own encoding and strings. */
static bool create_one(struct retrieve *r, const struct retrieve_table *t, struct err *e)
{
	struct creation c = { .r = r, .unlogged = t->out->publication != NULL };

	if (!create_as(&c, t->entry, t->schema_archive, t->name_archive, e))
		return false;
	while (c.parent_count)
		if (!pg_execf(r->session, e, "DROP TABLE %s", c.parents[--c.parent_count]))
			return false;
	return true;
}

/* Indexes and constraints can be made later: names, functions and operators they need are here. */
static bool try_parts(struct retrieve *r, const struct retrieve_table *t, struct err *e)
{
	bool ok = pg_exec(r->session, "SAVEPOINT drtool_parts", e);

	for (size_t i = 0; ok && i < t->part_count; i++)
		ok = pg_exec(r->session, t->parts[i].sql, e);
	return ok && pg_exec(r->session, "ROLLBACK TO SAVEPOINT drtool_parts", e);
}

/* Default privileges may give it to others, and what kept rows of the live table from them (policies) is not here. */
static bool keep_private(struct retrieve *r, const struct retrieved *t, struct err *e)
{
	PGresult *grants = NULL;
	bool ok = pg_query(&grants, r->session,
	        "SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC'"
	        " ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(grantee)) END"
	        " FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl)"
	        " WHERE c.oid = $1::pg_catalog.regclass AND grantee <> c.relowner",
	        1, &t->new_qualified, e);

	for (int i = 0; ok && i < PQntuples(grants); i++)
		ok = pg_execf(
		        r->session, e, "REVOKE ALL ON TABLE %s FROM %s", t->new_qualified, PQgetvalue(grants, i, 0));
	PQclear(grants);
	return ok;
}

static bool set_comment(struct retrieve *r, const struct retrieved *t, const char *end, struct err *e)
{
	struct arena a = ARENA_INIT;
	const char *text = arena_printf(&a, RETRIEVE_COMMENT "%s of snapshot %s/%s%s", t->qualified,
	        r->manifest->database, r->manifest->id, end);
	bool ok = pg_execf(r->session, e, "COMMENT ON TABLE %s IS %s", t->new_qualified, pg_quote_literal(&a, text));

	arena_release(&a);
	return ok;
}

/* What is unlogged is not published: a subscriber that does not know the table would stop at its first row. */
static bool find_publications(struct retrieve *r, struct retrieved *t, struct err *e)
{
	static const char all[] =
	        "SELECT pg_catalog.string_agg(pg_catalog.quote_ident(p.pubname), ', ') FROM pg_catalog.pg_publication p"
	        " WHERE pg_catalog.current_setting('wal_level') = 'logical' AND $1::text IS NOT NULL AND (p.puballtables";
	static const char schemas[] =
	        " OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace x JOIN pg_catalog.pg_namespace n ON n.oid = x.pnnspid"
	        " WHERE x.pnpubid = p.oid AND n.nspname = $1)";
	char *sql = xasprintf("%s%s)", all, pg_session_version(r->session) >= 150000 ? schemas : ""), *got = NULL;
	bool ok = pg_query_value(&got, r->session, sql, 1, &t->new_schema, e);

	if (ok && got)
		t->publication = arena_strdup(&r->result->arena, got);
	free(got);
	free(sql);
	return ok;
}

static bool check_tablespaces(struct retrieve *r, struct err *e)
{
	PGresult *there = NULL;
	bool ok = pg_query(&there, r->session, "SELECT spcname FROM pg_catalog.pg_tablespace", 0, NULL, e);

	for (size_t i = 0; ok && i < r->toc->count && !r->no_tablespaces; i++) {
		const char *name = r->toc->entries[i].tablespace;
		bool known = !*name;

		for (int k = 0; k < PQntuples(there) && !known; k++)
			known = strcmp(PQgetvalue(there, k, 0), name) == 0;
		r->no_tablespaces = !known;
	}
	PQclear(there);
	return ok;
}

static bool create_all(struct retrieve *r, struct err *e)
{
	if (!pg_exec(r->session, "BEGIN; " LOCK_WAIT, e) || !check_tablespaces(r, e))
		return false;
	for (size_t i = 0; i < r->count; i++)
		if (!prepare_schema(r, r->tables[i].out->new_schema, e) || !check_name(r, r->tables[i].out, e) ||
		        !find_publications(r, r->tables[i].out, e))
			return false;
	if (!speak_as_archive(r, e))
		return false;
	for (size_t i = 0; i < r->count; i++)
		if (!create_one(r, &r->tables[i], e) || !try_parts(r, &r->tables[i], e))
			return err_wrap(e, "table %s", r->tables[i].out->qualified);
	if (!speak_utf8(r, e))
		return false;
	for (size_t i = 0; i < r->count; i++)
		if (!keep_private(r, r->tables[i].out, e) || !set_comment(r, r->tables[i].out, COMMENT_MARK, e))
			return false;
	return true;
}

/* --- refusals --- */

/* Extensions of the snapshot that this database does not have; "" when it has them all. */
static const char *missing_extensions(struct retrieve *r, struct arena *a)
{
	struct err ignored = ERR_INIT;
	PGresult *there = NULL;
	const char *text = "";

	if (!pg_query(&there, r->session, "SELECT extname FROM pg_catalog.pg_extension", 0, NULL, &ignored))
		return "";
	for (size_t i = 0; i < r->contents.extensions.count; i++) {
		const char *name = r->contents.extensions.items[i].name;
		bool known = false;

		for (int k = 0; k < PQntuples(there) && !known; k++)
			known = strcmp(PQgetvalue(there, k, 0), name) == 0;
		if (!known)
			text = arena_printf(a, "%s%s%s", text, *text ? ", " : "", name);
	}
	PQclear(there);
	return text;
}

static void hint_at(struct retrieve *r, const char *state, struct err *e)
{
	struct arena a = ARENA_INIT;
	const char *extensions = missing_extensions(r, &a);

	if (strcmp(state, "42501") == 0)
		err_hint(e,
		        "connect as a role that may create tables there, or name a schema that is this role's own: --schema");
	else if (strcmp(state, "25006") == 0)
		err_hint(e, "this server only reads: name the primary");
	else if (strcmp(state, "42P07") == 0)
		err_hint(e, "name a schema where the names are free: --schema restored");
	else if (*extensions)
		err_hint(e,
		        "the snapshot has extensions that this database lacks: CREATE EXTENSION %s; or restore --into a database that does not exist yet",
		        extensions);
	else
		err_hint(e, "make it as drtool cat %s prints it, or restore --into a database that does not exist yet",
		        r->manifest->id);
	arena_release(&a);
}

/* Everything was in one transaction, so a statement that the server does not take has changed nothing. */
static void refuse(struct retrieve *r, const char *state, struct err *e)
{
	static const char *const others[] = { "53", "57", "58", "XX", "08", "40", NULL };

	if (e->kind != ERR_FAILED || !*state)
		return;
	for (const char *const *class = others; *class; class ++)
		if (strncmp(state, *class, 2) == 0)
			return;
	e->kind = ERR_REFUSED;
	hint_at(r, state, e);
}

bool retrieve_create(struct retrieve *r, struct err *e)
{
	struct err why = ERR_INIT, ignored = ERR_INIT;
	char state[6] = "";

	if (create_all(r, &why)) {
		r->made = !r->options->dry_run;
		if (pg_exec(r->session, r->made ? "COMMIT" : "ROLLBACK", e))
			return true;
		return false;
	}
	snprintf(state, sizeof(state), "%s", pg_session_sqlstate(r->session));
	pg_exec(r->session, "ROLLBACK", &ignored);
	refuse(r, state, &why);
	*e = why;
	return false;
}

/* --- the end --- */

bool retrieve_complete(struct retrieve *r, struct err *e)
{
	char when[CLOCK_TEXT_SIZE], *end;
	bool ok = pg_exec(r->session, "BEGIN; SET LOCAL synchronous_commit = on", e) && speak_as_archive(r, e);

	observer_phase(r->obs, "finishing", 0, 0);
	for (size_t i = 0; ok && i < r->count; i++)
		for (size_t k = 0; ok && k < r->tables[i].part_count; k++)
			ok = !retrieve_by_hand(&r->tables[i].parts[k]) ||
			     pg_exec(r->session, r->tables[i].parts[k].sql, e) ||
			     err_wrap(e, "%s of %s", r->tables[i].parts[k].entry->desc, r->tables[i].out->qualified);
	clock_rfc3339(when, clock_utc_us());
	end = xasprintf(", restored %s", when);
	ok = ok && speak_utf8(r, e);
	for (size_t i = 0; ok && i < r->count; i++)
		ok = set_comment(r, r->tables[i].out, end, e);
	free(end);
	return ok && cancel_check(r->cancel, e) && pg_exec(r->session, "COMMIT", e);
}

void retrieve_discard(struct retrieve *r, struct buf *left)
{
	struct pg_session *s = NULL;
	struct err ignored = ERR_INIT, why = ERR_INIT;
	struct arena a = ARENA_INIT;
	bool open;

	if (!r->made)
		return;
	if (PQtransactionStatus(pg_session_conn(r->session)) != PQTRANS_IDLE)
		pg_exec(r->session, "ROLLBACK", &ignored); /* it may hold locks on them */
	open = pg_session_open(&s, r->options->target, PG_SESSION_PLAIN, "restore", NULL, &why);
	for (size_t i = 0; i < r->count; i++) {
		if (open && pg_execf(s, &why, "SET lock_timeout = '10s'; DROP TABLE IF EXISTS %s",
		                    r->tables[i].out->new_qualified))
			continue;
		buf_addf(left, "%s%s", left->len ? ", " : "", r->tables[i].out->new_qualified);
	}
	if (left->len)
		buf_add(left, " could not be removed; the next run replaces it");
	else if (open && r->made_schema)
		pg_execf(s, &ignored, "DROP SCHEMA %s", pg_quote_ident(&a, r->options->schema));
	pg_session_close(s);
	arena_release(&a);
}
