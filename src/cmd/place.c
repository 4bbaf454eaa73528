/* src/cmd/place.c - see place.h */
#include "src/cmd/place.h"

#include "src/base/clock.h"
#include "src/cmd/confirm.h"
#include "src/cmd/say.h"
#include "src/cmd/store.h"
#include "src/cmd/text.h"

#define SESSIONS_SHOWN 5
#define FREE_WAIT_US   5000000
#define FREE_PAUSE_MS  500

static const char *quoted(struct arena *a, const char *word)
{
	struct buf text = BUF_INIT;
	const char *out;

	confirm_add_word(&text, word);
	out = arena_strdup(a, buf_str(&text));
	buf_release(&text);
	return out;
}

/* --- opening --- */

static bool open_maintenance(struct place *p, const struct cmd *c, const char *name, struct err *e)
{
	struct conninfo *conn = conninfo_copy(p->target.conn);
	bool ok;

	p->maintenance_db = live_maintenance(name);
	conninfo_set(conn, "dbname", p->maintenance_db);
	ok = pg_session_open(&p->maintenance, conn, PG_SESSION_PLAIN, "place", c->cancel, e);
	conninfo_free(conn);
	return ok;
}

/* The name as the server knows it: a connection string may leave it to libpq's defaults. */
static const char *name_of(struct place *p, struct pg_session *s)
{
	const char *name = s ? PQdb(pg_session_conn(s)) : conninfo_get(p->target.conn, "dbname");

	return name ? arena_strdup(&p->arena, name) : arena_strdup(&p->arena, getenv("PGDATABASE"));
}

/* Sessions of our own in it would be in the way later: this one is closed at once. */
static bool look_inside(struct place *p, const struct cmd *c, const char **name, struct err *e)
{
	struct pg_session *s = NULL;
	struct err why = ERR_INIT, ignored = ERR_INIT;

	p->answers = target_announce(&s, &p->target, c, &why);
	*name = name_of(p, s);
	if (p->answers)
		written_read(&p->written, s, &ignored);
	pg_session_close(s);
	if (p->answers)
		return true;
	if (why.kind == ERR_REFUSED || why.kind == ERR_CANCELLED || !*name) {
		*e = why;
		return false;
	}
	if (!open_maintenance(p, c, *name, e)) {
		*e = why; /* the server itself does not let us in: the first error says why */
		return false;
	}
	say_warn("database \"%s\" does not answer: %s", *name, why.msg);
	return true;
}

const char *place_word(struct arena *a, const char *text, const struct target *t)
{
	const char *url = getenv("DATABASE_URL");

	if (text && !confirm_may_be_secret(text))
		return quoted(a, text);
	if (t && t->entry)
		return quoted(a, t->entry->name);
	return text && url && strcmp(text, url) == 0 ? "\"$DATABASE_URL\"" : "DB";
}

static void set_words(struct place *p, const char *text)
{
	confirm_word(p->confirm, p->target.entry, PQhost(pg_session_conn(p->maintenance)), p->live.database.name);
	p->word = place_word(&p->arena, text, &p->target);
}

bool place_open(struct place *out, const struct cmd *c, const char *text, const char *what, struct err *e)
{
	struct buf server = BUF_INIT;
	const char *name = NULL;

	if (!target_find(&out->target, c, text, what, e) || !look_inside(out, c, &name, e))
		return false;
	out->address = conninfo_copy(out->target.conn);
	conninfo_set(out->target.conn, "dbname", name);
	if (!out->maintenance && !open_maintenance(out, c, name, e))
		return false;
	if (!live_look(&out->live, out->maintenance, name, e)) {
		if (e->kind == ERR_NOT_FOUND) {
			e->kind = ERR_USAGE;
			err_hint(e, "a database that is gone is restored with --into");
		}
		return false;
	}
	set_words(out, text);
	target_server(&server, out->target.conn);
	out->server = arena_strdup(&out->arena, buf_str(&server));
	buf_release(&server);
	return true;
}

bool place_open_source(struct place *out, const struct cmd *c, const char *database, struct err *e)
{
	const char *entry = store_database_entry(c, database);

	if (!entry && config_database_count(c->config) == 0 && !getenv("DATABASE_URL")) {
		err_set(e, ERR_USAGE, "no connection to database \"%s\" is configured", database);
		return err_hint(e, "name it in drtool.yml, or set DATABASE_URL");
	}
	if (!place_open(out, c, entry, "the database", e))
		return false;
	if (strcmp(place_repository_name(out), database) == 0)
		return true;
	err_set(e, ERR_USAGE, "the snapshot is of database \"%s\", and the one that is configured is called \"%s\"",
	        database, place_repository_name(out));
	return err_hint(e, "name \"%s\" in drtool.yml, or set DATABASE_URL", database);
}

void place_close(struct place *p)
{
	struct err ignored = ERR_INIT;

	live_release(&p->live);
	json_decref(p->written);
	/* Now, not when the server gets to ending the session: an undo may follow at once. */
	if (p->maintenance)
		pg_exec(p->maintenance, "SELECT pg_catalog.pg_advisory_unlock_all()", &ignored);
	pg_session_close(p->maintenance);
	conninfo_free(p->address);
	target_release(&p->target);
	arena_release(&p->arena);
}

const char *place_repository_name(const struct place *p)
{
	return p->target.repository_name ? p->target.repository_name : p->live.database.name;
}

