#!/bin/bash
# A second snapshot of the same rows stores next to nothing; a changed row costs the chunks around it.
. "$(dirname "$0")/lib.sh"

scale=60
! is_s3 || scale=30
server
shop shop $scale

step "first snapshot"
snapshot shop
first=$(new_bytes "$ID")
chunks=$(repo_count chunks)

step "nothing changed"
snapshot shop
again=$(new_bytes "$ID")
[ "$again" -lt 1024 ] || fail "$again new bytes though nothing changed ($first at first)"
more=$(($(repo_count chunks) - chunks))
[ $more -le 1 ] || fail "$more new objects though nothing changed"

step "one row changed"
sql shop -c "UPDATE orders SET note = 'changed' WHERE id = 45000"
snapshot shop
changed=$(new_bytes "$ID")
[ "$changed" -gt "$again" ] || fail "a changed row stored nothing"
[ "$changed" -lt $((first / 3)) ] || fail "one changed row stored $changed bytes of $first"
verify_ok "$ID"

step "a dump and restore of the same rows shares its chunks"
expect 0 drtool restore "$ID" --into "dbname=shop_back"
snapshot shop_back
copied=$(new_bytes "$ID")
[ "$copied" -lt $((first / 2)) ] || fail "a restored copy stored $copied bytes of $first"
no_leftovers
