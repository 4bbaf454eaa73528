#!/bin/bash
# Refusing, hanging, resetting, dying in mid-body, 500, 503 and 429 for a while: what can succeed later is tried again, and given up in time.
. "$(dirname "$0")/lib.sh"

server
fake
shop shop 1
snapshot shop
good=$ID

round() { # something to do, over the same data each time
	sql shop -c "UPDATE orders SET note = '$1'"
	expect 0 drtool snapshot "dbname=shop"
	expect 0 drtool restore "$OUT" --into "dbname=back"
	same_databases shop back
	dropdb back
}
in_time() { # SECONDS STATUS WORD... -- command...
	local limit=$1 start=$SECONDS
	shift
	fails "$@"
	[ $((SECONDS - start)) -le "$limit" ] || fail "it took $((SECONDS - start)) s to give up"
}

step "every seventh request fails, in each way there is"
for how in "status status=500" "status status=503" "status status=503 body=html early=1" "status status=502 body=html" "status status=429 retry_after=1" "reset when=before" "reset when=body" "reset when=after" truncate error-in-200; do
	echo "   $how"
	control "fault every=7 skip=2 op=[LGP]* do=$how"
	fresh_log
	round "$how"
	control
done
[ "$(listed | wc -l)" = 11 ] || fail "not what should be listed: $(listed)"

step "silence, before the answer and in the middle of one"
control "fault op=GetObject skip=3 count=1 do=stall" "fault op=PutObject skip=3 count=1 do=stall"
round silence
control "fault op=GetObject skip=3 count=1 do=stall when=body"
round "half"

step "503 for a while"
control "fault seconds=4 do=status status=503"
round "a while"
[ "$(requests PutObject 503)" -lt 200 ] || fail "$(requests PutObject 503) requests while it wanted fewer"

step "503 that stays"
export DRTOOL_S3_RETRY_SECONDS=3
control "fault do=status status=503"
in_time 30 1 "127.0.0.1" -- drtool list
in_time 30 1 "127.0.0.1" -- drtool snapshot "dbname=shop"
control "fault op=GetObject key=chunks/ do=status status=503"
in_time 60 1 -- drtool restore "$good" --into "dbname=back"
absent back

step "hanging for good"
control "fault do=stall"
in_time 60 1 127.0.0.1 -- drtool list
control "fault op=PutObject key=chunks/ do=stall when=before"
sql shop -c "UPDATE orders SET note = 'hangs'"
in_time 90 1 -- drtool snapshot "dbname=shop"
control

step "interrupted while the store hangs: out at once"
control "fault do=stall"
start_drtool list
sleep 1
kill -INT "$PID"
start=$SECONDS
finish
[ "$STATUS" = 130 ] && [ $((SECONDS - start)) -le 5 ] || fail "status $STATUS after $((SECONDS - start)) s"
control

step "refusing, not there, no such name"
usable
kill -KILL "$FAKE_PID"
in_time 60 1 "127.0.0.1" -- drtool list
in_time 60 1 -- drtool list --s3-endpoint http://no-such-host.invalid
fails 2 -- drtool list --s3-endpoint "nonsense"
in_time 60 1 -- drtool snapshot "dbname=shop"
no_processes
no_sessions
