#!/bin/bash
# The server is stopped, or one of its sessions ended, in the middle: one clear error, nothing listed, and the same command works afterwards.
. "$(dirname "$0")/lib.sh"

server
shop shop 15
snapshot shop
before=$(listed)
slow_link 2000000
busy() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'drtool%' AND datname ~ '$1' AND (state = 'active' OR query ILIKE 'copy%')" 2>/dev/null)" -gt 0 ]; } # DB

for how in fast immediate; do
	step "$how shutdown during a snapshot"
	start_drtool snapshot "$SLOW dbname=shop"
	wait_for 20 copying || fail "it never began to read: $(cat "$T/bg.err")"
	pg_stop $how
	finish
	[ "$STATUS" = 1 ] || fail "status $STATUS: $(cat "$T/err")"
	one_error
	[ "$(listed)" = "$before" ] || fail "it is listed"
	no_processes
	fails 1 "connect" -- drtool snapshot "dbname=shop" # no server at all
	pg_start
	nothing_left

	step "$how shutdown during a restore"
	start_drtool restore "$ID" --into "$SLOW dbname=back_$how" --jobs 1
	wait_for 20 busy "^back_$how" || fail "it never began to load: $(cat "$T/bg.err")"
	pg_stop $how
	finish
	[ "$STATUS" = 1 ] || fail "status $STATUS: $(cat "$T/err")"
	one_error
	no_processes
	pg_start
	nothing_alive
	! exists back_$how || fail "a half restored database has the name asked for"
	expect 0 drtool restore "$ID" --into "dbname=back_$how"
	same_databases shop back_$how
	nothing_left
done

step "one of its sessions is ended during a snapshot: it starts over"
start_drtool snapshot "$SLOW dbname=shop"
wait_for 20 copying || fail "it never began to read: $(cat "$T/bg.err")"
sql postgres -c "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'drtool%' AND query ILIKE 'copy%' LIMIT 1) s" >/dev/null
finish
[ "$STATUS" = 0 ] || fail "status $STATUS: $(cat "$T/err")"
grep -q 'trying again' "$T/err" || fail "it does not say that it started over: $(cat "$T/err")"
[ "$(listed | wc -l)" = 2 ] || fail "listed: $(listed)"
expect 0 drtool verify "$OUT" --scratch-server dbname=postgres
nothing_left

step "the session that idles while a restore loads is cut off: another one takes its place"
start_drtool restore "$ID" --into "$SLOW dbname=back_cut" --jobs 1
wait_for 20 busy "^back_cut" || fail "it never began to load: $(cat "$T/bg.err")"
[ "$(sql postgres -c "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'drtool restore' AND datname = 'postgres'")" = 1 ] || fail "no session idles"
finish
[ "$STATUS" = 0 ] || fail "status $STATUS: $(cat "$T/err")"
same_databases shop back_cut
nothing_left

step "the private server of a test restore is killed"
start_drtool verify "$ID"
scratch_server() {
	SCRATCH_PID=$(find "$T/scratch" -name postmaster.pid -exec head -n 1 {} \; 2>/dev/null) || true
	[[ $SCRATCH_PID =~ ^[0-9]+$ ]] # initdb's own backends are negative there
}
wait_for 30 scratch_server || fail "no private server was seen below $T/scratch"
kill -KILL "$SCRATCH_PID"
finish
[ "$STATUS" = 1 ] || fail "status $STATUS: $(cat "$T/err")"
one_error
nothing_left

step "the same commands again"
snapshot shop
verify_ok "$ID"
nothing_left
