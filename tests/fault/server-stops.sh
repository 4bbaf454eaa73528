#!/bin/bash
# The server is stopped, or its session ended, in the middle: one clear error, nothing listed, and the next run works.
. "$(dirname "$0")/../e2e/lib.sh"

server
shop shop 60
snapshot shop
before=$(listed)
slow_link 3000000

step "during a snapshot"
start_drtool snapshot "$SLOW dbname=shop"
wait_for 20 copying || fail "it never began to read: $(cat "$T/bg.err")"
as_postgres "$PG_CLUSTER_BIN/pg_ctl" -D "$SERVER/data" -m immediate -w stop >/dev/null
finish
[ "$STATUS" = 1 ] || fail "status $STATUS: $(cat "$T/err")"
error_says
[ "$(listed)" = "$before" ] || fail "it is listed"
"$ROOT/scripts/pg-cluster" restart "$SERVER"
no_leftovers

step "one of its sessions is ended during a snapshot"
start_drtool snapshot "$SLOW dbname=shop"
wait_for 20 copying || fail "it never began to read: $(cat "$T/bg.err")"
sql postgres -c "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'drtool%' AND query ILIKE 'copy%' LIMIT 1) s" >/dev/null
finish
[ "$STATUS" = 1 ] || fail "status $STATUS: $(cat "$T/err")"
error_says
[ "$(listed)" = "$before" ] || fail "it is listed"
no_leftovers

step "during a restore"
start_drtool restore latest --into "dbname=back" --jobs 1
wait_for 20 copying || fail "it never began to load: $(cat "$T/bg.err")"
as_postgres "$PG_CLUSTER_BIN/pg_ctl" -D "$SERVER/data" -m immediate -w stop >/dev/null
finish
[ "$STATUS" = 1 ] || fail "status $STATUS: $(cat "$T/err")"
error_says
"$ROOT/scripts/pg-cluster" restart "$SERVER"
[ -z "$(sql postgres -c "SELECT 1 FROM pg_database WHERE datname = 'back'")" ] || fail "a half restored database has the name asked for"

step "the same commands again"
expect 0 drtool restore latest --into "dbname=back"
same_databases shop back
snapshot shop
verify_ok "$ID"
no_leftovers

step "the private server of a test restore is killed"
start_drtool verify "$ID"
scratch_server() { SCRATCH_PID=$(head -qn 1 "$T"/scratch/*/postmaster.pid "$T"/scratch/*/*/postmaster.pid 2>/dev/null | head -n 1) && [ -n "$SCRATCH_PID" ]; }
wait_for 20 scratch_server || fail "no private server was seen below $T/scratch"
kill -KILL "$SCRATCH_PID"
finish
[ "$STATUS" = 1 ] || fail "status $STATUS: $(cat "$T/err")"
error_says
verify_ok "$ID"
no_leftovers
