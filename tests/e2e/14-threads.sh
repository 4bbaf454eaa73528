#!/bin/bash
# The pipeline with more workers than processors, over a few megabytes: for the tree with ThreadSanitizer, quick in any other.
. "$(dirname "$0")/lib.sh"

server
shop shop 8
all="1 4 8"
! is_s3 || all=8
for jobs in $all; do
	step "$jobs jobs"
	sql shop -c "UPDATE orders SET note = 'jobs $jobs'"
	expect 0 drtool snapshot dbname=shop -j "$jobs"
	ID=$OUT
	expect 0 drtool verify "$ID" -j "$jobs"
	expect 0 drtool restore "$ID" --into "dbname=back$jobs" -j "$jobs"
	same_databases shop "back$jobs"
	drtool cat "$ID" >"$T/cat.sql" 2>"$T/err" || fail "cat: $(cat "$T/err")"
	no_sanitizer "$T/err"
done
if ! is_s3; then
	step "put in the place of the live one: whoever is there is ended meanwhile, again and again while one of them does not go"
	stays() { sql postgres -c "SELECT pid FROM pg_stat_activity WHERE datname = 'shop' AND query LIKE '%stays%' AND pid <> pg_backend_pid()"; }
	renaming() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'ALTER DATABASE%RENAME%' AND state = 'active' AND pid <> pg_backend_pid()")" = 1 ]; }
	psql -X -q -d shop -c "SELECT 'stays', pg_sleep(300)" >/dev/null 2>&1 &
	background+=("$!")
	wait_for 10 eval '[ -n "$(stays)" ]' || fail "the session does not start"
	backend=$(stays)
	kill -STOP "$backend"
	start_drtool restore "$ID" --replace dbname=shop --confirm shop --no-safety-snapshot
	wait_for 120 renaming || fail "the swap does not begin: $(cat "$T/bg.err")"
	kill -CONT "$backend"
	finish
	[ "$STATUS" = 0 ] || fail "status $STATUS: $(cat "$T/err")"
	expect 0 drtool undo dbname=shop --confirm shop
fi

step "interrupted"
start_drtool snapshot dbname=shop -j 8
sleep 0.3
kill -INT "$PID" 2>/dev/null || true
finish
[ "$STATUS" = 130 ] || [ "$STATUS" = 0 ] || fail "status $STATUS: $(cat "$T/err")"
no_leftovers
