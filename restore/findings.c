#include "restore/findings.h"

void findings_init(struct findings *f)
{
	memset(f, 0, sizeof(*f));
	pthread_mutex_init(&f->mutex, NULL);
}

void findings_release(struct findings *f)
{
	pthread_mutex_destroy(&f->mutex);
	arena_release(&f->arena);
}

void findings_add(struct findings *f, const char *object, const char *what, bool source_fault)
{
	pthread_mutex_lock(&f->mutex);
	f->total++;
	f->faults += source_fault;
	if (f->count < FINDINGS_MAX) {
		char *line = arena_strdup(&f->arena, what);

		for (char *p = line; *p; p++)
			if (*p == '\n' || *p == '\r')
				*p = ' ';
		f->items = arena_grow(&f->arena, f->items, f->count, &f->cap, sizeof(*f->items));
		f->items[f->count++] = (struct restore_finding){
			.object = arena_strdup(&f->arena, object), .what = line, .source_fault = source_fault
		};
	}
	pthread_mutex_unlock(&f->mutex);
}

const char *findings_explain(struct arena *a, const char *sqlstate, const char *message)
{
	static const char *const undefined[] = { "42883", "42P01", "42704" }; /* function, table, object */

	if (memchr(message, '.', strcspn(message, "("))) /* named with its schema */
		return message;
	for (size_t i = 0; i < sizeof(undefined) / sizeof(undefined[0]); i++)
		if (strcmp(sqlstate, undefined[i]) == 0)
			return arena_printf(a,
			        "%s (looked for without a search_path, as in every restore: the function that names it needs one of its own, ALTER FUNCTION ... SET search_path)",
			        message);
	return message;
}

size_t findings_serious(struct findings *f)
{
	size_t n;

	pthread_mutex_lock(&f->mutex);
	n = f->total - f->faults;
	pthread_mutex_unlock(&f->mutex);
	return n;
}
