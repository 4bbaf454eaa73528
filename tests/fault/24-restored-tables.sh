#!/bin/bash
# restore --table into a live database: what stands in the way is named before anything changes, what is stopped half-way leaves nothing, or at most a table that the next run knows.
. "$(dirname "$0")/lib.sh"

local_only "damages files of the repository"
server
shop shop 2
sql shop -c "CREATE EXTENSION hstore" -c "CREATE TYPE mood AS ENUM ('glad', 'sad')" -c "CREATE FUNCTION twice(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT \$1 * 2'" \
	-c "CREATE TABLE feelings (id int PRIMARY KEY, m mood)" -c "CREATE TABLE tagged (id int PRIMARY KEY, t hstore)" \
	-c "CREATE TABLE doubled (id int PRIMARY KEY, d int GENERATED ALWAYS AS (twice(id)) STORED)" -c "CREATE TABLE checked (id int CHECK (twice(id) > 0))" -c "CREATE FUNCTION steady(int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true'" -c "CREATE TABLE order_slow (id int CHECK (steady(id)))" \
	-c "INSERT INTO order_slow SELECT generate_series(1, 300)" -c "CREATE TABLE indexed (id int)" -c "CREATE INDEX ON indexed (twice(id))" \
	-c "INSERT INTO feelings VALUES (1, 'glad'), (2, 'sad')" -c "INSERT INTO tagged VALUES (1, 'a=>1')" -c "INSERT INTO doubled (id) VALUES (4)" -c "INSERT INTO checked VALUES (1)" -c "INSERT INTO indexed VALUES (3)"
