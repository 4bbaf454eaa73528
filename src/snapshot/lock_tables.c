#include "src/snapshot/lock_tables.h"

#include <stdlib.h>
#include <string.h>

/* Names in one statement: keeps a statement small where there are many tables. */
#define NAMES_PER_STATEMENT 1000

static bool lock_some(struct pg_session *s, const struct pg_relation_list *relations, size_t *next, bool views,
        bool nowait, struct err *e)
{
	struct buf sql = BUF_INIT;
	size_t n = 0;
	bool ok = true;

	for (; *next < relations->count && n < NAMES_PER_STATEMENT; ++*next) {
		const struct pg_relation *r = &relations->items[*next];
		bool wanted = views ? r->relkind == 'v' : r->relkind == 'r' || r->relkind == 'p';

		if (wanted)
			buf_addf(&sql, "%s%s", n++ == 0 ? "LOCK TABLE ONLY " : ", ONLY ", r->qualified);
	}
	if (n > 0) {
		buf_addf(&sql, " IN ACCESS SHARE MODE%s", nowait ? " NOWAIT" : "");
		ok = pg_exec(s, buf_str(&sql), e);
	}
	buf_release(&sql);
	return ok;
}

static bool explain(struct pg_session *s, struct err *e)
{
	const char *state = pg_session_sqlstate(s);

	if (strcmp(state, "42501") == 0)
		err_hint(e, "grant SELECT on it to this role, or GRANT pg_read_all_data TO it");
	else if (strcmp(state, "53200") == 0)
		err_hint(e, "raise max_locks_per_transaction on the server: every table needs a lock");
	else if (strcmp(state, "42P01") == 0 || strcmp(state, "XX000") == 0 || strcmp(state, "3F000") == 0)
		e->kind = ERR_CONFLICT; /* dropped or renamed since it was listed */
	return err_wrap(e, "lock tables");
}

bool lock_tables(struct pg_session *s, const struct pg_relation_list *relations, bool views, bool nowait, struct err *e)
{
	struct err ignored = ERR_INIT;
	bool ok = true;

	for (size_t next = 0; next < relations->count;)
		if (!lock_some(s, relations, &next, false, nowait, e))
			return explain(s, e);
	if (!views)
		return true;
	/* A view locks what it shows with its owner's rights, which may be lacking although a dump needs none. */
	if (!pg_exec(s, "SAVEPOINT drtool_views", e))
		return false;
	for (size_t next = 0; ok && next < relations->count;)
		ok = lock_some(s, relations, &next, true, nowait, e);
	if (ok)
		return pg_exec(s, "RELEASE SAVEPOINT drtool_views", e);
	if (strcmp(pg_session_sqlstate(s), "42501") != 0)
		return explain(s, e);
	*e = ignored;
	return pg_exec(s, "ROLLBACK TO SAVEPOINT drtool_views; RELEASE SAVEPOINT drtool_views", e);
}

bool lock_tables_capacity(uint64_t *out, struct pg_session *s, struct err *e)
{
	char *text = NULL;

	if (!pg_query_value(&text, s,
	            "SELECT pg_catalog.current_setting('max_locks_per_transaction')::bigint *"
	            " (pg_catalog.current_setting('max_connections')::bigint +"
	            " pg_catalog.current_setting('max_prepared_transactions')::bigint)",
	            0, NULL, e))
		return false;
	*out = text == NULL ? 0 : strtoull(text, NULL, 10);
	free(text);
	return true;
}
