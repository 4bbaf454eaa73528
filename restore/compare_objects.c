/*
 * restore/compare_objects.c - what pg_dump's archive does not hold, read from the catalogues of both sides; see
 * compare.h
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "restore/acl_text.h"
#include "restore/compare.h"
#include "src/base/utf8.h"

/* --- two sorted lists against each other --- */

struct list_kind {
	int (*order)(const void *a, size_t i, const void *b, size_t j);
	void (*name)(struct buf *out, const void *list, size_t i);
	void (*value)(struct buf *out, const void *list, size_t i); /* NULL: being there is all */
	bool more_is_fine;                                          /* entries the snapshot does not have */
};

static int fitting(const char *text)
{
	return (int)utf8_fit(text, strlen(text), 400);
}

static void compare_values(struct compare_report *out, const struct list_kind *kind, const char *object,
        const void *was, size_t i, const void *now, size_t j)
{
	struct buf before = BUF_INIT, after = BUF_INIT;

	kind->value(&before, was, i);
	kind->value(&after, now, j);
	if (!view_eq(buf_view(&before), buf_view(&after)))
		compare_report_add(out, false, object, "was %.*s, and came back as %.*s", fitting(buf_str(&before)),
		        buf_str(&before), fitting(buf_str(&after)), buf_str(&after));
	buf_release(&before);
	buf_release(&after);
}

static void compare_lists(struct compare_report *out, const struct list_kind *kind, const void *was, size_t was_count,
        const void *now, size_t now_count)
{
	struct buf object = BUF_INIT;

	for (size_t i = 0, j = 0; i < was_count || j < now_count;) {
		int order = i == was_count ? 1 : j == now_count ? -1 : kind->order(was, i, now, j);

		buf_clear(&object);
		if (order <= 0)
			kind->name(&object, was, i);
		else
			kind->name(&object, now, j);
		if (order < 0)
			compare_report_add(out, false, buf_str(&object), "did not come back");
		else if (order > 0 && !kind->more_is_fine)
			compare_report_add(out, false, buf_str(&object), "is not in the snapshot");
		else if (order == 0 && kind->value)
			compare_values(out, kind, buf_str(&object), was, i, now, j);
		i += order <= 0;
		j += order >= 0;
	}
	buf_release(&object);
}

/* --- sequences --- */

static int order_sequences(const void *a, size_t i, const void *b, size_t j)
{
	const struct pg_sequence *left = (const struct pg_sequence *)a + i, *right = (const struct pg_sequence *)b + j;
	int order = strcmp(left->schema, right->schema);

	return order ? order : strcmp(left->name, right->name);
}

static void name_sequence(struct buf *out, const void *list, size_t i)
{
	buf_addf(out, "SEQUENCE %s", ((const struct pg_sequence *)list)[i].qualified);
}

static void value_sequence(struct buf *out, const void *list, size_t i)
{
	const struct pg_sequence *s = (const struct pg_sequence *)list + i;

	buf_addf(out, "%" PRId64 "%s", s->last_value, s->is_called ? "" : " (not called yet)");
}

static bool compare_sequences(
        struct compare_report *out, const struct compare *c, struct pg_session *s, struct arena *a, struct err *e)
{
	static const struct list_kind kind = { order_sequences, name_sequence, value_sequence, false };
	struct pg_sequence_list now;

	if (!pg_catalog_sequences(&now, s, a, e) || !pg_catalog_sequence_values(&now, s, e))
		return false;
	compare_lists(out, &kind, c->contents->sequences.items, c->contents->sequences.count, now.items, now.count);
	out->sequences += c->contents->sequences.count;
	return true;
}

/* --- large objects: their rows are compared like a table's --- */

static int order_large_objects(const void *a, size_t i, const void *b, size_t j)
{
	uint32_t left = ((const struct pg_large_object *)a)[i].oid, right = ((const struct pg_large_object *)b)[j].oid;

	return left < right ? -1 : left > right;
}

