/*
 * src/snapshot/drift.h - has what nobody can lock changed since the snapshot?
 *
 * Functions, types, sequences, materialized views and indexes cannot be locked like tables, and much of what pg_dump
 * prints of them (a function's arguments, a column's type, an index's definition) comes from server functions that
 * see the present and not pg_dump's snapshot. A function replaced in between comes out half old, half new; a dropped
 * one without arguments; neither is an error to pg_dump.
 */
#ifndef DRTOOL_SNAPSHOT_DRIFT_H
#define DRTOOL_SNAPSHOT_DRIFT_H

#include "src/pg/session.h"

/*
 * In a transaction that holds the snapshot: ERR_CONFLICT naming an object that a transaction committed since has
 * changed, renamed or dropped. New objects do not count; nor does what another transaction has not committed yet.
 */
bool drift_check(struct pg_session *s, struct err *e);

#endif
