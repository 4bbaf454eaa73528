/* src/cmd/snapshot.c - drtool snapshot */
#include "src/snapshot/snapshot.h"

#include "src/cmd/answer.h"
#include "src/cmd/progress.h"
#include "src/cmd/record.h"
#include "src/cmd/report.h"
#include "src/cmd/say.h"
#include "src/cmd/store.h"
#include "src/cmd/target.h"
#include "src/cmd/text.h"
#include "src/cmd/usable.h"
#include "src/cmd/written.h"

/* Patterns of drtool.yml and of the command line together, NULL-terminated; free() the array. */
static const char **excluded(const struct cmd *c, const struct config_database *entry)
{
	const struct option_value *v = &c->options->values[OPTION_EXCLUDE_TABLE_DATA];
	size_t from_file = entry ? entry->exclude_count : 0;
	const char **list = xcalloc(from_file + v->count + 1, sizeof(*list));

	for (size_t i = 0; i < from_file; i++)
		list[i] = entry->exclude_table_data[i];
	for (size_t i = 0; i < v->count; i++)
		list[from_file + i] = v->list[i];
	return list;
}

static void say_summary(const struct cmd *c, const struct snapshot_result *s)
{
	char tables[TEXT_SIZE], rows[TEXT_SIZE], bytes[TEXT_SIZE], new_bytes[TEXT_SIZE], took[TEXT_SIZE];

	text_count(tables, s->tables);
	if (cmd_dry_run(c)) {
		say_info("would read %s tables, about %s, into %s; nothing was changed", tables,
		        text_bytes(bytes, s->expected_bytes), options_text(c->options, OPTION_REPO));
		return;
	}
	say_info("%s tables, %s rows, %s in %s; %s new in the repository%s", tables, text_count(rows, s->rows),
	        text_bytes(bytes, s->plain_bytes), text_duration(took, s->duration_us),
	        text_bytes(new_bytes, s->stored_new_bytes),
	        s->attempts > 1 ? " (others were in the way at first)" : "");
}

static json_t *result_document(const struct cmd *c, const struct snapshot_result *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", *s->id ? json_string(s->id) : json_null());
	json_object_set_new(o, "dry_run", json_boolean(cmd_dry_run(c)));
	json_object_set_new(o, "repository", answer_text(options_text(c->options, OPTION_REPO)));
	json_object_set_new(o, "tables", answer_count(s->tables));
	json_object_set_new(o, "rows", answer_count(s->rows));
	json_object_set_new(o, "bytes", answer_count(s->plain_bytes));
	json_object_set_new(o, "expected_bytes", answer_count(s->expected_bytes));
	json_object_set_new(o, "stored_new_bytes", answer_count(s->stored_new_bytes));
	json_object_set_new(o, "chunks_new", answer_count(s->chunks_new));
	json_object_set_new(o, "chunks_known", answer_count(s->chunks_known));
	json_object_set_new(o, "seconds", answer_seconds(s->duration_us));
	json_object_set_new(o, "attempts", json_integer((json_int_t)s->attempts));
	return o;
}

/* Its name in the repository. */
static const char *name_of(const struct cmd *c, const struct target *t)
{
	const char *as = options_text(c->options, OPTION_AS);

	if (as || t->repository_name)
		return as ? as : t->repository_name;
	return conninfo_get(t->conn, "dbname");
}

static bool take(struct snapshot_result *result, const struct cmd *c, struct repository *r, const struct target *t,
        const json_t *counts, struct err *e)
{
	const struct options *o = c->options;
	const char *as = options_text(o, OPTION_AS);
	const char **exclude = excluded(c, t->entry);
	struct snapshot_options s = {
		.source = t->conn,
		.database = as ? as : t->repository_name,
		.tag = options_text(o, OPTION_TAG),
		.jobs = cmd_jobs(c),
		.level = (int)options_number(o, OPTION_LEVEL, 0),
		.yield_after_s = (unsigned)options_number(o, OPTION_YIELD_AFTER, 0),
		.lock_wait_s = (unsigned)options_number(o, OPTION_LOCK_WAIT, 0),
		.pg_bin = options_text(o, OPTION_PG_BIN),
		.exclude_table_data = exclude,
		.role_passwords = options_set(o, OPTION_ROLE_PASSWORDS),
		.dry_run = cmd_dry_run(c),
	};
	struct progress *progress = progress_start();
	struct journal_event event = record_start("snapshot", name_of(c, t));
	bool ok = snapshot_take(result, r, &s, progress_observer(progress), c->cancel, e);

	progress_stop(progress);
	record_server(&event, t->conn);
	event.snapshot_id = *result->id ? result->id : NULL;
	event.rows = result->rows;
	event.plain_bytes = result->plain_bytes;
	written_record(&event, counts);
	record_finish(&event, c, r, false, ok ? NULL : e);
	free(exclude);
	return ok;
}