static void name_large_object(struct buf *out, const void *list, size_t i)
{
	buf_addf(out, "LARGE OBJECT %" PRIu32, ((const struct pg_large_object *)list)[i].oid);
}

/* What --no-owner leaves in. */
static void describe_large_object(struct buf *out, const void *list, size_t i)
{
	const struct pg_large_object *l = (const struct pg_large_object *)list + i;

	buf_addf(out, "comment \"%s\"", l->comment ? l->comment : "");
	if (l->labels)
		buf_addf(out, ", labels %s", l->labels);
}

static void value_large_object(struct buf *out, const void *list, size_t i)
{
	const struct pg_large_object *l = (const struct pg_large_object *)list + i;
	struct arena a = ARENA_INIT;

	buf_addf(out, "owned by \"%s\", privileges %s, ", l->owner, acl_text_canonical(l->acl, l->owner, "rw", "", &a));
	arena_release(&a);
	describe_large_object(out, list, i);
}

static bool compare_large_objects(
        struct compare_report *out, const struct compare *c, struct pg_session *s, struct arena *a, struct err *e)
{
	const struct list_kind kind = { order_large_objects, name_large_object,
		c->no_owner ? describe_large_object : value_large_object, false };
	struct pg_large_object_list now;

	if (!pg_catalog_large_objects(&now, s, a, e))
		return false;
	compare_lists(
	        out, &kind, c->contents->large_objects.items, c->contents->large_objects.count, now.items, now.count);
	out->large_objects += c->contents->large_objects.count;
	return true;
}

/* --- extensions, materialized views, roles --- */

static int order_extensions(const void *a, size_t i, const void *b, size_t j)
{
	return strcmp(((const struct pg_extension *)a)[i].name, ((const struct pg_extension *)b)[j].name);
}

static void name_extension(struct buf *out, const void *list, size_t i)
{
	buf_addf(out, "EXTENSION %s", ((const struct pg_extension *)list)[i].name);
}

static void value_extension(struct buf *out, const void *list, size_t i)
{
	buf_addf(out, "in schema \"%s\"", ((const struct pg_extension *)list)[i].schema);
}

/* A dump does not ask for a version, so that it loads where another one is current: worth saying, not a difference. */
static void note_versions(const struct compare *c, const struct pg_extension_list *now)
{
	const struct pg_extension_list *was = &c->contents->extensions;

	for (size_t i = 0; i < was->count; i++) {
		for (size_t j = 0; j < now->count; j++) {
			if (strcmp(was->items[i].name, now->items[j].name) == 0 &&
			        strcmp(was->items[i].version, now->items[j].version) != 0)
				observer_note(c->obs, NOTE_WARN, "extension \"%s\" was %s and is %s here",
				        was->items[i].name, was->items[i].version, now->items[j].version);
		}
	}
}

static bool compare_extensions(
        struct compare_report *out, const struct compare *c, struct pg_session *s, struct arena *a, struct err *e)
{
	static const struct list_kind kind = { order_extensions, name_extension, value_extension, false };
	struct pg_extension_list now;

	if (!pg_catalog_extensions(&now, s, a, e))
		return false;
	compare_lists(out, &kind, c->contents->extensions.items, c->contents->extensions.count, now.items, now.count);
	note_versions(c, &now);
	return true;
}

static int order_matviews(const void *a, size_t i, const void *b, size_t j)
{
	const struct pg_matview *left = (const struct pg_matview *)a + i, *right = (const struct pg_matview *)b + j;
	int order = strcmp(left->schema, right->schema);

	return order ? order : strcmp(left->name, right->name);
}

static int sort_matviews(const void *a, const void *b)
{
	return order_matviews(a, 0, b, 0);
}

static void name_matview(struct buf *out, const void *list, size_t i)
{
	buf_addf(out, "MATERIALIZED VIEW %s", ((const struct pg_matview *)list)[i].qualified);
}

