/* src/cmd/doctor_local.c - doctor: programs, the repository, the newest snapshot */
#include "src/base/clock.h"
#include "src/base/file.h"
#include "src/cmd/doctor.h"
#include "src/cmd/store.h"
#include "src/cmd/text.h"
#include "src/pg/tools.h"

#define SPACE_LEAST ((uint64_t)64 << 20)

static void check_tools(struct doctor *d)
{
	const char *warning = NULL;
	struct pg_tools tools = { 0 };
	struct err e = ERR_INIT;
	char version[TEXT_SIZE];

	if (!d->session) {
		doctor_add(
		        d, DOCTOR_UNKNOWN, "pg_dump", NULL, "which version is needed is not known without the server");
		return;
	}
	if (!pg_tools_for_server(&tools, &warning, pg_session_version(d->session), PG_TOOLS_CLIENT,
	            options_text(d->cmd->options, OPTION_PG_BIN), &d->arena, d->cmd->cancel, &e))
		doctor_add_err(d, DOCTOR_FAIL, "pg_dump", &e);
	else if (warning)
		doctor_add(d, DOCTOR_WARN, "pg_dump", "update the PostgreSQL client packages of this machine", "%s",
		        warning);
	else
		doctor_add(d, DOCTOR_OK, "pg_dump", NULL, "%s, version %s", tools.pg_dump,
		        text_version(version, tools.version));
}

/* Write, read back and remove a lock object that nobody else looks for. */
static bool probe(struct repository *r, struct err *e)
{
	struct view body = view_str("drtool doctor was here\n");
	struct buf back = BUF_INIT_MAX(1 << 10);
	struct object_key key = { .cls = OBJECT_LOCK };
	char name[64];
	bool ok;

	snprintf(name, sizeof(name), "doctor-%ld-%lld", (long)getpid(), (long long)clock_utc_us());
	key.name = name;
	ok = storage_put(r->storage, key, body, PUT_REPLACE, e) && storage_get(r->storage, key, &back, e);
	if (ok && !view_eq(buf_view(&back), body))
		ok = err_set(e, ERR_DAMAGED, "what was written to %s does not come back", r->storage->where);
	ok = storage_remove(r->storage, key, ok ? e : &(struct err)ERR_INIT) && ok;
	buf_release(&back);
	return ok;
}

static void check_repository_space(struct doctor *d, const char *where)
{
	struct err e = ERR_INIT;
	char space[TEXT_SIZE], size[TEXT_SIZE];
	uint64_t bytes;

	if (!file_free_space(&bytes, where, &e)) {
		doctor_add_err(d, DOCTOR_UNKNOWN, "repository disk", &e);
		return;
	}
	text_bytes(space, bytes);
	text_bytes(size, d->database.size);
	if (bytes < SPACE_LEAST)
		doctor_add(d, DOCTOR_FAIL, "repository disk", "free some space there", "%s free in %s", space, where);
	else if (d->database.size > 0 && bytes < d->database.size / 2)
		doctor_add(d, DOCTOR_WARN, "repository disk",
		        "a first snapshot takes a quarter to a half of the database's size",
		        "%s free in %s, the database has %s", space, where, size);
	else
		doctor_add(d, DOCTOR_OK, "repository disk", NULL, "%s free in %s", space, where);
}

/* The bucket is of interest before there is a repository in it. */
static struct repository *check_bucket(struct doctor *d, const char *where)
{
	struct storage *s = NULL;
	struct repository *r = NULL;
	struct s3_options s3;
	struct err e = ERR_INIT;

	if (!storage_open_s3(&s, where, store_s3(&s3, d->cmd), &e)) {
		doctor_add_err(d, DOCTOR_FAIL, "bucket", &e);
		return NULL;
	}
	doctor_bucket(d, s);
	if (repository_open_storage(&r, s, false, &e))
		doctor_add(d, DOCTOR_OK, "repository", NULL, "%s is one", where);
	else
		doctor_add_err(d, DOCTOR_FAIL, "repository", &e);
	return r;
}

static struct repository *check_repository(struct doctor *d)
{
	const char *where = options_text(d->cmd->options, OPTION_REPO);
	struct repository *r = NULL;
	struct err e = ERR_INIT;

	if (where && s3_is_url(where))
		return check_bucket(d, where);
	if (!store_open(&r, d->cmd, &e)) {
		doctor_add_err(d, DOCTOR_FAIL, "repository", &e);
		return NULL;
	}
	if (!probe(r, &e))
		doctor_add_err(d, DOCTOR_FAIL, "repository", &e);
	else
		doctor_add(d, DOCTOR_OK, "repository", NULL, "%s can be written and read back", where);
	check_repository_space(d, where);
	return r;
}

/* The newest snapshot of the database in question; NULL when there is none, or *e says why it cannot be read. */
static struct manifest *newest(struct doctor *d, struct repository *r, struct err *e)
{
	const char *name = d->target.repository_name;
	struct manifest *m = NULL;
	struct err why = ERR_INIT;

	if (!name && d->session)
		name = PQdb(pg_session_conn(d->session));
	if (!r || !name || manifest_resolve(&m, r, name, "latest", &why))
		return m;
	if (why.kind == ERR_DAMAGED || why.kind == ERR_FAILED)
		*e = why;
	return NULL;
}

static void check_age(struct doctor *d, const struct manifest *m)
{
	int64_t rpo = options_number(d->cmd->options, OPTION_RPO, 0), age;
	char text[TEXT_SIZE], objective[TEXT_SIZE];

	if (!m) {
		doctor_add(d, DOCTOR_WARN, "newest snapshot", "take one: drtool snapshot --verify", "none yet");
		return;
	}
	age = clock_utc_us() - m->instant_us;
	text_age(text, age);
	if (rpo > 0 && age > rpo * 1000000)
		doctor_add(d, DOCTOR_WARN, "newest snapshot", "take one now: drtool snapshot --verify",
		        "%s, %s old; the objective (rpo) is %s", m->id, text, text_age(objective, rpo * 1000000));
	else
		doctor_add(d, DOCTOR_OK, "newest snapshot", NULL, "%s, %s old", m->id, text);
}

void doctor_local(struct doctor *d)
{
	struct err e = ERR_INIT;
	struct repository *r;
	struct manifest *m;

	check_tools(d);
	r = check_repository(d);
	m = newest(d, r, &e);
	doctor_scratch(d, m);
	if (e.kind != ERR_NONE)
		doctor_add_err(d, DOCTOR_FAIL, "newest snapshot", &e);
	else
		check_age(d, m);
	manifest_free(m);
	repository_close(r);
}
