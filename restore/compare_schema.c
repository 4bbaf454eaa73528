/*
 * restore/compare_schema.c - the definitions that came back, archive entry by archive entry; see compare.h
 *
 * PostgreSQL spells some definitions anew when they are created from their own dump. So when something differs, the
 * snapshot's archive is also restored by stock pg_restore and psql alone, without data, into a database of its own on
 * the same server: what comes out of there the same way is PostgreSQL's spelling and no difference.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "restore/compare.h"
#include "restore/later.h"
#include "restore/reference.h"
#include "restore/selection.h"
#include "src/base/utf8.h"

#define DEPENDS_DEPTH 16

/* --- which entries count, and in what order --- */

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_about(const struct toc_entry *t, const char *desc, const char *tag_prefix)
{
	if (strcmp(t->desc, desc) == 0)
		return true;
	return (strcmp(t->desc, "COMMENT") == 0 || strcmp(t->desc, "SECURITY LABEL") == 0 ||
	               strcmp(t->desc, "ACL") == 0) &&
	       starts_with(t->tag, tag_prefix);
}

/* The schema public is there in any case, and listed when its owner is not the usual one. */
static bool is_privilege(const struct toc_entry *t)
{
	return strcmp(t->desc, "ACL") == 0 || strcmp(t->desc, "DEFAULT ACL") == 0 ||
	       (strcmp(t->desc, "SCHEMA") == 0 && strcmp(t->tag, "public") == 0);
}

/*
 * The database's own entries are compared by catalogue (its name differs); subscriptions are not made in a test
 * restore.
 */
static bool counts(const struct toc_entry *t, bool no_owner)
{
	if (no_owner && is_privilege(t))
		return false;
	return !is_about(t, "DATABASE", "DATABASE ") && strcmp(t->desc, "DATABASE PROPERTIES") != 0 &&
	       !is_about(t, "SUBSCRIPTION", "SUBSCRIPTION ") && strcmp(t->desc, "SUBSCRIPTION TABLE") != 0;
}

static int by_key(const struct toc_entry *a, const struct toc_entry *b)
{
	int order = strcmp(a->desc, b->desc);

	if (order == 0)
		order = strcmp(a->schema, b->schema);
	return order ? order : strcmp(a->tag, b->tag);
}

/* Several entries may share a key (default privileges of several roles): owner and text then pair them. */
static int by_key_and_text(const void *x, const void *y)
{
	const struct toc_entry *a = *(const struct toc_entry *const *)x, *b = *(const struct toc_entry *const *)y;
	int order = by_key(a, b);

	if (order == 0)
		order = strcmp(a->owner, b->owner);
	return order ? order : strcmp(a->defn, b->defn);
}

struct entries {
	const struct toc_entry **items;
	size_t count;
};

static void sort_entries(struct entries *out, const struct toc *toc, bool no_owner)
{
	out->items = xcalloc(toc->count + 1, sizeof(*out->items));
	out->count = 0;
	for (size_t i = 0; i < toc->count; i++) {
		if (counts(&toc->entries[i], no_owner))
			out->items[out->count++] = &toc->entries[i];
	}
	qsort(out->items, out->count, sizeof(*out->items), by_key_and_text);
}

/* "FK CONSTRAINT public.orders orders_user_id_fkey", as restore_finding names its objects */
static const char *label(const struct toc_entry *t, struct arena *a)
{
	if (*t->schema)
		return arena_printf(a, "%s %s.%s", t->desc, t->schema, t->tag);
	return arena_printf(a, "%s %s", t->desc, t->tag);
}

/* --- two entries of one key --- */

struct schema_compare {
	const struct compare *c;
	struct compare_report *out;
	const struct toc *was;
	const size_t *parents; /* of its entries; see selection_parents() */
	struct toc *now;
	struct pg_text_list tablespaces; /* of the target's server */
	struct suspect *suspects;
	size_t count, cap;
	struct arena *texts; /* made on the way */
	struct arena arena;
};

struct suspect {
	const struct toc_entry *was, *now; /* one of them may be NULL */
};

