/* src/cmd/doctor_server.c - doctor: what the server allows */
#include "src/cmd/doctor.h"
#include "src/cmd/say.h"
#include "src/cmd/text.h"
#include "src/config/value.h"
#include "src/pg/catalog.h"

#define OLDEST_USABLE  120000
#define OLDEST_TESTED  150000
#define NEWEST_TESTED  190000 /* exclusive */
#define EXTRA_SESSIONS 4      /* coordinator, pg_dump, watcher, the lock that keeps runs apart */

/* The first column of the first row as a number; false with *e when the query fails. */
static bool query_number(int64_t *out, struct doctor *d, const char *sql, struct err *e)
{
	char *text = NULL;
	bool ok = pg_query_value(&text, d->session, sql, 0, NULL, e) &&
	          value_number(out, text ? text : "0", INT64_MIN / 2, INT64_MAX / 2, e);

	free(text);
	return ok;
}

static void check_version(struct doctor *d)
{
	int version = pg_session_version(d->session);
	char text[TEXT_SIZE];

	text_version(text, version);
	if (version < OLDEST_USABLE)
		doctor_add(d, DOCTOR_FAIL, "version", "upgrade the server to PostgreSQL 15 or newer",
		        "PostgreSQL %s is too old", text);
	else if (version < OLDEST_TESTED || version >= NEWEST_TESTED)
		doctor_add(d, DOCTOR_WARN, "version", "take a snapshot with --verify before relying on it",
		        "drtool is tested with PostgreSQL 15 to 18; this is %s", text);
	else
		doctor_add(d, DOCTOR_OK, "version", NULL, "PostgreSQL %s", text);
}

/* "{1,2,3}" */
static char *oid_array(const uint32_t *oids, size_t count)
{
	struct buf out = BUF_INIT;

	buf_add(&out, "{");
	for (size_t i = 0; i < count; i++)
		buf_addf(&out, "%s%u", i ? "," : "", oids[i]);
	buf_add(&out, "}");
	return buf_detach(&out);
}

/* sql takes the oids as $1 and gives one row: how many lack something, and the name of one of them. False when it could
 * not be asked. */
static bool lacking(struct doctor *d, const char *what, const char *sql, const uint32_t *oids, size_t count,
        struct buf *problems, struct err *e)
{
	char *array = oid_array(oids, count);
	const char *params[1] = { array };
	PGresult *r = NULL;
	bool ok = pg_query(&r, d->session, sql, 1, params, e);

	if (ok && strcmp(PQgetvalue(r, 0, 0), "0") != 0)
		buf_addf(problems, "%s%s %s (%s%s)", problems->len ? "; " : "", PQgetvalue(r, 0, 0), what,
		        PQgetvalue(r, 0, 1), strcmp(PQgetvalue(r, 0, 0), "1") == 0 ? "" : ", ...");
	PQclear(r);
	free(array);
	return ok;
}

static const char unreadable_sql[] =
        "SELECT count(*), min(pg_catalog.format('%I.%I', n.nspname, c.relname)) "
        "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.oid = ANY ($1::pg_catalog.oid[]) AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND "
        "CASE WHEN c.relkind = 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT') "
        "ELSE pg_catalog.has_table_privilege(c.oid, 'SELECT') END)";

static const char row_security_sql[] =
        "SELECT count(*), min(pg_catalog.format('%I.%I', n.nspname, c.relname)) "
        "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.oid = ANY ($1::pg_catalog.oid[]) AND c.relkind IN ('r', 'p') AND pg_catalog.row_security_active(c.oid)";

/* pg_read_all_data does not cover large objects. */
static const char large_objects_sql[] =
        "SELECT count(*), min(m.oid)::pg_catalog.text FROM pg_catalog.pg_largeobject_metadata m "
        "WHERE $1::pg_catalog.oid[] IS NOT NULL AND NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user) "
        "AND NOT pg_catalog.pg_has_role(m.lomowner, 'USAGE') AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(m.lomacl) a "
        "WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_catalog.pg_has_role(a.grantee, 'USAGE')))";

static bool find_problems(struct doctor *d, const struct pg_relation_list *relations,
        const struct pg_sequence_list *sequences, struct buf *problems, struct err *e)
{
	uint32_t *oids = xcalloc(relations->count + sequences->count + 1, sizeof(*oids));
	size_t count = 0;
	bool ok;

	for (size_t i = 0; i < relations->count; i++)
		oids[count++] = relations->items[i].oid;
	ok = lacking(d, "with row security that hides rows", row_security_sql, oids, count, problems, e);
	for (size_t i = 0; i < sequences->count; i++)
		oids[count++] = sequences->items[i].oid;
	ok = ok && lacking(d, "tables or sequences cannot be read", unreadable_sql, oids, count, problems, e) &&
	     lacking(d, "large objects cannot be read", large_objects_sql, oids, 0, problems, e);
	free(oids);
	return ok;
}

static void check_privileges(struct doctor *d, const struct pg_relation_list *relations)
{
	struct pg_sequence_list sequences = { 0 };
	struct buf problems = BUF_INIT;
	struct err e = ERR_INIT;
	char count[TEXT_SIZE];
	char *hint;

	if (!pg_catalog_sequences(&sequences, d->session, &d->arena, &e) ||
	        !find_problems(d, relations, &sequences, &problems, &e)) {
		doctor_add_err(d, DOCTOR_UNKNOWN, "privileges", &e);
	} else if (problems.len > 0) {
		hint = xasprintf(
		        "GRANT pg_read_all_data TO \"%s\"; row security needs ALTER ROLE ... BYPASSRLS, large objects their owner or a superuser",
		        PQuser(pg_session_conn(d->session)));
		doctor_add(d, DOCTOR_FAIL, "privileges", hint, "%s", buf_str(&problems));
		free(hint);
	} else {
		doctor_add(d, DOCTOR_OK, "privileges", NULL,
		        "%s relations and their sequences and large objects can be read as %s",
		        text_count(count, relations->count), PQuser(pg_session_conn(d->session)));
	}
	buf_release(&problems);
}

