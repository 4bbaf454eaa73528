#!/bin/bash
# Two snapshots of one database at once: one wins, the other is refused and names it. Of two databases: both. After a killed one: at once.
. "$(dirname "$0")/lib.sh"

server
shop shop 8
shop other 1
slow_link 800000

step "the same database"
start_drtool snapshot "$SLOW dbname=shop"
wait_for 20 copying || fail "it never began to read: $(cat "$T/bg.err")"
holder=$(sql postgres -c "SELECT pid FROM pg_locks WHERE locktype = 'advisory'")
expect 1 drtool snapshot dbname=shop
error_says '"shop"' "another drtool"
grep -q "^hint: .*$holder" "$T/err" || fail "the other one, $holder, is not named: $(cat "$T/err")"
kill -0 "$PID" || fail "the first one was over already: nothing was tested"

step "another database into the same repository, meanwhile"
snapshot other
other=$ID
finish
[ "$STATUS" = 0 ] || fail "the first one: status $STATUS: $(cat "$T/err")"
verify_ok "$OUT"
verify_ok "$other"
[ "$(listed | wc -l)" = 2 ] || fail "listed: $(listed)"
no_leftovers

step "five at the same moment: exactly one is refused nothing, the others are told"
for n in 1 2 3 4 5; do
	(
		status=0
		"$DRTOOL" snapshot "$SLOW dbname=shop" >"$T/out.$n" 2>"$T/err.$n" || status=$?
		echo $status >"$T/status.$n"
	) &
	background+=("$!")
done
for n in 1 2 3 4 5; do
	wait_for 60 test -s "$T/status.$n" || fail "no end: $(cat "$T/err.$n")"
	no_sanitizer "$T/err.$n"
done
[ "$(cat "$T"/status.* | sort | tr -d '\n')" = 01111 ] || fail "statuses: $(tail -n 3 "$T"/status.* "$T"/err.*)"
[ "$(listed | wc -l)" = 3 ] || fail "listed: $(listed)"
no_leftovers

step "after a kill -9 the next one need not wait"
sql shop -c "UPDATE orders SET note = 'again'"
start_drtool snapshot "$SLOW dbname=shop"
wait_for 20 copying || fail "it never began to read: $(cat "$T/bg.err")"
kill -KILL "$PID"
wait "$PID" 2>/dev/null || true
start=$SECONDS
wait_for 15 eval 'run drtool snapshot dbname=shop; [ $STATUS = 0 ]' || fail "status $STATUS: $(cat "$T/err")"
echo "   it took $((SECONDS - start)) s"
[ "$(rows_in "$OUT" orders | grep -c again)" = 24000 ] || fail "not the rows of now"
no_leftovers

step "two test restores at once, where no scratch directory was"
rm -rf "$T/scratch"
start_drtool verify "$other"
verify_ok "$ID"
finish
[ "$STATUS" = 0 ] || fail "the other one: status $STATUS: $(cat "$T/err")"
no_leftovers
