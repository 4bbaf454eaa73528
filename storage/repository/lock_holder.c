#include "storage/repository/lock_holder.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/file.h"
#include "src/codec/hash.h"
#include "storage/repository/document.h"
#include "storage/repository/json.h"

#define START_FIELD 22 /* of /proc/<pid>/stat, counted from 1; see proc(5) */

static const struct json_member members[] = {
	{ "token", JSON_KIND_CHARS, offsetof(struct lock_holder, token), LOCK_TOKEN_SIZE, NULL },
	JSON_MEMBER(lock_holder, TEXT, host),
	JSON_MEMBER(lock_holder, TEXT, boot_id),
	JSON_MEMBER(lock_holder, TEXT, pid_namespace),
	JSON_MEMBER(lock_holder, INT, pid),
	JSON_MEMBER(lock_holder, U64, process_start),
	JSON_MEMBER(lock_holder, I64, taken_us),
	JSON_MEMBER(lock_holder, I64, renewed_us),
};

/* When the process started, in clock ticks after boot; 0 when there is none (or no /proc). */
static uint64_t process_start(int pid)
{
	struct buf text = BUF_INIT_MAX(4096);
	struct err ignored = ERR_INIT;
	char path[32];
	uint64_t start = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read(&text, path, &ignored)) {
		/* The second field is the program's name in parentheses and may hold anything, even ") ". */
		const char *at = strrchr(buf_str(&text), ')');

		for (int field = 2; at && field < START_FIELD; field++)
			at = strchr(at + 1, ' ');
		start = at ? strtoull(at + 1, NULL, 10) : 0;
	}
	buf_release(&text);
	return start;
}

static const char *read_boot_id(struct arena *a)
{
	struct buf text = BUF_INIT_MAX(4096);
	struct err ignored = ERR_INIT;
	const char *id = "";

	if (file_read(&text, "/proc/sys/kernel/random/boot_id", &ignored))
		id = arena_strndup(a, buf_str(&text), strcspn(buf_str(&text), "\n"));
	buf_release(&text);
	return id;
}

/* Process ids mean nothing across containers, which may well share a host name. */
static const char *read_pid_namespace(struct arena *a)
{
	char target[64];
	ssize_t n = readlink("/proc/self/ns/pid", target, sizeof(target));

	return n > 0 ? arena_strndup(a, target, (size_t)n) : "";
}

void lock_holder_self(struct lock_holder *out)
{
	uint8_t random[(LOCK_TOKEN_SIZE - 1) / 2];
	char host[256] = "";

	*out = (struct lock_holder){ .pid = (int)getpid() };
	ssize_t n = getrandom(random, sizeof(random), 0);
	assert(n == sizeof(random));
	(void)n;
	hash_hex(out->token, random, sizeof(random));
	gethostname(host, sizeof(host) - 1);
	out->host = arena_strdup(&out->arena, host);
	out->boot_id = read_boot_id(&out->arena);
	out->pid_namespace = read_pid_namespace(&out->arena);
	out->process_start = process_start(out->pid);
	out->taken_us = out->renewed_us = clock_utc_us();
}

void lock_holder_write(struct buf *out, const struct lock_holder *h)
{
	struct buf text = BUF_INIT;

	json_write_members(&text, members, JSON_COUNT(members), h, ",\n");
	document_write(out, buf_view(&text));
	buf_release(&text);
}

bool lock_holder_parse(struct lock_holder *out, struct view text, struct err *e)
{
	json_t *object = NULL;

	*out = (struct lock_holder){ 0 };
	bool ok = document_parse(&object, text, "lock", e) &&
	          json_read_members(out, members, JSON_COUNT(members), object, &out->arena, e);
	json_decref(object);
	if (!ok)
		lock_holder_release(out);
	return ok;
}

void lock_holder_release(struct lock_holder *h)
{
	arena_release(&h->arena);
	*h = (struct lock_holder){ 0 };
}

/* A process of this boot and namespace, so that its id can be looked up here. */
static bool holder_is_local(const struct lock_holder *h)
{
	struct lock_holder self;

	lock_holder_self(&self);
	bool local = h->boot_id[0] && h->pid_namespace[0] && h->process_start && strcmp(h->host, self.host) == 0 &&
	             strcmp(h->boot_id, self.boot_id) == 0 && strcmp(h->pid_namespace, self.pid_namespace) == 0;
	lock_holder_release(&self);
	return local;
}

bool lock_holder_ended(const struct lock_holder *h)
{
	/* The process id may have been given to another program since. */
	return holder_is_local(h) && process_start(h->pid) != h->process_start;
}
