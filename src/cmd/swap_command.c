/* src/cmd/swap_command.c - see swap_command.h */
#include "src/cmd/swap_command.h"

#include "src/base/clock.h"
#include "src/cmd/say.h"
#include "src/pg/session.h"

#define WAIT_S   30 /* an address may take a while to lead elsewhere */
#define PAUSE_MS 500

static const char *given(const struct cmd *c, enum option_id id, const char *key)
{
	const char *text = options_text(c->options, id);

	return text ? text : config_text(c->config, key);
}

const char *swap_command_with(const struct cmd *c)
{
	return given(c, OPTION_SWAP_WITH, "swap.with");
}

const char *swap_command_back(const struct cmd *c)
{
	return given(c, OPTION_SWAP_BACK, "swap.back");
}

/* Which database is at this address: its server's identifier, or when that may not be read the time of its start, and
 * its OID. malloc'ed. */
static bool identity(char **out, const struct conninfo *conn, const struct cmd *c, struct err *e)
{
	struct pg_session *s = NULL;
	char *may = NULL;
	bool ok = pg_session_open(&s, conn, PG_SESSION_PLAIN, "swap", c->cancel, e) &&
	          pg_query_value(&may, s,
	                  "SELECT pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')", 0,
	                  NULL, e);

	ok = ok &&
	     pg_query_value(out, s,
	             strcmp(may, "t") == 0
	                     ? "SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()) || ' ' || oid"
	                       " FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()"
	                     : "SELECT pg_catalog.pg_postmaster_start_time() || ' ' || oid"
	                       " FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()",
	             0, NULL, e);
	free(may);
	pg_session_close(s);
	return ok;
}

/* Does the address lead to the wanted one, or, when none is wanted, to another one than before? */
static bool arrived(
        const struct swap_command *w, const char *before, const char *wanted, const struct cmd *c, struct err *e)
{
	int64_t end = clock_monotonic_us() + (int64_t)WAIT_S * 1000000;

	for (;;) {
		struct err why = ERR_INIT;
		char *now = NULL;
		bool known = identity(&now, w->live, c, &why), done;

		done = known && (wanted ? strcmp(now, wanted) == 0 : strcmp(now, before) != 0);
		free(now);
		if (done)
			return true;
		if (clock_monotonic_us() >= end) {
			if (known)
				err_set(e, ERR_FAILED, "after the swap command the address leads to %s",
				        wanted ? "another database than the restored one"
				               : "the same database as before");
			else
				*e = why;
			return false;
		}
		if (!cancel_sleep(c->cancel, PAUSE_MS, e))
			return false;
	}
}

static void run_back(const struct swap_command *w, const struct cmd *c)
{
	struct cmd uncancelled = *c;
	struct err why = ERR_INIT;

	if (!w->back)
		return;
	uncancelled.cancel = NULL;
	say_info("running the command that swaps back");
	if (!hook_shell(w->back, w->facts, NULL, &uncancelled, &why))
		say_warn("%s", why.msg);
}

bool swap_command_run(const struct swap_command *w, const struct cmd *c, struct err *e)
{
	char *before = NULL, *wanted = NULL;
	struct err ignored = ERR_INIT;
	bool ok;

	/* A database that does not answer may be just why this is done. */
	if (!identity(&before, w->live, c, &ignored))
		before = xstrdup("");
	ok = !w->restored || identity(&wanted, w->restored, c, e);
	if (ok) {
		say_info("running the swap command");
		ok = hook_shell(w->command, w->facts, NULL, c, e) && arrived(w, before, wanted, c, e);
		if (!ok) {
			err_hint(e, "look where the address leads now%s",
			        w->back ? ", after the command that swaps back" : "");
			err_wrap(e, "swap");
			run_back(w, c);
		}
	}
	free(before);
	free(wanted);
	return ok;
}
