/* src/cmd/cat.c - drtool cat */
#include "restore/restore.h"
#include "src/cmd/progress.h"
#include "src/cmd/store.h"

bool cmd_cat(struct cmd *c, struct err *e)
{
	const struct option_value *tables = &c->options->values[OPTION_TABLE];
	struct cat_options o = { .tables = tables->list, .pg_bin = options_text(c->options, OPTION_PG_BIN) };
	struct repository *r = NULL;
	struct manifest *m = NULL;
	struct progress *progress;
	bool ok = false;

	if (!store_open(&r, c, e) || !store_find(&m, r, c, c->options->arguments[0], e))
		goto done;
	progress = progress_start();
	ok = cat_snapshot(STDOUT_FILENO, r, m, &o, progress_observer(progress), c->cancel, e);
	progress_stop(progress);
done:
	manifest_free(m);
	repository_close(r);
	return ok;
}
