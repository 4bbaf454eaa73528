/* restore/scratch_settings.c - see scratch_settings.h */
#include "restore/scratch_settings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/file.h"
#include "src/base/path.h"

/* From this version on they can be switched off, and can fire ON LOGIN: such a one would write, or refuse, while rows
 * are compared. */
#define EVENT_TRIGGERS 170000
#define MEMORY_UNKNOWN ((uint64_t)1 << 30)
#define WORKERS        16
#define LIBRARY_MAX    ((size_t)64 << 20)
#define CONNECTIONS    20 /* ours, pg_dump's, autovacuum off; on top of the workers */

/* --- memory --- */

static bool read_number(uint64_t *out, const char *path, const char *after)
{
	struct buf text = BUF_INIT_MAX(1 << 20);
	struct err ignored = ERR_INIT;
	const char *p = NULL;
	char *end;

	if (file_read(&text, path, &ignored))
		p = strstr(buf_str(&text), after);
	if (p) {
		p += strlen(after);
		*out = strtoull(p, &end, 10);
		p = end > p ? end : NULL;
	}
	buf_release(&text);
	return p != NULL;
}

uint64_t scratch_settings_memory(void)
{
	uint64_t available = MEMORY_UNKNOWN, limit, used;

	if (read_number(&available, "/proc/meminfo", "MemAvailable:"))
		available <<= 10;
	if (read_number(&limit, "/sys/fs/cgroup/memory.max", "") &&
	        read_number(&used, "/sys/fs/cgroup/memory.current", "")) {
		uint64_t left = limit > used ? limit - used : 0;

		if (left < available)
			available = left;
	}
	return available;
}

static unsigned between(uint64_t n, unsigned least, unsigned most)
{
	return n < least ? least : n > most ? most : (unsigned)n;
}

/* --- shared_preload_libraries --- */

static bool is_library(char **path, char *candidate)
{
	if (access(candidate, R_OK) == 0) {
		*path = candidate;
		return true;
	}
	free(candidate);
	return false;
}

/*
 * The directory of loadable modules is not asked for (pg_config is often missing): Debian and Red Hat have ../lib,
 * others ../lib/postgresql. *path is malloc'ed.
 */
static bool find_library(char **path, const char *name, const struct pg_tools *tools)
{
	static const char *const below[] = { "../lib", "../lib/postgresql", "../lib64", "../lib64/postgresql" };
	bool there = false;

	if (strncmp(name, "$libdir/", 8) == 0)
		name += 8;
	if (*name == '/')
		return is_library(path, xasprintf("%s", name)) || is_library(path, xasprintf("%s.so", name));
	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]) && !there; i++) {
		char *dir = path_join(tools->bin_dir, below[i]);

		there = is_library(path, xasprintf("%s/%s.so", dir, name));
		free(dir);
	}
	return there;
}

/*
 * A library that the server starts workers for imports the function that asks for them. What cannot be read is taken
 * for one.
 */
static bool starts_workers(const char *path)
{
	static const char symbol[] =
	        "\0RegisterBackgroundWorker"; /* with both its NULs: not a part of another's name */
	struct buf library = BUF_INIT_MAX(LIBRARY_MAX);
	struct err ignored = ERR_INIT;
	bool found = !file_read(&library, path, &ignored) ||
	             memmem(library.data, library.len, symbol, sizeof(symbol)) != NULL;

	buf_release(&library);
	return found;
}

/* The next element of a list as PostgreSQL keeps it: a, "b c", d. NULL at its end. */
static char *next_library(const char **p, struct arena *a)
{
	struct buf name = BUF_INIT;
	char *out = NULL;
	bool quoted;

	*p += strspn(*p, " ,\t\n");
	quoted = **p == '"';
	*p += quoted;
	while (**p && (quoted ? **p != '"' || (*p)[1] == '"' : !strchr(" ,\t\n", **p))) {
		*p += quoted && **p == '"';
		buf_addn(&name, (*p)++, 1);
	}
	*p += quoted && **p == '"';
	if (name.len > 0)
		out = arena_strdup(a, buf_str(&name));
	buf_release(&name);
	return out;
}

/*
 * Workers of the source's libraries run jobs: on this copy, or through connections of their own on whatever answers
 * where the source does. None may, and parallel workers are the price, for they come out of the same number.
 */
static void choose_preload(struct scratch_settings *out, const char *libraries, const struct pg_tools *tools,
        struct observer *obs, struct arena *a)
{
	struct buf list = BUF_INIT;
	char *name, *path = NULL;

