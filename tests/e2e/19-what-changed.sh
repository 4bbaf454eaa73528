#!/bin/bash
# What changed since the snapshot: two snapshots, the live database, a file of SQL, a command.
. "$(dirname "$0")/lib.sh"

server
shop shop 1
worst worst
unset PGDATABASE
export DATABASE_URL="postgresql:///shop?host=$PGHOST&port=$PGPORT&user=$PGUSER"
drtool snapshot >"$T/id" 2>"$T/err" || fail "$(cat "$T/err")"
before=$(cat "$T/id")

step "nothing changed"
expect 0 drtool diff "$before" live
! grep -q difference <<<"$OUT" || fail "$OUT"
grep -qE '^rows: the same, [1-9][0-9]* tables compared' <<<"$OUT" || fail "$OUT"
snapshot worst
expect 0 drtool diff worst/latest "dbname=worst"

step "definitions, rows, sequences, extensions, settings"
table=$(sql shop -c "SELECT quote_ident(nspname) || '.' || quote_ident(relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname = 'public' AND relname = 'users'")
[ -n "$table" ] || fail "no table of users in the shop"
rows=$(sql shop -c "SELECT count(*) FROM $table")
sql shop <<-SQL
	ALTER TABLE $table ADD COLUMN nickname text DEFAULT 'x';
	CREATE TABLE added (a int PRIMARY KEY);
	CREATE SEQUENCE counter;
	SELECT nextval('counter') AS unused \gset
	CREATE EXTENSION citext;
	ALTER DATABASE shop SET work_mem = '7MB';
SQL
expect 6 drtool diff "$before" live
for line in "TABLE public.users: differs" "^\\+ .*nickname text DEFAULT 'x'::text" "TABLE public.added: only in the second" '^\+ CREATE TABLE public.added' \
	'EXTENSION citext: only in the second' 'work_mem.*only in the second' "TABLE public.users: differs: $rows rows, others than before"; do
	grep -qE -- "$line" <<<"$OUT" || fail "no line \"$line\" in: $OUT"
done

step "two snapshots, as JSON"
snapshot shop
expect 6 drtool diff "$before" "$ID" --json
[ "$(jq -r '.same' <<<"$OUT")" = false ] || fail "$OUT"
[ "$(jq -r '[.differences[].section] | unique | join(" ")' <<<"$OUT")" = "extensions rows schema sequences settings" ] || fail "$OUT"
expect 0 drtool diff "$ID" "$ID"

step "a file of SQL"
pg_dump -s -d shop >"$T/schema.sql"
expect 0 drtool diff "$ID" "sql:$T/schema.sql"
[ "$(grep -c 'the same' <<<"$OUT")" = 2 ] || fail "$OUT"
sed 's/CREATE TABLE public.added (/CREATE TABLE public.added (\n    b text,/' "$T/schema.sql" >"$T/old.sql"
expect 6 drtool diff "$ID" "sql:$T/old.sql"
grep -qE '^\+ .*b text' <<<"$OUT" || fail "$OUT"
echo "SELECT 1/0;" >>"$T/old.sql"
expect 1 drtool diff "$ID" "sql:$T/old.sql"
error_says "division by zero" "old.sql"

step "a command"
expect 0 drtool diff "$ID" "cmd:psql -X -q -v ON_ERROR_STOP=1 -f $T/schema.sql \"\$DATABASE_URL\""
expect 1 drtool diff "$ID" "cmd:echo oh no >&2; exit 3"
error_says "oh no" "status 3"

step "what cannot be compared"
expect 2 drtool diff "$ID" nothing
error_says nothing
expect 2 drtool diff "$ID"
no_leftovers