static bool same_definition(const struct toc_entry *a, const struct toc_entry *b)
{
	struct buf left = BUF_INIT, right = BUF_INIT;
	struct err ignored = ERR_INIT;
	bool same = strcmp(a->defn, b->defn) == 0;

	/* A minor release marks columns with pg_attver, which some pg_dump print. */
	if (!same && (strstr(a->defn, "pg_attver") || strstr(b->defn, "pg_attver"))) {
		same = render_filter(&left, view_str(a->defn), INT_MAX, &ignored) &&
		       render_filter(&right, view_str(b->defn), INT_MAX, &ignored) &&
		       view_eq(buf_view(&left), buf_view(&right));
	}
	buf_release(&left);
	buf_release(&right);
	return same;
}

static bool same_tablespace(const struct schema_compare *s, const struct toc_entry *was, const struct toc_entry *now)
{
	if (strcmp(was->tablespace, now->tablespace) == 0)
		return true;
	for (size_t i = 0; i < s->tablespaces.count; i++) {
		if (strcmp(s->tablespaces.items[i], was->tablespace) == 0)
			return false;
	}
	return *was->tablespace != '\0'; /* this server has none of that name */
}

/* These are listed with the owner of the relation they belong to, which is compared there. */
static bool has_owner(const struct toc_entry *t)
{
	static const char *const without[] = { "ACL", "CHECK CONSTRAINT", "COMMENT", "CONSTRAINT", "DEFAULT",
		"FK CONSTRAINT", "INDEX", "INDEX ATTACH", "POLICY", "PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA",
		"ROW SECURITY", "RULE", "SECURITY LABEL", "SEQUENCE OWNED BY", "TABLE ATTACH", "TRIGGER" };

	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		if (strcmp(t->desc, without[i]) == 0)
			return false;
	}
	return true;
}

static bool same_owner(const struct schema_compare *s, const struct toc_entry *was, const struct toc_entry *now)
{
	return s->c->no_owner || !has_owner(was) || strcmp(was->owner, now->owner) == 0;
}

static bool same_entry(const struct schema_compare *s, const struct toc_entry *was, const struct toc_entry *now)
{
	return same_owner(s, was, now) && strcmp(was->table_am, now->table_am) == 0 && same_tablespace(s, was, now) &&
	       same_definition(was, now);
}

static void suspect(struct schema_compare *s, const struct toc_entry *was, const struct toc_entry *now)
{
	s->suspects = arena_grow(&s->arena, s->suspects, s->count, &s->cap, sizeof(*s->suspects));
	s->suspects[s->count++] = (struct suspect){ was, now };
}

static enum later_kind later_of(const struct schema_compare *s, const struct toc_entry *was)
{
	return s->c->later ? s->c->later->of[was - s->was->entries] : LATER_NOT;
}

/* A foreign key that is to be checked later, as it will be then. */
static const struct toc_entry *as_checked(struct schema_compare *s, const struct toc_entry *now)
{
	static const char end[] = " NOT VALID;\n";
	size_t n = strlen(now->defn), cut = strlen(end);
	struct toc_entry *checked;

	if (n < cut || strcmp(now->defn + n - cut, end) != 0)
		return now;
	checked = arena_alloc(&s->arena, sizeof(*checked));
	*checked = *now;
	checked->defn = arena_printf(&s->arena, "%.*s;\n", (int)(n - cut), now->defn);
	return checked;
}

static void find_suspects(struct schema_compare *s)
{
	struct entries was, now;

	sort_entries(&was, s->was, s->c->no_owner);
	sort_entries(&now, s->now, s->c->no_owner);
	for (size_t i = 0, j = 0; i < was.count || j < now.count;) {
		int order = i == was.count ? 1 : j == now.count ? -1 : by_key(was.items[i], now.items[j]);

		if (order == 0 && later_of(s, was.items[i]) == LATER_UNCHECKED)
			now.items[j] = as_checked(s, now.items[j]);
		if (order < 0 &&
		        (later_of(s, was.items[i]) == LATER_INDEX || later_of(s, was.items[i]) == LATER_FOLLOWS))
			observer_note(s->c->obs, NOTE_DETAIL, "%s: to be made later", label(was.items[i], &s->arena));
		else if (order < 0)
			suspect(s, was.items[i], NULL);
		else if (order > 0)
			suspect(s, NULL, now.items[j]);
		else if (!same_entry(s, was.items[i], now.items[j]))
			suspect(s, was.items[i], now.items[j]);
		i += order <= 0;
		j += order >= 0;
	}
	free(was.items);
	free(now.items);
}

