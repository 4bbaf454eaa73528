/* restore/scratch.c - see scratch.h */
#include "restore/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "restore/scratch_dir.h"
#include "restore/scratch_settings.h"
#include "src/base/child.h"
#include "src/base/clock.h"
#include "src/base/file.h"
#include "src/base/path.h"
#include "src/pg/catalog.h"
#include "src/pg/session.h"

#define START_LIMIT_US ((int64_t)120 * 1000000)
#define LOG_TAIL       8192

struct scratch {
	struct scratch_dir dir;
	struct scratch_user user;
	struct pg_tools tools;
	struct child server;
	struct conninfo *conninfo;
	char *log; /* the server's stderr */
	struct arena arena;
};

/* --- the cluster --- */

/* A libc locale that is not here would be initdb's or CREATE DATABASE's error; this one says what to do. */
static bool check_locale(const char *name, struct err *e)
{
	locale_t locale;

	if (!name || !*name || strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0)
		return true;
	locale = newlocale(LC_ALL_MASK, name, (locale_t)0);
	if (locale) {
		freelocale(locale);
		return true;
	}
	err_set(e, ERR_REFUSED, "the database uses the locale \"%s\", which is not installed on this machine", name);
	return err_hint(
	        e, "install it (Debian: apt-get install locales-all), or name a server that has it as scratch.server");
}

/*
 * The database restored here is made from template0 with all of its own locale settings; the cluster itself follows in
 * encoding and libc locale, so that its own databases can be spoken to in the same encoding.
 */
static bool run_initdb(struct scratch *s, const struct contents *c, const struct cancel *cancel, struct err *e)
{
	const char *argv[16];
	const char *env[] = { "LC_ALL=C", "PGDATA", NULL };
	struct child_spec spec = { .argv = argv, .env = env, .run_as = s->user.name, .work_dir = s->dir.data };
	struct child child = CHILD_INIT;
	size_t n = 0;
	bool ok;

	argv[n++] = s->tools.initdb;
	argv[n++] = arena_printf(&s->arena, "--pgdata=%s", s->dir.data);
	argv[n++] = "--username=postgres";
	argv[n++] = "--auth=trust"; /* the socket's directory is the door */
	argv[n++] = "--no-sync";
	argv[n++] = "--no-clean"; /* ours to do, and the pid file of what it runs is needed for it */
	argv[n++] = "--locale=C";
	argv[n++] = arena_printf(&s->arena, "--encoding=%s", c->database.encoding);
	argv[n++] = arena_printf(&s->arena, "--lc-collate=%s", c->database.collate);
	argv[n++] = arena_printf(&s->arena, "--lc-ctype=%s", c->database.ctype);
	if (s->tools.version >= 180000)
		argv[n++] = "--no-data-checksums";
	argv[n] = NULL;
	ok = child_start(&child, &spec, e) && child_wait(&child, cancel, e);
	child_abort(&child);
	return ok || err_wrap(e, "make the scratch cluster");
}

static bool start_server(struct scratch *s, const struct scratch_settings *settings, struct err *e)
{
	const char *env[] = { "LC_ALL=C", "PGDATA", "TZ=UTC", NULL };
	struct child_spec spec = {
		.env = env, .run_as = s->user.name, .work_dir = s->dir.data, .death_signal = SIGQUIT
	};
	bool ok;

	spec.argv = scratch_settings_argv(settings, &s->tools, s->dir.data, s->dir.socket_dir, &s->arena);
	spec.stderr_fd = open(s->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (spec.stderr_fd < 0)
		return err_sys(e, errno, "create \"%s\"", s->log);
	ok = child_start(&s->server, &spec, e);
	close(spec.stderr_fd);
	return ok;
}

static bool server_ended(const struct scratch *s)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)s->server.pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

/* The last line of the log that says why, without its "2026-.. [pid] FATAL:  ". */
static const char *last_words(struct scratch *s)
{
	struct buf text = BUF_INIT_MAX(64 << 20);
	struct err ignored = ERR_INIT;
	const char *words = NULL;
	char *end, *start;

	if (file_read(&text, s->log, &ignored) && text.len > 0) {
		start = (char *)text.data + (text.len > LOG_TAIL ? text.len - LOG_TAIL : 0);
		for (char *line = strtok_r(start, "\n", &end); line; line = strtok_r(NULL, "\n", &end)) {
			char *level = strstr(line, "FATAL:");

			if (!level)
				level = strstr(line, "PANIC:");
			if (level)
				words = arena_strdup(&s->arena, level + strlen("FATAL:  "));
			else if (!words || !*words)
				words = arena_strdup(&s->arena, line);
		}
	}
	buf_release(&text);
	return words ? words : "";
}

