/* src/cmd/diff.c - drtool diff */
#include "restore/diff.h"

#include "restore/built.h"
#include "src/cmd/answer.h"
#include "src/cmd/progress.h"
#include "src/cmd/report.h"
#include "src/cmd/say.h"
#include "src/cmd/store.h"
#include "src/cmd/target.h"
#include "src/cmd/text.h"
#include "src/snapshot/snapshot.h"

/* One of the two; what is not a snapshot becomes one in memory, without its rows. */
struct side {
	struct buf label;
	struct repository *memory;
	struct manifest *manifest;
	struct diff_side content;
	bool loaded;
};

struct diff {
	struct cmd *c;
	struct repository *repository;
	struct side first, second;
	unsigned sections;
	bool no_owner;
	struct diff_report report;
};

static const char *const section_names[DIFF_SECTIONS] = { "schema", "rows", "sequences", "extensions", "large objects",
	"settings" };

/* --- the sides --- */

static bool load(struct side *s, struct repository *r, struct err *e)
{
	s->loaded = true;
	return diff_side_load(&s->content, r, s->manifest, e);
}

static bool load_snapshot(struct side *s, struct diff *d, const char *text, struct err *e)
{
	if (!store_find(&s->manifest, d->repository, d->c, text, e))
		return false;
	buf_addf(&s->label, "%s/%s", s->manifest->database, s->manifest->id);
	return load(s, d->repository, e);
}

/* What a database is now: definitions and fingerprints, from one consistent snapshot that nobody keeps. */
static bool load_database(struct side *s, struct diff *d, const struct conninfo *conn, struct err *e)
{
	struct snapshot_options o = {
		.source = conn,
		.database = d->first.manifest->database,
		.jobs = cmd_jobs(d->c),
		.pg_bin = options_text(d->c->options, OPTION_PG_BIN),
		.yield_after_s = (unsigned)options_number(d->c->options, OPTION_YIELD_AFTER, 0),
		.lock_wait_s = (unsigned)options_number(d->c->options, OPTION_LOCK_WAIT, 0),
		.fingerprint_only = true,
	};
	struct snapshot_result result = { 0 };
	struct progress *progress;

	if (!repository_open_storage(&s->memory, storage_new_memory(), true, e))
		return false;
	progress = progress_start();
	bool ok = snapshot_take(&result, s->memory, &o, progress_observer(progress), d->c->cancel, e);
	progress_stop(progress);
	return ok && manifest_resolve(&s->manifest, s->memory, NULL, result.id, e) && load(s, s->memory, e);
}

/* word NULL: the database that the snapshot is of, as drtool.yml or DATABASE_URL says. */
static bool load_live(struct side *s, struct diff *d, const char *word, struct err *e)
{
	struct target t = TARGET_INIT;
	bool ok;

	if (!word)
		word = store_database_entry(d->c, d->first.manifest->database);
	ok = target_find(&t, d->c, word, "the live database", e) && target_announce(NULL, &t, d->c, e);
	if (ok) {
		target_describe(&s->label, t.conn);
		ok = load_database(s, d, t.conn, e);
	}
	target_release(&t);
	return ok;
}

static bool load_built(struct side *s, struct diff *d, const struct built_from *from, struct err *e)
{
	struct target scratch = TARGET_INIT;
	struct verify_options o;
	struct built *b = NULL;
	struct progress *progress;
	bool ok;

	buf_add(&s->label, from->sql ? from->sql : from->command);
	d->sections = DIFF_DEFINITIONS; /* rows, counters and owners are not what a file of definitions is about */
	d->no_owner = true;
	if (!report_scratch(&o, &scratch, d->c, e))
		return false;
	progress = progress_start();
	ok = built_start(&b, d->repository, d->first.manifest, from, &o, progress_observer(progress), d->c->cancel, e);
	progress_stop(progress);
	ok = ok && load_database(s, d, built_conninfo(b), e);
	built_stop(b);
	target_release(&scratch);
	return ok;
}

static bool load_second(struct diff *d, const char *text, struct err *e)
{
	struct side *s = &d->second;

	if (strcmp(text, "live") == 0)
		return load_live(s, d, NULL, e);
	if (strncmp(text, "sql:", 4) == 0)
		return load_built(s, d, &(struct built_from){ .sql = text + 4 }, e);
	if (strncmp(text, "cmd:", 4) == 0)
		return load_built(s, d, &(struct built_from){ .command = text + 4 }, e);
	if (conninfo_is_connection_string(text))
		return load_live(s, d, text, e);
	return load_snapshot(s, d, text, e);
}

