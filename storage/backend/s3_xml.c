/* storage/backend/s3_xml.c - see s3_xml.h */
#include "storage/backend/s3_xml.h"

#include <assert.h>
#include <expat.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "storage/backend/s3_time.h"

#define BODY_MAX  ((size_t)16 << 20)
#define DEPTH_MAX 16
#define NAME_SIZE 64 /* longer element names are none of ours */
#define TEXT_MAX  ((size_t)16 << 10)

struct reader;
/* An element without elements in it has ended; text is its own. False stops the reading with the error. */
typedef bool leaf_fn(struct reader *r, const char *name, const char *text, struct err *e);
/* Any element has ended. */
typedef bool end_fn(struct reader *r, const char *name, struct err *e);

struct reader {
	XML_Parser parser;
	leaf_fn *leaf;
	end_fn *end;  /* NULL for none */
	void *cookie; /* for the functions */
	struct err *e;
	bool failed; /* e is set */

	unsigned depth; /* of the innermost open element; 1 is the root's */
	char open[DEPTH_MAX + 1][NAME_SIZE];
	bool childless; /* the innermost element has no element in it so far */
	struct buf text;
	bool cut; /* the text did not fit into TEXT_MAX */
};

/* The error is set. expat may still make a few calls after this. */
static void stop(struct reader *r)
{
	r->failed = true;
	XML_StopParser(r->parser, XML_FALSE);
}

static const char *parent(const struct reader *r)
{
	return r->depth > 1 ? r->open[r->depth - 1] : "";
}

static void clear_text(struct reader *r)
{
	if (r->text.len > 0)
		OPENSSL_cleanse(r->text.data, r->text.len);
	buf_clear(&r->text);
	r->cut = false;
}

static void on_start(void *cookie, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *r = cookie;
	const char *colon = strrchr(name, ':');

	(void)attributes;
	if (r->failed)
		return;
	if (r->depth == DEPTH_MAX) {
		err_set(r->e, ERR_FAILED, "elements are nested more than %d deep", DEPTH_MAX);
		stop(r);
		return;
	}
	snprintf(r->open[++r->depth], NAME_SIZE, "%s", colon ? colon + 1 : name);
	r->childless = true;
	clear_text(r);
}

static void on_text(void *cookie, const XML_Char *data, int len)
{
	struct reader *r = cookie;
	struct err full = ERR_INIT;

	if (r->failed || !r->childless || r->cut)
		return;
	if (!buf_append(&r->text, data, (size_t)len, &full))
		r->cut = true; /* matters only to whoever wants this text */
}

static void on_end(void *cookie, const XML_Char *qualified)
{
	struct reader *r = cookie;
	const char *name = r->open[r->depth];

	(void)qualified;
	if (r->failed)
		return;
	if ((r->childless && !r->leaf(r, name, buf_str(&r->text), r->e)) || (r->end && !r->end(r, name, r->e))) {
		stop(r);
		return;
	}
	clear_text(r);
	r->childless = false;
	r->depth--;
}

static void on_doctype(
        void *cookie, const XML_Char *name, const XML_Char *system_id, const XML_Char *public_id, int subset)
{
	struct reader *r = cookie;

	(void)name, (void)system_id, (void)public_id, (void)subset;
	err_set(r->e, ERR_FAILED, "the document declares a type of its own");
	stop(r);
}

static bool read_document(struct reader *r, struct view body, struct err *e)
{
	bool ok = false;

	r->e = e;
	if (body.len > BODY_MAX)
		return err_set(e, ERR_FAILED, "an XML answer of more than %zu bytes", BODY_MAX);
	r->parser = XML_ParserCreate(NULL);
	if (!r->parser)
		return err_set(e, ERR_FAILED, "the XML parser cannot be made");
	r->text = (struct buf)BUF_INIT_MAX(TEXT_MAX);
	(void)buf_reserve(&r->text, TEXT_MAX, e); /* never moved, so that no copy of a secret is left */
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_start, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	if (XML_Parse(r->parser, body.data ? (const char *)body.data : "", (int)body.len, 1) == XML_STATUS_OK)
		ok = !r->failed;
	else if (!r->failed)
		err_set(e, ERR_FAILED, "not well-formed XML (line %lu: %s)", XML_GetCurrentLineNumber(r->parser),
		        XML_ErrorString(XML_GetErrorCode(r->parser)));
	XML_ParserFree(r->parser);
	clear_text(r);
	buf_release(&r->text);
	return ok;
}

/* --- errors --- */

