/* restore/acl_text.c - see acl_text.h */
#include "restore/acl_text.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/buf.h"

/* The next element of an array's text, its array quoting undone; *p moves behind it. NULL when it is malformed. */
static const char *element(const char **p, struct arena *a)
{
	struct buf text = BUF_INIT;
	bool quoted = **p == '"';
	const char *out = NULL;

	*p += quoted;
	while (**p && (quoted ? **p != '"' : **p != ',' && **p != '}')) {
		if (**p == '\\' && (*p)[1])
			(*p)++;
		buf_addn(&text, (*p)++, 1);
	}
	if (!quoted || **p == '"') {
		*p += quoted;
		out = arena_strdup(a, buf_str(&text));
	}
	buf_release(&text);
	return out;
}

/* A role name as aclitemout() writes it, up to its end; *p moves behind it. NULL when a quote stays open. */
static const char *role(const char **p, const char *stop, struct arena *a)
{
	struct buf name = BUF_INIT;
	bool quoted = **p == '"';
	const char *out = NULL;

	*p += quoted;
	while (**p && (quoted ? **p != '"' || (*p)[1] == '"' : !strchr(stop, **p))) {
		*p += quoted && **p == '"';
		buf_addn(&name, (*p)++, 1);
	}
	if (!quoted || **p == '"') {
		*p += quoted;
		out = arena_strdup(a, buf_str(&name));
	}
	buf_release(&name);
	return out;
}

static bool parse_item(struct acl_text_item *out, const char *text, struct arena *a)
{
	const char *p = text;
	size_t len;

	out->text = text;
	out->grantee = role(&p, "=", a);
	if (!out->grantee || *p++ != '=')
		return false;
	len = strcspn(p, "/");
	out->privileges = arena_strndup(a, p, len);
	p += len;
	if (*p++ != '/')
		return false;
	out->grantor = role(&p, "", a);
	return out->grantor && *p == '\0';
}

bool acl_text_parse(struct acl_text *out, const char *text, struct arena *a, struct err *e)
{
	const char *p = text;
	size_t cap = 0;

	*out = (struct acl_text){ 0 };
	if (!text)
		return true;
	if (*p++ != '{')
		goto damaged;
	while (*p && *p != '}') {
		const char *item = element(&p, a);

		out->items = arena_grow(a, out->items, out->count, &cap, sizeof(*out->items));
		if (!item || !parse_item(&out->items[out->count++], item, a))
			goto damaged;
		p += *p == ',';
	}
	if (*p == '}' && p[1] == '\0')
		return true;
damaged:
	return err_set(e, ERR_DAMAGED, "not a list of privileges: \"%s\"", text);
}

/* A name as it stands in an item: in double quotes unless it is letters, digits and '_' alone. */
static const char *quoted_role(struct arena *a, const char *name)
{
	struct buf quoted = BUF_INIT;
	bool plain = true;
	const char *out;

	for (const char *p = name; *p; p++)
		plain = plain &&
		        (*p == '_' || (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'));
	if (plain)
		return name;
	buf_add(&quoted, "\"");
	for (const char *p = name; *p; p++)
		buf_addf(&quoted, "%s%c", *p == '"' ? "\"" : "", *p);
	buf_add(&quoted, "\"");
	out = arena_strdup(a, buf_str(&quoted));
	buf_release(&quoted);
	return out;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct acl_text_item *)a)->text, ((const struct acl_text_item *)b)->text);
}

static const char *default_list(
        const char *owner, const char *owner_privileges, const char *public_privileges, struct arena *a)
{
	const char *name = quoted_role(a, owner);

	if (!*public_privileges)
		return arena_printf(a, "%s=%s/%s", name, owner_privileges, name);
	return arena_printf(a, "=%s/%s %s=%s/%s", public_privileges, name, name, owner_privileges, name);
}

const char *acl_text_canonical(const char *text, const char *owner, const char *owner_privileges,
        const char *public_privileges, struct arena *a)
{
	struct err ignored = ERR_INIT;
	struct buf line = BUF_INIT;
	struct acl_text acl;
	const char *out;

	if (!text)
		return default_list(owner, owner_privileges, public_privileges, a);
	if (!acl_text_parse(&acl, text, a, &ignored))
		return text;
	if (acl.count > 0)
		qsort(acl.items, acl.count, sizeof(*acl.items), by_text);
	for (size_t i = 0; i < acl.count; i++)
		buf_addf(&line, "%s%s", i ? " " : "", acl.items[i].text);
	out = arena_strdup(a, buf_str(&line));
	buf_release(&line);
	return out;
}
