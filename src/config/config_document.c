/* src/config/config_document.c - see config_document.h */
#include "src/config/config_document.h"

#include <yaml.h>

#include "src/base/nearest.h"

struct pass {
	yaml_document_t doc;
	struct config_lines *lines;
	const char *name;
	struct err *e;
};

static unsigned line_of(const yaml_node_t *node)
{
	return (unsigned)node->start_mark.line + 1;
}

static bool complain(struct pass *p, const yaml_node_t *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static bool complain(struct pass *p, const yaml_node_t *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_setv(p->e, ERR_USAGE, fmt, ap);
	va_end(ap);
	return err_wrap(p->e, "%s:%u", p->name, line_of(at));
}

static void remember(struct pass *p, const char *path, const yaml_node_t *node)
{
	struct config_lines *l = p->lines;

	l->items = arena_grow(&l->arena, l->items, l->count, &l->cap, sizeof(*l->items));
	l->items[l->count++] = (struct config_line){ path, line_of(node) };
}

static const char *scalar(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

/* Nothing after the colon, "~" or "null". */
static bool is_empty(const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	return *scalar(node) == '\0' || strcmp(scalar(node), "~") == 0 || strcmp(scalar(node), "null") == 0;
}

static bool is_text(struct pass *p, const yaml_node_t *node, const char *what)
{
	if (node->type != YAML_SCALAR_NODE)
		return complain(p, node, "%s must be a single word or text", what);
	if (strlen(scalar(node)) != node->data.scalar.length)
		return complain(p, node, "%s holds a NUL character", what);
	return true;
}

static const char *child_path(struct pass *p, const char *path, const char *key)
{
	return *path ? arena_printf(&p->lines->arena, "%s.%s", path, key) : arena_strdup(&p->lines->arena, key);
}

static const cyaml_schema_field_t *find_field(
        struct pass *p, const cyaml_schema_field_t *fields, const yaml_node_t *key)
{
	struct nearest near = NEAREST_INIT;
	struct buf known = BUF_INIT;

	for (const cyaml_schema_field_t *f = fields; f->key; f++) {
		if (strcmp(f->key, scalar(key)) == 0) {
			buf_release(&known);
			return f;
		}
		nearest_offer(&near, scalar(key), f->key);
		buf_addf(&known, "%s%s", known.len ? ", " : "", f->key);
	}
	complain(p, key, "unknown key \"%s\"", scalar(key));
	if (near.word)
		err_hint(p->e, "did you mean \"%s\"?", near.word);
	else
		err_hint(p->e, "known here: %s", buf_str(&known));
	buf_release(&known);
	return NULL;
}

static bool is_repeated(struct pass *p, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
	const char *key = scalar(yaml_document_get_node(&p->doc, pair->key));

	for (const yaml_node_pair_t *other = map->data.mapping.pairs.start; other < pair; other++) {
		const yaml_node_t *node = yaml_document_get_node(&p->doc, other->key);

		if (node->type == YAML_SCALAR_NODE && strcmp(scalar(node), key) == 0)
			return true;
	}
	return false;
}

static void remove_pair(yaml_node_t *map, yaml_node_pair_t *pair)
{
	size_t after = (size_t)(map->data.mapping.pairs.top - pair) - 1;

	memmove(pair, pair + 1, after * sizeof(*pair));
	map->data.mapping.pairs.top--;
}

static int add_scalar(struct pass *p, const char *text)
{
	return yaml_document_add_scalar(
	        &p->doc, NULL, (const yaml_char_t *)text, (int)strlen(text), YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

/* Give new nodes the place of the ones they stand for, so that messages name a line. */
static void take_place(struct pass *p, int node, int origin)
{
	yaml_document_get_node(&p->doc, node)->start_mark = yaml_document_get_node(&p->doc, origin)->start_mark;
}

/* One entry of a map of databases as an item of the list: {name: key, ...value} or {name: key, url: value}; 0 on
 * failure. */
static int database_item(struct pass *p, int key, int value)
{
	int item = yaml_document_add_mapping(&p->doc, NULL, YAML_BLOCK_MAPPING_STYLE);
	int name = add_scalar(p, "name");
	yaml_node_t *node;

	if (!item || !name || !yaml_document_append_mapping_pair(&p->doc, item, name, key))
		return 0;
	take_place(p, name, key);
	node = yaml_document_get_node(&p->doc, value); /* adding nodes moves them */
	if (node->type == YAML_SCALAR_NODE) {
		int url = is_empty(node) ? -1 : add_scalar(p, "url");

		if (url > 0)
			take_place(p, url, value);
		if (url > 0)
			return yaml_document_append_mapping_pair(&p->doc, item, url, value) ? item : 0;
		return url ? item : 0;
	}
	for (ptrdiff_t i = 0;; i++) {
		yaml_node_pair_t pair;

		node = yaml_document_get_node(&p->doc, value);
		if (i >= node->data.mapping.pairs.top - node->data.mapping.pairs.start)
			return item;
		pair = node->data.mapping.pairs.start[i];
		if (!yaml_document_append_mapping_pair(&p->doc, item, pair.key, pair.value))
			return 0;
	}
}

/* A map of databases becomes the list libcyaml can load; its node, or 0 with the error set. */
static int databases_as_list(struct pass *p, int map)
{
	int list = yaml_document_add_sequence(&p->doc, NULL, YAML_BLOCK_SEQUENCE_STYLE);
	yaml_node_t *node = yaml_document_get_node(&p->doc, map);
	ptrdiff_t count = node->data.mapping.pairs.top - node->data.mapping.pairs.start;

	if (list)
		take_place(p, list, map);
	for (ptrdiff_t i = 0; list && i < count; i++) {
		yaml_node_pair_t pair = yaml_document_get_node(&p->doc, map)->data.mapping.pairs.start[i];
		yaml_node_t *key = yaml_document_get_node(&p->doc, pair.key),
		            *value = yaml_document_get_node(&p->doc, pair.value);
		int item;

		if (key->type != YAML_SCALAR_NODE || value->type == YAML_SEQUENCE_NODE) {
			complain(p, key,
			        "a database must be written as \"name: url\" or as a name with settings below it");
			return 0;
		}
		item = database_item(p, pair.key, pair.value);
		if (!item || !yaml_document_append_sequence_item(&p->doc, list, item))
			break;
		take_place(p, item, pair.key);
		if (i + 1 == count)
			return list;
	}
	if (list && count == 0)
		return list;
	err_set(p->e, ERR_USAGE, "%s: too large to read", p->name);
	return 0;
}

/* A single text where a list is allowed. */
static int text_as_list(struct pass *p, int text)
{
	int list = yaml_document_add_sequence(&p->doc, NULL, YAML_BLOCK_SEQUENCE_STYLE);

	if (list)
		take_place(p, list, text);
	if (list && yaml_document_append_sequence_item(&p->doc, list, text))
		return list;
	err_set(p->e, ERR_USAGE, "%s: too large to read", p->name);
	return 0;
}

static bool check(struct pass *p, int id, const cyaml_schema_value_t *schema, const char *path);

/* Bring the value of a key into the schema's shape. */
static int reshape(struct pass *p, int value, const cyaml_schema_value_t *schema)
{
	const yaml_node_t *node = yaml_document_get_node(&p->doc, value);

	if (schema->type != CYAML_SEQUENCE)
		return value;
	if (node->type == YAML_MAPPING_NODE && schema->sequence.entry->type == CYAML_MAPPING)
		return databases_as_list(p, value);
	if (node->type == YAML_SCALAR_NODE && schema->sequence.entry->type == CYAML_STRING)
		return text_as_list(p, value);
	return value;
}

static bool has_required(struct pass *p, const yaml_node_t *map, const cyaml_schema_field_t *fields, const char *path)
{
	for (; fields->key; fields++) {
		bool found = fields->value.flags & CYAML_FLAG_OPTIONAL;

		for (yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++)
			found = found || strcmp(scalar(yaml_document_get_node(&p->doc, pair->key)), fields->key) == 0;
		if (!found)
			return complain(p, map, "%s has no \"%s\"", path, fields->key);
	}
	return true;
}

static bool check_mapping(struct pass *p, int id, const cyaml_schema_value_t *schema, const char *path)
{
	for (ptrdiff_t i = 0;;) {
		yaml_node_t *map = yaml_document_get_node(&p->doc, id), *key;
		yaml_node_pair_t *pair = map->data.mapping.pairs.start + i;
		const cyaml_schema_field_t *field;
		const char *below;
		int value;

		if (pair >= map->data.mapping.pairs.top)
			return has_required(p, map, schema->mapping.fields, path);
		key = yaml_document_get_node(&p->doc, pair->key);
		if (!is_text(p, key, "a key") || !(field = find_field(p, schema->mapping.fields, key)))
			return false;
		if (is_repeated(p, map, pair))
			return complain(p, key, "key \"%s\" is given twice", scalar(key));
		if (is_empty(yaml_document_get_node(&p->doc, pair->value))) {
			remove_pair(map, pair);
			continue;
		}
		below = child_path(p, path, field->key);
		remember(p, below, key);
		value = reshape(p, pair->value, &field->value);
		if (!value || !check(p, value, &field->value, below))
			return false;
		/* nodes may have moved */
		yaml_document_get_node(&p->doc, id)->data.mapping.pairs.start[i++].value = value;
	}
}

/* The name of an item of a list of named things; its number otherwise. */
static const char *item_path(struct pass *p, const yaml_node_t *item, const char *path, size_t number)
{
	if (item->type == YAML_MAPPING_NODE) {
		for (yaml_node_pair_t *pair = item->data.mapping.pairs.start; pair < item->data.mapping.pairs.top;
		        pair++) {
			const yaml_node_t *key = yaml_document_get_node(&p->doc, pair->key);
			const yaml_node_t *value = yaml_document_get_node(&p->doc, pair->value);

			if (key->type == YAML_SCALAR_NODE && value->type == YAML_SCALAR_NODE &&
			        strcmp(scalar(key), "name") == 0)
				return child_path(p, path, scalar(value));
		}
	}
	return arena_printf(&p->lines->arena, "%s.%zu", path, number);
}

static bool check_sequence(struct pass *p, int id, const cyaml_schema_value_t *schema, const char *path)
{
	for (size_t i = 0;; i++) {
		const yaml_node_t *list = yaml_document_get_node(&p->doc, id);
		yaml_node_item_t *item = list->data.sequence.items.start + i;
		const yaml_node_t *node;
		const char *below;

		if (item >= list->data.sequence.items.top)
			return true;
		node = yaml_document_get_node(&p->doc, *item);
		below = item_path(p, node, path, i);
		remember(p, below, node);
		if (!check(p, *item, schema->sequence.entry, below))
			return false;
	}
}

/* The schema is finite and every level of the document must match a level of it, so a document that contains itself
 * ends here as well. */
static bool check(struct pass *p, int id, const cyaml_schema_value_t *schema, const char *path)
{
	const yaml_node_t *node = yaml_document_get_node(&p->doc, id);
	const char *what = *path ? path : "the file";

	switch (schema->type) {
	case CYAML_MAPPING:
		if (node->type != YAML_MAPPING_NODE)
			return complain(p, node, "%s must be keys with values below it", what);
		return check_mapping(p, id, schema, path);
	case CYAML_SEQUENCE:
		if (node->type != YAML_SEQUENCE_NODE)
			return complain(p, node, "%s must be a list", what);
		return check_sequence(p, id, schema, path);
	default:
		if (!is_text(p, node, what))
			return false;
		if (node->data.scalar.length < schema->string.min || node->data.scalar.length > schema->string.max)
			return complain(p, node, "%s must be %u to %u characters long", what, schema->string.min,
			        schema->string.max);
		return true;
	}
}

static bool not_yaml(struct pass *p, const yaml_parser_t *parser)
{
	unsigned line = (unsigned)(parser->problem_mark.line ? parser->problem_mark.line : parser->context_mark.line) +
	                1;

	err_set(p->e, ERR_USAGE, "%s:%u: not YAML: %s", p->name, line,
	        parser->problem ? parser->problem : "out of memory");
	return err_hint(p->e, "check the indentation and quotes there; tabs cannot indent");
}

/* The one document of the text; a second one is refused. */
static bool load(struct pass *p, struct view text)
{
	yaml_parser_t parser;
	yaml_document_t second;
	bool ok = false;

	if (!yaml_parser_initialize(&parser))
		return err_set(p->e, ERR_FAILED, "out of memory");
	yaml_parser_set_input_string(&parser, text.len ? text.data : (const uint8_t *)"", text.len);
	if (!yaml_parser_load(&parser, &p->doc)) {
		memset(&p->doc, 0, sizeof(p->doc));
		not_yaml(p, &parser);
	} else if (!yaml_document_get_root_node(&p->doc)) {
		ok = true;
	} else if (!yaml_parser_load(&parser, &second)) {
		not_yaml(p, &parser);
	} else {
		const yaml_node_t *more = yaml_document_get_root_node(&second);

		ok = !more || is_empty(more) || complain(p, more, "a second document");
		yaml_document_delete(&second);
	}
	yaml_parser_delete(&parser);
	return ok;
}

static int write_out(void *cookie, unsigned char *data, size_t size)
{
	struct err ignored = ERR_INIT;

	return buf_append(cookie, data, size, &ignored);
}

/* Consumes the document, whatever comes out. */
static bool dump(struct buf *out, struct pass *p)
{
	yaml_emitter_t emitter;
	bool ok;

	if (!yaml_emitter_initialize(&emitter))
		return err_set(p->e, ERR_FAILED, "out of memory");
	yaml_emitter_set_output(&emitter, write_out, out);
	yaml_emitter_set_width(&emitter, -1);
	yaml_emitter_set_unicode(&emitter, 1);
	ok = yaml_emitter_open(&emitter) && yaml_emitter_dump(&emitter, &p->doc) && yaml_emitter_close(&emitter);
	memset(&p->doc, 0, sizeof(p->doc));
	if (!ok)
		err_set(p->e, ERR_USAGE, "%s: %s", p->name, emitter.problem ? emitter.problem : "too large to read");
	yaml_emitter_delete(&emitter);
	return ok;
}

bool config_document_normalise(struct buf *out, struct config_lines *lines, const cyaml_schema_value_t *schema,
        struct view text, const char *name, struct err *e)
{
	struct pass p = { .lines = lines, .name = name, .e = e };
	const yaml_node_t *root;
	bool ok = false;

	if (!load(&p, text))
		goto done;
	root = yaml_document_get_root_node(&p.doc);
	ok = !root || is_empty(root) || (check(&p, 1, schema, "") && dump(out, &p));
done:
	yaml_document_delete(&p.doc);
	return ok;
}
