#!/bin/bash
# A real gateway is killed and started again in the middle of a snapshot and of a restore: both finish.
. "$(dirname "$0")/lib.sh"

server
gateway
bucket "$S3_BUCKET"
export DRTOOL_S3_RETRY_SECONDS=60
shop shop 25
slow_link 4000000

outage() { # kill the gateway, leave it away for a second, start it
	"$ROOT/scripts/s3-server" kill "$S3_SERVER_DIR" rgw
	sleep 1
	"$ROOT/scripts/s3-server" restart "$S3_SERVER_DIR" rgw
}
chunks_there() { [ "$(repo_count chunks)" -ge 2 ]; }

step "snapshot"
start_drtool snapshot "$SLOW dbname=shop" --jobs 2
wait_for 30 chunks_there || fail "nothing is stored: $(cat "$T/bg.err")"
kill -0 "$PID" || fail "too quick for this test"
outage
finish
[ "$STATUS" = 0 ] || fail "status $STATUS: $(cat "$T/err")"
good=$OUT
[ "$(listed)" = "$good" ] || fail "not listed"
verify_ok "$good"

step "restore"
rows_there() { [ "$(sql postgres -c "SELECT coalesce(sum(tuples_processed), 0) > 0 FROM pg_stat_progress_copy")" = t ]; }
start_drtool restore "$good" --into "dbname=back" --jobs 2
wait_for 30 rows_there || fail "it does not load: $(cat "$T/bg.err")"
outage
finish
[ "$STATUS" = 0 ] || fail "status $STATUS: $(cat "$T/err")"
same_databases shop back

step "it stays away: said in time, and the next snapshot goes on"
export DRTOOL_S3_RETRY_SECONDS=5
sql shop -c "UPDATE orders SET note = 'away'"
start_drtool snapshot "dbname=shop"
sleep 0.5
"$ROOT/scripts/s3-server" kill "$S3_SERVER_DIR" rgw
finish
if [ "$STATUS" != 0 ]; then
	[ "$STATUS" = 1 ] || fail "status $STATUS: $(cat "$T/err")"
	one_error 127.0.0.1
fi
"$ROOT/scripts/s3-server" restart "$S3_SERVER_DIR" rgw
snapshot shop
verify_ok "$ID"
nothing_left