static void release(struct side *s)
{
	if (s->loaded)
		diff_side_release(&s->content);
	manifest_free(s->manifest);
	repository_close(s->memory);
	buf_release(&s->label);
}

/* --- telling --- */

static void item_text(struct buf *out, const struct diff_item *item)
{
	static const char *const changes[] = { "only in the first", "only in the second", "differs" };

	text_printable(out, item->object);
	buf_addf(out, ": %s", changes[item->change]);
	if (item->section != DIFF_SCHEMA) {
		buf_add(out, *item->text ? ": " : "");
		text_printable(out, item->text);
		buf_add(out, "\n");
		return;
	}
	buf_add(out, "\n");
	for (const char *at = item->text; *at;) {
		size_t len = strcspn(at, "\n");
		char *line = xasprintf("%.*s", (int)len, at);

		buf_add(out, say_color(*at == '-' ? 'r' : 'g'));
		text_printable(out, line);
		buf_addf(out, "%s\n", say_color('0'));
		free(line);
		at += len + (at[len] == '\n');
	}
}

static void report_text(struct buf *out, const struct diff *d)
{
	const struct diff_report *r = &d->report;

	buf_add(out, "--- ");
	text_printable(out, buf_str(&d->first.label));
	buf_add(out, "\n+++ ");
	text_printable(out, buf_str(&d->second.label));
	buf_add(out, "\n");
	for (unsigned s = 0, i = 0; s < DIFF_SECTIONS; s++) {
		size_t first = i;

		while (i < r->count && r->items[i].section == s)
			i++;
		if (!(d->sections & DIFF_SECTION_BIT(s)))
			continue;
		if (i == first)
			buf_addf(out, "%s: the same", section_names[s]);
		else
			buf_addf(out, "%s: %zu difference%s", section_names[s], i - first, i - first == 1 ? "" : "s");
		if (s == DIFF_ROWS)
			buf_addf(out, ", %zu tables compared", r->tables_compared);
		buf_add(out, "\n");
		for (size_t k = first; k < i; k++)
			item_text(out, &r->items[k]);
	}
}

static json_t *report_document(const struct diff *d)
{
	static const char *const changes[] = { "only_first", "only_second", "changed" };
	json_t *o = json_object(), *list = json_array();

	for (size_t i = 0; i < d->report.count; i++) {
		const struct diff_item *item = &d->report.items[i];
		json_t *entry = json_object();

		json_object_set_new(entry, "section", json_string(section_names[item->section]));
		json_object_set_new(entry, "change", json_string(changes[item->change]));
		json_object_set_new(entry, "object", answer_text(item->object));
		json_object_set_new(entry, "text", answer_text(item->text));
		json_array_append_new(list, entry);
	}
	json_object_set_new(o, "first", answer_text(buf_str(&d->first.label)));
	json_object_set_new(o, "second", answer_text(buf_str(&d->second.label)));
	json_object_set_new(o, "same", json_boolean(d->report.count == 0));
	json_object_set_new(o, "tables_compared", answer_count(d->report.tables_compared));
	json_object_set_new(o, "differences", list);
	return o;
}

/* Definitions spelled by two major versions of pg_dump differ where nothing else does. */
static void note_versions(const struct diff *d)
{
	int a = d->first.manifest->dump_version / 10000, b = d->second.manifest->dump_version / 10000;

	if (a != b)
		say_warn(
		        "the definitions were written by pg_dump %d and pg_dump %d, which may spell the same thing differently",
		        a, b);
}

static bool tell(struct diff *d, struct err *e)
{
	struct buf out = BUF_INIT;
	bool ok;

	note_versions(d);
	if (d->report.count)
		d->c->status = CMD_STATUS_DIFFERS;
	if (cmd_json(d->c))
		return say_result_json(report_document(d), e);
	report_text(&out, d);
	ok = say_result(buf_view(&out), e);
	buf_release(&out);
	return ok;
}

bool cmd_diff(struct cmd *c, struct err *e)
{
	struct diff d = { .c = c, .sections = DIFF_EVERYTHING };
	bool ok = store_open(&d.repository, c, e) && load_snapshot(&d.first, &d, c->options->arguments[0], e) &&
	          load_second(&d, c->options->arguments[1], e);

	if (ok) {
		diff_compare(&d.report, &d.first.content, &d.second.content, d.sections, d.no_owner);
		ok = tell(&d, e);
	}
	diff_report_release(&d.report);
	release(&d.second);
	release(&d.first);
	repository_close(d.repository);
	return ok;
}