/* --- what is behind a suspect --- */

static const struct restore_finding *finding_of(const struct schema_compare *s, const struct toc_entry *t)
{
	struct arena a = ARENA_INIT;
	const char *object = label(t, &a);
	const struct restore_finding *found = NULL;

	for (size_t i = 0; i < s->c->finding_count && !found; i++) {
		if (strcmp(s->c->findings[i].object, object) == 0)
			found = &s->c->findings[i];
	}
	arena_release(&a);
	return found;
}

/* The finding, already reported, that explains why this entry is not there: its own, or that of something it needs. */
static const struct restore_finding *explained(
        const struct schema_compare *s, const struct toc_entry *t, unsigned depth)
{
	const struct restore_finding *found = finding_of(s, t);

	for (size_t i = 0; i < t->ndeps && !found && depth < DEPENDS_DEPTH; i++) {
		const struct toc_entry *needed = toc_find(s->was, t->deps[i]);

		if (needed)
			found = explained(s, needed, depth + 1);
	}
	return found;
}

static size_t line_length(const char *text)
{
	return strcspn(text, "\n");
}

static const char *next_line(const char *text)
{
	text += line_length(text);
	return text + (*text == '\n');
}

/* Equal but for what ends it, a comma or nothing in a table, a semicolon or nothing in a domain. */
static bool same_line(const char *a, const char *b)
{
	size_t alen = line_length(a), blen = line_length(b);

	alen -= alen > 0 && strchr(",;", a[alen - 1]);
	blen -= blen > 0 && strchr(",;", b[blen - 1]);
	return alen == blen && memcmp(a, b, alen) == 0;
}

/* Is this line a constraint of owner, whose finding is prefix and its name? */
static bool is_reported_as(const struct schema_compare *s, const char *prefix, const char *line)
{
	size_t prefix_len = strlen(prefix);

	for (size_t i = 0; i < s->c->finding_count; i++) {
		const struct restore_finding *f = &s->c->findings[i];
		const char *name = f->object + prefix_len, *quoted;

		if (!f->source_fault || !starts_with(f->object, prefix))
			continue;
		quoted = pg_quote_ident(s->texts, name);
		if ((starts_with(line, name) && line[strlen(name)] == ' ') ||
		        (starts_with(line, quoted) && line[strlen(quoted)] == ' '))
			return true;
	}
	return false;
}

/*
 * Is this line of a CREATE TABLE or CREATE DOMAIN a constraint that was reported as violated by the source's own rows?
 * What partitions have from their parents is reported of these.
 */
static bool is_reported_check(const struct schema_compare *s, const struct toc_entry *t, const char *line)
{
	static const char start[] = "CONSTRAINT ";
	size_t at = (size_t)(t - s->was->entries);

	line += strspn(line, " \t");
	if (!starts_with(line, start))
		return false;
	for (; at != SIZE_MAX; at = s->parents[at]) {
		const struct toc_entry *up = &s->was->entries[at];

		if (is_reported_as(s, arena_printf(s->texts, "CHECK CONSTRAINT %s.%s ", up->schema, up->tag),
		            line + strlen(start)))
			return true;
	}
	return false;
}

static bool has_lost_not_null(const struct schema_compare *s, const struct toc_entry *t)
{
	const char *left_out = arena_printf(s->texts, "NOT NULL %s.%s ", t->schema, t->tag);
	const char *not_valid = arena_printf(s->texts, "CONSTRAINT %s.%s ", t->schema, t->tag);

	for (size_t i = 0; i < s->c->finding_count; i++) {
		const struct restore_finding *f = &s->c->findings[i];

		if (f->source_fault && (starts_with(f->object, left_out) || starts_with(f->object, not_valid)))
			return true;
	}
	return false;
}

