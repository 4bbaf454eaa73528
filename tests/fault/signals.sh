#!/bin/bash
# SIGINT and SIGTERM at any moment of snapshot, verify and restore: out within seconds with 128+n, and nothing left behind.
. "$(dirname "$0")/../e2e/lib.sh"

server
shop shop 60
snapshot shop
slow_link 3000000
limit_ms=5000
is_instrumented && limit_ms=9000

interrupt() { # SIGNAL-NUMBER DELAY arguments...
	local signal=$1 delay=$2 start took
	shift 2
	sql shop -c "UPDATE orders SET note = 'interrupted' WHERE id % 5 = $RANDOM % 5" -c "DROP TABLE IF EXISTS rewritten" -c "CREATE TABLE rewritten AS SELECT *, random() AS r FROM order_lines"
	start_drtool "$@"
	sleep "$delay"
	start=$(date +%s%3N)
	kill "-$signal" "$PID" 2>/dev/null || fail "it was done before $delay s: $*: $(cat "$T/bg.err")"
	finish
	took=$(($(date +%s%3N) - start))
	echo "   $1 after $delay s: status $STATUS in $took ms"
	[ "$STATUS" = $((128 + signal)) ] || fail "status $STATUS after signal $signal: $(cat "$T/err")"
	[ $took -lt $limit_ms ] || fail "$took ms to end"
	[ "$(grep -c '^drtool: ' "$T/err")" = 1 ] || fail "not one error line: $(cat "$T/err")"
	no_leftovers
}

before=$(listed)
for signal in 2 15; do
	step "signal $signal: snapshot"
	for delay in 0.15 0.6 1.5 2.5; do
		interrupt $signal $delay snapshot "$SLOW dbname=shop"
	done
	[ "$(listed)" = "$before" ] || fail "an interrupted snapshot is listed"
	step "signal $signal: restore"
	for delay in 0.15 0.4 0.7; do
		interrupt $signal $delay restore latest --into "dbname=back" --jobs 1
	done
	step "signal $signal: verify"
	for delay in 0.1 0.5 1.0; do
		interrupt $signal $delay verify latest
	done
done

step "and all of it works afterwards"
snapshot shop
verify_ok "$ID"
expect 0 drtool restore "$ID" --into "dbname=back"
same_databases shop back
no_leftovers