static bool verify(struct proof **out, const struct cmd *c, struct repository *r, const char *id, struct err *e)
{
	struct manifest *m = NULL;
	struct buf text = BUF_INIT;
	bool ok = manifest_resolve(&m, r, NULL, id, e) && report_verify(out, c, r, m, e);

	if (ok) {
		char *lines, *rest, *line;

		report_proof(&text, *out);
		lines = rest = buf_detach(&text);
		while ((line = strsep(&rest, "\n")) != NULL) {
			if (*line)
				say_info("%s", line);
		}
		free(lines);
		report_rto(c, (*out)->finished_us - (*out)->started_us);
		report_next(*out);
	}
	manifest_free(m);
	buf_release(&text);
	return ok;
}

/* The snapshot exists: whatever the proof says, its id is told. */
static bool finish(struct cmd *c, struct repository *r, const struct snapshot_result *s, struct err *e)
{
	bool proving = options_set(c->options, OPTION_VERIFY) && !cmd_dry_run(c), ok = true;
	json_t *document = cmd_json(c) ? result_document(c, s) : NULL;
	struct proof *proof = NULL;
	struct err failed = ERR_INIT;

	if (!document && !cmd_dry_run(c)) {
		struct buf line = BUF_INIT;

		buf_addf(&line, "%s\n", s->id);
		ok = say_result(buf_view(&line), e);
		buf_release(&line);
	}
	if (ok && proving && !verify(&proof, c, r, s->id, &failed)) {
		err_wrap(&failed, "the snapshot %s is complete, but it could not be verified", s->id);
		c->status = failed.kind == ERR_REFUSED ? 1 : err_exit_status(&failed); /* something was done */
		say_error(&failed);
	} else if (proof && proof->outcome != PROOF_GOOD) {
		c->status = CMD_STATUS_DIFFERS;
	}
	if (document) {
		if (proving)
			json_object_set_new(document, "proof", answer_proof(proof));
		if (failed.kind != ERR_NONE)
			json_object_update_new(document, say_error_json(&failed));
		ok = say_result_json(document, e);
	}
	proof_free(proof);
	return ok;
}

/* Say what is meant, and refuse now what would fail after an hour of reading. counts: see written.h; NULL when they
 * cannot be read. */
static bool prepare(
        json_t **counts, struct pg_database *d, struct arena *a, struct cmd *c, struct target *t, struct err *e)
{
	struct pg_session *s = NULL;
	struct err ignored = ERR_INIT;
	bool ok = target_announce(&s, t, c, e);

	if (ok && !conninfo_get(t->conn, "dbname")) /* PGDATABASE, a service file, the user's own: libpq knows */
		conninfo_set(t->conn, "dbname", PQdb(pg_session_conn(s)));
	if (ok && options_set(c->options, OPTION_VERIFY))
		ok = report_verify_possible(c, pg_session_version(s), e);
	if (ok)
		written_read(counts, s, &ignored);
	if (ok)
		pg_catalog_database(d, s, a, &ignored);
	pg_session_close(s);
	return ok;
}

bool cmd_snapshot(struct cmd *c, struct err *e)
{
	const char *tag = options_text(c->options, OPTION_TAG);
	const char *text = c->options->argument_count ? c->options->arguments[0] : NULL;
	struct target target = TARGET_INIT;
	struct repository *r = NULL;
	struct snapshot_result result = { 0 };
	struct pg_database database = { 0 };
	struct arena arena = ARENA_INIT;
	json_t *counts = NULL;
	bool ok = false;

	if (!store_where(c, e) || (tag && !manifest_tag_valid(tag, e)) ||
	        !target_find(&target, c, text, "the database", e))
		return false;
	if (!prepare(&counts, &database, &arena, c, &target, e) || !store_open_or_create(&r, c, e) ||
	        !take(&result, c, r, &target, counts, e))
		goto done;
	say_summary(c, &result);
	if (!cmd_dry_run(c))
		usable_warn(c, r, name_of(c, &target), result.id, &database, target.conn);
	ok = finish(c, r, &result, e);
done:
	json_decref(counts);
	arena_release(&arena);
	repository_close(r);
	target_release(&target);
	return ok;
}
