#include "restore/render.h"

#include "restore/memory_file.h"
#include "src/base/child.h"
#include "storage/repository/chunk_store.h"
#include "storage/repository/manifest.h"

#define ARCHIVE_MAX ((size_t)512 << 20)
#define SCRIPT_MAX  ((size_t)1 << 30)

bool archive_open(struct archive *out, struct chunk_store *chunks, const struct manifest *m, int server_version,
        const char *pg_bin, const struct cancel *cancel, struct err *e)
{
	const char *warning = NULL;
	/* An older pg_restore cannot read a newer one's archive; the other way round always works. */
	int wanted = m->dump_version > server_version ? m->dump_version : server_version;

	memset(out, 0, sizeof(*out));
	out->bytes.max = ARCHIVE_MAX;
	if (!chunk_store_get_stream(&out->bytes, chunks, &m->schema, e) ||
	        !toc_parse(&out->toc, buf_view(&out->bytes), e)) {
		err_wrap(e, "read the schema of snapshot \"%s\"", m->id);
		goto fail;
	}
	if (!pg_tools_for_server(&out->tools, &warning, wanted, PG_TOOLS_CLIENT, pg_bin, &out->arena, cancel, e))
		goto fail;
	return true;
fail:
	archive_close(out);
	return false;
}

void archive_close(struct archive *a)
{
	if (!a)
		return;
	toc_free(a->toc);
	a->toc = NULL;
	buf_release(&a->bytes);
	arena_release(&a->arena);
}

/* The list pg_restore -L reads. It restores in the list's order, so the archive's own order must be kept. */
static void write_list(struct buf *out, const struct toc *toc, const int *dump_ids, size_t count)
{
	int max = 0;
	bool *wanted;

	for (size_t i = 0; i < toc->count; i++)
		if (toc->entries[i].dump_id > max)
			max = toc->entries[i].dump_id;
	wanted = xcalloc((size_t)max + 1, sizeof(*wanted));
	for (size_t i = 0; i < count; i++)
		if (dump_ids[i] >= 0 && dump_ids[i] <= max)
			wanted[dump_ids[i]] = true;
	for (size_t i = 0; i < toc->count; i++)
		if (toc->entries[i].dump_id >= 0 && wanted[toc->entries[i].dump_id])
			buf_addf(out, "%d;\n", toc->entries[i].dump_id);
	free(wanted);
}

bool render_entries(struct buf *out, const struct archive *a, const int *dump_ids, size_t count,
        const struct render_options *o, const struct cancel *cancel, struct err *e)
{
	struct buf list = BUF_INIT, script = BUF_INIT_MAX(SCRIPT_MAX);
	int archive_fd = -1, list_fd = -1, keep[3];
	char archive_path[32], list_path[32];
	const char *argv[10];
	size_t n = 0;
	bool ok = false;

	write_list(&list, a->toc, dump_ids, count);
	if ((archive_fd = memory_file("archive", buf_view(&a->bytes), e)) < 0 ||
	        (list_fd = memory_file("list", buf_view(&list), e)) < 0)
		goto done;
	memory_file_path(archive_path, archive_fd);
	memory_file_path(list_path, list_fd);
	argv[n++] = a->tools.pg_restore;
	if (o && o->no_owner) {
		argv[n++] = "--no-owner";
		argv[n++] = "--no-privileges";
	}
	if (o && o->no_tablespaces)
		argv[n++] = "--no-tablespaces";
	argv[n++] = "--file=-";
	argv[n++] = "--use-list";
	argv[n++] = list_path;
	argv[n++] = archive_path;
	argv[n] = NULL;
	keep[0] = archive_fd;
	keep[1] = list_fd;
	keep[2] = -1;
	struct child_spec spec = {
		.argv = argv, .env = (const char *const[]){ "LC_ALL=C", NULL }, .want_stdout = true, .keep_fds = keep
	};
	ok = child_capture(&script, &spec, cancel, e) && buf_append(out, script.data, script.len, e);
	if (!ok)
		err_wrap(e, "print the schema");
done:
	if (archive_fd >= 0)
		close(archive_fd);
	if (list_fd >= 0)
		close(list_fd);
	buf_release(&list);
	buf_release(&script);
	return ok;
}
