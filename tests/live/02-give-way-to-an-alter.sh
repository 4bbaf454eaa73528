#!/bin/bash
# An ALTER TABLE queues behind a long snapshot and readers pile up behind the ALTER: we give way within --yield-after, say to whom, keep what was
# stored, and finish once the ALTER is through. CREATE INDEX CONCURRENTLY, which waits for old transactions, gets the same.
. "$(dirname "$0")/lib.sh"

yield=3
server
createdb shop
sql shop -c "CREATE TABLE users AS SELECT g AS id, md5(g::text) AS name FROM generate_series(1, 1000) g" \
	-c "CREATE TABLE big AS SELECT g AS id, md5(g::text) || md5((g + 1)::text) AS v FROM generate_series(1, 450000) g"
slow_link 6000000 # the table big, 32 MB, takes more than 5 s
stored() { find "$REPO/chunks" -type f 2>/dev/null | sort; }
some_stored() { [ "$(stored | wc -l)" -ge 3 ]; }
step "the ALTER comes while rows are read"
read_all_the_time shop "SELECT count(*) FROM users WHERE id < 10" 3
start_drtool snapshot "$SLOW dbname=shop" --yield-after ${yield}s --jobs 2 --json
wait_for 20 copying || fail "it never began to read: $(cat "$T/bg.err")"
wait_for 20 some_stored || fail "nothing is stored: $(cat "$T/bg.err")"
stored >"$T/stored"
start=$(now_ms)
PGAPPNAME=tonights-deploy sql shop -c "ALTER TABLE users ADD COLUMN nickname text"
waited=$(($(now_ms) - start))
kill -0 "$PID" || fail "the snapshot ended: $(cat "$T/bg.err")"
finish
touch "$T/stop"
[ "$STATUS" = 0 ] || fail "status $STATUS: $(cat "$T/err")"
longest=$(longest_read)
echo "   the ALTER waited $waited ms, $(reads) reads, the longest took $longest ms"
[ "$waited" -gt $((yield * 500)) ] || fail "the ALTER did not have to wait: nothing was tested"
[ "$waited" -lt $(((yield + 4) * 1000)) ] || fail "the ALTER waited $waited ms"
[ "$longest" -gt $((yield * 500)) ] || fail "no reader had to wait: nothing was tested"
[ "$longest" -lt $(((yield + 4) * 1000)) ] || fail "a reader waited $longest ms"

step "it says to whom"
grep -q 'tonights-deploy.*ALTER TABLE users ADD COLUMN nickname' "$T/err" || fail "$(cat "$T/err")"

step "the second attempt stores next to nothing anew, and is of the time after the ALTER"
[ "$(jq .attempts <<<"$OUT")" = 2 ] || fail "attempts: $OUT"
[ -z "$(stored | comm -13 - "$T/stored")" ] || fail "chunks of the first attempt are gone"
[ "$(jq .chunks_known <<<"$OUT")" -ge "$(($(wc -l <"$T/stored") - 1))" ] || fail "stored again: $OUT"
ID=$(jq -r .id <<<"$OUT")
[ "$(rows_in "$ID" users | head -n1 | awk -F'\t' '{ print NF }')" = 3 ] || fail "the snapshot is not of the time after the ALTER"
verify_ok "$ID"
no_leftovers

step "somebody waits for our transaction, not for a lock on a table"
rm "$T/stop"
start_drtool snapshot "$SLOW dbname=shop" --yield-after 2s --jobs 2 --json
wait_for 20 copying || fail "it never began to read: $(cat "$T/bg.err")"
start=$(now_ms)
sql shop -c "CREATE INDEX CONCURRENTLY ON users (name)"
waited=$(($(now_ms) - start))
echo "   CREATE INDEX CONCURRENTLY took $waited ms"
[ "$waited" -lt 8000 ] || fail "CREATE INDEX CONCURRENTLY took $waited ms"
finish
[ "$STATUS" = 0 ] || fail "status $STATUS: $(cat "$T/err")"
[ "$(jq .attempts <<<"$OUT")" = 2 ] || fail "attempts: $OUT"
no_leftovers