void scratch_explain(struct scratch *s, struct err *e)
{
	const char *words;

	if (e->kind == ERR_CANCELLED || (s->server.pid > 0 && !server_ended(s)))
		return;
	words = last_words(s);
	if (*words)
		err_set(e, ERR_FAILED, "the scratch server stopped: %s", words);
}

static bool wait_ready(struct scratch *s, const struct cancel *cancel, struct err *e)
{
	int64_t limit = clock_monotonic_us() + START_LIMIT_US;
	struct pg_session *session = NULL;
	struct err last = ERR_INIT;

	while (clock_monotonic_us() < limit) {
		if (!cancel_check(cancel, e))
			return false;
		if (server_ended(s))
			return err_set(e, ERR_FAILED, "the scratch server did not start: %s", last_words(s));
		last = (struct err)ERR_INIT;
		if (pg_session_open(&session, s->conninfo, PG_SESSION_PLAIN, "scratch", cancel, &last)) {
			pg_session_close(session);
			return true;
		}
		if (!cancel_sleep(cancel, 20, e))
			return false;
	}
	return err_set(e, ERR_FAILED, "the scratch server did not answer in %d s: %s", (int)(START_LIMIT_US / 1000000),
	        last.msg);
}

/* Immediate shutdown: nothing in there is worth a checkpoint, and it releases shared memory, unlike SIGKILL. */
static void stop_server(struct scratch *s)
{
	const struct cancel told = { .reason = SIGTERM };
	struct err ignored = ERR_INIT;
	int status;

	if (s->server.pid > 0) {
		int64_t limit = clock_monotonic_us() + 10 * 1000000;

		child_kill(&s->server, SIGQUIT);
		while (!server_ended(s) && clock_monotonic_us() < limit)
			cancel_sleep(NULL, 5, &ignored);
		child_wait_status(&status, &s->server, &told, &ignored);
	}
	child_abort(&s->server);
}

/* Every parameter that PG* variables could turn against a Unix socket with trust is said. */
static struct conninfo *make_conninfo(const struct scratch *s)
{
	struct conninfo *c = conninfo_new();

	conninfo_set(c, "host", s->dir.socket_dir);
	conninfo_set(c, "port", "5432");
	conninfo_set(c, "user", "postgres");
	conninfo_set(c, "dbname", "postgres");
	conninfo_set(c, "sslmode", "disable");
	conninfo_set(c, "gssencmode", "disable");
	conninfo_set(c, "channel_binding", "disable");
	conninfo_set(c, "target_session_attrs", "any");
	conninfo_set(c, "connect_timeout", "60");
	conninfo_set(c, "options", "-c statement_timeout=0"); /* instead of PGOPTIONS */
	return c;
}

/*
 * A library may be installed and still refuse to be preloaded here (another version, a setting it wants): once more
 * without.
 */
static bool start_and_wait(struct scratch *s, struct scratch_settings *settings, const struct manifest *m,
        const struct contents *c, const struct verify_options *o, struct observer *obs, const struct cancel *cancel,
        struct err *e)
{
	struct err first = ERR_INIT;

	scratch_settings_choose(settings, m, c, &s->tools, o->jobs, obs, &s->arena);
	if (start_server(s, settings, &first) && wait_ready(s, cancel, &first))
		return true;
	if (!*settings->preload || first.kind == ERR_CANCELLED) {
		*e = first;
		return false;
	}
	observer_note(obs, NOTE_WARN,
	        "the scratch server does not start with shared_preload_libraries \"%s\" (%s); trying without",
	        settings->preload, first.msg);
	stop_server(s);
	settings->preload = "";
	return start_server(s, settings, e) && wait_ready(s, cancel, e);
}

/*
 * An extension may refuse to be made but in the one database that a setting of its library names (pg_cron in
 * cron.database_name), and such a setting is read at the start alone.
 */
