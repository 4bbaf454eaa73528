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
