/*
 * restore/scratch_settings.h - how the server of a throw-away cluster is set: fast, without durability, sized by this
 * machine and the snapshot
 */
#ifndef DRTOOL_RESTORE_SCRATCH_SETTINGS_H
#define DRTOOL_RESTORE_SCRATCH_SETTINGS_H

#include "restore/restore.h"
#include "src/pg/tools.h"

struct scratch_settings {
	unsigned shared_buffers_mb, maintenance_mb, max_wal_mb;
	unsigned max_connections, max_locks;
	const char *preload; /* shared_preload_libraries, "" for none */
	const char **more;   /* "name=value" besides, NULL-terminated; NULL for none */
	unsigned workers;    /* max_worker_processes: 0 where a library would start some of its own */
};

/* Strings live in the arena. Libraries of the source that are not installed here are left out with a note. */
void scratch_settings_choose(struct scratch_settings *out, const struct manifest *m, const struct contents *c,
        const struct pg_tools *tools, unsigned jobs, struct observer *obs, struct arena *a);
/* The command line, NULL-terminated, in the arena. */
const char *const *scratch_settings_argv(const struct scratch_settings *s, const struct pg_tools *tools,
        const char *data, const char *socket_dir, struct arena *a);
/*
 * Bytes this process may still allocate: what the kernel calls available, or what is left in the control group when
 * that is less.
 */
uint64_t scratch_settings_memory(void);

#endif