	out->workers = WORKERS;
	out->more = NULL;
	while ((name = next_library(&libraries, a))) {
		if (!find_library(&path, name, tools)) {
			observer_note(obs, NOTE_INFO,
			        "the source preloads \"%s\", which is not installed here: left out", name);
			continue;
		}
		if (starts_workers(path)) {
			observer_note(obs, NOTE_INFO,
			        "\"%s\" has background workers, which the scratch server does not start: nothing in it works in parallel",
			        name);
			out->workers = 0;
		}
		buf_addf(&list, "%s\"%s\"", list.len ? "," : "", name);
		free(path);
	}
	out->preload = arena_strdup(a, buf_str(&list));
	buf_release(&list);
}

/* --- */

void scratch_settings_choose(struct scratch_settings *out, const struct manifest *m, const struct contents *c,
        const struct pg_tools *tools, unsigned jobs, struct observer *obs, struct arena *a)
{
	uint64_t memory = scratch_settings_memory() >> 20, size = m->database_size >> 20;
	uint64_t relations = c->table_count + c->sequences.count + c->matviews.count;

	out->shared_buffers_mb = between(memory / 8, 32, 1024);
	out->maintenance_mb = between(memory / 8, 64, 1024);
	out->max_wal_mb = between(size / 8, 64, 2048);
	out->max_connections = between(CONNECTIONS + 2 * (uint64_t)jobs, CONNECTIONS + 16, 200);
	/*
	 * pg_dump locks every relation at once; partitioned parents, views and foreign tables are not counted in
	 * relations: four times.
	 */
	out->max_locks = between(64 + 4 * relations / out->max_connections, 128, 1000000);
	choose_preload(out, c->database.preload_libraries, tools, obs, a);
}

struct arguments {
	const char **items;
	size_t count, cap;
	struct arena *arena;
};

static void push(struct arguments *list, const char *item)
{
	list->items = arena_grow(list->arena, list->items, list->count, &list->cap, sizeof(list->items[0]));
	list->items[list->count++] = item;
}

static void set(struct arguments *list, const char *setting)
{
	push(list, "-c");
	push(list, setting);
}

static const char *const fixed[] = {
	"listen_addresses=",
	"port=5432",
	"unix_socket_permissions=0700",
	/* nothing in there outlives the test */
	"fsync=off",
	"full_page_writes=off",
	"synchronous_commit=off",
	"wal_level=minimal",
	"max_wal_senders=0",
	"archive_mode=off",
	"checkpoint_timeout=1h",
	"restart_after_crash=off",
	"min_wal_size=32MB",
	/* only our own work is to be done, at times we choose */
	"autovacuum=off",
	"jit=off",
	"track_activities=on",
	"max_prepared_transactions=0",
	/*
	 * in the cluster's directory, so that nothing stays behind in /dev/shm when it is killed, and a small one does
	 * 	   not matter
	 */
	"dynamic_shared_memory_type=mmap",
	"logging_collector=off",
	"log_destination=stderr",
	"log_min_error_statement=panic",
	"log_checkpoints=off",
	"lc_messages=C",
	"ssl=off",
	"cluster_name=drtool scratch",
};

const char *const *scratch_settings_argv(const struct scratch_settings *s, const struct pg_tools *tools,
        const char *data, const char *socket_dir, struct arena *a)
{
	struct arguments list = { .arena = a };

	push(&list, tools->postgres);
	push(&list, "-D");
	push(&list, data);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		set(&list, fixed[i]);
	set(&list, arena_printf(a, "unix_socket_directories=\"%s\"", socket_dir));
	set(&list, arena_printf(a, "shared_buffers=%uMB", s->shared_buffers_mb));
	set(&list, arena_printf(a, "maintenance_work_mem=%uMB", s->maintenance_mb));
	set(&list, arena_printf(a, "max_wal_size=%uMB", s->max_wal_mb));
	set(&list, arena_printf(a, "max_connections=%u", s->max_connections));
	set(&list, arena_printf(a, "max_locks_per_transaction=%u", s->max_locks));
	set(&list, arena_printf(a, "max_worker_processes=%u", s->workers));
	set(&list, arena_printf(a, "shared_preload_libraries=%s", s->preload));
	for (const char **more = s->more; more && *more; more++)
		set(&list, *more);
	if (tools->version >= EVENT_TRIGGERS)
		set(&list, "event_triggers=off");
	push(&list, NULL);
	return list.items;
}
