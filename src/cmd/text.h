/*
 * src/cmd/text.h - numbers as people read them
 */
#ifndef DRTOOL_CMD_TEXT_H
#define DRTOOL_CMD_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/buf.h"

#define TEXT_SIZE 32

const char *text_bytes(char out[TEXT_SIZE], uint64_t bytes);       /* "17 B", "1.2 GiB" */
const char *text_count(char out[TEXT_SIZE], uint64_t n);           /* "3,000,000" */
const char *text_duration(char out[TEXT_SIZE], int64_t us);        /* "0.42 s", "12.3 s", "4 min 12 s", "2 h 5 min" */
const char *text_age(char out[TEXT_SIZE], int64_t us);             /* "40 s", "12 min", "5 h", "3 days" */
const char *text_clock(char out[TEXT_SIZE], int64_t us);           /* "0:07", "12:05", "1:02:03" */
const char *text_version(char out[TEXT_SIZE], int server_version); /* 150020: "15.20" */
/* Columns a terminal needs for it: UTF-8 characters, each counted as one. */
size_t text_width(const char *text);
/* s with control characters as "?", so that a name from a database or repository cannot steer a terminal. */
void text_printable(struct buf *out, const char *s);

#endif
