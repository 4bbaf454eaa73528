#include "restore/definition.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct text {
	const char *p, *end;
};

/* --- lexical elements --- */

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* p is at a quote; past the closing one. A doubled quote opens the next string at once, which comes to the same. */
static const char *skip_quoted(const char *p, const char *end)
{
	const char *close = memchr(p + 1, *p, (size_t)(end - p - 1));

	return close ? close + 1 : end;
}

static const char *skip_element(const char *p, const char *end)
{
	if (*p == '\'' || *p == '"')
		return skip_quoted(p, end);
	if (!is_name_byte(*p))
		return p + 1;
	while (p < end && is_name_byte(*p))
		p++;
	return p;
}

static void skip_space(struct text *t)
{
	while (t->p < t->end && isspace((unsigned char)*t->p))
		t->p++;
}

static bool take_word(struct text *t, const char *word)
{
	size_t n = strlen(word);
	const char *p = t->p;

	while (p < t->end && isspace((unsigned char)*p))
		p++;
	if ((size_t)(t->end - p) < n || strncmp(p, word, n) != 0)
		return false;
	if (is_name_byte(word[n - 1]) && p + n < t->end && is_name_byte(p[n]))
		return false;
	t->p = p + n;
	return true;
}

static bool take_words(struct text *t, const char *first, const char *second, const char *third)
{
	struct text before = *t;

	if (take_word(t, first) && (!second || take_word(t, second)) && (!third || take_word(t, third)))
		return true;
	*t = before;
	return false;
}

/* One name without its quotes; NULL when there is none. Names without quotes are lower case in what pg_dump writes. */
static const char *take_name(struct text *t, struct arena *a)
{
	const char *start;
	char *name, *to;

	skip_space(t);
	start = t->p;
	if (t->p < t->end && *t->p == '"') {
		name = to = arena_alloc(a, (size_t)(t->end - t->p) + 1);
		for (t->p++; t->p < t->end; t->p++) {
			if (*t->p == '"' && (++t->p >= t->end || *t->p != '"'))
				return name;
			*to++ = *t->p;
		}
		return NULL;
	}
	while (t->p < t->end && is_name_byte(*t->p))
		t->p++;
	if (t->p == start ||
	        (t->p < t->end && *t->p == '"')) /* with quotes of its own in front of those it would read on */
		return NULL;
	return arena_strndup(a, start, (size_t)(t->p - start));
}

static bool take_qualified(struct text *t, const char **schema, const char **name, struct arena *a)
{
	*schema = take_name(t, a);
	if (!*schema || t->p >= t->end || *t->p != '.')
		return false;
	t->p++;
	*name = take_name(t, a);
	return *name != NULL;
}

/* Is the qualified name that comes now this one? */
static bool take_this(struct text *t, const char *schema, const char *name, struct arena *a)
{
	const char *s, *n;

	return take_qualified(t, &s, &n, a) && strcmp(s, schema) == 0 && strcmp(n, name) == 0;
}

/* Up to the ';' that ends the statement, or the end. */
static const char *statement_end(struct text t)
{
	while (t.p < t.end && *t.p != ';')
		t.p = skip_element(t.p, t.end);
	return t.p;
}

/* t->p is at '(': past the ')' that belongs to it. */
static bool skip_parentheses(struct text *t)
{
	unsigned depth = 0;

	while (t->p < t->end) {
		char c = *t->p;

		t->p = skip_element(t->p, t->end);
		depth += c == '(';
		if (c == ')' && --depth == 0)
			return true;
	}
	return false;
}

/* Does every quote have its second one? Below that is taken for granted. */
static bool is_closed(struct text t)
{
	while (t.p < t.end) {
		char c = *t.p;

		if ((c == '\'' || c == '"') && !memchr(t.p + 1, c, (size_t)(t.end - t.p - 1)))
			return false;
		t.p = skip_element(t.p, t.end);
	}
	return true;
}

static bool odd(struct err *e, const char *text)
{
	return err_set(e, ERR_FAILED, "the definition in the snapshot is not as pg_dump writes it: %.60s", text);
}

/* --- CREATE TABLE --- */

struct table_text {
	struct definition_table *out;
	const struct definition_names *names;
	const char *const *parents;
	bool unlogged;
	struct arena *arena;
	struct buf sql;
};

