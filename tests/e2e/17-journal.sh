#!/bin/bash
# What was done to a database is in the journal, and predicts how long the next restore takes.
. "$(dirname "$0")/lib.sh"

server
shop shop 1

step "snapshot, proof, restore: one event each, in order"
snapshot shop
verify_ok "$ID"
expect 0 drtool restore "$ID" --into "dbname=back" --dry-run
grep -q 'predicted time: .* by a test restore' <<<"$OUT" || fail "no prediction: $OUT"
expect 0 drtool restore "$ID" --into "dbname=back"
expect 0 drtool journal --json
[ "$(jq -r '[.[].event] | join(" ")' <<<"$OUT")" = "snapshot verify restore" ] || fail "$OUT"
[ "$(jq -r '[.[] | .outcome] | unique | join(" ")' <<<"$OUT")" = "done" ] || fail "$OUT"
[ "$(jq -r '[.[] | .snapshot] | unique | join(" ")' <<<"$OUT")" = "$ID" ] || fail "$OUT"
[ "$(jq -r '.[2] | .dbname + " " + .server' <<<"$OUT")" = "back $PGHOST:$PGPORT" ] || fail "$OUT"
[ "$(jq '.[2] | (.predicted_seconds > 0) and (.phases | length > 3) and .rows > 0 and .seconds > 0' <<<"$OUT")" = true ] || fail "$OUT"
[ "$(jq -r '.[1].details.proof' <<<"$OUT")" = good ] || fail "$OUT"
[ "$(jq -r '.[0].user' <<<"$OUT")" = "$(id -un)" ] || fail "$OUT"

step "the next restore is predicted by that restore"
expect 0 drtool restore "$ID" --into "dbname=again" --dry-run
grep -qF "by a restore of" <<<"$OUT" || fail "$OUT"
[ "$(drtool journal --json 2>/dev/null | jq length)" = 3 ] || fail "a dry run is in the journal"

step "what failed is there with its reason, what was refused is not"
expect 1 drtool snapshot "dbname=nowhere"
createdb full
sql full -c "CREATE TABLE t (a int)"
expect 3 drtool restore "$ID" --into "dbname=full"
expect 0 drtool journal
[ "$(grep -c . <<<"$OUT")" = 4 ] || fail "$OUT"
createdb broken
sql broken -c "CREATE TABLE t (a int); CREATE ROLE reader LOGIN; GRANT CONNECT ON DATABASE broken TO reader"
expect 1 drtool snapshot "dbname=broken user=reader"
expect 0 drtool journal broken --json
[ "$(jq -r '.[0] | .event + " " + .outcome' <<<"$OUT")" = "snapshot failed" ] || fail "$OUT"
jq -e '.[0].message | length > 10' <<<"$OUT" >/dev/null || fail "$OUT"

step "for people"
expect 0 drtool journal shop --last 1
[ "$(tail -n 1 <<<"$OUT" | grep -c restore)" = 1 ] && [ "$(wc -l <<<"$OUT")" = 2 ] || fail "$OUT"
expect 0 drtool journal --markdown
grep -q '^## .* UTC: restore of shop, done$' <<<"$OUT" || fail "$OUT"
grep -q '^- phases: .*data' <<<"$OUT" || fail "$OUT"

step "a damaged event is named and hides no other"
event=$(repo_files journal | grep 'verify.json$')
repo_cat "$event" >"$T/event"
echo x >>"$T/event"
repo_put "$event" <"$T/event"
expect 6 drtool journal shop --json
[ "$(jq length <<<"$OUT")" = 2 ] || fail "$OUT"
error_says "cannot be read" "verify"

step "a database that only the environment names"
expect 0 env PGDATABASE=shop "$DRTOOL" snapshot
ID=$OUT
expect 0 drtool journal shop --last 1 --json
[ "$(jq -r '.[0] | .snapshot + " " + .dbname' <<<"$OUT")" = "$ID shop" ] || fail "$OUT"
expect 2 drtool status "host=$PGHOST"
error_says "names no database"

step "how far off each prediction was"
repo_remove "$event"
verify_ok "$ID"
expect 0 drtool verify "$ID" --dry-run
grep -q '^predicted time: .*, by a test restore of .* on private cluster' "$T/err" || fail "$(cat "$T/err")"
verify_ok "$ID"
expect 0 drtool restore "$ID" --replace "dbname=shop" --confirm shop
expect 0 drtool journal shop --json
jq -e '[.[] | select(.event == "verify" or .event == "restore" or .event == "replace")] | [.[].event] == ["restore", "verify", "verify", "replace"] and .[1].prediction_error == null
	and all(.[0, 2, 3]; . as $v | .predicted_seconds > 0 and ((.seconds / .predicted_seconds - 1 - .prediction_error) | . * . < 0.0001 * (1 + $v.prediction_error) * (1 + $v.prediction_error)))' <<<"$OUT" >/dev/null || fail "$OUT"
expect 0 drtool journal shop --last 1
grep -qE ' replace .*( % (over|under)|as predicted)  ' <<<"$OUT" || fail "$OUT"
expect 0 drtool journal shop --last 1 --markdown
grep -qE '^- predicted: [0-9.]+ (s|min), took ([0-9.]+ s|.*min.*): ([0-9]+ % (over|under)|as predicted)$' <<<"$OUT" || fail "$OUT"
expect 0 drtool status "dbname=shop"
grep -qE '^  last prediction   [0-9.]+ s, and replace took [0-9.]+ s: .*, [0-9]+ s ago$' <<<"$OUT" || fail "$OUT"
expect 0 drtool status "dbname=shop" --json
jq -e '.[0].last_prediction | .event == "replace" and .predicted_seconds > 0 and .seconds > 0 and .error != null' <<<"$OUT" >/dev/null || fail "$OUT"
no_leftovers
