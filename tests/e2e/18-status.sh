#!/bin/bash
# Objectives against measurements: what a monitor asks every few minutes.
. "$(dirname "$0")/lib.sh"

server
shop shop 1
unset PGDATABASE

step "nothing yet"
drtool init --repo "$REPO" --config "$T/drtool.yml" 2>"$T/err" || fail "$(cat "$T/err")"
cat >"$T/drtool.yml" <<-END
	version: 1
	repository: $REPO
	databases:
	  shop: dbname=shop
	objectives:
	  rpo: 24h
	  rto: 30m
END
unset DRTOOL_REPO
expect 5 drtool status
grep -q 'newest snapshot .*none.*MISSED' <<<"$OUT" || fail "$OUT"
expect 2 drtool status --nagios
[[ $OUT == "DRTOOL CRITICAL - shop: no snapshot"* ]] || fail "$OUT"

step "a snapshot: the RPO is met, the RTO unknown"
snapshot shop
expect 0 drtool status
grep -q "newest snapshot .*$ID.* ok" <<<"$OUT" || fail "$OUT"
grep -q 'restore predicted unknown' <<<"$OUT" || fail "$OUT"
expect 1 drtool status --nagios
[[ $OUT == "DRTOOL WARNING"*"restore predicted unknown"* ]] || fail "$OUT"

step "a proof predicts, a restore measures"
verify_ok "$ID"
expect 0 drtool status --json
[ "$(jq -r '.[0] | .proved + " " + .prediction.basis' <<<"$OUT")" = "$ID proof" ] || fail "$OUT"
expect 0 drtool restore "$ID" --into "dbname=back"
expect 0 drtool status --json
[ "$(jq -r '.[0].prediction.basis' <<<"$OUT")" = restore ] || fail "$OUT"
[ "$(jq '.[0] | .measured_seconds > 0 and .size > 1000000 and .rto_missed == false and .snapshots == 1' <<<"$OUT")" = true ] || fail "$OUT"
expect 0 drtool status --nagios
[[ $OUT =~ ^DRTOOL\ OK\ -\ shop:.*\'shop\ age\'=[0-9]+s\;\;86400\;0\ \'shop\ restore\'=[0-9.]+s\;\;1800\;0$ ]] || fail "$OUT"

step "a name that nobody knows is a slip of the hand"
expect 2 drtool status shpo
error_says shpo "neither"
expect 2 drtool status shpo --nagios

step "the newest snapshot is known not to come back: the one before it counts"
cp -a "$REPO" "$T/copy"
first=$ID
snapshot shop
proof=$(repo_files "proofs/shop/$first" | head -n 1)
rest=$(repo_cat "$proof" | tail -n +2 | sed "s/$first/$ID/; s/\"outcome\" *: *\"good\"/\"outcome\":\"differs\"/")
mkdir -p "$REPO/proofs/shop/$ID"
{ printf '{"sha256":"%s",\n' "$(sha256sum <<<"$rest" | cut -d' ' -f1)" && cat <<<"$rest"; } | repo_put "${proof//$first/$ID}"
expect 0 drtool status
grep -q "newest snapshot .*$ID.*does not come back as it was; the newest other one is .* ok" <<<"$OUT" || fail "$OUT"
expect 1 drtool status --nagios
[[ $OUT == "DRTOOL WARNING"*"does not come back"* ]] || fail "$OUT"
rm -rf "$REPO" && mv "$T/copy" "$REPO"
ID=$first

step "objectives that are missed"
expect 5 drtool status --rto 1s --rpo 1s
sleep 1.1
expect 5 drtool status --rpo 1s
grep -q 'MISSED (rpo 1' <<<"$OUT" || fail "$OUT"
expect 2 drtool status --nagios --rpo 1s

step "the prediction follows the size of the database now"
before=$(drtool status --json 2>"$T/err" | jq '.[0].prediction.seconds')
sql shop -c "CREATE TABLE more AS SELECT g, repeat('x', 500) FROM generate_series(1, 40000) g"
after=$(drtool status --json 2>"$T/err" | jq '.[0].prediction.seconds')
jq -en "$after > $before" >/dev/null || fail "$before, then $after"

step "kept databases: name, size, age"
expect 0 drtool status shop
grep -qx '  kept              none' <<<"$OUT" || fail "$OUT"
expect 0 drtool restore "$ID" --replace shop --confirm shop --json
kept=$(jq -r .kept <<<"$OUT")
expect 0 drtool restore "$ID" --replace shop --confirm shop
expect 0 drtool status shop --json
jq -e --arg kept "$kept" '.[0].kept | length == 2 and .[1].name == $kept and .[1].size > 1000000 and (.[0].until > .[1].until)' <<<"$OUT" >/dev/null || fail "$OUT"
cp <(jq '.[0].kept | map(del(.size))' <<<"$OUT") "$T/kept" # which autovacuum changes between the two
expect 0 drtool drop-old shop --json
[ "$(jq 'map(del(.size))' <<<"$OUT")" = "$(cat "$T/kept")" ] || fail "not what drop-old lists: $OUT"
expect 0 drtool status shop
grep -qE "^ {20}$kept, [0-9.]+ MiB, put aside [0-9]+ s ago$" <<<"$OUT" || fail "$OUT"
for name in $(jq -r '.[].name' "$T/kept"); do
	expect 0 drtool drop-old shop "$name" --confirm shop
done

step "a server that does not answer is not waited for, nor asked twice"
printf '%s\n' "  two: dbname=two" "  three: dbname=three" | sed -i '/^  shop:/r /dev/stdin' drtool.yml
postmaster=$(head -n 1 "$SERVER/data/postmaster.pid")
kill -STOP "$postmaster"
started=$(date +%s%N)
run drtool status --json
took=$((($(date +%s%N) - started) / 1000000))
kill -CONT "$postmaster"
[ "$STATUS" = 5 ] || fail "$STATUS: $OUT"
jq -e '[.[] | .kept, .size] | length == 6 and all(. == null)' <<<"$OUT" >/dev/null || fail "$OUT"
[ "$took" -lt 5000 ] || fail "it took $took ms"
sed -i '/^  two:/d; /^  three:/d' drtool.yml

step "without a server the repository alone answers"
expect 0 drtool status "host=127.0.0.1 port=1 dbname=shop"
grep -q 'database now *unknown: ' <<<"$OUT" || fail "$OUT"
no_leftovers
