#!/bin/bash
# Keys that expire: in the middle of a restore a source gives new ones; without a source it is said. A profile, a process, and no secret in any output.
. "$(dirname "$0")/lib.sh"

server
fake
shop shop 8
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
mkdir "$T/.aws"
old='OLDACCESS|old-Zq7-s3cr3t/key|old-Zq7-s3cr3t-token==' new='NEWACCESS|new-Zq7-s3cr3t/key|new-Zq7-s3cr3t-token=='
keys="set keys=$old,$new"
control "$keys"

use() { # ACCESS|SECRET|TOKEN: the environment has these
	IFS='|' read -r AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN <<<"$1"
	export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
}
json() { # ACCESS|SECRET|TOKEN SECONDS: as a credential process prints it
	local a s t
	IFS='|' read -r a s t <<<"$1"
	printf '{"Version": 1, "AccessKeyId": "%s", "SecretAccessKey": "%s", "SessionToken": "%s", "Expiration": "%s"}\n' "$a" "$s" "$t" "$(date -u -d "$2 seconds" +%Y-%m-%dT%H:%M:%SZ)"
}
silent() { # FILE...: no secret in them
	! grep -aE 'Zq7-s3cr3t' "$@" || fail "a secret is in the output"
	! grep -aoE 'Signature=[0-9a-f]+' "$@" || fail "a signature is in the output"
}
quietly() { # STATUS arguments: every output of it is looked at
	expect "$1" drtool "${@:2}"
	cat "$T/err" - <<<"$OUT" >"$T/said"
	silent "$T/said"
}

step "in the environment, with a session token"
use "$old"
quietly 0 snapshot "dbname=shop" --verbose
good=$(tail -n 1 <<<"$OUT")
quietly 0 verify "$good" --verbose
quietly 0 doctor "dbname=shop" --verbose
quietly 0 show "$good" --json
AWS_SESSION_TOKEN=x-Zq7-s3cr3t quietly 2 list --verbose
one_error token
AWS_SECRET_ACCESS_KEY=x-Zq7-s3cr3t quietly 2 list --verbose
one_error "secret key"
quietly 2 list --repo "s3://OLDACCESS:x-Zq7-s3cr3t@$S3_BUCKET/x"
one_error

step "expired, and nothing has newer ones"
control "$keys" "fault access=OLDACCESS do=status status=400 code=ExpiredToken skip=12"
run drtool restore "$good" --into "dbname=back" --verbose
[ "$STATUS" != 0 ] || fail "it restored with expired keys"
one_error expired
silent "$T/err"
absent back
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
no_processes
no_sessions

step "expired in the middle of a restore: a process gives new ones"
json "$old" 3600 >"$T/keys.json"
json "$new" 3600 >"$T/keys.next"
cat >"$T/source" <<-SH
	#!/bin/sh
	echo asked >>"$T/asked"
	[ "\$(grep -c OLDACCESS "$FAKE/log")" -lt 8 ] && exec cat "$T/keys.json"
	exec cat "$T/keys.next"
SH
chmod +x "$T/source"
printf '[default]\ncredential_process = %s\n' "$T/source" >"$T/.aws/config"
control "$keys" "fault access=OLDACCESS do=status status=400 code=ExpiredToken skip=12"
fresh_log
start_drtool restore "$good" --into "dbname=back" --verbose
finish
grep -q OLDACCESS "$FAKE/log" || fail "the old keys were never used"
[ "$STATUS" = 0 ] || fail "status $STATUS: $(cat "$T/err")"
silent "$T/err" "$T/bg.out"
grep -q NEWACCESS "$FAKE/log" || fail "new keys were never used"
[ "$(wc -l <"$T/asked")" -le 4 ] || fail "the process was asked $(wc -l <"$T/asked") times"
same_databases shop back
dropdb back

step "keys that tell when they end are renewed before that"
json "$new" 3600 >"$T/keys.next"
slow_link 1500000
sql shop -c "UPDATE orders SET note = 'renewed'"
control "$keys"
rm "$T/asked"
cat >"$T/source" <<-SH
	#!/bin/sh
	echo asked >>"$T/asked"
	cat "$T/keys.json"
	cp "$T/keys.next" "$T/keys.json"
SH
fresh_log
json "$old" 4 >"$T/keys.json"
quietly 0 snapshot "$SLOW dbname=shop" --jobs 1
grep -q OLDACCESS "$FAKE/log" || fail "the first keys were never used"
grep -q NEWACCESS "$FAKE/log" || fail "new keys were never used"

step "a profile of the credentials file, and one named"
rm "$T/.aws/config"
printf '[default]\naws_access_key_id = NEWACCESS\naws_secret_access_key = new-Zq7-s3cr3t/key\naws_session_token = new-Zq7-s3cr3t-token==\n\n[other]\naws_access_key_id = OLDACCESS\naws_secret_access_key = old-Zq7-s3cr3t/key\naws_session_token = old-Zq7-s3cr3t-token==\n' >"$T/.aws/credentials"
fresh_log
quietly 0 list --verbose
! grep -q OLDACCESS "$FAKE/log" || fail "another profile was used"
quietly 0 list --s3-profile other
grep -q OLDACCESS "$FAKE/log" || fail "the profile named was not used"
AWS_PROFILE=nobody quietly 2 list
one_error nobody

step "a process that fails, and one that prints nonsense"
rm "$T/.aws/credentials"
printf '[default]\ncredential_process = %s\n' "$T/source" >"$T/.aws/config"
printf '#!/bin/sh\necho "token Zq7-s3cr3t broken" >"%s"\necho "no ticket" >&2\nexit 3\n' "$T/x" >"$T/source"
quietly 1 list
one_error "no ticket"
printf '#!/bin/sh\necho "{\\"Zq7-s3cr3t\\": 1}"\n' >"$T/source"
quietly 2 list --verbose
one_error
no_processes
