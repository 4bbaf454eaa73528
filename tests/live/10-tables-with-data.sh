#!/bin/bash
# The tables whose rows a snapshot holds are those whose rows a full pg_dump holds, in the worst database there is, and while it is written to.
. "$(dirname "$0")/lib.sh"

server
worst worst
# Something that pg_dump leaves out, and something that is easily forgotten.
sql worst -c "CREATE TABLE left_behind (a int)" -c "DROP TABLE left_behind" -c "CREATE SCHEMA \"late.ted\"" -c "CREATE TABLE \"late.ted\".\"Empty\" ()" -c "CREATE UNLOGGED TABLE \"late.ted\".quick AS SELECT 1 AS a" \
	-c "CREATE TEMP TABLE temporary AS SELECT 1 AS a"
snapshot worst
as_postgres "$PG_CLUSTER_BIN/pg_dump" -h "$PGHOST" -p "$PGPORT" -U postgres -Fc -d worst >"$T/full.dump"

# "123; 0 16390 TABLE DATA schema name owner": the owner has no blank; large objects are BLOBS with PostgreSQL 15 and BLOB ... later.
pg_restore -l "$T/full.dump" >"$T/list"
sed -n 's/^[0-9]*; [0-9]* [0-9]* TABLE DATA \(.*\) [^ ]*$/\1/p' "$T/list" | sort >"$T/by-pg_dump"
grep -qE '^[0-9]*; [0-9]* [0-9]* (BLOBS|BLOB DATA) ' "$T/list" && echo "large objects" >>"$T/by-pg_dump"
# Line ends in names are blanks in pg_restore's list.
show_json "$ID" | jq -r '.contents[] | select(.data == "complete") | if .large_objects then "large objects" else .schema + " " + .name | gsub("[\n\r]"; " ") end' >"$T/by-drtool"
sort -o "$T/by-pg_dump" "$T/by-pg_dump"
sort -o "$T/by-drtool" "$T/by-drtool"
echo "   $(wc -l <"$T/by-pg_dump") tables"
[ "$(wc -l <"$T/by-pg_dump")" -gt 30 ] || fail "pg_restore lists no tables: $(head "$T/list")"
diff "$T/by-pg_dump" "$T/by-drtool" >"$T/diff" || fail "$(cat "$T/diff")"
no_leftovers
