/* What a person typed, and what a database in the repository stands for. */
#include <string.h>

#include "src/base/path.h"
#include "storage/repository/manifest.h"
#include "storage/repository/names.h"
#include "storage/repository/proof.h"

#define ID_SECOND_LEN 15 /* "20260501-120000" */
#define LISTED        4  /* as many as fit a hint */

struct candidate {
	const char *database, *id;
	const char *name; /* of its object */
};

/* Every snapshot there is, by database and id, before anything is read. */
struct candidates {
	struct candidate *items;
	size_t count, cap;
	struct arena arena;
};

static void add_candidate(struct candidates *c, struct candidate one)
{
	c->items = arena_grow(&c->arena, c->items, c->count, &c->cap, sizeof(*c->items));
	c->items[c->count++] = one;
}

static void candidates_release(struct candidates *c)
{
	arena_release(&c->arena);
}

/* Names that no snapshot can have are somebody's files and are passed over. */
static bool candidates_list(struct candidates *out, struct repository *r, const char *database, struct err *e)
{
	struct names names = NAMES_INIT;
	struct buf text = BUF_INIT;

	bool ok = names_list_of(&names, r->storage, OBJECT_SNAPSHOT, database, e);
	for (size_t i = 0; ok && i < names.count; i++) {
		const char *slash = strchr(names.items[i], '/');
		char *component = arena_strndup(&out->arena, names.items[i], (size_t)(slash - names.items[i]));

		buf_clear(&text);
		if (path_decode(&text, component) && manifest_id_valid(slash + 1))
			add_candidate(out, (struct candidate){ arena_strdup(&out->arena, buf_str(&text)),
			                           arena_strdup(&out->arena, slash + 1),
			                           arena_strdup(&out->arena, names.items[i]) });
	}
	buf_release(&text);
	names_release(&names);
	return ok;
}

/* "a/x, b/y, ..." of the first of n candidates; with_id false: "a/latest, b/latest". */
static bool hint_candidates(
        const struct candidate *items, size_t n, const char *word, const char *before, struct err *e)
{
	struct buf list = BUF_INIT;

	for (size_t i = 0; i < n && i < LISTED; i++)
		buf_addf(&list, "%s%.60s/%s", i ? ", " : "", items[i].database, word ? word : items[i].id);
	if (n > LISTED)
		buf_add(&list, ", ...");
	err_hint(e, "%s%s", before, buf_str(&list));
	buf_release(&list);
	return false;
}

static bool none_found(const struct candidates *all, const char *text, size_t damaged, struct err *e)
{
	size_t from = all->count > LISTED ? all->count - LISTED : 0;

	err_set(e, ERR_USAGE, "there is no snapshot \"%s\"", text);
	if (!all->count)
		return err_hint(e,
		        "the repository holds none for it yet: take one with `drtool snapshot`, see all with `drtool list`");
	if (damaged)
		return err_hint(e,
		        "%zu manifests are damaged and were not searched: name it by its id, see `drtool list`",
		        damaged);
	return hint_candidates(all->items + from, all->count - from, NULL, "there are: ", e);
}

static bool several_found(const struct candidates *found, const char *text, struct err *e)
{
	err_set(e, ERR_USAGE, "\"%s\" means %zu snapshots", text, found->count);
	return hint_candidates(found->items, found->count, NULL, "say which: ", e);
}

/* The words mean the newest of one database; which one must be plain. */
static bool one_database(const struct candidates *all, const char *word, struct err *e)
{
	struct candidates databases = { 0 };
	bool ok = true;

	for (size_t i = 0; i < all->count; i++)
		if (!i || strcmp(all->items[i].database, all->items[i - 1].database) != 0)
			add_candidate(&databases, all->items[i]);
	if (databases.count > 1) {
		err_set(e, ERR_USAGE, "\"%s\" of which database? the repository holds %zu", word, databases.count);
		ok = hint_candidates(databases.items, databases.count, word, "say which: ", e);
	}
	candidates_release(&databases);
	return ok;
}

