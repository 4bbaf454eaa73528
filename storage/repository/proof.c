#include "storage/repository/proof.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/path.h"
#include "storage/repository/document.h"
#include "storage/repository/json.h"
#include "storage/repository/names.h"
#include "storage/repository/new_object.h"

#define DIFFERENCES_MAX 1000u
#define PHASES_MAX      100u

static const char *const outcomes[] = { "good", "source_faults", "differs", NULL };

static const struct json_member members[] = {
	JSON_MEMBER(proof, TEXT, snapshot_id),
	JSON_MEMBER(proof, TEXT, database),
	JSON_MEMBER(proof, I64, started_us),
	JSON_MEMBER(proof, I64, finished_us),
	JSON_MEMBER(proof, TEXT, host),
	JSON_MEMBER(proof, INT, server_version),
	JSON_MEMBER(proof, TEXT, where),
	{ "outcome", JSON_KIND_ENUM, offsetof(struct proof, outcome), 0, outcomes },
	JSON_MEMBER(proof, U64, tables),
	JSON_MEMBER(proof, U64, rows),
	JSON_MEMBER(proof, U64, plain_bytes),
	JSON_MEMBER(proof, U64, large_objects),
	JSON_MEMBER(proof, U64, sequences),
};

static const struct json_member phase_members[] = {
	JSON_MEMBER(proof_phase, TEXT, name),
	JSON_MEMBER(proof_phase, I64, duration_us),
};

static const struct json_member difference_members[] = {
	JSON_MEMBER(proof_difference, TEXT, object),
	JSON_MEMBER(proof_difference, TEXT, what),
	JSON_MEMBER(proof_difference, BOOL, source_fault),
};

static const struct json_member standby_members[] = {
	JSON_MEMBER(proof_standby, TEXT, name),
	JSON_MEMBER(proof_standby, TEXT, system_identifier),
	JSON_MEMBER(proof_standby, U32, oid),
	JSON_MEMBER(proof_standby, U32, xmin),
	JSON_MEMBER(proof_standby, I64, sessions),
	JSON_MEMBER(proof_standby, I64, stats_reset_us),
};

const struct json_array proof_phases_array = { "phases", phase_members, JSON_COUNT(phase_members),
	sizeof(struct proof_phase), PHASES_MAX };
static const struct json_array differences_array = { "differences", difference_members, JSON_COUNT(difference_members),
	sizeof(struct proof_difference), DIFFERENCES_MAX };

void proof_write(struct buf *out, const struct proof *p)
{
	struct buf text = BUF_INIT_MAX(DOCUMENT_MAX);

	json_write_members(&text, members, JSON_COUNT(members), p, ",\n");
	json_write_array(&text, &proof_phases_array, p->phases, p->phase_count);
	json_write_array(&text, &differences_array, p->differences, p->difference_count);
	if (p->standby) {
		buf_add(&text, ",\n\"standby\":{");
		json_write_members(&text, standby_members, JSON_COUNT(standby_members), p->standby, ",");
		buf_add(&text, "}");
	}
	document_write(out, buf_view(&text));
	buf_release(&text);
}

/* Only a proof of a standby copy has that member, so that older readers know all others. */
static bool read_standby(struct proof *p, json_t *object, struct err *e)
{
	json_t *standby = json_take(object, "standby");
	bool ok;

	if (!standby)
		return true;
	p->standby = arena_alloc(&p->arena, sizeof(*p->standby));
	ok = json_is_object(standby) ? json_read_members(p->standby, standby_members, JSON_COUNT(standby_members),
	                                       standby, &p->arena, e)
	                             : err_set(e, ERR_DAMAGED, "not an object");
	json_decref(standby);
	return ok || err_wrap(e, "member \"standby\"");
}

bool proof_parse(struct proof **out, struct view text, struct err *e)
{
	struct proof *p;
	json_t *object = NULL;
	void *phases = NULL, *differences = NULL;

	if (!document_parse(&object, text, "proof", e))
		return false;
	p = xcalloc(1, sizeof(*p));
	bool ok = read_standby(p, object, e) &&
	          json_read_array(&phases, &p->phase_count, &proof_phases_array, object, &p->arena, e) &&
	          json_read_array(&differences, &p->difference_count, &differences_array, object, &p->arena, e) &&
	          json_read_members(p, members, JSON_COUNT(members), object, &p->arena, e);
	p->phases = phases;
	p->differences = differences;
	json_decref(object);
	if (!ok) {
		proof_free(p);
		return err_wrap(e, "proof");
	}
	*out = p;
	return true;
}

void proof_free(struct proof *p)
{
	if (!p)
		return;
	arena_release(&p->arena);
	free(p);
}

/* What all proofs of a snapshot begin with: "<database>/<id>/", then a time that sorts. */
static void name_prefix(struct buf *out, const char *database, const char *id)
{
	buf_clear(out);
	path_encode(out, database);
	buf_addf(out, "/%s/", id);
}

bool proof_save(struct repository *r, const struct proof *p, struct err *e)
{
	struct buf text = BUF_INIT_MAX(DOCUMENT_MAX), prefix = BUF_INIT;

	proof_write(&text, p);
	name_prefix(&prefix, p->database, p->snapshot_id);
	bool ok = new_object_put_at(r->storage, OBJECT_PROOF, buf_str(&prefix), p->finished_us, "", buf_view(&text), e);
	buf_release(&text);
	buf_release(&prefix);
	return ok || err_wrap(e, "record the proof of snapshot \"%s\"", p->snapshot_id);
}

static bool parse_named(
        struct proof **out, const char *name, struct view text, const char *database, const char *id, struct err *e)
{
	struct proof *p = NULL;
	bool ok = proof_parse(&p, text, e);

