/*
 * src/config/value.h - strict readers for what people write as values
 */
#ifndef DRTOOL_CONFIG_VALUE_H
#define DRTOOL_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/err.h"

/* A whole decimal number in [min, max], nothing around it. Errors (ERR_USAGE) say only what is wrong with the value. */
bool value_number(int64_t *out, const char *text, int64_t min, int64_t max, struct err *e);
/* A duration in seconds: "90", "90s", "15m", "24h", "7d", or several in falling order: "1h30m". */
bool value_seconds(int64_t *out, const char *text, int64_t min, int64_t max, struct err *e);
/* true, yes, on / false, no, off. */
bool value_bool(bool *out, const char *text, struct err *e);

#endif
