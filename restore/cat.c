/*
 * restore/cat.c - a snapshot as the plain SQL pg_dump would print; see restore.h
 *
 * Definitions are printed by pg_restore in one run, so that what it says once and keeps in mind (SET default_tablespace
 * ...) comes out right. Rows go into the gap between what it prints before and after them; where that gap is, a second
 * run tells, which prints only what comes before.
 */
#include <stdlib.h>
#include <string.h>

#include "restore/cat_internal.h"

#define CONTENTS_MAX ((size_t)1 << 30)

/* --- where things go in the script --- */

/*
 * Is this entry printed in pg_restore's first pass, its second (privileges), or its last (event triggers and what is
 * about them)?
 */
enum pass { PASS_MAIN, PASS_ACL, PASS_LAST };

static enum pass pass_of(const struct toc_entry *t)
{
	bool about = strcmp(t->desc, "COMMENT") == 0 || strcmp(t->desc, "SECURITY LABEL") == 0;

	if (strcmp(t->desc, "ACL") == 0 || strcmp(t->desc, "ACL LANGUAGE") == 0 || strcmp(t->desc, "DEFAULT ACL") == 0)
		return PASS_ACL;
	if (strcmp(t->desc, "EVENT TRIGGER") == 0 || strcmp(t->desc, "MATERIALIZED VIEW DATA") == 0 ||
	        (about && strncmp(t->tag, "EVENT TRIGGER ", 14) == 0))
		return PASS_LAST;
	return PASS_MAIN;
}

/* Entries about others have no section; they stand behind what they are about. */
static size_t post_data_start(const struct toc *toc)
{
	size_t i = 0;

	while (i < toc->count && toc->entries[i].section != TOC_POST_DATA)
		i++;
	return i;
}

enum part {
	PART_HEADER, /* nothing but what stands around a script */
	PART_BEFORE_DATA,
	PART_BEFORE_LAST_ACL, /* all of the first pass, and the privileges of what stands before the data */
	PART_ALL,
};

static bool is_part(const struct toc *toc, size_t i, size_t post_data, enum part part)
{
	enum pass pass = pass_of(&toc->entries[i]);

	switch (part) {
	case PART_HEADER:
		return false;
	case PART_BEFORE_DATA:
		return i < post_data && pass == PASS_MAIN;
	case PART_BEFORE_LAST_ACL:
		return pass == PASS_MAIN || (i < post_data && pass == PASS_ACL);
	case PART_ALL:
		break;
	}
	return true;
}

static bool render_part(struct buf *out, const struct cat *c, enum part part, struct err *e)
{
	const struct toc *toc = c->archive.toc;
	int *ids = xcalloc(toc->count + 1, sizeof(*ids));
	size_t n = 0, post_data = post_data_start(toc);
	bool ok;

	for (size_t i = 0; i < toc->count; i++) {
		if (c->entry_in[i] && is_part(toc, i, post_data, part))
			ids[n++] = toc->entries[i].dump_id;
	}
	ok = render_entries(out, &c->archive, ids, n, NULL, c->cancel, e);
	free(ids);
	return ok;
}

/* Past the line with the random key, which differs from run to run; 0 when there is none. */
static size_t after_key(const struct buf *script)
{
	const char *start = buf_str(script), *p = strstr(start, "\n\\restrict "), *nl;

	if (!p)
		return 0;
	nl = strchr(p + 1, '\n');
	return nl ? (size_t)(nl + 1 - start) : 0;
}

/* Where the closing comment starts: its last occurrence, since definitions come before it. */
static bool find_footer(size_t *out, const struct buf *script, struct err *e)
{
	static const char footer[] = "--\n-- PostgreSQL database dump complete\n--\n";
	const char *start = buf_str(script), *found = NULL;

	for (const char *p = start; (p = strstr(p, footer)); p++)
		found = p;
	if (!found)
		return err_set(e, ERR_FAILED, "pg_restore printed a script without its closing comment");
	*out = (size_t)(found - start);
	return true;
}

/* Where in the whole script the part ends that pg_restore prints for some of its entries. */
static bool find_end(size_t *out, const struct cat *c, const struct buf *whole, enum part part, struct err *e)
{
	struct buf script = BUF_INIT;
	size_t end = 0, from, whole_from = after_key(whole);
	bool ok = render_part(&script, c, part, e) && find_footer(&end, &script, e);

	if (ok) {
		from = after_key(&script);
		ok = end >= from && whole->len - whole_from >= end - from &&
		     memcmp(script.data + from, whole->data + whole_from, end - from) == 0;
		*out = whole_from + (end - from);
		if (!ok)
			err_set(e, ERR_FAILED, "pg_restore prints a part of the schema differently from the whole");
	}
	buf_release(&script);
	return ok;
}

