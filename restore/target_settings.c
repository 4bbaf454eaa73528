#include "restore/acl.h"
#include "restore/target_internal.h"

#define NAME_MARK "%1$s" /* stands for the database's name in a recorded statement */

void target_take_properties(struct pg_database *out, const struct pg_database *from)
{
	out->owner = from->owner;
	out->acl = from->acl;
	out->comment = from->comment;
	out->settings = from->settings;
	out->connection_limit = from->connection_limit;
	out->is_template = from->is_template;
}

/* Marks inside quoted names are those names' own bytes. */
char *target_setting(const char *statement, const char *name, struct arena *a)
{
	bool quoted = false;

	for (const char *p = statement; *p; p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (!quoted && strncmp(p, NAME_MARK, strlen(NAME_MARK)) == 0)
			return arena_printf(
			        a, "%.*s%s%s", (int)(p - statement), statement, name, p + strlen(NAME_MARK));
	}
	return arena_strdup(a, statement);
}

/* One statement outside any transaction; what the server refuses is a finding, a lost connection an error. */
static bool apply(struct target *t, const char *sql, const char *what, struct findings *f, struct err *e)
{
	struct err why = ERR_INIT;

	if (pg_exec(t->maintenance, sql, &why))
		return true;
	if (why.kind != ERR_FAILED || !*pg_session_sqlstate(t->maintenance)) {
		*e = why;
		return err_wrap(e, "%s", what);
	}
	findings_add(f, what, why.msg, false);
	return true;
}

static bool apply_acl(
        struct target *t, const struct pg_database *d, const char *quoted, struct findings *f, struct err *e)
{
	struct buf sql = BUF_INIT;
	char *object = xasprintf("DATABASE %s", quoted), *owner = NULL;
	const char *name = t->working;
	bool ok = pg_query_value(&owner, t->maintenance,
	                  "SELECT pg_catalog.pg_get_userbyid(datdba) FROM pg_catalog.pg_database WHERE datname = $1", 1,
	                  &name, e) &&
	          acl_statements(&sql, t->maintenance, object, owner, d->acl, e);

	if (ok && sql.len)
		ok = apply(t, buf_str(&sql), "privileges of the database", f, e);
	buf_release(&sql);
	free(owner);
	free(object);
	return ok;
}

bool target_apply_settings(
        struct target *t, const struct pg_database *d, bool no_owner, bool rename, struct findings *f, struct err *e)
{
	struct arena a = ARENA_INIT;
	const char *quoted = pg_quote_ident(&a, t->working);
	bool ok = no_owner || apply_acl(t, d, quoted, f, e);

	for (size_t i = 0; ok && i < d->settings.count; i++) {
		bool of_role = strncmp(d->settings.items[i], "ALTER ROLE", strlen("ALTER ROLE")) == 0;

		if (!of_role || !no_owner)
			ok = apply(
			        t, target_setting(d->settings.items[i], quoted, &a), "settings of the database", f, e);
	}
	/* A made one carries our own comment until here, and keeps it with the working name. */
	if (ok && rename && (d->comment || t->state == TARGET_MISSING))
		ok = apply(t,
		        arena_printf(&a, "COMMENT ON DATABASE %s IS %s", quoted,
		                d->comment ? pg_quote_literal(&a, d->comment) : "NULL"),
		        "comment on the database", f, e);
	arena_release(&a);
	return ok;
}