/* Has a line of a CREATE TABLE lost but its NOT NULL, and was one of this table's reported as violated by its rows? */
static bool is_reported_not_null(
        const struct schema_compare *s, const struct toc_entry *t, const char *was, const char *now)
{
	static const char end[] = " NOT NULL";
	size_t was_len = line_length(was), now_len = line_length(now), end_len = strlen(end);

	was_len -= was_len > 0 && was[was_len - 1] == ',';
	now_len -= now_len > 0 && now[now_len - 1] == ',';
	if (was_len < now_len + end_len || memcmp(was, now, now_len) != 0 ||
	        memcmp(was + was_len - end_len, end, end_len) != 0)
		return false;
	/* From version 18 on it has a name. */
	if (was_len > now_len + end_len && !starts_with(was + now_len, " CONSTRAINT "))
		return false;
	for (size_t at = (size_t)(t - s->was->entries); at != SIZE_MAX; at = s->parents[at])
		if (has_lost_not_null(s, &s->was->entries[at]))
			return true;
	return false;
}

/* Do the definitions of a table or domain differ by reported constraints alone? They were then left out, or added
 * afterwards, NOT VALID. */
static bool differs_by_checks(const struct schema_compare *s, const struct toc_entry *was, const struct toc_entry *now)
{
	const char *a = was->defn, *b = now->defn;

	if ((strcmp(was->desc, "TABLE") != 0 && strcmp(was->desc, "DOMAIN") != 0) || !same_owner(s, was, now) ||
	        !same_tablespace(s, was, now))
		return false;
	while (*a) {
		if (*b && (same_line(a, b) || is_reported_not_null(s, was, a, b)))
			b = next_line(b);
		else if (!is_reported_check(s, was, a))
			return false;
		a = next_line(a);
	}
	return *b == '\0';
}

/* The first line in which two texts differ, from both. */
static void first_difference(const char **a, size_t *alen, const char **b, size_t *blen)
{
	const char *x = *a, *y = *b;

	for (;;) {
		*alen = strcspn(x, "\n");
		*blen = strcspn(y, "\n");
		if (*alen != *blen || memcmp(x, y, *alen) != 0 || !x[*alen] || !y[*blen])
			break;
		x += *alen + 1;
		y += *blen + 1;
	}
	*a = x;
	*b = y;
}

static int clipped(const char *text, size_t len)
{
	return (int)utf8_fit(text, len, 300);
}

static void report_different(
        struct schema_compare *s, const char *object, const struct toc_entry *was, const struct toc_entry *now)
{
	const char *a = was->defn, *b = now->defn;
	size_t alen, blen;

	if (!same_owner(s, was, now))
		compare_report_add(s->out, false, object, "was owned by \"%s\", and came back owned by \"%s\"",
		        was->owner, now->owner);
	if (strcmp(was->table_am, now->table_am) != 0)
		compare_report_add(s->out, false, object, "used table access method \"%s\", and came back with \"%s\"",
		        was->table_am, now->table_am);
	if (!same_tablespace(s, was, now))
		compare_report_add(s->out, false, object, "was in tablespace \"%s\", and came back in \"%s\"",
		        was->tablespace, now->tablespace);
	if (same_definition(was, now))
		return;
	first_difference(&a, &alen, &b, &blen);
	compare_report_add(s->out, false, object, "was \"%.*s\", and came back as \"%.*s\"", clipped(a, alen), a,
	        clipped(b, blen), b);
}

static void report(struct schema_compare *s, const struct suspect *p)
{
	const struct restore_finding *f = p->was ? explained(s, p->was, 0) : NULL;
	const char *object = label(p->was ? p->was : p->now, &s->arena);

	if (p->was && p->now && !differs_by_checks(s, p->was, p->now))
		report_different(s, object, p->was, p->now);
	else if (!p->was && !finding_of(s, p->now)) /* reported: made in another way than the snapshot has it */
		compare_report_add(s->out, false, object, "is not in the snapshot");
	else if (p->now)
		return;
	else if (!f)
		compare_report_add(s->out, false, object, "did not come back");
	else if (strcmp(f->object, object) != 0)
		compare_report_add(s->out, f->source_fault, object, "could not come back without %s", f->object);
	/* else: the finding itself is reported already */
}

bool compare_schema_is_consequence(const struct compare *c, const struct restore_finding *finding)
{
	const struct schema_compare s = { .c = c, .was = c->archive->toc };
	const struct restore_finding *cause = NULL;
	struct arena a = ARENA_INIT;

	for (size_t i = 0; i < s.was->count && !cause; i++) {
		const struct toc_entry *t = &s.was->entries[i];

		if (strcmp(label(t, &a), finding->object) != 0)
			continue;
		for (size_t j = 0; j < t->ndeps && !cause; j++) {
			const struct toc_entry *needed = toc_find(s.was, t->deps[j]);

			cause = needed ? explained(&s, needed, 0) : NULL;
		}
	}
	arena_release(&a);
	return cause && cause->source_fault;
}