/* Each relation is one entry of the server's lock table, however many sessions hold it; readers hold all only where
 * there is room. */
static void check_locks(struct doctor *d, size_t relations)
{
	int64_t per_transaction, slots, needed = (int64_t)relations, available;
	struct err e = ERR_INIT;
	char *hint;

	if (!query_number(&per_transaction, d, "SELECT current_setting('max_locks_per_transaction')", &e) ||
	        !query_number(&slots, d,
	                "SELECT current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint",
	                &e)) {
		doctor_add_err(d, DOCTOR_UNKNOWN, "locks", &e);
		return;
	}
	available = per_transaction * slots;
	if (needed <= available - available / 8) {
		doctor_add(d, DOCTOR_OK, "locks", NULL, "%lld needed, room for %lld", (long long)needed,
		        (long long)available);
		return;
	}
	hint = xasprintf("set max_locks_per_transaction = %lld and restart the server",
	        (long long)(2 * needed / (slots ? slots : 1) + 1));
	doctor_add(d, needed <= available ? DOCTOR_WARN : DOCTOR_FAIL, "locks", hint,
	        "%lld needed, room for %lld, which others use too", (long long)needed, (long long)available);
	free(hint);
}

static void check_connections(struct doctor *d)
{
	int64_t room, needed = (int64_t)d->jobs + EXTRA_SESSIONS;
	struct err e = ERR_INIT;

	if (!pg_catalog_connections_free(&room, d->session, &e))
		doctor_add_err(d, DOCTOR_UNKNOWN, "connections", &e);
	else if (++room < needed) /* our own ends before */
		doctor_add(d, DOCTOR_WARN, "connections",
		        "use fewer --jobs, or raise max_connections or the CONNECTION LIMIT of the role or database",
		        "%lld needed, %lld free now", (long long)needed, (long long)room);
	else
		doctor_add(d, DOCTOR_OK, "connections", NULL, "%lld needed, %lld free now", (long long)needed,
		        (long long)room);
}

/* A pooler answers with process numbers of its own. */
static void check_pooler(struct doctor *d)
{
	struct err e = ERR_INIT;
	int64_t pid;

	if (!query_number(&pid, d, "SELECT pg_catalog.pg_backend_pid()", &e))
		doctor_add_err(d, DOCTOR_UNKNOWN, "pooler", &e);
	else if (pid != PQbackendPID(pg_session_conn(d->session)))
		doctor_add(d, DOCTOR_FAIL, "pooler", "give the server's own address, often known as DIRECT_URL",
		        "a connection pooler stands between drtool and the server");
	else
		doctor_add(d, DOCTOR_OK, "pooler", NULL, "none in between");
}

static void check_standby(struct doctor *d)
{
	struct err e = ERR_INIT;
	char *feedback = NULL;

	if (!d->database.in_recovery) {
		doctor_add(d, DOCTOR_OK, "standby", NULL, "this is a primary");
		return;
	}
	if (!pg_query_value(&feedback, d->session, "SELECT current_setting('hot_standby_feedback')", 0, NULL, &e))
		doctor_add_err(d, DOCTOR_UNKNOWN, "standby", &e);
	else if (strcmp(feedback, "on") == 0)
		doctor_add(d, DOCTOR_OK, "standby", NULL,
		        "this is a standby, hot_standby_feedback is on; unlogged tables have no rows here");
	else
		doctor_add(d, DOCTOR_WARN, "standby", "set hot_standby_feedback = on there, or read from the primary",
		        "this is a standby without hot_standby_feedback: replay may cancel the snapshot's queries");
	free(feedback);
}

static void check_maintenance(struct doctor *d)
{
	struct conninfo *conn = conninfo_copy(d->target.conn);
	struct pg_session *s = NULL;
	struct err e = ERR_INIT;

	conninfo_set(conn, "dbname", "postgres");
	if (pg_session_open(&s, conn, PG_SESSION_PLAIN, NULL, d->cmd->cancel, &e))
		doctor_add(d, DOCTOR_OK, "maintenance", NULL,
		        "the database postgres can be reached, for the lock that keeps runs apart");
	else
		doctor_add(d, DOCTOR_WARN, "maintenance",
		        "GRANT CONNECT ON DATABASE postgres to this user; until then a lock in the repository is used",
		        "%s", e.msg);
	pg_session_close(s);
	conninfo_free(conn);
}

void doctor_server(struct doctor *d)
{
	struct pg_relation_list relations = { 0 };
	struct err e = ERR_INIT;
	char size[TEXT_SIZE];

	doctor_add(d, DOCTOR_OK, "server", NULL, "reached as %s", PQuser(pg_session_conn(d->session)));
	check_version(d);
	check_pooler(d);
	if (pg_catalog_database(&d->database, d->session, &d->arena, &e)) {
		doctor_add(d, DOCTOR_OK, "database", NULL, "%s, %s, encoding %s", d->database.name,
		        text_bytes(size, d->database.size), d->database.encoding);
		check_standby(d);
	} else {
		doctor_add_err(d, DOCTOR_FAIL, "database", &e);
	}
	if (pg_catalog_relations(&relations, d->session, &d->arena, &e)) {
		check_privileges(d, &relations);
		check_locks(d, relations.count);
	} else {
		doctor_add_err(d, DOCTOR_FAIL, "privileges", &e);
	}
	check_connections(d);
	check_maintenance(d);
	doctor_replace(d);
}
