#!/bin/bash
# One of three object daemons of a distributed store is killed under load: the snapshot finishes, and nothing acknowledged is lost.
. "$(dirname "$0")/lib.sh"

server
gateway --osds 3
bucket "$S3_BUCKET"
# The store answers nothing until it has noticed, which takes it seconds.
export DRTOOL_S3_RETRY_SECONDS=120 DRTOOL_S3_STALL_SECONDS=30
shop shop 25
slow_link 4000000
snapshot shop --jobs 2
first=$ID
sql shop -c "UPDATE orders SET note = 'second'"

step "snapshot, while one daemon dies"
before=$(repo_count chunks)
more_chunks() { [ "$(repo_count chunks)" -gt "$before" ]; }
start_drtool snapshot "$SLOW dbname=shop" --jobs 2
wait_for 30 more_chunks || fail "nothing is stored: $(cat "$T/bg.err")"
kill -0 "$PID" || fail "too quick for this test"
"$ROOT/scripts/s3-server" kill "$S3_SERVER_DIR" osd.1
finish
[ "$STATUS" = 0 ] || fail "status $STATUS: $(cat "$T/err")"
second=$OUT

step "everything acknowledged is there"
expect 0 drtool list
[ "$(listed | sort | paste -sd' ')" = "$(printf '%s\n' "$first" "$second" | sort | paste -sd' ')" ] || fail "not what is listed: $(listed)"
verify_ok "$first"
verify_ok "$second"
[ -z "$(repo_files damaged)" ] || fail "chunks are damaged: $(repo_files damaged)"
expect 0 drtool restore "$second" --into "dbname=back"
same_databases shop back
nothing_left
