#!/bin/bash
# A snapshot read from a standby: the same rows, and unlogged tables named as what a standby cannot read.
. "$(dirname "$0")/lib.sh"

server -o hot_standby_feedback=on
shop shop 3
sql shop -c "CREATE UNLOGGED TABLE volatile AS SELECT 1 AS a" -c "CREATE SEQUENCE s; SELECT nextval('s')" >/dev/null

step "a standby"
standby
wait_for 20 sql shop -h "$STANDBY" -p "$STANDBY_PORT" -c "SELECT 1 FROM s" >/dev/null || fail "the standby does not follow"

step "doctor says what a standby cannot do"
run drtool doctor "host=$STANDBY port=$STANDBY_PORT dbname=shop"
grep -q "replace: a standby cannot be replaced" <<<"$OUT" || fail "$OUT"

step "snapshot"
expect 0 drtool snapshot "host=$STANDBY port=$STANDBY_PORT dbname=shop"
ID=$OUT
[ "$(show_json "$ID" | jq .standby)" = true ] || fail "not recorded as read from a standby"
[ "$(show_json "$ID" | jq -r '.contents[] | select(.name == "volatile") | .data')" = "unlogged, not on a standby" ] || fail "the unlogged table is not named"
verify_ok "$ID"
expect 0 drtool restore "$ID" --into "dbname=back"
sql shop -c "TRUNCATE volatile"
same_databases shop back
no_leftovers
