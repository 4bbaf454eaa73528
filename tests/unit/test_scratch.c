/*
 * A private throw-away cluster: it answers, it is shut to others, and nothing of it stays behind, however its owner
 * ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "restore/scratch.h"
#include "restore/scratch_dir.h"
#include "restore/scratch_settings.h"
#include "src/base/path.h"
#include "src/pg/session.h"

static char base[] = "/tmp/drtool-test-scratch-XXXXXX";

static struct manifest source_manifest(void)
{
	struct arena arena = ARENA_INIT;
	struct pg_tools_list list;
	struct err e = ERR_INIT;
	struct manifest m = { .server_version = 0, .database_size = 8 << 20 };

	assert_true(pg_tools_list(&list, NULL, &arena, NULL, &e));
	for (size_t i = 0; i < list.count; i++) {
		if (list.items[i].initdb && list.items[i].postgres && list.items[i].pg_dump && m.server_version == 0)
			m.server_version = list.items[i].version;
	}
	arena_release(&arena);
	if (m.server_version == 0)
		skip();
	return m;
}

static struct contents source_contents(void)
{
	return (struct contents){ .database = { .encoding = "UTF8",
		                          .collate = "C",
		                          .ctype = "C",
		                          .locale_provider = "libc",
		                          .preload_libraries = "pg_stat_statements, \"no such library\"" } };
}

static unsigned count_entries(const char *dir)
{
	DIR *entries = opendir(dir);
	unsigned n = 0;

	assert_non_null(entries);
	for (struct dirent *entry; (entry = readdir(entries));)
		n += strncmp(entry->d_name, "drtool-", 7) == 0;
	closedir(entries);
	return n;
}

static void notes(void *cookie, enum note_level level, const char *text)
{
	(void)level;
	if (strstr(text, "no such library"))
		*(bool *)cookie = true;
}

static void answers_and_leaves_nothing(void **state)
{
	struct manifest m = source_manifest();
	struct contents c = source_contents();
	struct verify_options o = { .scratch_dir = base, .jobs = 2 };
	bool noted = false;
	struct observer obs = { .note = notes, .cookie = &noted };
	struct scratch *s = NULL;
	struct pg_session *session = NULL;
	struct err e = ERR_INIT;
	struct stat st;
	char *fsync = NULL;

	(void)state;
	assert_true(scratch_start(&s, &m, &c, "drtool_verify", &o, &obs, NULL, &e));
	assert_true(noted);
	assert_int_equal(stat(conninfo_get(scratch_conninfo(s), "host"), &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	assert_true(pg_session_open(&session, scratch_conninfo(s), PG_SESSION_PLAIN, NULL, NULL, &e));
	assert_true(pg_query_value(&fsync, session, "SHOW fsync", 0, NULL, &e));
	assert_string_equal(fsync, "off");
	free(fsync);
	assert_int_equal(pg_session_version(session) / 10000, scratch_version(s) / 10000);
	pg_session_close(session);
	scratch_stop(s);
	assert_int_equal(count_entries(base), 0);
}

static void gets_a_short_socket(const char *dir)
{
	char *socket_dir;
	struct manifest m = source_manifest();
	struct contents c = source_contents();
	struct verify_options o = { .scratch_dir = dir };
	struct scratch *s = NULL;
	struct err e = ERR_INIT;

	assert_true(scratch_start(&s, &m, &c, "drtool_verify", &o, NULL, NULL, &e));
	socket_dir = xstrdup(conninfo_get(scratch_conninfo(s), "host"));
	assert_int_equal(strncmp(socket_dir, "/tmp/drtool-socket-", 19), 0);
	scratch_stop(s);
	assert_int_equal(access(socket_dir, F_OK), -1);
	assert_int_equal(count_entries(dir), 0);
	free(socket_dir);
}

/* The directory's name is so long that no socket fits below it, or has in it what ends an item of a list. */
static void odd_paths_get_a_short_socket(void **state)
{
	char *dirs[] = { xasprintf("%s/%0100d", base, 1), xasprintf("%s/a,b", base), xasprintf("%s/say \"x\"", base) };

	(void)state;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		gets_a_short_socket(dirs[i]);
		free(dirs[i]);
	}
}