static void value_matview(struct buf *out, const void *list, size_t i)
{
	buf_add(out, ((const struct pg_matview *)list)[i].populated ? "populated" : "not populated");
}

/* Lists come in the order of refreshing. */
static struct pg_matview *sorted_matviews(const struct pg_matview_list *list, struct arena *a)
{
	struct pg_matview *items = arena_alloc(a, (list->count + 1) * sizeof(*items));

	for (size_t i = 0; i < list->count; i++)
		items[i] = list->items[i];
	qsort(items, list->count, sizeof(*items), sort_matviews);
	return items;
}

/* A view the restore could not fill is reported already. */
static void excuse_reported(struct pg_matview *now, size_t count, const struct compare *c, struct arena *a)
{
	for (size_t i = 0; i < count; i++) {
		const char *quoted = arena_printf(a, "MATERIALIZED VIEW DATA %s", now[i].qualified);
		const char *plain = arena_printf(a, "MATERIALIZED VIEW DATA %s.%s", now[i].schema, now[i].name);

		for (size_t j = 0; j < c->finding_count && !now[i].populated; j++) {
			const char *object = c->findings[j].object;

			now[i].populated = strcmp(object, quoted) == 0 || strcmp(object, plain) == 0;
		}
	}
}

static bool compare_matviews(
        struct compare_report *out, const struct compare *c, struct pg_session *s, struct arena *a, struct err *e)
{
	static const struct list_kind kind = { order_matviews, name_matview, value_matview, false };
	struct pg_matview_list now;
	struct pg_matview *sorted;

	if (!pg_catalog_matviews(&now, s, a, e))
		return false;
	sorted = sorted_matviews(&now, a);
	excuse_reported(sorted, now.count, c, a);
	compare_lists(
	        out, &kind, sorted_matviews(&c->contents->matviews, a), c->contents->matviews.count, sorted, now.count);
	return true;
}

static int order_texts(const void *a, size_t i, const void *b, size_t j)
{
	return strcmp(((const char *const *)a)[i], ((const char *const *)b)[j]);
}

static void name_role(struct buf *out, const void *list, size_t i)
{
	buf_addf(out, "ROLE %s", ((const char *const *)list)[i]);
}

static bool compare_roles(
        struct compare_report *out, const struct compare *c, struct pg_session *s, struct arena *a, struct err *e)
{
	static const struct list_kind kind = { order_texts, name_role, NULL, true };
	PGresult *res = NULL;
	const char **names;
	size_t count;

	if (!pg_query(&res, s, "SELECT rolname FROM pg_catalog.pg_roles ORDER BY rolname COLLATE \"C\"", 0, NULL, e))
		return err_wrap(e, "list roles");
	count = (size_t)PQntuples(res);
	names = arena_alloc(a, (count + 1) * sizeof(*names));
	for (size_t i = 0; i < count; i++)
		names[i] = arena_strdup(a, PQgetvalue(res, (int)i, 0));
	PQclear(res);
	compare_lists(out, &kind, c->contents->roles.items, c->contents->roles.count, names, count);
	return true;
}

/* --- indexes that are not valid --- */

static bool in_list(const struct pg_text_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i], text) == 0)
			return true;
	}
	return false;
}

/* pg_dump leaves an invalid index out: the source has it, and it is of no use there. */
static bool compare_invalid_indexes(
        struct compare_report *out, const struct compare *c, struct pg_session *s, struct arena *a, struct err *e)
{
	const struct pg_text_list *was = &c->contents->invalid_indexes;
	struct pg_text_list now;

	if (!pg_catalog_invalid_indexes(&now, s, a, e))
		return false;
	for (size_t i = 0; i < was->count; i++) {
		if (!in_list(&now, was->items[i]))
			compare_report_add(out, true, arena_printf(a, "INDEX %s", was->items[i]),
			        "is not valid in the source (a CREATE INDEX CONCURRENTLY that failed?), so no dump carries it");
	}
	for (size_t i = 0; i < now.count; i++) {
		if (!in_list(was, now.items[i]))
			compare_report_add(
			        out, false, arena_printf(a, "INDEX %s", now.items[i]), "came back not valid");
	}
	return true;
}

