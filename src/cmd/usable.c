/* src/cmd/usable.c - see usable.h */
#include "src/cmd/usable.h"

#include "src/base/clock.h"
#include "src/cmd/answer.h"
#include "src/cmd/place.h"
#include "src/cmd/progress.h"
#include "src/cmd/report.h"
#include "src/cmd/say.h"
#include "src/cmd/store.h"
#include "src/cmd/text.h"
#include "src/monitor/predict.h"
#include "src/monitor/unfinished.h"
#include "src/pg/catalog.h"

#define TABLES_SHOWN  6
#define CHANGES_SHOWN 20

bool usable_check(const struct options *o, struct err *e)
{
	bool finish = options_set(o, OPTION_FINISH);

	if (finish && o->argument_count) {
		err_set(e, ERR_USAGE, "--finish knows the snapshot: leave \"%s\" out", o->arguments[0]);
		return err_hint(e, "drtool restore --finish DB");
	}
	if (finish && (options_set(o, OPTION_INTO) || options_set(o, OPTION_REPLACE) ||
	                      options_set(o, OPTION_USABLE_FIRST) || options_set(o, OPTION_TABLE)))
		return err_set(e, ERR_USAGE, "--finish stands alone: the restore it finishes was another command");
	if (!finish && !o->argument_count) {
		err_set(e, ERR_USAGE, "\"drtool restore\" needs ID");
		return err_hint(e, "usage: drtool restore %s", command_row(COMMAND_RESTORE)->arguments);
	}
	if (options_set(o, OPTION_USABLE_FIRST) && options_set(o, OPTION_TABLE))
		return err_set(e, ERR_USAGE, "--usable-first is for a whole database, --table for parts of one");
	return true;
}

/* --- in words --- */

/* "public.events 3, public.orders 2, and 4 others" for those of one kind, in their order. */
static void describe_kind(struct buf *out, const struct restore_left *left, size_t count, bool keys, const char *what)
{
	size_t total = 0, shown = 0, in_shown = 0;
	struct buf tables = BUF_INIT;

	for (size_t i = 0; i < count; i++)
		total += left[i].foreign_key == keys;
	for (size_t i = 0; i < count && shown < TABLES_SHOWN; i++) {
		size_t same = 0;
		bool first = left[i].foreign_key == keys;

		for (size_t k = 0; k < i && first; k++)
			first = left[k].foreign_key != keys || strcmp(left[k].table, left[i].table) != 0;
		for (size_t k = i; k < count && first; k++)
			same += left[k].foreign_key == keys && strcmp(left[k].table, left[i].table) == 0;
		if (!first)
			continue;
		buf_add(&tables, shown++ ? ", " : "");
		text_printable(&tables, left[i].table);
		buf_addf(&tables, " %zu", same);
		in_shown += same;
	}
	if (total)
		buf_addf(out, "%s%zu %s%s (%s%s)", out->len ? ", " : "", total, what,
		        total == 1 ? ""
		        : keys     ? "s"
		                   : "es",
		        buf_str(&tables), in_shown < total ? ", and others" : "");
	buf_release(&tables);
}

void usable_describe(struct buf *out, const struct restore_left *left, size_t count)
{
	struct buf text = BUF_INIT;

	describe_kind(&text, left, count, false, "index");
	describe_kind(&text, left, count, true, "foreign key");
	buf_add(out, text.len ? buf_str(&text) : "nothing");
	buf_release(&text);
}

json_t *usable_document(const struct restore_left *left, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "object", answer_text(left[i].object));
		json_object_set_new(o, "table", answer_text(left[i].table));
		json_object_set_new(o, "foreign_key", json_boolean(left[i].foreign_key));
		json_array_append_new(list, o);
	}
	return list;
}

/* --- the journal --- */

static void add_identity(struct journal_event *v, const struct usable *u)
{
	record_server(v, u->database);
	v->snapshot_id = u->manifest->id;
	record_detail(v, UNFINISHED_OID, "%u", u->oid);
	if (*u->identifier)
		record_detail(v, UNFINISHED_IDENTIFIER, "%s", u->identifier);
	record_detail(v, UNFINISHED_SOURCE, "%s", u->manifest->database);
}

