/*
 * src/cmd/answer.h - snapshots and proofs as JSON for --json
 *
 * Shapes are described in docs/configuration.md; members are only ever added. All return new references.
 */
#ifndef DRTOOL_CMD_ANSWER_H
#define DRTOOL_CMD_ANSWER_H

#include <jansson.h>

#include "restore/kept.h"
#include "restore/standby.h"
#include "storage/repository/manifest.h"
#include "storage/repository/proof.h"

json_t *answer_text(const char *text); /* bytes that are not UTF-8 become "?"; NULL gives null */
json_t *answer_time(int64_t utc_us);   /* RFC 3339 */
json_t *answer_seconds(int64_t us);
json_t *answer_share(double share); /* to three digits: 0.167 */
json_t *answer_count(uint64_t n);
json_t *answer_manifest(const struct manifest *m);
json_t *answer_phases(const struct proof_phase *phases, size_t count);
json_t *answer_kept(const struct kept_list *l);
json_t *answer_standby(const struct standby *s); /* one that is there */
json_t *answer_proof(const struct proof *p);     /* NULL gives null */

#endif
