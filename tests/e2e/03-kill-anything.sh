#!/bin/bash
# SIGKILL at random moments of snapshot, verify and restore: what is listed verifies, and the next run works and leaves nothing behind.
. "$(dirname "$0")/lib.sh"

rounds=8 scale=40
! is_s3 || rounds=3 scale=15
[ -z "${DRTOOL_LONG-}" ] || rounds=50
RANDOM=${DRTOOL_SEED:-$$}
echo "seed ${DRTOOL_SEED:-$$}"
server
shop shop $scale
change() { sql shop -c "UPDATE orders SET note = 'round $1' WHERE id % 997 = $1; INSERT INTO events (at, kind, payload) SELECT now(), 'kill', to_jsonb(g) FROM generate_series(1, 500) g"; }

milliseconds() { # command...: how long it takes when nobody kills it
	local start
	start=$(date +%s%3N)
	expect 0 "$@"
	MS=$(($(date +%s%3N) - start))
}

step "undisturbed"
milliseconds drtool snapshot "dbname=shop"
ID=$OUT
snapshot_ms=$MS
milliseconds drtool verify "$ID"
verify_ms=$MS
milliseconds drtool restore "$ID" --into "dbname=back_0"
restore_ms=$MS
echo "snapshot $snapshot_ms ms, verify $verify_ms ms, restore $restore_ms ms"
dropdb back_0

kill_within() { # MS command...: SIGKILL somewhere before it would be done
	local delay=$((RANDOM * $1 / 32768))
	shift
	"$@" >"$T/out" 2>"$T/err" &
	local pid=$!
	sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
	kill -KILL $pid 2>/dev/null || echo "   (it was done already)"
	wait $pid 2>/dev/null || true
	no_sanitizer "$T/err"
}

for round in $(seq $rounds); do
	change "$round"
	case $((round % 3)) in
	0) what="verify" && kill_within "$verify_ms" "$DRTOOL" verify latest ;;
	1) what="snapshot" && kill_within "$snapshot_ms" "$DRTOOL" snapshot "dbname=shop" ;;
	2)
		what="restore"
		target=back_$((round % 2))
		[ -z "$(sql postgres -c "SELECT 1 FROM pg_database WHERE datname = '$target'")" ] || dropdb "$target"
		kill_within "$restore_ms" "$DRTOOL" restore latest --into "dbname=$target"
		;;
	esac
	expect 0 drtool list
	echo "round $round: killed $what, $(listed | wc -l) listed"
done
no_processes

step "everything listed verifies"
for id in $(listed); do
	expect 0 drtool verify "$id" --scratch-server dbname=postgres
done

step "the next runs work and clean up"
snapshot shop
verify_ok "$ID"
for target in back_0 back_1; do
	[ -z "$(sql postgres -c "SELECT 1 FROM pg_database WHERE datname = '$target'")" ] || dropdb "$target"
	expect 0 drtool restore "$ID" --into "dbname=$target"
	same_databases shop "$target"
done
no_leftovers