static void add_left(struct journal_event *v, size_t indexes, size_t foreign_keys)
{
	record_detail(v, UNFINISHED_INDEXES, "%zu", indexes);
	record_detail(v, UNFINISHED_FOREIGN_KEYS, "%zu", foreign_keys);
}

static bool identify(struct usable *u, const struct conninfo *restored, struct err *e)
{
	struct pg_session *s = NULL;
	struct pg_database d;
	bool ok = pg_session_open(&s, restored, PG_SESSION_PLAIN, "finish", u->c->cancel, e) &&
	          pg_catalog_database(&d, s, &u->arena, e);

	pg_session_close(s);
	if (!ok)
		return false;
	u->oid = d.oid;
	snprintf(u->identifier, sizeof(u->identifier), "%s", d.system_identifier);
	return true;
}

bool usable_record(
        struct usable *u, const struct conninfo *restored, const struct restore_result *so_far, struct err *e)
{
	struct journal_event event = record_start("usable", u->name);
	bool ok = identify(u, restored, e);

	if (ok) {
		u->all = so_far->left_count;
		event.finished_us = event.started_us;
		add_identity(&event, u);
		add_left(&event, so_far->left_indexes, so_far->left_foreign_keys);
		ok = journal_record(u->repository, &event, e);
	}
	arena_release(&event.arena);
	return ok || err_wrap(e, "record what is to be made later");
}

static void record_finished(struct usable *u)
{
	const struct finish_result *r = &u->result;
	struct journal_event event = record_start("finish", u->name);

	event.started_us -= r->duration_us;
	event.plain_bytes = u->manifest->plain_bytes;
	event.phases = r->phases;
	event.phase_count = r->phase_count;
	add_identity(&event, u);
	if (r->looked)
		add_left(&event, r->left_indexes, r->left_foreign_keys);
	record_detail(&event, "indexes", "%zu", r->indexes);
	record_detail(&event, "foreign_keys", "%zu", r->foreign_keys);
	if (!u->failed && u->all && u->all == r->left_count)
		record_detail(&event, PREDICT_WHOLE, "yes");
	record_finish(&event, u->c, u->repository, r->finding_count > 0, u->failed ? &u->why : NULL);
}

/* --- doing it --- */

void usable_say(const struct usable *u, const struct restore_result *restored)
{
	const char *name = conninfo_get(u->database, "dbname");
	struct buf left = BUF_INIT;

	usable_describe(&left, restored->left, restored->left_count);
	say_info("\"%s\" is usable now: its rows, keys and unique constraints are there", name);
	if (restored->left_count)
		say_info("still to be made: %s", buf_str(&left));
	if (restored->left_indexes)
		say_info(
		        "until then searches in these tables may be slow, and so may deleting rows that they refer to");
	if (restored->left_foreign_keys)
		say_info(
		        "rows that break a foreign key are refused from now on; those of the snapshot are yet to be checked");
	if (restored->left_count)
		say_info("if this is stopped: drtool restore --finish %s", u->word);
	buf_release(&left);
}

static void say_findings(const struct finish_result *r)
{
	for (size_t i = 0; i < r->finding_count; i++)
		say_warn("%s: %s%s", r->findings[i].object,
		        r->findings[i].source_fault ? "the snapshot's own rows break it, so it stays NOT VALID: " : "",
		        r->findings[i].what);
	for (size_t i = 0; i < r->changed_count && i < CHANGES_SHOWN; i++)
		say_info("changed by others since: %s: %s", r->changed[i].object, r->changed[i].what);
	if (r->changed_count > CHANGES_SHOWN)
		say_info("changed by others since: %zu more", r->changed_count - CHANGES_SHOWN);
}

void usable_finish(struct usable *u)
{
	const struct finish_options o = { .database = u->database,
		.oid = u->oid,
		.identifier = u->identifier,
		.no_owner = options_set(u->c->options, OPTION_NO_OWNER),
		.pg_bin = options_text(u->c->options, OPTION_PG_BIN),
		.yield_after_s = (unsigned)options_number(u->c->options, OPTION_YIELD_AFTER, 0),
		.dry_run = cmd_dry_run(u->c) };
	struct progress *progress = progress_start();

	u->why = (struct err)ERR_INIT;
	u->failed = !finish_run(
	        &u->result, u->repository, u->manifest, &o, progress_observer(progress), u->c->cancel, &u->why);
	progress_stop(progress);
	record_finished(u);
	say_findings(&u->result);
}