	if (ok && (strcmp(p->database, database) != 0 || strcmp(p->snapshot_id, id) != 0))
		ok = err_set(e, ERR_DAMAGED, "the file holds the proof of \"%s/%s\"", p->database, p->snapshot_id);
	if (!ok) {
		proof_free(p);
		return err_wrap(e, "load proof \"%s\"", name);
	}
	*out = p;
	return true;
}

static bool load_named(
        struct proof **out, struct repository *r, const char *name, const char *database, const char *id, struct err *e)
{
	struct buf text = BUF_INIT_MAX(DOCUMENT_MAX);
	bool ok = storage_get(r->storage, (struct object_key){ OBJECT_PROOF, name }, &text, e)
	                  ? parse_named(out, name, buf_view(&text), database, id, e)
	                  : err_wrap(e, "load proof \"%s\"", name);

	buf_release(&text);
	return ok;
}

bool proof_load_newest(struct proof **out, struct repository *r, const char *database, const char *id, struct err *e)
{
	struct names names = NAMES_INIT;
	struct buf prefix = BUF_INIT;
	bool ok = false;

	name_prefix(&prefix, database, id);
	if (!names_list(&names, r->storage, OBJECT_PROOF, buf_str(&prefix), e))
		goto done;
	if (names.count)
		ok = load_named(out, r, names.items[names.count - 1], database, id, e);
	else
		err_set(e, ERR_NOT_FOUND, "snapshot \"%s\" has no proof", id);
done:
	buf_release(&prefix);
	names_release(&names);
	return ok;
}

bool proof_load_standby(
        struct proof **out, struct repository *r, const char *database, const char *id, uint32_t oid, struct err *e)
{
	struct names names = NAMES_INIT;
	struct buf prefix = BUF_INIT;
	bool ok, found = false;

	path_encode(&prefix, database);
	buf_addf(&prefix, "/%s/", id);
	ok = names_list(&names, r->storage, OBJECT_PROOF, buf_str(&prefix), e);
	for (size_t i = names.count; ok && !found && i-- > 0;) {
		struct proof *p = NULL;

		ok = load_named(&p, r, names.items[i], database, id, e);
		found = ok && p->standby && p->standby->oid == oid;
		if (found)
			*out = p;
		else
			proof_free(p);
	}
	buf_release(&prefix);
	names_release(&names);
	return ok && (found || err_set(e, ERR_NOT_FOUND, "snapshot \"%s\" has no proof of that standby copy", id));
}

/* Of names, sorted, the last that begins with "<database>/<id>/"; NULL when none does. */
static const char *newest_name(const struct names *names, const struct proof_wanted *w, struct buf *prefix)
{
	size_t low = 0, high = names->count;

	name_prefix(prefix, w->database, w->id);
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strncmp(names->items[mid], buf_str(prefix), prefix->len) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || strncmp(names->items[low - 1], buf_str(prefix), prefix->len) != 0)
		return NULL;
	return names->items[low - 1];
}

struct loading {
	const struct proof_wanted *wanted;
	const size_t *index; /* in wanted, of each name */
	size_t next;         /* in wanted: what each() has not been told of yet */
	bool over;           /* each() wants no more */
	proof_fn *each;
	void *cookie;
};

static enum fetch_answer tell(struct loading *l, const struct proof *p, const struct err *why, struct err *e)
{
	enum fetch_answer answer = l->each(l->cookie, l->next++, p, why, e);

	l->over = answer != FETCH_ON;
	return answer;
}

/* Those before end have no proof. */
static enum fetch_answer tell_of_none(struct loading *l, size_t end, struct err *e)
{
	enum fetch_answer answer = FETCH_ON;

	while (l->next < end && answer == FETCH_ON)
		answer = tell(l, NULL, NULL, e);
	return answer;
}

static enum fetch_answer load_fetched(void *cookie, const struct fetched *f, struct err *e)
{
	struct loading *l = cookie;
	size_t i = l->index[f->index];
	enum fetch_answer answer = tell_of_none(l, i, e);
	struct proof *p = NULL;
	struct err why = ERR_INIT;

	if (answer != FETCH_ON)
		return answer;
	if (f->why) {
		why = *f->why;
		err_wrap(&why, "load proof \"%s\"", f->name);
	} else {
		parse_named(&p, f->name, f->body, l->wanted[i].database, l->wanted[i].id, &why);
	}
	answer = tell(l, p, p ? NULL : &why, e);
	proof_free(p);
	return answer;
}

bool proof_load_each_newest(struct repository *r, const char *database, const struct proof_wanted *wanted, size_t count,
        proof_fn *each, void *cookie, struct err *e)
{
	struct names names = NAMES_INIT;
	struct buf prefix = BUF_INIT;
	const char **newest = xcalloc(count + 1, sizeof(*newest));
	size_t *index = xcalloc(count + 1, sizeof(*index)), n = 0;
	struct loading l = { .wanted = wanted, .index = index, .each = each, .cookie = cookie };

	bool ok = names_list_of(&names, r->storage, OBJECT_PROOF, database, e);
	for (size_t i = 0; ok && i < count; i++) {
		newest[n] = newest_name(&names, &wanted[i], &prefix);
		index[n] = i;
		n += newest[n] != NULL;
	}
	ok = ok && fetch_each(r->storage, OBJECT_PROOF, newest, n, DOCUMENT_MAX, load_fetched, &l, e);
	if (ok && !l.over)
		ok = tell_of_none(&l, count, e) != FETCH_FAILED;
	buf_release(&prefix);
	names_release(&names);
	free(newest);
	free(index);
	return ok;
}
