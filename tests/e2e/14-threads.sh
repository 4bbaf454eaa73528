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
step "interrupted"
start_drtool snapshot dbname=shop -j 8
sleep 0.3
kill -INT "$PID" 2>/dev/null || true
finish
[ "$STATUS" = 130 ] || [ "$STATUS" = 0 ] || fail "status $STATUS: $(cat "$T/err")"
no_leftovers