void usable_tell(struct buf *out, const struct usable *u)
{
	const struct finish_result *r = &u->result;
	char took[TEXT_SIZE];

	if (u->failed) {
		buf_addf(out, "not finished: to go on: drtool restore --finish %s\n", u->word);
		return;
	}
	if (cmd_dry_run(u->c)) {
		buf_add(out, "to be made: ");
		usable_describe(out, r->left, r->left_count);
		buf_add(out, "; nothing was changed\n");
		return;
	}
	buf_addf(out, "%s: %zu index%s built while it was in use, %zu foreign key%s checked, in %s\n",
	        r->finding_count ? "gone through" : "complete", r->indexes, r->indexes == 1 ? "" : "es",
	        r->foreign_keys, r->foreign_keys == 1 ? "" : "s", text_duration(took, r->duration_us));
	if (r->finding_count)
		buf_addf(out, "%zu object%s not as in the snapshot: see above\n", r->finding_count,
		        r->finding_count == 1 ? " is" : "s are");
}

static json_t *findings_document(const struct restore_finding *list, size_t count)
{
	json_t *out = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "object", answer_text(list[i].object));
		json_object_set_new(o, "what", answer_text(list[i].what));
		json_object_set_new(o, "source_fault", json_boolean(list[i].source_fault));
		json_array_append_new(out, o);
	}
	return out;
}

json_t *usable_result(const struct usable *u)
{
	const struct finish_result *r = &u->result;
	json_t *o;

	if (!u->oid)
		return json_null();
	o = json_object();
	json_object_set_new(o, "complete", json_boolean(!u->failed && !cmd_dry_run(u->c) && !r->finding_count));
	json_object_set_new(o, "error", u->failed ? answer_text(u->why.msg) : json_null());
	json_object_set_new(o, "indexes", answer_count(r->indexes));
	json_object_set_new(o, "foreign_keys", answer_count(r->foreign_keys));
	json_object_set_new(o, "left_indexes", r->looked ? answer_count(r->left_indexes) : json_null());
	json_object_set_new(o, "left_foreign_keys", r->looked ? answer_count(r->left_foreign_keys) : json_null());
	json_object_set_new(o, "to_do", usable_document(r->left, r->left_count));
	json_object_set_new(o, "findings", findings_document(r->findings, r->finding_count));
	json_object_set_new(o, "changed", findings_document(r->changed, r->changed_count));
	json_object_set_new(o, "seconds", answer_seconds(r->duration_us));
	json_object_set_new(o, "phases", answer_phases(r->phases, r->phase_count));
	return o;
}

/* What was restored stays restored: the result is told, and this beside it. */
void usable_status(struct cmd *c, const struct usable *u)
{
	if (u->failed) {
		say_warn("%s", u->why.msg);
		if (*u->why.hint)
			say_hint("%s", u->why.hint);
		else
			say_hint(
			        "the database is in use and whole but for that; go on with: drtool restore --finish %s",
			        u->word);
		/* 2 and 3 would say that nothing was changed */
		c->status = u->why.kind == ERR_REFUSED || u->why.kind == ERR_USAGE ? 1 : err_exit_status(&u->why);
	} else if (u->result.finding_count) {
		c->status = CMD_STATUS_DIFFERS;
	}
}

void usable_release(struct usable *u)
{
	finish_result_release(&u->result);
	arena_release(&u->arena);
}

/* --- snapshots of what is not finished --- */

static void record_snapshot(
        const struct cmd *c, struct repository *r, const char *name, const char *id, const struct unfinished *left)
{
	struct journal_event event = record_start(UNFINISHED_SNAPSHOT, name);

	event.snapshot_id = id;
	add_left(&event, left->indexes, left->foreign_keys);
	record_detail(&event, UNFINISHED_FROM, "%s/%s", left->source, left->snapshot_id);
	record_finish(&event, c, r, false, NULL);
}

