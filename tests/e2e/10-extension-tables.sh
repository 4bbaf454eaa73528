#!/bin/bash
# An extension's configuration tables: the user's rows travel, the extension's own do not come twice.
. "$(dirname "$0")/lib.sh"

server
install_extension
createdb source
sql source -c "CREATE SCHEMA ext" -c "CREATE EXTENSION $EXTENSION SCHEMA ext" -c "INSERT INTO ext.settings VALUES ('mine', E'it''s\nmine')" \
	-c "INSERT INTO ext.whole (what) SELECT 'row ' || g FROM generate_series(1, 20) g" -c "INSERT INTO ext.private VALUES (1)" -c "CREATE TABLE public.user_table AS SELECT ext.answer()" \
	-c "INSERT INTO ext.z_kinds VALUES ('a', 'one'), ('b', 'two')" -c "INSERT INTO ext.m_parts VALUES ('b')" -c "INSERT INTO ext.a_things VALUES ('a', 'b')"
snapshot source
of_source=$ID
verify_ok "$ID"
expect 0 drtool restore "$ID" --into "dbname=back"
same_databases source back
[ "$(sql back -c 'SELECT count(*) FROM ext.settings')" = 3 ] || fail "settings: $(sql back -c 'SELECT * FROM ext.settings')"
[ "$(sql back -c 'SELECT count(*), max(id) FROM ext.whole')" = "20|20" ] || fail "whole: $(sql back -c 'SELECT * FROM ext.whole')"
drtool cat "$ID" >"$T/cat.sql" 2>"$T/err" || fail "cat: $(cat "$T/err")"
dump source >"$T/source.sql"
same_as_cat "$T/source.sql" "$T/cat.sql"
createdb recovered
repo_copy
expect 0 sh "$ROOT/scripts/recover.sh" "$COPY" source latest "dbname=recovered"
same_databases source recovered

step "one of them alone: with its extension into a new database, refused beside the live one"
expect 0 drtool restore "$ID" --into "dbname=some" --table ext.settings
[ "$(sql some -c 'SELECT count(*) FROM ext.settings')" = 3 ] || fail "settings: $(sql some -c 'SELECT * FROM ext.settings')"
[ "$(sql some -c "SELECT count(*) FROM pg_class WHERE relname = 'user_table'")" = 0 ] || fail "more than was wanted"
expect 3 drtool restore "$ID" --into "dbname=source" --table ext.settings
error_says ext.settings "belongs to an extension"

step "an index that the extension's code makes of its configuration waits for the rows of that"
createdb reads
sql reads -c "CREATE SCHEMA ext" -c "CREATE EXTENSION $EXTENSION SCHEMA ext" -c "INSERT INTO ext.z_kinds VALUES ('a', 'one'), ('b', 'two')" \
	-c "CREATE TABLE t AS SELECT * FROM (VALUES ('a'), ('b')) v (kind)" -c "CREATE UNIQUE INDEX ON t (ext.says(kind))"
snapshot reads
expect 0 drtool restore "$ID" --into "dbname=read_again" --jobs 1
same_databases reads read_again

step "the extension's event triggers do not watch a restore"
createdb guarded
sql guarded -c "CREATE SCHEMA ext" -c "CREATE EXTENSION $EXTENSION SCHEMA ext" -c "CREATE TABLE t (id int PRIMARY KEY, v text)" -c "CREATE INDEX ON t (v)" \
	-c "CREATE TRIGGER nothing BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()" -c "INSERT INTO t VALUES (1, 'a')" -c "INSERT INTO ext.whole (what) VALUES ('guarded')"
is_guarded() { # DB
	run sql "$1" -c "CREATE INDEX ON t (v, id)"
	grep -q "guarded: CREATE INDEX" "$T/err" || fail "the guard of $1 sleeps: $(cat "$T/err")"
}
is_guarded guarded
snapshot guarded
verify_ok "$ID"
expect 0 drtool restore "$ID" --into "dbname=guarded_again"
same_databases guarded guarded_again
is_guarded guarded_again