bool place_check_source(const struct place *p, const struct cmd *c, const struct manifest *m, struct err *e)
{
	const char *given = options_text(c->options, OPTION_CONFIRM_SOURCE);
	const struct pg_database *d = &p->live.database;

	if (manifest_is_of(m, d->name, d->system_identifier) || (given && strcmp(given, m->database) == 0))
		return true;
	err_set(e, given ? ERR_USAGE : ERR_REFUSED, "snapshot %s is of another database: \"%s\" at %s", m->id,
	        m->dbname, m->server);
	return err_hint(e, "if that is what you want, add: --confirm-source %s", m->database);
}

/* --- what it is, and whether it is meant --- */

void place_describe(struct buf *out, const struct place *p)
{
	const struct live *l = &p->live;
	char text[TEXT_SIZE];

	buf_addf(out, "  size          %s\n", text_bytes(text, l->database.size));
	buf_addf(out, "  sessions      %s", l->connections ? "" : "none");
	if (l->connections)
		buf_addf(out, "%u, to be ended:", l->connections);
	for (size_t i = 0; i < l->session_count && i < SESSIONS_SHOWN; i++) {
		buf_addf(out, "%s %u of ", i ? "," : "", l->sessions[i].count);
		text_printable(out, *l->sessions[i].application ? l->sessions[i].application : l->sessions[i].user);
	}
	if (l->session_count > SESSIONS_SHOWN)
		buf_add(out, ", and others");
	buf_add(out, "\n  last written  ");
	if (l->last_write_us)
		buf_addf(out, "%s ago, by the times of its files\n", text_age(text, clock_utc_us() - l->last_write_us));
	else
		buf_add(out, "unknown from here\n");
}

void place_restore_line(struct buf *out, const struct place *p, const struct cmd *c, const char *snapshot_id)
{
	static const enum option_id lead_there[] = { OPTION_CONFIG, OPTION_ENV_FILE, OPTION_REPO };

	buf_addf(out, "drtool restore %s --replace %s ", snapshot_id, p->word);
	for (size_t i = 0; i < sizeof(lead_there) / sizeof(lead_there[0]); i++) {
		const struct option_value *v = &c->options->values[lead_there[i]];

		if (!v->count || *v->where != '-' || confirm_may_be_secret(v->text))
			continue;
		buf_addf(out, "--%s ", option_row(lead_there[i])->name);
		confirm_add_word(out, v->text);
		buf_add(out, " ");
	}
	confirm_add_option(out, p->confirm);
}

bool place_confirmed(const struct place *p, const struct cmd *c, struct err *e)
{
	return confirm_given(c, p->confirm, p->live.database.name, e);
}

json_t *place_counts(const struct place *p, const struct cmd *c, const char *dbname)
{
	struct conninfo *conn = conninfo_copy(p->target.conn);
	struct pg_session *s = NULL;
	struct err ignored = ERR_INIT;
	json_t *counts = NULL;

	conninfo_set(conn, "dbname", dbname);
	if (pg_session_open(&s, conn, PG_SESSION_PLAIN, "place", c->cancel, &ignored))
		written_read(&counts, s, &ignored);
	pg_session_close(s);
	conninfo_free(conn);
	return counts;
}

/* --- the swap --- */

/* A monitor that visits every database, a transaction between PREPARE and COMMIT: what stands in the way may pass. */
static bool look_until_free(struct live *out, const struct place *p, const struct cmd *c, struct err *e)
{
	int64_t end = clock_monotonic_us() + FREE_WAIT_US;

	for (;;) {
		struct err why = ERR_INIT;

		if (!live_look(out, p->maintenance, p->live.database.name, e))
			return false;
		if (live_check(out, p->maintenance, &why))
			return true;
		if (why.kind != ERR_REFUSED || clock_monotonic_us() >= end) {
			*e = why;
			return false;
		}
		live_release(out);
		if (!cancel_sleep(c->cancel, FREE_PAUSE_MS, e))
			return false;
	}
}

/* By the clock of this machine or of another one: what was put aside last is what undo takes first. */
static bool choose_moment(int64_t *out, const struct place *p, struct err *e)
{
	struct kept_list l;
	struct arena a = ARENA_INIT;
	bool ok = kept_find(&l, p->maintenance, p->live.database.name, &a, e);

	*out = clock_utc_us();
	if (ok && l.count && l.items[0].until_us >= *out)
		*out = l.items[0].until_us + 1000000;
	arena_release(&a);
	return ok;
}

bool place_swap(struct place_swap *io, const struct place *p, const struct cmd *c, struct err *e)
{
	const struct pg_database *d = &p->live.database;
	struct live now = { 0 };
	struct arena a = ARENA_INIT;
	struct swap_result result = { 0 };
	int64_t when = 0;
	struct swap w = { .server = p->target.conn,
		.maintenance_db = p->maintenance_db,
		.live = d->name,
		.live_oid = d->oid,
		.kept = io->kept,
		.replacement = io->replacement,
		.replacement_closed = io->closed,
		.replacement_comment = io->replacement_comment };
	bool ok = look_until_free(&now, p, c, e) && choose_moment(&when, p, e) &&
	          kept_name(io->kept, p->maintenance, d->name, when, e);

	if (ok) {
		w.kept_comment = kept_comment(&a, d->name, when, io->by, now.database.comment);
		ok = swap_databases(&result, &w, c->cancel, e);
		io->window_us = result.window_us;
	}
	live_release(&now);
	arena_release(&a);
	return ok;
}
