#!/bin/bash
# Wrong secret, unknown key, unknown bucket, no permission to list, read, write or delete, a clock an hour off: what, where, and what to do next.
. "$(dirname "$0")/lib.sh"

server
fake
shop shop 1
snapshot shop
good=$ID

step "a wrong secret, an unknown access key"
right=$AWS_SECRET_ACCESS_KEY
export AWS_SECRET_ACCESS_KEY=wrong
refused 2 "secret key"
export AWS_SECRET_ACCESS_KEY=$right
AWS_ACCESS_KEY_ID=nobody refused 2 "access key"
fresh_log
AWS_ACCESS_KEY_ID=nobody run drtool list
[ "$(wc -l <"$FAKE/log")" = 1 ] || fail "a refused key was tried $(wc -l <"$FAKE/log") times"

step "no keys at all: every place looked at is named"
fails 2 AWS_ACCESS_KEY_ID profile -- env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY "$DRTOOL" list
fails 2 AWS_SECRET_ACCESS_KEY -- env -u AWS_SECRET_ACCESS_KEY "$DRTOOL" list

step "an unknown bucket, a malformed one"
bucket no-such-bucket
refused 2 bucket no-such-bucket
bucket "$S3_BUCKET"
fails 2 -- drtool list --repo "s3://No_Such!/x"
fails 2 -- drtool list --repo "s3://"
fails 2 "not a repository" -- drtool list --repo "s3://$S3_BUCKET/elsewhere"

step "no permission to list"
control "fault op=ListObjects do=status status=403"
fails 1 denied "s3://$S3_BUCKET" -- drtool list
grep -q '^hint:.*s3:ListBucket' "$T/err" || fail "the hint does not name the permission: $(cat "$T/err")"
fails 1 denied -- drtool snapshot "dbname=shop"

step "no permission to read, to write"
control "fault op=GetObject do=status status=403"
refused 1 denied
grep -q '^hint:.*s3:GetObject' "$T/err" || fail "the hint does not name the permission: $(cat "$T/err")"
control "fault op=PutObject do=status status=403"
fails 1 denied -- drtool snapshot "dbname=shop"
grep -q '^hint:.*s3:PutObject' "$T/err" || fail "the hint does not name the permission: $(cat "$T/err")"
expect 0 drtool restore "$good" --into "dbname=back" && dropdb back

step "no permission to delete: a snapshot is taken, and what could not be removed does not stop the next one"
control "fault op=DeleteObject do=status status=403"
expect 0 drtool snapshot "dbname=shop"
expect 0 drtool snapshot "dbname=shop"
expect 0 drtool verify "$good"
expect 0 drtool doctor "dbname=shop"
control
for path in $(repo_files | grep -E '^(doctor-|locks/)'); do # what could not be removed
	repo_remove "$path"
done

step "the store's clock is an hour ahead: its word is taken, once"
control "set clock_s=3600"
fresh_log
expect 0 drtool list
[ "$(requests GetObject 403)" -le 1 ] || fail "refused $(requests GetObject 403) times"
expect 0 drtool snapshot "dbname=shop"
expect 0 drtool verify "$good"
run drtool doctor "dbname=shop"
grep -qi clock <<<"$OUT$(cat "$T/err")" || fail "doctor does not say that the clock is off"
control "set clock_s=-3600"
expect 0 drtool list

step "a clock it does not believe"
control 'fault do=status status=403 code=RequestTimeTooSkewed'
refused 1 clock
control
usable
nothing_left
