/* src/cmd/last_change.c - see last_change.h */
#include "src/cmd/last_change.h"

#include "src/base/clock.h"
#include "src/cmd/say.h"
#include "src/cmd/swap_command.h"
#include "src/cmd/text.h"
#include "storage/repository/journal.h"
#include "storage/repository/manifest.h"

struct last_change {
	const struct place *place;
	struct repository *repository;
	bool migration;            /* that was it */
	bool failed;               /* the migration itself */
	bool by_command;           /* it was a swap, and no names were changed by it */
	char id[SNAPSHOT_ID_SIZE]; /* of the snapshot taken before it; "" when none is recorded */
	bool there;                /* that snapshot still is */
	int64_t finished_us;
};

/* The one that changed the live database and can be undone, or changed it and cannot; see FORMAT.md. */
static const char *const words[] = { "migrate", "replace", "undo", "restore", NULL };

static bool is_word(const struct journal_event *v, const char *word)
{
	return strcmp(v->event, word) == 0;
}

/* What has gone into a database of this name on another server, a staging one, says nothing about this one. */
static bool restored_here(const struct place *p, const struct journal_event *v)
{
	return v->dbname && strcmp(v->dbname, p->live.database.name) == 0 && v->server &&
	       strcmp(v->server, p->server) == 0;
}

/* Of this very database; and is the way back still there? */
static bool migrated_here(struct last_change *l, const struct journal_event *v)
{
	const struct pg_database *d = &l->place->live.database;
	struct manifest *m = NULL;
	struct err why = ERR_INIT;
	bool here = !v->dbname || strcmp(v->dbname, d->name) == 0;

	l->there = v->snapshot_id && manifest_load(&m, l->repository, v->database, v->snapshot_id, &why);
	if (l->there)
		here = manifest_is_of(m, d->name, d->system_identifier);
	manifest_free(m);
	return here;
}

static enum fetch_answer look_at(void *cookie, const struct journal_event *v, const struct err *why, struct err *e)
{
	struct last_change *l = cookie;

	if (!v) {
		*e = *why;
		return FETCH_FAILED;
	}
	if (v->outcome == JOURNAL_REFUSED || (v->outcome == JOURNAL_FAILED && !is_word(v, "migrate")))
		return FETCH_ON;
	if (is_word(v, "restore") && !restored_here(l->place, v))
		return FETCH_ON;
	if (!is_word(v, "migrate")) {
		l->by_command = is_word(v, "replace") && journal_detail(v, "swap");
		l->finished_us = v->finished_us;
		return FETCH_ENOUGH;
	}
	if (!migrated_here(l, v))
		return FETCH_ON;
	l->migration = true;
	l->failed = v->outcome == JOURNAL_FAILED;
	l->finished_us = v->finished_us;
	snprintf(l->id, sizeof(l->id), "%s", v->snapshot_id ? v->snapshot_id : "");
	return FETCH_ENOUGH;
}

/* A run that was killed right after a swap has not written that down; what was put aside says when. */
static bool swapped_since(const struct last_change *l)
{
	struct kept_list kept;
	struct arena a = ARENA_INIT;
	struct err ignored = ERR_INIT;
	bool since = kept_find(&kept, l->place->maintenance, l->place->live.database.name, &a, &ignored) &&
	             kept.count && kept.items[0].until_us > l->finished_us;

	arena_release(&a);
	return since;
}

static bool refuse(const struct last_change *l, const struct cmd *c, struct err *e)
{
	const char *name = l->place->live.database.name;
	struct buf line = BUF_INIT;
	char age[TEXT_SIZE];

	err_set(e, ERR_REFUSED,
	        "the last thing done to database \"%s\" was a migration%s, %s ago: undo swaps databases back", name,
	        l->failed ? " that failed" : "", text_age(age, clock_utc_us() - l->finished_us));
	if (!l->there && *l->id)
		return err_hint(e,
		        "the snapshot taken before it, %s, cannot be read: choose another one with: drtool list",
		        l->id);
	if (!l->there)
		return err_hint(e, "no snapshot was taken before it: choose an older one with: drtool list");
	place_restore_line(&line, l->place, c, l->id);
	if (line.len < sizeof(e->hint) - 64) {
		err_hint(e, "go back to the snapshot taken before it: %s", buf_str(&line));
	} else {
		say_info("%s", buf_str(&line));
		err_hint(e, "go back to the snapshot taken before it, %s, with the line above", l->id);
	}
	buf_release(&line);
	return false;
}

/* What is kept is older than that: it is not what was live before. */
static bool refuse_names(const struct last_change *l, struct err *e)
{
	err_set(e, ERR_REFUSED, "the last swap of database \"%s\" was made by a command, and only a command swaps back",
	        l->place->live.database.name);
	return err_hint(e, "name it: drtool undo %s --swap-back COMMAND, or swap.back in drtool.yml", l->place->word);
}

bool last_change_undoable(const struct place *p, const struct cmd *c, struct repository *r, struct err *e)
{
	struct last_change l = { .place = p, .repository = r };
	struct err why = ERR_INIT;

	if (r && !journal_each_newest(r, place_repository_name(p), words, look_at, &l, &why))
		say_warn("whether a migration came after the last swap is not known: %s", why.msg);
	if ((l.migration || (l.by_command && !swap_command_back(c))) && !swapped_since(&l))
		return l.migration ? refuse(&l, c, e) : refuse_names(&l, e);
	return true;
}