/* What fits, on one line: it ends up in messages. */
static void copy_line(char *out, size_t size, const char *text)
{
	size_t len = 0;

	for (; *text && len + 1 < size; text++) {
		bool blank = (unsigned char)*text <= ' ' || *text == 0x7f;

		if (!blank)
			out[len++] = *text;
		else if (len > 0 && out[len - 1] != ' ')
			out[len++] = ' ';
	}
	if (((unsigned char)*text & 0xc0) == 0x80) { /* not half a character */
		while (len > 0 && ((unsigned char)out[len - 1] & 0xc0) == 0x80)
			len--;
		len -= len > 0;
	}
	while (len > 0 && out[len - 1] == ' ')
		len--;
	out[len] = '\0';
}

static bool error_leaf(struct reader *r, const char *name, const char *text, struct err *e)
{
	struct s3_error_document *d = r->cookie;
	const struct {
		const char *name;
		char *value;
		size_t size;
	} fields[] = {
		{ "Code", d->code, sizeof(d->code) },
		{ "Message", d->message, sizeof(d->message) },
		{ "Region", d->region, sizeof(d->region) },
		{ "Endpoint", d->endpoint, sizeof(d->endpoint) },
	};

	(void)e;
	/* STS has it beside the error */
	if ((strcmp(name, "RequestId") == 0 || strcmp(name, "RequestID") == 0) && r->depth <= 3)
		copy_line(d->request_id, sizeof(d->request_id), text);
	if (strcmp(parent(r), "Error") != 0)
		return true;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcmp(name, fields[i].name) == 0 && !fields[i].value[0])
			copy_line(fields[i].value, fields[i].size, text);
	}
	if (strcmp(name, "ServerTime") == 0 && !s3_time_parse(&d->server_time_us, text))
		d->server_time_us = 0;
	return true;
}

void s3_xml_error(struct s3_error_document *out, struct view body)
{
	const struct s3_error_document none = { .code = "" };
	struct reader r = { .leaf = error_leaf, .cookie = out };
	struct err e = ERR_INIT;
	bool ok;

	*out = none;
	ok = body.len > 0 && read_document(&r, body, &e);
	/* The answer to a removal of many objects holds an Error for each that stayed: that is none of the request. */
	if (!ok || (strcmp(r.open[1], "Error") != 0 && strcmp(r.open[1], "ErrorResponse") != 0))
		*out = none;
}

/* --- listings --- */

struct entry {
	size_t key; /* offset in keys */
	uint64_t size;
	int64_t modified_us;
};

/* Objects wait for the end of the document: only then is it whole, and EncodingType may come behind them. */
struct listing {
	struct buf keys; /* each with its NUL */
	struct entry *entries;
	size_t count, room;
	bool url_encoded, told_truncated, truncated;
	char *token, *marker;