static bool inherits(struct table_text *x, struct text *t)
{
	struct definition_table *out = x->out;
	size_t cap = out->parent_count;

	if (!take_word(t, "("))
		return false;
	do {
		struct definition_parent p;

		out->parents = arena_grow(x->arena, out->parents, out->parent_count, &cap, sizeof(*out->parents));
		if (!take_qualified(t, &p.schema, &p.name, x->arena))
			return false;
		out->parents[out->parent_count++] = p;
	} while (take_word(t, ","));
	if (!take_word(t, ")"))
		return false;
	for (size_t i = 0; x->parents && i < out->parent_count; i++)
		buf_addf(&x->sql, "%s%s", i ? ", " : "\nINHERITS (", x->parents[i]);
	buf_add(&x->sql, x->parents ? ")" : "");
	return true;
}

/* PARTITION BY RANGE (a, lower(b)) */
static bool partition_by(struct table_text *x, struct text *t)
{
	x->out->partitioned = true;
	if (!take_word(t, "RANGE") && !take_word(t, "LIST") && !take_word(t, "HASH"))
		return false;
	skip_space(t);
	return t->p < t->end && *t->p == '(' && skip_parentheses(t);
}

static bool create_table(struct table_text *x, struct text *t)
{
	const struct definition_names *n = x->names;
	const char *body;

	x->out->unlogged = take_word(t, "UNLOGGED");
	if (!take_word(t, "TABLE") || !take_this(t, n->table_schema, n->table, x->arena))
		return false;
	buf_addf(&x->sql, "CREATE %sTABLE %s", x->unlogged || x->out->unlogged ? "UNLOGGED " : "", n->new_table);
	body = t->p;
	if (take_word(t, "OF")) {
		const char *schema, *name;

		x->out->typed = true;
		if (!take_qualified(t, &schema, &name, x->arena))
			return false;
	}
	skip_space(t);
	if (t->p < t->end && *t->p == '(' && !skip_parentheses(t))
		return false;
	buf_addn(&x->sql, body, (size_t)(t->p - body));
	if (take_word(t, "INHERITS") && !inherits(x, t))
		return false;
	if (take_words(t, "PARTITION", "BY", NULL) && !partition_by(x, t))
		return false;
	body = t->p;
	if (take_word(t, "WITH")) {
		skip_space(t);
		if (t->p >= t->end || *t->p != '(' || !skip_parentheses(t))
			return false;
		buf_addn(&x->sql, body, (size_t)(t->p - body));
	}
	skip_space(t);
	buf_add(&x->sql, ";\n");
	return t->p >= t->end;
}

/* ALTER [FOREIGN] TABLE [ONLY] here ...; only what is about columns is kept. */
static bool alter_table(struct table_text *x, struct text *t)
{
	bool only;

	if (!take_word(t, "TABLE"))
		return false;
	only = take_word(t, "ONLY");
	if (!take_this(t, x->names->table_schema, x->names->table, x->arena))
		return false;
	skip_space(t);
	if (take_words(&(struct text){ t->p, t->end }, "ALTER", "COLUMN", NULL))
		buf_addf(&x->sql, "ALTER TABLE %s%s %.*s;\n", only ? "ONLY " : "", x->names->new_table,
		        (int)(t->end - t->p), t->p);
	return true;
}

bool definition_of_table(struct definition_table *out, const char *text, const struct definition_names *n,
        bool unlogged, const char *const *parents, struct arena *a, struct err *e)
{
	struct table_text x = { .out = out, .names = n, .parents = parents, .unlogged = unlogged, .arena = a };
	struct text all = { text, text + strlen(text) };
	bool ok = is_closed(all), created = false;

	*out = (struct definition_table){ 0 };
	for (skip_space(&all); ok && all.p < all.end; skip_space(&all)) {
		struct text t = { all.p, statement_end(all) };

		if (!created)
			ok = created = take_word(&t, "CREATE") && create_table(&x, &t);
		else
			ok = take_word(&t, "ALTER") && alter_table(&x, &t);
		all.p = statement_end(all);
		all.p += all.p < all.end;
	}
	out->sql = arena_strdup(a, buf_str(&x.sql));
	buf_release(&x.sql);
	return (ok && created) || odd(e, text);
}

/* --- indexes and keys --- */

static bool create_index(struct buf *sql, const struct definition_names *n, struct text *t, struct arena *a)
{
	const char *name;
	bool unique = take_word(t, "UNIQUE");

	if (!take_word(t, "INDEX") || !(name = take_name(t, a)) || !n->index || strcmp(name, n->index) != 0 ||
	        !take_word(t, "ON"))
		return false;
	take_word(t, "ONLY");
	if (!take_this(t, n->table_schema, n->table, a))
		return false;
	buf_addf(sql, "CREATE %sINDEX %s ON %s%.*s;\n", unique ? "UNIQUE " : "", n->new_index, n->new_table,
	        (int)(t->end - t->p), t->p);
	return true;
}

