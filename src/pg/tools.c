/* src/pg/tools.c - see tools.h */
#include "src/pg/tools.h"

#include <assert.h>
#include <ctype.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/child.h"

#define VERSION_TEXT_MAX 4096
#define DIRECTORIES_MAX  256

/* One installation and whether its directory was named by the user. */
struct found {
	struct pg_tools tools;
	bool preferred;
};

struct search {
	struct arena *arena;
	const struct cancel *cancel;
	struct found *items;
	size_t count, cap;
};

/* --- one directory --- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *program(struct arena *a, const char *dir, const char *name)
{
	char *path = arena_printf(a, "%s/%s", dir, name);

	return access(path, X_OK) ? NULL : path;
}

/* Debian's /usr/bin/pg_dump is a script that picks a version by itself, from its own configuration. */
static bool is_wrapper(const char *path)
{
	char real[PATH_MAX];

	return realpath(path, real) && !strcmp(base_name(real), "pg_wrapper");
}

/*
 * The directory the programs of dir really stand in: /usr/bin/pg_dump may be a link to /usr/pgsql-17/bin/pg_dump. NULL
 * when there are none.
 */
static const char *real_directory(struct arena *a, const char *dir)
{
	const char *path = program(a, dir, "pg_dump");
	char real[PATH_MAX], *slash;

	if (!path)
		path = program(a, dir, "postgres");
	if (!path || is_wrapper(path) || !realpath(path, real))
		return NULL;
	slash = strrchr(real, '/');
	if (!strcmp(slash + 1, base_name(path))) {
		*slash = '\0';
		return arena_strdup(a, slash == real ? "/" : real);
	}
	return realpath(dir, real) ? arena_strdup(a, real) : NULL;
}

/* "pg_dump (PostgreSQL) 15.20 (Debian ...)", "postgres (PostgreSQL) 18beta1", "... 17devel", "... 9.6.24"; 0 when it is
 * none of these. */
static int parse_version(const char *text)
{
	static const char mark[] = "(PostgreSQL) ";
	const char *p = strstr(text, mark);
	long part[3] = { 0 };

	if (!p)
		return 0;
	p += strlen(mark);
	for (size_t i = 0; i < 3 && isdigit((unsigned char)*p); i++) {
		char *end;

		part[i] = strtol(p, &end, 10);
		if (part[i] > 9999 || (i == 0 && part[i] > 999))
			return 0;
		p = end;
		if (*p != '.')
			break;
		p++;
	}
	if (part[0] < 10)
		return (int)(part[0] * 10000 + part[1] * 100 + part[2]);
	return (int)(part[0] * 10000 + part[1]);
}

/* 0 when the program cannot tell; a trip of the cancel is the only error. */
static bool ask_version(int *out, const char *path, const struct cancel *cancel, struct err *e)
{
	const char *argv[] = { path, "--version", NULL };
	const char *env[] = { "LC_ALL=C", NULL };
	struct child_spec spec = { .argv = argv, .env = env, .want_stdout = true };
	struct buf text = BUF_INIT_MAX(VERSION_TEXT_MAX);
	struct err ignored = ERR_INIT;

	*out = child_capture(&text, &spec, cancel, &ignored) ? parse_version(buf_str(&text)) : 0;
	buf_release(&text);
	return cancel_check(cancel, e);
}

static bool known(const struct search *s, const char *dir)
{
	for (size_t i = 0; i < s->count; i++)
		if (!strcmp(s->items[i].tools.bin_dir, dir))
			return true;
	return false;
}

static bool add_directory(struct search *s, const char *name, bool preferred, struct err *e)
{
	const char *dir = real_directory(s->arena, name);
	struct pg_tools t = { .bin_dir = dir };

	if (!dir || s->count == DIRECTORIES_MAX || known(s, dir))
		return true;
	t.pg_dump = program(s->arena, dir, "pg_dump");
	t.pg_restore = program(s->arena, dir, "pg_restore");
	t.pg_dumpall = program(s->arena, dir, "pg_dumpall");
	t.psql = program(s->arena, dir, "psql");
	t.initdb = program(s->arena, dir, "initdb");
	t.postgres = program(s->arena, dir, "postgres");
	if (!t.pg_dump && !t.postgres)
		return true;
	if (!ask_version(&t.version, t.pg_dump ? t.pg_dump : t.postgres, s->cancel, e))
		return false;
	if (!t.version)
		return true;
	s->items = arena_grow(s->arena, s->items, s->count, &s->cap, sizeof(*s->items));
	s->items[s->count++] = (struct found){ .tools = t, .preferred = preferred };
	return true;
}

/* --- all of them --- */

static bool add_path(struct search *s, const char *path, bool preferred, struct err *e)
{
	for (const char *p = path; p && *p;) {
		size_t n = strcspn(p, ":");

		/* An empty part means the current directory, whose programs nobody meant. */
		if (n && !add_directory(s, arena_strndup(s->arena, p, n), preferred, e))
			return false;
		p += n + (p[n] == ':');
	}
	return true;
}

