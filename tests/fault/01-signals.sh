#!/bin/bash
# SIGKILL, SIGINT and SIGTERM at random moments of snapshot, verify and restore: out in time with 128+n, nothing left behind, nothing lost.
. "$(dirname "$0")/lib.sh"

rounds=2
[ -z "${DRTOOL_LONG-}" ] || rounds=17
RANDOM=${DRTOOL_SEED:-$$}
echo "seed ${DRTOOL_SEED:-$$}"
limit_ms=5000
is_instrumented && limit_ms=9000
server
shop shop 8
slow_link 6000000
change() { sql shop -c "UPDATE orders SET note = 'round $1' WHERE id % 97 = $1" -c "DROP TABLE IF EXISTS rewritten; CREATE TABLE rewritten AS SELECT *, random() AS r FROM order_lines" 2>/dev/null; }
now_ms() { date +%s%3N; }

declare -A usual # milliseconds an undisturbed run takes
arguments() {    # WHAT: in $ARGUMENTS
	case $1 in
	snapshot) ARGUMENTS=(snapshot "$SLOW dbname=shop" --jobs 1) ;;
	verify) ARGUMENTS=(verify latest) ;;
	restore) ARGUMENTS=(restore "$restored" --into "$SLOW dbname=back" --jobs 1) ;;
	esac
}
undisturbed() { # WHAT
	local start
	arguments "$1"
	! exists back || dropdb back
	start=$(now_ms)
	expect 0 drtool "${ARGUMENTS[@]}"
	usual[$1]=$(($(now_ms) - start))
	[ "$1" != restore ] || same_databases at_snapshot back
	nothing_left
}

# Signal WHAT somewhere before it would be done. $EARLY is empty when it was done already.
disturb() { # SIGNAL WHAT
	local delay=$((RANDOM * usual[$2] / 32768)) start
	arguments "$2"
	! exists back || dropdb back
	start_drtool "${ARGUMENTS[@]}"
	sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
	EARLY=1
	kill "-$1" "$PID" 2>/dev/null || EARLY=""
	start=$(now_ms)
	finish 2>/dev/null
	TOOK=$(($(now_ms) - start))
	echo "   signal $1 after $delay of ${usual[$2]} ms: status $STATUS after $TOOK ms"
	[ "$STATUS" != 0 ] || EARLY="" # it was just about done
}

step "undisturbed"
snapshot shop
restored=$ID
createdb -T shop at_snapshot
for what in snapshot verify restore; do
	undisturbed $what
done

for what in snapshot verify restore; do
	for signal in 2 15; do
		step "signal $signal: $what"
		for round in $(seq $rounds); do
			change $((signal * 2 + round))
			before=$(listed)
			disturb $signal $what
			nothing_left
			[ -n "$EARLY" ] || continue
			[ "$STATUS" = $((128 + signal)) ] || fail "status $STATUS after signal $signal: $(cat "$T/err")"
			[ "$TOOK" -lt $limit_ms ] || fail "$TOOK ms to end"
			# A signal that comes before main() has installed its handlers finds nothing to clean and says nothing.
			[ ! -s "$T/err" ] || one_error interrupted
			[ -z "$OUT" ] || fail "something on stdout: $OUT"
			[ "$(listed)" = "$before" ] || fail "it is listed"
			! exists back || fail "a half-made database has the name asked for"
		done
	done
	step "signal 9: $what"
	for round in $(seq $rounds); do
		change $((60 + round))
		disturb 9 $what
		[ -z "$EARLY" ] || [ "$STATUS" = 137 ] || fail "status $STATUS after SIGKILL: $(cat "$T/err")"
		nothing_alive
		expect 0 drtool list
		! exists back || same_databases at_snapshot back # whole: killed between its last statement and its last word
		before=$(listed | wc -l)
		undisturbed $what # and nothing is left of the killed one
		[ $what != snapshot ] || [ "$(listed | wc -l)" = $((before + 1)) ] || fail "the next snapshot is not listed"
	done
done

step "everything listed verifies"
for id in $(listed); do
	expect 0 drtool verify "$id" --scratch-server "dbname=postgres"
done
nothing_left
