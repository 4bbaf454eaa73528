#!/bin/bash
# Other bytes with 200, a listed object that cannot be delivered, listings that are not listings: noticed, named, never restored.
. "$(dirname "$0")/lib.sh"

server
fake
shop shop 1
snapshot shop
good=$ID
createdb -T shop at_snapshot

not_restored() { # chunks are not what they should be: status 6
	fails 6 -- drtool restore "$good" --into "dbname=back"
	absent back
}
damaged() { # by nobody
	not_restored
	run drtool cat "$good"
	[ "$STATUS" = 6 ] || fail "cat: status $STATUS: $(cat "$T/err")"
	one_error
	expect 6 drtool verify "$good" --scratch-server dbname=postgres
}
heal() {
	local path
	control
	for path in $(repo_files damaged); do
		repo_remove "$path"
	done
	expect 0 drtool verify "$good" --scratch-server dbname=postgres
}

step "chunks with other bytes"
control "fault op=GetObject key=chunks/ do=bytes how=flip"
damaged
for how in other empty html; do
	control "fault op=GetObject key=chunks/ do=bytes how=$how"
	not_restored
done
heal

step "one chunk of many, once: the second answer is good, or it is said"
control "fault op=GetObject key=chunks/ skip=2 count=1 do=bytes"
run drtool restore "$good" --into "dbname=back"
case $STATUS in
0) same_databases at_snapshot back && dropdb back ;;
6) one_error && absent back ;;
*) fail "status $STATUS: $(cat "$T/err")" ;;
esac
heal

for how in flip empty html; do
	step "manifests: $how"
	control "fault op=GetObject key=snapshots/ do=bytes how=$how"
	expect 6 drtool list
	fails 6 -- drtool restore "$good" --into "dbname=back"
	absent back
	control
done
for how in flip empty html; do
	step "drtool.json: $how"
	control "fault op=GetObject key=drtool.json do=bytes how=$how"
	run drtool list
	[ "$STATUS" = 6 ] || [ "$STATUS" = 2 ] || fail "status $STATUS: $(cat "$T/err")"
	one_error
	control
done

step "a chunk is listed and cannot be delivered: gone"
control "fault op=GetObject key=chunks/ do=status status=404"
not_restored
heal
step "a chunk is listed and cannot be delivered: the store fails, or a proxy knows nothing of it"
for how in status=500 "status=404 body=empty" "status=404 body=html"; do
	control "fault op=GetObject key=chunks/ do=status $how"
	fails 1 -- drtool restore "$good" --into "dbname=back"
	absent back
done
[ -z "$(repo_files damaged)" ] || fail "a failing store is taken for damage"
control

step "the manifest is listed and gone"
control "fault op=GetObject key=snapshots/ do=status status=404"
run drtool list
[ "$STATUS" = 0 ] || [ "$STATUS" = 6 ] || fail "status $STATUS: $(cat "$T/err")"
control

step "answers that are no answers"
for how in "error-in-200" "status status=200 body=html" "status status=200 body=empty" "status status=200 code=Strange extra=<!DOCTYPE>"; do
	control "fault op=ListObjects do=$how"
	run drtool snapshot "dbname=shop"
	[ "$STATUS" = 1 ] || fail "$how: status $STATUS: $(cat "$T/err")"
	one_error
	control "fault op=GetObject do=status status=403 body=html"
	fails 1 denied -- drtool list
done
control
for status in 301 307 400 404 405 409 418 501; do
	control "fault do=status status=$status code=Unheard message=unheard-of"
	fresh_log
	run drtool list
	[ "$STATUS" = 1 ] || [ "$STATUS" = 2 ] || fail "$status: status $STATUS: $(cat "$T/err")"
	one_error
	[ "$(wc -l <"$FAKE/log")" -le 2 ] || fail "$status was tried $(wc -l <"$FAKE/log") times"
done
control

step "what was put cannot be read back as it was"
control "fault op=PutObject key=chunks/ count=3 do=status status=500" "fault op=PutObject key=chunks/ count=3 do=reset when=after"
sql shop -c "UPDATE orders SET note = 'again'"
snapshot shop
control
verify_ok "$ID"
nothing_left
