#!/bin/bash
# The disk of the repository, of the scratch or of the restored database is full: a clear error, nothing lost, and with more room the same
# command works.
. "$(dirname "$0")/lib.sh"

small_disk "$T/mnt-repo" 3m
server
shop shop 1
export DRTOOL_REPO=$T/mnt-repo/repo
REPO=$DRTOOL_REPO
snapshot shop
good=$ID
sql shop -c "CREATE TABLE more AS SELECT g, md5(g::text) || md5((g * 7)::text) AS v FROM generate_series(1, 120000) g"

step "the repository's disk is full"
fails 1 "No space left" -- drtool snapshot "dbname=shop"
[ "$(listed)" = "$good" ] || fail "another set is listed: $(listed)"
nothing_left
verify_ok "$good"

step "not even a lock fits"
fill_disk "$T/mnt-repo"
fails 1 "No space left" -- drtool snapshot "dbname=shop"
expect 0 drtool list
grep -q "$good" <<<"$OUT" || fail "the good one is not listed: $OUT"
expect 1 drtool doctor "dbname=shop"
[ "$(grep -cE '^fail +repository( disk)?: ' <<<"$OUT")" = 2 ] || fail "$OUT"
drtool cat "$good" >/dev/null 2>"$T/err" || fail "the good one cannot be read: $(cat "$T/err")"
free_disk "$T/mnt-repo"
[ "$(listed)" = "$good" ] || fail "another set is listed: $(listed)"

step "more room"
mount -o remount,size=60m "$T/mnt-repo"
snapshot shop
nothing_left

step "a proof that cannot be written is no proof"
fill_disk "$T/mnt-repo"
run drtool verify "$ID" --scratch-server dbname=postgres
[ "$STATUS" = 1 ] || fail "status $STATUS: $(cat "$T/err")"
one_error "No space left"
free_disk "$T/mnt-repo"
[ "$(drtool list --json 2>/dev/null | jq -r ".[] | select(.id == \"$ID\") | .proof")" = null ] || fail "there is a proof"

step "the scratch's disk is too small: refused before anything is written"
small_disk "$T/mnt-scratch" 10m
mkdir -m 777 "$T/mnt-scratch/s"
fails 3 "free" -- drtool verify "$ID" --scratch-dir "$T/mnt-scratch/s"
[ -z "$(ls -A "$T/mnt-scratch/s")" ] || fail "left over: $(ls -A "$T/mnt-scratch/s")"

step "the scratch's disk fills up while it is used"
mount -o remount,size=400m "$T/mnt-scratch"
start_drtool verify "$ID" --scratch-dir "$T/mnt-scratch/s"
begun() { [ -n "$(ls -A "$T/mnt-scratch/s")" ]; }
wait_for 20 begun || fail "no cluster was begun"
fill_disk "$T/mnt-scratch"
finish
[ "$STATUS" = 1 ] || fail "status $STATUS: $(cat "$T/err")"
one_error "No space left"
free_disk "$T/mnt-scratch"
[ -z "$(ls -A "$T/mnt-scratch/s")" ] || fail "left over: $(ls -A "$T/mnt-scratch/s")"
expect 0 drtool verify "$ID" --scratch-dir "$T/mnt-scratch/s"
[ -z "$(ls -A "$T/mnt-scratch/s")" ] || fail "left over: $(ls -A "$T/mnt-scratch/s")"

step "the disk of the restored database is full"
small_disk "$T/mnt-target" 14m
mkdir -m 700 "$T/mnt-target/space"
[ "$(id -u)" != 0 ] || chown postgres: "$T/mnt-target/space"
sql postgres -c "CREATE TABLESPACE small LOCATION '$T/mnt-target/space'"
createdb -D small back
fails 1 "No space left" -- drtool restore "$ID" --into "dbname=back"
nothing_alive
mount -o remount,size=200m "$T/mnt-target"
expect 0 drtool restore "$ID" --into "dbname=back"
same_databases shop back
sql postgres -c "DROP DATABASE back" -c "DROP TABLESPACE small"
nothing_left
