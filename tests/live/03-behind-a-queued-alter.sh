#!/bin/bash
# pg_dump, or one of our readers, wants a lock that the coordinator has, and somebody's ALTER stands between them. The server sees no cycle: without
# care all three wait for ever. The attempt is dropped at once, and the next one is right.
. "$(dirname "$0")/lib.sh"

server -o max_connections=12 -o max_locks_per_transaction=10 -o max_wal_senders=0 -o superuser_reserved_connections=0
createdb shop
sql shop -c "CREATE TABLE users AS SELECT g AS id, md5(g::text) AS name FROM generate_series(1, 1000) g"
in_time() { timeout 60 "$DRTOOL" "$@"; } # a hang is status 124

step "pg_dump"
meddling_pg_dump <<-LINES
	psql -X -d shop -c "ALTER TABLE users ADD COLUMN nickname text" & for i in \$(seq 100); do psql -X -At -d postgres -c "SELECT 'queued' FROM pg_locks WHERE NOT granted" | grep -q queued && break; sleep 0.05; done
LINES
start=$(now_ms)
expect 0 in_time snapshot dbname=shop --pg-bin "$BIN" --yield-after 60s --json
echo "   it took $(($(now_ms) - start)) ms in all"
[ "$(jq .attempts <<<"$OUT")" = 2 ] || fail "nobody was in the way: $OUT"
grep -q 'ALTER TABLE users' "$T/err" || fail "nobody is named: $(cat "$T/err")"
ID=$(jq -r .id <<<"$OUT")
[ "$(rows_in "$ID" users | awk -F'\t' 'NF == 3' | wc -l)" = 1000 ] || fail "the snapshot is not of the time after the ALTER"
no_leftovers

step "a reader that starts with another table, on a server without room for all its locks at once"
for n in $(seq 25); do
	echo "CREATE TABLE other_$n (a int);"
done | sql shop
sql shop -c "CREATE TABLE big AS SELECT g AS id, md5(g::text) || md5((g + 1)::text) AS v FROM generate_series(1, 200000) g"
slow_link 4000000
start_drtool snapshot "$SLOW dbname=shop" --yield-after 60s --jobs 1 --json
reading_big() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'drtool%' AND query LIKE 'COPY public.big%'")" = 1 ]; }
wait_for 20 reading_big || fail "it never began to read: $(cat "$T/bg.err")"
sleep 1.5 # pg_dump was started
pg_dump_done() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pg_dump%'")" = 0 ]; }
wait_for 20 pg_dump_done || fail "pg_dump is still there"
start=$(now_ms)
sql shop -c "ALTER TABLE users DROP COLUMN nickname"
echo "   the ALTER waited $(($(now_ms) - start)) ms"
[ $(($(now_ms) - start)) -lt 15000 ] || fail "the reader kept the ALTER waiting"
for _ in $(seq 300); do
	kill -0 "$PID" 2>/dev/null || break
	sleep 0.1
done
! kill -0 "$PID" 2>/dev/null || fail "it hangs: $(cat "$T/bg.err")"
finish
[ "$STATUS" = 0 ] || fail "status $STATUS: $(cat "$T/err")"
[ "$(jq .attempts <<<"$OUT")" = 2 ] || fail "nobody was in the way: $OUT"
grep -q 'ALTER TABLE users' "$T/err" || fail "nobody is named: $(cat "$T/err")"
ID=$(jq -r .id <<<"$OUT")
[ "$(rows_in "$ID" users | awk -F'\t' 'NF == 2' | wc -l)" = 1000 ] || fail "the snapshot is not of the time after the ALTER"
verify_ok "$ID"
no_leftovers