	struct entry now; /* the object being read */
	bool has_key, has_size, has_time;
};

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. '+' is a blank, as AWS encodes it. */
static bool url_decode(char *text)
{
	char *out = text;

	for (; *text; text++) {
		int high, low;

		if (*text != '%') {
			*out++ = (char)(*text == '+' ? ' ' : *text);
			continue;
		}
		high = hex(text[1]);
		low = high < 0 ? -1 : hex(text[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*out++ = (char)(high << 4 | low);
		text += 2;
	}
	*out = '\0';
	return true;
}

static bool parse_size(uint64_t *out, const char *text)
{
	uint64_t value = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}

/* A piece of a document for a message. */
static bool odd(struct err *e, const char *element, const char *text)
{
	char shown[64];

	copy_line(shown, sizeof(shown), text);
	return err_set(e, ERR_FAILED, "%s is \"%s\" in a listing", element, shown);
}

static bool object_leaf(struct listing *l, const char *name, const char *text, struct err *e)
{
	if (strcmp(name, "Key") == 0) {
		if (l->has_key || !*text)
			return err_set(e, ERR_FAILED, "an object with %s in a listing", *text ? "two keys" : "no name");
		l->has_key = true;
		l->now.key = l->keys.len;
		buf_addn(&l->keys, text, strlen(text) + 1);
	} else if (strcmp(name, "Size") == 0) {
		l->has_size = parse_size(&l->now.size, text);
		return l->has_size || odd(e, "Size", text);
	} else if (strcmp(name, "LastModified") == 0) {
		l->has_time = s3_time_parse(&l->now.modified_us, text);
		return l->has_time || odd(e, "LastModified", text);
	}
	return true;
}

static void replace(char **value, const char *text)
{
	free(*value);
	*value = *text ? xstrdup(text) : NULL;
}

static bool page_leaf(struct listing *l, const char *name, const char *text, struct err *e)
{
	if (strcmp(name, "IsTruncated") == 0) {
		l->told_truncated = true;
		l->truncated = strcasecmp(text, "true") == 0;
		return l->truncated || strcasecmp(text, "false") == 0 || odd(e, name, text);
	}
	if (strcmp(name, "EncodingType") == 0) {
		l->url_encoded = strcasecmp(text, "url") == 0;
		return l->url_encoded || !*text || odd(e, name, text);
	}
	if (strcmp(name, "NextContinuationToken") == 0)
		replace(&l->token, text);
	else if (strcmp(name, "NextMarker") == 0)
		replace(&l->marker, text);
	return true;
}

static bool list_leaf(struct reader *r, const char *name, const char *text, struct err *e)
{
	bool page = r->depth == 2, object = r->depth == 3 && strcmp(parent(r), "Contents") == 0;

	if (!page && !object)
		return true;
	if (r->cut)
		return err_set(e, ERR_FAILED, "%s has more than %zu bytes in a listing", name, TEXT_MAX);
	return page ? page_leaf(r->cookie, name, text, e) : object_leaf(r->cookie, name, text, e);
}

static bool list_end(struct reader *r, const char *name, struct err *e)
{
	struct listing *l = r->cookie;

	if (r->depth == 1 && strcmp(name, "ListBucketResult") != 0)
		return err_set(e, ERR_FAILED, "the answer is <%s>, not a listing", name);
	if (r->depth != 2 || strcmp(name, "Contents") != 0)
		return true;
	if (!l->has_key || !l->has_size || !l->has_time)
		return err_set(e, ERR_FAILED, "an object without %s in a listing",
		        !l->has_key   ? "a name"
		        : l->has_size ? "a time"
		                      : "a size");
	if (l->count == l->room) {
		l->room = l->room ? l->room * 2 : 1024;
		l->entries = xrealloc(l->entries, l->room * sizeof(l->entries[0]));
	}
	l->entries[l->count++] = l->now;
	l->has_key = l->has_size = l->has_time = false;
	return true;
}

static char *key_of(const struct listing *l, size_t i)
{
	return (char *)l->keys.data + l->entries[i].key;
}

static bool decode_names(struct listing *l, struct err *e)
{
	if (!l->url_encoded)
		return true;
	for (size_t i = 0; i < l->count; i++) {
		if (!url_decode(key_of(l, i)))
			return odd(e, "Key", key_of(l, i));
	}
	return !l->marker || url_decode(l->marker) || odd(e, "NextMarker", l->marker);
}

static bool deliver(const struct listing *l, s3_listed_fn *each, void *cookie, struct err *e)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct s3_listed object = { key_of(l, i), l->entries[i].size, l->entries[i].modified_us };

		if (!each(cookie, &object, e))
			return false;
	}
	return true;
}

bool s3_xml_list(struct s3_list_page *out, struct view body, s3_listed_fn *each, void *cookie, struct err *e)
{
	struct listing l = { .keys = BUF_INIT };
	struct reader r = { .leaf = list_leaf, .end = list_end, .cookie = &l };
	bool ok = false;

	*out = (struct s3_list_page){ 0 };
	if (!read_document(&r, body, e))
		goto done;
	if (!l.told_truncated) { /* taken for the end it would hide what follows */
		err_set(e, ERR_FAILED, "a listing does not say whether it is truncated");
		goto done;
	}
	if (!decode_names(&l, e) || !deliver(&l, each, cookie, e))
		goto done;
	out->truncated = l.truncated;
	out->count = l.count;
	out->last_key = l.count > 0 ? xstrdup(key_of(&l, l.count - 1)) : NULL;
	out->token = l.token ? l.token : l.marker;
	*(l.token ? &l.token : &l.marker) = NULL;
	ok = true;
done:
	free(l.token);
	free(l.marker);
	free(l.entries);
	buf_release(&l.keys);
	return ok;
}

void s3_list_page_release(struct s3_list_page *p)
{
	free(p->token);
	free(p->last_key);
	*p = (struct s3_list_page){ 0 };
}

/* --- single values --- */

struct wanted {
	const char *element;
	char *value;
	size_t size;
	bool found;
};

static bool text_leaf(struct reader *r, const char *name, const char *text, struct err *e)
{
	struct wanted *w = r->cookie;
	size_t len = strlen(text);

	if (w->found || strcmp(name, w->element) != 0)
		return true;
	if (r->cut || len >= w->size)
		return err_set(e, ERR_FAILED, "%s is longer than %zu bytes", name, r->cut ? TEXT_MAX : w->size - 1);
	memcpy(w->value, text, len + 1);
	w->found = true;
	return true;
}

bool s3_xml_text(char *value, size_t size, struct view body, const char *element, struct err *e)
{
	struct wanted w = { .element = element, .value = value, .size = size };
	struct reader r = { .leaf = text_leaf, .cookie = &w };

	assert(size > 0);
	value[0] = '\0';
	if (read_document(&r, body, e))
		return true;
	OPENSSL_cleanse(value, size);
	value[0] = '\0';
	return false;
}