/* --- stock PostgreSQL's opinion --- */

/* The first entry that is not before t in the order of keys. */
static size_t lower_bound(const struct entries *in, const struct toc_entry *t)
{
	size_t low = 0, high = in->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_key(in->items[middle], t) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool key_in_reference(const struct entries *reference, const struct toc_entry *t)
{
	size_t i = lower_bound(reference, t);

	return i < reference->count && by_key(reference->items[i], t) == 0;
}

/* Does the reference hold an entry equal to this one? */
static bool in_reference(const struct schema_compare *s, const struct entries *reference, const struct toc_entry *t)
{
	for (size_t i = lower_bound(reference, t); i < reference->count && by_key(reference->items[i], t) == 0; i++) {
		if (same_entry(s, reference->items[i], t))
			return true;
	}
	return false;
}

/*
 * What came back must be what stock tools make of the same archive. An entry that did not come back at all is excused
 * only where another major's pg_dump prints things under other entries, and only when stock tools made everything
 * without an error.
 */
static bool is_spelling(const struct schema_compare *s, const struct entries *reference, const struct reference *r,
        const struct suspect *p)
{
	if (p->now)
		return in_reference(s, reference, p->now);
	return r->dump_version / 10000 != s->c->manifest->dump_version / 10000 && !r->had_errors &&
	       !key_in_reference(reference, p->was);
}

static void report_all(struct schema_compare *s)
{
	for (size_t i = 0; i < s->count; i++)
		report(s, &s->suspects[i]);
}

static bool judge(struct schema_compare *s, struct err *e)
{
	struct reference r = REFERENCE_INIT;
	struct entries sorted = { 0 };
	struct err why = ERR_INIT;
	bool ok;

	if (s->count == 0)
		return true;
	ok = reference_make(&r, s->c, &why);
	if (!ok && s->c->in_use && why.kind != ERR_CANCELLED) {
		observer_note(s->c->obs, NOTE_WARN,
		        "what PostgreSQL spells anew cannot be told from what was changed: %s", why.msg);
		report_all(s);
		s->out->unjudged = true;
		ok = true;
	} else if (!ok) {
		*e = why;
	} else {
		sort_entries(&sorted, r.toc, s->c->no_owner);
		for (size_t i = 0; i < s->count; i++) {
			const struct suspect *p = &s->suspects[i];

			if (is_spelling(s, &sorted, &r, p))
				observer_note(s->c->obs, NOTE_DETAIL, "%s: spelled anew by PostgreSQL, the same",
				        label(p->was ? p->was : p->now, &s->arena));
			else
				report(s, p);
		}
	}
	free(sorted.items);
	reference_release(&r);
	return ok;
}

static bool list_tablespaces(struct schema_compare *s, struct pg_session *session, struct err *e)
{
	PGresult *res = NULL;

	if (!pg_query(&res, session, "SELECT spcname FROM pg_catalog.pg_tablespace", 0, NULL, e))
		return err_wrap(e, "list tablespaces");
	s->tablespaces.count = (size_t)PQntuples(res);
	s->tablespaces.items = arena_alloc(&s->arena, (s->tablespaces.count + 1) * sizeof(*s->tablespaces.items));
	for (size_t i = 0; i < s->tablespaces.count; i++)
		s->tablespaces.items[i] = arena_strdup(&s->arena, PQgetvalue(res, (int)i, 0));
	PQclear(res);
	return true;
}

bool compare_schema(struct compare_report *out, const struct compare *c, struct pg_session *session, struct err *e)
{
	struct schema_compare s = { .c = c, .out = out, .was = c->archive->toc };
	bool ok;

	s.texts = &s.arena;
	s.parents = selection_parents(s.was, &s.arena);
	ok = list_tablespaces(&s, session, e) && reference_dump(&s.now, c, c->target, pg_session_version(session), e);

	if (ok) {
		find_suspects(&s);
		ok = judge(&s, e);
	}
	toc_free(s.now);
	arena_release(&s.arena);
	return ok;
}