static bool add_glob(struct search *s, const char *pattern, struct err *e)
{
	glob_t g = { 0 };
	bool ok = true;

	if (!glob(pattern, 0, NULL, &g))
		for (size_t i = 0; ok && i < g.gl_pathc; i++)
			ok = add_directory(s, g.gl_pathv[i], false, e);
	globfree(&g);
	return ok;
}

static bool find_all(struct search *s, const char *search, struct err *e)
{
	return add_path(s, search, true, e) && add_path(s, getenv("PATH"), false, e) &&
	       add_glob(s, "/usr/lib/postgresql/*/bin", e) && add_glob(s, "/usr/pgsql-*/bin", e) &&
	       add_directory(s, "/usr/local/pgsql/bin", false, e);
}

/* Stable, so that among equal versions what was found first stays first. */
static void sort_newest_first(struct found *items, size_t count)
{
	for (size_t i = 1; i < count; i++)
		for (size_t j = i; j && items[j].tools.version > items[j - 1].tools.version; j--) {
			struct found swap = items[j];

			items[j] = items[j - 1];
			items[j - 1] = swap;
		}
}

bool pg_tools_list(
        struct pg_tools_list *out, const char *search, struct arena *arena, const struct cancel *cancel, struct err *e)
{
	struct search s = { .arena = arena, .cancel = cancel };

	if (!find_all(&s, search, e))
		return false;
	sort_newest_first(s.items, s.count);
	out->items = arena_alloc(arena, (s.count ? s.count : 1) * sizeof(*out->items));
	out->count = s.count;
	for (size_t i = 0; i < s.count; i++)
		out->items[i] = s.items[i].tools;
	return true;
}

/* --- the one to use --- */

static bool has(const struct pg_tools *t, unsigned need)
{
	if ((need & PG_TOOLS_CLIENT) && !(t->pg_dump && t->pg_restore && t->pg_dumpall && t->psql))
		return false;
	return !(need & PG_TOOLS_SERVER) || (t->initdb && t->postgres);
}

static int major_of(int version)
{
	return version >= 100000 ? version / 10000 : version / 100;
}

/* 3: same major, minor new enough; 2: same major; 1: newer major; 0: of no use. */
static int rank(const struct pg_tools *t, int server_version, unsigned need)
{
	if (!has(t, need) || major_of(t->version) < major_of(server_version))
		return 0;
	if (major_of(t->version) > major_of(server_version))
		return 1;
	return t->version >= server_version ? 3 : 2;
}

static bool better(const struct found *a, const struct found *b, int server_version, unsigned need)
{
	int rank_a = rank(&a->tools, server_version, need), rank_b = rank(&b->tools, server_version, need);

	if (rank_a != rank_b)
		return rank_a > rank_b;
	if (major_of(a->tools.version) != major_of(b->tools.version))
		return major_of(a->tools.version) < major_of(b->tools.version);
	if (rank_a == 2 && a->tools.version != b->tools.version)
		return a->tools.version > b->tools.version;
	if (a->preferred != b->preferred)
		return a->preferred;
	return a->tools.version > b->tools.version;
}

static const char *version_text(struct arena *a, int version)
{
	if (version < 100000)
		return arena_printf(a, "%d.%d.%d", version / 10000, version / 100 % 100, version % 100);
	return arena_printf(a, "%d.%d", version / 10000, version % 10000);
}

static bool none(const struct search *s, int server_version, unsigned need, struct err *e)
{
	const char *wanted = version_text(s->arena, server_version);
	const char *what = need & PG_TOOLS_SERVER ? "server programs (initdb, postgres)"
	                                          : "client programs (pg_dump, ...)";
	const char *package = need & PG_TOOLS_SERVER ? "postgresql" : "postgresql-client";
	int major = server_version >= 100000 ? major_of(server_version) : 15; /* older packages are gone from there */

	if (s->count)
		err_set(e, ERR_FAILED, "no %s for PostgreSQL %s on this machine; the newest here are %s in %s", what,
		        wanted, version_text(s->arena, s->items[0].tools.version), s->items[0].tools.bin_dir);
	else
		err_set(e, ERR_FAILED, "no %s for PostgreSQL %s on this machine", what, wanted);
	return err_hint(e,
	        "sudo apt install -y postgresql-common && sudo /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh "
	        "-y && "
	        "sudo apt install -y %s-%d",
	        package, major);
}

bool pg_tools_for_server(struct pg_tools *out, const char **warning, int server_version, unsigned need,
        const char *search, struct arena *arena, const struct cancel *cancel, struct err *e)
{
	struct search s = { .arena = arena, .cancel = cancel };
	const struct found *best = NULL;

	assert(need);
	if (!find_all(&s, search, e))
		return false;
	sort_newest_first(s.items, s.count);
	for (size_t i = 0; i < s.count; i++)
		if (rank(&s.items[i].tools, server_version, need) &&
		        (!best || better(&s.items[i], best, server_version, need)))
			best = &s.items[i];
	if (!best)
		return none(&s, server_version, need, e);
	*out = best->tools;
	*warning = NULL;
	if (rank(&best->tools, server_version, need) == 2)
		*warning = arena_printf(arena, "%s is %s, older than the server's %s: install its minor update",
		        best->tools.bin_dir, version_text(arena, best->tools.version),
		        version_text(arena, server_version));
	return true;
}