/* A child process starts a cluster, tells its server's pid, and is killed. */
static pid_t killed_owner(struct manifest *m, struct contents *c, struct verify_options *o)
{
	pid_t owner, server = 0;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	owner = fork();
	if (owner == 0) {
		struct scratch *s = NULL;
		struct pg_session *session = NULL;
		struct err e = ERR_INIT;
		char *pid = NULL;

		if (scratch_start(&s, m, c, "drtool_verify", o, NULL, NULL, &e) &&
		        pg_session_open(&session, scratch_conninfo(s), PG_SESSION_PLAIN, NULL, NULL, &e) &&
		        pg_query_value(&pid, session, "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)", 0,
		                NULL, &e))
			server = (pid_t)strtol(pid, NULL, 10);
		if (write(ends[1], &server, sizeof(server)) != sizeof(server))
			_exit(1);
		pause();
	}
	assert_int_equal(read(ends[0], &server, sizeof(server)), sizeof(server));
	kill(owner, SIGKILL);
	waitpid(owner, NULL, 0);
	close(ends[0]);
	close(ends[1]);
	return server;
}

static void killed_owner_takes_the_server_along(void **state)
{
	struct manifest m = source_manifest();
	struct contents c = source_contents();
	struct verify_options o = { .scratch_dir = base };
	struct err e = ERR_INIT;
	unsigned removed = 0;
	pid_t server = killed_owner(&m, &c, &o);

	(void)state;
	assert_true(server > 1);
	for (int i = 0; i < 200 && kill(server, 0) == 0; i++)
		usleep(50000);
	assert_int_equal(kill(server, 0), -1);
	assert_int_equal(count_entries(base), 1);
	assert_true(scratch_clean(&removed, &o, &e));
	assert_int_equal(removed, 1);
	assert_int_equal(count_entries(base), 0);
}

/* A directory whose maker is gone: where its cluster is. */
static char *left_behind(const struct scratch_user *user)
{
	struct scratch_dir d = SCRATCH_DIR_INIT;
	struct err e = ERR_INIT;
	char *data;

	assert_true(scratch_dir_make(&d, base, user, &e));
	data = xstrdup(d.data);
	assert_int_equal(close(d.lock_fd), 0); /* as the kernel does for the dead */
	free(d.path);
	free(d.data);
	free(d.socket_dir);
	return data;
}

/* A process that works in this directory by the time this returns. */
static pid_t works_in(const char *dir)
{
	int ends[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		if (chdir(dir) != 0)
			_exit(1);
		close(ends[1]);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 0);
	close(ends[0]);
	return pid;
}

static void name_in_pid_file(const char *data, pid_t pid)
{
	char *path = path_join(data, "postmaster.pid");
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fprintf(f, "%ld\n%s\n", (long)pid, data) > 0);
	fclose(f);
	free(path);
}

