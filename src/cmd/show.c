/* src/cmd/show.c - drtool show */
#include "src/base/clock.h"
#include "src/cmd/answer.h"
#include "src/cmd/report.h"
#include "src/cmd/say.h"
#include "src/cmd/store.h"
#include "src/cmd/table.h"
#include "src/cmd/text.h"
#include "storage/repository/chunk_store.h"
#include "storage/repository/contents.h"

#define CONTENTS_MAX ((size_t)512 << 20)

static bool load_contents(struct contents *out, struct repository *r, const struct manifest *m, struct err *e)
{
	struct buf text = BUF_INIT_MAX(CONTENTS_MAX);
	struct chunk_store *chunks = NULL;
	bool ok;

	ok = chunk_store_open_read(&chunks, r, e) && chunk_store_get_stream(&text, chunks, &m->contents, e) &&
	     contents_parse(out, buf_view(&text), e);
	chunk_store_close(chunks);
	buf_release(&text);
	return ok || err_wrap(e, "read the contents of snapshot \"%s\"", m->id);
}

static const char *data_word(enum content_data data)
{
	switch (data) {
	case CONTENT_DATA:
		return "";
	case CONTENT_EXCLUDED:
		return "excluded";
	case CONTENT_UNREADABLE_STANDBY:
		return "unlogged, not on a standby";
	}
	return "";
}

static void add_field(struct buf *out, const char *name, const char *text)
{
	buf_addf(out, "%-12s", name);
	text_printable(out, text);
	buf_add(out, "\n");
}

static void times_text(struct buf *out, const struct manifest *m)
{
	char instant[CLOCK_TEXT_SIZE], age[TEXT_SIZE], took[TEXT_SIZE], line[160];

	clock_rfc3339(instant, m->instant_us);
	snprintf(line, sizeof(line), "%s, %s ago; took %s", instant, text_age(age, clock_utc_us() - m->instant_us),
	        text_duration(took, m->finished_us - m->started_us));
	add_field(out, "instant", line);
}

static void summary_text(struct buf *out, const struct manifest *m)
{
	char tables[TEXT_SIZE], rows[TEXT_SIZE], bytes[TEXT_SIZE], size[TEXT_SIZE], version[TEXT_SIZE], line[512];

	add_field(out, "snapshot", m->id);
	add_field(out, "tag", *m->tag ? m->tag : "-");
	snprintf(line, sizeof(line), "%s (database %s at %s, PostgreSQL %s%s)", m->database, m->dbname, m->server,
	        text_version(version, m->server_version), m->on_standby ? ", a standby" : "");
	add_field(out, "database", line);
	times_text(out, m);
	snprintf(line, sizeof(line), "%s tables, %s rows, %s of rows from %s on the server",
	        text_count(tables, m->tables), text_count(rows, m->rows), text_bytes(bytes, m->plain_bytes),
	        text_bytes(size, m->database_size));
	add_field(out, "holds", line);
	snprintf(line, sizeof(line), "%s", text_bytes(bytes, m->stored_new_bytes));
	add_field(out, "new bytes", line);
	snprintf(line, sizeof(line), "%s, drtool %s with pg_dump %s", m->host, m->drtool_version,
	        text_version(version, m->dump_version));
	add_field(out, "taken on", line);
	add_field(out, "passwords",
	        m->globals_passwords ? "password hashes of roles are kept" : "no password hashes of roles");
}

static void proof_text(struct buf *out, const struct proof *p)
{
	char age[TEXT_SIZE], version[TEXT_SIZE], line[256];

	if (!p) {
		add_field(out, "proof", "none: no test restore yet");
		return;
	}
	snprintf(line, sizeof(line), "%s, %s ago, PostgreSQL %s, %s", report_outcome(p->outcome),
	        text_age(age, clock_utc_us() - p->finished_us), text_version(version, p->server_version), p->where);
	add_field(out, "proof", line);
	buf_add(out, "\n");
	report_proof(out, p);
}

static void tables_text(struct buf *out, const struct contents *contents)
{
	struct table t = { 0 };
	char text[TEXT_SIZE];

	table_start(&t, "table|>rows|>bytes|");
	for (size_t i = 0; i < contents->table_count; i++) {
		const struct content_table *table = &contents->tables[i];

		table_cell(&t,
		        table->table.kind == PG_TABLE_LARGE_OBJECTS ? "large objects (pages)" : table->table.qualified);
		table_cell(&t, text_count(text, table->fingerprint.rows));
		table_cell(&t, text_bytes(text, table->pieces.bytes));
		table_cell(&t, data_word(table->data));
	}
	buf_add(out, "\n");
	table_write(out, &t);
	table_release(&t);
}

static json_t *table_document(const struct content_table *table)
{
	char sum[FINGERPRINT_TEXT_SIZE];
	json_t *o = json_object();

	fingerprint_sum_text(sum, &table->fingerprint);
	if (table->table.kind == PG_TABLE_LARGE_OBJECTS) {
		json_object_set_new(o, "large_objects", json_true());
	} else {
		json_object_set_new(o, "schema", answer_text(table->table.schema));
		json_object_set_new(o, "name", answer_text(table->table.name));
	}
	json_object_set_new(o, "rows", answer_count(table->fingerprint.rows));
	json_object_set_new(o, "bytes", answer_count(table->pieces.bytes));
	json_object_set_new(o, "fingerprint", json_string(sum));
	json_object_set_new(o, "data", json_string(table->data == CONTENT_DATA ? "complete" : data_word(table->data)));
	return o;
}

static bool print(const struct cmd *c, const struct manifest *m, const struct contents *contents,
        const struct proof *proof, struct err *e)
{
	json_t *document, *tables;
	struct buf out = BUF_INIT;
	bool ok;

	if (cmd_json(c)) {
		document = answer_manifest(m);
		tables = json_array();
		for (size_t i = 0; i < contents->table_count; i++)
			json_array_append_new(tables, table_document(&contents->tables[i]));
		json_object_set_new(document, "contents", tables);
		json_object_set_new(document, "proof", answer_proof(proof));
		return say_result_json(document, e);
	}
	summary_text(&out, m);
	proof_text(&out, proof);
	tables_text(&out, contents);
	ok = say_result(buf_view(&out), e);
	buf_release(&out);
	return ok;
}

bool cmd_show(struct cmd *c, struct err *e)
{
	struct repository *r = NULL;
	struct manifest *m = NULL;
	struct contents contents = { 0 };
	struct proof *proof = NULL;
	struct err no_proof = ERR_INIT;
	bool ok = false;

	if (!store_open(&r, c, e) || !store_find(&m, r, c, c->options->arguments[0], e) ||
	        !load_contents(&contents, r, m, e))
		goto done;
	if (!proof_load_newest(&proof, r, m->database, m->id, &no_proof) && no_proof.kind != ERR_NOT_FOUND) {
		say_warn("%s", no_proof.msg);
		c->status = CMD_STATUS_DIFFERS;
	}
	ok = print(c, m, &contents, proof, e);
done:
	proof_free(proof);
	contents_release(&contents);
	manifest_free(m);
	repository_close(r);
	return ok;
}
