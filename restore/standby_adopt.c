/* restore/standby_adopt.c - the standby copy gets what the live database has been given since; see standby.h */
#include <string.h>

#include "restore/acl.h"
#include "restore/acl_text.h"
#include "restore/standby.h"
#include "restore/target.h"

struct adopting {
	struct pg_session *session;
	const char *quoted; /* the copy's name */
	const struct pg_database *now, *live;
	struct arena arena;
};

/* With other privileges or settings it must not go live, and a restore would be refused the same after all its work. */
static bool refused(struct err *e, const char *what, const char *why)
{
	err_set(e, ERR_REFUSED, "%s of the standby copy could not be made those of the live database: %s", what, why);
	return err_hint(e,
	        "restore as a superuser, give the live database what this role may give as well, or leave the copy out: --no-standby");
}

static bool apply(struct adopting *d, const char *sql, const char *what, struct err *e)
{
	struct err why = ERR_INIT;

	if (pg_exec(d->session, sql, &why))
		return true;
	if (why.kind == ERR_FAILED && *pg_session_sqlstate(d->session))
		return refused(e, what, why.msg);
	*e = why;
	return err_wrap(e, "%s of the standby copy", what);
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_privileges(const struct pg_database *a, const struct pg_database *b, struct arena *arena)
{
	return same_text(acl_text_canonical(a->acl, a->owner, "CTc", "Tc", arena),
	        acl_text_canonical(b->acl, b->owner, "CTc", "Tc", arena));
}

static bool adopt_owner(struct adopting *d, struct err *e)
{
	if (same_text(d->now->owner, d->live->owner))
		return true;
	return apply(d,
	        arena_printf(&d->arena, "ALTER DATABASE %s OWNER TO %s", d->quoted,
	                pg_quote_ident(&d->arena, d->live->owner)),
	        "the owner", e);
}

/* Everything that was granted goes, then what is granted there comes; without a list of its own a database has the
 * default. */
static bool adopt_privileges(struct adopting *d, struct err *e)
{
	struct arena *a = &d->arena;
	const char *object = arena_printf(a, "DATABASE %s", d->quoted), *owner = d->live->owner;
	struct buf sql = BUF_INIT;
	PGresult *r = NULL;
	bool ok;

	if (same_privileges(d->now, d->live, a))
		return true;
	ok = pg_query(&r, d->session,
	        "SELECT DISTINCT pg_catalog.pg_get_userbyid(grantee) FROM pg_catalog.aclexplode(NULLIF($1::text, '{}')::pg_catalog.aclitem[])"
	        " WHERE grantee <> 0",
	        1, &d->now->acl, e);
	for (int i = 0; ok && i < PQntuples(r); i++)
		buf_addf(&sql, "REVOKE ALL ON %s FROM %s CASCADE;", object, pg_quote_ident(a, PQgetvalue(r, i, 0)));
	if (ok && d->live->acl)
		ok = acl_statements(&sql, d->session, object, owner, d->live->acl, e);
	else
		buf_addf(&sql, "GRANT ALL ON %s TO %s;GRANT CONNECT, TEMPORARY ON %s TO PUBLIC;", object,
		        pg_quote_ident(a, owner), object);
	ok = ok && apply(d, buf_str(&sql), "the privileges", e);
	PQclear(r);
	buf_release(&sql);
	return ok;
}

static bool has_setting(const struct pg_text_list *l, const char *statement)
{
	bool found = false;

	for (size_t i = 0; i < l->count && !found; i++)
		found = strcmp(l->items[i], statement) == 0;
	return found;
}

static bool same_settings(const struct pg_text_list *a, const struct pg_text_list *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same = has_setting(b, a->items[i]);
	return same;
}

/* Those that begin so: has the live database one no longer? */
static bool has_surplus(const struct adopting *d, const char *prefix)
{
	bool surplus = false;

	for (size_t i = 0; i < d->now->settings.count && !surplus; i++) {
		const char *statement = d->now->settings.items[i];

		surplus = strncmp(statement, prefix, strlen(prefix)) == 0 &&
		          !has_setting(&d->live->settings, statement);
	}
	return surplus;
}

/* Only where something has to go: what nobody has changed may be beyond this role. */
static bool reset_settings(struct adopting *d, struct err *e)
{
	const char *name = d->now->name;
	PGresult *r = NULL;
	bool ok = pg_query(&r, d->session,
	        "SELECT r.rolname FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_roles r ON r.oid = s.setrole"
	        " JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase WHERE d.datname = $1",
	        1, &name, e);

	if (ok && has_surplus(d, "ALTER DATABASE "))
		ok = apply(d, arena_printf(&d->arena, "ALTER DATABASE %s RESET ALL", d->quoted), "the settings", e);
	for (int i = 0; ok && i < PQntuples(r); i++) {
		const char *role = pg_quote_ident(&d->arena, PQgetvalue(r, i, 0));

		if (has_surplus(d, arena_printf(&d->arena, "ALTER ROLE %s IN DATABASE ", role)))
			ok = apply(d,
			        arena_printf(&d->arena, "ALTER ROLE %s IN DATABASE %s RESET ALL", role, d->quoted),
			        "the settings", e);
	}
	PQclear(r);
	return ok;
}

static bool adopt_settings(struct adopting *d, struct err *e)
{
	const struct pg_text_list *wanted = &d->live->settings;
	struct pg_database left;

	if (same_settings(&d->now->settings, wanted))
		return true;
	if (!reset_settings(d, e) || !pg_catalog_database_named(&left, d->session, d->now->name, &d->arena, e))
		return false;
	for (size_t i = 0; i < wanted->count; i++)
		if (!has_setting(&left.settings, wanted->items[i]) &&
		        !apply(d, target_setting(wanted->items[i], d->quoted, &d->arena), "the settings", e))
			return false;
	return true;
}

static bool adopt_limits(struct adopting *d, struct err *e)
{
	struct arena *a = &d->arena;
	int limit = d->live->connection_limit < 0 ? -1 : d->live->connection_limit; /* half dropped: -2 */

	if (d->now->connection_limit != limit &&
	        !apply(d, arena_printf(a, "ALTER DATABASE %s CONNECTION LIMIT %d", d->quoted, limit),
	                "the connection limit", e))
		return false;
	return d->now->is_template == d->live->is_template ||
	       apply(d,
	               arena_printf(a, "ALTER DATABASE %s IS_TEMPLATE %s", d->quoted,
	                       d->live->is_template ? "true" : "false"),
	               "the template mark", e);
}

/* Of what it may not take away the server only warns. */
static bool check(struct adopting *d, struct err *e)
{
	struct pg_database now;

	if (!pg_catalog_database_named(&now, d->session, d->now->name, &d->arena, e))
		return false;
	if (!same_text(now.owner, d->live->owner))
		return refused(e, "the owner", "it stays another");
	if (!same_privileges(&now, d->live, &d->arena))
		return refused(e, "the privileges", "some cannot be taken away or given");
	if (!same_settings(&now.settings, &d->live->settings))
		return refused(e, "the settings", "some cannot be taken away or given");
	return true;
}

bool standby_adopt(struct pg_session *s, const char *name, const struct pg_database *live, struct err *e)
{
	struct adopting d = { .session = s, .live = live };
	struct pg_database now = { 0 };
	bool ok = pg_catalog_database_named(&now, s, name, &d.arena, e);

	d.now = &now;
	d.quoted = pg_quote_ident(&d.arena, name);
	ok = ok && adopt_owner(&d, e) && adopt_privileges(&d, e) && adopt_settings(&d, e) && adopt_limits(&d, e) &&
	     check(&d, e);
	arena_release(&d.arena);
	return ok;
}
