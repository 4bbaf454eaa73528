#!/bin/bash
# Stores differ: conditional PUT refused or ignored, listings of version 1 only, small pages, virtual hosts, another region, versions kept, objects locked.
. "$(dirname "$0")/lib.sh"

server
fake
shop shop 2

dump shop >"$T/source.sql"
round() { # what touches the store: snapshot, list, cat
	snapshot shop
	[ "$(listed)" = "$ID" ] || fail "not what is listed: $(listed)"
	drtool cat "$ID" >"$T/cat.sql" 2>"$T/err" || fail "cat: $(cat "$T/err")"
	same_as_cat "$T/source.sql" "$T/cat.sql"
	! awk '$5 ~ /^40[035]$/ { print; bad = 1 } END { exit !bad }' "$FAKE/log" || fail "the store refused something"
}
new_prefix() {
	REPO=s3://$S3_BUCKET/$1
	export DRTOOL_REPO=$REPO
	fresh_log
}

step "a strict one: every request is signed as it wants it"
round
verify_ok "$ID"
expect 0 drtool restore "$ID" --into "dbname=back"
same_databases shop back
no_leftovers

for kind in conditional=501 conditional=ignore list=v1 list=refuse-v2 "page=3 encode=0" "list=v1 page=2" "versioning=Enabled latency_ms=20"; do
	step "$kind"
	new_prefix "prefix/with space +($kind)"
	control "set $kind"
	round
	no_leftovers
done

step "no prefix at all"
control "set buckets=fake-bucket,empty-bucket"
new_prefix ""
expect 0 drtool snapshot dbname=shop --repo s3://empty-bucket
expect 0 drtool cat "$OUT" --repo s3://empty-bucket

step "only path-style, only virtual hosts"
new_prefix addressing
control "set addressing=virtual"
export AWS_ENDPOINT_URL=${AWS_ENDPOINT_URL/127.0.0.1/localhost}
expect 0 drtool snapshot dbname=shop --s3-addressing virtual
grep -q ' PutObject ' "$FAKE/log" || fail "nothing was put"
fails 1 addressing -- drtool list --s3-addressing path
control "set addressing=path"
expect 0 drtool list --s3-addressing path
expect 0 drtool list
export AWS_ENDPOINT_URL=${AWS_ENDPOINT_URL/localhost/127.0.0.1}

step "another region than the one set: told by the store, corrected once"
control "set region=eu-moon-1"
fresh_log
expect 0 drtool list
[ "$(requests ListObjects 400)" -le 1 ] || fail "asked in the wrong region $(requests ListObjects 400) times"
fresh_log
expect 0 drtool list --s3-region eu-moon-1
! grep -q ' 400 ' "$FAKE/log" || fail "the region given is not used"

step "objects cannot be removed: snapshots are taken all the same"
new_prefix locked
control "set object_lock=1"
snapshot shop
expect 0 drtool snapshot "dbname=shop"
[ "$(listed | wc -l)" = 2 ] || fail "not two snapshots"
verify_ok "$ID"
expect 0 drtool doctor "dbname=shop"
grep -qiE 'lock|remove|delete' <<<"$OUT$(cat "$T/err")" || fail "doctor does not say that nothing can be removed"
control

step "what doctor says of a bucket"
says() { grep -qE -- "$1" <<<"$OUT" || fail "no \"$1\" in: $OUT $(cat "$T/err")"; }
new_prefix doctor
expect 1 drtool doctor "dbname=shop"
says '^fail +repository: '
snapshot shop
control "set versioning=Enabled"
expect 0 drtool doctor "dbname=shop"
says '^warn +bucket versioning: on'
control "fault op=GetBucketVersioning do=status status=501"
expect 0 drtool doctor "dbname=shop"
says '^unknown +bucket versioning: '
for verb in Put Get; do
	control "fault op=${verb}Object key=(lock|doctor) do=status status=403 code=AccessDenied"
	expect 1 drtool doctor "dbname=shop"
	says "^fail +bucket ${verb,,}: "
done
control
expect 1 drtool doctor "dbname=shop" --s3-endpoint nonsense
says '^fail +bucket: '
expect 1 env -u AWS_ACCESS_KEY_ID "$DRTOOL" doctor "dbname=shop"
says '^fail +bucket: '
