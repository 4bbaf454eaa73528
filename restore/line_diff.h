/*
 * restore/line_diff.h - which lines of two texts differ
 */
#ifndef DRTOOL_RESTORE_LINE_DIFF_H
#define DRTOOL_RESTORE_LINE_DIFF_H

#include "src/base/buf.h"

/*
 * Append the lines of a that b lacks as "- line", those of b that a lacks as "+ line", in order, by a longest common
 * subsequence; empty lines are passed over. Texts of more than 2000 lines that differ are shown whole.
 */
void line_diff(struct buf *out, const char *a, const char *b);

#endif
