/*
 * src/base/cancel.h - one stop signal shared by everything that works on a command
 *
 * SIGINT and SIGTERM trip the process-wide one; the first failing job trips its pipeline's own. A cancel may have a
 * parent: it counts as tripped when the parent is. All functions are safe from several threads; cancel_trip() is
 * async-signal-safe.
 */
#ifndef DRTOOL_BASE_CANCEL_H
#define DRTOOL_BASE_CANCEL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "src/base/err.h"

struct cancel {
	atomic_int reason; /* 0 running, >0 the signal, -1 a sibling failed */
	struct cancel *parent;
};

#define CANCEL_INIT(parent_)                     \
	{                                        \
		.reason = 0, .parent = (parent_) \
	}

void cancel_trip(struct cancel *c, int reason); /* the first reason stays; reason is a signal number or -1 */
bool cancel_tripped(const struct cancel *c);    /* NULL is never tripped */
/* False with ERR_CANCELLED ("interrupted by SIGINT" or "stopped") when tripped. */
bool cancel_check(const struct cancel *c, struct err *e);
/* Sleep up to ms milliseconds, waking within 10 ms of a trip; false with ERR_CANCELLED when tripped. */
bool cancel_sleep(const struct cancel *c, unsigned ms, struct err *e);

/* Route SIGINT, SIGTERM and SIGHUP to the returned process-wide cancel and ignore SIGPIPE. A second signal exits at
 * once. */
struct cancel *cancel_install_signals(void);

#endif