static bool alter_for_index(struct buf *sql, const struct definition_names *n, struct text *t, struct arena *a)
{
	struct text rest;
	const char *name;

	if (take_word(t, "INDEX")) {
		if (!n->index || !take_this(t, n->table_schema, n->index, a))
			return false;
		buf_addf(sql, "ALTER INDEX %s%.*s;\n", n->new_index_qualified, (int)(t->end - t->p), t->p);
		return true;
	}
	if (!take_word(t, "TABLE"))
		return false;
	take_word(t, "ONLY");
	if (!take_this(t, n->table_schema, n->table, a))
		return false;
	if (!take_words(t, "ADD", "CONSTRAINT", NULL))
		return true; /* CLUSTER ON, REPLICA IDENTITY USING INDEX */
	rest = *t;
	name = take_name(&rest, a);
	if (!name || (n->index && strcmp(name, n->index) != 0))
		return false;
	/* a constraint that is no index keeps its name, as it stands there */
	if (n->index)
		*t = rest;
	buf_addf(sql, "ALTER TABLE ONLY %s ADD CONSTRAINT %s%.*s;\n", n->new_table, n->index ? n->new_index : "",
	        (int)(t->end - t->p), t->p);
	return true;
}

bool definition_of_index(
        const char **out, const char *text, const struct definition_names *n, struct arena *a, struct err *e)
{
	struct text all = { text, text + strlen(text) };
	struct buf sql = BUF_INIT;
	bool ok = is_closed(all);

	for (skip_space(&all); ok && all.p < all.end; skip_space(&all)) {
		struct text t = { all.p, statement_end(all) };

		if (take_word(&t, "CREATE"))
			ok = create_index(&sql, n, &t, a);
		else
			ok = take_word(&t, "ALTER") && alter_for_index(&sql, n, &t, a);
		all.p = statement_end(all);
		all.p += all.p < all.end;
	}
	*out = arena_strdup(a, buf_str(&sql));
	ok = ok && sql.len > 0;
	buf_release(&sql);
	return ok || odd(e, text);
}

/* --- as something to be done later --- */

bool definition_concurrently(struct definition_index *out, const char *text, struct arena *a, struct err *e)
{
	struct text all = { text, text + strlen(text) }, t = all;
	const char *name_on;

	*out = (struct definition_index){ 0 };
	if (!is_closed(all) || !take_words(&t, "CREATE", "INDEX", NULL))
		return odd(e, text);
	name_on = t.p;
	if (!take_name(&t, a) || !take_word(&t, "ON") || take_words(&t, "ONLY", NULL, NULL) ||
	        !take_qualified(&t, &out->schema, &out->table, a))
		return odd(e, text);
	t.end = statement_end(t);
	out->create = arena_printf(a, "CREATE INDEX CONCURRENTLY%.*s", (int)(t.end - name_on), name_on);
	all.p = t.end + (t.end < all.end);
	skip_space(&all);
	out->rest = arena_strndup(a, all.p, (size_t)(all.end - all.p));
	return true;
}

bool definition_foreign_key(struct definition_key *out, const char *text, struct arena *a, struct err *e)
{
	struct text t = { text, text + strlen(text) };

	*out = (struct definition_key){ 0 };
	if (!is_closed(t) || !take_words(&t, "ALTER", "TABLE", NULL))
		return odd(e, text);
	take_word(&t, "ONLY");
	if (!take_qualified(&t, &out->schema, &out->table, a) || !take_words(&t, "ADD", "CONSTRAINT", NULL) ||
	        !(out->name = take_name(&t, a)) || !take_words(&t, "FOREIGN", "KEY", NULL))
		return odd(e, text);
	return true;
}

static bool ends_with(struct text t, const char *what)
{
	size_t n = strlen(what);

	return (size_t)(t.end - t.p) >= n && memcmp(t.end - n, what, n) == 0;
}

const char *definition_unchecked(const char *text, struct arena *a)
{
	struct text t = { text, text + strlen(text) };
	struct definition_key key;
	struct err ignored = ERR_INIT;

	if (!definition_foreign_key(&key, text, a, &ignored))
		return NULL;
	t.end = statement_end(t);
	if (*t.end != ';' || strspn(t.end + 1, "\n") != strlen(t.end + 1) || ends_with(t, " NOT VALID") ||
	        ends_with(t, " NOT ENFORCED"))
		return NULL;
	return arena_printf(a, "%.*s NOT VALID%s", (int)(t.end - text), text, t.end);
}