snapshot shop --exclude-table-data users
good=$ID
suffix=${good##*-}
relations() { sql shop -c "SELECT oid, relname FROM pg_class WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace) ORDER BY 1"; }
relations >"$T/relations"
untouched() { relations | diff "$T/relations" - || fail "something was changed"; }
refused() { # WORD... -- options
	local words=()
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	fails 3 ${words[@]+"${words[@]}"} -- drtool restore "$good" --into "dbname=shop" "$@"
	untouched
	no_sessions
}

step "a table that is not in the snapshot, a view, rows that are not there"
fails 2 ordres -- drtool restore "$good" --into "dbname=shop" --table ordres
grep -q '^hint: near: public.orders' "$T/err" || fail "$(cat "$T/err")"
fails 2 ORDERS -- drtool restore "$good" --into "dbname=shop" --table '"ORDERS"'
grep -q '^hint: near: public.orders' "$T/err" || fail "$(cat "$T/err")"
fails 2 "no table" -- drtool restore "$good" --into "dbname=shop" --table order_totals
refused users exclude_table_data -- --table users
fails 2 -- drtool restore "$good" --into "dbname=shop" --schema x
fails 2 -- drtool restore "$good" --replace "dbname=shop" --table orders
untouched

step "the name is taken: by a table, a view, a type, the index of another table, an earlier restore"
for what in "TABLE t (a int)" "VIEW v AS SELECT 1" "TYPE y AS ENUM ('a')"; do
	read -r kind _ rest <<<"$what"
	sql shop -c "CREATE $kind orders__restored_$suffix $rest"
	relations >"$T/relations"
	refused "orders__restored_$suffix" exists -- --table orders
	sql shop -c "DROP $kind orders__restored_$suffix"
done
sql shop -c "CREATE INDEX orders_pkey__restored_$suffix ON products (name)"
relations >"$T/relations"
refused "orders_pkey__restored_$suffix" exists -- --table orders
sql shop -c "DROP INDEX orders_pkey__restored_$suffix"
expect 0 drtool restore "$good" --into "dbname=shop" --table orders
relations >"$T/relations"
refused "orders__restored_$suffix" exists -- --table 'order*'
grep -q '^hint:.*DROP TABLE' "$T/err" || fail "$(cat "$T/err")"
sql shop -c "DROP TABLE orders__restored_$suffix"
relations >"$T/relations"

step "no right to create there; a schema of one's own will do"
sql shop -c "CREATE ROLE guest LOGIN" -c "CREATE SCHEMA guest AUTHORIZATION guest" -c "ALTER TABLE feelings OWNER TO guest"
fails 3 "permission denied" public -- drtool restore "$good" --into "dbname=shop user=guest" --table feelings
fails 3 "permission denied" -- drtool restore "$good" --into "dbname=shop user=guest" --table feelings --schema "new one"
untouched
expect 0 drtool restore "$good" --into "dbname=shop user=guest" --table feelings --schema guest
[ "$(sql shop -c "SELECT count(*) FROM guest.feelings__restored_$suffix")" = 2 ] || fail "rows"
sql shop -c "DROP TABLE guest.feelings__restored_$suffix"
[ "$(sql postgres -c "SELECT count(*) FROM pg_database WHERE datname = 'shop'")" = 1 ] || fail "the database"

step "types, functions and extensions that are gone"
sql shop -c "DROP TABLE feelings, tagged, doubled, checked, indexed" -c "DROP TYPE mood" -c "DROP EXTENSION hstore" -c "DROP FUNCTION twice"
relations >"$T/relations"
refused feelings mood -- --table feelings
refused feelings mood -- --table feelings --dry-run
refused tagged hstore -- --table tagged
grep -q '^hint:.*CREATE EXTENSION hstore' "$T/err" || fail "$(cat "$T/err")"
for table in doubled checked indexed; do
	refused $table twice -- --table $table
done
refused tagged hstore -- --table orders --table tagged --schema "new one"
[ "$(sql shop -c "SELECT count(*) FROM pg_namespace WHERE nspname = 'new one'")" = 0 ] || fail "the schema stays"
sql shop -c "DROP SCHEMA guest" -c "CREATE SCHEMA app" -c "CREATE TABLE app.t (a int)"
snapshot shop
sql shop -c "DROP SCHEMA app CASCADE"
relations >"$T/relations"
fails 3 app "no schema" -- drtool restore "$ID" --into "dbname=shop" --table app.t
untouched
expect 0 drtool restore "$ID" --into "dbname=shop" --table app.t --schema public
sql shop -c "DROP TABLE t__restored_${ID##*-}"

step "an expression that fails with the rows: nothing is left"
sql shop -c "CREATE FUNCTION twice(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN IF \$1 <> 0 THEN RAISE ''not today''; END IF; RETURN 2; END'"
relations >"$T/relations"
fails 1 "not today" doubled -- drtool restore "$good" --into "dbname=shop" --table doubled
untouched
fails 1 "not today" indexed -- drtool restore "$good" --into "dbname=shop" --table indexed --schema "new one"
untouched
[ "$(sql shop -c "SELECT count(*) FROM pg_namespace WHERE nspname = 'new one'")" = 0 ] || fail "the schema stays"
sql shop -c "DROP FUNCTION twice"

step "damaged rows: status 6, nothing is left"
cp -a "$REPO" "$T/pristine"
find "$REPO/chunks" -type f -size +20k -exec /usr/bin/python3 -c 'import sys
for p in sys.argv[1:]:
    d = bytearray(open(p, "rb").read()); d[len(d) // 2] ^= 4; open(p, "wb").write(d)' {} +
relations >"$T/relations"
fails 6 -- drtool restore "$good" --into "dbname=shop" --table 'order*' --table events
untouched
rm -rf "$REPO" && cp -a "$T/pristine" "$REPO"

step "killed while rows come in: the next run knows what is left, and replaces it"
slow() { sql shop -c "CREATE OR REPLACE FUNCTION steady(int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.1); RETURN true; END'"; }
fast() { sql shop -c "CREATE OR REPLACE FUNCTION steady(int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true'"; }
half() { [ "$(sql shop -c "SELECT obj_description(c.oid) LIKE '%, not complete' FROM pg_class c WHERE relname = 'order_slow__restored_$suffix'")" = t ] && copying; }
slow
start_drtool restore "$good" --into "dbname=shop" --table 'order*'
wait_for 30 half || fail "never half-way: $(cat "$T/bg.err")"
kill -KILL "$PID"
wait "$PID" 2>/dev/null || true
[ "$(relations | diff "$T/relations" - | grep '^>' | grep -cv '__restored_')" = 0 ] || fail "$(relations | diff "$T/relations" -)"
fast
expect 0 drtool restore "$good" --into "dbname=shop" --table 'order*'
grep -q "replacing \"public\".\"order_lines__restored_$suffix\"" "$T/err" || fail "$(cat "$T/err")"
[ "$(sql shop -c "SELECT count(*) FROM (TABLE order_lines EXCEPT ALL TABLE order_lines__restored_$suffix) x")" = 0 ] || fail "rows are missing"
sql shop -c "DROP TABLE orders__restored_$suffix, order_lines__restored_$suffix, order_slow__restored_$suffix"
no_sessions
untouched

step "stopped by a signal: nothing is left"
slow
start_drtool restore "$good" --into "dbname=shop" --table 'order*' --schema "new one"
wait_for 30 half || fail "never half-way: $(cat "$T/bg.err")"
kill -INT "$PID"
finish
[ "$STATUS" = 130 ] || fail "status $STATUS: $(cat "$T/err")"
untouched
[ "$(sql shop -c "SELECT count(*) FROM pg_namespace WHERE nspname = 'new one'")" = 0 ] || fail "the schema stays"

step "two at once: one does it, the other says so"
start_drtool restore "$good" --into "dbname=shop" --table 'order*'
wait_for 30 half || fail "never half-way: $(cat "$T/bg.err")"
fails 1 "another restore" order_lines -- drtool restore "$good" --into "dbname=shop" --table order_lines
kill -TERM "$PID"
finish
[ "$STATUS" = 143 ] || fail "status $STATUS: $(cat "$T/err")"
untouched

fast

step "nobody but its owner may read it, whatever the defaults; and a publication of all tables does not send it"
sql shop -c "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC, guest" -c "CREATE PUBLICATION everything FOR ALL TABLES"
expect 0 drtool restore "$good" --into "dbname=shop" --table orders --json
[ "$(jq -r '.restored_tables[0].unlogged_for' <<<"$OUT")" = everything ] || fail "$OUT"
[ "$(sql shop -c "SELECT relpersistence || (SELECT count(*) FROM aclexplode(relacl) WHERE grantee <> relowner) FROM pg_class WHERE relname = 'orders__restored_$suffix'")" = u0 ] || fail "$(sql shop -c "SELECT relacl, relpersistence FROM pg_class WHERE relname = 'orders__restored_$suffix'")"
[ "$(sql shop -c "SELECT count(*) FROM pg_publication_tables WHERE tablename ~ 'restored'")" = 0 ] || fail "it is published"
jq -r '.restored_tables[0].in_place' <<<"$OUT" | sql shop >/dev/null
[ "$(sql shop -c "SELECT relpersistence FROM pg_class WHERE oid = 'orders'::regclass")" = p ] || fail "still unlogged"
sql shop -c "DROP TABLE orders__before_$suffix CASCADE" -c "DROP PUBLICATION everything"

step "a live table that is locked: the restored one is there, its counts are not known"
sql shop -c "BEGIN" -c "LOCK TABLE events" -c "SELECT pg_sleep(15)" >/dev/null &
background+=("$!")
wait_for 10 sh -c "[ \"\$(psql -X -A -t -d shop -c \"SELECT count(*) FROM pg_locks WHERE relation = 'events'::regclass AND mode = 'AccessExclusiveLock' AND granted\")\" = 1 ]"
expect 0 drtool restore "$good" --into "dbname=shop" --table events --json
jq -e '.restored_tables[0] | .missing == null and .live_rows == null and .insert_missing != null' <<<"$OUT" >/dev/null || fail "$OUT"
wait "${background[-1]}"

step "names: odd ones, long ones that would be equal when cut, another encoding"
odd="\"a.b\".\"T \"\"x\"\"; -- ("$'\n'"y\""
long=$(printf 'ä%.0s' $(seq 31))
psql -X -q -d postgres -c "CREATE DATABASE latin ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
for db in shop latin; do
	sql $db -v ON_ERROR_STOP=1 >/dev/null <<-SQL
		SET client_encoding = UTF8;
		CREATE SCHEMA "a.b";
		CREATE TABLE $odd ("id""" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "wörd ; )" text DEFAULT 'é''); (' CHECK ("wörd ; )" <> 'INHERITS ('), UNIQUE ("wörd ; )"));
		INSERT INTO $odd ("wörd ; )") SELECT 'ü' || n FROM generate_series(1, 100) n;
		CREATE TABLE "${long}1" ("${long}1" int PRIMARY KEY);
		CREATE TABLE "${long}2" (i int);
		CREATE INDEX "${long}x" ON "${long}2" (i);
		CREATE INDEX "${long}y" ON "${long}2" (i);
		INSERT INTO "${long}1" VALUES (1);
		INSERT INTO "${long}2" VALUES (1), (2);
	SQL
	snapshot $db
	sql $db -c "DELETE FROM $odd WHERE \"id\"\"\" <= 60"
	expect 0 drtool restore "$ID" --into "dbname=$db" --table '"a.b".*' --table 'ä*' --json
	[ "$(jq -r '[.restored_tables[] | .rows] | sort | map(tostring) | join(" ")' <<<"$OUT")" = "1 2 100" ] || fail "$db: $OUT"
	[ "$(jq -r '.restored_tables[] | select(.rows == 100) | "\(.missing) \(.changed)"' <<<"$OUT")" = "60 0" ] || fail "$db: $OUT"
	[ "$(jq -r '[.restored_tables[] | .restored] | unique | length' <<<"$OUT")" = 3 ] || fail "$db: $OUT"
	for block in insert_missing overwrite sequences in_place drop; do
		[ $block != drop ] || continue
		jq -r ".restored_tables[] | select(.rows == 100) | .$block" <<<"$OUT" | PGCLIENTENCODING=UTF8 sql $db >/dev/null
	done
	[ "$(PGCLIENTENCODING=UTF8 sql $db -c "INSERT INTO $odd (\"wörd ; )\") VALUES ('neu') RETURNING \"id\"\"\"")" = 101 ] || fail "$db: the identity"
	expect 0 drtool restore "$ID" --into "dbname=$db" --table '"a.b".*' --schema "zwei ä" # the text form
	awk '/^y/ && before ~ /^--/ { exit 1 } { before = $0 }' <<<"$OUT" || fail "$db: a name breaks out of its comment"
done

step "row security of the live table hides nothing, and stays with it"
sql shop -c "ALTER TABLE events ENABLE ROW LEVEL SECURITY" -c "ALTER TABLE events FORCE ROW LEVEL SECURITY" -c "CREATE POLICY p ON events USING (id < 10)" -c "ALTER TABLE events OWNER TO guest" -c "GRANT CREATE ON SCHEMA public TO guest"
snapshot shop
expect 0 drtool restore "$ID" --into "dbname=shop user=guest" --table events --json
jq -e '.restored_tables[0] | .live_rows == null and (.in_place | contains("FORCE ROW LEVEL SECURITY") and contains("CREATE POLICY"))' <<<"$OUT" >/dev/null || fail "$OUT"
no_leftovers
