/* src/cmd/list.c - drtool list */
#include "src/base/clock.h"
#include "src/cmd/answer.h"
#include "src/cmd/report.h"
#include "src/cmd/say.h"
#include "src/cmd/store.h"
#include "src/cmd/table.h"
#include "src/cmd/text.h"

struct listing {
	struct cmd *c;
	const struct manifest_list *list;
	struct table table;
	json_t *json; /* NULL: a table */
};

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

/* With the newest proof; a damaged one is said, makes the exit status 6, and counts as none. */
static enum fetch_answer add_snapshot(
        void *cookie, size_t index, const struct proof *proof, const struct err *why, struct err *e)
{
	struct listing *l = cookie;
	const struct manifest *m = l->list->items[index];

	(void)e;
	if (why && why->kind != ERR_NOT_FOUND) {
		say_warn("%s", why->msg);
		l->c->status = CMD_STATUS_DIFFERS;
	}
	if (l->json) {
		json_t *document = answer_manifest(m);

		json_object_set_new(document, "proof", answer_proof(proof));
		json_array_append_new(l->json, document);
	} else {
		snapshot_row(&l->table, m, proof);
	}
	return FETCH_ON;
}

static bool add_snapshots(struct listing *l, struct repository *r, const char *database, struct err *e)
{
	struct proof_wanted *wanted = xcalloc(l->list->count + 1, sizeof(*wanted));

	for (size_t i = 0; i < l->list->count; i++)
		wanted[i] = (struct proof_wanted){ l->list->items[i]->database, l->list->items[i]->id };
	bool ok = proof_load_each_newest(r, database, wanted, l->list->count, add_snapshot, l, e);
	free(wanted);
	return ok;
}

static bool print_table(struct listing *l, struct repository *r, const char *database, struct err *e)
{
	struct buf out = BUF_INIT;
	bool ok;

	table_start(&l->table, "id|database|tag|>age|>rows|>size|>new|proof");
	ok = add_snapshots(l, r, database, e);
	table_write(&out, &l->table);
	if (ok && l->list->count > 0)
		ok = say_result(buf_view(&out), e);
	else if (ok && l->list->damaged == 0)
		say_info("no snapshots yet");
	table_release(&l->table);
	buf_release(&out);
	return ok;
}

static bool print_json(struct listing *l, struct repository *r, const char *database, struct err *e)
{
	l->json = json_array();
	if (add_snapshots(l, r, database, e))
		return say_result_json(l->json, e);
	json_decref(l->json);
	return false;
}

bool cmd_list(struct cmd *c, struct err *e)
{
	const char *database = options_text(c->options, OPTION_DATABASE);
	struct manifest_list l = { 0 };
	struct listing listing = { .c = c, .list = &l };
	struct repository *r = NULL;
	bool ok = false;

	if (!store_open(&r, c, e) || !manifest_list_load(&l, r, database, e))
		goto done;
	say_info("repository %s", r->storage->where);
	ok = cmd_json(c) ? print_json(&listing, r, database, e) : print_table(&listing, r, database, e);
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
