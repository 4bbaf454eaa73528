/* src/cmd/replace_standby.c - the standby copy in place of a restore; see replace.h */
#include "src/base/clock.h"
#include "src/cmd/assertion.h"
#include "src/cmd/progress.h"
#include "src/cmd/replace_internal.h"
#include "src/cmd/report.h"
#include "src/cmd/say.h"
#include "src/cmd/text.h"

/* --- what is there --- */

static bool holds_this(const struct replace *x)
{
	return x->standby.name && !x->standby.broken && strcmp(x->standby.snapshot_id, x->manifest->id) == 0;
}

/* What cannot be learned about it only means that it is not relied on. */
static bool look(struct replace *x, struct err *e)
{
	const struct manifest *m = x->manifest;
	struct err ignored = ERR_INIT;

	proof_free(x->standby_proof);
	x->standby_proof = NULL;
	x->standby_doubt = NULL;
	if (!standby_find(&x->standby, x->place.maintenance, &x->place.live.database, &x->place.arena, e))
		return false;
	if (!holds_this(x))
		return true;
	proof_load_standby(&x->standby_proof, x->repository, m->database, m->id, x->standby.marks.oid, &ignored);
	x->standby_doubt = standby_doubt(&x->standby, x->standby_proof);
	return true;
}

static bool is_wanted(const struct replace *x)
{
	const struct options *o = x->c->options;

	return !x->given.conn && !options_set(o, OPTION_NO_STANDBY) && !options_set(o, OPTION_NO_OWNER);
}

void replace_standby_look(struct replace *x, enum predict_kind kind)
{
	struct journal j;
	struct err why = ERR_INIT;

	if (!is_wanted(x))
		return;
	if (!look(x, &why))
		say_warn("%s", why.msg);
	if (!replace_standby_ready(x))
		return;
	journal_load_each(&j, x->repository, place_repository_name(&x->place), JOURNAL_RECENT, &why);
	predict_swap(&x->prediction, &j, x->manifest->plain_bytes, kind);
	journal_release(&j);
}

bool replace_standby_ready(const struct replace *x)
{
	return holds_this(x) && !x->standby_doubt;
}

void replace_standby_text(struct buf *out, const struct replace *x)
{
	char age[TEXT_SIZE];

	if (!x->standby.name)
		return;
	buf_add(out, "  standby copy  ");
	text_printable(out, x->standby.name);
	if (x->standby.broken)
		buf_add(out, " is not used: dropping it was begun and not completed\n");
	else if (!holds_this(x))
		buf_addf(out, " is not used: it holds snapshot %s\n", x->standby.snapshot_id);
	else if (x->standby_doubt)
		buf_addf(out, " is compared with the snapshot before it is used: %s\n", x->standby_doubt);
	else
		buf_addf(out, " is ready, proved %s ago: only the names are swapped\n",
		        text_age(age, clock_utc_us() - x->standby_proof->finished_us));
}

/* --- taking it --- */

/* The live database may have been given other settings or privileges since the copy was made. */
static bool adopt(struct replace *x, struct err *e)
{
	bool ok = standby_adopt(x->place.maintenance, x->standby.name, &x->place.live.database, e);

	x->standby_refused = !ok && e->kind == ERR_REFUSED;
	return ok;
}

/* What the source's own data breaks was found when it was proved, and could not be made. */
static void take_findings(struct replace *x)
{
	struct restore_result *r = &x->restored;
	const struct proof *p = x->standby_proof;

	if (!p)
		return;
	r->findings = arena_alloc(&r->arena, (p->difference_count + 1) * sizeof(*r->findings));
	for (size_t i = 0; i < p->difference_count; i++) {
		const struct proof_difference *d = &p->differences[i];

		r->findings[r->finding_count++] = (struct restore_finding){ d->object, d->what, d->source_fault };
	}
}

/* The counts of a comparison are there already. */
static void take(struct replace *x)
{
	const struct proof *p = x->standby_proof;
	struct restore_result *r = &x->restored;

	x->by_standby = x->taken_up = true;
	if (x->standby_doubt)
		return;
	for (size_t i = 0; i < r->finding_count; i++)
		say_warn("%s: the source's own data breaks this: %s", r->findings[i].object, r->findings[i].what);
	r->tables = p->tables;
	r->rows = p->rows;
	r->plain_bytes = p->plain_bytes;
}

/* Somebody may have been in it, or a crash have taken something from it: all of it is read once more. */
static bool compare(bool *same, struct replace *x, struct err *e)
{
	int64_t start = clock_monotonic_us();

	say_info("the standby copy \"%s\" is compared with the snapshot, for %s", x->standby.name, x->standby_doubt);
	if (!standby_allow(x->place.maintenance, x->standby.name, true, e))
		return false;
	x->standby_open = true;
	if (!adopt(x, e) || !replace_compare(same, x, true, e))
		return false;
	replace_phase(x, "compare", clock_monotonic_us() - start);
	return true;
}

/* Under its lock. *usable: it may be taken. */
static bool prove(bool *usable, struct replace *x, struct err *e)
{
	bool same = false;

	if (!look(x, e))
		return false;
	if (!holds_this(x)) {
		say_info("the standby copy is not there any more");
		return true;
	}
	/* What that session has not committed yet, no comparison sees. */
	if (x->standby.sessions) {
		say_info("the standby copy \"%s\" is not used: somebody is connected to it", x->standby.name);
		return true;
	}
	snprintf(x->restored.database, sizeof(x->restored.database), "%s", x->standby.name);
	take_findings(x);
	if (!x->standby_doubt) {
		*usable = adopt(x, e);
		return *usable;
	}
	if (!compare(&same, x, e))
		return false;
	if (!same)
		say_info("it is not what the snapshot says any more: restoring anew");
	*usable = same;
	return true;
}

/* Without it there is still the restore, so only an interrupt ends everything, and what a restore would be refused,
 * too.
 */
bool replace_standby_take_up(struct replace *x, struct err *e)
{
	struct err why = ERR_INIT;
	bool usable = false, fatal = false;

	if (!is_wanted(x) || !holds_this(x))
		return true;
	if (!standby_lock(x->place.maintenance, x->place.live.database.name, &why)) {
		say_info("the standby copy is not used: another drtool works on it");
		return true;
	}
	if (!prove(&usable, x, &why)) {
		fatal = why.kind == ERR_CANCELLED || x->standby_refused;
		if (!fatal)
			say_warn("the standby copy is not used: %s", why.msg);
	} else if (usable) {
		take(x);
		return true;
	}
	if (x->standby_open)
		replace_standby_leave(x, false);
	restore_result_release(&x->restored);
	if (fatal)
		*e = why;
	return !fatal;
}

bool replace_standby_open(struct replace *x, struct err *e)
{
	const struct options *o = x->c->options;
	bool needed = options_set(o, OPTION_CHECK) || options_set(o, OPTION_CHECK_SQL) ||
	              hook_command(HOOK_BEFORE_SWAP, x->c);

	if (!x->by_standby || x->standby_open || !needed)
		return true;
	x->standby_open = standby_allow(x->place.maintenance, x->standby.name, true, e);
	return x->standby_open;
}

void replace_standby_leave(struct replace *x, bool open)
{
	struct err ignored = ERR_INIT;

	if (x->standby_open && !open)
		standby_allow(x->place.maintenance, x->standby.name, false, &ignored);
	say_info("the standby copy stays as \"%s\"%s", x->standby.name,
	        x->standby_open ? "; it is compared with the snapshot before it is used" : "");
}
