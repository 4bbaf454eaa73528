#!/bin/bash
# A repository that lists 1,000,000 chunks: memory stays bounded. In a tree with a sanitizer a fiftieth of that, and memory is not looked at.
. "$(dirname "$0")/lib.sh"

count=1000000
! is_instrumented || count=20000
server
fake
shop shop 1
snapshot shop
sql shop -c "UPDATE orders SET note = 'second'"

peak() { # command...: expect 0, and its memory stays below 256 MiB
	local used
	expect 0 /usr/bin/time -f '%M' -o "$T/rss" "$@"
	used=$(tail -n 1 "$T/rss")
	echo "   $((used / 1024)) MiB at most"
	is_instrumented || [ "$used" -lt $((256 * 1024)) ] || fail "$used KiB: $*"
}

control "set synthetic=$count,${REPO#s3://}"
step "snapshot"
fresh_log
start=$SECONDS
peak "$DRTOOL" snapshot "dbname=shop"
ID=$OUT
echo "   $((SECONDS - start)) s, $(requests ListObjects) listings, $(awk '$8 > most { most = $8 } END { print most }' "$FAKE/log") requests at once at most"
[ "$(requests ListObjects)" -ge $((count / 1000)) ] || fail "$(requests ListObjects) listings for $count chunks"
step "verify"
peak "$DRTOOL" verify "$ID"
step "restore"
peak "$DRTOOL" restore "$ID" --into "dbname=back"
same_databases shop back
control
nothing_left
