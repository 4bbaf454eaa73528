#include "restore/server_memory.h"

#include "src/base/file.h"

#define MIB        ((uint64_t)1 << 20)
#define SORT_LEAST (64 * MIB)
#define SORT_MOST  (512 * MIB) /* more does not sort faster, and takes cache away */
#define SORT_GUESS (256 * MIB) /* of a server we know nothing about */
#define SHARE      8           /* of what is free, for all connections together: the rest is its cache */

uint64_t server_memory_available(const char *meminfo)
{
	const char *at = strstr(meminfo, "MemAvailable:");

	return at ? strtoull(at + strlen("MemAvailable:"), NULL, 10) << 10 : 0;
}

static bool is_local(const struct conninfo *c)
{
	const char *host = conninfo_get(c, "host");

	if (!host)
		host = getenv("PGHOST");
	return !host || !*host || *host == '/' || strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
	       strcmp(host, "::1") == 0;
}

uint64_t server_memory_for_sort(const struct conninfo *c, unsigned jobs)
{
	struct buf text = BUF_INIT;
	struct err ignored = ERR_INIT;
	uint64_t each;

	if (!is_local(c) || !file_read(&text, "/proc/meminfo", &ignored))
		return SORT_GUESS / (jobs > 4 ? 2 : 1);
	each = server_memory_available(buf_str(&text)) / SHARE / jobs;
	buf_release(&text);
	return each < SORT_LEAST ? SORT_LEAST : each > SORT_MOST ? SORT_MOST : each;
}