/* --- printing --- */

struct script {
	struct buf text;
	size_t header, data, acl, footer; /* where each starts or goes */
};

static bool has_acl(const struct cat *c)
{
	bool any = false;

	for (size_t i = 0; i < c->contents.large_objects.count && !c->selective; i++)
		any = any || c->contents.large_objects.items[i].acl;
	return any;
}

static bool plan(struct script *s, const struct cat *c, struct err *e)
{
	if (!render_part(&s->text, c, PART_ALL, e) || !find_footer(&s->footer, &s->text, e) ||
	        !find_end(&s->header, c, &s->text, PART_HEADER, e) ||
	        !find_end(&s->data, c, &s->text, PART_BEFORE_DATA, e))
		return false;
	s->acl = s->data;
	if (s->header > 0 && s->text.data[s->header - 1] == '\n')
		s->header--; /* the settings end in an empty line */
	return !has_acl(c) || find_end(&s->acl, c, &s->text, PART_BEFORE_LAST_ACL, e);
}

/* pg_dump takes over the database's own setting. */
static bool says_escapes(const struct script *s)
{
	const char *start = buf_str(&s->text), *off = strstr(start, "\nSET standard_conforming_strings = off;\n");

	return off && (size_t)(off - start) < s->header;
}

static bool print_script(struct cat *c, const struct script *s, size_t from, size_t to, struct err *e)
{
	return cat_write(c, (struct view){ s->text.data + from, to - from }, e);
}

static bool print_data(struct cat *c, struct err *e)
{
	if (c->selective)
		return cat_tables(c, e) && cat_sequences(c, e);
	if (cat_large_objects_first(c))
		return cat_large_object_definitions(c, e) && cat_tables(c, e) && cat_sequences(c, e) &&
		       cat_large_object_data(c, e);
	return cat_tables(c, e) && cat_sequences(c, e) && cat_large_object_definitions(c, e) &&
	       cat_large_object_data(c, e);
}

/* The two settings are drtool's own: values were read with them, and pg_dump sets neither. */
static bool print_all(struct cat *c, const struct script *s, struct err *e)
{
	return print_script(c, s, 0, s->header, e) &&
	       cat_print(c, e, "SET TimeZone = %s;\n", cat_literal(c, &c->arena, c->m->timezone)) &&
	       cat_print(c, e, "SET lc_monetary = %s;\n", cat_literal(c, &c->arena, c->m->lc_monetary)) &&
	       print_script(c, s, s->header, s->data, e) && print_data(c, e) &&
	       print_script(c, s, s->data, s->acl, e) && (!has_acl(c) || cat_large_object_privileges(c, e)) &&
	       print_script(c, s, s->acl, s->footer, e) && cat_refreshes(c, e) &&
	       print_script(c, s, s->footer, s->text.len, e) && cat_flush(c, e);
}

static bool open_snapshot(struct cat *c, struct repository *r, const char *pg_bin, struct err *e)
{
	struct buf text = BUF_INIT_MAX(CONTENTS_MAX);
	bool ok = chunk_store_open_read(&c->chunks, r, e) &&
	          ((chunk_store_get_stream(&text, c->chunks, &c->m->contents, e) &&
	                   contents_parse(&c->contents, buf_view(&text), e)) ||
	                  err_wrap(e, "read the contents")) &&
	          cat_recode(c, e) &&
	          archive_open(&c->archive, c->chunks, c->m, c->m->dump_version, pg_bin, c->cancel, e);

	buf_release(&text);
	return ok;
}

bool cat_snapshot(int fd, struct repository *r, const struct manifest *m, const struct cat_options *o,
        struct observer *obs, const struct cancel *cancel, struct err *e)
{
	struct cat c = { .fd = fd, .m = m, .obs = obs, .cancel = cancel, .plain = BUF_INIT_MAX(CHUNK_PLAIN_MAX) };
	struct script s = { .text = BUF_INIT };
	bool ok;

	c.decompressor = decompressor_new();
	ok = open_snapshot(&c, r, o->pg_bin, e) && cat_select(&c, o->tables, e) && plan(&s, &c, e);
	if (ok) {
		c.escapes = says_escapes(&s);
		observer_phase(obs, "printing", m->plain_bytes, c.contents.table_count);
		ok = print_all(&c, &s, e);
	}
	if (!ok)
		err_wrap(e, "print snapshot \"%s\"", m->id);
	buf_release(&s.text);
	buf_release(&c.pending);
	buf_release(&c.plain);
	buf_release(&c.frame);
	decompressor_free(c.decompressor);
	archive_close(&c.archive);
	contents_release(&c.contents);
	chunk_store_close(c.chunks);
	arena_release(&c.arena);
	return ok;
}
