/*
 * storage/backend/storage.h - where a repository's objects live: few verbs over typed keys
 *
 * Every backend (local, memory, later s3) and every wrapper (fault injection, later retry) fills the same struct. All
 * verbs are safe from several threads. Errors: ERR_NOT_FOUND no such object; ERR_EXISTS PUT_CREATE met one;
 * ERR_TRANSIENT the same call may succeed later; ERR_FAILED the rest, with path or URL in the message.
 */
#ifndef DRTOOL_STORAGE_BACKEND_STORAGE_H
#define DRTOOL_STORAGE_BACKEND_STORAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/buf.h"

enum object_class {
	OBJECT_CONFIG,   /* drtool.json; name is "" */
	OBJECT_CHUNK,    /* chunks/ab/<name>; name is 64 hex digits */
	OBJECT_SNAPSHOT, /* snapshots/<database>/<id>.json; name is "<database>/<id>" */
	OBJECT_PROOF,    /* proofs/<database>/<id>/<time>.json */
	OBJECT_JOURNAL,  /* journal/<database>/<time>-<event>.json */
	OBJECT_LOCK,     /* locks/<name> */
	OBJECT_PRUNING,  /* pruning/<name> */
	OBJECT_DAMAGED,  /* damaged/<name>; name is a chunk's */
	OBJECT_CLASSES,
};

/*
 * name: components separated by '/', each already encoded with path_encode() where it comes from outside, at most 512
 * bytes in all; no empty, "." or ".." component (assert).
 */
struct object_key {
	enum object_class cls;
	const char *name;
};

enum put_mode {
	PUT_REPLACE, /* there is none, or it is replaced as a whole */
	PUT_CREATE,  /* fails with ERR_EXISTS when there is one (best effort where the store cannot say) */
	/*
	 * PUT_REPLACE whose name (not its bytes) may become durable as late as the next sync(): one directory fsync for
	 * many chunks.
	 */
	PUT_DEFER_NAME,
};

struct object_info {
	const char *name; /* valid during the call */
	uint64_t size;
	int64_t modified_us; /* UTC, by the store's clock */
};
/* False stops the listing with e, which the callee has set. */
typedef bool object_fn(void *cookie, const struct object_info *info, struct err *e);

struct storage_ops {
	/*
	 * True: the whole object is durable (but see PUT_DEFER_NAME). False: nothing new, or all of it; never a part.
	 */
	bool (*put)(void *impl, struct object_key key, struct view body, enum put_mode mode, struct err *e);
	/* Append the object to out; its ceiling bounds the size accepted. */
	bool (*get)(void *impl, struct object_key key, struct buf *out, struct err *e);
	/* Every object of the class whose name starts with prefix ("" for all), in any order; none is fine. */
	bool (*list)(
	        void *impl, enum object_class cls, const char *prefix, object_fn *each, void *cookie, struct err *e);
	bool (*remove)(void *impl, struct object_key key, struct err *e); /* a missing object is fine */
	/*
	 * Make the names of these chunks durable, whoever wrote them: for the local backend an fsync of each directory
	 * a listed name lies in and of their parent.
	 */
	bool (*sync)(void *impl, const bool prefixes[256], struct err *e);
	void (*close)(void *impl);
};

struct storage {
	const struct storage_ops *ops;
	void *impl;
	char *where; /* for messages: the directory or URL, without secrets */
	/*
	 * How many requests at once the store wants, where each takes long: 0 or 1 means none beside those of the
	 * threads that work anyway.
	 */
	unsigned in_flight;
};

/* Thin callers, so that code reads storage_put(s, ...). */
bool storage_put(struct storage *s, struct object_key key, struct view body, enum put_mode mode, struct err *e);
bool storage_get(struct storage *s, struct object_key key, struct buf *out, struct err *e);
bool storage_list(
        struct storage *s, enum object_class cls, const char *prefix, object_fn *each, void *cookie, struct err *e);
bool storage_remove(struct storage *s, struct object_key key, struct err *e);
bool storage_sync(struct storage *s, const bool prefixes[256], struct err *e);
void storage_close(struct storage *s); /* NULL is fine; frees s */

/*
 * "chunks/ab/abcd...", "snapshots/shop/<id>.json": the layout of format 1, shared by all backends; out is cleared
 * first.
 */
void storage_object_path(struct buf *out, struct object_key key);
const char *storage_class_dir(enum object_class cls);
/*
 * The reverse for a listing: the object name for a path below the class's directory, or false when the path is nothing
 * of ours (temporary files).
 */
bool storage_object_name(struct buf *out, enum object_class cls, const char *path_in_class);

/* Backends. */
bool storage_open_local(
        struct storage **out, const char *dir, bool create, struct err *e); /* create: make the directory (0700) */
struct storage *storage_new_memory(void);

/* Fault injection: wraps inner (which it then owns). Fails, or cuts short, the nth matching operation. For tests. */
enum fault_op { FAULT_PUT, FAULT_GET, FAULT_LIST, FAULT_REMOVE, FAULT_SYNC, FAULT_OPS };
enum fault_how {
	FAULT_BEFORE,   /* the operation fails and has had no effect */
	FAULT_AFTER,    /* it took effect, and fails nevertheless */
	FAULT_CORRUPT,  /* get: one bit is flipped; put: the bytes stored are cut in half; no error */
	FAULT_NO_SPACE, /* put: ENOSPC */
};
struct storage *storage_new_fault(struct storage *inner, enum fault_op op, unsigned nth, enum fault_how how);
bool storage_fault_fired(const struct storage *s);

/*
 * Power loss: wraps a memory store so that what was not made durable by its contract (names of PUT_DEFER_NAME before
 * sync) is lost by storage_power_cut(), which keeps a random (seeded) subset of the unsynced names.
 */
struct storage *storage_new_volatile(struct storage *inner);
void storage_power_cut(struct storage *s, uint64_t seed);

/* A store far away: wraps inner so that every operation takes ms milliseconds longer, and wants 16 at once. */
struct storage *storage_new_slow(struct storage *inner, unsigned ms);
unsigned storage_slow_peak(const struct storage *s);  /* the most operations that ran at the same time */
unsigned storage_slow_calls(const struct storage *s); /* operations so far */

#endif