static bool name_database(struct scratch *s, struct scratch_settings *settings, const char *dbname,
        const struct cancel *cancel, struct err *e)
{
	struct pg_session *session = NULL;
	struct pg_text_list names = { 0 };
	bool ok = !*settings->preload ||
	          (pg_session_open(&session, s->conninfo, PG_SESSION_PLAIN, "scratch", cancel, e) &&
	                  pg_catalog_library_databases(&names, session, &s->arena, e));

	pg_session_close(session);
	if (!ok || names.count == 0)
		return ok;
	settings->more = arena_alloc(&s->arena, (names.count + 1) * sizeof(*settings->more));
	for (size_t i = 0; i < names.count; i++)
		settings->more[i] = arena_printf(&s->arena, "%s=%s", names.items[i], dbname);
	settings->more[names.count] = NULL;
	stop_server(s);
	return start_server(s, settings, e) && wait_ready(s, cancel, e);
}

static bool prepare(struct scratch *s, const char **base, int server_version, uint64_t database_size,
        const struct verify_options *o, struct observer *obs, const struct cancel *cancel, struct err *e)
{
	const char *warning = NULL;

	if (!scratch_dir_user(&s->user, e))
		return false;
	*base = scratch_dir_base(&s->arena, o->scratch_dir, &s->user, e);
	if (!*base || !scratch_dir_space(*base, database_size, e))
		return false;
	if (!pg_tools_for_server(&s->tools, &warning, server_version, PG_TOOLS_CLIENT | PG_TOOLS_SERVER, o->pg_bin,
	            &s->arena, cancel, e)) {
		if (e->kind == ERR_FAILED)
			e->kind = ERR_REFUSED;
		return false;
	}
	if (warning)
		observer_note(obs, NOTE_WARN, "%s", warning);
	return true;
}

bool scratch_start(struct scratch **out, const struct manifest *m, const struct contents *c, const char *dbname,
        const struct verify_options *o, struct observer *obs, const struct cancel *cancel, struct err *e)
{
	struct scratch *s = xcalloc(1, sizeof(*s));
	struct scratch_settings settings;
	const char *base;

	s->dir = (struct scratch_dir)SCRATCH_DIR_INIT;
	s->server = (struct child)CHILD_INIT;
	if (!prepare(s, &base, m->server_version, m->database_size, o, obs, cancel, e) ||
	        !check_locale(c->database.collate, e) || !check_locale(c->database.ctype, e) ||
	        !scratch_dir_make(&s->dir, base, &s->user, e))
		goto fail;
	s->log = path_join(s->dir.path, "server.log");
	s->conninfo = make_conninfo(s);
	if (!run_initdb(s, c, cancel, e) || !start_and_wait(s, &settings, m, c, o, obs, cancel, e) ||
	        !name_database(s, &settings, dbname, cancel, e))
		goto fail;
	*out = s;
	return true;
fail:
	scratch_stop(s);
	return false;
}

const struct conninfo *scratch_conninfo(const struct scratch *s)
{
	return s->conninfo;
}

int scratch_version(const struct scratch *s)
{
	return s->tools.version;
}

void scratch_stop(struct scratch *s)
{
	if (!s)
		return;
	stop_server(s);
	scratch_dir_remove(&s->dir);
	conninfo_free(s->conninfo);
	free(s->log);
	arena_release(&s->arena);
	free(s);
}

/* --- restore.h --- */

bool scratch_possible(const struct manifest *m, int server_version, const struct verify_options *o, struct err *e)
{
	struct scratch s = { .dir = SCRATCH_DIR_INIT };
	const char *base;
	bool ok = prepare(
	        &s, &base, m ? m->server_version : server_version, m ? m->database_size : 0, o, NULL, NULL, e);

	arena_release(&s.arena);
	return ok;
}

bool scratch_clean(unsigned *removed, const struct verify_options *o, struct err *e)
{
	struct scratch_user user;
	struct arena arena = ARENA_INIT;
	const char *base;
	bool ok = false;

	*removed = 0;
	if (scratch_dir_user(&user, e)) {
		base = scratch_dir_base(&arena, o->scratch_dir, &user, e);
		ok = base && scratch_dir_clean(removed, base, e);
	}
	arena_release(&arena);
	return ok;
}
