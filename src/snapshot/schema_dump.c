#include "src/snapshot/schema_dump.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/child.h"
#include "src/snapshot/drift.h"
#include "src/snapshot/repeatable.h"
#include "src/snapshot/watch.h"

/* pg_dump asks for all its locks at once; we hold the same ones, so only somebody's queued ALTER makes it wait. */
#define LOCK_WAIT_MS "2000"

struct schema_dump {
	struct attempt *attempt;
	const struct attempt_context *context;
	struct cancel *stop;
	struct arena arena;
	pthread_t thread;
	struct err error;
};

/* The environment for PostgreSQL's programs, with our application_name so that the watch knows the session as ours. */
static const char **child_env(struct schema_dump *d, const struct conninfo_child *child)
{
	char role[48];
	size_t n = 0, kept = 0;
	const char **env;

	while (child->env[n] != NULL)
		n++;
	env = arena_alloc(&d->arena, (n + 2) * sizeof *env);
	for (size_t i = 0; i < n; i++)
		if (strncmp(child->env[i], "PGAPPNAME=", 10) != 0)
			env[kept++] = child->env[i];
	attempt_role(role, d->context);
	env[kept] = arena_printf(&d->arena, "PGAPPNAME=drtool %s", role);
	return env;
}

static bool check_drift(struct schema_dump *d, struct err *e)
{
	struct pg_session *s = NULL;
	char role[48];
	bool ok;

	attempt_role(role, d->context);
	ok = pg_session_open(&s, d->context->options->source, PG_SESSION_DUMP, role, d->stop, e) &&
	     attempt_join(d->attempt, s, e) && drift_check(s, e);
	pg_session_close(s);
	return ok;
}

/* Was somebody in pg_dump's way, or is its snapshot gone? Its messages come in many languages: the server is asked
 * instead. */
static bool explain(struct schema_dump *d, struct err *e)
{
	struct err own = ERR_INIT;

	if (!watch_blame(e, d->attempt, d->context) && !check_drift(d, &own) &&
	        (own.kind == ERR_CONFLICT || own.kind == ERR_TRANSIENT))
		*e = own;
	return false;
}

static bool dump_schema(
        struct schema_dump *d, const struct conninfo_child *child, const char *const *env, struct err *e)
{
	const struct attempt *a = d->attempt;
	const char *argv[] = {
		d->context->tools->pg_dump,
		"--format=custom",
		"--compress=0",
		"--schema-only",
		"--no-password",
		"--lock-wait-timeout=" LOCK_WAIT_MS,
		/* A client_encoding kept with the database or role must not decide what the archive is written in. */
		arena_printf(&d->arena, "--encoding=%s", a->database.encoding),
		arena_printf(&d->arena, "--snapshot=%s", a->snapshot_name),
		arena_printf(&d->arena, "--dbname=%s", child->dbname),
		NULL,
	};
	struct child_spec spec = { .argv = argv, .env = env, .want_stdout = true };

	if (child_capture(&d->attempt->archive, &spec, d->stop, e)) {
		repeatable_archive(&d->attempt->archive);
		return check_drift(d, e);
	}
	err_wrap(e, "dump the schema");
	return cancel_tripped(d->stop) ? false : explain(d, e);
}

/* Roles are a convenience of the restore: not being allowed to read them does not fail a snapshot. */
static void dump_roles(struct schema_dump *d, const struct conninfo_child *child, const char *const *env)
{
	bool passwords = d->context->options->role_passwords;
	struct err e = ERR_INIT;

	for (int with = passwords; with >= 0; with--) {
		const char *argv[] = {
			d->context->tools->pg_dumpall,
			"--roles-only",
			"--no-password",
			arena_printf(&d->arena, "--encoding=%s", d->attempt->database.encoding),
			arena_printf(&d->arena, "--dbname=%s", child->dbname),
			/* Or it goes to "postgres", which may be closed to us: this one is not. */
			arena_printf(&d->arena, "--database=%s", child->dbname),
			with ? NULL : "--no-role-passwords",
			NULL,
		};
		struct child_spec spec = { .argv = argv, .env = env, .want_stdout = true };

		buf_clear(&d->attempt->globals);
		if (child_capture(&d->attempt->globals, &spec, d->stop, &e)) {
			repeatable_script(&d->attempt->globals);
			d->attempt->globals_passwords = with;
			if (passwords && !with)
				observer_note(d->context->observer, NOTE_WARN,
				        "password hashes may not be read by this role: roles are kept without them");
			return;
		}
	}
	buf_clear(&d->attempt->globals);
	if (!cancel_tripped(d->stop))
		observer_note(d->context->observer, NOTE_WARN, "roles are not kept: %s", e.msg);
}

static void *run(void *arg)
{
	struct schema_dump *d = arg;
	struct conninfo_child child;
	const char **env;

	conninfo_for_child(&child, d->context->options->source, d->attempt->database.server_version, &d->arena);
	env = child_env(d, &child);
	if (dump_schema(d, &child, env, &d->error))
		dump_roles(d, &child, env);
	else
		cancel_trip(d->stop, -1);
	return NULL;
}

bool schema_dump_start(struct schema_dump **out, struct attempt *a, const struct attempt_context *c,
        struct cancel *stop, struct err *e)
{
	struct schema_dump *d = xcalloc(1, sizeof *d);
	int rc;

	d->attempt = a;
	d->context = c;
	d->stop = stop;
	rc = pthread_create(&d->thread, NULL, run, d);
	if (rc != 0) {
		free(d);
		return err_sys(e, rc, "start the schema thread");
	}
	*out = d;
	return true;
}

bool schema_dump_finish(struct schema_dump *d, struct err *e)
{
	bool ok;

	if (d == NULL)
		return true;
	pthread_join(d->thread, NULL);
	ok = d->error.kind == ERR_NONE;
	if (!ok)
		*e = d->error;
	arena_release(&d->arena);
	free(d);
	return ok;
}
