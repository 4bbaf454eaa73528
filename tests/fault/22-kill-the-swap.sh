#!/bin/bash
# SIGKILL at every step of restore --replace and of undo: the old or the new database answers under the name, never neither, and the next call finishes or cleans up.
. "$(dirname "$0")/lib.sh"

rounds=6
[ -z "${DRTOOL_LONG-}" ] || rounds=60
RANDOM=${DRTOOL_SEED:-$$}
echo "seed ${DRTOOL_SEED:-$$}"
server
shop shop 10
sql shop -c "COMMENT ON DATABASE shop IS 'ours'" -c "ALTER DATABASE shop SET work_mem = '7MB'"
snapshot shop
good=$ID
dump shop >"$T/new.sql"
sql shop -c "CREATE TABLE side (what text)" -c "DELETE FROM order_lines"
dump shop >"$T/old.sql"
query="SELECT CASE WHEN to_regclass('side') IS NULL THEN 'new' ELSE 'old' END"
which() { sql shop -c "$query"; }
answers() { # the old or the new one, whole, with its settings and a comment, within as long as the server needs to see that we are gone
	local now
	wait_for 8 psql -X -q -d shop -c 'SELECT 1' >/dev/null 2>&1 || fail "nobody answers under the name: $(psql -l)"
	now=$(which)
	[ "$now" = "${1-$now}" ] || fail "the $now database answers"
	dump shop >"$T/now.sql"
	same_dumps "$T/$now.sql" "$T/now.sql"
	[ "$(sql postgres -c "SELECT shobj_description(d.oid, 'pg_database'), setconfig FROM pg_database d JOIN pg_db_role_setting ON setdatabase = d.oid WHERE datname = 'shop'")" = "ours|{work_mem=7MB}" ] || fail "comment or settings of the $now database"
	echo "   the $now one answers; $(sql postgres -c "SELECT string_agg(regexp_replace(datname, '_[0-9][0-9a-z_-]*\$', ''), ' ' ORDER BY datname) FROM pg_database WHERE datname ~ '^shop_'")"
}
back_to_old() {
	[ "$(which)" = old ] || expect 0 drtool undo dbname=shop --confirm shop
	[ "$(which)" = old ] || fail "undo does not lead back"
	drop_kept
}
kill_at() { # MS command...: SIGKILL after that long
	local ms=$1 pid
	shift
	"$@" >"$T/out" 2>"$T/err" &
	pid=$!
	sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
	kill -KILL $pid 2>/dev/null || echo "   (it was done already)"
	wait $pid 2>/dev/null || true
	no_sanitizer "$T/err"
}
replace=("$DRTOOL" restore "$good" --replace dbname=shop --confirm shop)

step "undisturbed"
start=$(date +%s%3N)
expect 0 "${replace[@]}"
replace_ms=$(($(date +%s%3N) - start))
answers new
start=$(date +%s%3N)
expect 0 drtool undo dbname=shop --confirm shop
undo_ms=$(($(date +%s%3N) - start))
answers old
drop_kept
echo "   restore $replace_ms ms, undo $undo_ms ms"

step "killed in every phase that says its name"
for phase in "taking a safety snapshot" "safety snapshot .* tag" "schema" "data" "indexes" "checking what was restored"; do
	: >"$T/bg.err"
	"${replace[@]}" --check "sleep 2" >"$T/out" 2>"$T/bg.err" &
	PID=$!
	wait_for 60 grep -q "^$phase" "$T/bg.err" || fail "\"$phase\" is not said: $(cat "$T/bg.err")"
	kill -KILL $PID 2>/dev/null || fail "it was done already"
	wait $PID 2>/dev/null || true
	no_sanitizer "$T/bg.err"
	echo "killed in: $phase"
	answers old
done
nothing_alive
expect 0 "${replace[@]}"
answers new
[ -z "$(sql postgres -c "SELECT datname FROM pg_database WHERE datname ~ 'restoring'")" ] || fail "what the killed ones made is still there: $(psql -l)"
back_to_old

step "killed when the restored database is complete: the next run reads it once more and takes it up"
complete() { # a run is killed between its checks and its swap
	"${replace[@]}" --check "touch $T/complete; sleep 60" >"$T/out" 2>"$T/bg.err" &
	PID=$!
	wait_for 60 test -e "$T/complete" || fail "it never got that far: $(cat "$T/bg.err")"
	rm "$T/complete"
	kill -KILL $PID
	wait $PID 2>/dev/null || true
	answers old
}
complete
expect 0 "${replace[@]}" --json
grep -q "^an earlier run has left" "$T/err" || fail "not taken up: $(cat "$T/err")"
! grep -q "^schema" "$T/err" || fail "restored anew: $(cat "$T/err")"
[ "$(jq '.rows > 0' <<<"$OUT")" = true ] || fail "$OUT"
answers new
back_to_old

step "somebody was in it in the meantime: restored anew"
for change in "UPDATE orders SET note = 'x' WHERE id = 1" "DROP INDEX orders_user_id_idx" "SELECT nextval(pg_get_serial_sequence('events', 'id'))"; do
	complete
	sql "shop__restoring_$good" -c "$change" >/dev/null
	expect 0 "${replace[@]}"
	grep -q "^it is not what the snapshot says any more" "$T/err" || fail "$change: $(cat "$T/err")"
	answers new
	back_to_old
done

step "it was another snapshot's: removed"
complete
expect 0 drtool snapshot dbname=shop
expect 0 drtool restore "$OUT" --replace dbname=shop --confirm shop
[ -z "$(sql postgres -c "SELECT datname FROM pg_database WHERE datname ~ 'restoring'")" ] || fail "what the killed one made is still there: $(psql -l)"
answers old
drop_kept

step "killed at random"
for _ in $(seq "$rounds"); do
	kill_at $((RANDOM * (replace_ms + 300) / 32768)) "${replace[@]}"
	answers
	[ "$(which)" = old ] || back_to_old
done
nothing_alive
expect 0 "${replace[@]}"
answers new

step "undo, killed at random around the swap"
for _ in $(seq "$rounds"); do
	kill_at $((undo_ms / 3 + RANDOM * undo_ms / 65536)) "$DRTOOL" undo dbname=shop --confirm shop
	answers
done
nothing_alive

step "killed in the middle of the swap: a session that does not end keeps it there"
# A process that is stopped cannot be ended: the rename waits for it, and everybody else for the rename.
psql -X -q -d shop -c "SELECT 'stopped', pg_sleep(100)" >/dev/null 2>&1 &
background+=("$!")
stopped() { sql postgres -c "SELECT pid FROM pg_stat_activity WHERE datname = 'shop' AND query LIKE '%stopped%' AND pid <> pg_backend_pid()"; }
wait_for 10 eval '[ -n "$(stopped)" ]'
backend=$(stopped)
before=$(which)
kill -STOP "$backend"
start_drtool undo dbname=shop --confirm shop
renaming() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'ALTER DATABASE%RENAME%' AND state = 'active' AND pid <> pg_backend_pid()")" = 1 ]; }
wait_for 10 renaming || fail "the swap does not begin: $(cat "$T/bg.err")"
kill -KILL "$PID"
finish 2>/dev/null
answers "$before"
step "not killed, but the session does not end: given up, the old one answers, and the next call does it"
fails 1 shop "accessed by other users" -- drtool undo dbname=shop --confirm shop
grep -q "^hint: server process $backend " "$T/err" || fail "$(cat "$T/err")"
answers "$before"
kill -CONT "$backend"
expect 0 drtool undo dbname=shop --confirm shop
[ "$(which)" != "$before" ] || fail "not swapped"
answers
nothing_left
