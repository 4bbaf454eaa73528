/* src/cmd/init.c - drtool init */
#include <errno.h>
#include <fcntl.h>

#include "src/base/file.h"
#include "src/cmd/say.h"
#include "src/cmd/store.h"
#include "src/cmd/target.h"

static const char default_file[] = "drtool.yml";

/* Beside nothing that a deploy or a "git clean" wipes. */
static char *default_repository(void)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (geteuid() != 0 && data && *data)
		return xasprintf("%s/drtool/repository", data);
	if (geteuid() != 0 && home && *home)
		return xasprintf("%s/.local/share/drtool/repository", home);
	return xstrdup("/var/lib/drtool/repository");
}

/* Letters, digits, '_' and '-' need no quotes in YAML when a letter comes first. */
static bool is_plain(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return *name && strchr(letters, *name) &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(name);
}

/* A name for the database of DATABASE_URL; malloc'ed, NULL when there is no usable URL. */
static char *database_name(void)
{
	const char *url = getenv("DATABASE_URL"), *dbname;
	struct buf dropped = BUF_INIT;
	struct err ignored = ERR_INIT;
	struct conninfo *conn = NULL;
	char *name = NULL;
	bool pooler;

	if (url && *url && conninfo_parse(&conn, url, &dropped, &pooler, &ignored)) {
		dbname = conninfo_get(conn, "dbname");
		name = xstrdup(dbname && is_plain(dbname) ? dbname : "main");
	}
	conninfo_free(conn);
	buf_release(&dropped);
	return name;
}

/* "..." with what YAML would take for something else escaped. */
static void add_quoted(struct buf *out, const char *text)
{
	buf_add(out, "\"");
	for (; *text; text++) {
		if (*text == '$') { /* a literal one: ${VAR} is for variables */
			buf_add(out, "$$");
			continue;
		}
		if (*text == '"' || *text == '\\')
			buf_add(out, "\\");
		buf_addn(out, text, 1);
	}
	buf_add(out, "\"");
}

static const char databases_example[] = "# databases:\n"
                                        "#   shop: ${DATABASE_URL}\n";

static const char databases_more[] =
        "#   warehouse:\n"
        "#     url: postgres://backup@db2/warehouse\n"
        "#     password_file: /etc/drtool/warehouse.password\n"
        "#     exclude_table_data: [audit.log, \"cache.*\"]\n"
        "#     protected: true      # confirmations must name host/database\n"
        "#     as: warehouse-2      # its name in the repository, when another server has one of this name\n";

static const char settings[] =
        "\n"
        "# What you promise, compared with what is measured.\n"
        "# objectives:\n"
        "#   rto: 30m               # how long a restore may take\n"
        "#   rpo: 24h               # how old the newest good snapshot may be\n"
        "\n"
        "# Where test restores happen: a private server below this directory, removed afterwards.\n"
        "# scratch:\n"
        "#   dir: /var/lib/drtool/scratch\n"
        "\n"
        "# When the repository is s3://bucket/prefix; keys come from where AWS tools look for them, never from here.\n"
        "# s3:\n"
        "#   endpoint: https://s3.example.com   # default: AWS\n"
        "#   region: us-east-1\n"
        "#   addressing: path       # or virtual; default: auto\n"
        "\n"
        "# Commands around restore --replace and undo; a failing before or before_swap stops them, nothing is changed then.\n"
        "# hooks:\n"
        "#   before_swap: systemctl stop shop\n"
        "#   after: systemctl start shop\n"
        "\n"
        "# jobs: 4                  # connections at the same time; default: one per processor\n"
        "# level: 1                 # zstd compression level, -7 to 19\n"
        "# yield_after: 10s         # give way when another session waits on a snapshot this long\n";

static void file_text(struct buf *out, const char *repository)
{
	char *name = database_name();

	buf_add(out,
	        "# drtool.yml - see drtool help, and docs/configuration.md\n"
	        "# Secrets do not belong here: write ${VARIABLE}, or use password_file, ~/.pgpass or --env-file.\n"
	        "version: 1\n"
	        "\n"
	        "# Where snapshots live. Another disk than the database's, better another machine or s3://bucket/prefix.\n"
	        "repository: ");
	add_quoted(out, repository);
	buf_add(out, "\n\n# Each database under a name of your choice. With one, commands need no name.\n");
	if (name)
		buf_addf(out, "databases:\n  %s: ${DATABASE_URL}\n", name);
	else
		buf_add(out, databases_example);
	buf_add(out, databases_more);
	buf_add(out, settings);
	free(name);
}

