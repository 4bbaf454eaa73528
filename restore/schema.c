#include "restore/schema.h"

#include <ctype.h>

#include "restore/memory_file.h"
#include "src/base/child.h"
#include "src/base/file.h"

#define ERRORS_MAX ((size_t)64 << 20) /* of psql's stderr */
#define FILE_NAME  "psql:"

static struct view next_line(struct view *rest)
{
	const uint8_t *end = memchr(rest->data, '\n', rest->len);
	size_t n = end ? (size_t)(end - rest->data) : rest->len;
	struct view line = { rest->data, n };

	rest->data += end ? n + 1 : n;
	rest->len -= end ? n + 1 : n;
	return line;
}

/* "psql:/dev/fd/5:12: ERROR:  42P01: relation ..." ; the severity may be in another language, so SQLSTATE decides. */
bool schema_parse_error(struct schema_error *out, struct view line)
{
	const char *p = (const char *)line.data, *end = p + line.len, *colon;
	char digits[20];
	size_t n = 0;

	memset(out, 0, sizeof(*out));
	if (line.len < strlen(FILE_NAME) || memcmp(p, FILE_NAME, strlen(FILE_NAME)) != 0)
		return false;
	p += strlen(FILE_NAME);
	colon = memchr(p, ':', (size_t)(end - p));
	if (!colon)
		return false;
	for (p = colon + 1; p < end && isdigit((unsigned char)*p) && n + 1 < sizeof(digits); p++)
		digits[n++] = *p;
	digits[n] = '\0';
	if (!n || end - p < 2 || p[0] != ':' || p[1] != ' ')
		return false;
	out->line = strtoul(digits, NULL, 10);
	p += 2;
	colon = memchr(p, ':', (size_t)(end - p));
	if (!colon)
		return false;
	n = (size_t)(colon - p);
	if (n == strlen("error") && memcmp(p, "error", n) == 0) {
		out->message = (struct view){ (const uint8_t *)colon + 2,
			end - colon > 2 ? (size_t)(end - colon - 2) : 0 };
		return true;
	}
	if (end - colon < 10 || memcmp(colon, ":  ", 3) != 0 || colon[8] != ':' || colon[9] != ' ')
		return false;
	memcpy(out->sqlstate, colon + 3, 5);
	out->message = (struct view){ (const uint8_t *)colon + 10, (size_t)(end - colon - 10) };
	return strncmp(out->sqlstate, "00", 2) != 0 && strncmp(out->sqlstate, "01", 2) != 0 &&
	       strncmp(out->sqlstate, "02", 2) != 0;
}

/* The value of "<key>: " in a line of "; "-separated pairs; len 0 when there is none. */
static struct view pair(struct view line, const char *key, const char *stop)
{
	const uint8_t *at = memmem(line.data, line.len, key, strlen(key)), *end;

	if (!at)
		return (struct view){ line.data, 0 };
	at += strlen(key);
	end = memmem(at, (size_t)(line.data + line.len - at), stop, strlen(stop));
	return (struct view){ at, (size_t)((end ? end : line.data + line.len) - at) };
}

void schema_label(struct buf *out, struct view script, unsigned long line)
{
	static const char start[] = "-- Name: ";
	struct view rest = script, found = { NULL, 0 }, name, type, schema;

	for (unsigned long at = 1; at <= line && rest.len; at++) {
		struct view now = next_line(&rest);

		if (now.len > sizeof(start) - 1 && memcmp(now.data, start, sizeof(start) - 1) == 0)
			found = now;
	}
	if (!found.data) {
		buf_add(out, "statement");
		return;
	}
	name = pair(found, start, "; Type: ");
	type = pair(found, "; Type: ", "; Schema: ");
	schema = pair(found, "; Schema: ", "; Owner: ");
	buf_addf(out, "%.*s ", (int)type.len, (const char *)type.data);
	if (schema.len && !view_eq(schema, view_str("-")))
		buf_addf(out, "%.*s.", (int)schema.len, (const char *)schema.data);
	buf_addf(out, "%.*s", (int)name.len, (const char *)name.data);
}

