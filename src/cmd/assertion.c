/* src/cmd/assertion.c - see assertion.h */
#include "src/cmd/assertion.h"

#include "src/cmd/confirm.h"
#include "src/cmd/say.h"
#include "src/pg/session.h"

#define ENV_MAX 40

/* --- queries --- */

static bool holds(const char *value)
{
	char *end;
	double number;

	if (strcmp(value, "t") == 0 || strcmp(value, "true") == 0)
		return true;
	number = strtod(value, &end);
	return *value && !*end && number != 0;
}

/* What it gave, unless that may be somebody's data. */
static const char *outcome(const PGresult *r)
{
	const char *value;

	if (PQntuples(r) == 0 || PQnfields(r) == 0)
		return "no row";
	if (PQgetisnull(r, 0, 0))
		return "NULL";
	value = PQgetvalue(r, 0, 0);
	if (strcmp(value, "f") == 0)
		return "false";
	return strcmp(value, "0") == 0 ? "0" : "neither true nor a number";
}

static bool check_query(struct pg_session *s, const char *query, size_t number, struct err *e)
{
	PGresult *r = NULL;
	bool ok;

	if (!pg_exec(s, "BEGIN READ ONLY", e) || !pg_query(&r, s, query, 0, NULL, e)) {
		err_hint(e, "the live database is as it was; the query must be one SELECT");
		return err_wrap(e, "--check-sql %zu", number);
	}
	ok = PQntuples(r) > 0 && PQnfields(r) > 0 && !PQgetisnull(r, 0, 0) && holds(PQgetvalue(r, 0, 0));
	if (!ok)
		err_set(e, ERR_DIFFERS, "--check-sql %zu gives %s", number, outcome(r));
	PQclear(r);
	/* What the query itself has set must not hold for the next one. */
	return ok && pg_exec(s, "ROLLBACK", e);
}

static bool check_queries(const struct conninfo *restored, const struct cmd *c, struct err *e)
{
	const struct option_value *v = &c->options->values[OPTION_CHECK_SQL];
	struct pg_session *s = NULL;
	bool ok = v->count == 0 || (pg_session_open(&s, restored, PG_SESSION_PLAIN, "check", c->cancel, e) &&
	                                   pg_exec(s, "RESET search_path", e));

	for (size_t i = 0; ok && i < v->count; i++) {
		say_info("check %zu: %s", i + 1, v->list[i]);
		ok = check_query(s, v->list[i], i + 1, e);
	}
	pg_session_close(s);
	return ok;
}

/* --- commands --- */

static const struct {
	const char *keyword, *variable;
} variables[] = {
	{ "dbname", "PGDATABASE" },
	{ "host", "PGHOST" },
	{ "hostaddr", "PGHOSTADDR" },
	{ "port", "PGPORT" },
	{ "user", "PGUSER" },
	{ "password", "PGPASSWORD" },
	{ "passfile", "PGPASSFILE" },
	{ "service", "PGSERVICE" },
	{ "sslmode", "PGSSLMODE" },
	{ "sslrootcert", "PGSSLROOTCERT" },
	{ "sslcert", "PGSSLCERT" },
	{ "sslkey", "PGSSLKEY" },
	{ "sslcrl", "PGSSLCRL" },
	{ "channel_binding", "PGCHANNELBINDING" },
	{ "gssencmode", "PGGSSENCMODE" },
	{ "krbsrvname", "PGKRBSRVNAME" },
	{ "target_session_attrs", "PGTARGETSESSIONATTRS" },
};

static void environment(const char **env, const struct conninfo *restored, struct arena *a)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *value = conninfo_get(restored, variables[i].keyword);

		if (value)
			env[n++] = arena_printf(a, "%s=%s", variables[i].variable, value);
	}
	env[n++] = "DATABASE_URL"; /* leads to the live one */
	env[n] = NULL;
}

static bool check_commands(
        const struct conninfo *restored, const struct hook_facts *facts, const struct cmd *c, struct err *e)
{
	const struct option_value *v = &c->options->values[OPTION_CHECK];
	const char *env[ENV_MAX];
	struct arena a = ARENA_INIT;
	bool ok = true;

	environment(env, restored, &a);
	for (size_t i = 0; ok && i < v->count; i++) {
		say_info("check %zu%s%s", i + 1, confirm_may_be_secret(v->list[i]) ? "" : ": ",
		        confirm_may_be_secret(v->list[i]) ? "" : v->list[i]);
		ok = hook_shell(v->list[i], facts, env, c, e);
		if (!ok && e->kind == ERR_FAILED) {
			e->kind = ERR_DIFFERS;
			err_wrap(e, "--check %zu", i + 1);
		}
	}
	arena_release(&a);
	return ok;
}

bool assertion_check(
        const struct conninfo *restored, const struct hook_facts *facts, const struct cmd *c, struct err *e)
{
	struct err why = ERR_INIT;

	if (check_queries(restored, c, &why) && check_commands(restored, facts, c, &why))
		return true;
	if (why.kind == ERR_DIFFERS)
		err_hint(&why, "the live database is as it was; look at \"%s\"", conninfo_get(restored, "dbname"));
	*e = why;
	return false;
}
