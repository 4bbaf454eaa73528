#!/bin/bash
# A session holds ACCESS EXCLUSIVE, or waits for it behind a long reader: the snapshot waits no longer than --lock-wait and names the session;
# meanwhile nobody queues behind us; when it lets go in time, the snapshot happens. Where both wait for each other it is we who let go.
. "$(dirname "$0")/lib.sh"

server -o deadlock_timeout=2s
shop shop 1

step "longer than we are willing to wait"
hold shop products "ACCESS EXCLUSIVE" 30
start=$(now_ms)
expect 1 drtool snapshot dbname=shop --lock-wait 3s
took=$(($(now_ms) - start))
error_says "the-holder" "pid $(sql postgres -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'the-holder'")" "'holding', pg_sleep"
grep -q 'pg_terminate_backend\|--lock-wait' "$T/err" || fail "$(cat "$T/err")"
echo "   given up after $took ms"
[ $took -ge 2500 ] && [ $took -lt 15000 ] || fail "--lock-wait 3s, and it took $took ms"
[ -z "$(listed)" ] || fail "something is listed"
no_leftovers

step "a while, with readers and writers of the other tables"
sql postgres -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'the-holder'" >/dev/null
wait_for 10 no_holder
hold shop products "ACCESS EXCLUSIVE" 6
read_all_the_time shop "UPDATE users SET phone = phone WHERE id = 1; SELECT count(*) FROM orders WHERE id < 10" 2
start=$(now_ms)
snapshot shop --lock-wait 30s
touch "$T/stop"
echo "   it took $(($(now_ms) - start)) ms, the longest read or write $(longest_read) ms"
grep -q 'the-holder.*trying again' "$T/err" || fail "nobody was in the way: $(cat "$T/err")"
[ "$(longest_read)" -lt 3500 ] || fail "others waited $(longest_read) ms"
no_leftovers

step "a migration that has one table and comes for another, which we have: the server would end whoever has waited longer, which is not us"
rm "$T/stop"
sql shop -c "CREATE TABLE first (a int)" -c "CREATE TABLE middle (a int)" -c "CREATE TABLE last (a int)"
# Our coordinator has first and waits for middle; the migration has last and waits for first; then middle is free and we come for last.
until_somebody_waits_for() {
	echo "DO \$\$BEGIN FOR i IN 1..500 LOOP EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = '$1'::regclass); PERFORM pg_sleep(0.01); END LOOP; END\$\$;"
}
{ echo "BEGIN; LOCK TABLE middle; " && until_somebody_waits_for first && echo "COMMIT;"; } >"$T/other.sql"
{ echo "BEGIN; ALTER TABLE last ADD COLUMN b int;" && until_somebody_waits_for middle && echo "ALTER TABLE first ADD COLUMN b int; COMMIT;"; } >"$T/migration.sql"
has_lock_on() { [ "$(sql shop -c "SELECT count(*) FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock' AND relation = '$1'::regclass")" = 1 ]; }
psql -X -q -v ON_ERROR_STOP=1 -d shop -f "$T/other.sql" >"$T/other.out" 2>&1 &
other=$!
psql -X -q -v ON_ERROR_STOP=1 -d shop -f "$T/migration.sql" >"$T/migration.out" 2>&1 &
migration=$!
wait_for 10 has_lock_on middle && wait_for 10 has_lock_on last || fail "$(cat "$T/migration.out" "$T/other.out")"
snapshot shop --lock-wait 30s
wait "$other" || fail "$(cat "$T/other.out")"
wait "$migration" || fail "the migration was ended for our sake: $(cat "$T/migration.out")"
grep -q 'trying again' "$T/err" || fail "nobody was in the way: nothing was tested: $(cat "$T/err")"
[ "$(show_json "$ID" | jq '[.contents[].name | select(. == "first" or . == "middle" or . == "last")] | length')" = 3 ] || fail "tables are missing"
verify_ok "$ID"
no_leftovers
