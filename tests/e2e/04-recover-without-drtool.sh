#!/bin/bash
# scripts/recover.sh brings a snapshot back with sh, zstd, jq, psql and pg_restore alone.
. "$(dirname "$0")/lib.sh"

server
worst worst
shop shop 3
for db in worst shop; do
	step "$db"
	snapshot "$db"
	createdb "${db}_back"
	repo_copy
	expect 0 env -u DRTOOL_REPO sh "$ROOT/scripts/recover.sh" "$COPY" "$db" latest "dbname=${db}_back"
	same_databases "$db" "${db}_back"
done

step "a damaged chunk is refused"
chunk=$(find "$COPY/chunks" -type f -size +4k | LC_ALL=C sort | head -n 1)
printf '\377\377\377\377' | dd of="$chunk" bs=1 seek=2000 conv=notrunc status=none
broken=0
for db in worst shop; do
	createdb "${db}_bad"
	run sh "$ROOT/scripts/recover.sh" "$COPY" "$db" latest "dbname=${db}_bad"
	[ "$STATUS" = 0 ] || broken=$((broken + 1))
done
[ $broken -gt 0 ] || fail "nobody noticed the damage"

step "the roles, on a server that has none of them"
expect 0 sh "$ROOT/scripts/recover.sh" "$COPY" worst latest -
echo "$OUT" >"$T/roles.sql"
server
psql -X -q -d postgres -f "$T/roles.sql" >"$T/out" 2>"$T/err" || fail "psql: $(cat "$T/err")" # goes on where a role is there already
! grep ERROR "$T/err" | grep -v 'role "postgres" already exists' || fail "roles: $(cat "$T/err")"
[ "$(sql postgres -c "SELECT count(*) FROM pg_roles WHERE rolname = 'worst_owner'")" = 1 ] || fail "no role: $(cat "$T/err")"
