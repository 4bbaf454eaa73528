/*
 * storage/backend/s3_time.h - times as S3, STS and metadata services write them
 */
#ifndef DRTOOL_STORAGE_BACKEND_S3_TIME_H
#define DRTOOL_STORAGE_BACKEND_S3_TIME_H

#include <stdbool.h>
#include <stdint.h>

/*
 * RFC 3339: "2026-05-01T12:00:00Z", with a fraction of 1 to 9 digits or none, "Z" or an offset ("+02:00", "+0200").
 * Years 1970 to 9999. False when it is anything else; out is UTC microseconds.
 */
bool s3_time_parse(int64_t *out, const char *text);

#endif