/* Ids order by second; within one the manifests know. */
static bool load_newest(struct manifest **out, struct repository *r, const struct candidates *all, struct err *e)
{
	const char *last = all->items[all->count - 1].id;
	struct manifest *best = NULL;

	for (size_t i = all->count; i-- > 0 && strncmp(all->items[i].id, last, ID_SECOND_LEN) == 0;) {
		struct manifest *m = NULL;

		if (!manifest_load(&m, r, all->items[i].database, all->items[i].id, e)) {
			manifest_free(best);
			return false;
		}
		bool newer = !best || m->started_us > best->started_us;
		manifest_free(newer ? best : m);
		best = newer ? m : best;
	}
	*out = best;
	return true;
}

/* The first that is proven good; a proof that cannot be read proves nothing. */
static enum fetch_answer find_proven(
        void *cookie, size_t index, const struct proof *p, const struct err *why, struct err *e)
{
	size_t *found = cookie;

	if (why && why->kind != ERR_NOT_FOUND && why->kind != ERR_DAMAGED && why->kind != ERR_USAGE) {
		*e = *why;
		return FETCH_FAILED;
	}
	if (!p || (p->outcome != PROOF_GOOD && p->outcome != PROOF_SOURCE_FAULTS))
		return FETCH_ON;
	*found = index;
	return FETCH_ENOUGH;
}

static bool load_verified(struct manifest **out, struct repository *r, const struct candidates *all, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct proof_wanted *wanted = arena_alloc(&a, all->count * sizeof(*wanted));
	size_t found = all->count;

	for (size_t i = 0; i < all->count; i++) { /* newest first */
		const struct candidate *c = &all->items[all->count - 1 - i];

		wanted[i] = (struct proof_wanted){ c->database, c->id };
	}
	bool ok = proof_load_each_newest(r, all->items[0].database, wanted, all->count, find_proven, &found, e);
	if (ok && found < all->count) {
		ok = manifest_load(out, r, wanted[found].database, wanted[found].id, e);
	} else if (ok) {
		ok = err_set(e, ERR_USAGE, "no snapshot of \"%s\" is verified", all->items[0].database);
		err_hint(e, "prove the newest one: drtool verify '%.100s/latest'", all->items[0].database);
	}
	arena_release(&a);
	return ok;
}

static bool load_by_id(
        struct manifest **out, struct repository *r, const struct candidates *all, const char *prefix, struct err *e)
{
	struct candidates found = { 0 };
	bool ok;

	for (size_t i = 0; i < all->count; i++)
		if (strncmp(all->items[i].id, prefix, strlen(prefix)) == 0)
			add_candidate(&found, all->items[i]);
	if (!found.count)
		ok = none_found(all, prefix, 0, e);
	else if (found.count > 1)
		ok = several_found(&found, prefix, e);
	else
		ok = manifest_load(out, r, found.items[0].database, found.items[0].id, e);
	candidates_release(&found);
	return ok;
}

struct tagged {
	const struct candidates *all;
	const char *tag;
	struct candidates found;
	struct manifest *kept; /* the last found */
	size_t damaged;
};

static enum fetch_answer find_tagged(
        void *cookie, size_t index, struct manifest *m, const struct err *why, struct err *e)
{
	struct tagged *t = cookie;

	(void)why;
	(void)e;
	if (!m) {
		t->damaged++;
	} else if (strcmp(m->tag, t->tag) == 0) {
		add_candidate(&t->found, t->all->items[index]);
		manifest_free(t->kept);
		t->kept = m;
		m = NULL;
	}
	manifest_free(m);
	return FETCH_ON;
}

static bool load_by_tag(
        struct manifest **out, struct repository *r, const struct candidates *all, const char *tag, struct err *e)
{
	struct tagged t = { .all = all, .tag = tag };
	struct arena a = ARENA_INIT;
	const char **names = arena_alloc(&a, (all->count + 1) * sizeof(*names));
	bool ok;

	for (size_t i = 0; i < all->count; i++)
		names[i] = all->items[i].name;
	ok = manifest_load_each(r, names, all->count, find_tagged, &t, e);
	if (ok && t.found.count == 0)
		ok = none_found(all, tag, t.damaged, e);
	else if (ok && t.found.count > 1)
		ok = several_found(&t.found, tag, e);
	if (ok) {
		*out = t.kept;
		t.kept = NULL;
	}
	manifest_free(t.kept);
	candidates_release(&t.found);
	arena_release(&a);
	return ok;
}

