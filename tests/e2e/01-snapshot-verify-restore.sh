#!/bin/bash
# Take a snapshot, prove it, bring it back: the restored database equals the source, and so does what cat prints.
. "$(dirname "$0")/lib.sh"

server
worst worst
shop shop 2

for db in worst shop; do
	step "$db: snapshot"
	dump "$db" >"$T/$db.sql"
	snapshot "$db" --tag "the-$db"
	[ "$(listed | grep -cx "$ID")" = 1 ] || fail "$ID is not listed"

	step "$db: verify"
	if [ $db = worst ]; then
		verify_worst "$ID"
	else
		verify_ok "$ID"
	fi
	expect 0 drtool show "$db/latest" --json
	[ "$(jq -r .proof.snapshot <<<"$OUT")" = "$ID" ] || fail "the proof is not recorded"
	[ $db = worst ] || expect 0 drtool show "$db/verified" --json
	[ "$(jq -r .id <<<"$OUT")" = "$ID" ] || fail "another snapshot is the verified one"

	step "$db: restore"
	expect 0 drtool restore "$ID" --into "dbname=${db}_back"
	dump "${db}_back" >"$T/back.sql"
	same_dumps "$T/$db.sql" "$T/back.sql"

	step "$db: cat"
	drtool cat "the-$db" >"$T/cat.sql" 2>"$T/err" || fail "cat: $(cat "$T/err")"
	same_as_cat "$T/$db.sql" "$T/cat.sql"
	createdb "${db}_cat"
	psql -X -q -d "${db}_cat" <"$T/cat.sql" >/dev/null 2>"$T/err" || fail "psql: $(cat "$T/err")"
	! grep -q ERROR "$T/err" || fail "psql: $(cat "$T/err")"
	same_databases "$db" "${db}_cat"
done
no_leftovers
