/* src/cmd/doctor_scratch.c - doctor: can a test restore run here? */
#include <locale.h>

#include "restore/restore.h"
#include "src/cmd/doctor.h"
#include "src/pg/tools.h"

/* A named server: it must answer and let databases be made. */
static bool scratch_server_usable(struct doctor *d, const struct conninfo *conn, struct err *e)
{
	struct pg_session *s = NULL;
	char *may = NULL;
	bool ok;

	ok = pg_session_open(&s, conn, PG_SESSION_PLAIN, "doctor", d->cmd->cancel, e) &&
	     pg_query_value(&may, s,
	             "SELECT rolcreatedb OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user", 0, NULL,
	             e);
	if (ok && (!may || strcmp(may, "t") != 0)) {
		ok = err_set(e, ERR_FAILED, "the scratch server does not let this user create databases");
		err_hint(e, "ALTER ROLE ... CREATEDB there, or leave scratch.server out for a private server");
	}
	free(may);
	pg_session_close(s);
	return ok;
}

static bool scratch_usable(struct doctor *d, const struct manifest *m, const struct verify_options *o, struct err *e)
{
	if (o->scratch_server)
		return scratch_server_usable(d, o->scratch_server, e);
	return scratch_possible(m, d->session ? pg_session_version(d->session) : m->server_version, o, e);
}

static bool locale_installed(const char *name)
{
	locale_t locale = newlocale(LC_ALL_MASK, name, (locale_t)0);

	if (locale)
		freelocale(locale);
	return locale != (locale_t)0;
}

static void check_locale(struct doctor *d)
{
	const char *names[] = { d->database.collate, d->database.ctype };

	for (size_t i = 0; i < 2; i++) {
		if (!names[i] || locale_installed(names[i]))
			continue;
		doctor_add(d, DOCTOR_FAIL, "scratch locale",
		        "apt-get install locales-all, or name a scratch server that has it",
		        "the database uses the locale \"%s\", which this machine lacks", names[i]);
		return;
	}
	if (names[0])
		doctor_add(d, DOCTOR_OK, "scratch locale", NULL, "%s is installed", names[0]);
}

/* Where the control files of an installation lie; relative to its programs, so that one unpacked elsewhere is found
 * too. */
static char *extension_dir(struct arena *arena, const struct pg_tools *tools)
{
	int major = tools->version / 10000;
	char *candidates[] = {
		arena_printf(arena, "%s/../../../../share/postgresql/%d/extension", tools->bin_dir, major),
		arena_printf(arena, "%s/../share/postgresql/extension", tools->bin_dir),
		arena_printf(arena, "%s/../share/extension", tools->bin_dir),
	};

	for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
		if (access(candidates[i], F_OK) == 0)
			return candidates[i];
	}
	return NULL;
}

/* Missing extensions are the commonest reason why a test restore fails. */
static void check_extensions(struct doctor *d)
{
	struct pg_extension_list list = { 0 };
	struct buf missing = BUF_INIT;
	struct pg_tools tools = { 0 };
	const char *warning, *dir;
	struct err e = ERR_INIT;

	if (!pg_tools_for_server(&tools, &warning, pg_session_version(d->session), PG_TOOLS_CLIENT | PG_TOOLS_SERVER,
	            options_text(d->cmd->options, OPTION_PG_BIN), &d->arena, d->cmd->cancel, &e))
		return; /* said by the check before */
	dir = extension_dir(&d->arena, &tools);
	if (!dir || !pg_catalog_extensions(&list, d->session, &d->arena, &e)) {
		doctor_add(d, DOCTOR_UNKNOWN, "scratch extensions", NULL,
		        "which extensions %s has could not be found out", tools.bin_dir);
		return;
	}
	for (size_t i = 0; i < list.count; i++) {
		if (access(arena_printf(&d->arena, "%s/%s.control", dir, list.items[i].name), F_OK) != 0)
			buf_addf(&missing, "%s%s %s", missing.len ? ", " : "", list.items[i].name,
			        list.items[i].version);
	}
	if (missing.len > 0)
		doctor_add(d, DOCTOR_FAIL, "scratch extensions",
		        arena_printf(&d->arena,
		                "install their packages for PostgreSQL %d; find them with: apt-cache search postgresql-%d-",
		                tools.version / 10000, tools.version / 10000),
		        "the database uses extensions that PostgreSQL %d on this machine lacks: %s",
		        tools.version / 10000, buf_str(&missing));
	else
		doctor_add(d, DOCTOR_OK, "scratch extensions", NULL,
		        "all %zu of the database are installed on this machine", list.count);
	buf_release(&missing);
}

void doctor_scratch(struct doctor *d, const struct manifest *m)
{
	const char *server = options_text(d->cmd->options, OPTION_SCRATCH_SERVER);
	struct verify_options o = {
		.jobs = d->jobs,
		.pg_bin = options_text(d->cmd->options, OPTION_PG_BIN),
		.scratch_dir = options_text(d->cmd->options, OPTION_SCRATCH_DIR),
	};
	struct target scratch = TARGET_INIT;
	struct err e = ERR_INIT;

	if (server && !target_find(&scratch, d->cmd, server, "the scratch server", &e)) {
		doctor_add_err(d, DOCTOR_FAIL, "scratch", &e);
		return;
	}
	o.scratch_server = scratch.conn;
	if (!server && !m && !d->session)
		doctor_add(d, DOCTOR_UNKNOWN, "scratch", NULL,
		        "what it needs is not known without the server or a snapshot");
	else if (!scratch_usable(d, m, &o, &e))
		doctor_add_err(d, DOCTOR_FAIL, "scratch", &e);
	else
		doctor_add(d, DOCTOR_OK, "scratch", NULL, "a test restore is possible %s",
		        server ? "on the scratch server" : "on a private server of this machine");
	if (!server && d->session) {
		check_locale(d);
		check_extensions(d);
	}
	target_release(&scratch);
}
