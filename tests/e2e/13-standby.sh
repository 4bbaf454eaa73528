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

step "a standby that does not wait for its readers, again and again: said, with what to do about it"
sql postgres -h "$STANDBY" -p "$STANDBY_PORT" -c "ALTER SYSTEM SET max_standby_streaming_delay = 0" -c "SELECT pg_reload_conf()" >/dev/null
PGHOST=$STANDBY PGPORT=$STANDBY_PORT slow_link 500000
lock_often() { while sql shop -c "BEGIN" -c "LOCK TABLE order_lines, orders, events" -c "COMMIT"; do sleep 0.1; done; }
in_background lock_often
locker=$!
for try in 1 2 3 4 5; do # what ends the last attempt may also be a connection that is simply closed
	expect 1 drtool snapshot "$SLOW dbname=shop"
	! grep -q "^hint:.*hot_standby_feedback" "$T/err" || break
	[ "$try" != 5 ] || fail "$(cat "$T/err")"
done
kill "$locker"
