/* src/cmd/record.c - see record.h */
#include "src/cmd/record.h"

#include "src/base/clock.h"
#include "src/cmd/say.h"
#include "src/cmd/target.h"

struct journal_event record_start(const char *name, const char *database)
{
	return (struct journal_event){ .event = name, .database = database, .started_us = clock_utc_us() };
}

void record_server(struct journal_event *v, const struct conninfo *conn)
{
	struct buf server = BUF_INIT;

	target_server(&server, conn);
	v->server = arena_strdup(&v->arena, buf_str(&server));
	v->dbname = conninfo_get(conn, "dbname");
	buf_release(&server);
}

void record_detail(struct journal_event *v, const char *name, const char *fmt, ...)
{
	struct journal_detail *grown = arena_alloc(&v->arena, (v->detail_count + 1) * sizeof(*grown));
	va_list ap;
	char *text = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (v->detail_count)
		memcpy(grown, v->details, v->detail_count * sizeof(*grown));
	grown[v->detail_count++] = (struct journal_detail){ name, arena_strdup(&v->arena, n < 0 ? "" : text) };
	v->details = grown;
	if (n >= 0)
		free(text);
}

void record_finish(
        struct journal_event *v, const struct cmd *c, struct repository *r, bool differs, const struct err *why)
{
	struct err e = ERR_INIT;
	bool nothing = cmd_dry_run(c) || !r || (why && (why->kind == ERR_REFUSED || why->kind == ERR_USAGE));

	v->finished_us = clock_utc_us();
	v->outcome = why ? JOURNAL_FAILED : differs ? JOURNAL_DIFFERS : JOURNAL_DONE;
	if (why)
		v->message = why->msg;
	if (!nothing && !journal_record(r, v, &e))
		say_warn("%s", e.msg);
	arena_release(&v->arena);
}
