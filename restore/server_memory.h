/*
 * restore/server_memory.h - how much memory the server may spend on sorting for an index
 */
#ifndef DRTOOL_RESTORE_SERVER_MEMORY_H
#define DRTOOL_RESTORE_SERVER_MEMORY_H

#include "src/pg/conninfo.h"

/* Bytes for each of jobs connections: a share of what is free when the server is on this machine, else a moderate
 * guess. */
uint64_t server_memory_for_sort(const struct conninfo *c, unsigned jobs);
/* "MemAvailable:  123 kB" of /proc/meminfo text in bytes, 0 when it is not there. */
uint64_t server_memory_available(const char *meminfo);

#endif
