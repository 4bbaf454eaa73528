#!/bin/bash
# Functions, types, sequences, materialized views and indexes cannot be locked, and much of what pg_dump prints of them is of the present and not of
# its snapshot. Each change below happens after the snapshot and before pg_dump looks: each must cost an attempt, and what is kept is one state.
# Changes that do not matter cost none.
. "$(dirname "$0")/lib.sh"

server
createdb loose
sql loose <<-'SQL'
	CREATE SCHEMA side; CREATE SCHEMA app;
	CREATE TYPE mood AS ENUM ('sad', 'happy');
	CREATE TYPE pair AS (a int, b int);
	CREATE DOMAIN positive AS int CONSTRAINT above CHECK (VALUE > 0);
	CREATE TABLE t (id serial PRIMARY KEY, m mood DEFAULT 'happy', p pair, q positive); INSERT INTO t (m, q) VALUES ('sad', 3);
	CREATE FUNCTION same(a int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT 1';
	CREATE FUNCTION doomed(a int, b text) RETURNS int LANGUAGE sql AS 'SELECT 1';
	CREATE FUNCTION app.of_type(p pair) RETURNS pair LANGUAGE sql AS 'SELECT p';
	CREATE SEQUENCE doomed_numbers; CREATE SEQUENCE kept_numbers; CREATE MATERIALIZED VIEW doomed_view AS SELECT * FROM t; CREATE MATERIALIZED VIEW fresh AS SELECT * FROM t; CREATE INDEX by_mood ON t (m);
	CREATE STATISTICS doomed_statistics ON m, q FROM t; CREATE COLLATION swedish (LOCALE = 'C'); CREATE TABLE sorted (a text COLLATE swedish);
SQL
changes=(
	"CREATE OR REPLACE FUNCTION same(a int DEFAULT 2) RETURNS int LANGUAGE sql AS 'SELECT 2'"
	"DROP FUNCTION doomed(int, text)"
	"ALTER TYPE pair RENAME TO couple"
	"ALTER TYPE mood RENAME VALUE 'happy' TO 'merry'"
	"DROP SEQUENCE doomed_numbers"
	"DROP MATERIALIZED VIEW doomed_view"
	"ALTER INDEX by_mood RENAME TO by_temper"
	"ALTER DOMAIN positive DROP CONSTRAINT above"
	"DROP STATISTICS doomed_statistics"
	"ALTER COLLATION swedish RENAME TO finnish"
	"ALTER SCHEMA side RENAME TO wing"
)
# DROP SEQUENCE waits for us once its value is read, and is what makes us give way: the line does not wait for its end.
made() { # CHANGE...: what the meddling pg_dump does
	printf 'psql -X -d loose -v ON_ERROR_STOP=1 -c "%s" & for i in $(seq 40); do kill -0 $! 2>/dev/null && sleep 0.05; done\n' "$@"
}
step "each of ${#changes[@]} changes costs one attempt"
for ((i = 0; i < ${#changes[@]}; i += 2)); do
	made "${changes[@]:i:2}" >"$T/changes"
	meddling_pg_dump <"$T/changes"
	expect 0 drtool snapshot dbname=loose --pg-bin "$BIN" --yield-after 1s --json
	sed -n 's/^\(.*\); trying again.*/   \1/p' "$T/err"
	[ "$(jq .attempts <<<"$OUT")" = $(($(wc -l <"$T/changes") + 1)) ] || fail "attempts: $OUT"
done
! grep -q ERROR "$T/before-dump.log" || fail "$(cat "$T/before-dump.log")"
ID=$(jq -r .id <<<"$OUT")
step "what is kept is the state at the end"
drtool cat "$ID" >"$T/cat.sql"
grep -q "same(a integer DEFAULT 2)" "$T/cat.sql" || fail "$(grep -A4 'FUNCTION public.same' "$T/cat.sql")"
expect 0 drtool restore "$ID" --into dbname=back
same_databases loose back
verify_ok "$ID"

step "what does not matter costs none"
meddling_pg_dump <<-LINES
	psql -X -d loose -v ON_ERROR_STOP=1 -c "REFRESH MATERIALIZED VIEW fresh" -c "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'" -c "CREATE TABLE another (a int)" -c "INSERT INTO another VALUES (1)" -c "DROP TABLE another" -c "ANALYZE" -c "SELECT nextval('kept_numbers')" -c "CREATE TEMP TABLE x (a mood, CHECK (a > 'sad'))" -c "DROP TABLE x" -c "BEGIN" -c "DROP FUNCTION app.of_type" -c "ROLLBACK" -c "GRANT SELECT ON t TO PUBLIC"
LINES
psql -X -q -d loose -c "BEGIN" -c "CREATE OR REPLACE FUNCTION same(a int DEFAULT 3) RETURNS int LANGUAGE sql AS 'SELECT 3'" -c "SELECT pg_sleep(60)" >/dev/null 2>&1 & # not committed
background+=("$!")
expect 0 drtool snapshot dbname=loose --pg-bin "$BIN" --json
[ "$(wc -l <"$T/dumps")" = 1 ] || fail "pg_dump ran $(wc -l <"$T/dumps") times"
[ "$(jq .attempts <<<"$OUT")" = 1 ] || fail "attempts: $OUT, $(cat "$T/err")"
! grep -q ERROR "$T/before-dump.log" || fail "$(cat "$T/before-dump.log")"

step "all of it all the time: tables and functions come and go while workers start"
cat >"$T/storm.sql" <<'SQL'
CREATE TABLE flash (id int PRIMARY KEY, v text DEFAULT 'x');
CREATE OR REPLACE FUNCTION same(a int DEFAULT 7) RETURNS int LANGUAGE sql AS 'SELECT 7';
DROP TABLE flash;
CREATE SEQUENCE flash_numbers;
SELECT pg_sleep(0.7 + random());
CREATE OR REPLACE FUNCTION same(a int DEFAULT 8) RETURNS int LANGUAGE sql AS 'SELECT 8';
DROP SEQUENCE flash_numbers;
SELECT pg_sleep(0.7 + random());
SQL
sql postgres -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()" >/dev/null
forever loose "$T/storm.sql"
for _ in 1 2 3; do
	snapshot loose --yield-after 1s
	drtool cat "$ID" >"$T/cat.sql" 2>/dev/null
	argument=$(sed -n 's/^CREATE FUNCTION public.same(a integer DEFAULT \([0-9]\)).*/\1/p' "$T/cat.sql")
	body=$(sed -n "/^CREATE FUNCTION public.same/,/;\$/s/.*SELECT \([0-9]\).*/\1/p" "$T/cat.sql")
	[ -n "$body" ] && [ "$argument" = "$body" ] || fail "half old, half new: DEFAULT $argument, SELECT $body"
	grep -q "INSERT\|^COPY public.t " "$T/cat.sql" || fail "no table t"
done
touch "$T/stop"
verify_ok "$ID"
[ ! -s "$T/forever.log" ] || fail "$(head -n 5 "$T/forever.log")"
no_leftovers