static void add_findings(const struct schema_target *t, struct view script, struct view errors)
{
	while (errors.len) {
		struct view line = next_line(&errors);
		struct schema_error error;
		struct buf label = BUF_INIT, message = BUF_INIT;

		if (!schema_parse_error(&error, line))
			continue;
		schema_label(&label, script, error.line);
		buf_addn(&message, error.message.data, error.message.len);
		findings_add(t->findings, buf_str(&label), buf_str(&message), strncmp(error.sqlstate, "23", 2) == 0);
		buf_release(&label);
		buf_release(&message);
	}
}

static bool read_errors(struct buf *out, int fd, struct err *e)
{
	return lseek(fd, 0, SEEK_SET) == 0 && file_read_fd(out, fd, "psql's messages", e);
}

/* psql goes on after errors, so its status says only whether it got to the end. */
static bool check_status(int status, struct view errors, struct err *e)
{
	struct view last = { NULL, 0 };

	if (status == 0)
		return true;
	while (errors.len) {
		struct view line = next_line(&errors);

		if (line.len)
			last = line;
	}
	return err_set(e, status == 2 ? ERR_TRANSIENT : ERR_FAILED, "psql ended with status %d: %.*s", status,
	        (int)last.len, last.data ? (const char *)last.data : "");
}

static bool run_psql(const struct schema_target *t, int script_fd, int errors_fd, int *status, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct conninfo_child c;
	struct child child = CHILD_INIT;
	char path[32];
	bool ok;

	memory_file_path(path, script_fd);
	conninfo_for_child(&c, t->database, t->server_version, &a);
	ok = child_start(&child,
	             &(struct child_spec){ .argv = (const char *const[]){ t->archive->tools.psql, "-X", "-q", "-w",
	                                           "-v", "ON_ERROR_STOP=0", "-v", "VERBOSITY=verbose", "-v",
	                                           "SHOW_CONTEXT=never", "-d", c.dbname, "-f", path, NULL },
	                     .env = c.env,
	                     .stderr_fd = errors_fd,
	                     .keep_fds = (const int[]){ script_fd, -1 } },
	             e) &&
	     child_wait_status(status, &child, t->cancel, e);
	child_abort(&child);
	arena_release(&a);
	return ok;
}

/* Warnings carry a SQLSTATE that says error, and their severity is in the server's language. The first one is the
 * script's header. */
static void silence_warnings(struct buf *script)
{
	static const char loud[] = "SET client_min_messages = warning;", quiet[] = "SET client_min_messages = error  ;";
	char *at = memmem(script->data, script->len, loud, sizeof(loud) - 1);

	if (at)
		memcpy(at, quiet, sizeof(quiet) - 1);
}

static bool make_script(
        struct buf *out, const struct schema_target *t, const int *dump_ids, size_t count, struct err *e)
{
	struct buf raw = BUF_INIT;
	bool ok;

	/* Nothing of it counts before the end of the restore: no need to wait for the disk at each statement. */
	buf_add(out, "SET synchronous_commit = off;\n");
	if (t->silence)
		buf_addf(out, "SET %s;\n", t->silence);
	ok = render_entries(&raw, t->archive, dump_ids, count, &t->render, t->cancel, e) &&
	     render_filter(out, buf_view(&raw), t->server_version, e);
	silence_warnings(out);
	buf_release(&raw);
	return ok;
}

bool schema_run(const struct schema_target *t, const int *dump_ids, size_t count, struct err *e)
{
	struct buf script = BUF_INIT, errors = BUF_INIT_MAX(ERRORS_MAX);
	int script_fd = -1, errors_fd = -1, status = 0;
	bool ok = false;

	if (!count)
		return true;
	if (!make_script(&script, t, dump_ids, count, e) ||
	        (script_fd = memory_file("script", buf_view(&script), e)) < 0 ||
	        (errors_fd = memory_file("messages", view_str(""), e)) < 0 ||
	        !run_psql(t, script_fd, errors_fd, &status, e) || !read_errors(&errors, errors_fd, e))
		goto done;
	add_findings(t, buf_view(&script), buf_view(&errors));
	ok = check_status(status, buf_view(&errors), e);
done:
	if (script_fd >= 0)
		close(script_fd);
	if (errors_fd >= 0)
		close(errors_fd);
	buf_release(&script);
	buf_release(&errors);
	return ok;
}
