/* src/pg/startup.c - see startup.h */
#include "src/pg/startup.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

bool startup_has_service(const struct conninfo *c)
{
	const char *env = getenv("PGSERVICE");

	return conninfo_get(c, "service") || (env && *env);
}

/* Only a connection knows what a service file says. This one is refused by libpq itself: one host and two ports. */
static char *options_of_service(const struct conninfo *c, struct arena *a)
{
	const char *service = conninfo_get(c, "service");
	const char *const keywords[] = { "hostaddr", "port", service ? "service" : NULL, NULL };
	const char *const values[] = { "0.0.0.0", "1,2", service, NULL };
	PGconn *never = PQconnectStartParams(keywords, values, 0);
	PQconninfoOption *all = PQconninfo(never);
	char *found = NULL;

	for (const PQconninfoOption *o = all; o && o->keyword; o++)
		if (!strcmp(o->keyword, "options") && o->val)
			found = arena_strdup(a, o->val);
	PQconninfoFree(all);
	PQfinish(never);
	return found;
}

static const char *options_of_user(const struct conninfo *c, struct arena *a)
{
	const char *given = conninfo_get(c, "options");

	if (!given)
		given = startup_has_service(c) ? options_of_service(c, a) : getenv("PGOPTIONS");
	return given ? given : "";
}

char *startup_options(const struct conninfo *c, int server_version, struct arena *a)
{
	static const struct {
		const char *name;
		int since; /* server version; 0: all that can be used */
	} timeouts[] = { { "statement_timeout", 0 }, { "lock_timeout", 0 },
		{ "idle_in_transaction_session_timeout", 0 }, { "idle_session_timeout", 140000 },
		{ "transaction_timeout", 170000 } };
	const char *text = options_of_user(c, a);

	for (size_t i = 0; i < sizeof(timeouts) / sizeof(*timeouts); i++)
		if (server_version >= timeouts[i].since)
			text = arena_printf(a, "%s%s-c %s=0", text, *text ? " " : "", timeouts[i].name);
	return arena_strdup(a, text);
}