step "what a statement needs may come later, whatever the server's word for that: internal error, deadlock"
createdb waits
sql waits -f - <<-'SQL'
	CREATE TABLE small AS SELECT 1 AS a; CREATE TABLE large AS SELECT g AS a FROM generate_series(1, 3000) g; CREATE TABLE larger AS SELECT g AS a FROM generate_series(1, 6000) g;
	CREATE FUNCTION f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
	CREATE FUNCTION needs(int, code text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
		IF pg_catalog.to_regclass('public.first') IS NULL THEN RAISE EXCEPTION 'not yet' USING ERRCODE = code; END IF; RETURN $1; END $$;
	CREATE INDEX first ON small (f(a)); CREATE INDEX second ON large (needs(a, 'XX000')); CREATE INDEX third ON larger (needs(a, '40P01'));
SQL
snapshot waits
expect 0 drtool restore "$ID" --into "dbname=waited" --jobs 1
same_databases waits waited

step "what cannot be made says why, where that lies in how restores work"
sql waits -c "CREATE FUNCTION g(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN f(\$1); END'"
run sql waits -c "CREATE INDEX lost ON small (g(a))"
if [ "$STATUS" = 0 ]; then
	snapshot waits
	expect 1 drtool restore "$ID" --into "dbname=waited_more"
	error_says "INDEX public.lost" "search_path"
	sql postgres -c "DROP DATABASE \"waited_more__restoring_$ID\""
else
	grep -q "f(integer) does not exist" "$T/err" || fail "$(cat "$T/err")"
	echo "(from PostgreSQL 17 on no index can be made that needs a search_path)"
fi

step "an extension that is made only in the database that a setting of its library names, and a library with workers"
if tied_extension; then
	createdb tied
	sql tied -c "CREATE EXTENSION ${EXTENSION}_tied"
	snapshot tied
	verify_ok "$ID"
	grep -q "${EXTENSION}_tied.* has background workers, which the scratch server does not start" "$T/err" || fail "$(cat "$T/err")"
	expect 1 drtool restore "$ID" --into "dbname=untied"
	error_says "EXTENSION ${EXTENSION}_tied" "only in tied"
	grep -q "^hint: .*tied to a database's name" "$T/err" || fail "no hint: $(cat "$T/err")"
	sql postgres -c "DROP DATABASE \"untied__restoring_$ID\"" -c "DROP DATABASE tied"
	createdb tied
	expect 0 drtool restore "$ID" --into "dbname=tied"
else
	echo "(not tried: such a library can be made for PostgreSQL 15 to 17 alone, and where its directory can be written)"
fi

step "a role that may not make the extension restores into a database where an administrator did; what else is there is still in the way"
sql postgres -c "CREATE ROLE dev LOGIN"
for db in owned prepared taken left; do
	createdb -O dev $db
	sql $db -c "CREATE EXTENSION $EXTENSION"
done
sql owned -c "SET ROLE dev" -c "CREATE TABLE t AS SELECT answer() AS a" -c "CREATE INDEX ON t (a)"
snapshot owned
PGUSER=dev expect 0 drtool restore "$ID" --into "dbname=prepared"
same_databases owned prepared
sql left -c "CREATE SCHEMA drtool_restoring"
PGUSER=dev expect 3 drtool restore "$ID" --into "dbname=left"
error_says "half filled" "$EXTENSION"
[ "$(sql left -c "SELECT count(*) FROM pg_extension WHERE extname = '$EXTENSION'")" = 1 ] || fail "it is gone"
expect 0 drtool restore "$ID" --into "dbname=left"
for mine in "TABLE mine ()" "SEQUENCE mine" "VIEW mine AS SELECT 1 AS a" "TYPE mine AS (a int)" "TYPE mine AS ENUM ('a')" "DOMAIN mine AS int" "FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'" "SCHEMA mine" \
	"COLLATION mine FROM \"C\"" "TEXT SEARCH CONFIGURATION mine (COPY = simple)"; do
	sql taken -c "CREATE $mine"
	expect 3 drtool restore "$ID" --into "dbname=taken"
	error_says "not empty" '"mine"'
	what=${mine%% mine*}
	sql taken -c "DROP $what mine"
done
sql taken -c "CREATE EXTENSION hstore"
expect 3 drtool restore "$ID" --into "dbname=taken"
error_says "not empty" hstore

step "another version of the extension brings a row that the snapshot has not: the proof differs, and says what to do"
echo "INSERT INTO settings VALUES ('newer', 'of another version');" >>"$EXTENSION_DIR/$EXTENSION--1.0.sql"
expect 6 drtool verify "$of_source"
grep -q "^differs: source/$of_source" <<<"$OUT" || fail "not seen: $OUT"
grep -q "settings" <<<"$OUT" || fail "the table is not named: $OUT"
grep -q "^hint: .*take another.*drtool show source/$of_source" "$T/err" || fail "no hint: $(cat "$T/err")"

step "nor does such a restore take the live database's place"
expect 6 drtool restore "$of_source" --replace "dbname=source" --confirm source --no-safety-snapshot
grep -q "settings: 1 rows, and 2 came back: its extension" "$T/err" || fail "$(cat "$T/err")"
sql postgres -c "DROP DATABASE \"source__restoring_$of_source\""

step "but where the new version calls that row its own, all is well"
sed -i "s/'WHERE NOT builtin'/'WHERE NOT builtin AND name <> ''newer'''/" "$EXTENSION_DIR/$EXTENSION--1.0.sql"
verify_ok "$of_source"

step "a server that cannot list its extensions, as when the control file of any is broken: said, and restored all the same"
view=$(sql postgres -c "SELECT rtrim(pg_get_viewdef('pg_available_extensions'), ';')")
PGOPTIONS="-c allow_system_table_mods=on" sql postgres -c "CREATE OR REPLACE VIEW pg_catalog.pg_available_extensions AS SELECT * FROM ($view) v WHERE 1 / (length(name) * 0) = 1"
expect 0 drtool restore "$of_source" --into "dbname=unlisted"
grep -q "^warning: the extensions that the server has cannot be listed and are not checked: .*division by zero" "$T/err" || fail "$(cat "$T/err")"
no_leftovers