static bool load_wanted(
        struct manifest **out, struct repository *r, const struct candidates *all, const char *word, struct err *e)
{
	bool latest = strcmp(word, "latest") == 0, verified = strcmp(word, "verified") == 0;

	if (!all->count)
		return none_found(all, word, 0, e);
	if ((latest || verified) && !one_database(all, word, e))
		return false;
	if (latest)
		return load_newest(out, r, all, e);
	if (verified)
		return load_verified(out, r, all, e);
	if (manifest_id_prefix(word))
		return load_by_id(out, r, all, word, e);
	return load_by_tag(out, r, all, word, e);
}

bool manifest_resolve(
        struct manifest **out, struct repository *r, const char *database, const char *text, struct err *e)
{
	struct candidates all = { 0 };
	const char *slash = strrchr(text, '/'), *word = slash ? slash + 1 : text;
	bool ok = false;

	if (slash) {
		const char *named = arena_strndup(&all.arena, text, (size_t)(slash - text));

		if (database && strcmp(database, named) != 0) {
			err_set(e, ERR_USAGE, "\"%s\" is a snapshot of \"%s\", and database \"%s\" is asked for", text,
			        named, database);
			err_hint(e, "leave one of the two out");
			goto done;
		}
		database = named;
	}
	if (!word[0]) {
		err_set(e, ERR_USAGE, "\"%s\" names no snapshot", text);
		err_hint(e, "an id, the beginning of one, a tag, latest or verified");
		goto done;
	}
	ok = candidates_list(&all, r, database, e) && load_wanted(out, r, &all, word, e);
done:
	candidates_release(&all);
	return ok;
}

void manifest_databases_add(struct manifest_databases *d, const char *name)
{
	for (size_t i = 0; i < d->count; i++)
		if (strcmp(d->names[i], name) == 0)
			return;
	d->names = arena_grow(&d->arena, d->names, d->count, &d->cap, sizeof(*d->names));
	d->names[d->count++] = arena_strdup(&d->arena, name);
}

bool manifest_databases(struct manifest_databases *out, struct repository *r, struct err *e)
{
	struct candidates all = { 0 };
	bool ok = candidates_list(&all, r, NULL, e);

	for (size_t i = 0; ok && i < all.count; i++)
		if (!i || strcmp(all.items[i].database, all.items[i - 1].database) != 0)
			manifest_databases_add(out, all.items[i].database);
	candidates_release(&all);
	return ok;
}

void manifest_databases_release(struct manifest_databases *d)
{
	arena_release(&d->arena);
}

bool manifest_is_of(const struct manifest *m, const char *dbname, const char *system_identifier)
{
	return strcmp(m->dbname, dbname) == 0 && (!m->system_identifier[0] || !system_identifier[0] ||
	                                                 strcmp(m->system_identifier, system_identifier) == 0);
}

static bool compare_identity(const struct manifest *m, const char *dbname, const char *system_identifier, struct err *e)
{
	if (manifest_is_of(m, dbname, system_identifier))
		return true;
	if (strcmp(m->dbname, dbname) != 0)
		err_set(e, ERR_REFUSED, "\"%s\" in this repository is database \"%s\", not \"%s\"", m->database,
		        m->dbname, dbname);
	else
		err_set(e, ERR_REFUSED, "\"%s\" in this repository is database \"%s\" of another server (%s)",
		        m->database, m->dbname, m->server);
	return err_hint(e, "give this one a name of its own, in drtool.yml `as: %.60s-2`, or use another repository",
	        m->database);
}

bool manifest_check_identity(
        struct repository *r, const char *database, const char *dbname, const char *system_identifier, struct err *e)
{
	struct candidates all = { 0 };
	bool ok = candidates_list(&all, r, database, e);

	/* A damaged newest manifest does not open the name to everybody: the next older one decides. */
	for (size_t i = all.count; ok && i-- > 0;) {
		struct manifest *m = NULL;
		struct err bad = ERR_INIT;

		if (!manifest_load(&m, r, all.items[i].database, all.items[i].id, &bad))
			continue;
		ok = compare_identity(m, dbname, system_identifier, e);
		manifest_free(m);
		break;
	}
	candidates_release(&all);
	return ok;
}
