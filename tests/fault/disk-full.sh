#!/bin/bash
# The repository's disk is full, the scratch's disk is full: a clear error, nothing lost, and with more room the next run works.
. "$(dirname "$0")/../e2e/lib.sh"

small_disk() { # DIR SIZE
	mkdir -p "$1"
	mount -t tmpfs -o "size=$2,mode=0755" tmpfs "$1" 2>/dev/null || skip "no tmpfs can be mounted here"
}

server
small_disk "$T/mnt-repo" 3m
shop shop 1
export DRTOOL_REPO=$T/mnt-repo/repo
REPO=$DRTOOL_REPO
snapshot shop
good=$ID
sql shop -c "CREATE TABLE more AS SELECT g, md5(g::text) || md5((g * 7)::text) AS v FROM generate_series(1, 200000) g"

step "the repository's disk is full"
expect 1 drtool snapshot "dbname=shop"
error_says "space"
[ "$(listed)" = "$good" ] || fail "another set is listed: $(listed)"
no_leftovers
verify_ok "$good"

step "not even a lock fits"
dd if=/dev/zero of="$T/mnt-repo/filler" bs=4k status=none 2>/dev/null || true
run drtool snapshot "dbname=shop"
[ "$STATUS" = 1 ] || fail "status $STATUS: $(cat "$T/err")"
error_says "space"
rm "$T/mnt-repo/filler"
[ "$(listed)" = "$good" ] || fail "another set is listed: $(listed)"

step "more room"
mount -o remount,size=60m "$T/mnt-repo"
snapshot shop
verify_ok "$ID"
no_leftovers

step "the scratch's disk is too small: refused before anything is written"
small_disk "$T/mnt-scratch" 10m
mkdir "$T/mnt-scratch/s"
[ "$(id -u)" != 0 ] || chmod 777 "$T/mnt-scratch/s"
expect 3 drtool verify "$ID" --scratch-dir "$T/mnt-scratch/s"
error_says "space"
[ -z "$(ls -A "$T/mnt-scratch/s")" ] || fail "left over: $(ls -A "$T/mnt-scratch/s")"

step "the scratch's disk fills up while it is used"
mount -o remount,size=400m "$T/mnt-scratch"
start_drtool verify "$ID" --scratch-dir "$T/mnt-scratch/s"
wait_for 20 test -n "$(ls -A "$T/mnt-scratch/s")" || true
dd if=/dev/zero of="$T/mnt-scratch/filler" bs=64k status=none 2>/dev/null || true
finish
rm -f "$T/mnt-scratch/filler"
if [ "$STATUS" = 0 ]; then
	echo "   (it was done before the disk was full)"
else
	[ "$STATUS" = 1 ] || [ "$STATUS" = 3 ] || fail "status $STATUS: $(cat "$T/err")"
	error_says
fi
expect 0 drtool verify "$ID" --scratch-dir "$T/mnt-scratch/s"
[ -z "$(ls -A "$T/mnt-scratch/s")" ] || fail "left over: $(ls -A "$T/mnt-scratch/s")"
no_leftovers