/* A server that outlived its drtool is ended; somebody else who has its number by now is not. */
static void server_left_behind_is_ended(void **state)
{
	struct verify_options o = { .scratch_dir = base };
	struct scratch_user user;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(scratch_dir_user(&user, &e));
	for (int stranger = 0; stranger < 2; stranger++) {
		char *data = left_behind(&user);
		pid_t pid = works_in(stranger ? "/" : data);
		unsigned removed = 0;
		int status = 0;

		name_in_pid_file(data, pid);
		assert_true(scratch_clean(&removed, &o, &e));
		assert_int_equal(removed, 1);
		assert_int_equal(access(data, F_OK), -1);
		if (stranger) {
			assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
			assert_int_equal(kill(pid, SIGKILL), 0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WTERMSIG(status), stranger ? SIGKILL : SIGQUIT);
		free(data);
	}
	assert_int_equal(count_entries(base), 0);
}

static void living_owner_is_left_alone(void **state)
{
	struct verify_options o = { .scratch_dir = base };
	struct scratch_user user;
	struct scratch_dir d = SCRATCH_DIR_INIT;
	struct err e = ERR_INIT;
	unsigned removed = 9;

	(void)state;
	assert_true(scratch_dir_user(&user, &e));
	assert_true(scratch_dir_make(&d, base, &user, &e));
	assert_true(scratch_clean(&removed, &o, &e));
	assert_int_equal(removed, 0);
	assert_int_equal(access(d.data, F_OK), 0);
	scratch_dir_remove(&d);
	assert_int_equal(count_entries(base), 0);
}

/* A segment as a killed server leaves it, named by a pid file with this key in it; is it there after the directory is
 * removed? */
static bool segment_survives(key_t key, unsigned named_key)
{
	struct scratch_user user;
	struct scratch_dir d = SCRATCH_DIR_INIT;
	struct shmid_ds segment;
	struct err e = ERR_INIT;
	int id = shmget(key, 56, IPC_CREAT | IPC_EXCL | 0600);
	char *path, *text;
	bool there;
	FILE *f;

	assert_true(id >= 0);
	assert_true(scratch_dir_user(&user, &e));
	assert_true(scratch_dir_make(&d, base, &user, &e));
	path = path_join(d.data, "postmaster.pid");
	text = xasprintf("999999999\n%s\n0\n5432\n/s\n\n%9u %9d\n", d.data, named_key, id);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
	scratch_dir_remove(&d);
	there = shmctl(id, IPC_STAT, &segment) == 0;
	if (there)
		shmctl(id, IPC_RMID, NULL);
	free(text);
	free(path);
	return there;
}

static void segment_of_a_killed_server_goes_too(void **state)
{
	const key_t key = (key_t)(0x64720000 | (getpid() & 0xffff));

	(void)state;
	assert_false(segment_survives(key, (unsigned)key));
	assert_true(segment_survives(key, (unsigned)key + 1)); /* somebody else's */
}

static void too_little_space_is_refused(void **state)
{
	struct manifest m = source_manifest();
	struct verify_options o = { .scratch_dir = base };
	struct err e = ERR_INIT;

	(void)state;
	assert_true(scratch_possible(&m, m.server_version, &o, &e));
	m.database_size = (uint64_t)1 << 60;
	assert_false(scratch_possible(&m, m.server_version, &o, &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_non_null(strstr(e.hint, "scratch.dir"));
}

static void shut_parent_is_refused(void **state)
{
	char *shut = path_join(base, "shut"), *dir = path_join(shut, "scratch");
	struct manifest m = source_manifest();
	struct verify_options o = { .scratch_dir = dir };
	struct err e = ERR_INIT;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(shut, 0700), 0);
	assert_false(scratch_possible(&m, m.server_version, &o, &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_non_null(strstr(e.hint, shut));
	free(dir);
	free(shut);
}

static void unknown_locale_is_refused(void **state)
{
	struct manifest m = source_manifest();
	struct contents c = source_contents();
	struct verify_options o = { .scratch_dir = base };
	struct scratch *s = NULL;
	struct err e = ERR_INIT;

	(void)state;
	c.database.collate = "tlh_QO.UTF-8";
	assert_false(scratch_start(&s, &m, &c, "drtool_verify", &o, NULL, NULL, &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_non_null(strstr(e.msg, "tlh_QO.UTF-8"));
	assert_int_equal(count_entries(base), 0);
}

static void cancelled_start_leaves_nothing(void **state)
{
	struct manifest m = source_manifest();
	struct contents c = source_contents();
	struct verify_options o = { .scratch_dir = base };
	struct cancel tripped = { .reason = SIGINT };
	struct scratch *s = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_false(scratch_start(&s, &m, &c, "drtool_verify", &o, NULL, &tripped, &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_int_equal(count_entries(base), 0);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(base) && chmod(base, 0711) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	return path_remove_tree(base, &e) ? 0 : -1;
}

/* Event triggers of the copy must not act on the connections that compare it; before 17 none of them can. */
static void event_triggers_rest(void **state)
{
	static const int versions[] = { 150000, 169999, 170000, 180006 };

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		struct arena arena = ARENA_INIT;
		struct scratch_settings settings = { .preload = "" };
		struct pg_tools tools = { .version = versions[i], .postgres = "postgres" };
		const char *const *argv = scratch_settings_argv(&settings, &tools, "/data", "/socket", &arena);
		bool off = false;

		for (; *argv; argv++)
			off |= strcmp(*argv, "event_triggers=off") == 0;
		assert_int_equal(off, versions[i] >= 170000);
		arena_release(&arena);
	}
}

/* What a library's workers would do on a copy is nobody's wish; pg_prewarm has one, pg_stat_statements none. */
static void workers_of_libraries_rest(void **state)
{
	static const struct {
		const char *libraries, *workers;
	} cases[] = { { "pg_stat_statements", "16" }, { "pg_stat_statements, pg_prewarm", "0" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct manifest m = source_manifest();
		struct contents c = source_contents();
		struct verify_options o = { .scratch_dir = base, .jobs = 2 };
		struct scratch *s = NULL;
		struct pg_session *session = NULL;
		struct err e = ERR_INIT;
		char *workers = NULL, *libraries = NULL;

		c.database.preload_libraries = cases[i].libraries;
		assert_true(scratch_start(&s, &m, &c, "drtool_verify", &o, NULL, NULL, &e));
		assert_true(pg_session_open(&session, scratch_conninfo(s), PG_SESSION_PLAIN, NULL, NULL, &e));
		assert_true(pg_query_value(&workers, session, "SHOW max_worker_processes", 0, NULL, &e));
		assert_true(pg_query_value(&libraries, session, "SHOW shared_preload_libraries", 0, NULL, &e));
		assert_string_equal(workers, cases[i].workers);
		assert_non_null(strstr(libraries, "pg_stat_statements"));
		assert_int_equal(strstr(libraries, "pg_prewarm") != NULL, i);
		free(workers);
		free(libraries);
		pg_session_close(session);
		scratch_stop(s);
	}
}

#define RACERS 4

/* Several that find nothing there and make it at the same moment: the directory, then each its own in it. */
static void made_by_several_at_once(void **state)
{
	char *shared = path_join(base, "drtool-shared"), *deep = path_join(shared, "a/b/scratch");
	struct err e = ERR_INIT;

	(void)state;
	for (unsigned round = 0; round < 100; round++) {
		int start[2], status;

		assert_int_equal(pipe(start), 0);
		for (unsigned i = 0; i < RACERS; i++) {
			if (fork())
				continue;
			struct arena arena = ARENA_INIT;
			struct scratch_dir d = SCRATCH_DIR_INIT;
			struct scratch_user user;
			const char *dir = NULL;
			unsigned removed;
			char go;

			close(start[1]);
			(void)!read(start[0], &go, 1); /* the end of the pipe lets all of them go */
			bool ok = scratch_dir_user(&user, &e) && (dir = scratch_dir_base(&arena, deep, &user, &e)) &&
			          scratch_dir_clean(&removed, dir, &e) && scratch_dir_make(&d, dir, &user, &e);
			scratch_dir_remove(&d);
			if (!ok)
				fprintf(stderr, "round %u: %s\n", round, e.msg);
			_exit(ok ? 0 : 1);
		}
		close(start[0]);
		close(start[1]);
		for (unsigned i = 0; i < RACERS; i++) {
			assert_true(wait(&status) > 0);
			assert_int_equal(status, 0);
		}
		assert_int_equal(count_entries(deep), 0);
		assert_true(path_remove_tree(shared, &e));
	}
	free(deep);
	free(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_and_leaves_nothing),
		cmocka_unit_test(workers_of_libraries_rest),
		cmocka_unit_test(odd_paths_get_a_short_socket),
		cmocka_unit_test(killed_owner_takes_the_server_along),
		cmocka_unit_test(server_left_behind_is_ended),
		cmocka_unit_test(living_owner_is_left_alone),
		cmocka_unit_test(segment_of_a_killed_server_goes_too),
		cmocka_unit_test(too_little_space_is_refused),
		cmocka_unit_test(unknown_locale_is_refused),
		cmocka_unit_test(cancelled_start_leaves_nothing),
		cmocka_unit_test(shut_parent_is_refused),
		cmocka_unit_test(made_by_several_at_once),
		cmocka_unit_test(event_triggers_rest),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
