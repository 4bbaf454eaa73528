/* src/cmd/verify.c - drtool verify */
#include "src/cmd/answer.h"
#include "src/cmd/report.h"
#include "src/cmd/say.h"
#include "src/cmd/store.h"
#include "src/cmd/text.h"

static bool print(const struct cmd *c, const struct proof *p, struct err *e)
{
	struct buf out = BUF_INIT;
	bool ok;

	if (cmd_json(c))
		return say_result_json(answer_proof(p), e);
	report_proof(&out, p);
	if (p->standby) {
		buf_add(&out, "kept as the standby copy ");
		text_printable(&out, p->standby->name);
		buf_add(&out, ": restore --replace of this snapshot is now only the swap\n");
	}
	ok = say_result(buf_view(&out), e);
	buf_release(&out);
	return ok;
}

/* The outcome of a dry run. */
static bool print_possible(const struct cmd *c, const struct manifest *m, struct err *e)
{
	if (cmd_json(c))
		return say_result_json(json_pack("{s:s, s:b, s:b}", "snapshot", m->id, "dry_run", 1, "possible", 1), e);
	say_info("a test restore is possible; nothing was changed");
	return true;
}

bool cmd_verify(struct cmd *c, struct err *e)
{
	const char *text = c->options->argument_count ? c->options->arguments[0] : "latest";
	struct repository *r = NULL;
	struct manifest *m = NULL;
	struct proof *proof = NULL;
	bool ok = false;

	if (!store_open(&r, c, e) || !store_find(&m, r, c, text, e) || !report_verify(&proof, c, r, m, e))
		goto done;
	if (!proof) {
		ok = print_possible(c, m, e);
		goto done;
	}
	ok = print(c, proof, e);
	report_rto(c, proof->finished_us - proof->started_us);
	if (proof->outcome != PROOF_GOOD)
		c->status = CMD_STATUS_DIFFERS;
	report_next(proof);
	if (options_set(c->options, OPTION_KEEP_STANDBY) && !proof->standby)
		say_warn("it is not kept as the standby copy; what was there before stays");
done:
	proof_free(proof);
	manifest_free(m);
	repository_close(r);
	return ok;
}
