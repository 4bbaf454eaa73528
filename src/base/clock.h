/*
 * src/base/clock.h - time: a monotonic clock for durations, UTC for everything that is stored
 */
#ifndef DRTOOL_BASE_CLOCK_H
#define DRTOOL_BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_TEXT_SIZE 32

int64_t clock_monotonic_us(void); /* microseconds since some fixed point */
int64_t clock_utc_us(void);       /* microseconds since 1970-01-01 UTC */
/* RFC 3339 with milliseconds and Z: 2026-05-01T12:00:00.123Z. */
void clock_rfc3339(char out[CLOCK_TEXT_SIZE], int64_t utc_us);
/* Sortable for names: 20260501t120000123z -> seconds only: 20260501-120000. */
void clock_compact(char out[CLOCK_TEXT_SIZE], int64_t utc_us);
/* Parse what clock_rfc3339() printed; returns -1 when it is not that. */
int64_t clock_parse_rfc3339(const char *text);

#endif
