/* src/cmd/list.c - drtool list */
#include "src/base/clock.h"
#include "src/cmd/answer.h"
#include "src/cmd/report.h"
#include "src/cmd/say.h"
#include "src/cmd/store.h"
#include "src/cmd/table.h"
#include "src/cmd/text.h"

/* The newest proof; a damaged one is said, makes the exit status 6, and counts as none. */
static struct proof *newest_proof(struct cmd *c, struct repository *r, const struct manifest *m)
{
	struct proof *proof = NULL;
	struct err e = ERR_INIT;

	if (proof_load_newest(&proof, r, m->database, m->id, &e) || e.kind == ERR_NOT_FOUND)
		return proof;
	say_warn("%s", e.msg);
	c->status = CMD_STATUS_DIFFERS;
	return NULL;
}

static void snapshot_row(struct table *t, const struct manifest *m, const struct proof *proof)
{
	char text[TEXT_SIZE];

	table_cell(t, m->id);
	table_cell(t, m->database);
	table_cell(t, *m->tag ? m->tag : "-");
	table_cell(t, text_age(text, clock_utc_us() - m->instant_us));
	table_cell(t, text_count(text, m->rows));
	table_cell(t, text_bytes(text, m->plain_bytes));
	table_cell(t, text_bytes(text, m->stored_new_bytes));
	table_cell(t, proof ? report_outcome(proof->outcome) : "-");
}

static bool print_table(struct cmd *c, struct repository *r, const struct manifest_list *l, struct err *e)
{
	struct table t = { 0 };
	struct buf out = BUF_INIT;
	bool ok = true;

	table_start(&t, "id|database|tag|>age|>rows|>size|>new|proof");
	for (size_t i = 0; i < l->count; i++) {
		struct proof *proof = newest_proof(c, r, l->items[i]);

		snapshot_row(&t, l->items[i], proof);
		proof_free(proof);
	}
	table_write(&out, &t);
	if (l->count > 0)
		ok = say_result(buf_view(&out), e);
	else if (l->damaged == 0)
		say_info("no snapshots yet");
	table_release(&t);
	buf_release(&out);
	return ok;
}

static bool print_json(struct cmd *c, struct repository *r, const struct manifest_list *l, struct err *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->count; i++) {
		struct proof *proof = newest_proof(c, r, l->items[i]);
		json_t *document = answer_manifest(l->items[i]);

		json_object_set_new(document, "proof", answer_proof(proof));
		json_array_append_new(list, document);
		proof_free(proof);
	}
	return say_result_json(list, e);
}

bool cmd_list(struct cmd *c, struct err *e)
{
	struct manifest_list l = { 0 };
	struct repository *r = NULL;
	bool ok = false;

	if (!store_open(&r, c, e) || !manifest_list_load(&l, r, options_text(c->options, OPTION_DATABASE), e))
		goto done;
	say_info("repository %s", r->storage->where);
	ok = cmd_json(c) ? print_json(c, r, &l, e) : print_table(c, r, &l, e);
	if (l.damaged > 0) {
		err_wrap(&l.first_error, "%zu manifest%s cannot be read", l.damaged, l.damaged == 1 ? "" : "s");
		say_error(&l.first_error); /* what can be read was printed, as one document */
		c->status = CMD_STATUS_DIFFERS;
	}
done:
	manifest_list_release(&l);
	repository_close(r);
	return ok;
}
