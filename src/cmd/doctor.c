/* src/cmd/doctor.c - drtool doctor */
#include "src/cmd/doctor.h"

#include "src/cmd/say.h"
#include "src/cmd/text.h"

static const char *const words[] = { "ok", "warn", "fail", "unknown" };
static const char colors[] = { 'g', 'y', 'r', 'y' };

void doctor_add(struct doctor *d, enum doctor_status status, const char *name, const char *hint, const char *fmt, ...)
{
	struct doctor_check *check;
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	d->checks = arena_grow(&d->arena, d->checks, d->count, &d->cap, sizeof(*d->checks));
	check = &d->checks[d->count++];
	check->status = status;
	check->name = name;
	check->text = arena_strdup(&d->arena, n < 0 ? "out of memory" : text);
	check->hint = arena_strdup(&d->arena, hint ? hint : "");
	if (n >= 0)
		free(text);
}

void doctor_add_err(struct doctor *d, enum doctor_status status, const char *name, const struct err *e)
{
	doctor_add(d, status, name, *e->hint ? e->hint : "mend this and run drtool doctor again", "%s", e->msg);
}

static bool print_json(const struct doctor *d, struct err *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_check *check = &d->checks[i];
		json_t *o = json_object(), *text = json_string(check->text);

		json_object_set_new(o, "check", json_string(check->name));
		json_object_set_new(o, "status", json_string(words[check->status]));
		json_object_set_new(o, "text", text ? text : json_string("?"));
		if (*check->hint)
			json_object_set_new(o, "hint", json_string(check->hint));
		json_array_append_new(list, o);
	}
	return say_result_json(json_pack("{s:o}", "checks", list), e);
}

static void hint_lines(struct buf *out, const char *hint)
{
	while (*hint) {
		size_t len = strcspn(hint, "\n");
		char *line = xasprintf("%.*s", (int)len, hint);

		buf_add(out, "           hint: ");
		text_printable(out, line);
		buf_add(out, "\n");
		free(line);
		hint += len + (hint[len] == '\n');
	}
}

static bool print_text(const struct doctor *d, struct err *e)
{
	struct buf out = BUF_INIT;
	bool ok;

	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_check *check = &d->checks[i];

		buf_addf(&out, "%s%-8s%s %s: ", say_color(colors[check->status]), words[check->status], say_color('0'),
		        check->name);
		text_printable(&out, check->text);
		buf_add(&out, "\n");
		hint_lines(&out, check->hint);
	}
	ok = say_result(buf_view(&out), e);
	buf_release(&out);
	return ok;
}

static unsigned default_jobs(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (unsigned)n : 1;
}

/* True also when it does not answer: that is a finding, not an end. */
static bool reach_server(struct doctor *d, struct err *e)
{
	const struct cmd *c = d->cmd;
	const char *text = c->options->argument_count ? c->options->arguments[0] : NULL;
	struct err why = ERR_INIT;

	if (!target_find(&d->target, c, text, "the database", &why)) {
		if (why.kind != ERR_REFUSED) {
			*e = why;
			return false;
		}
		doctor_add_err(d, DOCTOR_FAIL, "pooler", &why);
		return true;
	}
	if (!target_announce(&d->session, &d->target, c, &why)) {
		if (why.kind == ERR_CANCELLED) {
			*e = why;
			return false;
		}
		doctor_add_err(d, DOCTOR_FAIL, "server", &why);
	}
	return true;
}

bool cmd_doctor(struct cmd *c, struct err *e)
{
	struct doctor d = { .cmd = c, .target = TARGET_INIT };
	bool ok = false;

	if (options_set(c->options, OPTION_AS_CRON))
		return doctor_as_cron(c, e);
	d.jobs = cmd_jobs(c) ? cmd_jobs(c) : default_jobs();
	if (!reach_server(&d, e))
		goto done;
	if (d.session)
		doctor_server(&d);
	else
		doctor_add(&d, DOCTOR_UNKNOWN, "privileges, locks, standby", NULL,
		        "not checked, because the server was not reached");
	doctor_local(&d);
	if (!cancel_check(c->cancel, e))
		goto done;
	ok = cmd_json(c) ? print_json(&d, e) : print_text(&d, e);
	for (size_t i = 0; i < d.count; i++) {
		if (d.checks[i].status == DOCTOR_FAIL)
			c->status = 1;
	}
done:
	pg_session_close(d.session);
	target_release(&d.target);
	arena_release(&d.arena);
	return ok;
}