void usable_warn(const struct cmd *c, struct repository *r, const char *name, const char *id,
        const struct pg_database *d, const struct conninfo *conn)
{
	struct unfinished left;
	struct err ignored = ERR_INIT;
	struct buf server = BUF_INIT;

	target_server(&server, conn);
	/* It may have been recorded under another name, as that of the snapshot it was restored from. */
	unfinished_find(&left, r, NULL,
	        &(struct unfinished_database){
	                .oid = d->oid, .identifier = d->system_identifier, .server = buf_str(&server) },
	        &ignored);
	if (unfinished_left(&left)) {
		say_warn(
		        "the database is not finished: %zu index%s are not in this snapshot, and %zu foreign key%s NOT VALID; to make them: drtool restore --finish DB",
		        left.indexes, left.indexes == 1 ? "" : "es", left.foreign_keys,
		        left.foreign_keys == 1 ? " is" : "s are");
		record_snapshot(c, r, name, id, &left);
	}
	unfinished_release(&left);
	buf_release(&server);
}

void usable_warn_of_snapshot(struct repository *r, const struct manifest *m)
{
	struct unfinished_snapshot s;
	struct err ignored = ERR_INIT;

	if (unfinished_find_snapshot(&s, r, m->database, m->id, &ignored))
		say_warn(
		        "snapshot %s is of a database that was not finished: up to %zu index%s are not in it, and up to %zu foreign key%s NOT VALID; all are in %s",
		        m->id, s.indexes, s.indexes == 1 ? "" : "es", s.foreign_keys, s.foreign_keys == 1 ? "" : "s",
		        s.from);
}

/* --- restore --finish DB --- */

static bool find(struct unfinished *out, struct usable *u, const struct place *p, struct err *e)
{
	const struct pg_database *d = &p->live.database;
	const struct unfinished_database it = {
		.oid = d->oid, .identifier = d->system_identifier, .server = p->server
	};

	/* It may have been recorded under another name: the snapshot's, or the one it had then. */
	if (!unfinished_find(out, u->repository, NULL, &it, e))
		return false;
	u->oid = d->oid;
	snprintf(u->identifier, sizeof(u->identifier), "%s", d->system_identifier);
	u->all = out->all;
	return true;
}

static bool tell(struct usable *u, const char *nothing, struct err *e)
{
	struct buf out = BUF_INIT;
	bool ok;

	if (cmd_json(u->c)) {
		json_t *o = nothing ? json_object() : usable_result(u);

		if (nothing)
			json_object_set_new(o, "complete", json_true());
		return say_result_json(o, e);
	}
	if (nothing)
		buf_add(&out, nothing);
	else
		usable_tell(&out, u);
	ok = say_result(buf_view(&out), e);
	buf_release(&out);
	return ok;
}

static bool finish(struct cmd *c, struct usable *u, const struct unfinished *left, struct err *e)
{
	struct manifest *m = NULL;
	bool ok;

	if (!manifest_load(&m, u->repository, left->source, left->snapshot_id, e))
		return err_wrap(e, "the snapshot that is being restored");
	u->manifest = m;
	say_info("restored from %s/%s; %zu index%s and %zu foreign key%s were left", m->database, m->id, left->indexes,
	        left->indexes == 1 ? "" : "es", left->foreign_keys, left->foreign_keys == 1 ? "" : "s");
	usable_finish(u);
	ok = !u->failed && tell(u, NULL, e);
	if (ok)
		usable_status(c, u);
	if (u->failed) {
		*e = u->why;
		if (!*e->hint)
			err_hint(e, "what was made stays; go on with the same command");
	}
	u->manifest = NULL;
	manifest_free(m);
	return ok;
}

bool usable_run(struct cmd *c, struct err *e)
{
	struct place place = PLACE_INIT;
	struct usable u = { .c = c };
	struct unfinished left = { 0 };
	bool ok = store_where(c, e) && place_open(&place, c, options_text(c->options, OPTION_FINISH), "--finish", e) &&
	          store_open(&u.repository, c, e);

	if (ok) {
		u.name = place_repository_name(&place);
		u.word = place.word;
		u.database = place.target.conn;
		ok = find(&left, &u, &place, e);
	}
	if (ok && !left.begun)
		ok = tell(&u, "nothing to finish: no usable-first restore of this database is in the journal\n", e);
	else if (ok && !unfinished_left(&left))
		ok = tell(&u, "nothing is left: it is complete\n", e);
	else if (ok)
		ok = finish(c, &u, &left, e);
	unfinished_release(&left);
	usable_release(&u);
	repository_close(u.repository);
	place_close(&place);
	return ok;
}
