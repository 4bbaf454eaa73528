#!/bin/bash
# Where a lock object is all there is, one snapshot of a database runs at a time: on stores that honour, refuse and ignore a conditional PUT.
. "$(dirname "$0")/lib.sh"

server
fake
shop shop 3
# Without the maintenance database there is no advisory lock.
sql postgres -c "CREATE ROLE reader LOGIN" -c "GRANT pg_read_all_data TO reader" -c "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC"
slow_link 1000000
expect 0 drtool snapshot "dbname=shop user=reader"

total=0
for how in 412 501 ignore; do
	step "conditional PUT: $how"
	control "set conditional=$how latency_ms=30"
	sql shop -c "UPDATE orders SET note = '$how'"
	before=$(listed | wc -l)
	pids=()
	for i in 1 2 3 4; do
		"$DRTOOL" snapshot "$SLOW dbname=shop user=reader" >"$T/out-$i" 2>"$T/err-$i" &
		pids+=($!)
		background+=($!)
	done
	won=0
	for i in 1 2 3 4; do
		status=0
		wait "${pids[i - 1]}" || status=$?
		cp "$T/err-$i" "$T/err"
		no_sanitizer "$T/err"
		case $status in
		0) won=$((won + 1)) ;;
		1) one_error lock ;;
		*) fail "status $status: $(cat "$T/err")" ;;
		esac
	done
	echo "   $won of 4"
	total=$((total + won))
	# Never two. On a busy machine all four may step back for each other until they give up.
	[ $won -le 1 ] || fail "$won of 4 at once"
	[ "$(listed | wc -l)" = $((before + won)) ] || fail "not $won more listed"
	[ -z "$(repo_files locks)" ] || fail "locks left over: $(repo_files locks)"
	expect 0 drtool snapshot "dbname=shop user=reader"
done

[ $total -ge 1 ] || fail "nobody ever got the lock"

step "a dead one's lock is no obstacle"
control "set conditional=ignore"
start_drtool snapshot "$SLOW dbname=shop user=reader"
lock_there() { [ -n "$(repo_files locks)" ]; }
wait_for 20 lock_there || fail "it takes no lock: $(cat "$T/bg.err")"
kill -KILL "$PID"
finish 2>/dev/null
lock_there || fail "the lock is gone: the test tests nothing"
expect 0 drtool snapshot "dbname=shop user=reader"
[ -z "$(repo_files locks)" ] || fail "locks left over: $(repo_files locks)"
nothing_left
