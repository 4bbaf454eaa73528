/*
 * src/cmd/report.h - outcomes in words, shared by the commands that show them
 */
#ifndef DRTOOL_CMD_REPORT_H
#define DRTOOL_CMD_REPORT_H

#include "src/cmd/cmd.h"
#include "src/cmd/text.h"
#include "src/monitor/predict.h"
#include "storage/repository/manifest.h"
#include "storage/repository/proof.h"

const char *report_outcome(enum proof_outcome outcome); /* "good", "source faults", "differs" */
/* "schema 0.3 s, data 12.0 s, ..." appended. */
void report_phases(struct buf *out, const struct proof_phase *phases, size_t count);
/* Differences one per line, then a summary line, as verify prints them. */
void report_proof(struct buf *out, const struct proof *p);
/* On stderr, what to do when a proof is not good. */
void report_next(const struct proof *p);
/* A sentence on stderr when work of this length misses the RTO. */
void report_rto(const struct cmd *c, int64_t took_us);
/*
 * Test restore a snapshot with the options of this run; shared by verify and snapshot --verify. *out may be NULL after
 * true in a dry run.
 */
struct repository;
bool report_verify(
        struct proof **out, const struct cmd *c, struct repository *r, const struct manifest *m, struct err *e);
/* Where a scratch database goes, by the options of this run. scratch keeps what *out refers to; release it afterwards.
 */
struct verify_options;
struct target;
bool report_scratch(struct verify_options *out, struct target *scratch, const struct cmd *c, struct err *e);
/* Before a snapshot that is to be verified: could that be done here at all? */
bool report_verify_possible(const struct cmd *c, int server_version, struct err *e);

/* How long a restore of this snapshot to this server (a test restore, NULL: to a private one) will take, by what is
 * recorded. */
struct conninfo;
void report_predict(struct prediction *out, struct repository *r, const struct manifest *m, const struct conninfo *conn,
        enum predict_kind kind);
/* The same with --usable-first: until it is usable, and how long the rest takes from then on. */
void report_predict_usable(struct prediction *usable, struct prediction *rest, struct repository *r,
        const struct manifest *m, const struct conninfo *conn, enum predict_kind kind);
/* "what: 12 s, by a restore of ...", or "what: unknown, none"; a line, appended. */
void report_prediction(struct buf *out, const char *what, const struct prediction *p, const char *none);
/* How far off that was: "17 % over", "5 % under", "as predicted". False when there is nothing to say. */
bool report_error(char out[TEXT_SIZE], const struct journal_event *v);

#endif