static bool write_file(const char *path, struct view text, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	bool ok;

	if (fd < 0) {
		err_sys(e, errno, "create \"%s\"", path);
		return err_hint(
		        e, "check that its directory exists and can be written, or name another file with --config");
	}
	ok = file_write_all(fd, text, path, e);
	if (close(fd) != 0 && ok)
		ok = err_sys(e, errno, "write \"%s\"", path);
	if (!ok)
		unlink(path);
	return ok;
}

struct plan {
	const char *file;
	char *repository;
	bool file_exists, repository_exists;
	struct s3_options s3;
};

/* Where the repository is to be: --repo or DRTOOL_REPO, else as an existing file says, else the default. */
static bool choose_repository(struct plan *p, const struct cmd *c, struct err *e)
{
	const char *given = options_text(c->options, OPTION_REPO), *raw;
	struct config *config = NULL;
	struct buf text = BUF_INIT_MAX(4096);
	bool ok = true;

	if (given) {
		p->repository = xstrdup(given);
		return true;
	}
	if (p->file_exists) {
		ok = config_load(&config, p->file, e);
		raw = ok ? config_text(config, "repository") : NULL;
		if (raw && (ok = config_expand(&text, raw, p->file, e)))
			p->repository = config_path(config, buf_str(&text));
	}
	if (ok && !p->repository)
		p->repository = default_repository();
	config_free(config);
	buf_release(&text);
	return ok;
}

static bool look(struct plan *p, const struct cmd *c, struct err *e)
{
	struct repository *r = NULL;
	enum repository_place place;

	store_s3(&p->s3, c);
	p->file = options_text(c->options, OPTION_CONFIG);
	if (!p->file)
		p->file = default_file;
	p->file_exists = access(p->file, F_OK) == 0;
	if (!choose_repository(p, c, e))
		return false;
	if (!repository_look(&place, p->repository, &p->s3, e))
		return false;
	p->repository_exists = place == REPOSITORY_HERE;
	if (p->repository_exists && !repository_open(&r, p->repository, &p->s3, e)) /* damaged, newer */
		return false;
	repository_close(r);
	if (!p->file_exists || !p->repository_exists)
		return true;
	err_set(e, ERR_REFUSED, "\"%s\" and the repository \"%s\" exist already", p->file, p->repository);
	return err_hint(e, "nothing is overwritten; check what is there with: drtool doctor");
}

static bool say_done(const struct cmd *c, const struct plan *p, struct err *e)
{
	const char *would = cmd_dry_run(c) ? "would be " : "";

	if (cmd_json(c))
		return say_result_json(json_pack("{s:s, s:b, s:s, s:b, s:b}", "config", p->file, "config_created",
		                               !p->file_exists, "repository", p->repository, "repository_created",
		                               !p->repository_exists, "dry_run", cmd_dry_run(c)),
		        e);
	say_info("%s: %s%s", p->file, p->file_exists ? "kept as it is" : would, p->file_exists ? "" : "written");
	say_info("repository %s: %s%s", p->repository, p->repository_exists ? "kept as it is" : would,
	        p->repository_exists ? "" : "created");
	if (!cmd_dry_run(c))
		say_info("next: drtool doctor, then drtool snapshot");
	return true;
}

bool cmd_init(struct cmd *c, struct err *e)
{
	struct plan p = { 0 };
	struct repository *r = NULL;
	struct buf text = BUF_INIT;
	bool ok = false;

	if (!look(&p, c, e))
		goto done;
	file_text(&text, p.repository);
	if (!cmd_dry_run(c)) {
		if (!p.repository_exists && !repository_create(&r, p.repository, &p.s3, e))
			goto done;
		if (!p.file_exists && !write_file(p.file, buf_view(&text), e))
			goto done;
	}
	ok = say_done(c, &p, e);
done:
	repository_close(r);
	buf_release(&text);
	free(p.repository);
	return ok;
}
