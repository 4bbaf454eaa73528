/* restore/compare.c - see compare.h */
#include "restore/compare.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void one_line(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
	}
}

void compare_report_add(struct compare_report *r, bool source_fault, const char *object, const char *fmt, ...)
{
	struct proof_difference *d;
	char what[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	one_line(what);
	pthread_mutex_lock(&r->lock);
	r->total++;
	r->faults += source_fault;
	if (r->count < COMPARE_DIFFERENCES_MAX) {
		char *name = arena_strdup(&r->arena, object);

		one_line(name);
		r->items = arena_grow(&r->arena, r->items, r->count, &r->cap, sizeof(*r->items));
		d = &r->items[r->count++];
		*d = (struct proof_difference){
			.object = name, .what = arena_strdup(&r->arena, what), .source_fault = source_fault
		};
	}
	pthread_mutex_unlock(&r->lock);
}

void compare_report_release(struct compare_report *r)
{
	arena_release(&r->arena);
	pthread_mutex_destroy(&r->lock);
	*r = (struct compare_report)COMPARE_REPORT_INIT;
}

bool compare_database(struct compare_report *out, const struct compare *c, struct err *e)
{
	struct pg_session *s = NULL;
	bool ok;

	for (size_t i = 0; i < c->finding_count; i++) {
		const struct restore_finding *f = &c->findings[i];

		compare_report_add(
		        out, f->source_fault || compare_schema_is_consequence(c, f), f->object, "%s", f->what);
	}
	observer_phase(c->obs, "comparing", c->manifest->plain_bytes, c->contents->table_count);
	ok = compare_tables(out, c, e) && pg_session_open(&s, c->target, PG_SESSION_DUMP, "compare", c->cancel, e) &&
	     compare_objects(out, c, s, e) && compare_schema(out, c, s, e);
	pg_session_close(s);
	return ok || err_wrap(e, "compare with the snapshot");
}