/* --- the database itself --- */

static int sort_texts(const void *a, const void *b)
{
	return order_texts(a, 0, b, 0);
}

static const char *joined_settings(const struct pg_text_list *list, bool no_owner, struct arena *a)
{
	const char **items = arena_alloc(a, (list->count + 1) * sizeof(*items));
	struct buf text = BUF_INIT;
	size_t count = 0;
	const char *out;

	for (size_t i = 0; i < list->count; i++)
		if (!no_owner || strncmp(list->items[i], "ALTER ROLE", strlen("ALTER ROLE")) != 0)
			items[count++] = list->items[i];
	qsort(items, count, sizeof(*items), sort_texts);
	for (size_t i = 0; i < count; i++)
		buf_addf(&text, "%s%s", i ? "; " : "", items[i]);
	out = arena_strdup(a, buf_str(&text));
	buf_release(&text);
	return out;
}

static void compare_property(struct compare_report *out, const char *property, const char *was, const char *now)
{
	char object[64];

	snprintf(object, sizeof(object), "DATABASE %s", property);
	was = was ? was : "";
	now = now ? now : "";
	if (strcmp(was, now) != 0)
		compare_report_add(out, false, object, "was \"%.*s\", and came back as \"%.*s\"", fitting(was), was,
		        fitting(now), now);
}

/*
 * ICU names are spelled anew by some major versions, so they count within one only. The tablespace is the target's own
 * business.
 */
static bool compare_properties(
        struct compare_report *out, const struct compare *c, struct pg_session *s, struct arena *a, struct err *e)
{
	const struct pg_database *was = &c->contents->database;
	struct pg_database now = { 0 };

	if (!pg_catalog_database(&now, s, a, e))
		return false;
	compare_property(out, "encoding", was->encoding, now.encoding);
	compare_property(out, "collation", was->collate, now.collate);
	compare_property(out, "character type", was->ctype, now.ctype);
	compare_property(out, "locale provider", was->locale_provider, now.locale_provider);
	if (was->server_version / 10000 == now.server_version / 10000) {
		compare_property(out, "locale", was->locale, now.locale);
		compare_property(out, "ICU rules", was->icu_rules, now.icu_rules);
	}
	if (!c->no_owner) {
		compare_property(out, "owner", was->owner, now.owner);
		compare_property(out, "privileges", acl_text_canonical(was->acl, was->owner, "CTc", "Tc", a),
		        acl_text_canonical(now.acl, now.owner, "CTc", "Tc", a));
	}
	if (!c->incomplete)
		compare_property(out, "comment", was->comment, now.comment);
	compare_property(out, "settings", joined_settings(&was->settings, c->no_owner, a),
	        joined_settings(&now.settings, c->no_owner, a));
	compare_property(out, "connection limit", arena_printf(a, "%d", was->connection_limit),
	        arena_printf(a, "%d", now.connection_limit));
	compare_property(out, "template mark", was->is_template ? "yes" : "no", now.is_template ? "yes" : "no");
	return true;
}

bool compare_objects(struct compare_report *out, const struct compare *c, struct pg_session *s, struct err *e)
{
	struct arena a = ARENA_INIT;
	bool ok = compare_sequences(out, c, s, &a, e) && compare_large_objects(out, c, s, &a, e) &&
	          compare_extensions(out, c, s, &a, e) && compare_matviews(out, c, s, &a, e) &&
	          (c->no_owner || compare_roles(out, c, s, &a, e)) && compare_invalid_indexes(out, c, s, &a, e) &&
	          compare_properties(out, c, s, &a, e);

	arena_release(&a);
	return ok;
}
